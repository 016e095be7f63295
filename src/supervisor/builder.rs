//! Options of a supervisor.

use super::{
    Shared, Supervisor,
    restarts::Restarts,
    task::{Active, Configure, Make, Options, Task},
};
use crate::{Client, Result, calls::Gate};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{Mutex, mpsc, watch};

/// How long calls under way may go on when their process is replaced.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Commands wait while a process starts; nobody sends many.
const COMMANDS: usize = 4;

/// Options of a [`Supervisor`]; [`start`](Self::start) starts the plugin.
#[must_use = "nothing is started before `start`"]
pub struct SupervisorBuilder {
    make: Make,
    options: Options,
}

impl SupervisorBuilder {
    pub(super) fn new(make: Make) -> Self {
        let options =
            Options { restarts: Restarts::default(), configure: None, drain_timeout: DRAIN_TIMEOUT };
        Self { make, options }
    }

    /// How long to wait before a process is started again: `first` after the first crash, twice as long after each further one
    /// within the [window](Self::max_restarts), at most `longest`. 100 milliseconds and 10 seconds by default.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.options.restarts.first, self.options.restarts.longest) = (first, longest);
        self
    }

    /// Gives the plugin up when it would have to be started again for the `max + 1`st time within `window`; 5 times in a minute by
    /// default. All calls fail then.
    pub fn max_restarts(mut self, max: usize, window: Duration) -> Self {
        (self.options.restarts.max, self.options.restarts.window) = (max, window);
        self
    }

    /// Has each new process, the first one too, configured before calls reach it. An error of `configure` counts as one of the
    /// start. Like a start it has no limit of its own but those of its calls.
    pub fn on_start<F, Fut>(mut self, configure: F) -> Self
    where
        F: Fn(Client) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let configure: Configure = Box::new(move |client| Box::pin(configure(client)));
        self.options.configure = Some(configure);
        self
    }

    /// How long calls under way may go on when their process is [replaced](Supervisor::replace); 30 seconds by default.
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.options.drain_timeout = limit;
        self
    }

    /// Starts the plugin.
    ///
    /// # Errors
    /// As [`ClientBuilder::start`](crate::ClientBuilder::start): the first start is not repeated.
    pub async fn start(self) -> Result<Supervisor> {
        let Self { make, options } = self;
        let client = options.start(&make).await?;
        let (gate, open) = watch::channel(Gate::Open(0));
        let active = Arc::new(Mutex::new(Active::new(client.clone(), 0, &open)));
        let (commands, queue) = mpsc::channel(COMMANDS);
        let task = Task::new(make, options, gate, Arc::clone(&active), client);
        // Ends with the last handle, or when the plugin is stopped or given up.
        tokio::spawn(task.run(queue));
        Ok(Supervisor(Arc::new(Shared { commands, gate: open, active })))
    }
}

impl fmt::Debug for SupervisorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder").field("restarts", &self.options.restarts).finish_non_exhaustive()
    }
}

//! The task that owns a supervised plugin.

use super::restarts::Restarts;
use crate::{
    Client, ClientBuilder, Error, ErrorKind, Result,
    calls::{Calls, Gate},
    host::Anchor,
};
use std::{
    pin::Pin,
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

/// How long a new process may take to make the objects that are in use. It was ready for calls before.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) type Make = Arc<dyn Fn() -> ClientBuilder + Send + Sync>;
pub(super) type Configure =
    Box<dyn Fn(Client) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// What handles ask of the task, and where the answer goes.
pub(super) enum Command {
    Replace(Make, oneshot::Sender<Result<()>>),
    Stop(oneshot::Sender<Result<()>>),
}

/// The process that calls go to.
pub(super) struct Active {
    pub(super) client: Client,
    pub(super) calls: Calls,
    pub(super) anchor: Anchor,
}

impl Active {
    pub(super) fn new(client: Client, generation: u64, gate: &watch::Receiver<Gate>) -> Self {
        let calls = client.supervised_calls(generation, gate);
        Self { anchor: Anchor::new(&client, &calls), client, calls }
    }
}

pub(super) struct Options {
    pub(super) restarts: Restarts,
    pub(super) configure: Option<Configure>,
    pub(super) drain_timeout: Duration,
}

impl Options {
    /// A process that is ready for calls.
    pub(super) async fn start(&self, make: &Make) -> Result<Client> {
        let client = make().start().await?;
        if let Some(configure) = &self.configure
            && let Err(error) = configure(client.clone()).await
        {
            let _ = client.kill().await;
            return Err(error);
        }
        Ok(client)
    }
}

pub(super) struct Task {
    make: Make,
    options: Options,
    gate: watch::Sender<Gate>,
    active: Arc<Mutex<Active>>,
    /// The one in `active`.
    client: Client,
    generation: u64,
    /// Old processes with calls under way.
    draining: JoinSet<()>,
}

/// What the task does next.
enum Next {
    Go,
    End,
}

impl Task {
    pub(super) fn new(
        make: Make,
        options: Options,
        gate: watch::Sender<Gate>,
        active: Arc<Mutex<Active>>,
        client: Client,
    ) -> Self {
        Self { make, options, gate, active, client, generation: 0, draining: JoinSet::new() }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let next = tokio::select! {
                status = self.client.exited() => self.crashed(status, &mut commands).await,
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => Next::End,
                },
                Some(_) = self.draining.join_next() => Next::Go,
            };
            if matches!(next, Next::End) {
                return;
            }
        }
    }

    async fn obey(&mut self, command: Command) -> Next {
        match command {
            Command::Replace(make, done) => {
                // Who asked may have gone; the plugin is replaced all the same.
                let _ = done.send(self.replace(make).await);
                Next::Go
            }
            Command::Stop(done) => {
                self.gate.send_replace(Gate::GaveUp("the plugin was stopped".into()));
                let _ = done.send(self.client.kill().await);
                Next::End
            }
        }
    }

    /// Starts the process again, as often as it takes and is allowed.
    async fn crashed(&mut self, status: Option<ExitStatus>, commands: &mut mpsc::Receiver<Command>) -> Next {
        self.gate.send_replace(Gate::Shut);
        let name = self.client.name().to_owned();
        let how = status.map_or_else(|| "unknown exit status".to_owned(), |status| status.to_string());
        let mut why = format!("the plugin process ended: {how}");
        loop {
            let Some(pause) = self.options.restarts.next(Instant::now()) else {
                error!(plugin = name, "{why}; it is given up");
                let Restarts { max, window, .. } = self.options.restarts;
                let text =
                    format!("{why}; it was started again {max} times within {window:?} and is given up");
                self.gate.send_replace(Gate::GaveUp(text.into()));
                return Next::End;
            };
            warn!(plugin = name, "{why}; it is started again in {pause:?}");
            tokio::select! {
                () = sleep(pause) => {}
                command = commands.recv() => match command {
                    // A better program than the one that crashes.
                    Some(Command::Replace(make, done)) => {
                        self.make = make;
                        let _ = done.send(Ok(()));
                    }
                    Some(Command::Stop(done)) => {
                        self.gate.send_replace(Gate::GaveUp("the plugin was stopped".into()));
                        let _ = done.send(Ok(()));
                        return Next::End;
                    }
                    None => return Next::End,
                },
            }
            let make = Arc::clone(&self.make);
            let taken_over = self.take_over(&make).await;
            #[cfg(feature = "metrics")]
            crate::host::metrics::restarted(&name, taken_over.is_ok());
            match taken_over {
                Ok(_) => {
                    info!(plugin = name, id = self.client.runner_id(), "plugin started again");
                    return Next::Go;
                }
                Err(error) => why = format!("the plugin cannot be started again: {error}"),
            }
        }
    }

    async fn replace(&mut self, make: Make) -> Result<()> {
        let (old, calls) = self.take_over(&make).await?;
        self.make = make;
        info!(plugin = self.client.name(), id = self.client.runner_id(), "plugin replaced");
        let limit = self.options.drain_timeout;
        self.draining.spawn(async move {
            if timeout(limit, calls.target.idle()).await.is_err() {
                warn!(plugin = old.name(), "calls to a replaced plugin were still under way after {limit:?}");
            }
            if let Err(error) = old.kill().await {
                error!(plugin = old.name(), %error, "plugin cannot be killed");
            }
        });
        Ok(())
    }

    /// Starts a process and leads everything to it. What was there before.
    async fn take_over(&mut self, make: &Make) -> Result<(Client, Calls)> {
        let client = self.options.start(make).await?;
        let generation = self.generation + 1;
        let calls = client.supervised_calls(generation, &self.gate.subscribe());
        let mut active = self.active.lock().await;
        let following = timeout(FOLLOW_TIMEOUT, active.anchor.follow(&client, &calls)).await;
        if let Err(error) = following.unwrap_or_else(|_| Err(too_slow())) {
            drop(active);
            let _ = client.kill().await;
            let text = format!("the objects of the plugin cannot go on with its new process: {error}");
            return Err(Error::new(ErrorKind::Unsupported, text).with_source(error));
        }
        let old = std::mem::replace(&mut active.client, client.clone());
        let old_calls = std::mem::replace(&mut active.calls, calls);
        drop(active);
        (self.client, self.generation) = (client, generation);
        self.gate.send_replace(Gate::Open(generation));
        Ok((old, old_calls))
    }
}

fn too_slow() -> Error {
    Error::new(ErrorKind::Timeout, format!("not all were made within {FOLLOW_TIMEOUT:?}"))
}

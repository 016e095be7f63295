//! The process that calls go to: whether it lives, how many calls it works on, and, if it has a supervisor, whether it is its turn.

use crate::{
    Error, ErrorKind, Result,
    process::{Exit, ExitWatch},
};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

/// How long a failed call waits to learn that, and how, the process ended. The connection breaks a moment before that is known.
const EXIT_GRACE: Duration = Duration::from_millis(500);

/// The process behind the objects of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    exit: Option<ExitWatch>,
    turn: Option<Turn>,
}

/// Whose turn it is, among the processes that follow each other under a supervisor.
#[derive(Clone, Debug)]
struct Turn {
    generation: u64,
    gate: watch::Receiver<Gate>,
    in_flight: Arc<InFlight>,
}

/// What a supervisor says of calls.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    /// They go to the process of this generation.
    Open(u64),
    /// They wait for the next process.
    Shut,
    /// There will be none.
    GaveUp(Arc<str>),
}

#[derive(Debug)]
struct InFlight {
    calls: AtomicUsize,
    ended: Notify,
    #[cfg(feature = "grpc")]
    exit: Option<ExitWatch>,
}

/// Knows how the process of a call ended, once it has.
#[derive(Clone, Debug)]
pub(crate) struct Obituary {
    exit: ExitWatch,
    /// Whether the process will be started again.
    supervised: bool,
}

impl Obituary {
    /// Says in the error of a call that its process died, if it did, and how.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Disconnected {
            return error;
        }
        let Ok(Some(exit)) = timeout(EXIT_GRACE, self.exit.seen()).await else { return error };
        let then =
            if self.supervised { ", and will be started again; this call is not repeated" } else { "" };
        because_of(exit, then, error)
    }
}

fn because_of(exit: Exit, then: &str, error: Error) -> Error {
    let text = format!("{error} (the plugin process ended: {exit}{then})");
    Error::new(ErrorKind::Disconnected, text).with_status(exit.status).with_source(error)
}

/// A call that the process works on, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entry(Option<Arc<InFlight>>);

impl Entry {
    fn new(in_flight: &Arc<InFlight>) -> Self {
        in_flight.calls.fetch_add(1, SeqCst);
        Self(Some(Arc::clone(in_flight)))
    }

    /// Of the process that works on the call.
    #[cfg(feature = "grpc")]
    pub(super) fn obituary(&self) -> Option<Obituary> {
        let exit = self.0.as_ref()?.exit.clone()?;
        Some(Obituary { exit, supervised: true })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(in_flight) = &self.0
            && in_flight.calls.fetch_sub(1, SeqCst) == 1
        {
            in_flight.ended.notify_waiters();
        }
    }
}

/// Whether a call may go to a target.
pub(crate) enum Admission {
    /// It may.
    Granted(Entry),
    /// Another one has its turn, if there is another one by now.
    Elsewhere,
}

impl Target {
    /// A process without a supervisor.
    pub(crate) fn process(exit: &ExitWatch) -> Self {
        Self { exit: Some(exit.clone()), turn: None }
    }

    /// The same process, the one of this generation under a supervisor.
    pub(crate) fn supervised(self, generation: u64, gate: watch::Receiver<Gate>) -> Self {
        let in_flight = InFlight {
            calls: AtomicUsize::new(0),
            ended: Notify::new(),
            #[cfg(feature = "grpc")]
            exit: self.exit.clone(),
        };
        Self { turn: Some(Turn { generation, gate, in_flight: Arc::new(in_flight) }), ..self }
    }

    /// Whether calls may have to wait.
    #[cfg(feature = "grpc")]
    pub(crate) fn is_supervised(&self) -> bool {
        self.turn.is_some()
    }

    /// Waits while calls are held back: for as long as the supervisor restarts the process, or `limit`.
    ///
    /// # Errors
    /// If there will be no process any more, or none in time.
    pub(crate) async fn admit(&self, limit: Option<Duration>) -> Result<Admission> {
        let Some(turn) = &self.turn else { return Ok(Admission::Granted(Entry(None))) };
        match limit {
            None => self.in_turn(turn).await,
            Some(limit) => timeout(limit, self.in_turn(turn)).await.unwrap_or_else(|_| {
                let text = format!("the plugin ended and was not running again within {limit:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }),
        }
    }

    async fn in_turn(&self, turn: &Turn) -> Result<Admission> {
        let mut gate = turn.gate.clone();
        loop {
            // Counted first, then looked: who ends this process looks the other way round.
            let entry = Entry::new(&turn.in_flight);
            let now = gate.borrow_and_update().clone();
            match now {
                Gate::Open(generation) if generation > turn.generation => return Ok(Admission::Elsewhere),
                Gate::Open(generation) if generation == turn.generation && !self.has_ended() => {
                    return Ok(Admission::Granted(entry));
                }
                // Objects are led to a new process a moment before its turn.
                Gate::Open(_) | Gate::Shut => {}
                Gate::GaveUp(why) => return Err(Error::new(ErrorKind::Disconnected, &*why)),
            }
            drop(entry);
            if gate.changed().await.is_err() {
                return Err(Error::new(ErrorKind::Shutdown, "the plugin's supervisor is gone"));
            }
        }
    }

    /// Of this process, if its end is seen.
    pub(super) fn obituary(&self) -> Option<Obituary> {
        Some(Obituary { exit: self.exit.clone()?, supervised: self.turn.is_some() })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.exit_now().is_some()
    }

    fn exit_now(&self) -> Option<Exit> {
        self.exit.as_ref()?.now()
    }

    /// Waits for the end of the process; for ever if nobody sees it.
    #[cfg(feature = "grpc")]
    pub(crate) async fn ended(&self) {
        if let Some(exit) = &self.exit
            && exit.seen().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }

    /// Waits until no call is under way here.
    pub(crate) async fn idle(&self) {
        let Some(turn) = &self.turn else { return };
        loop {
            let mut ended = pin!(turn.in_flight.ended.notified());
            ended.as_mut().enable();
            if turn.in_flight.calls.load(SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Says in an error that the process has died, and how, if that is known by now.
    #[cfg(feature = "grpc")]
    pub(crate) fn explain_now(&self, error: Error) -> Error {
        match self.exit_now() {
            Some(exit) => because_of(exit, "", error),
            None => error,
        }
    }

    /// [`Obituary::explain`], if there is one.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        match self.obituary() {
            Some(obituary) => obituary.explain(error).await,
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a call is admitted at once, and where.
    async fn admitted(target: &Target) -> Option<&'static str> {
        let limit = Duration::from_millis(20);
        match timeout(limit, target.admit(None)).await.ok()? {
            Ok(Admission::Granted(_)) => Some("here"),
            Ok(Admission::Elsewhere) => Some("elsewhere"),
            Err(_) => Some("never"),
        }
    }

    #[tokio::test]
    async fn calls_wait_for_the_turn_of_their_process() {
        let (gate, watch) = watch::channel(Gate::Open(1));
        let processes = [1, 2].map(|generation| Target::default().supervised(generation, watch.clone()));
        // Objects may be led to the second process before its turn: their calls wait, and are not sent back.
        for (state, first, second) in [
            (Gate::Open(1), Some("here"), None),
            (Gate::Shut, None, None),
            (Gate::Open(2), Some("elsewhere"), Some("here")),
            (Gate::GaveUp("enough".into()), Some("never"), Some("never")),
        ] {
            gate.send_replace(state.clone());
            assert_eq!(
                (admitted(&processes[0]).await, admitted(&processes[1]).await),
                (first, second),
                "{state:?}"
            );
        }
    }
}

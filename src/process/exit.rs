//! That a process ended, and how.

use std::{fmt, process::ExitStatus, sync::LazyLock};
use tokio::sync::watch;

/// How a plugin process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Absent where the system would not tell: the host ignores SIGCHLD, so the kernel reaped the process.
    pub(crate) status: Option<ExitStatus>,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => status.fmt(f),
            None => f.write_str("unknown exit status"),
        }
    }
}

/// Tells when a process has ended and been reaped; any number of clones may wait.
#[derive(Clone, Debug)]
pub(crate) struct ExitWatch(watch::Receiver<Option<Exit>>);

/// Keeps the watches of processes whose end is never seen from taking that for an end.
static NEVER: LazyLock<watch::Sender<Option<Exit>>> = LazyLock::new(|| watch::channel(None).0);

impl ExitWatch {
    pub(crate) fn new() -> (watch::Sender<Option<Exit>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// For a process whose end is not seen.
    pub(crate) fn never() -> Self {
        Self(NEVER.subscribe())
    }

    /// Waits for the end of the process; at once if it is over. Without a limit: that is what is being asked.
    pub(crate) async fn exited(&self) -> Exit {
        // None: the waiting thread ended without a word. It leaves no living process behind.
        self.seen().await.unwrap_or(Exit { status: None })
    }

    /// Waits for the end of the process to be seen; `None` if nobody looks any more.
    pub(crate) async fn seen(&self) -> Option<Exit> {
        let mut receiver = self.0.clone();
        receiver.wait_for(Option::is_some).await.ok().and_then(|exit| *exit)
    }

    /// How the process ended, if it has.
    pub(crate) fn now(&self) -> Option<Exit> {
        *self.0.borrow()
    }
}

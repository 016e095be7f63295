//! A plugin must not outlive its host, even one that crashed and could not say goodbye (go-plugin#210).

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::{future, io, time::Duration};
use tokio::sync::watch;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use system::Sentry;

/// What a plugin may still need to end in good order. Nobody is left who could wait for it.
const LAST_MEASURES: Duration = Duration::from_secs(5);

/// Notices the host's death, where there is something to notice it by.
pub(crate) struct HostWatch {
    gone: watch::Receiver<bool>,
    /// Dropping it ends the watch.
    _alive: system::Alive,
}

impl HostWatch {
    /// A watch, and what a thread has to poll for it, where it has no thread of its own. To be called while descriptor 2 is still
    /// what the host gave us: before the redirection.
    pub(crate) fn new() -> io::Result<(Self, Option<Sentry>)> {
        let (tell, gone) = watch::channel(false);
        let (alive, sentry) = system::watch(tell)?;
        Ok((Self { gone, _alive: alive }, sentry))
    }

    /// Waits for the host's death. Cancel safe; without a limit, as a host may live for ever.
    ///
    /// From then on the process has five seconds to end in good order, or at least to drop this value:
    /// otherwise it is made to exit, as blocked code may be all that is left of it.
    pub(crate) async fn host_gone(&self) {
        let mut gone = self.gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            future::pending().await // nothing to watch
        }
    }
}

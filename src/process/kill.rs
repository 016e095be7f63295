//! The end of a plugin, every step of it bounded.

use super::{Exit, Process, child::Signal, pipes::DRAIN_GRACE};
use std::{pin::pin, time::Duration};
use tokio::time::timeout;

/// How long each step of [`Process::kill`] may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KillLimits {
    /// For the request to close, which has a limit of its own, and ends a moment after that. Must be longer: what a plugin that has
    /// taken the request does until its end is not cut short by this.
    pub(crate) close: Duration,
    /// From an accepted request, with what the plugin still had to say, to the exit. Go: 2 s.
    pub(crate) exit: Duration,
    /// From SIGTERM to the exit; `None` leaves the step out, as Go does.
    pub(crate) terminate: Option<Duration>,
    /// From SIGKILL to the exit. Only a process stuck in the kernel takes noticeable time.
    pub(crate) reap: Duration,
}

impl Default for KillLimits {
    fn default() -> Self {
        let step = Duration::from_secs(2);
        Self { close: 2 * step, exit: step, terminate: None, reap: step }
    }
}

/// How long what an ended process has said may take to get through: its pipes are read for [`DRAIN_GRACE`], a raw
/// writer gets as much again, and the end of the connection, with the last output on it, is seen at once.
const LAST_WORDS: Duration = DRAIN_GRACE.saturating_mul(3);

/// What it took to end a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was over before.
    Already(Exit),
    /// It went when asked to.
    Gracefully(Exit),
    /// It went on SIGTERM.
    Terminated(Exit),
    /// It was killed.
    Killed(Exit),
    /// Not even SIGKILL ended it in time: it hangs in the kernel, or belongs to another user.
    /// It is still being waited for, and reaped when it ends.
    Unkillable,
}

impl Process {
    /// Ends the process: asks it to go with `close`, waits for it, sends SIGTERM if wanted, then SIGKILL; at last
    /// lets the tasks that read its output finish.
    ///
    /// `close` says whether the plugin took the request; it may also take in what came before the connection's
    /// end, and gets the time for it. A plugin that ends before its answer is through has taken it, too. Repeated and concurrent calls are fine. Cancel safe: the process is killed on drop.
    pub(crate) async fn kill(&self, close: impl Future<Output = bool>, limits: KillLimits) -> Ended {
        let ended = match self.exit().now() {
            Some(exit) => {
                let _ = timeout(LAST_WORDS, close).await;
                Ended::Already(exit)
            }
            None => self.end(close, limits).await,
        };
        self.last_words(ended).await
    }

    /// Ends a process that there is no way to ask: SIGKILL at once.
    pub(crate) async fn kill_now(&self) -> Ended {
        let limits = KillLimits::default();
        let ended = match self.exit().now() {
            Some(exit) => Ended::Already(exit),
            None => self.force(limits.reap).await,
        };
        self.last_words(ended).await
    }

    async fn last_words(&self, ended: Ended) -> Ended {
        if ended != Ended::Unkillable {
            self.heard_out().await;
        }
        ended
    }

    /// Waits until what a process that has ended wrote last is read.
    pub(crate) async fn heard_out(&self) {
        let _ = timeout(LAST_WORDS, self.tasks().wait()).await;
    }

    async fn end(&self, close: impl Future<Output = bool>, limits: KillLimits) -> Ended {
        let mut close = pin!(timeout(limits.close, close));
        let asked = tokio::select! {
            asked = &mut close => asked.unwrap_or(false),
            exit = self.exit().exited() => {
                let _ = timeout(LAST_WORDS, close).await;
                return Ended::Gracefully(exit);
            }
        };
        if asked && let Some(exit) = self.exits_within(limits.exit).await {
            return Ended::Gracefully(exit);
        }
        tracing::warn!(pid = self.id(), "plugin failed to exit gracefully");
        if let Some(limit) = limits.terminate
            && self.signal(Signal::Terminate).is_ok()
            && let Some(exit) = self.exits_within(limit).await
        {
            return Ended::Terminated(exit);
        }
        self.force(limits.reap).await
    }

    async fn force(&self, limit: Duration) -> Ended {
        if let Err(error) = self.signal(Signal::Kill) {
            tracing::error!(pid = self.id(), %error, "plugin cannot be killed");
        }
        self.exits_within(limit).await.map_or(Ended::Unkillable, Ended::Killed)
    }

    async fn exits_within(&self, limit: Duration) -> Option<Exit> {
        timeout(limit, self.exit().exited()).await.ok()
    }
}

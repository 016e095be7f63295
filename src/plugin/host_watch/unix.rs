//! The standard error pipe tells: its other end is the host's, whatever processes (a shell, a wrapper) stand between the two, and
//! closes with it.

use super::LAST_MEASURES;
use rustix::{
    event::{PollFd, PollFlags},
    fs::{FileType, fstat},
};
use std::{
    io::{self, PipeWriter},
    os::fd::{AsFd, OwnedFd},
    process,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Where poll does not wake up for a reader that has gone, it is asked again this often.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) type Alive = PipeWriter;

/// The end of a watch that looks. It is polled by a thread: a runtime may be blocked by what hangs on the host.
pub(crate) struct Sentry {
    stderr: OwnedFd,
    stop: OwnedFd,
    tell: watch::Sender<bool>,
    /// When the process is made to exit, now that the host is gone.
    exit: Option<Instant>,
}

/// If standard error is no pipe, nothing is noticed.
pub(super) fn watch(tell: watch::Sender<bool>) -> io::Result<(Alive, Option<Sentry>)> {
    let stderr = io::stderr().as_fd().try_clone_to_owned()?;
    let (stop, alive) = io::pipe()?;
    let kind = FileType::from_raw_mode(fstat(&stderr)?.st_mode);
    let watchable = matches!(kind, FileType::Fifo | FileType::Socket);
    let sentry = watchable.then_some(Sentry { stderr, stop: stop.into(), tell, exit: None });
    Ok((alive, sentry))
}

impl Sentry {
    /// What to poll next.
    pub(crate) fn interest(&self) -> impl Iterator<Item = PollFd<'_>> {
        // No events asked for: errors are always reported, and of a host that is gone for ever.
        let host = self.exit.is_none().then_some(&self.stderr);
        [Some(&self.stop), host].into_iter().flatten().map(|fd| PollFd::new(fd, PollFlags::empty()))
    }

    /// For how long at most.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.exit {
            Some(exit) => Some(exit.saturating_duration_since(Instant::now())),
            None => cfg!(not(target_os = "linux")).then_some(INTERVAL),
        }
    }

    /// Acts on what poll found for each [`interest`](Self::interest). False when the watch is over.
    pub(crate) fn heed(&mut self, events: &[PollFlags]) -> bool {
        match (events, self.exit) {
            ([stop, ..], _) if !stop.is_empty() => return false,
            (_, Some(exit)) if exit <= Instant::now() => process::exit(1),
            ([_, host], _) if !host.is_empty() => {
                self.exit = Some(Instant::now() + LAST_MEASURES);
                self.tell.send_replace(true);
            }
            _ => {}
        }
        true
    }
}

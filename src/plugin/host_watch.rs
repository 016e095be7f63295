//! A plugin must not outlive its host, even one that crashed and could not say goodbye (go-plugin#210).

#[cfg(not(unix))]
use std::future;
use std::io;

#[cfg(unix)]
pub(crate) use unix::Sentry;

/// Notices the host's death by the standard error pipe: its other end is the host's, whatever processes (a shell, a
/// wrapper) stand between the two, and closes with it. If standard error is no pipe, nothing is noticed.
pub(crate) struct HostWatch {
    #[cfg(unix)]
    inner: unix::Watch,
}

/// Nothing is watched there.
#[cfg(not(unix))]
pub(crate) struct Sentry;

impl HostWatch {
    /// A watch, and what a thread has to poll for it. To be called while descriptor 2 is still what the host gave us: before
    /// the redirection.
    pub(crate) fn new() -> io::Result<(Self, Option<Sentry>)> {
        #[cfg(unix)]
        {
            let (inner, sentry) = unix::watch()?;
            Ok((Self { inner }, sentry))
        }
        #[cfg(not(unix))]
        Ok((Self {}, None))
    }

    /// Waits for the host's death. Cancel safe; without a limit, as a host may live for ever.
    ///
    /// From then on the process has five seconds to end in good order, or at least to drop this value:
    /// otherwise it is made to exit, as blocked code may be all that is left of it.
    pub(crate) async fn host_gone(&self) {
        #[cfg(unix)]
        self.inner.gone().await;
        #[cfg(not(unix))]
        future::pending::<()>().await;
    }
}

#[cfg(unix)]
mod unix {
    use rustix::{
        event::{PollFd, PollFlags},
        fs::{FileType, fstat},
    };
    use std::{
        future,
        io::{self, PipeWriter},
        os::fd::{AsFd, OwnedFd},
        process,
        time::{Duration, Instant},
    };
    use tokio::sync::watch;

    /// What a plugin may still need to end in good order. Nobody is left who could wait for it.
    const LAST_MEASURES: Duration = Duration::from_secs(5);

    /// Where poll does not wake up for a reader that has gone, it is asked again this often.
    const INTERVAL: Duration = Duration::from_secs(1);

    pub(super) struct Watch {
        gone: watch::Receiver<bool>,
        /// Closing it ends the watch.
        _alive: PipeWriter,
    }

    /// The end of a watch that looks. It is polled by a thread: a runtime may be blocked by what hangs on the host.
    pub(crate) struct Sentry {
        stderr: OwnedFd,
        stop: OwnedFd,
        tell: watch::Sender<bool>,
        /// When the process is made to exit, now that the host is gone.
        exit: Option<Instant>,
    }

    pub(super) fn watch() -> io::Result<(Watch, Option<Sentry>)> {
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        let (stop, alive) = io::pipe()?;
        let (tell, gone) = watch::channel(false);
        let kind = FileType::from_raw_mode(fstat(&stderr)?.st_mode);
        let watchable = matches!(kind, FileType::Fifo | FileType::Socket);
        let sentry = watchable.then_some(Sentry { stderr, stop: stop.into(), tell, exit: None });
        Ok((Watch { gone, _alive: alive }, sentry))
    }

    impl Watch {
        pub(super) async fn gone(&self) {
            let mut gone = self.gone.clone();
            if gone.wait_for(|gone| *gone).await.is_err() {
                future::pending().await // nothing to watch
            }
        }
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
}

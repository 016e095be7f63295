//! A plugin must not outlive its host, even one that crashed and could not say goodbye (go-plugin#210).

#[cfg(not(unix))]
use std::future;
use std::io;

/// Notices the host's death by the standard error pipe: its other end is the host's, whatever processes (a shell, a
/// wrapper) stand between the two, and closes with it. If standard error is no pipe, nothing is noticed.
pub(crate) struct HostWatch {
    #[cfg(unix)]
    inner: unix::Watch,
}

impl HostWatch {
    /// Starts to watch. To be called while descriptor 2 is still what the host gave us: before the redirection.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            inner: unix::Watch::start()?,
        })
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
        event::{PollFd, PollFlags, Timespec, poll},
        fs::{FileType, fstat},
        io::Errno,
        pipe::{PipeFlags, pipe_with},
    };
    use std::{
        future, io,
        os::fd::{AsFd, OwnedFd},
        process, thread,
        time::{Duration, Instant},
    };
    use tokio::sync::watch;

    /// What a plugin may still need to end in good order. Nobody is left who could wait for it.
    pub(super) const LAST_MEASURES: Duration = Duration::from_secs(5);

    /// Where poll does not wake up for a reader that has gone, it is asked again this often.
    const INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

    /// It only waits, but at worst the process's exit handlers run on it.
    const THREAD_STACK: usize = 256 << 10;

    pub(super) struct Watch {
        gone: watch::Receiver<bool>,
        /// Closing it ends the thread.
        _alive: OwnedFd,
    }

    impl Watch {
        pub(super) fn start() -> io::Result<Self> {
            let stderr = io::stderr().as_fd().try_clone_to_owned()?;
            let (stop, alive) = pipe_with(PipeFlags::CLOEXEC)?;
            let (tell, gone) = watch::channel(false);
            let kind = FileType::from_raw_mode(fstat(&stderr)?.st_mode);
            if matches!(kind, FileType::Fifo | FileType::Socket) {
                let run = move || {
                    if !broken(&stderr, &stop) {
                        return;
                    }
                    tell.send_replace(true);
                    if !stopped_within(&stop, LAST_MEASURES) {
                        process::exit(1);
                    }
                };
                let thread = thread::Builder::new().name("plugin host watch".into()).stack_size(THREAD_STACK);
                thread.spawn(run)?;
            }
            Ok(Self { gone, _alive: alive })
        }

        pub(super) async fn gone(&self) {
            let mut gone = self.gone.clone();
            if gone.wait_for(|gone| *gone).await.is_err() {
                future::pending().await // nothing to watch
            }
        }
    }

    /// Waits until nobody reads `pipe` any more; false if `stop` is closed first.
    fn broken(pipe: &OwnedFd, stop: &OwnedFd) -> bool {
        let limit = cfg!(not(target_os = "linux")).then_some(&INTERVAL);
        loop {
            // No events asked for: errors are always reported.
            let mut fds = [PollFd::new(pipe, PollFlags::empty()), PollFd::new(stop, PollFlags::empty())];
            match poll(&mut fds, limit) {
                Ok(_) if !fds[1].revents().is_empty() => return false,
                Ok(_) if !fds[0].revents().is_empty() => return true,
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    fn stopped_within(stop: &OwnedFd, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok();
            let mut fds = [PollFd::new(stop, PollFlags::empty())];
            match poll(&mut fds, left.as_ref()) {
                Ok(0) => return false,
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return true,
            }
        }
    }
}

//! A process that somebody else started: found by its id, watched, never waited for.

use super::{Exit, ExitWatch, Process, child::Signal, handle::Body};
use std::io;
use tokio_util::task::TaskTracker;

impl Process {
    /// The process with this id, if there is one.
    pub(crate) fn find(id: u32) -> io::Result<Option<Self>> {
        let Some(mut found) = Found::find(id) else { return Ok(None) };
        let (ended, exit) = ExitWatch::new();
        found.watch(move || {
            tracing::debug!(pid = id, "reattached plugin process exited");
            // How it ended is told to its parent alone.
            ended.send_replace(Some(Exit { status: None }));
        })?;
        Ok(Some(Self::found(found, exit)))
    }

    /// A process that nothing is known about, and that is not to be touched.
    pub(crate) fn unknown(id: u32) -> Self {
        Self::found(Found::unchecked(id), ExitWatch::never())
    }

    fn found(found: Found, exit: ExitWatch) -> Self {
        let tasks = TaskTracker::new();
        tasks.close();
        Self::new(Body::Found(found), exit, tasks)
    }
}

#[cfg(unix)]
pub(super) use unix::Found;
#[cfg(windows)]
pub(super) use windows::Found;

#[cfg(unix)]
mod unix {
    use super::Signal;
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        io::Errno,
        process::{Pid, kill_process, test_kill_process},
    };
    use std::{
        io::{self, PipeReader, PipeWriter},
        os::fd::OwnedFd,
        sync::Arc,
        thread,
    };

    /// How often a process is looked for where the system does not tell when it ends. As in Go.
    const INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

    /// It only waits.
    const THREAD_STACK: usize = 128 << 10;

    pub(in super::super) struct Found {
        id: u32,
        /// The kernel's handle, where there is one: a signal never goes to another process that got the id later.
        pidfd: Option<Arc<OwnedFd>>,
        /// Closing it ends the thread that watches.
        alive: Option<PipeWriter>,
    }

    impl Found {
        pub(super) fn find(id: u32) -> Option<Self> {
            let pidfd = pidfd(id)?;
            Some(Self { pidfd, ..Self::unchecked(id) })
        }

        pub(super) fn unchecked(id: u32) -> Self {
            Self { id, pidfd: None, alive: None }
        }

        pub(in super::super) fn id(&self) -> u32 {
            self.id
        }

        /// Has `gone` called when the process has ended.
        pub(super) fn watch(&mut self, gone: impl FnOnce() + Send + 'static) -> io::Result<()> {
            let (stop, alive) = io::pipe()?;
            let (id, pidfd) = (self.id, self.pidfd.clone());
            let thread = thread::Builder::new().name(format!("plugin {id}")).stack_size(THREAD_STACK);
            thread.spawn(move || {
                if ended(id, pidfd.as_deref(), &stop) {
                    gone();
                }
            })?;
            self.alive = Some(alive);
            Ok(())
        }

        pub(in super::super) fn signal(&self, signal: Signal) -> io::Result<()> {
            match self.send(signal.into()) {
                Err(Errno::SRCH) => Ok(()), // it has ended
                sent => Ok(sent?),
            }
        }

        fn send(&self, signal: rustix::process::Signal) -> rustix::io::Result<()> {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            if let Some(fd) = &self.pidfd {
                return rustix::process::pidfd_send_signal(fd, signal);
            }
            kill_process(pid(self.id).ok_or(Errno::SRCH)?, signal)
        }
    }

    fn pid(id: u32) -> Option<Pid> {
        Pid::from_raw(id.try_into().ok()?)
    }

    /// Whether there is such a process, be it one that may not be signalled.
    fn exists(id: u32) -> bool {
        pid(id).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
    }

    /// `None` if there is no such process.
    fn pidfd(id: u32) -> Option<Option<Arc<OwnedFd>>> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::process::{PidfdFlags, pidfd_open};
            match pidfd_open(pid(id)?, PidfdFlags::empty()) {
                Ok(fd) => return Some(Some(fd.into())),
                Err(Errno::SRCH) => return None,
                Err(_) => {} // kernels before 5.3 and some sandboxes have none
            }
        }
        exists(id).then_some(None)
    }

    /// Waits until the process has ended; false if `stop` is closed first.
    fn ended(id: u32, pidfd: Option<&OwnedFd>, stop: &PipeReader) -> bool {
        let limit = pidfd.is_none().then_some(&INTERVAL);
        loop {
            let mut fds = vec![PollFd::new(stop, PollFlags::empty())];
            fds.extend(pidfd.map(|fd| PollFd::new(fd, PollFlags::IN)));
            match poll(&mut fds, limit) {
                Ok(_) if !fds[0].revents().is_empty() => return false,
                Ok(_) if fds.get(1).is_some_and(|fd| !fd.revents().is_empty()) => return true,
                Ok(_) if pidfd.is_none() && !exists(id) => return true,
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

#[cfg(windows)]
mod windows {
    use super::Signal;
    use crate::sys::windows::Process;
    use std::{
        io,
        sync::{Arc, Weak},
        thread,
        time::Duration,
    };

    /// How often the thread that watches looks whether it still has to.
    const INTERVAL: Duration = Duration::from_secs(1);

    /// It only waits.
    const THREAD_STACK: usize = 128 << 10;

    pub(in super::super) struct Found {
        id: u32,
        /// Absent for a process that may not be watched.
        process: Option<Arc<Process>>,
    }

    impl Found {
        pub(super) fn find(id: u32) -> Option<Self> {
            let process = match Process::open(id) {
                Ok(process) => Some(process?),
                Err(error) => {
                    tracing::debug!(pid = id, %error, "the process of the plugin cannot be watched");
                    None
                }
            };
            Some(Self { id, process: process.map(Arc::new) })
        }

        pub(super) fn unchecked(id: u32) -> Self {
            Self { id, process: None }
        }

        pub(in super::super) fn id(&self) -> u32 {
            self.id
        }

        /// Has `gone` called when the process has ended.
        pub(super) fn watch(&mut self, gone: impl FnOnce() + Send + 'static) -> io::Result<()> {
            let Some(process) = &self.process else {
                std::mem::forget(gone); // the end is never seen, and must not look like one
                return Ok(());
            };
            let process = Arc::downgrade(process);
            let thread = thread::Builder::new().name(format!("plugin {}", self.id)).stack_size(THREAD_STACK);
            thread.spawn(move || {
                if ended(&process) {
                    gone();
                }
            })?;
            Ok(())
        }

        pub(in super::super) fn signal(&self, signal: Signal) -> io::Result<()> {
            match (signal, &self.process) {
                (Signal::Kill, Some(process)) => process.end(),
                (Signal::Kill, None) => Err(io::ErrorKind::PermissionDenied.into()),
                (Signal::Terminate, _) => Err(io::ErrorKind::Unsupported.into()),
            }
        }
    }

    /// Waits until the process has ended; false if nobody wants to know any more.
    fn ended(process: &Weak<Process>) -> bool {
        while let Some(process) = process.upgrade() {
            match process.ended_within(INTERVAL) {
                Ok(true) => return true,
                Ok(false) => {}
                Err(_) => return false,
            }
        }
        false
    }
}

//! The process itself: waited for by one thread, signalled by anyone, never confused with another one.

use super::{Exit, socket::SocketFile};
use std::{
    io,
    path::Path,
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

/// The two ways to ask a process to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGTERM; systems without signals have no such request.
    Terminate,
    /// SIGKILL, `TerminateProcess`.
    Kill,
}

/// The owner's end of a child.
pub(super) struct KillOnDrop {
    child: Arc<Child>,
    /// The kernel kills it when this process ends.
    bound: bool,
    leave: AtomicBool,
}

impl KillOnDrop {
    pub(super) fn new(child: &Arc<Child>, bound: bool) -> Self {
        Self { child: Arc::clone(child), bound, leave: AtomicBool::new(false) }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id
    }

    pub(super) fn owns_socket(&self, path: &Path) {
        self.child.socket().note(path);
    }

    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        self.child.signal(signal)
    }

    /// Lets it live, if it can.
    pub(super) fn detach(&self) -> bool {
        self.leave.store(!self.bound, SeqCst);
        !self.bound
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if self.leave.load(SeqCst) {
            return;
        }
        // Fails only where there is nothing left to kill, or no right to: nothing to do about either.
        let _ = self.child.signal(Signal::Kill);
    }
}

/// The child, shared between its waiting thread and its owner.
pub(super) struct Child {
    id: u32,
    /// Reaping and signalling exclude each other: until it is reaped, the process id is this process's.
    state: Mutex<State>,
    socket: Mutex<SocketFile>,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pidfd: Option<std::os::fd::OwnedFd>,
}

struct State {
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    process: process::Child,
    reaped: bool,
}

impl Child {
    /// Takes over a process that std has started, without its pipes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn new(process: process::Child) -> Self {
        Self::known(process.id(), None)
    }

    /// Takes over a process that std has started, without its pipes.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn new(process: process::Child) -> Self {
        let (id, socket) = (process.id(), Mutex::default());
        Self { id, state: Mutex::new(State { process, reaped: false }), socket }
    }

    pub(super) fn socket(&self) -> MutexGuard<'_, SocketFile> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until the process has ended, and reaps it. For the one thread that owns the waiting.
    pub(super) fn wait(&self) -> Exit {
        self.wait_for_end();
        let mut state = self.state();
        let status = self.reap(&mut state).ok();
        state.reaped = true;
        Exit { status }
    }

    /// Sends the signal unless the process has been reaped, which is no error.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        let mut state = self.state();
        if state.reaped {
            return Ok(());
        }
        self.send(&mut state, signal)
    }

    /// Elsewhere there is no way to wait without taking the status, and with it the process id, from under a
    /// signal: look every few milliseconds.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn wait_for_end(&self) {
        #[cfg(windows)] // unless there are handles
        if self.handle().and_then(|handle| crate::sys::windows::wait_for_end(&handle)).is_ok() {
            return;
        }
        const INTERVAL: std::time::Duration = std::time::Duration::from_millis(10);
        while let Ok(None) = self.state().process.try_wait() {
            std::thread::sleep(INTERVAL);
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn reap(&self, state: &mut State) -> io::Result<process::ExitStatus> {
        state.process.wait()
    }

    #[cfg(windows)]
    fn handle(&self) -> io::Result<std::os::windows::io::OwnedHandle> {
        std::os::windows::io::AsHandle::as_handle(&self.state().process).try_clone_to_owned()
    }

    #[cfg(not(unix))]
    fn send(&self, state: &mut State, signal: Signal) -> io::Result<()> {
        match signal {
            Signal::Kill => state.process.kill(),
            Signal::Terminate => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    fn send(&self, _: &mut State, signal: Signal) -> io::Result<()> {
        let pid = unix_pid(self.id).ok_or(io::ErrorKind::NotFound)?;
        Ok(rustix::process::kill_process(pid, signal.into())?)
    }
}

#[cfg(unix)]
fn unix_pid(id: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(id.try_into().ok()?)
}

#[cfg(unix)]
impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Terminate => Self::TERM,
            Signal::Kill => Self::KILL,
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use super::{Child, Signal, State, unix_pid};
    use rustix::{
        io::{Errno, retry_on_intr},
        process::{
            PidfdFlags, WaitId, WaitIdOptions, WaitOptions, kill_process, pidfd_open, pidfd_send_signal,
            waitid, waitpid,
        },
    };
    use std::{
        io,
        os::{
            fd::{AsFd, OwnedFd},
            unix::process::ExitStatusExt,
        },
        process::ExitStatus,
        sync::Mutex,
    };

    /// A descriptor names this process for ever, even if the host ignores SIGCHLD and the kernel reaps it behind
    /// our back. Kernels before 5.3 and some sandboxes have none.
    fn pidfd(id: u32) -> Option<OwnedFd> {
        pidfd_open(unix_pid(id)?, PidfdFlags::empty()).ok()
    }

    impl Child {
        #[cfg(target_os = "linux")]
        pub(in super::super) fn born(born: crate::sys::Born) -> Self {
            Self::known(born.id.as_raw_nonzero().get().unsigned_abs(), born.handle)
        }

        pub(super) fn known(id: u32, handle: Option<OwnedFd>) -> Self {
            let (state, socket) = (State { reaped: false }.into(), Mutex::default());
            Self { id, state, socket, pidfd: handle.or_else(|| pidfd(id)) }
        }

        pub(super) fn reap(&self, _: &mut State) -> io::Result<ExitStatus> {
            let id = unix_pid(self.id).ok_or(io::ErrorKind::NotFound)?;
            let ended = retry_on_intr(|| waitpid(Some(id), WaitOptions::empty()))?;
            let (_, status) = ended.ok_or(io::ErrorKind::WouldBlock)?;
            Ok(ExitStatus::from_raw(status.as_raw()))
        }

        pub(super) fn wait_for_end(&self) {
            let by_fd = self.pidfd.as_ref().map(|fd| WaitId::PidFd(fd.as_fd()));
            // Kernels before 5.4 open such descriptors but do not wait for them.
            let by_id = unix_pid(self.id).map(WaitId::Pid);
            for id in by_fd.into_iter().chain(by_id) {
                loop {
                    match waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                        Ok(_) => return,
                        Err(Errno::INTR) => {}
                        Err(_) => break,
                    }
                }
            }
            // Neither way: the host ignores SIGCHLD, so the kernel has reaped the process.
        }

        pub(super) fn send(&self, _: &mut State, signal: Signal) -> io::Result<()> {
            match (&self.pidfd, unix_pid(self.id)) {
                (Some(fd), _) => pidfd_send_signal(fd, signal.into())?,
                (None, Some(pid)) => kill_process(pid, signal.into())?,
                (None, None) => return Err(io::ErrorKind::NotFound.into()),
            }
            Ok(())
        }
    }
}

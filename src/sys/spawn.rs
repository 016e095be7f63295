//! Starting a process without copying this one's page tables.
//!
//! A child of `fork` gets a copy of them, which takes the longer the more memory this process has, and then every page that either
//! writes to is copied, too. A child of `vfork` borrows the memory, while the thread that makes it waits, until it has become
//! another program. std does that, through `posix_spawn`, but only for commands without anything to do between the two, and a
//! child can only ask for itself to end with its parent. So this is `posix_spawn` with that request, made as the C libraries make theirs.

use super::{Image, parent};
use rustix::process::{Pid, WaitOptions, getpid, waitpid};
use std::{
    ffi::{CStr, c_int, c_void},
    io,
    mem::{self, MaybeUninit},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
    sync::atomic::{AtomicI32, Ordering::SeqCst},
};

/// What the child is to be.
pub(crate) struct Plan<'a> {
    pub(crate) image: &'a Image,
    pub(crate) directory: Option<&'a CStr>,
    /// What its standard input, output and error are; this process's own where absent.
    pub(crate) stdio: [Option<BorrowedFd<'a>>; 3],
    /// Whether it ends with the calling *thread*: see [`end_with_parent`](super::end_with_parent).
    pub(crate) end_with_parent: bool,
}

/// A process that executes its program.
pub(crate) struct Born {
    pub(crate) id: Pid,
    /// Names the process; none from kernels before 5.2.
    pub(crate) handle: Option<OwnedFd>,
}

/// Starts the process. Like a child of std's, it has no signal blocked, and SIGPIPE kills it.
///
/// Blocks until the program is executed: a file system that hangs holds the calling thread, as it does with `posix_spawn`.
pub(crate) fn spawn(plan: &Plan<'_>) -> io::Result<Born> {
    /// The child makes a few plain system calls. The C library's own `posix_spawn` counts on 32 KiB and the arguments.
    const STACK: usize = 32 << 10;

    #[repr(align(16))]
    struct Stack(MaybeUninit<[u8; STACK]>);

    let mut stack = Stack(MaybeUninit::uninit());
    let mut handle: RawFd = -1;
    let task = Task { plan, parent: getpid(), error: AtomicI32::new(0) };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let blocked = AllSignalsBlocked::new()?;
    // SAFETY: the child runs in this process's memory on a stack of its own, whose upper end it gets, aligned as the machines want it.
    // `CLONE_VFORK` has this thread wait until the child executes its program or ends, so that all that it borrows outlives it. No
    // handler of a signal runs in it, since all are blocked in it and reset before they are not. It keeps to what is async-signal-safe,
    // and what it does to `errno` it does to this thread's, which waits. It does not unwind.
    let id = unsafe {
        libc::clone(
            child,
            stack.0.as_mut_ptr().add(1).cast(),
            flags,
            ptr::from_ref(&task).cast_mut().cast(),
            &raw mut handle,
        )
    };
    let refused = io::Error::last_os_error();
    drop(blocked);
    let Some(id) = Pid::from_raw(id).filter(|_| id > 0) else { return Err(refused) };
    // SAFETY: the kernel has just opened it for this process.
    let handle = (handle >= 0).then(|| unsafe { OwnedFd::from_raw_fd(handle) });
    match task.error.load(SeqCst) {
        0 => Ok(Born { id, handle }),
        error => {
            // It has ended: nothing to wait for but the kernel's note of it.
            let _ = rustix::io::retry_on_intr(|| waitpid(Some(id), WaitOptions::empty()));
            Err(io::Error::from_raw_os_error(error))
        }
    }
}

/// What the child borrows.
struct Task<'a> {
    plan: &'a Plan<'a>,
    parent: Pid,
    /// Why there is no program.
    error: AtomicI32,
}

/// The child, in its parent's memory: whatever it changes there stays changed.
extern "C" fn child(task: *mut c_void) -> c_int {
    /// As of a shell that cannot start a program; nobody sees it.
    const NOT_STARTED: c_int = 127;

    // SAFETY: `spawn` passes its own, and waits.
    let task = unsafe { &*task.cast::<Task<'_>>() };
    let error = match task.prepare() {
        Ok(()) => task.plan.image.replace(),
        Err(error) => error,
    };
    // Errors of the system all have a number.
    task.error.store(error.raw_os_error().unwrap_or(libc::EINVAL), SeqCst);
    NOT_STARTED
}

impl Task<'_> {
    /// All that must be async-signal-safe, as it is: system calls and arithmetic.
    fn prepare(&self) -> io::Result<()> {
        reset_signals();
        if self.plan.end_with_parent {
            parent::bind(self.parent)?;
        }
        if let Some(directory) = self.plan.directory {
            // SAFETY: a string that ends with a zero.
            check(unsafe { libc::chdir(directory.as_ptr()) })?;
        }
        for (to, from) in (0..).zip(&self.plan.stdio) {
            if let Some(from) = from {
                // SAFETY: it touches the child's table of descriptors only. `from` is none of the three.
                check(unsafe { libc::dup2(from.as_raw_fd(), to) })?;
            }
        }
        set_blocked(&signals(libc::sigemptyset))
    }
}

/// Has every signal that this process handles do what it does by default: an exec would, but too late for one that comes before
/// it. SIGPIPE, which Rust programs ignore, too, as std does for children.
fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: all zeros are a valid action, the default one. The C library refuses the signals that are its own or
        // cannot be handled, which leaves the action as it is.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            libc::sigaction(signal, ptr::null(), &raw mut action);
            let kept = action.sa_sigaction == libc::SIG_IGN && signal != libc::SIGPIPE;
            if action.sa_sigaction != libc::SIG_DFL && !kept {
                libc::sigaction(signal, &mem::zeroed(), ptr::null_mut());
            }
        }
    }
}

/// Keeps signals from this thread, and from a child it makes.
struct AllSignalsBlocked {
    before: libc::sigset_t,
}

impl AllSignalsBlocked {
    fn new() -> io::Result<Self> {
        let mut before = signals(libc::sigemptyset);
        // SAFETY: two sets of this function.
        let error =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &signals(libc::sigfillset), &raw mut before) };
        if error == 0 { Ok(Self { before }) } else { Err(io::Error::from_raw_os_error(error)) }
    }
}

impl Drop for AllSignalsBlocked {
    fn drop(&mut self) {
        // Fails only for a first argument that there is not.
        let _ = set_blocked(&self.before);
    }
}

fn set_blocked(signals: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: a set that the caller has; nobody asks for the one before.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, signals, ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn signals(fill: unsafe extern "C" fn(*mut libc::sigset_t) -> c_int) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: both of the functions that are passed initialize the set, and cannot fail.
    unsafe {
        fill(set.as_mut_ptr());
        set.assume_init()
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

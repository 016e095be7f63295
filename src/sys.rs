//! What std offers only behind `unsafe`, in one place: a hook between fork and exec, and `atexit`.
#![allow(unsafe_code)]

use std::process::Command;

/// An open program, complete for the system's call to execute it.
#[cfg(target_os = "linux")]
pub(crate) struct Image {
    pub(crate) file: std::os::fd::OwnedFd,
    /// Whether the program gets the descriptor too.
    pub(crate) inherited: bool,
    /// The program's name first.
    pub(crate) arguments: Vec<std::ffi::CString>,
    /// `NAME=VALUE`.
    pub(crate) environment: Vec<std::ffi::CString>,
}

/// Has `command` execute the image in place of the program that it names; everything else that it sets up for the child stays. std
/// starts programs by path only, and a command's program cannot be changed.
#[cfg(target_os = "linux")]
pub(crate) fn execute(command: &mut Command, image: Image) {
    use std::{
        ffi::{CString, c_char},
        io,
        os::{fd::AsRawFd, unix::process::CommandExt},
        ptr,
    };

    /// Pointers into the strings beside them, for C.
    struct Block {
        pointers: Vec<*const c_char>,
        _strings: Vec<CString>,
    }
    // SAFETY: the strings are never changed, and their bytes stay where they are when the block moves.
    unsafe impl Send for Block {}
    // SAFETY: as above; the pointers are only read through.
    unsafe impl Sync for Block {}
    impl Block {
        fn new(strings: Vec<CString>) -> Self {
            let pointers = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
            Self { pointers, _strings: strings }
        }

        fn start(&self) -> *const *const c_char {
            self.pointers.as_ptr()
        }
    }

    let Image { file, inherited, arguments, environment } = image;
    let (arguments, environment) = (Block::new(arguments), Block::new(environment));
    let hook = move || {
        let file = file.as_raw_fd();
        // SAFETY: an open descriptor of this closure; the lists end with a null pointer and live as long as it. On
        // success nothing returns.
        unsafe {
            if inherited && libc::fcntl(file, libc::F_SETFD, 0) == -1 {
                return Err(io::Error::last_os_error());
            }
            libc::fexecve(file, arguments.start(), environment.start());
        }
        Err(io::Error::last_os_error())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed. `fcntl` and `fexecve` are, by POSIX; the
    // hook allocates nothing and takes no lock.
    unsafe { command.pre_exec(hook) };
}

/// Has the kernel kill the child when the *thread* that starts it ends, and so also when the process does.
///
/// The kernel remembers the thread that forked, not its process: start the command from a thread that
/// outlives the child. A set-user-ID program loses the setting when it is executed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn end_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    use std::{io, os::unix::process::CommandExt};

    let parent = getpid();
    let hook = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Died before the line above took effect? No parent at all means one outside our PID namespace.
        match getppid() {
            Some(now) if now != parent => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            _ => Ok(()),
        }
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed. The hook makes two plain system
    // calls, allocates nothing, takes no lock and touches no state of the parent but a copied number.
    unsafe { command.pre_exec(hook) };
}

/// Other systems have no such signal; there our own plugins watch their parent themselves.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn end_with_parent(_: &mut Command) {}

/// Has `handler` run when the process ends by `exit` or by returning from `main`. It must not panic.
#[cfg(unix)]
pub(crate) fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler is a plain function of this program that lives as long as it. A refusal (no memory)
    // only means that the handler does not run.
    unsafe { libc::atexit(handler) };
}

//! What a child executes: a program by its path or by a descriptor, with arguments and environment.

use std::{
    ffi::{CString, c_char},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
    ptr,
};

pub(crate) struct Image {
    pub(crate) program: Executable,
    /// The program's name first.
    pub(crate) arguments: Block,
    /// `NAME=VALUE`.
    pub(crate) environment: Block,
}

pub(crate) enum Executable {
    Path(CString),
    /// An open program, and whether it gets the descriptor, too.
    Open {
        file: OwnedFd,
        inherited: bool,
    },
}

/// Strings, and the list of pointers to them that C wants, with a null pointer at its end.
pub(crate) struct Block {
    pointers: Vec<*const c_char>,
    _strings: Vec<CString>,
}

// SAFETY: the strings are never changed, and their bytes stay where they are when the block moves.
unsafe impl Send for Block {}
// SAFETY: as above; the pointers are only read through.
unsafe impl Sync for Block {}

impl From<Vec<CString>> for Block {
    fn from(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
        Self { pointers, _strings: strings }
    }
}

impl Image {
    /// Replaces the calling process; returns why it could not. Async-signal-safe: nothing is allocated, no lock is taken.
    pub(super) fn replace(&self) -> io::Error {
        let (arguments, environment) = (self.arguments.pointers.as_ptr(), self.environment.pointers.as_ptr());
        // SAFETY: an open descriptor or a string of this value; the lists end with a null pointer and live as long as it.
        // `fcntl`, `fexecve` and `execve` are async-signal-safe by POSIX.
        unsafe {
            match &self.program {
                Executable::Path(path) => libc::execve(path.as_ptr(), arguments, environment),
                Executable::Open { file, inherited } => {
                    if *inherited && libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) == -1 {
                        return io::Error::last_os_error();
                    }
                    libc::fexecve(file.as_raw_fd(), arguments, environment)
                }
            };
        }
        io::Error::last_os_error()
    }
}

/// Has `command` execute the image in place of the program that it names; everything else that it sets up for the child stays. std
/// starts programs by path only, and a command's program cannot be changed.
pub(crate) fn execute(command: &mut Command, image: Image) {
    // SAFETY: between fork and exec only async-signal-safe work is allowed, as this is.
    unsafe { command.pre_exec(move || Err(image.replace())) };
}

//! What std offers only behind `unsafe`, or not at all: what happens between the making of a process and its program, `atexit`, and
//! Windows' calls about other processes.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
mod image;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod parent;
#[cfg(target_os = "linux")]
mod spawn;
#[cfg(windows)]
pub(crate) mod windows;

#[cfg(target_os = "linux")]
pub(crate) use image::{Executable, Image, execute};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use parent::end_with_parent;
#[cfg(target_os = "linux")]
pub(crate) use spawn::{Born, Plan, spawn};

/// Other systems have no such signal: Windows has jobs, and everywhere our own plugins watch their host themselves.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn end_with_parent(_: &mut std::process::Command) {}

/// Has `handler` run when the process ends by `exit` or by returning from `main`. It must not panic.
#[cfg(unix)]
pub(crate) fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler is a plain function of this program that lives as long as it. A refusal (no memory)
    // only means that the handler does not run.
    unsafe { libc::atexit(handler) };
}

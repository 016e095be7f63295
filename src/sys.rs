//! What std offers only behind `unsafe`, in one place: a hook between fork and exec, and `atexit`.
#![allow(unsafe_code)]

use std::process::Command;

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

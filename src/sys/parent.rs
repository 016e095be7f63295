//! A child that ends with the process that started it.

use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use std::{io, os::unix::process::CommandExt, process::Command};

/// Has the kernel kill the child when the *thread* that starts it ends, and so also when the process does.
///
/// The kernel remembers the thread that forked, not its process: start the command from a thread that
/// outlives the child. A set-user-ID program loses the setting when it is executed.
pub(crate) fn end_with_parent(command: &mut Command) {
    let parent = getpid();
    // SAFETY: between fork and exec only async-signal-safe work is allowed. So is `bind`.
    unsafe { command.pre_exec(move || bind(parent)) };
}

/// To be called in the child. Makes two plain system calls, allocates nothing, takes no lock and touches no state of the
/// parent but a copied number.
pub(super) fn bind(parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Died before the line above took effect? No parent at all means one outside our PID namespace.
    match getppid() {
        Some(now) if now != parent => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        _ => Ok(()),
    }
}

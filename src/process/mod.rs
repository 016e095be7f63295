//! A plugin's operating system process, as its host sees it: environment, start, watch, output, end.
//!
//! ```text
//!            ┌ thread "plugin NAME": spawn, wait, reap, remove the socket file
//! Launch ──► Process ── exited() · kill() · drop = SIGKILL
//!            ├ task: stdout ── first line ──► Stdout::first_line, the rest is thrown away
//!            └ task: stderr ── Sink (log lines), optional raw writer
//! ```
//!
//! The thread that starts a plugin is the thread that waits for it. So the parent-death signal, which follows
//! that thread, cannot fire early; the exit is seen even if a grandchild keeps the pipes; and the
//! process is reaped and its socket file removed even when the runtime is gone.

mod attached;
#[cfg(target_os = "linux")]
mod borrowing;
mod child;
mod child_pipe;
mod command;
mod diagnose;
mod env;
mod exit;
mod found;
mod handle;
mod handover;
#[cfg(target_os = "linux")]
mod image;
mod kill;
mod launch;
mod pipes;
mod socket;
mod socket_dir;
mod spawn;
mod tail;
mod verified;

pub(crate) use attached::{spec as runner_spec, start as start_runner};
pub use command::PluginCommand;

pub(crate) use diagnose::diagnose;
pub(crate) use env::HostEnv;
pub(crate) use exit::{Exit, ExitWatch};
pub(crate) use handle::Process;
pub(crate) use kill::{Ended, KillLimits};
pub(crate) use launch::{Launch, Started};
pub(crate) use pipes::{FirstLine, Sink, Stdout};
pub(crate) use tail::Tail;

#[cfg(all(test, unix))]
mod tests;

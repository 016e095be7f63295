//! A plugin's process, whoever started it, and the tasks around it.

use super::{
    ExitWatch,
    attached::Attached,
    child::{KillOnDrop, Signal},
    found::Found,
};
use std::{io, path::Path};
use tokio_util::task::TaskTracker;

/// A running (or ended) plugin process. Dropping it kills what was started here, and leaves alone what was not.
pub(crate) struct Process {
    body: Body,
    exit: ExitWatch,
    tasks: TaskTracker,
}

pub(super) enum Body {
    /// A child of ours.
    Child(KillOnDrop),
    /// Somebody else's process.
    Found(Found),
    /// Something that the user's code runs.
    Attached(Attached),
}

impl Process {
    pub(super) fn new(body: Body, exit: ExitWatch, tasks: TaskTracker) -> Self {
        Self { body, exit, tasks }
    }

    /// The process id; 0 for what is no process of this system.
    pub(crate) fn id(&self) -> u32 {
        match &self.body {
            Body::Child(child) => child.id(),
            Body::Found(found) => found.id(),
            Body::Attached(_) => 0,
        }
    }

    /// What names it: the process id, or what its runner says.
    pub(crate) fn runner_id(&self) -> String {
        match &self.body {
            Body::Attached(attached) => attached.id(),
            _ => self.id().to_string(),
        }
    }

    /// Tells when the process has ended; independent of this value's life.
    pub(crate) fn exit(&self) -> &ExitWatch {
        &self.exit
    }

    /// Has the plugin's socket, as named in its handshake, removed after the process, if the plugin does not do
    /// it: a killed one cannot. Removed is only what is still the same socket and has nobody listening. Only for what
    /// was started here.
    pub(crate) fn owns_socket(&self, path: &Path) {
        if let Body::Child(child) = &self.body {
            child.owns_socket(path);
        }
    }

    /// Lets the process live when this is dropped. Whether it can: not if the kernel ends it with this host.
    pub(crate) fn detach(&self) -> bool {
        match &self.body {
            Body::Child(child) => child.detach(),
            Body::Found(_) => true,
            Body::Attached(attached) => attached.detach(),
        }
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Runners know no SIGTERM.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        match &self.body {
            Body::Child(child) => child.signal(signal),
            Body::Found(found) => found.signal(signal),
            Body::Attached(_) if signal == Signal::Terminate => Err(io::ErrorKind::Unsupported.into()),
            Body::Attached(attached) => {
                attached.kill();
                Ok(())
            }
        }
    }
}

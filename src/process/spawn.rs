//! Making the process, on the thread that is to wait for it.

use super::{child::Child, verified};
use crate::{Checksum, Error, sys};
use std::{
    fs::File,
    io,
    process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

/// How often, and how far apart at first, a start is tried again while the program's file is open for writing.
/// That is over in a moment: a file just written here is still held by a child that another thread is about to
/// start, between its fork and its exec (golang/go#22315).
const BUSY_RETRIES: u32 = 6;
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// All that a process is made from.
pub(super) struct Start {
    pub(super) command: Command,
    /// Program, arguments, environment and directory are all there is to the command.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "std starts every command"))]
    pub(super) plain: bool,
    /// Whether the process ends with the thread that starts it, where the kernel can do that.
    pub(super) end_with_host: bool,
    pub(super) checksum: Option<Checksum>,
    /// Whether standard input is a pipe from here, and not what the command says.
    pub(super) stdin: bool,
    /// Where standard error goes, if not into a pipe to here.
    pub(super) stderr: Option<File>,
}

/// A process, and this host's ends of its pipes.
pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

/// Why there is no process.
pub(super) enum SpawnError {
    System(io::Error),
    Checksum(Error),
}

impl From<io::Error> for SpawnError {
    fn from(cause: io::Error) -> Self {
        Self::System(cause)
    }
}

impl Start {
    /// A command of ours, unchanged, and all pipes but standard input's.
    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn plain(command: Command) -> Self {
        let (stdin, stderr, checksum) = (false, None, None);
        Self { command, plain: true, end_with_host: true, checksum, stdin, stderr }
    }

    /// Blocks until the program is executed.
    ///
    /// What [`borrowing`](super::borrowing) cannot start, std is asked to: it knows more ways to find a program, and has the
    /// error if there is none.
    #[cfg(target_os = "linux")]
    pub(super) fn spawn(mut self) -> Result<Spawned, SpawnError> {
        let open = |checksum| verified::open(&mut self.command, &checksum);
        let verified = self.checksum.take().map(open).transpose().map_err(SpawnError::Checksum)?;
        if self.plain {
            match super::borrowing::spawn(&mut self, verified.as_ref()) {
                Ok(spawned) => return Ok(spawned),
                Err(error) => tracing::debug!(%error, "left to std to start"),
            }
        }
        if self.end_with_host {
            sys::end_with_parent(&mut self.command);
        }
        if let Some(image) = verified {
            sys::execute(&mut self.command, image);
        }
        Ok(self.by_std()?)
    }

    /// Blocks until the program is executed.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn spawn(mut self) -> Result<Spawned, SpawnError> {
        if let Some(checksum) = self.checksum.take() {
            verified::verify(&self.command, &checksum).map_err(SpawnError::Checksum)?;
        }
        if self.end_with_host {
            sys::end_with_parent(&mut self.command);
        }
        Ok(self.by_std()?)
    }

    fn by_std(mut self) -> io::Result<Spawned> {
        if self.stdin {
            self.command.stdin(Stdio::piped());
        }
        self.command.stdout(Stdio::piped()).stderr(self.stderr.map_or_else(Stdio::piped, Stdio::from));
        let mut pauses = (0..BUSY_RETRIES).map(|retry| BUSY_PAUSE * 2_u32.pow(retry));
        let mut process = loop {
            match (self.command.spawn(), pauses.next()) {
                (Err(error), Some(pause)) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                    thread::sleep(pause)
                }
                (done, _) => break done?,
            }
        };
        #[cfg(windows)]
        if self.end_with_host
            && let Err(error) = sys::windows::end_with_parent(&process)
        {
            tracing::warn!(pid = process.id(), %error, "the plugin will not end with its host");
        }
        let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
        // What the command says of standard input is not for us to take.
        let stdin = if self.stdin { process.stdin.take() } else { None };
        Ok(Spawned { child: Child::new(process), stdin, stdout, stderr })
    }
}

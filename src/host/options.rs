//! What a host may choose about a plugin it starts.

use std::{ffi::OsStr, path::PathBuf, process::Command, time::Duration};
use tokio::io::AsyncWrite;

/// How long a plugin may take from its start to its handshake line. Go's default `StartTimeout`.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long connecting to a plugin that has printed its line may take: it is listening already, so this bounds a
/// plugin that hangs.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a plugin may take to answer a ping. Go has no limit there.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the graceful part of ending a plugin may take: its answer to the request to quit. Go waits for ever.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a plugin's output goes.
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// The program to start: made from a name, a path, or a [`std::process::Command`] with arguments, environment entries
/// and a directory.
///
/// The plugin's standard output and standard error belong to the protocol; its standard input is the host's own
/// unless the command says otherwise.
#[derive(Debug)]
pub struct PluginCommand(pub(super) Command);

impl PluginCommand {
    /// A line for the system's shell: a program with arguments, as users write it into a setting.
    pub fn shell(line: impl AsRef<OsStr>) -> Self {
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut command = Command::new(shell);
        command.arg(option).arg(line);
        Self(command)
    }
}

impl From<&str> for PluginCommand {
    fn from(program: &str) -> Self {
        Self(Command::new(program))
    }
}

impl From<String> for PluginCommand {
    fn from(program: String) -> Self {
        Self(Command::new(program))
    }
}

impl From<&OsStr> for PluginCommand {
    fn from(program: &OsStr) -> Self {
        Self(Command::new(program))
    }
}

impl From<PathBuf> for PluginCommand {
    fn from(program: PathBuf) -> Self {
        Self(Command::new(program))
    }
}

impl From<&std::path::Path> for PluginCommand {
    fn from(program: &std::path::Path) -> Self {
        Self(Command::new(program))
    }
}

impl From<Command> for PluginCommand {
    fn from(command: Command) -> Self {
        Self(command)
    }
}

impl From<tokio::process::Command> for PluginCommand {
    fn from(command: tokio::process::Command) -> Self {
        Self(command.into_std())
    }
}

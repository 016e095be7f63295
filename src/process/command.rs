//! What the user wants started.

use std::{ffi::OsStr, path::Path, path::PathBuf, process::Command};

/// The program to start: a name or a path, with what the methods here add, or a [`std::process::Command`].
///
/// The plugin's standard output and standard error belong to the protocol; its standard input is the host's own
/// unless a [`std::process::Command`] says otherwise.
///
/// Prefer the methods here to a `Command`, which does not tell which user or which hooks it has: on Linux its process can only be made by
/// `fork`, which takes the longer the more memory the host uses (90 ms with 1 GiB where a launch otherwise takes 2 ms).
///
/// ```
/// # use go_plugin::PluginCommand;
/// let command = PluginCommand::new("./plugins/greeter").arg("--verbose").env("LANG", "C").current_dir("/");
/// # drop(command);
/// ```
#[derive(Debug)]
pub struct PluginCommand {
    pub(super) command: Command,
    /// Program, arguments, environment and directory are all there is to it.
    pub(super) plain: bool,
}

impl PluginCommand {
    /// A program, found on the `PATH` if it is a name alone.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { command: Command::new(program), plain: true }
    }

    /// A line for the system's shell: a program with arguments, as users write it into a setting.
    pub fn shell(line: impl AsRef<OsStr>) -> Self {
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        Self::new(shell).arg(option).arg(line)
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable in the plugin's environment. It wins over the host's, and the protocol's own win over it.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Keeps a variable of the host's environment from the plugin. To keep all of them from it, see
    /// [`skip_host_env`](crate::ClientBuilder::skip_host_env).
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// The directory that the plugin works in; the host's own by default. Give the program by an absolute path then: whether a relative
    /// one starts here or there depends on the system.
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn program(&self) -> &OsStr {
        self.command.get_program()
    }
}

impl From<&str> for PluginCommand {
    fn from(program: &str) -> Self {
        Self::new(program)
    }
}

impl From<String> for PluginCommand {
    fn from(program: String) -> Self {
        Self::new(program)
    }
}

impl From<&OsStr> for PluginCommand {
    fn from(program: &OsStr) -> Self {
        Self::new(program)
    }
}

impl From<PathBuf> for PluginCommand {
    fn from(program: PathBuf) -> Self {
        Self::new(program)
    }
}

impl From<&Path> for PluginCommand {
    fn from(program: &Path) -> Self {
        Self::new(program)
    }
}

impl From<Command> for PluginCommand {
    fn from(command: Command) -> Self {
        Self { command, plain: false }
    }
}

impl From<tokio::process::Command> for PluginCommand {
    fn from(command: tokio::process::Command) -> Self {
        command.into_std().into()
    }
}

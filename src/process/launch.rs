//! Starting a plugin, on a thread that then waits for its end.

use super::{
    ExitWatch, HostEnv, PluginCommand, Process, Sink, Stdout, Tail,
    child::KillOnDrop,
    child_pipe,
    env::{self, Changes},
    handle::Body,
    handover::Handover,
    pipes::{self, Watched},
    socket_dir::{self, SocketDir},
    spawn::{SpawnError, Spawned, Start},
};
use crate::{
    Checksum, Error, ErrorKind, Result,
    net::{SocketConfig, WriteHalf},
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::Path,
    process::{ChildStderr, ChildStdin, ChildStdout},
    sync::Arc,
    thread,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};
use tokio_util::task::TaskTracker;

/// Enough for a thread that only makes a process and waits for it: starting a command allocates on the heap, and the stack that
/// the process has for a moment (32 KiB) is in this one.
const THREAD_STACK: usize = 128 << 10;

/// A command that starts a plugin.
pub(crate) struct Launch {
    start: Start,
    program: OsString,
    user_env: Changes,
    inherit_env: bool,
    sockets: SocketConfig,
}

/// A plugin that was started but has not said anything yet.
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) stdout: Stdout,
    /// What it says on standard error. Complete when the process has been killed or waited for with its output.
    pub(crate) last_words: Tail,
    /// Its standard input and output, if they may become the connection.
    pub(crate) stdio: Option<Handover>,
}

impl Started {
    pub(super) fn new(process: Process, watched: Watched) -> Self {
        let Watched { stdout, last_words, stdio } = watched;
        Self { process, stdout, last_words, stdio }
    }
}

/// What a command becomes on its thread.
struct Running {
    child: KillOnDrop,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Launch {
    /// Takes the user's command as it is: program, arguments, directory, environment entries, standard input
    /// (the host's own unless set otherwise). Standard output and error belong to the protocol.
    ///
    /// `inherit_env`: pass the host's environment on. `end_with_host`: have the kernel kill the plugin when the
    /// host is gone, where it can (Linux, Windows); off for a plugin that is to outlive its host.
    pub(crate) fn new(command: PluginCommand, inherit_env: bool, end_with_host: bool) -> Self {
        let PluginCommand { command, plain } = command;
        let user_env = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(OsStr::to_owned))).collect();
        let program = command.get_program().to_owned();
        let start = Start { command, plain, end_with_host, checksum: None, stdin: false, stderr: None };
        Self { start, program, user_env, inherit_env, sockets: SocketConfig::default() }
    }

    /// Has standard input and output be the connection, if the plugin wants it, too.
    pub(crate) fn connected(mut self, stdio: bool) -> Self {
        self.start.stdin = stdio;
        self
    }

    /// Has only a program with this checksum started.
    pub(crate) fn verified_by(mut self, checksum: Option<Checksum>) -> Self {
        self.start.checksum = checksum;
        self
    }

    /// Has the plugin's standard error go to a file: nothing of it is read here.
    pub(crate) fn log_to(mut self, file: Option<File>) -> Self {
        self.start.stderr = file;
        self
    }

    /// Where the plugin is to put its sockets.
    pub(crate) fn sockets(mut self, config: SocketConfig) -> Self {
        self.sockets = config;
        self
    }

    /// The program as the user named it.
    pub(crate) fn program(&self) -> &OsStr {
        &self.program
    }

    /// The program's file name: what Go calls the plugin in its logs.
    pub(crate) fn name(&self) -> String {
        let base = Path::new(&self.program).file_name().unwrap_or(&self.program);
        base.to_string_lossy().into_owned()
    }

    /// Starts the process, and the tasks that read its output, on the current tokio runtime.
    ///
    /// Standard error goes to `logs` and, unchanged, to `raw`; a `raw` that cannot keep up loses output rather
    /// than stop the plugin. Errors are those of the system (no such file, no permission, …), and a checksum that
    /// does not match. Cancel safe: a process that comes to life after the future was dropped is killed and reaped.
    pub(crate) async fn start(
        mut self,
        host: &HostEnv<'_>,
        logs: impl Sink + 'static,
        raw: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    ) -> Result<Started> {
        let bound = self.start.end_with_host;
        let socket_dir = socket_dir::create(&self.sockets, host, &self.user_env, !bound)?;
        let named = socket_dir.as_ref().map(SocketDir::path).or(host.socket_dir);
        let group = self.sockets.group.clone();
        self.set_env(&HostEnv { socket_dir: named, socket_group: group.as_deref(), ..*host });
        let (reply, spawned) = oneshot::channel();
        let (ended, exit) = ExitWatch::new();
        let thread_name = format!("plugin {}", self.name());
        let Self { start, program, .. } = self;
        let logs_to_file = start.stderr.is_some();
        let refused = |cause: io::Error| {
            let text = format!("cannot start {}: {cause}", program.display());
            Error::new(ErrorKind::Launch, text).with_source(cause)
        };
        thread::Builder::new()
            .name(thread_name)
            .stack_size(THREAD_STACK)
            .spawn(move || {
                let Spawned { child, stdin, stdout, stderr } = match start.spawn() {
                    Ok(spawned) => spawned,
                    Err(error) => return drop(reply.send(Err(error))),
                };
                let child = Arc::new(child);
                let guard = KillOnDrop::new(&child, bound);
                // Nobody there to take it: the guard comes back and kills.
                let _ = reply.send(Ok(Running { child: guard, stdin, stdout, stderr }));
                let exit = child.wait();
                // First the file: who sees the exit may count on it.
                child.socket().process_ended();
                drop(socket_dir);
                ended.send_replace(Some(exit));
            })
            .map_err(refused)?;
        let thread_died =
            |_| Err(SpawnError::System(io::Error::other("the thread that starts the plugin ended")));
        let Running { child, stdin, stdout, stderr } =
            spawned.await.unwrap_or_else(thread_died).map_err(|error| match error {
                SpawnError::System(cause) => refused(cause),
                SpawnError::Checksum(error) => error,
            })?;

        let no_pipe = || refused(io::Error::other("it has no output pipes"));
        let stdout = child_pipe::stdout(stdout.ok_or_else(no_pipe)?).map_err(refused)?;
        let stderr: Box<dyn AsyncRead + Send + Unpin> = match stderr {
            Some(pipe) => Box::new(child_pipe::stderr(pipe).map_err(refused)?),
            None if logs_to_file => Box::new(tokio::io::empty()),
            None => return Err(no_pipe()),
        };
        let stdin = stdin.map(tokio::process::ChildStdin::from_std).transpose().map_err(refused)?;
        let stdin = stdin.map(|pipe| Box::new(pipe) as WriteHalf);
        let tasks = TaskTracker::new();
        let watched = pipes::watch(stdout, stderr, stdin, &exit, &tasks, logs, raw);
        tasks.close();
        Ok(Started::new(Process::new(Body::Child(child), exit, tasks), watched))
    }

    fn set_env(&mut self, host: &HostEnv<'_>) {
        if !self.inherit_env {
            self.start.command.env_clear();
        }
        for (name, value) in env::changes(&self.user_env, host) {
            match value {
                Some(value) => self.start.command.env(name, value),
                None => self.start.command.env_remove(name),
            };
        }
    }
}

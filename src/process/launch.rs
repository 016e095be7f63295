//! Starting a plugin, on a thread that then waits for its end.

use super::{
    ExitWatch, HostEnv, Process, Sink, Stdout, Tail,
    child::{Child, KillOnDrop},
    env::{self, Changes},
    handle::Body,
    handover::Handover,
    pipes::{self, Watched},
    socket_dir::{self, SocketDir},
    verified,
};
use crate::{
    Checksum, Error, ErrorKind, Result,
    net::{SocketConfig, WriteHalf},
    sys,
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::Path,
    process::{self, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};
use tokio_util::task::TaskTracker;

/// Enough for a thread that only forks and waits: starting a command allocates on the heap.
const THREAD_STACK: usize = 128 << 10;

/// How often, and how far apart at first, a start is tried again while the program's file is open for writing.
/// That is over in a moment: a file just written here is still held by a child that another thread is about to
/// start, between its fork and its exec (golang/go#22315).
const BUSY_RETRIES: u32 = 6;
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// A command that starts a plugin.
pub(crate) struct Launch {
    command: Command,
    program: OsString,
    user_env: Changes,
    inherit_env: bool,
    end_with_host: bool,
    checksum: Option<Checksum>,
    sockets: SocketConfig,
    logs_to_file: bool,
    stdio: bool,
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
struct Spawned {
    child: KillOnDrop,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    stdin: Option<ChildStdin>,
}

impl Launch {
    /// Takes the user's command as it is: program, arguments, directory, environment entries, standard input
    /// (the host's own unless set otherwise). Standard output and error belong to the protocol.
    ///
    /// `inherit_env`: pass the host's environment on. `end_with_host`: have the kernel kill the plugin when the
    /// host is gone, where it can (Linux); off for a plugin that is to outlive its host.
    pub(crate) fn new(mut command: Command, inherit_env: bool, end_with_host: bool) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if end_with_host {
            sys::end_with_parent(&mut command);
        }
        let user_env = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(OsStr::to_owned))).collect();
        let program = command.get_program().to_owned();
        Self {
            command,
            program,
            user_env,
            inherit_env,
            end_with_host,
            checksum: None,
            sockets: SocketConfig::default(),
            logs_to_file: false,
            stdio: false,
        }
    }

    /// Has standard input and output be the connection, if the plugin wants it, too.
    pub(crate) fn connected(mut self, stdio: bool) -> Self {
        if stdio {
            self.command.stdin(Stdio::piped());
            self.stdio = true;
        }
        self
    }

    /// Has only a program with this checksum started.
    pub(crate) fn verified_by(mut self, checksum: Option<Checksum>) -> Self {
        self.checksum = checksum;
        self
    }

    /// Has the plugin's standard error go to a file: nothing of it is read here.
    pub(crate) fn log_to(mut self, file: Option<File>) -> Self {
        if let Some(file) = file {
            self.command.stderr(file);
            self.logs_to_file = true;
        }
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
        let socket_dir = socket_dir::create(&self.sockets, host, &self.user_env, !self.end_with_host)?;
        let named = socket_dir.as_ref().map(SocketDir::path).or(host.socket_dir);
        let group = self.sockets.group.clone();
        self.set_env(&HostEnv { socket_dir: named, socket_group: group.as_deref(), ..*host });
        let (reply, spawned) = oneshot::channel();
        let (ended, exit) = ExitWatch::new();
        let thread_name = format!("plugin {}", self.name());
        let Self { command, program, checksum, end_with_host: bound, logs_to_file, stdio, .. } = self;
        let refused = |cause: io::Error| {
            let text = format!("cannot start {}: {cause}", program.display());
            Error::new(ErrorKind::Launch, text).with_source(cause)
        };
        thread::Builder::new()
            .name(thread_name)
            .stack_size(THREAD_STACK)
            .spawn(move || {
                let mut process = match spawn(command, checksum.as_ref()) {
                    Ok(process) => process,
                    Err(error) => return drop(reply.send(Err(error))),
                };
                let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
                let stdin = process.stdin.take().filter(|_| stdio);
                let child = Arc::new(Child::new(process));
                // Nobody there to take it: the guard comes back and kills.
                let _ =
                    reply.send(Ok(Spawned { child: KillOnDrop::new(&child, bound), stdout, stderr, stdin }));
                let exit = child.wait();
                // First the file: who sees the exit may count on it.
                child.socket().process_ended();
                drop(socket_dir);
                ended.send_replace(Some(exit));
            })
            .map_err(refused)?;
        let thread_died =
            |_| Err(SpawnError::System(io::Error::other("the thread that starts the plugin ended")));
        let Spawned { child, stdout, stderr, stdin } =
            spawned.await.unwrap_or_else(thread_died).map_err(|error| match error {
                SpawnError::System(cause) => refused(cause),
                SpawnError::Checksum(error) => error,
            })?;

        let no_pipe = || refused(io::Error::other("it has no output pipes"));
        let stdout = tokio::process::ChildStdout::from_std(stdout.ok_or_else(no_pipe)?).map_err(refused)?;
        let stderr: Box<dyn AsyncRead + Send + Unpin> = match stderr {
            Some(pipe) => Box::new(tokio::process::ChildStderr::from_std(pipe).map_err(refused)?),
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
            self.command.env_clear();
        }
        for (name, value) in env::changes(&self.user_env, host) {
            match value {
                Some(value) => self.command.env(name, value),
                None => self.command.env_remove(name),
            };
        }
    }
}

/// Why there is no process.
enum SpawnError {
    System(io::Error),
    Checksum(Error),
}

impl From<io::Error> for SpawnError {
    fn from(cause: io::Error) -> Self {
        Self::System(cause)
    }
}

fn spawn(mut command: Command, checksum: Option<&Checksum>) -> Result<process::Child, SpawnError> {
    if let Some(checksum) = checksum {
        verified::arm(&mut command, checksum).map_err(SpawnError::Checksum)?;
    }
    for retry in 0..BUSY_RETRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(BUSY_PAUSE * 2_u32.pow(retry));
            }
            done => return Ok(done?),
        }
    }
    Ok(command.spawn()?)
}

//! A plugin that the user's own code runs.

use super::{Exit, ExitWatch, HostEnv, Process, Sink, Started, env, handle::Body, pipes};
use crate::{AttachedRunner, Error, Result, Runner, RunnerOutput, RunnerSpec};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};
use tempfile::TempDir;
use tokio::{io::AsyncWrite, runtime::Handle};
use tokio_util::task::TaskTracker;

/// A runner whose plugin is killed on drop if it was started here and has not ended.
pub(super) struct Attached {
    runner: Arc<dyn AttachedRunner>,
    exit: ExitWatch,
    leave: AtomicBool,
    /// Where `kill` runs even if nobody waits for it.
    runtime: Handle,
}

impl Attached {
    pub(super) fn id(&self) -> String {
        self.runner.id()
    }

    /// In the background: the caller waits for the exit, within its limit.
    pub(super) fn kill(&self) {
        let runner = Arc::clone(&self.runner);
        self.runtime.spawn(async move {
            if let Err(error) = runner.kill().await {
                tracing::error!(id = runner.id(), %error, "plugin cannot be killed");
            }
        });
    }

    pub(super) fn detach(&self) -> bool {
        self.leave.store(true, SeqCst);
        true
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if !self.leave.load(SeqCst) && self.exit.now().is_none() {
            self.kill();
        }
    }
}

impl Process {
    /// What the user's code found again. Dropping it ends nothing.
    pub(crate) fn attached(runner: Arc<dyn AttachedRunner>) -> Self {
        let process = Self::run_by(runner, None, TaskTracker::new());
        process.detach();
        process
    }

    /// `dir` goes when the plugin has ended.
    fn run_by(runner: Arc<dyn AttachedRunner>, dir: Option<TempDir>, tasks: TaskTracker) -> Self {
        let (ended, exit) = ExitWatch::new();
        let waiting = Arc::clone(&runner);
        // Ends with the plugin: that is what it waits for.
        tokio::spawn(async move {
            let status = waiting.wait().await;
            drop(dir);
            ended.send_replace(Some(Exit { status }));
        });
        tasks.close();
        let attached = Attached {
            runner,
            exit: exit.clone(),
            leave: AtomicBool::new(false),
            runtime: Handle::current(),
        };
        Self::new(Body::Attached(attached), exit, tasks)
    }
}

/// What `host` and the passed on environment make of the plugin's.
pub(crate) fn spec(host: &HostEnv<'_>, inherit_env: bool, socket_dir: &TempDir) -> RunnerSpec {
    let mut environment: BTreeMap<OsString, OsString> =
        if inherit_env { std::env::vars_os().collect() } else { BTreeMap::new() };
    let host = HostEnv { socket_dir: Some(socket_dir.path()), ..*host };
    let changes = env::changes(&env::Changes::new(), &host);
    for (name, value) in &changes {
        match value {
            Some(value) => environment.insert(name.clone(), value.clone()),
            None => environment.remove(name),
        };
    }
    RunnerSpec {
        environment: environment.into_iter().collect(),
        protocol: changes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        socket_dir: socket_dir.path().to_owned(),
        stdio: host.stdio,
    }
}

/// Has the runner start its plugin, and reads its output as that of any plugin.
pub(crate) async fn start(
    runner: Arc<dyn Runner>,
    dir: TempDir,
    logs: impl Sink + 'static,
    raw: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    stdio: bool,
) -> Result<Started> {
    let mut starting = Starting(Some(Arc::clone(&runner)), Handle::current());
    let started = runner.start().await;
    starting.0 = None;
    let RunnerOutput { stdout, stderr, stdin } = started?;
    let tasks = TaskTracker::new();
    let process = Process::run_by(runner, Some(dir), tasks.clone());
    let stdin = stdin.filter(|_| stdio);
    if stdio && stdin.is_none() {
        return Err(Error::misuse(
            "the runner does not hand over its plugin's standard input, which `connect_over_stdio` needs",
        ));
    }
    let watched = pipes::watch(stdout, stderr, stdin, process.exit(), &tasks, logs, raw);
    Ok(Started::new(process, watched))
}

/// Kills what may come to life although nobody waits for its start any more.
struct Starting(Option<Arc<dyn Runner>>, Handle);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(runner) = self.0.take() {
            self.1.spawn(async move { runner.kill().await });
        }
    }
}

//! What a plugin is started from: a command, or a runner of the user's own.

use super::ClientBuilder;
use crate::{
    Error, ErrorKind, PluginCommand, Result, Runner, RunnerSpec,
    logs::PluginLog,
    process::{HostEnv, Launch, Started, diagnose, runner_spec, start_runner},
};
use std::{ffi::OsString, fmt, fs::File, path::Path, pin::Pin, sync::Arc, time::Duration};
use tokio::time::timeout;
use tracing::debug;

/// How long a runner may take to find out why its plugin did not start. Go has no limit there.
const DIAGNOSE_TIMEOUT: Duration = Duration::from_secs(5);

type Making = Pin<Box<dyn Future<Output = Result<Arc<dyn Runner>>> + Send>>;

/// Go's `RunnerFunc`.
pub(super) struct MakeRunner(pub(super) Box<dyn FnOnce(RunnerSpec) -> Making + Send>);

impl fmt::Debug for MakeRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MakeRunner")
    }
}

/// What a plugin is started from.
pub(super) enum Source {
    Command(PluginCommand),
    Runner(MakeRunner),
}

/// A plugin that was started and has said nothing so far.
pub(super) struct Launched {
    pub(super) name: String,
    pub(super) started: Started,
    pub(super) program: Program,
    pub(super) runner: Option<Arc<dyn Runner>>,
}

impl Source {
    pub(super) async fn launch(self, builder: &mut ClientBuilder, host: &HostEnv<'_>) -> Result<Launched> {
        let raw = builder.raw_stderr.take();
        match self {
            Self::Command(command) => {
                let log_file = builder.log_file.as_deref().map(open_log).transpose()?;
                let launch = Launch::new(command, builder.inherit_env, builder.end_with_host)
                    .log_to(log_file)
                    .verified_by(builder.checksum.take())
                    .sockets(builder.sockets.clone())
                    .connected(host.stdio.is_some());
                let program = launch.program().to_owned();
                let name = builder.name.take().unwrap_or_else(|| launch.name());
                debug!(plugin = name, ?program, "starting plugin");
                let started = launch.start(host, PluginLog::new(&name), raw).await?;
                Ok(Launched { name, started, program: Program::File(program), runner: None })
            }
            Self::Runner(make) => {
                if builder.checksum.is_some() {
                    return Err(Error::misuse(
                        "a checksum is one of a command's executable: let the runner verify what it runs",
                    ));
                }
                if builder.log_file.is_some() {
                    return Err(Error::misuse(
                        "a log file is for a command: a runner has its plugin's output",
                    ));
                }
                let dir = builder.sockets.make_dir()?;
                let host = HostEnv { socket_group: builder.sockets.group.as_deref(), ..*host };
                let runner = (make.0)(runner_spec(&host, builder.inherit_env, &dir)).await?;
                // Go names a plugin by the last part of what is run.
                let base = |name: String| match Path::new(&name).file_name() {
                    Some(base) => base.to_string_lossy().into_owned(),
                    None => name,
                };
                let name = builder.name.take().unwrap_or_else(|| base(runner.name()));
                debug!(plugin = name, program = runner.name(), "starting plugin");
                // What this host listens on for the plugin must be where the plugin can get at it.
                builder.sockets.base = Some(dir.path().to_owned());
                let stdio = host.stdio.is_some();
                let starting = start_runner(Arc::clone(&runner), dir, PluginLog::new(&name), raw, stdio);
                let started = match timeout(builder.start_timeout, starting).await {
                    Ok(started) => started?,
                    Err(_) => return Err(start_timeout()),
                };
                Ok(Launched {
                    name,
                    started,
                    program: Program::Run(Arc::clone(&runner)),
                    runner: Some(runner),
                })
            }
        }
    }
}

fn open_log(path: &Path) -> Result<File> {
    File::options().create(true).append(true).open(path).map_err(|cause| {
        let text = format!("cannot write the log file {}: {cause}", path.display());
        Error::new(ErrorKind::Io, text).with_source(cause)
    })
}

fn start_timeout() -> Error {
    Error::new(ErrorKind::StartTimeout, "timeout while waiting for plugin to start")
}

/// What may know why a plugin did not start.
pub(super) enum Program {
    File(OsString),
    Run(Arc<dyn Runner>),
}

impl Program {
    pub(super) async fn diagnose(&self) -> String {
        match self {
            Self::File(program) => diagnose(program),
            Self::Run(runner) => timeout(DIAGNOSE_TIMEOUT, runner.diagnose()).await.unwrap_or_default(),
        }
    }
}

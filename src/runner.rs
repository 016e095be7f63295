//! What runs a plugin when that is not a process started here: a container, a virtual machine, a service manager.

use crate::{Address, Result, StdioConnection};
use async_trait::async_trait;
use std::{ffi::OsString, fmt, path::PathBuf, process::ExitStatus};
use tokio::io::{AsyncRead, AsyncWrite};

/// A plugin that runs, whoever started it. Go's `runner.AttachedRunner`.
///
/// For `#[go_plugin::async_trait]` implementations; see [`Runner`] for one.
#[async_trait]
pub trait AttachedRunner: Send + Sync + 'static {
    /// Waits until the plugin has ended, by itself or because of [`kill`](Self::kill). `None` if it cannot be known how.
    /// May be dropped and called again.
    async fn wait(&self) -> Option<ExitStatus>;

    /// Ends the plugin at once, and cleans up. The graceful request has been made before, through the protocol.
    ///
    /// # Errors
    /// Whatever keeps it from ending.
    async fn kill(&self) -> Result<()>;

    /// What names the running plugin: a process id, a container's id.
    fn id(&self) -> String;

    /// Where the host reaches an address that the plugin names. The same place, unless this says otherwise. Go's
    /// `PluginToHost`.
    ///
    /// # Errors
    /// If the host cannot reach it.
    fn plugin_to_host(&self, address: Address) -> Result<Address> {
        Ok(address)
    }

    /// Where the plugin reaches an address that the host names: that of a brokered gRPC connection. The same place,
    /// unless this says otherwise. Go's `HostToPlugin`.
    ///
    /// # Errors
    /// If the plugin cannot reach it.
    fn host_to_plugin(&self, address: Address) -> Result<Address> {
        Ok(address)
    }
}

/// Starts and holds one plugin. Go's `runner.Runner`.
///
/// [`ClientBuilder::runner`](crate::ClientBuilder::runner) takes the function that makes one for each start.
#[async_trait]
pub trait Runner: AttachedRunner {
    /// Starts the plugin; called once. If the future is dropped, or the client is later without having been killed,
    /// [`kill`](AttachedRunner::kill) is called.
    ///
    /// # Errors
    /// Whatever keeps the plugin from starting.
    async fn start(&self) -> Result<RunnerOutput>;

    /// The name of what runs, such as the path of a program or an image. Its last part names the plugin in logs.
    fn name(&self) -> String;

    /// What may help a user whose plugin did not print its handshake line.
    async fn diagnose(&self) -> String {
        String::new()
    }
}

/// The plugin's own standard streams: on standard output the handshake line is expected, standard error is its log.
pub struct RunnerOutput {
    /// Standard output.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Standard error.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Standard input, if that and standard output are to be the connection: see [`RunnerSpec::stdio`]. Dropping it must
    /// close it.
    pub stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
}

impl RunnerOutput {
    /// Standard output and standard error.
    pub fn new(
        stdout: impl AsyncRead + Send + Unpin + 'static,
        stderr: impl AsyncRead + Send + Unpin + 'static,
    ) -> Self {
        Self { stdout: Box::new(stdout), stderr: Box::new(stderr), stdin: None }
    }

    /// With the plugin's standard input.
    #[must_use]
    pub fn with_stdin(self, stdin: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { stdin: Some(Box::new(stdin)), ..self }
    }
}

impl fmt::Debug for RunnerOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerOutput").finish_non_exhaustive()
    }
}

/// What a runner is to give its plugin. Go's arguments of `RunnerFunc`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunnerSpec {
    /// The plugin's environment, complete: the host's own if it is to be passed on, and [`protocol`](Self::protocol).
    pub environment: Vec<(OsString, OsString)>,
    /// What the protocol itself needs of it, the magic cookie for one: for a plugin that has its own surroundings.
    pub protocol: Vec<(OsString, OsString)>,
    /// The directory for the plugin's and the host's sockets. It is made for this plugin and removed after it. The variable
    /// `PLUGIN_UNIX_SOCKET_DIR` names it too; a runner whose plugin sees it under another path replaces that.
    pub socket_dir: PathBuf,
    /// Set if the host wants the plugin's standard input and output as the connection
    /// ([`connect_over_stdio`](crate::ClientBuilder::connect_over_stdio)): then [`RunnerOutput::stdin`] has to be there. If it is required,
    /// the plugin needs no [`socket_dir`](Self::socket_dir).
    pub stdio: Option<StdioConnection>,
}

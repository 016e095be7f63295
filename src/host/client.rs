//! A running plugin.

use super::{
    ClientBuilder, managed,
    options::{CLOSE_TIMEOUT, PING_TIMEOUT},
    transport::Transport,
    version,
};
use crate::{
    Address, Error, ErrorKind, Handshake, HandshakeLine, Plugin, PluginSet, Protocol, ReattachConfig, Result,
    calls::Calls,
    process::{Ended, KillLimits, Process},
    registry::Entry,
};
use std::{any::Any, fmt, process::ExitStatus, sync::Arc};
use tokio::sync::Mutex;
use tracing::debug;

/// A plugin process and the connection to it. Go's `plugin.Client`.
///
/// Cheap to clone; all clones are the same plugin. [`kill`](Self::kill) ends it in good order. When the last clone is dropped without that,
/// the process is killed at once and reaped, so that nothing is left behind.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Running>);

pub(super) struct Running {
    pub(super) name: String,
    pub(super) line: HandshakeLine,
    pub(super) plugins: PluginSet,
    pub(super) transport: Transport,
    pub(super) calls: Calls,
    pub(super) ending: Ending,
    /// What it was found again by.
    pub(super) reattached: Option<ReattachConfig>,
}

/// What is to happen beside the calls.
pub(super) struct Hooks {
    pub(super) on_exit: Option<OnExit>,
    pub(super) managed: bool,
}

/// What the user wants to do about the end of a plugin.
pub(super) type OnExit = Box<dyn FnOnce(Option<ExitStatus>) + Send>;

/// The process and its end, which happens once however many ask for it.
pub(super) struct Ending {
    pub(super) process: Process,
    limits: KillLimits,
    #[cfg(feature = "metrics")]
    pub(super) stopping: super::metrics::Stopping,
    /// It is a test's, which ends it.
    untouchable: bool,
    /// A second `kill` must not take the closed connection of the first for a plugin that does not listen.
    once: Mutex<()>,
}

impl Ending {
    pub(super) fn new(process: Process, limits: KillLimits, untouchable: bool) -> Self {
        Self {
            process,
            limits,
            #[cfg(feature = "metrics")]
            stopping: super::metrics::Stopping::default(),
            untouchable,
            once: Mutex::new(()),
        }
    }

    /// What ends from now on was ended by this host.
    #[cfg(feature = "metrics")]
    fn begin(&self) {
        if self.process.exit().now().is_none() {
            self.stopping.begin();
        }
    }
}

#[cfg(feature = "metrics")]
impl Drop for Ending {
    fn drop(&mut self) {
        self.begin();
    }
}

impl Client {
    /// Options for starting a plugin.
    pub fn builder(handshake: Handshake) -> ClientBuilder {
        ClientBuilder::new(handshake)
    }

    pub(super) fn new(running: Running, hooks: Hooks) -> Self {
        if let Some(on_exit) = hooks.on_exit {
            let exit = running.ending.process.exit().clone();
            // Ends with the process, or with the last sight of it.
            tokio::spawn(async move {
                if let Some(exit) = exit.seen().await {
                    on_exit(exit.status);
                }
            });
        }
        let running = Arc::new(running);
        if hooks.managed {
            managed::add(&running);
        }
        let client = Self(running);
        #[cfg(feature = "metrics")]
        super::metrics::count_exit(&client);
        client
    }

    pub(super) fn from_running(running: Arc<Running>) -> Self {
        Self(running)
    }

    /// The object that is registered under `name`, over whichever transport this plugin speaks.
    ///
    /// Over net/rpc each call makes the plugin create a new instance, with a stream of its own; over gRPC all share one.
    /// Go's `ClientProtocol.Dispense`.
    ///
    /// # Errors
    /// Before any traffic if the name is unknown on this side or registered with another interface than `P`'s.
    // `?Sized` for the compiler's messages about `dispense::<dyn Greeter>` only: without it, half of them are about sizes.
    pub async fn dispense<P: Plugin + ?Sized>(&self, name: &str) -> Result<Arc<P::Interface>> {
        let entry = self.entry::<P>(name)?;
        let Running { transport, calls, .. } = &*self.0;
        match transport.dispense(name, &**entry, calls.clone()).await {
            Ok(object) => self.object::<P>(name, object),
            Err(error) => Err(calls.target.explain(error).await),
        }
    }

    /// What is registered under the name, if it is `P`'s interface and can travel as this process speaks.
    pub(super) fn entry<P: Plugin + ?Sized>(&self, name: &str) -> Result<&Arc<dyn Entry>> {
        let entry = self.0.plugins.get_as::<P>(name)?;
        if !entry.supports(self.0.line.protocol) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "plugin {name:?} doesn't support {0}, and this plugin process speaks {0}",
                    match self.0.line.protocol {
                        Protocol::NetRpc => "net/rpc",
                        Protocol::Grpc => "gRPC",
                    }
                ),
            ));
        }
        Ok(entry)
    }

    /// The object that the entry under `name` made.
    pub(super) fn object<P: Plugin + ?Sized>(
        &self,
        name: &str,
        object: Box<dyn Any + Send>,
    ) -> Result<Arc<P::Interface>> {
        match object.downcast::<Arc<P::Interface>>() {
            Ok(object) => Ok(*object),
            // `entry` compared the types.
            Err(_) => Err(Error::misuse(format!("plugin {name:?} made an object of another interface"))),
        }
    }

    /// Asks the plugin for a sign of life, for 10 seconds at most. Go's `ClientProtocol.Ping`.
    ///
    /// # Errors
    /// Disconnected if the process or the connection is gone, a timeout if it does not answer.
    pub async fn ping(&self) -> Result<()> {
        let Running { transport, calls, .. } = &*self.0;
        match transport.ping(PING_TIMEOUT).await {
            Err(error) => Err(calls.target.explain(error).await),
            Ok(()) => Ok(()),
        }
    }

    /// The semantic version that the plugin states with [`Server::plugin_version`](crate::Server::plugin_version), asked over the connection, for 10
    /// seconds at most. None if it states none, as all plugins on Go's library.
    ///
    /// # Errors
    /// As for [`ping`](Self::ping); [`Protocol`](ErrorKind::Protocol) if what it states is no semantic version.
    pub async fn plugin_version(&self) -> Result<Option<semver::Version>> {
        let Running { transport, calls, .. } = &*self.0;
        match version::stated(transport).await {
            Err(error) => Err(calls.target.explain(error).await),
            stated => stated,
        }
    }

    /// Ends the plugin: asks it to quit, waits, then sends SIGTERM if [`terminate_first`](ClientBuilder::terminate_first) was set, then kills it;
    /// every step is bounded. On return the process is gone and reaped and its socket file removed. Go's `Client.Kill`.
    ///
    /// Does nothing to a plugin that was reattached to with a config of a test ([`ReattachConfig::test`]): its starter ends it.
    ///
    /// Repeated calls, also concurrent ones, wait for the first. Dropping the future leaves the rest of the sequence to a
    /// later call, or to the last drop of the client.
    ///
    /// # Errors
    /// Only if the system does not let us end the process.
    pub async fn kill(&self) -> Result<()> {
        let Running { name, transport, ending, .. } = &*self.0;
        if ending.untouchable {
            return Ok(());
        }
        let _once = ending.once.lock().await;
        #[cfg(feature = "metrics")]
        ending.begin();
        let close = async {
            match transport.close(CLOSE_TIMEOUT).await {
                Ok(()) => true,
                Err(error) => {
                    debug!(plugin = name, %error, "error closing client during Kill");
                    false
                }
            }
        };
        match ending.process.kill(close, ending.limits).await {
            Ended::Unkillable => {
                let text = format!("plugin {name} ({}) cannot be killed", ending.process.runner_id());
                Err(Error::new(ErrorKind::Io, text))
            }
            ended => {
                debug!(plugin = name, ?ended, "plugin exited");
                Ok(())
            }
        }
    }

    /// Waits for the end of the process, whoever causes it. `None` where the system would not say how it ended.
    pub async fn exited(&self) -> Option<ExitStatus> {
        self.0.ending.process.exit().exited().await.status
    }

    /// Whether the process has ended. Go's `Client.Exited`.
    pub fn has_exited(&self) -> bool {
        self.0.ending.process.exit().now().is_some()
    }

    /// The process id; 0 for what is no process of this system, which [`runner_id`](Self::runner_id) names.
    pub fn id(&self) -> u32 {
        self.0.ending.process.id()
    }

    /// What names the running plugin: its process id, or what its [`Runner`](crate::Runner) says. Go's `Client.ID`.
    pub fn runner_id(&self) -> String {
        self.0.ending.process.runner_id()
    }

    /// What another host, or this one later, needs to connect to this plugin; for other programs in the JSON form of
    /// [`ReattachConfigs`](crate::ReattachConfigs). Of a plugin that was reattached to, the config that it was found by. Go's
    /// `Client.ReattachConfig`, which lacks the version.
    ///
    /// `None` for a plugin that takes no second connection: one with one-time certificates, with multiplexed gRPC, or
    /// connected over its standard input and output.
    pub fn reattach_config(&self) -> Option<ReattachConfig> {
        let Running { line, ending, reattached, .. } = &*self.0;
        if reattached.is_some() {
            return reattached.clone();
        }
        if line.server_certificate.is_some() || line.multiplex == Some(true) || line.address == Address::Stdio
        {
            return None;
        }
        let mut config = ReattachConfig::new(line.protocol, line.address.clone(), ending.process.id());
        config.version = line.version;
        Some(config)
    }

    /// Lets the plugin live on without this client, and without this process if it is one that
    /// [outlives its host](ClientBuilder::outlives_host). The connection ends with the last clone of the client. Take the
    /// [`reattach_config`](Self::reattach_config) before, to find the plugin again.
    ///
    /// Until this process ends it keeps reading the plugin's output. After that a Go plugin that writes to its standard output or
    /// standard error ends by SIGPIPE, unless it has a [`log_file`](ClientBuilder::log_file); those built on this crate do not.
    ///
    /// # Errors
    /// For a plugin that the system ends with this host, and for one that ends with its connection over standard input and output.
    pub fn detach(&self) -> Result<()> {
        if self.0.line.address == Address::Stdio {
            return Err(Error::misuse(
                "this plugin ends with its connection, its standard input and output: let it listen on a socket to let it live on",
            ));
        }
        if self.0.ending.process.detach() {
            return Ok(());
        }
        Err(Error::misuse(
            "this plugin ends with its host: start it with `outlives_host(true)` to let it live on",
        ))
    }

    /// The plugin's name in this host's logs.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The transport that the plugin chose. Go's `Client.Protocol`.
    pub fn protocol(&self) -> Protocol {
        self.0.line.protocol
    }

    /// The application version that the plugin chose. Go's `Client.NegotiatedVersion`.
    pub fn version(&self) -> u32 {
        self.0.line.version
    }

    /// The whole line that the plugin printed, with the address as this host reaches it; for one that was reattached to, the line that
    /// its config amounts to.
    pub fn handshake_line(&self) -> &HandshakeLine {
        &self.0.line
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Running { name, line, ending, .. } = &*self.0;
        f.debug_struct("Client")
            .field("name", name)
            .field("pid", &ending.process.id())
            .field("line", line)
            .finish_non_exhaustive()
    }
}

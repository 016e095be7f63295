//! Options of a client before its plugin runs.

use super::{
    Client,
    client::OnExit,
    options::{START_TIMEOUT, Writer},
    reattach::Reattach,
    source::MakeRunner,
    start,
};
use crate::{
    AttachedRunner, Checksum, Handshake, Plugin, PluginCommand, PluginSet, Protocol, ReattachConfig, Result,
    Runner, RunnerSpec, StdioConnection, calls::Calls, net::SocketConfig, tls::HostOptions,
};
use std::{
    collections::BTreeMap, ops::RangeInclusive, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration,
};
use tokio::io::AsyncWrite;

/// Options of a [`Client`]; [`start`](Self::start) starts the plugin. Go's `plugin.ClientConfig`.
#[must_use = "nothing is started before `start`"]
pub struct ClientBuilder {
    pub(super) handshake: Handshake,
    pub(super) sets: BTreeMap<u32, PluginSet>,
    pub(super) allowed: Vec<Protocol>,
    pub(super) command: Option<PluginCommand>,
    pub(super) reattach: Option<Reattach>,
    pub(super) runner: Option<MakeRunner>,
    pub(super) on_exit: Option<OnExit>,
    pub(super) managed: bool,
    pub(super) log_file: Option<PathBuf>,
    pub(super) checksum: Option<Checksum>,
    pub(super) sockets: SocketConfig,
    pub(super) start_timeout: Duration,
    pub(super) inherit_env: bool,
    pub(super) end_with_host: bool,
    pub(super) terminate: Option<Duration>,
    pub(super) ports: (u16, u16),
    pub(super) name: Option<String>,
    pub(super) stdout: Option<Writer>,
    pub(super) stderr: Option<Writer>,
    pub(super) raw_stderr: Option<Writer>,
    #[cfg(feature = "grpc")]
    pub(super) grpc_message_limit: usize,
    pub(super) multiplex_grpc: bool,
    pub(super) required_version: Option<semver::VersionReq>,
    pub(super) stdio: Option<StdioConnection>,
    pub(super) calls: Calls,
    pub(super) tls: HostOptions,
    #[cfg(feature = "netrpc")]
    pub(super) record: Option<std::path::PathBuf>,
}

impl ClientBuilder {
    pub(super) fn new(handshake: Handshake) -> Self {
        Self {
            handshake,
            sets: BTreeMap::new(),
            // Go's default list has net/rpc alone, so that a host meets gRPC only when it asked for it.
            allowed: vec![if cfg!(feature = "netrpc") { Protocol::NetRpc } else { Protocol::Grpc }],
            command: None,
            reattach: None,
            runner: None,
            on_exit: None,
            managed: false,
            log_file: None,
            checksum: None,
            sockets: SocketConfig::default(),
            start_timeout: START_TIMEOUT,
            inherit_env: true,
            end_with_host: true,
            terminate: None,
            ports: (0, 0),
            name: None,
            stdout: None,
            stderr: None,
            raw_stderr: None,
            #[cfg(feature = "grpc")]
            grpc_message_limit: crate::DEFAULT_MESSAGE_LIMIT,
            multiplex_grpc: false,
            required_version: None,
            stdio: None,
            calls: Calls::default(),
            tls: HostOptions::default(),
            #[cfg(feature = "netrpc")]
            record: None,
        }
    }

    /// Adds a plugin to the set of the handshake's own version. Go's `Plugins`.
    pub fn plugin(mut self, name: impl Into<String>, plugin: impl Plugin) -> Self {
        let set = self.sets.entry(self.handshake.version).or_default();
        *set = std::mem::take(set).plugin(name, plugin);
        self
    }

    /// Offers `plugins` as the set of an application version; the plugin process chooses the highest that both
    /// know. What [`plugin`](Self::plugin) added under the same version stays only if it came later. Go's `VersionedPlugins`.
    pub fn version(mut self, version: u32, plugins: PluginSet) -> Self {
        self.sets.insert(version, plugins);
        self
    }

    /// Refuses a plugin whose semantic version does not fit, which it states with [`Server::plugin_version`](crate::Server::plugin_version):
    /// [`start`](Self::start) fails with [`PluginVersion`](crate::ErrorKind::PluginVersion) then, also for one that states none, as all plugins on
    /// Go's library. A pre-release fits only what names one. By default nobody asks.
    pub fn require_version(mut self, required: semver::VersionReq) -> Self {
        self.required_version = Some(required);
        self
    }

    /// The program to start. Go's `Cmd`.
    pub fn command(mut self, command: impl Into<PluginCommand>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Connects to a plugin that runs already instead of starting one. Its process, if it is one of this system, is watched; [`Client::kill`] ends it,
    /// unless the config is one of a test; dropping the client leaves it alone. What it prints and logs does not
    /// come here any more, except for what goes through the protocol. Go's `Reattach`.
    ///
    /// A plugin with one-time certificates or multiplexed gRPC cannot be found again.
    pub fn reattach(mut self, config: ReattachConfig) -> Self {
        self.reattach = Some(Reattach { config, find: None });
        self
    }

    /// [`reattach`](Self::reattach) to what is no process of this system, a container for example: `find` says what
    /// is running. The address in the config is one that this host can reach. Go's `ReattachFunc`.
    pub fn reattach_with<F, Fut, R>(mut self, config: ReattachConfig, find: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
        R: AttachedRunner,
    {
        let find = || async { Ok(Arc::new(find().await?) as Arc<dyn AttachedRunner>) };
        self.reattach = Some(Reattach { config, find: Some(Box::new(|| Box::pin(find()))) });
        self
    }

    /// Has something else than a command run the plugin: `make` gets what the plugin needs and returns what will run it. Go's
    /// `RunnerFunc`.
    pub fn runner<F, Fut, R>(mut self, make: F) -> Self
    where
        F: FnOnce(RunnerSpec) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
        R: Runner,
    {
        let make = |spec| async { Ok(Arc::new(make(spec).await?) as Arc<dyn Runner>) };
        self.runner = Some(MakeRunner(Box::new(|spec| Box::pin(make(spec)))));
        self
    }

    /// Where the directories for Unix sockets are made, the plugin's and this host's for it; the system's place for temporary files by
    /// default. A socket's path can have about a hundred bytes. Go's `UnixSocketConfig.TempDir`, which it heeds for runners only.
    ///
    /// A plugin that [outlives](Self::outlives_host) this host puts its sockets into this directory itself.
    pub fn unix_socket_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.sockets.base = Some(dir.into());
        self
    }

    /// The group, by name or number, whose members may connect: for a plugin that runs as another user. The sockets get the mode 0660,
    /// directories made for them 0770. Means nothing on Windows. Go's `UnixSocketConfig.Group`.
    pub fn unix_socket_group(mut self, group: impl Into<String>) -> Self {
        self.sockets.group = Some(group.into());
        self
    }

    /// Starts the plugin only if its executable has this checksum. Go's `SecureConfig`.
    ///
    /// On Linux exactly the bytes that were verified run. A file that somebody else than root can write is copied into memory for that: such a
    /// plugin sees no path in `/proc/self/exe`, and capabilities of its file do not count. The checksum covers the one file that
    /// the command names: of a script not its interpreter, of a binary not its shared libraries. Other systems start the path
    /// right after it was verified.
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// The transports that this host accepts; net/rpc alone by default, as in Go. Go's `AllowedProtocols`.
    pub fn allowed_protocols(mut self, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        self.allowed = protocols.into_iter().collect();
        self
    }

    /// How long the plugin may take to print its handshake line; 60 seconds by default. Go's `StartTimeout`.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.start_timeout = limit;
        self
    }

    /// Keeps the host's environment from the plugin, which then gets the command's entries and the protocol's
    /// alone. Go's `SkipHostEnv`.
    pub fn skip_host_env(mut self, skip: bool) -> Self {
        self.inherit_env = !skip;
        self
    }

    /// Lets the plugin live on when this process dies without having ended it. By default the system ends it
    /// (Linux, Windows), so that a crashed host leaves no orphans; go-plugin leaves them.
    pub fn outlives_host(mut self, outlives: bool) -> Self {
        self.end_with_host = !outlives;
        self
    }

    /// Has the plugin write its standard error, which is its log, to the end of this file, and not to this host: for one that
    /// [outlives](Self::outlives_host) it. A Go plugin ends by SIGPIPE when it logs and its host is gone, and no later host gets its log.
    pub fn log_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.log_file = Some(file.into());
        self
    }

    /// When a plugin does not quit as asked, sends it SIGTERM and waits `grace` before it is killed. Without this,
    /// as in Go, a plugin that does not quit is killed.
    pub fn terminate_first(mut self, grace: Duration) -> Self {
        self.terminate = Some(grace);
        self
    }

    /// Has `callback` called once when the plugin has ended, whoever caused it; not for one that was detached before. Calls it
    /// on a task of the runtime, where it must not block. The future for the same is [`Client::exited`].
    pub fn on_exit(mut self, callback: impl FnOnce(Option<ExitStatus>) + Send + 'static) -> Self {
        self.on_exit = Some(Box::new(callback));
        self
    }

    /// Puts the client among those that [`cleanup_clients`](crate::cleanup_clients) ends. Go's `Managed`.
    pub fn managed(mut self, managed: bool) -> Self {
        self.managed = managed;
        self
    }

    /// The TCP ports for plugins that cannot listen on a Unix socket; 10000 to 25000 by default. Go's `MinPort` and `MaxPort`.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.ports = (*ports.start(), *ports.end());
        self
    }

    /// The largest gRPC message, in bytes and both ways, that clients and brokered servers of this host are told
    /// to allow ([`GrpcChannel::message_limit`](crate::GrpcChannel::message_limit)); 2 GiB − 1 by default, as for a Go
    /// host. A Go plugin may accept only 4 MiB.
    #[cfg(feature = "grpc")]
    pub fn grpc_message_limit(mut self, bytes: usize) -> Self {
        self.grpc_message_limit = bytes;
        self
    }

    /// Has all gRPC connections, those of the broker too, share one socket; off by default. A gRPC plugin that cannot do that
    /// is refused. Go's `GRPCBrokerMultiplex`, known to plugins on go-plugin v1.6.0 and later.
    #[cfg(feature = "grpc")]
    pub fn multiplex_grpc(mut self, multiplex: bool) -> Self {
        self.multiplex_grpc = multiplex;
        self
    }

    /// Has the plugin's standard input and output be the connection, for plugins that share neither a file system nor a network with this
    /// host: in a container, a virtual machine, at the other end of `ssh`. Off by default. An extension of this crate, which the plugin has
    /// to allow ([`Server::connect_over_stdio`](crate::Server::connect_over_stdio)); plugins on go-plugin cannot.
    ///
    /// Everything else stays: logs on standard error, the plugin's output through the protocol, callbacks, TLS. gRPC is always
    /// multiplexed there, whatever [`multiplex_grpc`](Self::multiplex_grpc) says. The connection is the only one, so that nobody
    /// can reattach to the plugin, and it ends with it. A command's own standard input is replaced; a [`Runner`] has to
    /// hand over its plugin's.
    pub fn connect_over_stdio(mut self, mode: StdioConnection) -> Self {
        self.stdio = Some(mode);
        self
    }

    /// Has host and plugin make certificates for each other, and encrypt every connection between them; off by default. A host on
    /// another machine or of another user cannot get in between. Go's `AutoMTLS`; see [`AutoMtls`](crate::AutoMtls) for plugins that
    /// cannot do it.
    #[cfg(feature = "tls")]
    pub fn auto_mtls(mut self, mode: crate::AutoMtls) -> Self {
        self.tls.auto = Some(mode);
        self
    }

    /// Encrypts every connection with certificates of your own, for plugins that do so with
    /// [`tls_provider`](crate::Server::tls_provider): a rustls `ClientConfig`, or a [`TlsConfig`](crate::TlsConfig) if this host also
    /// serves what its plugin calls back. Go's `TLSConfig`.
    #[cfg(feature = "tls")]
    pub fn tls_config(mut self, config: impl Into<crate::TlsConfig>) -> Self {
        self.tls.own = Some(config.into());
        self
    }

    /// How long a call to a dispensed object may take, on either transport; as long as the plugin lives by default, as in Go. A call that
    /// takes longer fails with a [timeout](crate::Error::is_timeout) and is given up. Over gRPC the plugin is told the deadline, and one
    /// that the call has of its own (`Request::set_timeout`) counts instead; it bounds streams as a whole.
    ///
    /// To bound a single call, use `tokio::time::timeout`: dropping a call gives it up.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.calls.timeout = Some(limit);
        self
    }

    /// Has the plugin told when a call over net/rpc is given up, so that its work on it ends: off by default. Plugins on this library understand
    /// it, and Go plugins on `keegancsmith/rpc`; others answer that they do not, which is ignored. Over gRPC they are always told.
    #[cfg(feature = "netrpc")]
    pub fn send_cancel(mut self, on: bool) -> Self {
        self.calls.tell_cancelled = on;
        self
    }

    /// Has calls over net/rpc say which trace they belong to, in fields of their header that Go plugins skip: off by default. Plugins on this
    /// library read them; see [`trace`](crate::trace). Over gRPC calls always say it.
    #[cfg(feature = "netrpc")]
    pub fn send_trace_context(mut self, on: bool) -> Self {
        self.calls.send_trace = on;
        self
    }

    /// The plugin's name in this host's logs, where its lines have the target `plugin.NAME`; the file name of the
    /// command by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where what the plugin prints on its standard output goes; nowhere by default. Go's `SyncStdout`.
    ///
    /// A writer that does not keep up slows the transfer down, never the plugin: what does not fit into its buffer
    /// goes to its log.
    pub fn stdout(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.stdout = Some(Box::new(writer));
        self
    }

    /// The same for what the plugin's own code prints on standard error once it serves. Go's `SyncStderr`.
    pub fn stderr(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.stderr = Some(Box::new(writer));
        self
    }

    /// Where a copy of the plugin's raw standard error goes: log lines, panics, what it prints before it serves. A
    /// writer that does not keep up loses output. Go's `Stderr`.
    pub fn raw_stderr(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.raw_stderr = Some(Box::new(writer));
        self
    }

    /// Records everything that crosses the connection to a net/rpc plugin into a file, for debugging; off by default. Inside of
    /// TLS, so in clear text. `cargo xtask decode FILE`, in the sources of this crate, prints it frame by frame and call by call;
    /// [`muxbroker::recording`] is the format. What was in the file is lost, so give each start a file of its own; one that
    /// cannot be made fails the start.
    ///
    /// Nothing waits for the file. If it cannot be written any more, or not fast enough, a warning says so and the recording
    /// ends; the connection goes on. The recording is complete when [`Client::kill`] returns.
    #[cfg(feature = "netrpc")]
    pub fn record(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.record = Some(path.into());
        self
    }

    /// Starts the plugin, reads its handshake line and connects to it. Must run on a tokio runtime with I/O and time
    /// enabled. Go's `Client.Start` and `Client.Client` in one.
    ///
    /// Cancel safe: dropping the future ends the process.
    ///
    /// # Errors
    /// [`Error::kind`](crate::Error::kind) tells a command that cannot be started from a plugin that exits, stays silent, prints
    /// something else, has another version or transport, proves to be somebody else, or cannot be connected to. The process is ended in
    /// every case.
    pub async fn start(self) -> Result<Client> {
        start::start(self).await
    }
}

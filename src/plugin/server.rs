//! `serve`: the life of a plugin process.

use super::{
    cookie,
    host_watch::HostWatch,
    over_stdio,
    signals::ignore_interrupts,
    stdio::{Outlet, Redirect},
};
use crate::{
    Error, Handshake, HandshakeLine, Plugin, PluginSet, Protocol, Result,
    handshake::{boolean, env},
    logs::HclogJson,
    negotiate::{choose, offered_versions},
    net::{ListenOptions, Listener, UNIX_BY_DEFAULT},
    tls::{PluginOptions, PluginTls, Security},
};
use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    net::IpAddr,
    ops::RangeInclusive,
    pin::{Pin, pin},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use tracing_subscriber::layer::SubscriberExt as _;

/// How long a plugin that was told to stop waits for the host to take the rest of its output; what is left then
/// goes to its log.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);

/// Serves plugins to the host that started this process. Go's `plugin.Serve`.
///
/// ```no_run
/// # use go_plugin::{Handshake, Result};
/// # const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
/// # #[go_plugin::interface] trait Greeter { async fn greet(&self) -> Result<String>; }
/// # struct GreeterHello;
/// # #[go_plugin::interface] impl Greeter for GreeterHello { async fn greet(&self) -> Result<String> { Ok("Hello!".into()) } }
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     go_plugin::serve(HANDSHAKE).plugin("greeter", GreeterPlugin::new(GreeterHello)).await
/// }
/// ```
pub fn serve(handshake: Handshake) -> Server {
    Server {
        handshake,
        sets: BTreeMap::new(),
        plugin_version: None,
        outlives_host: false,
        place: Place::default(),
        over_stdio: false,
        #[cfg(feature = "grpc")]
        grpc_message_limit: crate::DEFAULT_MESSAGE_LIMIT,
        tls: PluginOptions::default(),
    }
}

/// What a plugin process serves; awaiting it serves. Go's `plugin.ServeConfig`.
#[must_use = "a server does nothing unless awaited"]
#[derive(Debug)]
pub struct Server {
    handshake: Handshake,
    sets: BTreeMap<u32, PluginSet>,
    plugin_version: Option<semver::Version>,
    outlives_host: bool,
    place: Place,
    over_stdio: bool,
    #[cfg(feature = "grpc")]
    grpc_message_limit: usize,
    pub(super) tls: PluginOptions,
}

/// Where a plugin listens.
#[derive(Clone, Debug, Default)]
enum Place {
    /// Where plugins do on this system.
    #[default]
    Usual,
    Unix,
    Tcp(IpAddr, RangeInclusive<u16>),
}

impl Server {
    /// Adds a plugin to the set of the handshake's own version. Go's `Plugins`.
    pub fn plugin(mut self, name: impl Into<String>, plugin: impl Plugin) -> Self {
        let set = self.sets.entry(self.handshake.version()).or_default();
        *set = std::mem::take(set).plugin(name, plugin);
        self
    }

    /// Serves `plugins` to hosts that choose this application version. All plugins of one version share one transport:
    /// gRPC if each has that half, else net/rpc. Go's `VersionedPlugins`.
    pub fn version(mut self, version: u32, plugins: PluginSet) -> Self {
        self.sets.insert(version, plugins);
        self
    }

    /// States the semantic version of this plugin, for hosts that [ask](crate::Client::plugin_version) or
    /// [require](crate::ClientBuilder::require_version) one; those on Go's library never do. Has nothing to do with the application version
    /// that [`version`](Self::version) is about.
    ///
    /// ```
    /// # use go_plugin::{Handshake, Result};
    /// # const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
    /// let version = env!("CARGO_PKG_VERSION").parse().expect("Cargo's versions are semantic");
    /// let server = go_plugin::serve(HANDSHAKE).plugin_version(version);
    /// ```
    pub fn plugin_version(mut self, version: semver::Version) -> Self {
        self.plugin_version = Some(version);
        self
    }

    /// Keeps serving when the host that started this process has died. By default a plugin notices that its standard error has
    /// lost its reader, and ends, so that a crashed host leaves no orphans; Go's plugins stay.
    pub fn outlives_host(mut self, outlives: bool) -> Self {
        self.outlives_host = outlives;
        self
    }

    /// Listens on TCP, on the first free port of `ports` (0 lets the system choose), and through `ip`; by default a plugin listens on
    /// a Unix socket, or where there are none on TCP for this machine alone, in its host's range of ports.
    ///
    /// **Whoever can connect can call**, and with an `ip` other than a loopback address that may be anybody: see `docs/network.md` of the
    /// repository, and demand certificates with [`tls_provider`](Self::tls_provider). Brokered gRPC connections stay on this
    /// machine.
    pub fn listen_tcp(mut self, ip: IpAddr, ports: RangeInclusive<u16>) -> Self {
        self.place = Place::Tcp(ip, ports);
        self
    }

    /// Listens on a Unix socket on Windows too (since its version 1803), for brokered gRPC connections as well: in the directory that its
    /// host made for it, which only the host's user can look into, while whoever is on the machine can connect to a TCP port. Elsewhere
    /// this is the default. An extension of this crate; its hosts and go-plugin's connect to either.
    pub fn listen_unix(mut self) -> Self {
        self.place = Place::Unix;
        self
    }

    /// Has this process's standard input and output be the connection, for hosts that ask for it
    /// ([`ClientBuilder::connect_over_stdio`](crate::ClientBuilder::connect_over_stdio)); for all others, and on Windows, the plugin
    /// listens as ever. Off by default. An extension of this crate.
    ///
    /// From the start of serving on, whoever reads standard input is at its end, and what is printed goes to the host as ever:
    /// neither this program nor its children can get into the connection. The plugin ends with the connection, even one that
    /// [outlives](Self::outlives_host) its host otherwise.
    pub fn connect_over_stdio(mut self, allow: bool) -> Self {
        self.over_stdio = allow;
        self
    }

    /// The largest gRPC message, in bytes and both ways, that the services of this plugin are told to allow
    /// ([`GrpcServices::message_limit`](crate::GrpcServices::message_limit)), brokered ones included; 2 GiB − 1 by default. A Go plugin
    /// accepts 4 MiB.
    #[cfg(feature = "grpc")]
    pub fn grpc_message_limit(mut self, bytes: usize) -> Self {
        self.grpc_message_limit = bytes;
        self
    }

    /// Encrypts every connection with certificates of your own, for hosts that do so with
    /// [`tls_config`](crate::ClientBuilder::tls_config). `provider` returns a rustls `ServerConfig`, or a
    /// [`TlsConfig`](crate::TlsConfig) if this plugin also calls what its host serves; it is called once, before the handshake, and an error
    /// of its ends the plugin. Go's `TLSProvider`.
    ///
    /// Without it a plugin takes part in AutoMTLS when its host asks for that, and nothing is encrypted otherwise.
    #[cfg(feature = "tls")]
    pub fn tls_provider<F, T, E>(mut self, provider: F) -> Self
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
        T: Into<crate::TlsConfig>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.tls.provider = Some(Box::new(|| provider().map(Into::into).map_err(Into::into)));
        self
    }

    /// Serves until the host tells the plugin to quit. The same as awaiting the server.
    ///
    /// From the handshake on, what this process prints goes to the host, and everything that was printed before this
    /// returns arrives there. SIGINT is ignored, as Ctrl-C in a shell reaches the host too, which decides.
    /// If the environment lacks the magic cookie, this explains on standard error what the program is and **exits the process**.
    ///
    /// # Errors
    /// Whatever makes serving impossible, before the handshake line is printed. Return it from `main`, so that the process ends with a
    /// failure and its host knows more than that there was no line.
    pub async fn run(self) -> Result<()> {
        let served = self.serve().await;
        if let Err(error) = &served {
            report(error);
        }
        served
    }

    async fn serve(mut self) -> Result<()> {
        self.handshake.check()?;
        if !cookie::is_set(&self.handshake) {
            cookie::refuse();
        }
        let (version, protocol, set) = self.chosen(std::env::var(env::PROTOCOL_VERSIONS).ok().as_deref())?;
        let (host, sentry) = if self.outlives_host { None } else { Some(HostWatch::new()?) }.unzip();
        let _interrupts = ignore_interrupts()?;
        // Before any code of the application runs: what it prints must not come before the handshake line.
        let redirect = Redirect::install(sentry.flatten())?;
        let over_stdio = self.goes_over_stdio(std::env::var(env::CONNECT_STDIO).ok());
        // There is but one connection, and brokered ones need a place.
        let multiplex = over_stdio || says_true(std::env::var(env::MULTIPLEX_GRPC).ok());
        let multiplex = protocol == Protocol::Grpc && multiplex;
        let tls = std::mem::take(&mut self.tls);
        let PluginTls { security, certificate } =
            tls.prepare(std::env::var_os(env::CLIENT_CERT), protocol)?;
        let service = self.service(protocol, &set, redirect.outlet(), multiplex, security)?;
        let listener = if over_stdio { over_stdio::listen(&redirect)? } else { self.listen()? };
        let line = HandshakeLine {
            version,
            address: listener.address()?,
            protocol,
            server_certificate: certificate,
            multiplex: multiplex.then_some(true),
        };
        debug!(network = line.address.network(), address = %line.address, "plugin address");
        redirect.print(&format!("{line}\n"))?;

        let quit = CancellationToken::new();
        let mut serving = pin!(service.run(listener, quit.clone(), redirect.finish(OUTPUT_GRACE)));
        tokio::select! {
            () = &mut serving => {}
            () = host_gone(host.as_ref()) => {
                warn!("the host is gone, so its plugin ends");
                quit.cancel();
                serving.await;
            }
        }
        Ok(())
    }

    /// Whether standard input and output are the connection, for a host that set this variable.
    pub(super) fn goes_over_stdio(&self, variable: Option<String>) -> bool {
        cfg!(unix) && self.over_stdio && says_true(variable)
    }

    pub(super) fn listen(&self) -> Result<Listener> {
        let options = self.listen_options()?;
        Listener::bind(&match self.place.clone() {
            Place::Tcp(ip, ports) => options.on_tcp(ip, ports),
            Place::Usual | Place::Unix => options,
        })
    }

    /// Where it listens for its host unless on a TCP port of its own choice, and for brokered connections in any case.
    fn listen_options(&self) -> Result<ListenOptions> {
        ListenOptions::from_process_env(UNIX_BY_DEFAULT || matches!(self.place, Place::Unix))
    }

    pub(super) fn service(
        &self,
        protocol: Protocol,
        set: &PluginSet,
        output: Outlet,
        multiplex: bool,
        security: Security,
    ) -> Result<Service> {
        let stated = self.plugin_version.as_ref();
        let _ = multiplex; // without gRPC there is nothing to multiplex
        match protocol {
            #[cfg(feature = "netrpc")]
            Protocol::NetRpc => {
                Ok(Service::NetRpc(crate::netrpc::PluginServer::build(set, stated, output, security)?))
            }
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                let limit = self.grpc_message_limit;
                let brokered = if multiplex { None } else { Some(self.listen_options()?) };
                let server =
                    crate::grpc::PluginServer::build(set, stated, output, limit, brokered, security)?;
                Ok(Service::Grpc(server))
            }
            #[cfg(not(all(feature = "netrpc", feature = "grpc")))]
            other => Err(Error::misuse(format!("this plugin was built without the feature for {other}"))),
        }
    }

    /// The version, transport and plugins for a host that offers `list`.
    pub(super) fn chosen(&self, list: Option<&str>) -> Result<(u32, Protocol, PluginSet)> {
        let mut own = Vec::with_capacity(self.sets.len());
        for (version, set) in self.sets.iter().filter(|(_, set)| !set.is_empty()) {
            own.push((*version, set.protocol()?));
        }
        let nothing = || Error::misuse("nothing to serve: add a plugin with `plugin` or `version`");
        let (version, protocol) = choose(&offered_versions(list), &own).ok_or_else(nothing)?;
        let set = self.sets.get(&version).ok_or_else(nothing)?;
        Ok((version, protocol, set.clone()))
    }
}

impl IntoFuture for Server {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The transport's half of serving, complete before the handshake line is printed.
pub(super) enum Service {
    #[cfg(feature = "netrpc")]
    NetRpc(crate::netrpc::PluginServer),
    #[cfg(feature = "grpc")]
    Grpc(crate::grpc::PluginServer),
}

impl Service {
    /// Serves until a host says quit or `quit` is cancelled. `finish` ends the redirection of the output: it runs while the
    /// hosts are still connected, so that they get the last of it.
    pub(super) async fn run(
        self,
        listener: Listener,
        quit: CancellationToken,
        finish: impl Future<Output = ()> + Send,
    ) {
        crate::heap::keep_freed_blocks();
        match self {
            #[cfg(feature = "netrpc")]
            Self::NetRpc(server) => server.serve(listener, quit, finish).await,
            #[cfg(feature = "grpc")]
            Self::Grpc(server) => server.serve(listener, quit, finish).await,
        }
    }
}

/// Whether the host set the variable to what Go reads as true. Go answers `true` to any text, and multiplexes only then.
pub(super) fn says_true(variable: Option<String>) -> bool {
    variable.as_deref().and_then(boolean).unwrap_or(false)
}

/// Waits for the host's death, for ever if it is not watched.
async fn host_gone(host: Option<&HostWatch>) {
    match host {
        Some(host) => host.host_gone().await,
        None => std::future::pending().await,
    }
}

/// One hclog line for the host: whatever the program's `main` does with the error, its log tells why there was no
/// handshake.
fn report(error: &Error) {
    // A plugin without a usable standard error has nobody to tell.
    if let Ok(json) = HclogJson::stderr() {
        let subscriber = tracing_subscriber::registry().with(json);
        tracing::subscriber::with_default(subscriber, || tracing::error!(%error, "plugin init error"));
    }
}

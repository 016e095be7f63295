//! The plugin's end of net/rpc: every connection is a session with control, stdout and stderr streams, and with what its
//! host dispenses.

use super::{
    client::codec,
    control::{CONTROL, DISPENSE, DISPENSER, PING, PLUGIN, QUIT, VERSION},
    scope::BrokerScope,
    serving::Observed,
};
use crate::{
    PluginSet, Result,
    calls::Target,
    net::{ACCEPT_PAUSE, Connection, Halves, Listener},
    plugin::{Channel, Outlet, Source},
    tls::Security,
};
use ::netrpc::{Args, DispatchError, Empty, Handling, Reply, Server, ServerBuilder, Service};
use muxbroker::{Config, MuxBroker, Session, Stream};
use semver::Version;
use std::{future::Future, io, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt as _, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, warn};

/// How long a new connection may take to open its three streams. They come in one packet; Go has no limit, so that whoever
/// connects and stays silent keeps a connection open for ever.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long calls under way may take to finish when the host asked the plugin to quit. The host waits for two seconds in
/// all before it kills.
const QUIT_GRACE: Duration = Duration::from_secs(1);

/// Everything that a net/rpc plugin serves.
pub(crate) struct PluginServer {
    set: Arc<PluginSet>,
    version: Option<Arc<str>>,
    output: Outlet,
    security: Security,
}

impl PluginServer {
    /// Checks that everything in `set` can be served. Hosts get `output`, and `version` if they ask.
    pub(crate) fn build(
        set: &PluginSet,
        version: Option<&Version>,
        output: Outlet,
        security: Security,
    ) -> Result<Self> {
        for (name, entry) in set.entries() {
            entry.check_netrpc_server(name)?;
        }
        let version = version.map(|version| version.to_string().into());
        Ok(Self { set: Arc::new(set.clone()), version, output, security })
    }

    /// Serves every host that connects until one says quit, or `quit` is cancelled. A host that goes away ends its own
    /// session only: another may come, unless there is but one connection. `finish` runs while the last hosts are connected and ends the output.
    pub(crate) async fn serve(
        self,
        listener: Listener,
        quit: CancellationToken,
        finish: impl Future<Output = ()>,
    ) {
        let Self { set, version, output, security } = self;
        let hosts = TaskTracker::new();
        let accepting = async {
            loop {
                match listener.accept().await {
                    Ok(io) => {
                        let (set, output, quit) = (Arc::clone(&set), output.clone(), quit.clone());
                        let host = Host { set, version: version.clone(), output, quit };
                        hosts.spawn(secured(security.clone(), host, io));
                        if listener.has_one_connection() {
                            hosts.close();
                            return hosts.wait().await;
                        }
                    }
                    Err(error) => {
                        warn!(%error, "error accepting a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = quit.cancelled() => {}
            () = accepting => {}
        }
        drop((listener, output));
        hosts.close();
        finish.await;
        // Each ends by itself within its grace; this is for a session whose socket takes no more.
        let _ = timeout(2 * QUIT_GRACE, hosts.wait()).await;
    }
}

/// A connection from its first byte on.
async fn secured(security: Security, host: Host, io: Connection) {
    let secured = tokio::select! {
        secured = security.accept(io) => secured,
        () = host.quit.cancelled() => return,
    };
    match secured {
        Ok(io) => host.serve(io).await,
        Err(error) => warn!(%error, "refused a connection"),
    }
}

/// One connected host.
struct Host {
    set: Arc<PluginSet>,
    version: Option<Arc<str>>,
    output: Outlet,
    quit: CancellationToken,
}

impl Host {
    async fn serve(self, io: impl Halves) {
        let (read, write) = io.halves();
        let session = Session::server_halves(read, write, Config::default());
        if let Err(error) = self.serve_session(&session).await {
            debug!(%error, "connection of a host ended");
        }
        session.close().await;
    }

    async fn serve_session(self, session: &Session) -> io::Result<()> {
        let fixed = async {
            io::Result::Ok([
                session.accept().await.map_err(io::Error::other)?,
                session.accept().await.map_err(io::Error::other)?,
                session.accept().await.map_err(io::Error::other)?,
            ])
        };
        let [control, stdout, stderr] = timeout(OPEN_TIMEOUT, fixed).await??;
        let broker = MuxBroker::new(session.clone());
        let end = CancellationToken::new();
        let _end_on_drop = end.clone().drop_guard();
        let delivering = TaskTracker::new();
        for (stream, channel) in [(stdout, Channel::Stdout), (stderr, Channel::Stderr)] {
            delivering.spawn(deliver(self.output.source(), channel, stream, session.clone(), end.clone()));
        }
        delivering.close();

        let dispenser = Dispenser { set: self.set, broker };
        let server = Server::builder()
            .service(CONTROL, Control { quit: self.quit.clone(), version: self.version })
            .service(DISPENSER, dispenser)
            .drain_timeout(QUIT_GRACE)
            .build()
            .map_err(io::Error::other)?;
        let mut serving = std::pin::pin!(server.serve(control));
        let served = tokio::select! {
            served = &mut serving => served,
            () = self.quit.cancelled() => {
                // The answer to the request to quit is among what is drained.
                server.shutdown();
                let served = serving.await;
                let _ = timeout(QUIT_GRACE, delivering.wait()).await;
                served
            }
        };
        served.map_err(io::Error::other)
    }
}

/// Sends one of this process's standard streams to the host.
async fn deliver(
    source: Source,
    channel: Channel,
    mut stream: Stream,
    session: Session,
    end: CancellationToken,
) {
    loop {
        let next = tokio::select! {
            next = source.next(channel) => next,
            () = end.cancelled() => return,
        };
        let Some(chunk) = next else { break };
        let written = tokio::select! {
            written = stream.write_all(chunk.bytes()) => written,
            () = end.cancelled() => return,
        };
        match written {
            // Until it is with the system, this process might exit and lose it.
            Ok(()) => tokio::select! {
                () = session.sent() => chunk.done(),
                () = end.cancelled() => return,
            },
            // The host is gone; the next one, or the log, gets this chunk.
            Err(_) => return,
        }
    }
    let _ = stream.shutdown().await;
}

struct Control {
    quit: CancellationToken,
    version: Option<Arc<str>>,
}

impl Service for Control {
    fn dispatch(&self, method: &str, args: Args<'_>) -> std::result::Result<Handling, DispatchError> {
        match (method, &self.version) {
            (PING, _) => args.discard()?,
            (QUIT, _) => {
                args.discard()?;
                self.quit.cancel();
            }
            (VERSION, Some(version)) => {
                args.discard()?;
                let version = version.to_string();
                return Ok(Box::pin(async { Ok(Reply::new(version)) }));
            }
            _ => return Err(args.unknown_method()),
        }
        Ok(Box::pin(async { Ok(Reply::new(Empty {})) }))
    }
}

struct Dispenser {
    set: Arc<PluginSet>,
    broker: MuxBroker,
}

impl Service for Dispenser {
    fn dispatch(&self, method: &str, args: Args<'_>) -> std::result::Result<Handling, DispatchError> {
        if method != DISPENSE {
            return Err(args.unknown_method());
        }
        let name: String = args.decode()?;
        let (set, broker) = (Arc::clone(&self.set), self.broker.clone());
        Ok(Box::pin(async move {
            let entry = set.get(&name).map_err(|error| error.to_string())?;
            let service = entry.netrpc_server(&name, broker.clone()).map_err(|error| error.to_string())?;
            Ok(Reply::new(serve_object(&broker, Some(name.into()), service)))
        }))
    }
}

/// Serves an object on a stream that the other side is to dial, and says under which id. It is `plugin`'s if it was dispensed.
pub(super) fn serve_object(broker: &MuxBroker, plugin: Option<Arc<str>>, service: Box<dyn Service>) -> u32 {
    let id = broker.next_id();
    let scope = Arc::new(BrokerScope::new(broker.clone(), Target::default()));
    let service = Observed { plugin, service };
    broker
        .accept_and_serve(id, move |stream: Stream| async move {
            let server = ServerBuilder::for_codec(codec()).service(PLUGIN, service).scope(scope).build();
            let server = match server {
                Ok(server) => server,
                Err(error) => return error!(%error, "cannot serve an object"),
            };
            if let Err(error) = server.serve(stream).await {
                debug!(%error, "connection to a dispensed object ended");
            }
        })
        .detach();
    id
}

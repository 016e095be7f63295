//! A host's connection to its plugin.

use std::{
    error::Error as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use go_plugin_proto::{Empty, grpc_controller_client::GrpcControllerClient};
use muxbroker::{Config, Session};
use tokio::time::{Instant, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::Status;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{
    GrpcBroker, GrpcChannel, Mux, Sockets, Ways, channel::ChannelSlot, dial::Dialer, health, io::Io, stdio,
    version,
};
use crate::{
    Address, Error, ErrorKind, Result,
    calls::Target,
    host::Writer,
    net::{Connection, Overheard},
    tls::Security,
};

/// What a host wants of the connection to its plugin.
pub(crate) struct HostOptions {
    /// Where the plugin's output goes.
    pub(crate) stdout: Writer,
    pub(crate) stderr: Writer,
    /// How long connecting may take.
    pub(crate) limit: Duration,
    pub(crate) message_limit: usize,
    /// The process at the other end.
    pub(crate) target: Target,
    /// All connections share one socket.
    pub(crate) multiplex: bool,
    pub(crate) security: Security,
    /// Where brokered connections are listened for, if they do not.
    pub(crate) sockets: Sockets,
}

/// The connection that a host makes after the handshake, with the broker's and the output's stream on it.
/// Dropping it cuts the connection.
pub(crate) struct HostConnection {
    channel: GrpcChannel,
    _slot: ChannelSlot,
    broker: GrpcBroker,
    /// Ends with the broker.
    _broker_stream: AbortOnDropHandle<()>,
    output: Mutex<Option<AbortOnDropHandle<()>>>,
    mux: Option<Multiplexed>,
    closed: CancellationToken,
}

/// The session that all connections share, and the task that hands out its streams.
struct Multiplexed {
    mux: Arc<Mux>,
    _accepting: AbortOnDropHandle<()>,
}

impl Multiplexed {
    fn new<IO: Io + 'static>(io: IO) -> Self {
        let session = Session::client(io, Config::default());
        let mux = Mux::new(Some(session.clone()));
        let accepting = mux.clone();
        let accepting = tokio::spawn(async move { accepting.accept(session, None).await });
        Self { mux, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// The first connection, and those in its place: nobody knocks for them.
    fn dialer(&self) -> Dialer {
        let mux = self.mux.clone();
        Dialer::new(move || {
            let mux = mux.clone();
            async move { mux.open().await }
        })
    }
}

impl HostConnection {
    /// Connects and makes sure that gRPC answers. Like Go it then opens the broker's stream and the one for
    /// the plugin's output.
    pub(crate) async fn open(address: &Address, options: HostOptions) -> Result<Self> {
        if options.multiplex {
            let io = Connection::dial(address, options.limit).await?;
            return Self::multiplexed(io, options).await;
        }
        let dialer = Dialer::to(address.clone(), options.limit);
        Self::over(dialer, options).await
    }

    /// The same over any byte stream, with brokered connections on sockets of their own.
    pub(super) async fn over(dialer: Dialer, options: HostOptions) -> Result<Self> {
        Self::connect(dialer, None, options).await
    }

    /// The same with all connections on this byte stream.
    pub(crate) async fn multiplexed<IO: Io + 'static>(io: IO, options: HostOptions) -> Result<Self> {
        let (io, heard) = Overheard::new(io);
        let mux = Multiplexed::new(io);
        match Self::connect(mux.dialer(), Some(mux), options).await {
            Err(_) if heard.tls_alert() => {
                let text = "the plugin expects TLS on its socket: where connections are multiplexed, it is inside each of them";
                Err(Error::new(ErrorKind::Security, text))
            }
            connected => connected,
        }
    }

    async fn connect(dialer: Dialer, mux: Option<Multiplexed>, options: HostOptions) -> Result<Self> {
        let HostOptions { stdout, stderr, limit, message_limit, security, sockets, target, .. } = options;
        let ways = match &mux {
            Some(mux) => Ways::Multiplexed(mux.mux.clone()),
            None => Ways::Sockets(sockets),
        };
        let closed = CancellationToken::new();
        let connected = dialer.secured(security.clone()).connect(limit, closed.clone()).await?;
        let (channel, slot) = GrpcChannel::new(connected, closed.clone(), message_limit);
        let broker = GrpcBroker::for_process(target, ways, message_limit, security);
        let broker_stream = tokio::spawn(broker.clone().run(channel.clone()));
        // Begun here, so that its request goes out before any call: otherwise what the first calls print, and
        // all if the plugin ends then, finds nobody who takes it.
        let mut output = Box::pin(stdio::copy(channel.clone(), stdout, stderr));
        let ended = tokio::select! {
            biased;
            () = &mut output => true,
            () = std::future::ready(()) => false,
        };
        let output = tokio::spawn(async move {
            if !ended {
                output.await;
            }
        });
        Ok(Self {
            channel,
            _slot: slot,
            broker,
            _broker_stream: AbortOnDropHandle::new(broker_stream),
            output: Mutex::new(Some(AbortOnDropHandle::new(output))),
            mux,
            closed,
        })
    }

    pub(crate) fn channel(&self) -> GrpcChannel {
        self.channel.clone()
    }

    pub(crate) fn broker(&self) -> GrpcBroker {
        self.broker.clone()
    }

    /// Asks for the plugin's health. As in Go any answer will do.
    pub(crate) async fn ping(&self, limit: Duration) -> Result<()> {
        let mut client = HealthClient::new(self.channel());
        let request = HealthCheckRequest { service: health::SERVICE.to_owned() };
        match tokio::time::timeout(limit, client.check(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) => Err(status.into()),
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("no answer to a ping within {limit:?}"))),
        }
    }

    /// The version that the plugin states.
    pub(crate) async fn version(&self, limit: Duration) -> Result<Option<String>> {
        version::ask(self.channel(), limit).await
    }

    /// Asks the plugin to end, takes in what it printed until then, and closes the connection, all within
    /// `limit`.
    ///
    /// # Errors
    ///
    /// Only if the plugin does not react in time. That it cut the connection instead of answering is how
    /// Go plugins do it.
    pub(crate) async fn shutdown(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        self.broker.close();
        let mut client = GrpcControllerClient::new(self.channel());
        let answered = timeout_at(deadline, client.shutdown(Empty {})).await;
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(output) = output.filter(|_| !refused(&answered)) {
            // Its stream ends when the plugin's server does.
            let _ = timeout_at(deadline, output).await;
        }
        self.cut();
        match answered {
            Ok(_) => Ok(()),
            Err(_) => {
                let text = format!("no answer to the request to shut down within {limit:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

impl HostConnection {
    fn cut(&self) {
        self.closed.cancel();
        if let Some(multiplexed) = &self.mux {
            multiplexed.mux.close();
        }
    }
}

/// Whether the plugin is still there and will not end: it serves no controller, for one.
fn refused<T, E>(answered: &Result<Result<T, Status>, E>) -> bool {
    matches!(answered, Ok(Err(status)) if status.source().is_none())
}

impl Drop for HostConnection {
    fn drop(&mut self) {
        self.broker.close();
        self.cut();
    }
}

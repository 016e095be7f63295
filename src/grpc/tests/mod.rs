//! A host and a plugin in one process, on sockets or in memory.

mod broker;
mod client;
mod connect;
mod hostile;
mod http2;
mod output;
mod serving;
#[cfg(feature = "tls")]
mod tls;

#[allow(clippy::all, missing_docs, unreachable_pub, reason = "generated")]
#[path = "generated/testing.rs"]
pub(crate) mod peer;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use muxbroker::{Config, Session};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    sync::{Notify, mpsc},
    time::timeout,
};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{Request, Response, Status, Streaming};

use self::peer::{Blob, Id, Nothing, peer_client::PeerClient, peer_server, peer_server::PeerServer};
use super::{
    DEFAULT_MESSAGE_LIMIT, GrpcBroker, HostConnection, HostOptions, Mux, PluginServer, Served, Sockets, Ways,
    dial::Dialer, server::RunningServer,
};
use crate::{
    Error, ErrorKind,
    calls::Target,
    plugin::{Channel as Output, Printed},
    tls::Security,
};

/// Generous: the machine may be slow and shared.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

pub(super) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, work).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} in vain for {what}"),
    }
}

/// Does what it is asked to.
#[derive(Clone)]
pub(super) struct Peer {
    broker: GrpcBroker,
    pub(super) hanging: Arc<AtomicUsize>,
    offered: Arc<Mutex<Vec<Served>>>,
}

impl Peer {
    pub(super) fn new(broker: &GrpcBroker) -> Self {
        Self { broker: broker.clone(), hanging: Arc::default(), offered: Arc::default() }
    }

    /// Waits until so many calls hang.
    pub(super) async fn until_hanging(&self, count: usize) {
        within("the calls to begin or end", async {
            while self.hanging.load(Ordering::SeqCst) != count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    pub(super) fn server(self) -> PeerServer<Self> {
        PeerServer::new(self).max_decoding_message_size(DEFAULT_MESSAGE_LIMIT)
    }
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

type Blobs = Pin<Box<dyn Stream<Item = Result<Blob, Status>> + Send>>;

#[tonic::async_trait]
impl peer_server::Peer for Peer {
    type TicksStream = Blobs;
    type TalkStream = Blobs;

    async fn echo(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn make(&self, request: Request<Id>) -> Result<Response<Blob>, Status> {
        Ok(Response::new(Blob { data: vec![0; request.get_ref().id as usize] }))
    }

    async fn hang(&self, _: Request<Nothing>) -> Result<Response<Nothing>, Status> {
        self.hanging.fetch_add(1, Ordering::SeqCst);
        let _counted = Counted(self.hanging.clone());
        std::future::pending().await
    }

    async fn ticks(&self, _: Request<Nothing>) -> Result<Response<Blobs>, Status> {
        let ticks = tokio_stream::iter(0_u64..).then(|n| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(Blob { data: n.to_le_bytes().to_vec() })
        });
        Ok(Response::new(Box::pin(ticks)))
    }

    async fn talk(&self, request: Request<Streaming<Blob>>) -> Result<Response<Blobs>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }

    async fn fail(&self, request: Request<Blob>) -> Result<Response<Nothing>, Status> {
        Err(Error::msg(String::from_utf8_lossy(&request.get_ref().data)).into())
    }

    async fn call_back(&self, request: Request<Id>) -> Result<Response<Blob>, Status> {
        let channel = self.broker.dial(request.get_ref().id).await?;
        PeerClient::new(channel).echo(Blob { data: b"called back".to_vec() }).await
    }

    async fn offer(&self, _: Request<Nothing>) -> Result<Response<Id>, Status> {
        let served = self.broker.serve(Peer::new(&self.broker).server())?;
        let id = served.id();
        self.offered.lock().unwrap().push(served);
        Ok(Response::new(Id { id }))
    }
}

/// Collects what is written to it.
#[derive(Clone, Default)]
pub(super) struct Collect {
    bytes: Arc<Mutex<Vec<u8>>>,
    more: Arc<Notify>,
}

impl Collect {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    pub(super) async fn wait_for(&self, length: usize) -> Vec<u8> {
        within("output", async {
            loop {
                let more = self.more.notified();
                if self.bytes().len() >= length {
                    return self.bytes();
                }
                more.await;
            }
        })
        .await
    }
}

impl AsyncWrite for Collect {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.bytes.lock().unwrap().extend_from_slice(buf);
        self.more.notify_waiters();
        self.more.notify_one();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A wire in memory that can be dialled any number of times.
pub(super) fn wire() -> (Dialer, impl Stream<Item = io::Result<DuplexStream>> + Send + 'static) {
    let (sender, receiver) = mpsc::channel::<io::Result<DuplexStream>>(16);
    let dialer = Dialer::new(move || {
        let sender = sender.clone();
        async move {
            let (ours, theirs) = duplex(64 << 10);
            let gone = |_| Error::new(ErrorKind::Disconnected, "nobody listens");
            sender.send(Ok(theirs)).await.map_err(gone)?;
            Ok(ours)
        }
    });
    (dialer, ReceiverStream::new(receiver))
}

/// A connection without a host behind it, until `closed` is cancelled.
pub(super) async fn attempt(dialer: Dialer, closed: CancellationToken) -> Result<super::GrpcChannel, Error> {
    let client = dialer.connect(DEADLINE, closed.clone()).await?;
    Ok(super::GrpcChannel::new(client, closed, DEFAULT_MESSAGE_LIMIT).0)
}

pub(super) async fn connected(dialer: Dialer) -> super::GrpcChannel {
    attempt(dialer, CancellationToken::new()).await.unwrap()
}

pub(super) fn options(
    stdout: impl AsyncWrite + Send + Unpin + 'static,
    stderr: impl AsyncWrite + Send + Unpin + 'static,
) -> HostOptions {
    let (stdout, stderr) = (Box::new(stdout), Box::new(stderr));
    HostOptions {
        stdout,
        stderr,
        limit: DEADLINE,
        message_limit: DEFAULT_MESSAGE_LIMIT,
        target: Target::default(),
        multiplex: false,
        security: Security::default(),
        sockets: Sockets::private(),
    }
}

/// For a test that is not about output.
pub(super) fn no_output() -> HostOptions {
    options(tokio::io::sink(), tokio::io::sink())
}

/// How a host and its plugin secure their connections.
#[derive(Clone, Default)]
pub(super) struct Secured {
    pub(super) host: Security,
    pub(super) plugin: Security,
}

impl Secured {
    /// In plain, and with TLS where that is built in.
    fn each() -> Vec<Self> {
        vec![
            Self::default(),
            #[cfg(feature = "tls")]
            Self::tls(),
        ]
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls() -> Self {
        let (host, plugin) = crate::tls::tests::pair(crate::Protocol::Grpc);
        Self { host, plugin }
    }
}

/// A plugin that serves [`Peer`], and its host.
pub(super) struct Pair {
    pub(super) host: HostConnection,
    pub(super) plugin: RunningServer,
    pub(super) peer: Peer,
    pub(super) printed: Printed,
    pub(super) stdout: Collect,
    pub(super) stderr: Collect,
    /// Hands out the plugin's streams where all connections are multiplexed.
    _accepting: Option<AbortOnDropHandle<()>>,
}

impl Pair {
    /// One of each kind: with sockets for brokered connections and with one wire for all, in plain and with TLS.
    pub(super) async fn each() -> Vec<Self> {
        let mut pairs = Vec::new();
        for secured in Secured::each() {
            pairs.push(Self::secured(secured.clone()).await);
            pairs.push(Self::multiplexed(secured).await);
        }
        pairs
    }

    pub(super) async fn multiplexed(secured: Secured) -> Self {
        let (ours, theirs) = duplex(64 << 10);
        Self::multiplexed_over(ours, theirs, secured).await
    }

    pub(super) async fn multiplexed_over(
        ours: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        theirs: DuplexStream,
        secured: Secured,
    ) -> Self {
        let (sender, streams) = mpsc::channel(16);
        let mux = Mux::new(None);
        let session = Session::server(theirs, Config::default());
        let accepting = mux.clone();
        let accepting = tokio::spawn(async move { accepting.accept(session, Some(sender)).await });
        let broker = GrpcBroker::new(Ways::Multiplexed(mux.clone()), DEFAULT_MESSAGE_LIMIT, secured.plugin);
        let (peer, printed) = (Peer::new(&broker), Printed::default());
        let server = PluginServer::new(broker, Some(mux), printed.outlet(), |_, services| {
            services.add(peer.clone().server())
        });
        let plugin = server.unwrap().start(ReceiverStream::new(streams).map(Ok));
        let (stdout, stderr) = (Collect::default(), Collect::default());
        let options = HostOptions { security: secured.host, ..options(stdout.clone(), stderr.clone()) };
        let host = HostConnection::multiplexed(ours, options).await.unwrap();
        let accepting = Some(AbortOnDropHandle::new(accepting));
        Self { host, plugin, peer, printed, stdout, stderr, _accepting: accepting }
    }

    pub(super) async fn new() -> Self {
        Self::secured(Secured::default()).await
    }

    pub(super) async fn secured(secured: Secured) -> Self {
        let (dialer, incoming) = wire();
        let printed = Printed::default();
        let (plugin, peer) = secured_plugin(&printed, incoming, secured.plugin);
        let (stdout, stderr) = (Collect::default(), Collect::default());
        let options = HostOptions { security: secured.host, ..options(stdout.clone(), stderr.clone()) };
        let host = HostConnection::over(dialer, options).await.unwrap();
        Self { host, plugin, peer, printed, stdout, stderr, _accepting: None }
    }

    /// Runs the plugin to its end, which a host asks for, in the order that a plugin process has.
    pub(super) fn run(plugin: RunningServer, printed: Printed) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            plugin.shutdown_requested().await;
            printed.finish(DEADLINE).await;
            plugin.stop().await;
        })
    }

    pub(super) fn client(&self) -> PeerClient<super::GrpcChannel> {
        let channel = self.host.channel();
        let limit = channel.message_limit();
        PeerClient::new(channel).max_decoding_message_size(limit)
    }
}

pub(super) fn plugin(
    printed: &Printed,
    incoming: impl Stream<Item = io::Result<DuplexStream>> + Send + 'static,
) -> (RunningServer, Peer) {
    secured_plugin(printed, incoming, Security::default())
}

pub(super) fn secured_plugin(
    printed: &Printed,
    incoming: impl Stream<Item = io::Result<DuplexStream>> + Send + 'static,
    security: Security,
) -> (RunningServer, Peer) {
    let broker = GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, security);
    let peer = Peer::new(&broker);
    let server = PluginServer::new(broker, None, printed.outlet(), |_, services| {
        services.add_descriptors(include_bytes!("generated/descriptors.bin"));
        services.add(peer.clone().server())
    });
    (server.unwrap().start(incoming), peer)
}

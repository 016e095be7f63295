//! Plugins that mean harm: they cannot hang, crash or grow their host.

use super::*;
use crate::{Address, Fault};
use go_plugin_proto::{
    ConnInfo, StdioData,
    conn_info::Knock,
    grpc_broker_server::{GrpcBroker as Broker, GrpcBrokerServer},
    grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What a plugin written by hand says on the two streams that its host opens; nothing unless it is told to.
struct Hostile {
    broker: Mutex<Option<Messages<ConnInfo>>>,
    stdio: Mutex<Option<Messages<StdioData>>>,
}

impl Default for Hostile {
    fn default() -> Self {
        let silent = || Some(Box::pin(tokio_stream::pending()) as Messages<_>);
        Self {
            broker: Mutex::new(silent()),
            stdio: Mutex::new(Some(Box::pin(tokio_stream::pending()) as Messages<_>)),
        }
    }
}

impl Hostile {
    fn brokering(messages: impl Stream<Item = Result<ConnInfo, Status>> + Send + 'static) -> Self {
        Self { broker: Mutex::new(Some(Box::pin(messages))), ..Self::default() }
    }

    fn printing(messages: impl Stream<Item = Result<StdioData, Status>> + Send + 'static) -> Self {
        Self { stdio: Mutex::new(Some(Box::pin(messages))), ..Self::default() }
    }

    /// The host of it. Its other services are none, which is an answer as well.
    async fn host(self, options: HostOptions) -> (HostConnection, AbortOnDropHandle<()>) {
        let (dialer, incoming) = wire();
        let plugin = Arc::new(self);
        let serving = tonic::transport::Server::builder()
            .add_service(GrpcBrokerServer::from_arc(plugin.clone()))
            .add_service(GrpcStdioServer::from_arc(plugin))
            .serve_with_incoming(incoming);
        let serving = tokio::spawn(async move { serving.await.unwrap() });
        let host = within("the host", HostConnection::over(dialer, options)).await.unwrap();
        (host, AbortOnDropHandle::new(serving))
    }
}

#[tonic::async_trait]
impl Broker for Hostile {
    type StartStreamStream = Messages<ConnInfo>;

    async fn start_stream(
        &self,
        _: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Messages<ConnInfo>>, Status> {
        let messages = self.broker.lock().unwrap().take();
        messages.map(Response::new).ok_or_else(|| Status::unavailable("said it all"))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Hostile {
    type StreamStdioStream = Messages<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Messages<StdioData>>, Status> {
        let messages = self.stdio.lock().unwrap().take();
        messages.map(Response::new).ok_or_else(|| Status::unavailable("said it all"))
    }
}

/// It is there, and says that it knows no health: an answer.
async fn is_alive(host: &HostConnection) {
    let error = within("the answer", host.ping(DEADLINE)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Remote, "{error:?}");
}

fn info(service_id: u32, network: &str, address: &str) -> ConnInfo {
    ConnInfo { service_id, network: network.into(), address: address.into(), knock: None }
}

#[tokio::test]
async fn a_flood_of_connection_information_is_survived_by_the_host() {
    let (sender, received) = tokio::sync::oneshot::channel();
    let mut sender = Some(sender);
    let flood = (0..100_000).map(|id| match id % 4 {
        0 => info(id, "unix", "/nowhere"),
        1 => info(id, "", ""),
        2 => info(id, "tcp", &"9".repeat(1000)),
        _ => {
            let knock = Some(Knock { knock: id % 8 == 3, ack: true, error: "no".into() });
            ConnInfo { service_id: id, knock, ..ConnInfo::default() }
        }
    });
    let told = tokio_stream::iter(flood).map(Ok);
    let end = tokio_stream::once(()).map(move |()| {
        let _ = sender.take().map(|sender| sender.send(()));
        Ok(ConnInfo::default())
    });
    let (host, _plugin) = Hostile::brokering(told.chain(end)).host(no_output()).await;
    within("the flood", received).await.unwrap();
    is_alive(&host).await;
    let error = within("the dial", host.broker().dial(0)).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_stream_that_ends_fails_the_dials_and_nothing_else() {
    for how in [Ok(()), Err(Status::internal("boom"))] {
        let ended = tokio_stream::iter(how.err().map(Err));
        let (host, _plugin) = Hostile::brokering(ended).host(no_output()).await;
        let begin = tokio::time::Instant::now();
        let error = host.broker().dial(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error:?}");
        assert_eq!(begin.elapsed().as_secs(), 0, "the clock goes on only while everybody waits");
        is_alive(&host).await;
    }
}

fn printed(channel: i32, data: impl Into<Vec<u8>>) -> Result<StdioData, Status> {
    Ok(StdioData { channel, data: data.into() })
}

#[tokio::test]
async fn output_on_no_channel_is_dropped_and_an_oversized_piece_ends_the_output_alone() {
    let pieces =
        [printed(1, "one "), printed(0, "none"), printed(-7, "none"), printed(99, "none"), printed(1, "")];
    let more =
        [printed(2, "two"), printed(1, "three"), printed(1, vec![b'x'; 64 << 20]), printed(1, "never")];
    let pieces = tokio_stream::iter(pieces.into_iter().chain(more));
    let (stdout, stderr) = (Collect::default(), Collect::default());
    let options = options(stdout.clone(), stderr.clone());
    let (host, _plugin) = Hostile::printing(pieces.chain(tokio_stream::pending())).host(options).await;
    assert_eq!(stdout.wait_for(9).await, b"one three");
    assert_eq!(stderr.wait_for(3).await, b"two");
    is_alive(&host).await;
    assert_eq!(stdout.bytes(), b"one three");
}

/// Takes nothing.
struct Stuck;

impl AsyncWrite for Stuck {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn output_that_nobody_takes_is_not_collected() {
    /// What fits into the windows of HTTP/2 and the wires on the way, many times over.
    const MOST: usize = 8 << 20;
    const PIECE: usize = 32 << 10;

    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let endless = tokio_stream::iter(std::iter::repeat_with(move || {
        counter.fetch_add(PIECE, Ordering::SeqCst);
        printed(1, vec![b'x'; PIECE])
    }));
    let (host, _plugin) = Hostile::printing(endless).host(options(Stuck, tokio::io::sink())).await;
    for _ in 0..50 {
        is_alive(&host).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let taken = taken.load(Ordering::SeqCst);
    assert!(taken > 0 && taken < MOST, "{taken} bytes");
}

/// A plugin on a socket that sends these bytes, and then sends `again` for ever, and reads nothing.
async fn sends(bytes: Vec<u8>, again: Vec<u8>) -> (Address, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap().to_string());
    let task = tokio::spawn(async move {
        let send = |mut io: TcpStream, bytes: Vec<u8>, again: Vec<u8>| async move {
            let mut preface = [0; 24];
            io.read_exact(&mut preface).await?;
            io.write_all(&bytes).await?;
            while !again.is_empty() {
                io.write_all(&again).await?;
            }
            std::future::pending::<io::Result<()>>().await
        };
        loop {
            let (io, _) = listener.accept().await.unwrap();
            tokio::spawn(send(io, bytes.clone(), again.clone()));
        }
    });
    (address, AbortOnDropHandle::new(task))
}

/// An HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

const SETTINGS: u8 = 4;

#[tokio::test]
async fn frames_that_cannot_be_end_the_connection_in_time() {
    let settings = frame(SETTINGS, 0, 0, &[]);
    for (what, bytes) in [
        ("data of no stream", frame(0, 0, 0, b"x")),
        ("data of a stream that does not exist", frame(0, 0, 9, b"x")),
        ("headers that are none", frame(1, 4, 1, &[0xff; 100])),
        ("a push that nobody allowed", frame(5, 4, 1, &[0, 0, 0, 2, 0x82])),
        ("a ping of a wrong length", frame(6, 0, 0, b"x")),
        ("a window beyond the largest", frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("a frame that is too large", [&[0xff; 3], &[0, 0][..], &[0; 4], &[0; 1 << 16]].concat()),
        ("settings that cannot be", frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1])),
        ("goodbye", frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11])),
    ] {
        let (address, _task) = sends([settings.clone(), bytes].concat(), Vec::new()).await;
        let ping = async { HostConnection::open(&address, no_output()).await?.ping(DEADLINE).await };
        let error = within(what, ping).await.unwrap_err();
        assert!(
            matches!(error.fault(), Fault::Disconnected | Fault::Protocol | Fault::Remote),
            "{what}: {error:?}"
        );
    }
}

/// Each of these asks for an answer that the plugin never reads.
#[tokio::test]
async fn floods_of_frames_end_or_wait_but_are_not_collected() {
    for (what, again) in [
        ("pings", frame(6, 0, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("headers without an end", frame(9, 0, 1, &[0; 1024])),
        ("resets", frame(3, 0, 1, &[0; 4])),
        ("empty data", frame(0, 0, 1, &[])),
    ] {
        let (address, _task) = sends(frame(SETTINGS, 0, 0, &[]), again.repeat(100)).await;
        let limit = Duration::from_millis(500);
        let ping = async { HostConnection::open(&address, no_output()).await?.ping(limit).await };
        let error = within(what, ping).await.unwrap_err();
        assert!(
            matches!(error.fault(), Fault::Disconnected | Fault::Protocol | Fault::Timeout),
            "{what}: {error:?}"
        );
    }
}

/// The line said that all connections share one socket, and what is there is something else.
#[tokio::test]
async fn a_plugin_that_does_not_multiplex_after_all_is_named() {
    for (says, kind, text) in [
        // What an HTTP/2 server begins with could be yamux.
        (&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])[..], ErrorKind::Timeout, "nobody spoke gRPC"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ErrorKind::Protocol, "does not multiplex"),
        (&[0x15, 3, 1, 0, 2, 2, 70], ErrorKind::Security, "expects TLS"),
        (b"", ErrorKind::Timeout, "nobody spoke gRPC"),
    ] {
        let (near, mut far) = duplex(1024);
        let peer = async move {
            far.write_all(says).await.unwrap();
            let _ = far.read_to_end(&mut Vec::new()).await;
        };
        let options = HostOptions { limit: Duration::from_millis(500), ..no_output() };
        let open = HostConnection::multiplexed(near, options);
        let (opened, ()) = within("the check", async { tokio::join!(open, peer) }).await;
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), kind, "{says:?}: {error:?}");
        assert!(error.to_string().contains(text), "{says:?}: {error}");
    }
}

use super::*;
use crate::grpc::stdio;
use go_plugin_proto::{StdioData, grpc_stdio_client::GrpcStdioClient, stdio_data::Channel};
use std::sync::atomic::AtomicBool;
use tokio::io::ReadBuf;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn both_streams_arrive_complete_and_apart() {
    let pair = Pair::new().await;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for n in 0..1000 {
        let (line, other) = (format!("out {n}\n"), format!("err {n}\n"));
        out.extend_from_slice(line.as_bytes());
        err.extend_from_slice(other.as_bytes());
        pair.printed.print(Output::Stdout, line);
        pair.printed.print(Output::Stderr, other);
    }
    assert_eq!(pair.stdout.wait_for(out.len()).await, out);
    assert_eq!(pair.stderr.wait_for(err.len()).await, err);
}

#[tokio::test]
async fn a_large_piece_travels_in_several_messages() {
    let pair = Pair::new().await;
    let large: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    pair.printed.print(Output::Stdout, &large);
    assert_eq!(pair.stdout.wait_for(large.len()).await, large);
}

#[tokio::test]
async fn what_was_printed_before_the_end_is_delivered() {
    for _ in 0..20 {
        let pair = Pair::new().await;
        let stopping = Pair::run(pair.plugin, pair.printed.clone());
        for n in 0..500 {
            pair.printed.print(Output::Stdout, format!("{n}\n"));
        }
        pair.host.shutdown(DEADLINE).await.unwrap();
        let expected: String = (0..500).map(|n| format!("{n}\n")).collect();
        assert_eq!(String::from_utf8(pair.stdout.bytes()).unwrap(), expected);
        assert_eq!(pair.printed.left(), 0);
        stopping.await.unwrap();
    }
}

#[tokio::test]
async fn a_later_consumer_takes_over() {
    let (dialer, incoming) = wire();
    let printed = Printed::default();
    let (_plugin, _) = plugin(&printed, incoming);
    let closed = CancellationToken::new();
    let channel = attempt(dialer, closed).await.unwrap();
    let mut client = GrpcStdioClient::new(channel);
    let mut first = client.stream_stdio(()).await.unwrap().into_inner();
    printed.print(Output::Stdout, "one");
    assert_eq!(first.next().await.unwrap().unwrap().data, b"one");

    let mut second = client.stream_stdio(()).await.unwrap().into_inner();
    assert!(within("the first stream to end", first.next()).await.is_none());
    printed.print(Output::Stderr, "two");
    let two = StdioData { channel: Channel::Stderr.into(), data: b"two".to_vec() };
    let mut next = second.next().await.unwrap().unwrap();
    // It was under way to the first when that ended: delivered twice rather than never.
    if next.data == b"one" {
        next = second.next().await.unwrap().unwrap();
    }
    assert_eq!(next, two);
}

/// Reads nothing once the flag is set.
struct Deaf<IO>(IO, Arc<AtomicBool>);

impl<IO: AsyncRead + Unpin> AsyncRead for Deaf<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.1.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Deaf<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn what_a_lost_host_did_not_take_goes_to_the_next() {
    let (sender, receiver) = mpsc::channel(16);
    let printed = Printed::default();
    let (_plugin, _) = plugin(&printed, ReceiverStream::new(receiver));
    let deaf = Arc::new(AtomicBool::new(false));
    let (dialled, flag) = (sender.clone(), deaf.clone());
    let dialer = Dialer::new(move || {
        let (dialled, flag) = (dialled.clone(), flag.clone());
        async move {
            let (ours, theirs) = duplex(1024);
            dialled.send(Ok(theirs)).await.unwrap();
            Ok(Deaf(ours, flag))
        }
    });
    let closed = CancellationToken::new();
    let channel = attempt(dialer, closed.clone()).await.unwrap();
    let mut client = GrpcStdioClient::new(channel);
    let mut lost = client.stream_stdio(()).await.unwrap().into_inner();
    printed.print(Output::Stdout, "first");
    assert_eq!(lost.next().await.unwrap().unwrap().data, b"first");

    deaf.store(true, Ordering::SeqCst);
    let text: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    printed.print(Output::Stdout, &text);
    // HTTP/2 takes it; the wire does not.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(printed.left(), text.len());
    closed.cancel();
    drop((client, lost));

    let (ours, theirs) = duplex(64 << 10);
    sender.send(Ok(theirs)).await.unwrap();
    let ours = Arc::new(Mutex::new(Some(ours)));
    let dialer = Dialer::new(move || {
        let io = ours.lock().unwrap().take();
        async move { io.ok_or_else(|| Error::new(ErrorKind::Disconnected, "dialled already")) }
    });
    let stdout = Collect::default();
    let _host = HostConnection::over(dialer, options(stdout.clone(), tokio::io::sink())).await.unwrap();
    assert_eq!(stdout.wait_for(text.len()).await, text);
    within("the delivery to be known", async {
        while printed.left() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn output_in_the_queue_of_a_session_is_not_delivered_yet() {
    let (ours, theirs) = duplex(1024);
    let deaf = Arc::new(AtomicBool::new(false));
    let pair = Pair::multiplexed_over(Deaf(ours, deaf.clone()), theirs, Secured::default()).await;
    pair.printed.print(Output::Stdout, "first");
    assert_eq!(pair.stdout.wait_for(5).await, b"first");
    within("the delivery to be known", async {
        while pair.printed.left() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;

    deaf.store(true, Ordering::SeqCst);
    // HTTP/2 and the session take it; the wire does not.
    pair.printed.print(Output::Stdout, [b'x'; 10_000]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(pair.printed.left(), 10_000);
}

/// Fails at the first write.
struct Broken;

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_broken_sink_does_not_hold_up_the_other() {
    let (dialer, incoming) = wire();
    let printed = Printed::default();
    let (_plugin, _) = plugin(&printed, incoming);
    let stderr = Collect::default();
    let _host = HostConnection::over(dialer, options(Broken, stderr.clone())).await.unwrap();
    printed.print(Output::Stdout, "lost");
    printed.print(Output::Stdout, "lost");
    printed.print(Output::Stderr, "kept");
    assert_eq!(stderr.wait_for(4).await, b"kept");
}

#[tokio::test]
async fn a_plugin_without_the_service_is_no_failure() {
    let (dialer, incoming) = wire();
    let broker =
        GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, Security::default());
    let stop = CancellationToken::new();
    let mut services = broker.services();
    services.add(Peer::new(&broker).server()).unwrap();
    let _serving = crate::grpc::serve::Serving::start(services.into_router(), incoming, stop, DEADLINE);
    let host = HostConnection::over(dialer, no_output()).await.unwrap();
    // Answered with Unimplemented, and so ends.
    within("the copying to end", stdio::copy(host.channel(), tokio::io::sink(), tokio::io::sink())).await;
    let answer = PeerClient::new(host.channel()).echo(Blob { data: b"hello".to_vec() }).await.unwrap();
    assert_eq!(answer.into_inner().data, b"hello");
    // No controller either: the answer says so at once, and the connection is closed.
    host.shutdown(DEADLINE).await.unwrap();
}

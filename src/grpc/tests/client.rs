//! What calls look like to a server, and what ends them.

use super::*;
use crate::{
    GrpcChannel,
    grpc::{GrpcServices, io::Severable, serve::Serving},
};
use tonic::transport::Server;

fn blob(data: impl Into<Vec<u8>>) -> Blob {
    Blob { data: data.into() }
}

fn lone_peer() -> Peer {
    Peer::new(&GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, Security::default()))
}

/// A server that is set so, and a connection to it.
async fn served(server: Server, peer: Peer) -> (PeerClient<GrpcChannel>, AbortOnDropHandle<()>) {
    let (dialer, incoming) = wire();
    let mut server = server;
    let serving = server.add_service(peer.server()).serve_with_incoming(incoming);
    let serving = AbortOnDropHandle::new(tokio::spawn(async move { serving.await.unwrap() }));
    let channel = connected(dialer).await;
    let limit = channel.message_limit();
    (PeerClient::new(channel).max_decoding_message_size(limit), serving)
}

#[tokio::test]
async fn the_head_of_a_call_is_a_grpc_clients() {
    let (tell, mut seen) = mpsc::unbounded_channel();
    let spy = tower::service_fn(move |request: http::Request<tonic::body::Body>| {
        tell.send(request).unwrap();
        std::future::ready(Ok(Status::aborted("seen").into_http::<tonic::body::Body>()))
    });
    let mut services = GrpcServices::new(DEFAULT_MESSAGE_LIMIT);
    services.add_router(["testing.Peer"], spy).unwrap();
    let (dialer, incoming) = wire();
    let _serving = Serving::start(services.into_router(), incoming, CancellationToken::new(), DEADLINE);
    let mut client = PeerClient::new(connected(dialer).await);
    for agent in [None, Some("greeter/1")] {
        let mut request = Request::new(blob("hello"));
        if let Some(agent) = agent {
            request.metadata_mut().insert("user-agent", agent.parse().unwrap());
        }
        client.echo(request).await.unwrap_err();
        let seen = seen.recv().await.unwrap();
        assert_eq!((seen.method(), seen.version()), (&http::Method::POST, http::Version::HTTP_2));
        assert_eq!(seen.uri(), "http://unused/testing.Peer/Echo");
        let text = |name| seen.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((text("te"), text("content-type")), (Some("trailers"), Some("application/grpc")));
        let ours = concat!("go-plugin-rust/", env!("CARGO_PKG_VERSION"));
        let expected = agent.map_or(ours.to_owned(), |theirs| format!("{theirs} {ours}"));
        assert_eq!(text("user-agent"), Some(expected.as_str()));
    }
}

#[tokio::test]
async fn calls_beyond_what_the_server_takes_at_once_wait() {
    let peer = lone_peer();
    let (client, _serving) = served(Server::builder().max_concurrent_streams(2), peer.clone()).await;
    client.clone().echo(blob("its settings are known")).await.unwrap();
    let hang = || {
        let mut client = client.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { client.hang(Nothing {}).await }))
    };
    let hanging = [hang(), hang()];
    peer.until_hanging(2).await;
    let waiting: Vec<_> = (0..10_u8)
        .map(|n| {
            let mut client = client.clone();
            tokio::spawn(async move { client.echo(blob([n])).await.unwrap().into_inner().data == [n] })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.iter().any(tokio::task::JoinHandle::is_finished));
    drop(hanging);
    for waiting in waiting {
        assert!(within("its turn", waiting).await.unwrap());
    }
}

/// A window of 64 KiB for each call and for all, as servers have that were not set otherwise.
#[tokio::test]
async fn messages_beyond_the_windows_wait_for_room_each_in_its_call() {
    let small = Server::builder().initial_stream_window_size(1 << 16).initial_connection_window_size(1 << 16);
    let (client, _serving) = served(small, lone_peer()).await;
    let calls = (0..8_u8).map(|n| {
        let mut client = client.clone();
        async move {
            let data = vec![n; 1 << 20];
            assert_eq!(client.echo(blob(data.clone())).await.unwrap().into_inner().data, data);
        }
    });
    within("the echoes", futures_util::future::join_all(calls)).await;

    let talked = client.clone().talk(tokio_stream::iter((0..50).map(|n| blob(vec![n; 40_000])))).await;
    let echoed: Vec<_> = within("the talk", talked.unwrap().into_inner().collect::<Vec<_>>()).await;
    let firsts: Vec<u8> = echoed.into_iter().map(|blob| blob.unwrap().data[0]).collect();
    assert_eq!(firsts, (0..50).collect::<Vec<u8>>());
}

#[tokio::test]
async fn a_stream_of_messages_goes_on_after_the_answer_has_begun() {
    let (mut client, _serving) = served(Server::builder(), lone_peer()).await;
    let (messages, outgoing) = mpsc::channel(1);
    let mut answers = client.talk(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
    for n in 0..10_u8 {
        messages.send(blob([n])).await.unwrap();
        assert_eq!(within("the answer", answers.next()).await.unwrap().unwrap().data, [n]);
    }
    drop(messages);
    assert!(within("the end", answers.next()).await.is_none());
}

#[tokio::test]
async fn an_answer_that_is_dropped_ends_the_call_and_the_messages_it_was_sent() {
    let (mut client, _serving) = served(Server::builder(), lone_peer()).await;
    let (messages, outgoing) = mpsc::channel(1);
    let answers = client.talk(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
    messages.send(blob("one")).await.unwrap();
    drop(answers);
    within("the end of the messages", messages.closed()).await;
    client.echo(blob("two")).await.unwrap();
}

#[tokio::test]
async fn a_message_that_may_not_be_sent_is_the_callers_mistake() {
    let (client, _serving) = served(Server::builder(), lone_peer()).await;
    let status = client.clone().max_encoding_message_size(10).echo(blob("eleven letters")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::OutOfRange, "{status}");
    let error = Error::from(status);
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error:?}");
    client.clone().echo(blob("hello")).await.unwrap();
}

#[tokio::test]
async fn calls_that_find_the_connection_lost_share_the_next_one() {
    let (dialer, incoming) = wire();
    let dialled = Arc::new(AtomicUsize::new(0));
    let first = CancellationToken::new();
    let (count, cut) = (dialled.clone(), first.clone());
    let incoming = incoming.map(move |io| {
        let cut =
            if count.fetch_add(1, Ordering::SeqCst) == 0 { cut.clone() } else { CancellationToken::new() };
        io.map(|io| Severable::new(io, cut, || io::ErrorKind::BrokenPipe.into()))
    });
    let serving = Server::builder().add_service(lone_peer().server()).serve_with_incoming(incoming);
    let _serving = AbortOnDropHandle::new(tokio::spawn(serving));
    let client = PeerClient::new(connected(dialer).await);
    let mut hanging = client.clone();
    let hanging = tokio::spawn(async move { hanging.hang(Nothing {}).await });
    client.clone().echo(blob("one")).await.unwrap();
    first.cancel();
    let lost = within("the call to end", hanging).await.unwrap().unwrap_err();
    assert_eq!(lost.code(), tonic::Code::Unavailable, "{lost}");
    let calls = (0..20).map(|_| {
        let mut client = client.clone();
        async move { client.echo(blob("two")).await.map(drop).unwrap() }
    });
    within("the echoes", futures_util::future::join_all(calls)).await;
    assert_eq!(dialled.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_nobody_holds_is_closed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (dialer, mut incoming) = wire();
    let accepting = tokio::spawn(async move {
        let mut io = incoming.next().await.unwrap().unwrap();
        io.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        io
    });
    let channel = connected(dialer).await;
    let mut io = accepting.await.unwrap();
    drop(channel.clone());
    drop(channel);
    within("the end", io.read_to_end(&mut Vec::new())).await.unwrap();
}

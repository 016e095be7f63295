//! How connections end, and what everyone involved is told.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use common::{PATIENCE, client_and_peer, connect, server_and_peer};
use netrpc::{Client, Empty, Error, Methods, Server};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    sync::{Notify, Semaphore, oneshot},
    time::timeout,
};

fn assert_shut_down(error: &Error) {
    assert!(error.is_shutdown(), "{error:?}");
    assert_eq!(error.to_string(), "connection is shut down");
}

#[tokio::test]
async fn peer_that_goes_ends_every_call() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        peer.request::<bool>().await;
        peer.request::<bool>().await;
        drop(peer);
    };
    let (a, b, ()) =
        tokio::join!(client.call::<Empty, _>("A.B", &true), client.call::<Empty, _>("A.B", &true), script);
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert!(error.is_disconnected() && !error.is_shutdown(), "{error:?}");
        assert_eq!(error.to_string(), "unexpected EOF");
    }
    let later = client.call::<Empty, _>("A.B", &true).await.unwrap_err();
    assert_shut_down(&later);
    assert!(later.is_disconnected());
    assert_eq!(std::error::Error::source(&later).unwrap().to_string(), "unexpected EOF");
    assert!(client.is_closed());
    assert!(client.closed().await.is_disconnected());
}

/// What Go's server leaves behind when it cannot encode a reply.
#[tokio::test]
async fn stream_that_ends_between_header_and_body_is_an_error_while_reading_the_body() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        let (request, _) = peer.request::<bool>().await;
        let (service_method, seq) = (request.service_method, request.seq);
        peer.send(&common::Response { service_method, seq, error: String::new() }).await;
        drop(peer);
    };
    let (result, ()) = tokio::join!(client.call::<Empty, _>("A.B", &true), script);
    let error = result.unwrap_err();
    assert!(error.is_disconnected());
    assert_eq!(error.to_string(), "reading body unexpected EOF");
}

#[tokio::test]
async fn bytes_that_are_no_reply_end_every_call_with_the_decoders_text() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        peer.request::<bool>().await;
        // A value where the header should be.
        peer.send("not a header").await;
    };
    let (result, ()) = tokio::join!(client.call::<Empty, _>("A.B", &true), script);
    let error = result.unwrap_err();
    assert!(error.is_decode() && !error.is_disconnected(), "{error:?}");
    assert!(error.to_string().starts_with("gob: "), "{error}");
    assert_shut_down(&client.call::<Empty, _>("A.B", &true).await.unwrap_err());
    peer.expect_end().await;
}

#[tokio::test]
async fn closing_ends_calls_that_run_and_calls_that_follow() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let close = async {
        peer.request::<bool>().await;
        client.close().await;
        client.close().await;
    };
    let (result, ()) = tokio::join!(client.call::<Empty, _>("A.B", &true), close);
    let error = result.unwrap_err();
    assert_shut_down(&error);
    assert!(!error.is_disconnected());
    assert_shut_down(&client.call::<Empty, _>("A.B", &true).await.unwrap_err());
    assert_shut_down(&client.closed().await);
    peer.expect_end().await;
}

#[tokio::test]
async fn last_clone_closes_the_stream() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let clone = client.clone();
    let closed = client.closed();
    drop(client);
    let (answer, ()) = tokio::join!(clone.call::<bool, _>("A.B", &true), async {
        let (request, _) = peer.request::<bool>().await;
        peer.reply(&request, &true).await;
    });
    answer.unwrap();
    drop(clone);
    peer.expect_end().await;
    assert_shut_down(&timeout(PATIENCE, closed).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_peer_that_stopped_reading() {
    let (here, _there) = tokio::io::duplex(8);
    let client = Client::new(here);
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<Empty, _>("A.B", "beyond the pipe").await }
    });
    tokio::task::yield_now().await;
    let started = tokio::time::Instant::now();
    client.close().await;
    assert!(started.elapsed() <= netrpc::CLOSE_TIMEOUT);
    assert_shut_down(&call.await.unwrap().unwrap_err());
}

#[tokio::test]
async fn queue_that_stays_full_holds_callers_until_the_connection_ends() {
    let (here, there) = tokio::io::duplex(8);
    let client = Client::builder().queue_limit(1).build(here);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        calls.spawn(async move { client.call::<Empty, _>("A.B", "beyond the pipe").await });
    }
    tokio::task::yield_now().await;
    drop(there);
    for result in timeout(PATIENCE, calls.join_all()).await.unwrap() {
        assert!(result.unwrap_err().is_disconnected());
    }
}

#[test]
fn runtime_that_shuts_down_cancels_calls() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (client, _peer) = runtime.block_on(async { client_and_peer(Client::builder()) });
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = other.block_on(async {
        let call = client.call::<Empty, _>("A.B", &true);
        let stop = async {
            tokio::task::yield_now().await;
            runtime.shutdown_background();
        };
        timeout(PATIENCE, async { tokio::join!(call, stop).0 }).await.unwrap().unwrap_err()
    });
    assert!(error.is_cancelled(), "{error:?}");
}

/// A stream whose writes fail; reads wait for the test.
struct WriteCrasher {
    end: Arc<Notify>,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl AsyncRead for WriteCrasher {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let end = Arc::clone(&self.end);
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(async move { end.notified().await }));
        waiting.as_mut().poll(cx).map(Ok)
    }
}

impl AsyncWrite for WriteCrasher {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("fake write failure")))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn failed_write_is_the_error_of_the_call() {
    let client = Client::new(WriteCrasher { end: Arc::new(Notify::new()), waiting: None });
    let error = client.call::<bool, _>("foo", &1_i64).await.unwrap_err();
    assert_eq!(error.to_string(), "fake write failure");
    assert!(error.is_disconnected());
    assert_shut_down(&client.call::<bool, _>("foo", &1_i64).await.unwrap_err());
}

#[derive(Debug)]
struct Touchy;

impl<'de> serde::Deserialize<'de> for Touchy {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("do not touch")
    }
}

/// Where the decoder stands after that is not known, so that the connection ends; but nobody waits for ever.
#[tokio::test]
async fn reply_type_that_panics_ends_the_connection() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        let (request, _) = peer.request::<bool>().await;
        peer.request::<bool>().await;
        peer.reply(&request, &true).await;
    };
    let (a, b, ()) =
        tokio::join!(client.call::<Touchy, _>("A.B", &true), client.call::<bool, _>("A.B", &true), script);
    assert!(a.unwrap_err().is_cancelled());
    assert!(b.unwrap_err().is_cancelled());
    assert!(client.closed().await.is_cancelled());
    peer.expect_end().await;
}

#[tokio::test]
async fn argument_type_that_panics_is_answered_and_ends_the_connection() {
    let touchy = Methods::new().method("Touch", |_: Touchy| async { Ok::<_, String>(true) });
    let (serving, mut peer) = server_and_peer(&Server::builder().service("A", touchy).build().unwrap());
    peer.send_request("A.Touch", 0, &true).await;
    assert_eq!(peer.error().await.error, "panic in A.Touch: do not touch");
    assert!(timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap_err().is_decode());
    peer.expect_end().await;
}

fn sleepy() -> (Server, Arc<Notify>, Arc<Notify>) {
    let (started, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (start, end) = (Arc::clone(&started), Arc::clone(&finish));
    let sleep = move |text: String| {
        let (start, end) = (Arc::clone(&start), Arc::clone(&end));
        async move {
            start.notify_one();
            end.notified().await;
            Ok::<_, String>(text)
        }
    };
    let server = Server::builder()
        .service("A", Methods::new().method("Sleep", sleep))
        .drain_timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    (server, started, finish)
}

/// Go: a client that has closed its writing half still gets its replies.
#[tokio::test]
async fn end_of_requests_lets_handlers_finish_and_their_replies_out() {
    let (server, started, finish) = sleepy();
    let (serving, mut peer) = server_and_peer(&server);
    peer.send_request("A.Sleep", 0, "answered").await;
    started.notified().await;
    peer.io.shutdown().await.unwrap();
    finish.notify_one();
    assert_eq!(peer.response::<String>().await.1, "answered");
    peer.expect_end().await;
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_lets_handlers_finish_and_reads_no_more() {
    let (server, started, finish) = sleepy();
    let (serving, mut peer) = server_and_peer(&server);
    peer.send_request("A.Sleep", 0, "answered").await;
    started.notified().await;
    server.shutdown();
    tokio::task::yield_now().await;
    peer.send_request("A.Sleep", 1, "never read").await;
    finish.notify_one();
    assert_eq!(peer.response::<String>().await.1, "answered");
    peer.expect_end().await;
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    // A server that was shut down serves nothing.
    let (serving, mut peer) = server_and_peer(&server);
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn replies_that_wait_for_room_all_go_out_in_the_drain() {
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let wait = Methods::new().method("Wait", move |_: bool| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok::<_, String>(true)
        }
    });
    let server = Server::builder().service("A", wait).queue_limit(1).build().unwrap();
    let (serving, mut peer) = server_and_peer(&server);
    let begun = tokio::time::Instant::now();
    for seq in 0..3 {
        peer.send_request("A.Wait", seq, &true).await;
    }
    peer.io.shutdown().await.unwrap();
    // Time stands still until everybody waits: the handlers for the gate, the server for them.
    tokio::time::sleep(Duration::from_millis(1)).await;
    open.add_permits(3);
    for _ in 0..3 {
        assert!(peer.response::<bool>().await.1);
    }
    peer.expect_end().await;
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn handlers_that_outlast_the_drain_are_cancelled_and_answered() {
    let (server, started, _finish) = sleepy();
    let (serving, mut peer) = server_and_peer(&server);
    peer.send_request("A.Sleep", 3, "never").await;
    started.notified().await;
    let asked = tokio::time::Instant::now();
    server.shutdown();
    let error = peer.error().await;
    assert_eq!((error.seq, error.error.as_str()), (3, "context canceled"));
    peer.expect_end().await;
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(22), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn drain_does_not_wait_for_a_peer_that_stopped_reading() {
    let echo = Methods::new().method("Echo", |text: String| async move { Ok::<_, String>(text) });
    let server = Server::builder().service("A", echo).build().unwrap();
    let (here, there) = tokio::io::duplex(64);
    let serving = tokio::spawn(server.serve(here));
    let mut peer = common::Peer::new(there);
    peer.send_request("A.Echo", 0, &"x".repeat(1000)).await;
    peer.io.shutdown().await.unwrap();
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn dropped_serve_drops_its_handlers() {
    struct Guard(Option<oneshot::Sender<()>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.take().map(|dropped| dropped.send(()));
        }
    }
    let (dropped, was_dropped) = oneshot::channel();
    let guard = std::sync::Mutex::new(Some(Guard(Some(dropped))));
    let started = Arc::new(Notify::new());
    let start = Arc::clone(&started);
    let never = Methods::new().method("Never", move |_: bool| {
        let (guard, start) = (guard.lock().unwrap().take(), Arc::clone(&start));
        async move {
            start.notify_one();
            std::future::pending::<()>().await;
            drop(guard);
            Ok::<_, String>(true)
        }
    });
    let (serving, mut peer) = server_and_peer(&Server::builder().service("A", never).build().unwrap());
    peer.send_request("A.Never", 0, &true).await;
    started.notified().await;
    serving.abort();
    timeout(PATIENCE, was_dropped).await.unwrap().unwrap();
    peer.expect_end().await;
}

#[tokio::test]
async fn stream_that_ends_inside_a_request_is_reported_by_serve() {
    let (server, _, _) = sleepy();
    for cut in ["header", "body"] {
        let (serving, mut peer) = server_and_peer(&server);
        let mut bytes = Vec::new();
        let header = common::Request { service_method: "A.Sleep".into(), seq: 0 };
        peer.encoder.encode(&header, &mut bytes).unwrap();
        if cut == "header" {
            bytes.pop();
        }
        peer.send_raw(&bytes).await;
        peer.io.shutdown().await.unwrap();
        let error = timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap_err();
        assert!(error.is_disconnected());
        assert_eq!(error.to_string(), "unexpected EOF", "{cut}");
    }
}

#[tokio::test]
async fn request_that_is_no_request_closes_the_connection() {
    let (server, _, _) = sleepy();
    let (serving, mut peer) = server_and_peer(&server);
    peer.send("not a header").await;
    let error = timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap_err();
    assert!(error.is_decode());
    let text = error.to_string();
    assert!(text.starts_with("rpc: server cannot decode request: gob: "), "{text}");
    peer.expect_end().await;
}

#[tokio::test]
async fn what_the_peer_sent_before_it_went_is_carried_out() {
    let (ran, has_run) = oneshot::channel();
    let ran = std::sync::Mutex::new(Some(ran));
    let notify = Methods::new().method("Notify", move |_: bool| {
        let ran = ran.lock().unwrap().take();
        async move {
            ran.unwrap().send(()).unwrap();
            Ok::<_, String>(true)
        }
    });
    let (serving, mut peer) = server_and_peer(&Server::builder().service("A", notify).build().unwrap());
    peer.send_request("A.Nope", 0, &true).await;
    peer.send_request("A.Notify", 1, &true).await;
    drop(peer);
    timeout(PATIENCE, has_run).await.unwrap().unwrap();
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap_err();
}

/// One server may serve many streams, and ends each for itself.
#[tokio::test]
async fn streams_of_one_server_end_alone() {
    let echo = Methods::new().method("Echo", |text: String| async move { Ok::<_, String>(text) });
    let server = Server::builder().service("A", echo).build().unwrap();
    let (first, serving_first) = connect(&server);
    let (second, serving_second) = connect(&server);
    assert_eq!(first.call::<String, _>("A.Echo", "1").await.unwrap(), "1");
    first.close().await;
    timeout(PATIENCE, serving_first).await.unwrap().unwrap().unwrap();
    assert_eq!(second.call::<String, _>("A.Echo", "2").await.unwrap(), "2");
    server.shutdown();
    timeout(PATIENCE, serving_second).await.unwrap().unwrap().unwrap();
    assert!(second.closed().await.is_disconnected());
}

//! Calls that are given up: by their callers, by their deadlines.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    future::{Future, pending},
    sync::Arc,
    time::Duration,
};

use common::{CancelArgs, PATIENCE, client_and_peer, connect_with, server_and_peer};
use netrpc::{CallOptions, Client, Empty, Methods, Server};
use tokio::{sync::mpsc, time::timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Polls a future once, so that its request is sent.
async fn start<F: Future>(future: std::pin::Pin<&mut F>) {
    let mut future = Some(future);
    std::future::poll_fn(|cx| {
        if let Some(future) = future.take() {
            assert!(future.poll(cx).is_pending());
        }
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn call_ends_at_its_own_deadline() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let options = CallOptions::new().timeout(SECOND);
    let started = tokio::time::Instant::now();
    let error = client.call_with::<Empty, _>("A.B", &true, options).await.unwrap_err();
    assert_eq!(started.elapsed(), SECOND);
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), "call of A.B timed out after 1s");

    // The late reply finds nobody, and its type definitions are remembered all the same.
    let (late, _) = peer.request::<bool>().await;
    peer.reply(&late, &Empty).await;
    let (answer, ()) = tokio::join!(client.call::<Empty, _>("A.C", &true), async {
        let (request, _) = peer.request::<bool>().await;
        peer.reply(&request, &Empty).await;
    });
    answer.unwrap();
}

#[tokio::test(start_paused = true)]
async fn default_timeout_holds_for_calls_without_their_own() {
    let (client, _peer) = client_and_peer(Client::builder().default_timeout(5 * SECOND));
    let started = tokio::time::Instant::now();
    assert!(client.call::<Empty, _>("A.B", &true).await.unwrap_err().is_timeout());
    assert_eq!(started.elapsed(), 5 * SECOND);
    let own = CallOptions::new().timeout(7 * SECOND);
    assert!(client.call_with::<Empty, _>("A.B", &true, own).await.unwrap_err().is_timeout());
    assert_eq!(started.elapsed(), 12 * SECOND);
    let none = client.call_with::<Empty, _>("A.B", &true, CallOptions::new().no_timeout());
    assert!(timeout(100 * SECOND, none).await.is_err(), "nothing ended the call");
}

#[tokio::test(start_paused = true)]
async fn deadline_covers_the_wait_for_room() {
    let (here, _there) = tokio::io::duplex(16);
    let client = Client::builder().queue_limit(1).build(here);
    let options = CallOptions::new().timeout(SECOND);
    let call = || client.call_with::<Empty, _>("A.B", "an argument beyond the pipe", options.clone());
    // The first is being written, the second queued, the third waits.
    let (a, b, c) = tokio::join!(call(), call(), call());
    for error in [a, b, c] {
        assert!(error.unwrap_err().is_timeout());
    }
}

#[tokio::test]
async fn dropped_call_leaves_nothing_and_its_late_reply_is_skipped() {
    let (client, mut peer) = client_and_peer(Client::builder());
    {
        let mut call = std::pin::pin!(client.call::<Empty, _>("A.B", &true));
        start(call.as_mut()).await;
    }
    let (late, _) = peer.request::<bool>().await;
    peer.reply(&late, "too late").await;
    let (answer, ()) = tokio::join!(client.call::<String, _>("A.C", &true), async {
        let (request, _) = peer.request::<bool>().await;
        assert_eq!(request.service_method, "A.C");
        peer.reply(&request, "in time").await;
    });
    assert_eq!(answer.unwrap(), "in time");
}

#[tokio::test]
async fn cancel_is_sent_for_a_dropped_call_if_asked_for() {
    let (client, mut peer) = client_and_peer(Client::builder().send_cancel(true));
    let first = async {
        let (request, _) = peer.request::<bool>().await;
        peer.reply(&request, &true).await;
    };
    let (answer, ()) = tokio::join!(client.call::<bool, _>("A.B", &true), first);
    assert!(answer.unwrap());
    {
        let mut call = std::pin::pin!(client.call::<bool, _>("A.B", &true));
        start(call.as_mut()).await;
        assert_eq!(peer.request::<bool>().await.0.seq, 1);
    }
    // The first call was answered, so nothing is sent for it.
    let (request, args) = peer.request::<CancelArgs>().await;
    assert_eq!((request.service_method.as_str(), args.seq), ("_goRPC_.Cancel", 1));
    // What Go's own server says to that.
    peer.reply_error(&request, "rpc: can't find service _goRPC_.Cancel").await;
    let (answer, ()) = tokio::join!(client.call::<bool, _>("A.B", &true), async {
        let (request, _) = peer.request::<bool>().await;
        peer.reply(&request, &false).await;
    });
    assert!(!answer.unwrap());
}

#[tokio::test]
async fn cancel_is_not_sent_unless_asked_for() {
    let (client, mut peer) = client_and_peer(Client::builder());
    {
        let mut call = std::pin::pin!(client.call::<bool, _>("A.B", &true));
        start(call.as_mut()).await;
        peer.request::<bool>().await;
    }
    client.close().await;
    peer.expect_end().await;
}

/// Says `started` when it runs and `dropped` when it is dropped before it is done.
fn never(events: &mpsc::UnboundedSender<&'static str>) -> impl Fn(bool) -> Never + Send + Sync + 'static {
    let events = events.clone();
    move |_| {
        let guard = Guard(events.clone());
        Box::pin(async move {
            guard.0.send("started").unwrap();
            pending::<()>().await;
            drop(guard);
            Ok(true)
        })
    }
}

type Never = std::pin::Pin<Box<dyn Future<Output = Result<bool, String>> + Send>>;

struct Guard(mpsc::UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

async fn next(events: &mut mpsc::UnboundedReceiver<&'static str>) -> &'static str {
    timeout(PATIENCE, events.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn cancel_reaches_the_handler() {
    let (events, mut seen) = mpsc::unbounded_channel();
    let service = Methods::new().method("Never", never(&events));
    let server = Server::builder().service("A", service).build().unwrap();
    let (client, _serving) = connect_with(&server, Client::builder().send_cancel(true));
    let options = CallOptions::new().timeout(Duration::from_millis(50));
    let error = client.call_with::<bool, _>("A.Never", &true, options).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(next(&mut seen).await, "started");
    assert_eq!(next(&mut seen).await, "dropped");
    // The connection goes on.
    assert_eq!(
        client.call::<bool, _>("A.Nope", &true).await.unwrap_err().to_string(),
        "rpc: can't find method A.Nope"
    );
}

/// As the Go package that defines it: the cancellation is answered with a bool, the call with its handler's error.
#[tokio::test]
async fn cancelled_call_and_cancellation_are_both_answered() {
    let (events, mut seen) = mpsc::unbounded_channel();
    let service = Methods::new().method("Never", never(&events));
    let server = Server::builder().service("A", service).build().unwrap();
    let (_serving, mut peer) = server_and_peer(&server);
    peer.send_request("A.Never", 5, &true).await;
    peer.send_request("A.Never", 6, &true).await;
    assert_eq!((next(&mut seen).await, next(&mut seen).await), ("started", "started"));
    peer.send_request("_goRPC_.Cancel", 7, &CancelArgs { seq: 5 }).await;
    let mut errors = Vec::new();
    for _ in 0..2 {
        let response: common::Response = peer.receive().await;
        if response.seq == 7 {
            assert_eq!(response.error, "");
            assert!(!peer.receive::<bool>().await);
        } else {
            peer.receive::<Empty>().await;
            errors.push((response.seq, response.error));
        }
    }
    assert_eq!(errors, [(5, "context canceled".to_owned())]);
    assert_eq!(next(&mut seen).await, "dropped");
    assert!(seen.try_recv().is_err(), "only one handler was cancelled");
}

#[tokio::test]
async fn cancel_of_a_call_that_is_done_does_nothing() {
    let service = Methods::new().method("Echo", |value: bool| async move { Ok::<_, String>(value) });
    let server = Server::builder().service("A", service).build().unwrap();
    let (_serving, mut peer) = server_and_peer(&server);
    peer.send_request("A.Echo", 0, &true).await;
    assert!(peer.response::<bool>().await.1);
    peer.send_request("_goRPC_.Cancel", 1, &CancelArgs { seq: 0 }).await;
    assert_eq!(peer.response::<bool>().await.0.seq, 1);
    peer.send_request("_goRPC_.Cancel", 2, "no such argument").await;
    let error = peer.error().await;
    assert!(error.error.starts_with("gob: "), "{error:?}");
    peer.send_request("A.Echo", 3, &true).await;
    assert!(peer.response::<bool>().await.1);
}

#[tokio::test]
async fn cancel_passes_requests_that_wait_for_a_handler() {
    let (events, mut seen) = mpsc::unbounded_channel();
    let service = Methods::new().method("Never", never(&events));
    let server = Server::builder().service("A", service).max_concurrent(1).build().unwrap();
    let (_serving, mut peer) = server_and_peer(&server);
    peer.send_request("A.Never", 0, &true).await;
    assert_eq!(next(&mut seen).await, "started");
    peer.send_request("_goRPC_.Cancel", 1, &CancelArgs { seq: 0 }).await;
    peer.send_request("A.Never", 2, &true).await;
    assert_eq!(next(&mut seen).await, "dropped");
    assert_eq!(next(&mut seen).await, "started");
}

#[tokio::test]
async fn future_of_a_call_can_be_spawned() {
    let service = Methods::new().method("Echo", |value: bool| async move { Ok::<_, String>(value) });
    let server = Arc::new(Server::builder().service("A", service).build().unwrap());
    let (client, _serving) = connect_with(&server, Client::builder());
    let call = tokio::spawn(async move { client.call::<bool, _>("A.Echo", &true).await });
    assert!(call.await.unwrap().unwrap());
}

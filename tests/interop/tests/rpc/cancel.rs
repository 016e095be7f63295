//! Calls that are given up, told to the peer.

use std::time::Duration;

use interop_tests::{connect, within};
use netrpc::{CallOptions, Client, Methods, Server};
use tokio::{sync::mpsc, time::timeout};

use crate::types::Pair;

#[tokio::test]
async fn a_dropped_or_timed_out_call_cancels_the_context_of_a_go_handler() {
    let (go, socket) = connect("cancelpeer", &["-role", "server"], None).await;
    let client = Client::builder().send_cancel(true).build(socket);

    let options = CallOptions::new().timeout(Duration::from_millis(200));
    let error = client.call_with::<i64, _>("Gate.Hold", &1, options).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!((go.number("started").await, go.number("cancelled").await), (1, 1));

    let dropped = timeout(Duration::from_millis(200), client.call::<i64, _>("Gate.Hold", &2)).await;
    assert!(dropped.is_err(), "{dropped:?}");
    assert_eq!((go.number("started").await, go.number("cancelled").await), (2, 2));

    assert_eq!(client.call::<i64, _>("Gate.Double", &21).await.unwrap(), 42);
}

#[tokio::test]
async fn a_go_context_that_ends_drops_our_handler() {
    struct Report(i64, mpsc::UnboundedSender<i64>);
    impl Drop for Report {
        fn drop(&mut self) {
            let _ = self.1.send(self.0);
        }
    }

    let (ended, mut dropped) = mpsc::unbounded_channel();
    let (began, mut started) = mpsc::unbounded_channel();
    let gate = Methods::new()
        .method("Hold", move |v: i64| {
            let (report, began) = (Report(v, ended.clone()), began.clone());
            async move {
                let _report = report;
                let _ = began.send(v);
                std::future::pending::<Result<i64, String>>().await
            }
        })
        .method("Double", |v: i64| async move { Ok::<_, String>(2 * v) });
    let server = Server::builder().service("Gate", gate).build().unwrap();
    let (go, socket) = connect("cancelpeer", &["-role", "client"], None).await;
    tokio::spawn(server.serve(socket));

    let call = go.ask("call Gate.Hold 5");
    let give_up = async {
        assert_eq!(within("the handler to start", started.recv()).await, Some(5));
        go.tell("cancel 5").await;
        assert_eq!(within("the handler to be dropped", dropped.recv()).await, Some(5));
    };
    let (answer, ()) = tokio::join!(call, give_up);
    assert_eq!(answer, Err("context canceled".to_owned()));
    assert_eq!(go.tell("call Gate.Double 21").await, "42");
}

#[tokio::test]
async fn a_cancellation_that_plain_go_does_not_know_disturbs_nothing() {
    let (go, socket) = connect("rpcpeer", &["-role", "server"], None).await;
    let client = Client::builder().send_cancel(true).build(socket);
    let dropped = timeout(Duration::from_millis(200), client.call::<i64, _>("Gate.Wait", &1)).await;
    assert!(dropped.is_err(), "{dropped:?}");
    for _ in 0..3 {
        assert_eq!(client.call::<i64, _>("Arith.Add", &Pair { a: 2, b: 3 }).await.unwrap(), 5);
    }
    go.tell("open").await;
    assert_eq!(client.call::<i64, _>("Arith.Add", &Pair { a: 2, b: 3 }).await.unwrap(), 5);
}

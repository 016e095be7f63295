//! What a server does with handlers that misbehave, and with too many of them.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{PATIENCE, connect, server_and_peer};
use netrpc::{Args, Client, CodecScope, DispatchError, Handling, Methods, Reply, Server, Service};
use serde::{Deserialize, Serialize, Serializer, ser};
use serde_gob::{GobType, Shape, TypeBuilder};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::timeout,
};

fn misbehaving() -> Methods {
    Methods::new()
        .method("Panic", |text: String| async move {
            assert!(text.is_empty(), "{text}");
            Ok::<_, String>(true)
        })
        .method("PanicAtOnce", |_: bool| {
            if true {
                std::panic::panic_any(7);
            }
            async { Ok::<_, String>(true) }
        })
        .method("EmptyError", |_: bool| async { Err::<bool, _>("") })
        .method("Unencodable", |_: bool| async { Ok::<_, String>(Stubborn { value: Mood::Refuses }) })
        .method("PanicEncoding", |_: bool| async { Ok::<_, String>(Stubborn { value: Mood::Panics }) })
        .method("Agree", |_: bool| async { Ok::<_, String>(Stubborn { value: Mood::Agrees }) })
        .method("Good", |_: bool| async { Ok::<_, String>("good".to_owned()) })
}

#[derive(Serialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Stubborn {
    value: Mood,
}

enum Mood {
    Refuses,
    Panics,
    Agrees,
}

impl GobType for Mood {
    type Key = Self;

    fn shape(_: &mut TypeBuilder) -> Shape {
        Shape::int()
    }
}

impl Serialize for Mood {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Agrees => serializer.serialize_i64(5),
            Self::Refuses => Err(ser::Error::custom("no wish to be sent")),
            Self::Panics => panic!("while encoding"),
        }
    }
}

#[tokio::test]
async fn handlers_that_misbehave_are_answered_with_errors_and_the_stream_lives() {
    let (client, _serving) = connect(&Server::builder().service("A", misbehaving()).build().unwrap());
    let rows = [
        ("A.PanicAtOnce", "panic in A.PanicAtOnce: no text"),
        ("A.EmptyError", "rpc: the handler failed without an error text"),
        ("A.Unencodable", "no wish to be sent"),
        ("A.PanicEncoding", "panic in A.PanicEncoding: while encoding"),
    ];
    for round in 0..2 {
        for (method, text) in rows {
            let error = client.call::<bool, _>(method, &true).await.unwrap_err();
            assert!(error.is_remote(), "{method}: {error:?}");
            assert_eq!(error.to_string(), text, "{method} in round {round}");
        }
        let error = client.call::<bool, _>("A.Panic", "at the disco").await.unwrap_err();
        assert_eq!(error.to_string(), "panic in A.Panic: at the disco");
        assert_eq!(client.call::<String, _>("A.Good", &true).await.unwrap(), "good");
    }
    // The type of the values that failed is known to the peer from the first that does not.
    for _ in 0..2 {
        assert_eq!(client.call::<Agreed, _>("A.Agree", &true).await.unwrap().value, 5);
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Agreed {
    value: i64,
}

#[tokio::test]
async fn no_more_handlers_run_than_allowed() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let work = {
        let (running, most, gate, entered) = (running.clone(), most.clone(), gate.clone(), entered.clone());
        move |_: bool| {
            let (running, most, gate, entered) =
                (running.clone(), most.clone(), gate.clone(), entered.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                entered.notify_one();
                gate.acquire().await.unwrap().forget();
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, String>(true)
            }
        }
    };
    let server = Server::builder()
        .service("A", Methods::new().method("Work", work))
        .max_concurrent(3)
        .build()
        .unwrap();
    let (client, _serving) = connect(&server);
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        calls.spawn(async move { client.call::<bool, _>("A.Work", &true).await.unwrap() });
    }
    while running.load(Ordering::SeqCst) < 3 {
        entered.notified().await;
    }
    gate.add_permits(20);
    timeout(PATIENCE, calls.join_all()).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

/// A peer that never reads stops being read: what waits for it is bounded.
#[tokio::test]
async fn peer_that_does_not_read_is_not_served_without_end() {
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let echo = Methods::new().method("Echo", move |text: String| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<_, String>(text) }
    });
    let server = Server::builder().service("A", echo).queue_limit(10_000).max_concurrent(4).build().unwrap();
    let (_serving, mut peer) = server_and_peer(&server);
    let text = "x".repeat(1000);
    let flood = async {
        for seq in 0..10_000 {
            peer.send_request("A.Echo", seq, &text).await;
        }
    };
    assert!(timeout(Duration::from_millis(500), flood).await.is_err(), "everything was taken");
    // Both directions of the pipe hold 64 KiB, and so much is queued on the way out.
    assert!(served.load(Ordering::SeqCst) < 400, "{served:?}");
}

#[tokio::test]
async fn sequence_number_used_twice_at_once_is_answered_twice() {
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let wait = Methods::new().method("Wait", move |value: i64| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok::<_, String>(value)
        }
    });
    let (_serving, mut peer) = server_and_peer(&Server::builder().service("A", wait).build().unwrap());
    peer.send_request("A.Wait", 1, &10_i64).await;
    peer.send_request("A.Wait", 1, &20_i64).await;
    open.add_permits(2);
    let mut values = [peer.response::<i64>().await.1, peer.response::<i64>().await.1];
    values.sort_unstable();
    assert_eq!(values, [10, 20]);
}

#[test]
fn services_that_cannot_be_told_apart_are_refused() {
    let one = || Methods::new().method("M", |_: bool| async { Ok::<_, String>(true) });
    let rows = [
        (Server::builder().service("A", one()).service("A", one()), "rpc: service already defined: A"),
        (Server::builder().service("", one()), "rpc.Register: no service name for type: give it one"),
        (
            Server::builder().service("_goRPC_", one()),
            "rpc: service _goRPC_ is the server's own: choose another name",
        ),
        (
            Server::builder().service("A", one()).max_concurrent(0),
            "max_concurrent is 0: no call would ever run",
        ),
    ];
    for (builder, text) in rows {
        let error = builder.build().unwrap_err();
        assert!(error.is_misuse());
        assert_eq!(error.to_string(), text);
    }
}

/// A service written by hand that leaves its argument where it is.
struct Careless;

impl Service for Careless {
    fn dispatch(&self, method: &str, args: Args<'_>) -> Result<Handling, DispatchError> {
        match method {
            "Ignore" => Ok(Box::pin(async { Ok(Reply::empty()) })),
            "Discard" => {
                args.discard()?;
                Ok(Box::pin(async { Ok(Reply::new(true)) }))
            }
            "Refuse" => Err(DispatchError::new(format!("{} is not for you", args.service_method()))),
            "Show" => Err(DispatchError::new(format!("{args:?} {:?}", Reply::<netrpc::Gob>::empty()))),
            "Panic" => panic!("before the argument was read"),
            _ => Err(args.unknown_method()),
        }
    }
}

#[tokio::test]
async fn arguments_that_no_service_decodes_are_skipped() {
    let (client, _serving) = connect(&Server::builder().service("A", Careless).build().unwrap());
    let args = vec!["an argument".to_owned()];
    for _ in 0..2 {
        client.call::<netrpc::Empty, _>("A.Ignore", &args).await.unwrap();
        assert!(client.call::<bool, _>("A.Discard", &args).await.unwrap());
        let rows = [
            ("A.Refuse", "A.Refuse is not for you"),
            ("A.Show", "Args { service_method: \"A.Show\", .. } Reply { .. }"),
            ("A.Panic", "panic in A.Panic: before the argument was read"),
            ("A.Nope", "rpc: can't find method A.Nope"),
        ];
        for (method, text) in rows {
            assert_eq!(client.call::<bool, _>(method, &args).await.unwrap_err().to_string(), text);
        }
    }
}

#[tokio::test]
async fn a_service_may_be_shared_or_boxed() {
    let server = Server::builder().service("Shared", Arc::new(Careless)).service("Boxed", Box::new(Careless));
    let (client, _serving) = connect(&server.build().unwrap());
    for method in ["Shared.Discard", "Boxed.Discard"] {
        assert!(client.call::<bool, _>(method, &7_i64).await.unwrap(), "{method}");
    }
}

#[test]
fn what_is_printed_of_a_server_is_the_names_that_it_serves() {
    let methods = Methods::new().method("M", |_: bool| async { Ok::<_, String>(true) });
    assert_eq!(format!("{methods:?}"), r#"Methods { methods: ["M"] }"#);
    let builder = Server::builder().service("A", methods);
    assert_eq!(format!("{builder:?}"), r#"ServerBuilder { services: ["A"], .. }"#);
    assert_eq!(format!("{:?}", builder.build().unwrap()), r#"Server { services: ["A"], .. }"#);
    let error = DispatchError::new("not for you");
    assert_eq!(error.to_string(), "not for you");
}

thread_local! {
    static SCOPE: std::cell::Cell<&'static str> = const { std::cell::Cell::new("none") };
}

struct Named(&'static str);

impl CodecScope for Named {
    fn enter(&self, work: &mut dyn FnMut()) {
        let before = SCOPE.replace(self.0);
        work();
        SCOPE.set(before);
    }
}

/// Goes over the wire as the name of the scope it is encoded in; decodes to that and the scope it is decoded in.
#[derive(Debug, PartialEq)]
struct Scoped(String);

impl GobType for Scoped {
    type Key = Self;

    fn shape(_: &mut TypeBuilder) -> Shape {
        Shape::string()
    }
}

impl Serialize for Scoped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(format!("{} {}", self.0, SCOPE.get()).trim_start())
    }
}

impl<'de> Deserialize<'de> for Scoped {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(format!("{text} {}", SCOPE.get())))
    }
}

#[tokio::test]
async fn values_are_coded_inside_the_scope() {
    let echo = Methods::new().method("Echo", |value: Scoped| async { Ok::<_, String>(value) });
    let server = Server::builder().service("A", echo).scope(Arc::new(Named("server"))).build().unwrap();
    let client = Client::builder().scope(Arc::new(Named("client")));
    let (client, _serving) = common::connect_with(&server, client);
    let value: Scoped = client.call("A.Echo", &Scoped(String::new())).await.unwrap();
    assert_eq!(value.0, "client server server client");
}

#[tokio::test(start_paused = true)]
async fn requests_that_were_read_while_the_replies_had_no_room_are_answered_once_they_have() {
    // Two replies fill the connection; the requests come in one read, after which nothing else wakes the server.
    let large = Methods::new().method("Large", |_: bool| async { Ok::<_, String>("x".repeat(30_000)) });
    let server = Server::builder().service("A", large).queue_limit(1).build().unwrap();
    let (_serving, mut peer) = server_and_peer(&server);
    for seq in 0..20 {
        peer.send_request("A.Large", seq, &true).await;
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    for seq in 0..20 {
        let (response, text) = timeout(PATIENCE, peer.response::<String>()).await.unwrap();
        assert_eq!((response.seq, text.len()), (seq, 30_000));
    }
}

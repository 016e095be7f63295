//! Ordinary calls: what Go's own `net/rpc` tests ask of a client and a server.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use common::{PATIENCE, client_and_peer, connect, connect_with};
use netrpc::{
    Any, Args as Argument, CallOptions, Client, DispatchError, Empty, Gob, Handling, Methods,
    Reply as Answer, Server, ServerBuilder, Service, Trace,
};
use serde::{Deserialize, Serialize};
use serde_gob::{GobType, Shape, TypeBuilder};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Barrier,
    task::JoinSet,
    time::timeout,
};

#[derive(Clone, Copy, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Args {
    a: i64,
    b: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    c: i64,
}

/// Go's test service, with the names and texts of its tests.
fn arith() -> Methods {
    Methods::new()
        .method("Add", |args: Args| async move { Ok::<_, String>(Reply { c: args.a + args.b }) })
        .method("Mul", |args: Args| async move { Ok::<_, String>(Reply { c: args.a * args.b }) })
        .method("Div", |args: Args| async move {
            args.a.checked_div(args.b).map(|c| Reply { c }).ok_or("divide by zero")
        })
        .method("String", |args: Args| async move {
            Ok::<_, String>(format!("{}+{}={}", args.a, args.b, args.a + args.b))
        })
        .method("Scan", |text: String| async move { text.parse().map(|c| Reply { c }) })
        .method("Map", |args: Args| async move { Ok::<_, String>(BTreeMap::from([(args.a, args.b)])) })
        .method("Slice", |args: Args| async move { Ok::<_, String>(vec![args.a, args.b]) })
        .method("Array", |args: Args| async move { Ok::<_, String>([args.a, args.b]) })
        .method("Sum", |numbers: Vec<i64>| async move { Ok::<_, String>(numbers.iter().sum::<i64>()) })
        .method("SumMap", |numbers: BTreeMap<String, i64>| async move {
            Ok::<_, String>(numbers.values().sum::<i64>())
        })
        .method("SumArray", |[a, b]: [i64; 2]| async move { Ok::<_, String>(a + b) })
        .method("Echo", |value: Option<Any>| async move { Ok::<_, String>(value) })
        .method("Bytes", |bytes: Vec<u8>| async move { Ok::<_, String>(bytes) })
}

fn server() -> Server {
    Server::builder().service("Arith", arith()).service("net.rpc.Arith", arith()).build().unwrap()
}

const SEVEN_EIGHT: Args = Args { a: 7, b: 8 };

#[tokio::test]
async fn struct_arguments_and_replies_are_carried() {
    let (client, _serving) = connect(&server());
    assert_eq!(client.call::<Reply, _>("Arith.Add", &SEVEN_EIGHT).await.unwrap(), Reply { c: 15 });
    assert_eq!(client.call::<Reply, _>("Arith.Mul", &SEVEN_EIGHT).await.unwrap(), Reply { c: 56 });
}

#[tokio::test]
async fn arguments_and_replies_need_not_be_structs() {
    let (client, _serving) = connect(&server());
    assert_eq!(client.call::<Reply, _>("Arith.Scan", "12345").await.unwrap(), Reply { c: 12345 });
    let args = Args { a: 27, b: 35 };
    assert_eq!(client.call::<String, _>("Arith.String", &args).await.unwrap(), "27+35=62");
}

#[tokio::test]
async fn maps_slices_and_arrays_are_arguments_and_replies() {
    let (client, _serving) = connect(&server());
    let map = client.call::<BTreeMap<i64, i64>, _>("Arith.Map", &SEVEN_EIGHT).await.unwrap();
    assert_eq!(map, BTreeMap::from([(7, 8)]));
    assert_eq!(client.call::<Vec<i64>, _>("Arith.Slice", &SEVEN_EIGHT).await.unwrap(), [7, 8]);
    assert_eq!(client.call::<[i64; 2], _>("Arith.Array", &SEVEN_EIGHT).await.unwrap(), [7, 8]);
    assert_eq!(client.call::<i64, _>("Arith.Sum", &vec![7_i64, 8]).await.unwrap(), 15);
    let map = BTreeMap::from([("a", 7_i64), ("b", 8)]);
    assert_eq!(client.call::<i64, _>("Arith.SumMap", &map).await.unwrap(), 15);
    assert_eq!(client.call::<i64, _>("Arith.SumArray", &[7_i64, 8]).await.unwrap(), 15);
}

#[tokio::test]
async fn service_names_may_have_dots() {
    let (client, _serving) = connect(&server());
    let sum: Reply = client.call("net.rpc.Arith.Add", &SEVEN_EIGHT).await.unwrap();
    assert_eq!(sum, Reply { c: 15 });
}

#[tokio::test]
async fn dynamic_values_are_carried() {
    let (client, _serving) = connect(&server());
    let value = client.call::<Option<Any>, _>("Arith.Echo", &None::<Any>).await.unwrap();
    assert_eq!(value, None);
    let value = Any::from("text");
    let echo: Option<Any> = client.call("Arith.Echo", &Some(value.clone())).await.unwrap();
    assert_eq!(echo, Some(value));
}

#[tokio::test]
async fn handler_error_is_the_error_of_the_call_alone() {
    let (client, _serving) = connect(&server());
    let error = client.call::<Reply, _>("Arith.Div", &Args { a: 7, b: 0 }).await.unwrap_err();
    assert!(error.is_remote());
    assert_eq!(error.to_string(), "divide by zero");
    assert_eq!(client.call::<Reply, _>("Arith.Div", &SEVEN_EIGHT).await.unwrap(), Reply { c: 0 });
}

/// Go's texts, which hosts compare with.
#[tokio::test]
async fn bad_requests_are_answered_with_the_texts_of_go() {
    let (client, _serving) = connect(&server());
    let rows = [
        ("Nope", "rpc: service/method request ill-formed: Nope"),
        ("", "rpc: service/method request ill-formed: "),
        ("Nope.Ping", "rpc: can't find service Nope.Ping"),
        ("A.B.C", "rpc: can't find service A.B.C"),
        (".Ping", "rpc: can't find service .Ping"),
        ("Arith.BadOperation", "rpc: can't find method Arith.BadOperation"),
        ("Arith.", "rpc: can't find method Arith."),
        (
            "Arith.Scan",
            "gob: decoding into local type *string, received remote type Args = struct { A int; B int; }",
        ),
        (
            "Arith.Sum",
            "gob: decoding into local type *[]int64, received remote type Args = struct { A int; B int; }",
        ),
    ];
    for (method, text) in rows {
        let error = client.call::<Reply, _>(method, &SEVEN_EIGHT).await.unwrap_err();
        assert!(error.is_remote(), "{method}: {error:?}");
        assert_eq!(error.to_string(), text, "{method}");
    }
    let error = client.call::<Reply, _>("Arith.Add", &Reply { c: 1 }).await.unwrap_err();
    assert_eq!(error.to_string(), "gob: type mismatch: no fields matched compiling decoder for Args");
    assert_eq!(client.call::<Reply, _>("Arith.Add", &SEVEN_EIGHT).await.unwrap(), Reply { c: 15 });
}

#[tokio::test]
async fn replies_may_come_in_any_order() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        let (first, _) = peer.request::<i64>().await;
        let (second, _) = peer.request::<i64>().await;
        peer.reply(&second, "second").await;
        peer.reply(&first, "first").await;
    };
    let first = client.call::<String, _>("A.B", &1_i64);
    let second = client.call::<String, _>("A.B", &2_i64);
    let ((), first, second) = tokio::join!(script, first, second);
    assert_eq!((first.unwrap().as_str(), second.unwrap().as_str()), ("first", "second"));
}

#[tokio::test]
async fn sequence_numbers_count_from_zero_and_a_failed_encode_takes_none() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        for expected in 0..3 {
            let (request, _) = peer.request::<i64>().await;
            assert_eq!(request.seq, expected);
            peer.reply(&request, &true).await;
        }
    };
    let calls = async {
        client.call::<bool, _>("A.B", &1_i64).await.unwrap();
        assert!(client.call::<bool, _>("A.B", &Broken).await.unwrap_err().is_encode());
        client.call::<bool, _>("A.B", &1_i64).await.unwrap();
        client.call::<bool, _>("A.B", &1_i64).await.unwrap();
    };
    tokio::join!(script, calls);
}

#[tokio::test]
async fn reply_for_a_number_nobody_waits_for_is_skipped() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        let (request, _) = peer.request::<i64>().await;
        let mut stray = request.clone();
        stray.seq = 77;
        peer.reply(&stray, &BTreeMap::from([("a type that is defined here", 1_i64)])).await;
        peer.reply_error(&stray, "nobody hears this").await;
        peer.reply(&request, "the answer").await;
    };
    let (answer, ()) = tokio::join!(client.call::<String, _>("A.B", &1_i64), script);
    assert_eq!(answer.unwrap(), "the answer");
}

/// Go shuts the whole client down here. The value is whole and skipped, so nothing else is lost.
#[tokio::test]
async fn reply_of_another_type_fails_its_call_alone() {
    let (client, _serving) = connect(&server());
    let error = client.call::<bool, _>("Arith.String", &SEVEN_EIGHT).await.unwrap_err();
    assert!(error.is_decode());
    assert_eq!(
        error.to_string(),
        "reading body gob: decoding into local type *bool, received remote type string"
    );
    assert_eq!(client.call::<Reply, _>("Arith.Add", &SEVEN_EIGHT).await.unwrap(), Reply { c: 15 });
}

#[tokio::test]
async fn many_callers_share_a_client() {
    let (client, _serving) = connect(&server());
    let mut callers = JoinSet::new();
    for caller in 0..64 {
        let client = client.clone();
        callers.spawn(async move {
            for n in 0..50 {
                let sum: Reply = client.call("Arith.Add", &Args { a: caller, b: n }).await.unwrap();
                assert_eq!(sum.c, caller + n);
            }
        });
    }
    timeout(PATIENCE, callers.join_all()).await.unwrap();
}

#[tokio::test]
async fn handlers_of_one_connection_run_at_once() {
    let barrier = Arc::new(Barrier::new(10));
    let meet = Methods::new().method("Meet", move |_: bool| {
        let barrier = barrier.clone();
        async move {
            barrier.wait().await;
            Ok::<_, String>(true)
        }
    });
    let (client, _serving) = connect(&Server::builder().service("A", meet).build().unwrap());
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        calls.spawn(async move { client.call::<bool, _>("A.Meet", &true).await.unwrap() });
    }
    timeout(PATIENCE, calls.join_all()).await.unwrap();
}

/// Counts the writes that reach a stream.
struct Counted<I> {
    io: I,
    writes: Arc<AtomicUsize>,
}

impl<I: AsyncRead + Unpin> AsyncRead for Counted<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// What is made together is written together, on every kind of runtime: a write for each call would be most of its cost.
#[test]
fn requests_and_replies_under_way_together_share_writes() {
    const CALLERS: usize = 50;
    let mut kinds =
        [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()];
    for kind in &mut kinds {
        let runtime = kind.worker_threads(1).enable_all().build().unwrap();
        let writes = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let [requests, replies] = writes.clone();
        let calls = async move {
            let (here, there) = tokio::io::duplex(64 * 1024);
            tokio::spawn(server().serve(Counted { io: there, writes: replies }));
            let client = Client::new(Counted { io: here, writes: requests });
            let mut callers = JoinSet::new();
            for _ in 0..CALLERS {
                let client = client.clone();
                callers.spawn(async move {
                    for _ in 0..20 {
                        client.call::<Reply, _>("Arith.Add", &SEVEN_EIGHT).await.unwrap();
                    }
                });
            }
            callers.join_all().await;
        };
        runtime.block_on(async { timeout(PATIENCE, tokio::spawn(calls)).await.unwrap().unwrap() });
        for count in writes {
            let count = count.load(Ordering::Relaxed);
            assert!(count < CALLERS * 20 / 10, "{count} writes for {} calls", CALLERS * 20);
        }
    }
}

/// Both directions at once and far beyond what the pipe holds: a blocked write must not stop the reads.
#[tokio::test]
async fn large_bodies_cross_without_deadlock() {
    let server = Server::builder().service("Arith", arith()).queue_limit(10_000).build().unwrap();
    let (here, there) = tokio::io::duplex(1024);
    tokio::spawn(server.serve(there));
    let client = Client::builder().queue_limit(10_000).build(here);
    let mut calls = JoinSet::new();
    for n in 0..8_u8 {
        let client = client.clone();
        calls.spawn(async move {
            let body = vec![n; 300_000];
            let echo: Vec<u8> = client.call("Arith.Bytes", &body).await.unwrap();
            assert!(echo == body);
        });
    }
    timeout(PATIENCE, calls.join_all()).await.unwrap();
}

/// An old client that does not know a field, as Go sees it and as serde does.
#[tokio::test]
async fn field_that_the_sender_lacks_is_zero_if_asked_for() {
    #[derive(Serialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    struct OldArgs {
        a: i64,
    }
    for (as_go, expected) in [(true, Ok(Reply { c: 7 })), (false, Err("missing field `B`"))] {
        let server = ServerBuilder::for_codec(Gob::new().missing_as_zero(as_go));
        let (client, _serving) = connect(&server.service("Arith", arith()).build().unwrap());
        let sum = client.call::<Reply, _>("Arith.Add", &OldArgs { a: 7 }).await;
        assert_eq!(sum.map_err(|e| e.to_string()), expected.map_err(str::to_owned));
    }
}

/// Go's client leaves half a request in its buffer here, and the next call kills the connection.
#[tokio::test]
async fn argument_that_cannot_be_encoded_fails_its_call_alone() {
    let (client, _serving) =
        connect_with(&server(), Client::builder().default_timeout(Duration::from_secs(30)));
    for _ in 0..2 {
        let error = client.call::<Empty, _>("Arith.Add", &Broken).await.unwrap_err();
        assert!(error.is_encode());
        assert_eq!(error.to_string(), "not today");
    }
    assert_eq!(client.call::<Reply, _>("Arith.Add", &SEVEN_EIGHT).await.unwrap(), Reply { c: 15 });
    let error = client.call::<Empty, _>("Arith.Add", &Broken).await.unwrap_err();
    assert!(error.is_encode());
    assert_eq!(client.call::<Reply, _>("Arith.Mul", &SEVEN_EIGHT).await.unwrap(), Reply { c: 56 });
}

/// Describes itself like a struct and then refuses.
struct Broken;

impl GobType for Broken {
    type Key = Self;

    fn shape(_: &mut TypeBuilder) -> Shape {
        Shape::structure("Broken", Vec::new())
    }
}

impl Serialize for Broken {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

/// Says where the call belongs.
struct Located;

impl Service for Located {
    fn dispatch(&self, _: &str, args: Argument<'_>) -> Result<Handling, DispatchError> {
        let place = args.trace().map(|(parent, state)| format!("{parent} {state}"));
        args.discard()?;
        Ok(Box::pin(async { Ok(Answer::new(place.unwrap_or_default())) }))
    }
}

#[tokio::test]
async fn a_call_says_to_which_trace_it_belongs_if_its_client_does() {
    let server = Server::builder().service("Located", Located).build().unwrap();
    for (sends, told) in [(false, ""), (true, "here there")] {
        let (client, _) = connect_with(&server, Client::builder().send_trace(sends));
        let locate =
            async |options| client.call_with::<String, _>("Located.Is", &true, options).await.unwrap();
        let trace = Trace { parent: "here".into(), state: "there".into() };
        // One that fails before the definition of the header is out.
        client.call_with::<String, _>("Located.Is", &Broken, CallOptions::new()).await.unwrap_err();
        assert_eq!(locate(CallOptions::new().trace(trace.clone())).await, told);
        assert_eq!(locate(CallOptions::new()).await, "");
        client.call_with::<String, _>("Located.Is", &Broken, CallOptions::new()).await.unwrap_err();
        assert_eq!(locate(CallOptions::new().trace(trace)).await, told);
    }
}

#[tokio::test]
async fn the_header_of_a_traced_call_is_that_of_go_with_two_more_fields() {
    let (client, mut peer) = client_and_peer(Client::builder().send_trace(true));
    let trace = Trace { parent: "here".into(), state: "there".into() };
    let call = client.call_with::<bool, _>("A.B", &true, CallOptions::new().trace(trace));
    let answer = async {
        // Both what knows the fields and what does not.
        let header: Traced = peer.receive().await;
        assert_eq!(
            header,
            Traced {
                service_method: "A.B".into(),
                seq: 0,
                trace_parent: "here".into(),
                trace_state: "there".into()
            }
        );
        peer.skip().await;
        let to = common::Request { service_method: header.service_method, seq: 0 };
        peer.reply(&to, &true).await;
    };
    assert!(tokio::join!(call, answer).0.unwrap());
    let answer = async {
        let (header, _) = peer.request::<bool>().await;
        assert_eq!(header, common::Request { service_method: "A.B".into(), seq: 1 });
        peer.reply(&header, &true).await;
    };
    let trace = Trace { parent: "here".into(), state: String::new() };
    let call = client.call_with::<bool, _>("A.B", &true, CallOptions::new().trace(trace));
    assert!(tokio::join!(call, answer).0.unwrap());
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Traced {
    service_method: String,
    seq: u64,
    trace_parent: String,
    trace_state: String,
}

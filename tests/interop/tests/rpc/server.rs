//! Go's client, our server.

use std::sync::Arc;

use interop_tests::{Peer, connect, within};
use netrpc::{Methods, Result, Server};
use serde_gob::{Any, Empty};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::types::{Pair, Quotient, Shape};

struct Serving {
    go: Peer,
    /// One permit lets one `Gate.Wait` return.
    gate: Arc<Semaphore>,
    server: Server,
    served: JoinHandle<Result<()>>,
}

async fn serve() -> Serving {
    let gate = Arc::new(Semaphore::new(0));
    let arith = Methods::new().method("Add", |p: Pair| async move { Ok::<_, String>(p.a + p.b) }).method(
        "Divide",
        |p: Pair| async move {
            if p.b == 0 { Err("divide by zero") } else { Ok(Quotient { quo: p.a / p.b, rem: p.a % p.b }) }
        },
    );
    let echo = Methods::new()
        .method("Bool", |v: bool| async move { Ok::<_, String>(v) })
        .method("Int", |v: i64| async move { Ok::<_, String>(v) })
        .method("Text", |v: String| async move { Ok::<_, String>(v) })
        .method("Bytes", |v: Vec<u8>| async move { Ok::<_, String>(v) })
        .method("Shape", |v: Shape| async move { Ok::<_, String>(v) })
        .method("Any", |v: Option<Any>| async move { Ok::<_, String>(format!("{v:?}")) })
        .method("Nothing", |_: Empty| async move { Ok::<_, String>(Empty) });
    let broken = Methods::new()
        .method("Silent", |_: i64| async move { Err::<i64, _>("") })
        .method("Reply", |_: i64| async move { Ok::<_, String>(vec![Some(1), None]) })
        .method("Panic", |v: i64| async move { if v < 0 { Ok::<_, String>(v) } else { panic!("at {v}") } });
    let waiting = Methods::new().method("Wait", {
        let gate = Arc::clone(&gate);
        move |v: i64| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.map_err(|e| e.to_string())?.forget();
                Ok::<_, String>(v)
            }
        }
    });
    let server = Server::builder()
        .service("Arith", arith)
        .service("Echo", echo)
        .service("Broken", broken)
        .service("Gate", waiting)
        .build()
        .unwrap();
    let (go, socket) = connect("rpcpeer", &["-role", "client"], None).await;
    let served = tokio::spawn(server.serve(socket));
    Serving { go, gate, server, served }
}

#[tokio::test]
async fn values_come_back_as_they_were_sent() {
    let Serving { go, .. } = serve().await;
    for (command, answer) in [
        ("bool Echo.Bool true", "true"),
        ("bool Echo.Bool false", "false"),
        ("int Echo.Int 0", "0"),
        ("int Echo.Int -1", "-1"),
        ("int Echo.Int 9223372036854775807", "9223372036854775807"),
        ("text Echo.Text", ""),
        ("text Echo.Text grüße you", "grüße you"),
        ("bytes Echo.Bytes 0", "0"),
        ("bytes Echo.Bytes 1048576", "1048576"),
        ("nothing Echo.Nothing", ""),
        ("nil Echo.Any", "None"),
        ("divide Arith.Divide 17 5", "3 rest 2"),
        ("divide Arith.Divide 0 5", "0 rest 0"),
    ] {
        assert_eq!(go.tell(command).await, answer, "{command}");
    }
    let shape = go.tell("shape Echo.Shape").await;
    assert!(shape.starts_with("{Name:triangle Sides:3 Filled:true Area:4.5 Points:[{A:0 B:0} {A:3 B:0} {A:0 B:3}] Tags:map[colour:red]"), "{shape}");
    assert!(shape.ends_with("&{A:1 B:1}"), "{shape}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_run_at_the_same_time() {
    let Serving { go, gate, .. } = serve().await;
    let all = async {
        let waiting = go.number("many Gate.Wait 50");
        let others = async {
            assert_eq!(go.number("many Echo.Int 500").await, 500);
            gate.add_permits(50);
        };
        tokio::join!(waiting, others).0
    };
    assert_eq!(all.await, 50);
}

#[tokio::test]
async fn errors_have_the_texts_of_go_and_end_nothing() {
    let Serving { go, .. } = serve().await;
    for (command, text) in [
        ("divide Arith.Divide 1 0", "divide by zero"),
        ("add Nope.Add 1 2", "rpc: can't find service Nope.Add"),
        ("add A.B.C 1 2", "rpc: can't find service A.B.C"),
        ("add .Add 1 2", "rpc: can't find service .Add"),
        ("add Arith.Nope 1 2", "rpc: can't find method Arith.Nope"),
        ("add Arith. 1 2", "rpc: can't find method Arith."),
        ("add Arith 1 2", "rpc: service/method request ill-formed: Arith"),
        ("text Echo.Bool text", "gob: decoding into local type *bool, received remote type string"),
        ("other Arith.Add", "gob: type mismatch: no fields matched compiling decoder for Pair"),
        ("mistyped Arith.Add", "gob: wrong type (int64) for received field .A"),
    ] {
        assert_eq!(go.ask(command).await, Err(text.to_owned()), "{command}");
        assert_eq!(go.tell("add Arith.Add 2 3").await, "5", "after {command}");
    }
}

#[tokio::test]
async fn fields_that_one_side_lacks_are_zero_or_ignored() {
    let Serving { go, .. } = serve().await;
    assert_eq!(go.tell("wider Arith.Add").await, "7");
    assert_eq!(go.tell("narrower Arith.Add").await, "5");
}

#[tokio::test]
async fn an_unknown_method_without_an_argument_is_answered() {
    let Serving { go, .. } = serve().await;
    for method in ["Arith.Nope", "Nope.Add"] {
        let error = go.ask(&format!("nil {method}")).await.unwrap_err();
        assert!(error.starts_with("rpc: can't find "), "{error}");
        assert_eq!(go.tell("add Arith.Add 2 3").await, "5");
    }
}

#[tokio::test]
async fn a_handler_that_panics_or_fails_without_a_text_is_an_error() {
    let Serving { go, .. } = serve().await;
    for command in ["int Broken.Silent 1", "int Broken.Panic 1", "int Broken.Reply 1"] {
        let error = go.ask(command).await.unwrap_err();
        assert!(!error.is_empty() && !error.contains("EOF"), "{command}: {error}");
        assert_eq!(go.tell("add Arith.Add 2 3").await, "5", "after {command}");
    }
}

#[tokio::test]
async fn a_header_without_its_body_ends_the_connection_and_no_more() {
    // What Go's client leaves behind when an argument does not encode: the next call completes it.
    let Serving { go, served, .. } = serve().await;
    let error = go.ask("unencodable Arith.Add").await.unwrap_err();
    assert_eq!(error, "gob NewTypeObject can't handle type: chan int");
    let next = go.ask("add Arith.Add 2 3").await;
    assert!(next.is_err(), "{next:?}");
    let error = within("the server to leave", served).await.unwrap().unwrap_err();
    assert!(error.to_string().starts_with("rpc: server cannot decode request: gob: "), "{error}");
}

#[tokio::test]
async fn serving_ends_when_go_closes() {
    let Serving { go, served, .. } = serve().await;
    assert_eq!(go.tell("add Arith.Add 2 3").await, "5");
    go.tell("close").await;
    within("the server to leave", served).await.unwrap().unwrap();
}

#[tokio::test]
async fn running_calls_are_answered_before_a_shutdown_ends() {
    let Serving { go, gate, server, served } = serve().await;
    let call = async { go.ask("int Gate.Wait 7").await };
    let stop = async {
        // Answered after the waiting one was read: requests are read in order.
        assert_eq!(go.tell("add Arith.Add 2 3").await, "5");
        server.shutdown();
        gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(call, stop);
    assert_eq!(answer, Ok("7".to_owned()));
    within("the server to leave", served).await.unwrap().unwrap();
}

//! Our client, Go's server.

use std::time::Duration;

use interop_tests::{Peer, connect, within};
use netrpc::{CallOptions, Client, Error};
use serde::{Deserialize, Serialize};
use serde_gob::{Any, Empty, GobType, Nil};

use crate::types::{Pair, Quotient, Shape};

async fn client() -> (Client, Peer) {
    let (go, socket) = connect("rpcpeer", &["-role", "server"], None).await;
    (Client::new(socket), go)
}

/// The connection still works.
async fn check(client: &Client) {
    let sum: i64 = within("a sum", client.call("Arith.Add", &Pair { a: 2, b: 3 })).await.unwrap();
    assert_eq!(sum, 5);
}

async fn remote_error<A: Serialize + GobType + Sync + ?Sized>(
    client: &Client,
    method: &str,
    args: &A,
) -> String {
    let error = within("an error", client.call::<i64, A>(method, args)).await.unwrap_err();
    assert!(error.is_remote(), "{method}: {error:?}");
    check(client).await;
    error.to_string()
}

#[tokio::test]
async fn values_come_back_as_they_were_sent() {
    let (client, _go) = client().await;
    for value in [true, false] {
        assert_eq!(client.call::<bool, _>("Echo.Bool", &value).await.unwrap(), value);
    }
    for value in [0, 1, -1, 127, -128, 128, i64::MAX, i64::MIN] {
        assert_eq!(client.call::<i64, _>("Echo.Int", &value).await.unwrap(), value);
    }
    for value in ["", "text", "grüße\n\0"] {
        assert_eq!(client.call::<String, _>("Echo.Text", value).await.unwrap(), value);
    }
    for size in [0, 1, 1 << 20] {
        let value = vec![7u8; size];
        assert_eq!(client.call::<Vec<u8>, _>("Echo.Bytes", &value).await.unwrap(), value);
    }
    for value in [Shape::triangle(), Shape::default()] {
        assert_eq!(client.call::<Shape, _>("Echo.Shape", &value).await.unwrap(), value);
    }
    client.call::<Empty, _>("Echo.Nothing", &Empty).await.unwrap();
    assert_eq!(client.call::<String, _>("Echo.Any", &Nil).await.unwrap(), "<nil> <nil>");
}

#[tokio::test]
async fn go_understands_every_field() {
    let (client, _go) = client().await;
    let flat = Shape { inner: None, ..Shape::triangle() };
    let described: String = client.call("Echo.Describe", &flat).await.unwrap();
    assert_eq!(
        described,
        "{Name:triangle Sides:3 Filled:true Area:4.5 Points:[{A:0 B:0} {A:3 B:0} {A:0 B:3}] Tags:map[colour:red] Inner:<nil>}",
    );
    let divided: Quotient = client.call("Arith.Divide", &Pair { a: 17, b: 5 }).await.unwrap();
    assert_eq!(divided, Quotient { quo: 3, rem: 2 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_wait_do_not_hold_up_others() {
    const WAITING: i64 = 20;
    let (client, go) = client().await;
    let calls: Vec<_> = (0..WAITING)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.call::<i64, _>("Gate.Wait", &n).await })
        })
        .collect();
    for _ in 0..WAITING {
        go.tell("waiting").await;
    }
    check(&client).await;
    go.tell("open").await;
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(within("a reply", call).await.unwrap().unwrap(), n as i64);
    }
}

#[tokio::test]
async fn errors_have_the_texts_of_go_and_end_nothing() {
    #[derive(Serialize, GobType)]
    struct Unrelated {
        #[serde(rename = "X")]
        x: i64,
    }
    #[derive(Serialize, GobType)]
    struct Mistyped {
        #[serde(rename = "A")]
        a: String,
    }

    let (client, _go) = client().await;
    let zero = Pair { a: 1, b: 0 };
    assert_eq!(remote_error(&client, "Arith.Divide", &zero).await, "divide by zero");
    for (method, text) in [
        ("Nope.Add", "rpc: can't find service Nope.Add"),
        ("A.B.C", "rpc: can't find service A.B.C"),
        (".Add", "rpc: can't find service .Add"),
        ("Arith.Nope", "rpc: can't find method Arith.Nope"),
        ("Arith.", "rpc: can't find method Arith."),
        ("Arith", "rpc: service/method request ill-formed: Arith"),
    ] {
        assert_eq!(remote_error(&client, method, &zero).await, text);
    }
    assert_eq!(
        remote_error(&client, "Echo.Bool", "text").await,
        "gob: decoding into local type *bool, received remote type string",
    );
    assert_eq!(
        remote_error(&client, "Arith.Add", &Unrelated { x: 1 }).await,
        "gob: type mismatch: no fields matched compiling decoder for Pair",
    );
    assert_eq!(
        remote_error(&client, "Arith.Add", &Mistyped { a: "1".into() }).await,
        "gob: wrong type (int) for received field Mistyped.A",
    );
}

#[tokio::test]
async fn fields_that_one_side_lacks_are_zero_or_ignored() {
    #[derive(Serialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    struct Wider {
        c: String,
        b: i64,
        a: i64,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    struct Narrower {
        a: i64,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Remainder {
        rem: i64,
        #[serde(default)]
        sign: Option<bool>,
    }

    let (client, _go) = client().await;
    let wider = Wider { c: "more".into(), b: 3, a: 4 };
    assert_eq!(client.call::<i64, _>("Arith.Add", &wider).await.unwrap(), 7);
    assert_eq!(client.call::<i64, _>("Arith.Add", &Narrower { a: 5 }).await.unwrap(), 5);
    let remainder: Remainder = client.call("Arith.Divide", &Pair { a: 17, b: 5 }).await.unwrap();
    assert_eq!(remainder, Remainder { rem: 2, sign: None });
}

#[tokio::test]
async fn an_error_without_a_text_reads_as_success() {
    // Go sends the same bytes for both.
    let (client, _go) = client().await;
    assert_eq!(client.call::<i64, _>("Broken.Silent", &1).await.unwrap(), 0);
}

#[tokio::test]
async fn an_argument_that_does_not_encode_fails_alone() {
    let (client, _go) = client().await;
    // Go has no nil inside a slice.
    let error = client.call::<i64, _>("Echo.Int", &vec![Some(1), None]).await.unwrap_err();
    assert!(error.is_encode(), "{error:?}");
    check(&client).await;
}

#[tokio::test]
async fn a_reply_of_another_type_fails_alone() {
    let (client, _go) = client().await;
    let error = client.call::<String, _>("Arith.Add", &Pair { a: 1, b: 2 }).await.unwrap_err();
    assert!(error.is_decode(), "{error:?}");
    assert!(error.to_string().starts_with("reading body "), "{error}");
    check(&client).await;
}

#[tokio::test]
async fn a_reply_that_go_cannot_encode_ends_the_connection() {
    let (client, _go) = client().await;
    let error = within("an error", client.call::<Empty, _>("Broken.Reply", &1)).await.unwrap_err();
    assert_eq!(error.to_string(), "reading body unexpected EOF");
    assert!(error.is_disconnected(), "{error:?}");
    let later = client.call::<i64, _>("Echo.Int", &1).await.unwrap_err();
    assert_eq!(later.to_string(), "connection is shut down");
}

#[tokio::test]
async fn an_unknown_method_without_an_argument_fails_alone() {
    // Go cannot skip its own nil interface: it waits for the next request and reads that as the rest of it.
    let (client, _go) = client().await;
    for _ in 0..2 {
        let error = within("an error", client.call::<i64, _>("Arith.Nope", &Nil)).await.unwrap_err();
        assert!(error.is_remote(), "{error:?}");
        assert_eq!(error.to_string(), "rpc: can't find method Arith.Nope");
        check(&client).await;
    }
}

#[tokio::test]
async fn go_loses_its_place_behind_an_argument_that_ends_with_a_nil_interface() {
    let (client, _go) = client().await;
    let options = || CallOptions::new().timeout(Duration::from_millis(500));
    // It takes what follows for the type, and a length, of what the interface holds; here that is the next request.
    let values = [Any::NIL];
    let error = client.call_with::<i64, _>("Arith.Nope", &values[..], options()).await.unwrap_err();
    assert!(!error.is_remote(), "Go has learned to skip a nil interface: {error:?}");
    // Whatever the next call meets, it is not a wait without an end.
    let next = within("the next call", client.call_with::<i64, _>("Echo.Int", &1, options())).await;
    assert!(next.is_err(), "{next:?}");
}

#[tokio::test]
async fn a_late_reply_is_skipped() {
    let (client, go) = client().await;
    let options = CallOptions::new().timeout(Duration::from_millis(200));
    let error = client.call_with::<i64, _>("Gate.Wait", &1, options).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    go.tell("open").await;
    check(&client).await;
}

#[tokio::test]
async fn calls_end_when_the_process_does() {
    let (client, go) = client().await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<i64, _>("Gate.Wait", &1).await }
    });
    go.tell("waiting").await;
    go.kill().await;
    let error: Error = within("the error", call).await.unwrap().unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    assert_eq!(
        client.call::<i64, _>("Echo.Int", &1).await.unwrap_err().to_string(),
        "connection is shut down"
    );
}

#[tokio::test]
async fn closing_ends_the_server_too() {
    let (client, go) = client().await;
    check(&client).await;
    within("the close", client.close()).await;
    go.tell("ended").await;
    let error = client.call::<i64, _>("Echo.Int", &1).await.unwrap_err();
    assert!(error.is_shutdown(), "{error:?}");
    assert_eq!(error.to_string(), "connection is shut down");
}

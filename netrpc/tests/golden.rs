//! The bytes that Go 1.26 writes and reads, captured from `net/rpc` at work.
#![allow(clippy::unwrap_used)]

mod common;

use common::{bytes, client_and_peer, server_and_peer};
use netrpc::{Any, Client, Empty, Methods, Server};

/// Definition of `Request`, sent once.
const REQUEST: &str = r#"2e 7f 03 01 01 07 "Request" 01 ff80 00 01 02 01 0d "ServiceMethod" 01 0c 00 01 03 "Seq" 01 06 00 00 00"#;

/// Definitions of `Response` and of `struct{}` as Go's server numbers them: its ids go on where the client's ended.
const GO_RESPONSE: &str = r#"3a ff81 03 01 01 08 "Response" 01 ff82 00 01 03 01 0d "ServiceMethod" 01 0c 00 01 03 "Seq" 01 06 00 01 05 "Error" 01 0c 00 00 00"#;
const GO_EMPTY: &str = "0a ff83 03 01 02 ff84 00 00 00";

/// The same from our server, which numbers each stream from the first id.
const RESPONSE: &str = r#"39 7f 03 01 01 08 "Response" 01 ff80 00 01 03 01 0d "ServiceMethod" 01 0c 00 01 03 "Seq" 01 06 00 01 05 "Error" 01 0c 00 00 00"#;
const EMPTY: &str = "0a ff81 03 01 02 ff82 00 00 00";

struct Exchange {
    what: &'static str,
    request: &'static [&'static str],
    /// What Go's server answers, for our client.
    go_reply: &'static [&'static str],
    /// What our server answers.
    our_reply: &'static [&'static str],
}

/// One conversation: each row goes on where the one before ended.
const CONVERSATION: [Exchange; 4] = [
    Exchange {
        what: "first Control.Ping(true)",
        request: &[REQUEST, r#"11 ff80 01 0c "Control.Ping" 00"#, "03 02 00 01"],
        go_reply: &[GO_RESPONSE, r#"11 ff82 01 0c "Control.Ping" 00"#, GO_EMPTY, "03 ff84 00"],
        our_reply: &[RESPONSE, r#"11 ff80 01 0c "Control.Ping" 00"#, EMPTY, "03 ff82 00"],
    },
    Exchange {
        what: "second Control.Ping(true)",
        request: &[r#"13 ff80 01 0c "Control.Ping" 01 01 00"#, "03 02 00 01"],
        go_reply: &[r#"13 ff82 01 0c "Control.Ping" 01 01 00"#, "03 ff84 00"],
        our_reply: &[r#"13 ff80 01 0c "Control.Ping" 01 01 00"#, "03 ff82 00"],
    },
    Exchange {
        what: "Dispenser.Dispense(kv)",
        request: &[r#"19 ff80 01 12 "Dispenser.Dispense" 01 02 00"#, r#"05 0c 00 02 "kv""#],
        go_reply: &[r#"19 ff82 01 12 "Dispenser.Dispense" 01 02 00"#, "03 06 00 01"],
        our_reply: &[r#"19 ff80 01 12 "Dispenser.Dispense" 01 02 00"#, "03 06 00 01"],
    },
    Exchange {
        what: "Dispenser.Dispense(no), an error",
        request: &[r#"19 ff80 01 12 "Dispenser.Dispense" 01 03 00"#, r#"05 0c 00 02 "no""#],
        go_reply: &[
            r#"32 ff82 01 12 "Dispenser.Dispense" 01 03 01 17 "unknown plugin type: no" 00"#,
            "03 ff84 00",
        ],
        our_reply: &[
            r#"32 ff80 01 12 "Dispenser.Dispense" 01 03 01 17 "unknown plugin type: no" 00"#,
            "03 ff82 00",
        ],
    },
];

#[tokio::test]
async fn client_writes_and_reads_the_bytes_of_go() {
    let (client, mut peer) = client_and_peer(Client::builder());
    for (step, exchange) in CONVERSATION.iter().enumerate() {
        let script = async {
            peer.expect_raw(&bytes(&exchange.request.concat()), exchange.what).await;
            peer.send_raw(&bytes(&exchange.go_reply.concat())).await;
        };
        let call = async {
            match step {
                0 | 1 => {
                    client.call::<Empty, _>("Control.Ping", &true).await.unwrap();
                }
                2 => {
                    assert_eq!(client.call::<u32, _>("Dispenser.Dispense", "kv").await.unwrap(), 1);
                }
                _ => {
                    let error = client.call::<u32, _>("Dispenser.Dispense", "no").await.unwrap_err();
                    assert!(error.is_remote());
                    assert_eq!(error.to_string(), "unknown plugin type: no");
                }
            }
        };
        tokio::join!(script, call);
    }
}

#[tokio::test]
async fn server_reads_the_bytes_of_go_and_answers_as_go_does() {
    let control = Methods::new().method("Ping", |_: bool| async { Ok::<_, String>(Empty) });
    let dispenser = Methods::new().method("Dispense", |name: String| async move {
        if name == "kv" { Ok(1_u32) } else { Err(format!("unknown plugin type: {name}")) }
    });
    let server =
        Server::builder().service("Control", control).service("Dispenser", dispenser).build().unwrap();
    let (_serving, mut peer) = server_and_peer(&server);
    for exchange in &CONVERSATION {
        peer.send_raw(&bytes(&exchange.request.concat())).await;
        peer.expect_raw(&bytes(&exchange.our_reply.concat()), exchange.what).await;
    }
}

/// What a Go host sends for `new(interface{})`, with which an unknown method hangs Go's own client.
#[tokio::test]
async fn unknown_method_with_a_nil_interface_is_answered_and_the_stream_lives() {
    let plugin = Methods::new().method("Greet", |_: netrpc::Nil| async { Ok::<_, String>("Hello!") });
    let (_serving, mut peer) = server_and_peer(&Server::builder().service("Plugin", plugin).build().unwrap());
    peer.send_raw(&bytes(&[REQUEST, r#"10 ff80 01 0b "Plugin.Nope" 00"#, "03 10 00 00"].concat())).await;
    assert_eq!(peer.error().await.error, "rpc: can't find method Plugin.Nope");
    peer.send_raw(&bytes(r#"13 ff80 01 0c "Plugin.Greet" 01 01 00 03 10 00 00"#)).await;
    let (response, greeting) = peer.response::<String>().await;
    assert_eq!((response.seq, greeting.as_str()), (1, "Hello!"));
}

/// A reply whose body is a nil interface does not hang the client, wanted or not.
#[tokio::test]
async fn reply_with_a_nil_interface_is_read_and_skipped() {
    let (client, mut peer) = client_and_peer(Client::builder());
    let script = async {
        let (mut request, _) = peer.request::<bool>().await;
        peer.reply(&request, &None::<Any>).await;
        peer.request::<bool>().await;
        request.seq = 99;
        peer.reply(&request, &None::<Any>).await;
        request.seq = 1;
        peer.reply(&request, &true).await;
    };
    let calls = async {
        assert_eq!(client.call::<Option<Any>, _>("A.B", &true).await.unwrap(), None);
        assert!(client.call::<bool, _>("A.B", &true).await.unwrap());
    };
    tokio::join!(script, calls);
}

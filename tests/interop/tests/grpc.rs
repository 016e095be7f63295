//! The gRPC transport between this library and go-plugin v1.8.0: messages, streams, broker, reflection, health.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{process::Stdio, sync::Arc};

use futures_util::{StreamExt as _, future::join_all, stream};
use go_plugin::{Client, ErrorKind, Protocol};
use interop_tests::{
    Peer as GoHost, go_program,
    greeter::HANDSHAKE,
    grpc_peer::{
        self, Peer, PeerPlugin,
        proto::{Blob, Id},
    },
    upstream, within,
};

/// How many connections are brokered at once, in each direction.
const AT_ONCE: usize = 20;

/// A Go plugin in a host of ours.
async fn go_plugin() -> (Client, Arc<Peer>) {
    go_plugin_with(false).await
}

async fn go_plugin_with(multiplex: bool) -> (Client, Arc<Peer>) {
    grpc_peer::go_plugin(multiplex).await.unwrap()
}

/// A plugin of ours in a Go host, dispensed.
async fn go_host() -> GoHost {
    go_host_with(&[]).await
}

async fn go_host_with(flags: &[&str]) -> GoHost {
    let args = flags.iter().copied().chain([env!("CARGO_BIN_EXE_rust-grpc-peer")]);
    let host = GoHost::spawn(&go_program("grpcpeer"), args);
    host.tell("connect").await;
    host
}

#[tokio::test]
async fn messages_of_a_go_plugin_may_be_as_large_as_the_limit_says() {
    let (client, peer) = go_plugin().await;
    let large = 20 << 20;
    let made = within("the message", peer.client().make(Id { id: large })).await.unwrap();
    assert_eq!(made.into_inner().data.len(), large as usize);
    client.kill().await.unwrap();
}

#[tokio::test]
async fn a_message_that_a_go_plugin_does_not_accept_is_its_answer_and_not_a_lost_connection() {
    let (client, peer) = go_plugin().await;
    let status = peer.client().echo(Blob { data: vec![0; 5 << 20] }).await.unwrap_err();
    let error = go_plugin::Error::from(status);
    assert_eq!(error.kind(), ErrorKind::Remote, "{error:?}");
    assert!(error.to_string().contains("received message larger than max"), "{error}");
    peer.client().echo(Blob::default()).await.unwrap();
    client.kill().await.unwrap();
}

#[tokio::test]
async fn messages_of_a_go_host_may_exceed_four_mebibytes_both_ways() {
    let host = go_host().await;
    assert_eq!(host.number("echo 20971520").await, 20 << 20);
    assert_eq!(host.number("make 20971520").await, 20 << 20);
    host.tell("kill").await;
}

#[tokio::test]
async fn a_stream_with_a_go_plugin_carries_both_directions() {
    let (client, peer) = go_plugin().await;
    let words: Vec<_> = (0..1000).map(|n| Blob { data: format!("message {n}").into_bytes() }).collect();
    let mut talking = peer.client();
    let answers = within("the stream", talking.talk(stream::iter(words.clone()))).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    assert_eq!(answers, words);
    client.kill().await.unwrap();
}

#[tokio::test]
async fn a_stream_of_a_go_host_carries_both_directions() {
    let host = go_host().await;
    assert_eq!(host.number("talk 1000").await, 1000);
    host.tell("kill").await;
}

#[tokio::test]
async fn connections_are_brokered_with_a_go_plugin_in_both_directions() {
    let (client, peer) = go_plugin().await;
    let call_backs = join_all((0..AT_ONCE).map(|_| peer.call_back()));
    let offers = join_all((0..AT_ONCE).map(|_| peer.offer()));
    let (call_backs, offers) = within("the calls", async { tokio::join!(call_backs, offers) }).await;
    for (called_back, offered) in call_backs.into_iter().zip(offers) {
        assert_eq!((called_back.unwrap(), offered.unwrap()), (b"called back".to_vec(), b"offered".to_vec()));
    }
    let error = within("the dial", peer.broker.dial(12345)).await.unwrap_err();
    assert_eq!(error.to_string(), "timeout waiting for connection info");
    client.kill().await.unwrap();
}

#[tokio::test]
async fn connections_are_brokered_with_a_go_host_in_both_directions() {
    let host = go_host().await;
    assert_eq!(host.tell("callback").await, "called back");
    assert_eq!(host.tell("offer").await, "offered");
    host.tell(&format!("broker {AT_ONCE}")).await;
    assert_eq!(host.ask("dial 12345").await.unwrap_err(), "timeout waiting for connection info");
    host.tell("kill").await;
}

/// One after the other, as go-plugin's documentation asks of those who multiplex.
#[tokio::test]
async fn connections_are_multiplexed_with_a_go_plugin_in_both_directions() {
    let (client, peer) = go_plugin_with(true).await;
    assert_eq!(client.handshake_line().multiplex, Some(true));
    for _ in 0..AT_ONCE {
        assert_eq!(within("the call", peer.call_back()).await.unwrap(), b"called back");
        assert_eq!(within("the call", peer.offer()).await.unwrap(), b"offered");
    }
    let error = within("the dial", peer.broker.dial(12345)).await.unwrap_err();
    assert_eq!(error.to_string(), "timeout waiting for multiplexing knock handshake on id 12345");
    client.ping().await.unwrap();
    client.kill().await.unwrap();
    assert_eq!(client.exited().await.and_then(|status| status.code()), Some(0));
}

#[tokio::test]
async fn connections_are_multiplexed_with_a_go_host_in_both_directions() {
    let host = go_host_with(&["-multiplex"]).await;
    for _ in 0..AT_ONCE {
        assert_eq!(host.tell("callback").await, "called back");
        assert_eq!(host.tell("offer").await, "offered");
    }
    assert_eq!(host.number("echo 20971520").await, 20 << 20);
    host.tell("ping").await;
    host.tell("kill").await;
}

/// v1.0.1 has no stdio service: what its plugins print is not synchronised, and that is no failure.
#[tokio::test]
async fn plugins_on_old_versions_of_go_plugin_are_hosted() {
    for version in ["v1.0.1", "v1.4.10"] {
        let kv = upstream("github.com/hashicorp/go-plugin/examples/grpc/plugin-go-grpc", version);
        let builder = Client::builder(HANDSHAKE)
            .plugin("kv", PeerPlugin)
            .command(kv)
            .allowed_protocols([Protocol::Grpc]);
        let client = within("the plugin to start", builder.start()).await.unwrap();
        within("the answer", client.ping()).await.unwrap();
        let peer = client.dispense::<PeerPlugin>("kv").await.unwrap();
        let error = go_plugin::Error::from(peer.client().echo(Blob::default()).await.unwrap_err());
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Remote, "unknown service testing.Peer"),
            "{version}"
        );
        within("the plugin to end", client.kill()).await.unwrap();
        let status = client.exited().await.unwrap();
        assert_eq!(status.code(), Some(0), "{version}: {status}");
    }
}

/// The last field appears only if the host asked for it in words that Go reads as true; Go itself prints it for any.
#[tokio::test]
async fn the_line_says_multiplexed_only_when_the_plugin_is() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    for (asked, fields) in
        [(None, 6), (Some("banana"), 6), (Some("false"), 6), (Some("true"), 7), (Some("1"), 7)]
    {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_rust-grpc-peer"));
        command.env("BASIC_PLUGIN", "hello").envs(asked.map(|value| ("PLUGIN_MULTIPLEX_GRPC", value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut plugin = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(plugin.stdout.take().unwrap());
        within("the line", stdout.read_line(&mut line)).await.unwrap();
        assert_eq!(line.split('|').count(), fields, "{asked:?}: {line}");
        assert!(fields == 6 || line.ends_with("|true\n"), "{line}");
        plugin.kill().await.unwrap();
    }
}

/// go-plugin's own plugin dies then: it waits five seconds for its host, and no longer (B20).
#[tokio::test]
async fn b20_a_multiplexed_plugin_waits_for_a_host_that_takes_its_time() {
    let host = GoHost::spawn(&go_program("grpcpeer"), ["-multiplex", env!("CARGO_BIN_EXE_rust-grpc-peer")]);
    host.tell("start").await;
    tokio::time::sleep(std::time::Duration::from_secs(7)).await;
    host.tell("connect").await;
    assert_eq!(host.tell("offer").await, "offered");
    host.tell("kill").await;
}

#[tokio::test]
async fn reflection_and_health_satisfy_a_go_client() {
    let host = go_host().await;
    for version in ["v1", "v1alpha"] {
        assert_eq!(
            host.tell(&format!("services {version}")).await,
            "grpc.health.v1.Health grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection \
             plugin.GRPCBroker plugin.GRPCController plugin.GRPCStdio testing.Peer"
        );
    }
    for (symbol, file) in [
        ("plugin.GRPCBroker", "internal/plugin/grpc_broker.proto StartStream"),
        ("plugin.GRPCController", "internal/plugin/grpc_controller.proto Shutdown"),
        ("plugin.GRPCStdio", "internal/plugin/grpc_stdio.proto StreamStdio"),
        ("testing.Peer", "peer.proto Echo Make Hang Ticks Talk Fail CallBack Offer"),
    ] {
        let found = host.tell(&format!("file {symbol}")).await;
        assert!(found.starts_with(file.split(' ').next().unwrap()), "{symbol} is in {found}");
        for method in file.split(' ').skip(1) {
            assert!(found.split(' ').any(|word| word == method), "{symbol} lacks {method}: {found}");
        }
    }
    let health = host.tell("file grpc.health.v1.Health").await;
    assert!(health.contains("Check") && health.contains("Watch"), "{health}");
    for name in ["plugin", ""] {
        assert_eq!(host.tell(&format!("health {name}")).await, "SERVING SERVING");
    }
    let unknown = host.ask("health nobody").await.unwrap_err();
    assert!(unknown.contains("NotFound"), "{unknown}");
    host.tell("ping").await;
    host.tell("kill").await;
    assert!(host.ask("ping").await.is_err());
}

//! The helpers for users' tests, as users use them.

use std::{sync::Arc, time::Duration};

use go_plugin::{
    Address, AutoMtls, Client, ClientBuilder, ErrorKind, PluginSet, Protocol, Result, Server,
    StdioConnection, Supervisor, serve,
    testing::{FakePlugin, Misbehaviour, Pair, grpc_channel},
};
use interop_tests::{
    greeter::{Greeter, GreeterPlugin, HANDSHAKE, NetRpcOnly},
    grpc_peer::{PeerPlugin, proto::Blob},
    within,
};
use proto::{Reply, Request, greeter_client::GreeterClient, greeter_server};
use tonic::{Response, Status, async_trait};

use crate::support::{TRANSPORTS, builder, greet};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
#[path = "../../../../examples/hello-cli/generated/greeter.rs"]
mod proto;

struct Kind;

#[go_plugin::interface]
impl Greeter for Kind {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }

    async fn say(&self, name: &str) -> Result<String> {
        if name == "!hang" {
            std::future::pending::<()>().await;
        }
        Ok(format!("hello {name}"))
    }
}

fn server(transport: Protocol) -> Server {
    match transport {
        Protocol::NetRpc => serve(HANDSHAKE).plugin("greeter", NetRpcOnly(GreeterPlugin::new(Kind))),
        Protocol::Grpc => serve(HANDSHAKE).plugin("greeter", GreeterPlugin::new(Kind)),
    }
}

fn fake(transport: Protocol) -> FakePlugin {
    FakePlugin::serving(move || server(transport))
}

/// GP-16.
#[tokio::test]
async fn a_pair_calls_itself_over_either_transport() {
    for transport in TRANSPORTS {
        let plugins = PluginSet::new().plugin("greeter", GreeterPlugin::new(Kind));
        let pair = within("the pair", Pair::new(transport, plugins)).await.unwrap();
        assert_eq!(pair.client().protocol(), transport);
        let greeter = pair.dispense::<GreeterPlugin>("greeter").await.unwrap();
        assert_eq!(within("the greeting", greeter.say("gopher")).await.unwrap(), "hello gopher");
        within("the stop", pair.stop()).await;
        assert!(within("the error", greeter.say("gopher")).await.unwrap_err().is_disconnected());
    }
}

#[tokio::test]
async fn a_pair_over_a_transport_that_a_plugin_lacks_is_refused() {
    let plugins = PluginSet::new().plugin("greeter", NetRpcOnly(GreeterPlugin::new(Kind)));
    let error = Pair::new(Protocol::Grpc, plugins).await.unwrap_err();
    assert_eq!(error.to_string(), "plugin \"greeter\" has no half for grpc");
}

struct PingPong;

#[async_trait]
impl greeter_server::Greeter for PingPong {
    async fn say(&self, request: tonic::Request<Request>) -> std::result::Result<Response<Reply>, Status> {
        match request.into_inner().name.as_str() {
            "ping" => Ok(Response::new(Reply { message: "pong".into() })),
            other => Err(Status::invalid_argument(other)),
        }
    }
}

/// GP-25.
#[tokio::test]
async fn a_channel_in_memory_serves_ping_pong() {
    let served = grpc_channel(|services| services.add(greeter_server::GreeterServer::new(PingPong)));
    let (channel, served) = within("the channel", served).await.unwrap();
    let mut client = GreeterClient::new(channel);
    for _ in 0..2 {
        let reply = within("the pong", client.say(Request { name: "ping".into() })).await.unwrap();
        assert_eq!(reply.into_inner().message, "pong");
    }
    let status = within("the refusal", client.say(Request { name: "pang".into() })).await.unwrap_err();
    assert_eq!(status.message(), "pang");
    within("the stop", served.stop()).await;
    assert!(within("the error", client.say(Request { name: "ping".into() })).await.is_err());
}

async fn start(fake: &FakePlugin) -> Result<Client> {
    within("the start", fake.install(builder().start_timeout(Duration::from_secs(2))).start()).await
}

#[tokio::test]
async fn a_fake_plugin_is_started_called_and_killed_as_a_program_is() {
    for transport in TRANSPORTS {
        let fake = fake(transport);
        let client = start(&fake).await.unwrap();
        assert_eq!((client.name(), client.protocol(), fake.starts()), ("fake", transport, 1));
        let greeter = client.dispense::<GreeterPlugin>("greeter").await.unwrap();
        assert_eq!(within("the greeting", greeter.say("gopher")).await.unwrap(), "hello gopher");
        within("the kill", client.kill()).await.unwrap();
        assert!(client.exited().await.unwrap().success());
    }
}

#[tokio::test]
async fn a_fake_plugin_can_crash_under_a_supervisor() {
    for transport in TRANSPORTS {
        let fake = fake(transport);
        let program = fake.clone();
        let make = move || -> ClientBuilder { program.install(builder()) };
        let millisecond = Duration::from_millis(1);
        let supervisor = Supervisor::builder(make).backoff(millisecond, millisecond);
        let supervisor = within("the start", supervisor.start()).await.unwrap();
        let greeter: Arc<dyn Greeter> = supervisor.dispense::<GreeterPlugin>("greeter").await.unwrap();
        let crash = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            fake.crash().await;
        };
        let (said, ()) = within("the crash", async { tokio::join!(greeter.say("!hang"), crash) }).await;
        let error = said.unwrap_err();
        assert!(error.is_disconnected() && error.to_string().contains("not repeated"), "{error}");
        assert_eq!(within("the greeting", greeter.say("gopher")).await.unwrap(), "hello gopher");
        assert_eq!(fake.starts(), 2);
        within("the stop", supervisor.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn a_fake_plugin_shares_one_socket_and_encrypts_as_its_host_asks() {
    for (multiplex, encrypt) in [(true, false), (false, true), (true, true)] {
        let fake = FakePlugin::serving(|| serve(HANDSHAKE).plugin("peer", PeerPlugin));
        let mut host = Client::builder(HANDSHAKE)
            .plugin("peer", PeerPlugin)
            .allowed_protocols([Protocol::Grpc])
            .multiplex_grpc(multiplex);
        if encrypt {
            host = host.auto_mtls(AutoMtls::Required);
        }
        let client = within("the start", fake.install(host).start()).await.unwrap();
        let line = client.handshake_line();
        assert_eq!((line.multiplex == Some(true), line.server_certificate.is_some()), (multiplex, encrypt));
        let peer = client.dispense::<PeerPlugin>("peer").await.unwrap();
        assert_eq!(within("the call back", peer.call_back()).await.unwrap(), b"called back");
        assert_eq!(within("the offer", peer.offer()).await.unwrap(), b"offered");
        within("the crash", fake.crash()).await;
        let status = within("the error", peer.client().echo(Blob::default())).await.unwrap_err();
        let error = go_plugin::Error::from(status);
        assert!(error.is_disconnected(), "{multiplex} {encrypt}: {error:?}");
    }
    let host = builder().auto_mtls(AutoMtls::Required);
    let client = within("the start", fake(Protocol::NetRpc).install(host).start()).await.unwrap();
    assert!(client.handshake_line().server_certificate.is_some());
    assert_eq!(greet(&client, "gopher").await, "hello gopher");
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn a_fake_plugin_is_connected_over_its_standard_streams_if_both_sides_want_that() {
    for transport in TRANSPORTS {
        for (wanted, allowed) in [
            (StdioConnection::Required, true),
            (StdioConnection::IfOffered, true),
            (StdioConnection::IfOffered, false),
        ] {
            let fake = FakePlugin::serving(move || server(transport).connect_over_stdio(allowed));
            let host = || fake.install(builder().connect_over_stdio(wanted));
            let client = within("the start", host().start()).await.unwrap();
            assert_eq!(client.handshake_line().address == Address::Stdio, allowed);
            assert_eq!(greet(&client, "gopher").await, "hello gopher");
            within("the kill", client.kill()).await.unwrap();
            assert!(client.exited().await.unwrap().success());

            let client = within("the start", host().start()).await.unwrap();
            let greeter = client.dispense::<GreeterPlugin>("greeter").await.unwrap();
            within("the crash", fake.crash()).await;
            let error = within("the error", greeter.say("gopher")).await.unwrap_err();
            assert!(error.is_disconnected() && error.exit_status().is_some(), "{error:?}");
        }
        let refusing = fake(transport).install(builder().connect_over_stdio(StdioConnection::Required));
        let error = within("the refusal", refusing.start()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
    let fake = FakePlugin::serving(|| serve(HANDSHAKE).plugin("peer", PeerPlugin).connect_over_stdio(true));
    let host = Client::builder(HANDSHAKE)
        .plugin("peer", PeerPlugin)
        .allowed_protocols([Protocol::Grpc])
        .auto_mtls(AutoMtls::Required)
        .connect_over_stdio(StdioConnection::Required);
    let client = within("the start", fake.install(host).start()).await.unwrap();
    let peer = client.dispense::<PeerPlugin>("peer").await.unwrap();
    assert_eq!(within("the call back", peer.call_back()).await.unwrap(), b"called back");
    assert_eq!(within("the offer", peer.offer()).await.unwrap(), b"offered");
    within("the kill", client.kill()).await.unwrap();
    assert!(client.exited().await.unwrap().success());
}

#[tokio::test]
async fn a_fake_plugin_misbehaves_as_it_is_told() {
    for (how, kind, part) in [
        (Misbehaviour::Silent, ErrorKind::StartTimeout, "timeout while waiting for plugin to start"),
        (
            Misbehaviour::Prints("lolinvalid".into()),
            ErrorKind::BadHandshake,
            "Unrecognized remote plugin message: lolinvalid",
        ),
        (Misbehaviour::Exits("no config".into()), ErrorKind::ExitedBeforeHandshake, "no config"),
        (Misbehaviour::Refuses(Protocol::NetRpc), ErrorKind::Disconnected, "cannot connect to"),
        (Misbehaviour::HangsUp(Protocol::NetRpc), ErrorKind::Disconnected, ""),
        (Misbehaviour::HangsUp(Protocol::Grpc), ErrorKind::Disconnected, ""),
        (Misbehaviour::NeverAnswers(Protocol::Grpc), ErrorKind::Timeout, ""),
    ] {
        let error = start(&FakePlugin::misbehaving(how.clone())).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{how:?}: {error}");
        assert!(error.to_string().contains(part), "{how:?}: {error}");
    }
}

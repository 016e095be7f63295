//! Standard input and output as the connection: between peers of ours, and what becomes of the wish with a Go program at one end.

use std::{path::PathBuf, process::Command, sync::Arc};

use futures_util::future::join_all;
use go_plugin::{
    Address, AutoMtls, Client, ErrorKind, Protocol, Result, StdioConnection, netrpc::ByteStream,
};
use interop_tests::{
    Collected, Peer,
    courier::{CourierPlugin, Helper},
    go_program,
    greeter::HANDSHAKE,
    grpc_peer::{PeerPlugin, proto::Id},
    read_pattern_to_end, within, write_pattern,
};
use tokio::io::AsyncWriteExt as _;

use crate::{
    container::Docker,
    runner::Own,
    support::{TRANSPORTS, builder, go_greeter, greet, rust_greeter},
};

/// How much goes through a stream.
const SIZE: usize = 16 << 20;

/// How many connections are brokered at once, in each direction.
const AT_ONCE: usize = 20;

fn over_stdio(transport: Protocol) -> Command {
    let mut command = rust_greeter(transport);
    command.arg("--stdio");
    command
}

struct Polite;

#[go_plugin::interface]
impl Helper for Polite {
    async fn say(&self, name: &str) -> Result<String> {
        Ok(format!("the host says hello {name}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn net_rpc_calls_back_and_moves_bytes() {
    for auto_mtls in [None, Some(AutoMtls::Required)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rust-courier"));
        command.arg("--stdio");
        let builder = Client::builder(HANDSHAKE)
            .plugin("courier", CourierPlugin::client())
            .command(command)
            .connect_over_stdio(StdioConnection::Required);
        let builder = match auto_mtls {
            Some(mode) => builder.auto_mtls(mode),
            None => builder,
        };
        let client = within("the start", builder.start()).await.unwrap();
        assert_eq!(client.handshake_line().address, Address::Stdio);
        let courier = client.dispense::<CourierPlugin>("courier").await.unwrap();
        let relays = (0..AT_ONCE).map(|n| {
            let courier = Arc::clone(&courier);
            async move { courier.relay(&n.to_string(), Arc::new(Polite)).await }
        });
        let relayed = within("the relays", join_all(relays)).await;
        for (n, said) in relayed.into_iter().enumerate() {
            assert_eq!(said.unwrap(), format!("the host says hello {n}"));
        }

        let (mut near, far) = tokio::io::duplex(64 << 10);
        let writing = tokio::spawn(async move {
            write_pattern(&mut near, 0, SIZE, 64 << 10).await.unwrap();
            near.shutdown().await.unwrap();
        });
        let counted = within("the count", courier.count(ByteStream::from_reader(far))).await;
        assert_eq!(counted.unwrap() as usize, SIZE);
        writing.await.unwrap();
        let produced = within("the stream", courier.produce(SIZE as i64)).await.unwrap();
        let reader = produced.into_reader().await.unwrap();
        assert_eq!(within("the bytes", read_pattern_to_end(reader, 0)).await.unwrap(), SIZE);
        within("the kill", client.kill()).await.unwrap();
        assert_eq!(client.exited().await.unwrap().code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_brokers_connections_in_both_directions_on_the_one() {
    for auto_mtls in [None, Some(AutoMtls::Required)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rust-grpc-peer"));
        command.arg("--stdio");
        let builder = Client::builder(HANDSHAKE)
            .plugin("peer", PeerPlugin)
            .command(command)
            .allowed_protocols([Protocol::Grpc])
            .connect_over_stdio(StdioConnection::Required);
        let builder = match auto_mtls {
            Some(mode) => builder.auto_mtls(mode),
            None => builder,
        };
        let client = within("the start", builder.start()).await.unwrap();
        let line = client.handshake_line();
        assert_eq!((&line.address, line.multiplex), (&Address::Stdio, Some(true)));
        let peer = client.dispense::<PeerPlugin>("peer").await.unwrap();
        let call_backs = join_all((0..AT_ONCE).map(|_| peer.call_back()));
        let offers = join_all((0..AT_ONCE).map(|_| peer.offer()));
        let (call_backs, offers) = within("the calls", async { tokio::join!(call_backs, offers) }).await;
        for (called_back, offered) in call_backs.into_iter().zip(offers) {
            assert_eq!(
                (called_back.unwrap(), offered.unwrap()),
                (b"called back".to_vec(), b"offered".to_vec())
            );
        }
        let made = within("the message", peer.client().make(Id { id: SIZE as u32 })).await.unwrap();
        assert_eq!(made.into_inner().data.len(), SIZE);
        within("the kill", client.kill()).await.unwrap();
        assert_eq!(client.exited().await.unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn a_go_plugin_is_refused_or_connected_to_on_its_socket() {
    for transport in TRANSPORTS {
        let required = builder().command(go_greeter(transport)).connect_over_stdio(StdioConnection::Required);
        let error = within("the error", required.start()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().starts_with("the plugin listens on unix /"), "{error}");
        assert!(error.to_string().ends_with("plugins on go-plugin cannot"), "{error}");

        let offered = builder().command(go_greeter(transport)).connect_over_stdio(StdioConnection::IfOffered);
        let client = within("the start", offered.start()).await.unwrap();
        assert_eq!(client.handshake_line().address.network(), "unix");
        assert_eq!(greet(&client, "gopher").await, "hello gopher");
        within("the kill", client.kill()).await.unwrap();
        assert_eq!(client.exited().await.unwrap().code(), Some(0));
    }
}

/// Go hosts pass all of their environment on, be it meant for them alone.
#[tokio::test]
async fn a_go_host_gets_a_socket_unless_it_passes_on_what_it_was_told_itself() {
    for transport in TRANSPORTS {
        for inherited in [false, true] {
            let plugin = over_stdio(transport);
            let mut command = tokio::process::Command::new(go_program("hostpeer"));
            command
                .args(["-protocols", transport.as_str()])
                .arg(plugin.get_program())
                .args(plugin.get_args());
            if inherited {
                command.env("PLUGIN_CONNECT_STDIO", "true");
            }
            let host = Peer::spawn_command(command);
            if inherited {
                let error = host.ask("start").await.unwrap_err();
                assert_eq!(error, "unknown address type: stdio");
            } else {
                host.tell("dispense").await;
                assert_eq!(host.tell("say gopher").await, "hello gopher");
                host.tell("say !stdout to the host").await;
                assert_eq!(host.tell("stdout to the").await, "to the host");
                host.tell("kill").await;
            }
        }
    }
}

#[tokio::test]
async fn a_runner_hands_over_the_streams_of_its_plugin() {
    for transport in TRANSPORTS {
        let connected = || {
            let run = move |spec| async move { Ok(Own::new(over_stdio(transport), spec)) };
            builder().runner(run).connect_over_stdio(StdioConnection::Required)
        };
        let stdout = Collected::default();
        let client = within("the start", connected().stdout(stdout.clone()).start()).await.unwrap();
        assert_eq!(client.handshake_line().address, Address::Stdio);
        greet(&client, "!lines 1000").await;
        within("the kill", client.kill()).await.unwrap();
        assert_eq!(client.exited().await.unwrap().code(), Some(0));
        assert_eq!(stdout.text(), (0..1000).map(|n| format!("out {n}\n")).collect::<String>());

        // One that does not know of it.
        let run = move |mut spec: go_plugin::RunnerSpec| async move {
            spec.stdio = None;
            Ok(Own::new(over_stdio(transport), spec))
        };
        let error = builder().runner(run).connect_over_stdio(StdioConnection::Required).start();
        let error = within("the error", error).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
        assert!(error.to_string().contains("does not hand over its plugin's standard input"), "{error}");
    }
}

#[tokio::test]
async fn a_container_that_shares_nothing_with_the_host_is_called() {
    let docker = Docker::new(&[("greeter", PathBuf::from(env!("CARGO_BIN_EXE_rust-greeter")))]);
    for transport in TRANSPORTS {
        let container = docker.image("greeter").argument("--stdio");
        let container = if transport == Protocol::Grpc { container.argument("--grpc") } else { container };
        let builder = builder().container(container).connect_over_stdio(StdioConnection::Required);
        let client = within("the start", builder.start()).await.unwrap();
        assert_eq!((client.id(), &client.handshake_line().address), (0, &Address::Stdio));
        assert_eq!(greet(&client, "gopher").await, "hello gopher");
        assert_eq!(greet(&client, "!env PLUGIN_UNIX_SOCKET_DIR").await, "");
        within("the kill", client.kill()).await.unwrap();
        assert_eq!(client.exited().await.unwrap().code(), Some(0));
    }
}

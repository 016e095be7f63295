//! The end of plugins, as others learn of it.

use std::{
    os::unix::process::ExitStatusExt,
    process::Command,
    sync::{Arc, Mutex},
};

use futures_util::{StreamExt as _, stream};
use go_plugin::{Client, Error, ErrorKind, Protocol, Supervisor, cleanup_clients};
use interop_tests::{
    go_program,
    greeter::{GreeterPlugin, HANDSHAKE},
    grpc_peer::{Peer, PeerPlugin, proto::Blob},
    is_running, within,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use crate::support::{TRANSPORTS, builder, go_greeter, greet, rust_greeter};

#[tokio::test]
async fn a_call_that_fails_because_the_process_died_says_how_it_died() {
    for transport in TRANSPORTS {
        for command in [go_greeter(transport), rust_greeter(transport)] {
            let client = within("the start", builder().command(command).start()).await.unwrap();
            let greeter = client.dispense::<GreeterPlugin>("greeter").await.unwrap();
            let error = within("the error", greeter.say("!exit 3")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Disconnected);
            assert_eq!(error.exit_status().and_then(|status| status.code()), Some(3), "{error}");
            assert!(error.to_string().ends_with("(the plugin process ended: exit status: 3)"), "{error}");
            // Later ones know it at once.
            for error in [
                within("the error", greeter.say("gopher")).await.unwrap_err(),
                within("the error", client.ping()).await.unwrap_err(),
            ] {
                assert!(error.is_disconnected(), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_call_whose_process_was_killed_has_the_signal() {
    let dir = tempfile::tempdir().unwrap();
    for transport in TRANSPORTS {
        let client = within("the start", builder().command(go_greeter(transport)).start()).await.unwrap();
        let greeter = client.dispense::<GreeterPlugin>("greeter").await.unwrap();
        let file = dir.path().join(transport.as_str());
        let hang = format!("!hang {}", file.display());
        let pid = Pid::from_raw(client.id() as i32).unwrap();
        let kill = async {
            while !file.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            kill_process(pid, Signal::KILL).unwrap();
        };
        let (said, ()) = within("the error", async { tokio::join!(greeter.say(&hang), kill) }).await;
        let error = said.unwrap_err();
        assert_eq!(error.exit_status().and_then(|status| status.signal()), Some(9), "{error}");
    }
}

/// It answers the request at once and keeps its connection until it ends, which takes longer than the request may take.
#[tokio::test]
async fn a_plugin_that_has_taken_the_request_to_quit_gets_its_time_to_end() {
    let mut command = go_greeter(Protocol::NetRpc);
    command.args(["-linger", "2500ms"]);
    let client = within("the start", builder().command(command).start()).await.unwrap();
    within("the kill", client.kill()).await.unwrap();
    assert_eq!(client.exited().await.unwrap().code(), Some(0));
}

/// Opens a stream to the plugin, kills its process and returns what the stream ends with.
async fn broken(peer: &Peer, pid: u32) -> Error {
    // One message, and then no end.
    let talk = stream::iter([Blob { data: b"hello".to_vec() }]).chain(stream::pending());
    let mut talking = peer.client();
    let mut answers = within("the stream", talking.talk(talk)).await.unwrap().into_inner();
    assert_eq!(within("the answer", answers.next()).await.unwrap().unwrap().data, b"hello");
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    within("the error", answers.next()).await.unwrap().unwrap_err().into()
}

#[tokio::test]
async fn a_stream_that_breaks_with_its_process_says_how_that_ended() {
    let go = || {
        let mut command = Command::new(go_program("grpcpeer"));
        command.arg("-plugin");
        command
    };
    let rust = || Command::new(env!("CARGO_BIN_EXE_rust-grpc-peer"));
    let host = |command: Command| {
        Client::builder(HANDSHAKE)
            .plugin("peer", PeerPlugin)
            .allowed_protocols([Protocol::Grpc])
            .command(command)
    };
    let killed = |error: &Error| {
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error:?}");
        assert_eq!(error.exit_status().and_then(|status| status.signal()), Some(9), "{error}");
        assert!(error.to_string().contains("(the plugin process ended: signal: 9"), "{error}");
    };
    for command in [go(), rust()] {
        let client = within("the start", host(command).start()).await.unwrap();
        let peer = client.dispense::<PeerPlugin>("peer").await.unwrap();
        killed(&broken(&peer, client.id()).await);
    }
    let supervisor = Supervisor::builder(move || host(rust())).start();
    let supervisor = within("the start", supervisor).await.unwrap();
    let peer = supervisor.dispense::<PeerPlugin>("peer").await.unwrap();
    // Of the process after the first too.
    for _ in 0..2 {
        within("the process", peer.client().echo(Blob::default())).await.unwrap();
        let error = broken(&peer, supervisor.client().await.unwrap().id()).await;
        killed(&error);
        assert!(error.to_string().contains("will be started again; this call is not repeated"), "{error}");
    }
    within("the stop", supervisor.stop()).await.unwrap();
}

#[tokio::test]
async fn a_callback_learns_of_the_end() {
    for transport in TRANSPORTS {
        for killed in [false, true] {
            let (tell, told) = oneshot::channel();
            let builder =
                builder().command(go_greeter(transport)).on_exit(|status| tell.send(status).unwrap());
            let client = within("the start", builder.start()).await.unwrap();
            let code = if killed {
                within("the kill", client.kill()).await.unwrap();
                0
            } else {
                let greeter = client.dispense::<GreeterPlugin>("greeter").await.unwrap();
                assert!(greeter.say("!exit 7").await.is_err());
                7
            };
            let status = within("the callback", told).await.unwrap();
            assert_eq!(status.and_then(|status| status.code()), Some(code));
        }
    }
}

#[tokio::test]
async fn no_callback_comes_for_a_plugin_that_lives_on() {
    let called = Arc::new(Mutex::new(false));
    let call = Arc::clone(&called);
    let first = builder().command(rust_greeter(TRANSPORTS[0])).outlives_host(true).start();
    let first = within("the start", first).await.unwrap();
    let second = builder()
        .reattach(first.reattach_config().unwrap())
        .on_exit(move |_| *call.lock().unwrap() = true)
        .start();
    drop(within("the reattachment", second).await.unwrap());
    assert_eq!(greet(&first, "gopher").await, "hello gopher");
    assert!(!*called.lock().unwrap());
    within("the kill", first.kill()).await.unwrap();
}

#[tokio::test]
async fn managed_clients_are_ended_all_at_once() {
    let mut managed = Vec::new();
    for transport in TRANSPORTS {
        for _ in 0..3 {
            let builder = builder().command(go_greeter(transport)).managed(true);
            managed.push(within("the start", builder.start()).await.unwrap());
        }
    }
    let other = within("the start", builder().command(go_greeter(TRANSPORTS[0])).start()).await.unwrap();
    // One that is gone is no obstacle.
    drop(managed.pop());
    within("the clean-up", cleanup_clients()).await;
    for client in &managed {
        assert!(client.has_exited() && !is_running(client.id()));
        assert_eq!(client.exited().await.and_then(|status| status.code()), Some(0));
    }
    assert_eq!(greet(&other, "gopher").await, "hello gopher");
    within("the kill", other.kill()).await.unwrap();
    within("nothing", cleanup_clients()).await;
}

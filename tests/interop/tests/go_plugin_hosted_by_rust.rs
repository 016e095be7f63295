//! Go plugins in hosts on this library.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests are tests

use std::{os::unix::process::ExitStatusExt, path::PathBuf, process::Command, sync::Arc, time::Duration};

use go_plugin::{Client, ErrorKind, Fault, Protocol};
use interop_tests::{
    Collected, go_program,
    greeter::{Greeter, GreeterPlugin, HANDSHAKE},
    is_running, logged, record_events, stop, within,
};
use rustix::process::Signal;
use tokio::time::timeout;
use tracing::Level;

struct Hosted {
    client: Client,
    greeter: Arc<dyn Greeter>,
    stdout: Collected,
    stderr: Collected,
}

/// Our plugin on go-plugin v1.8.0, dispensed. `name` is that of the test, so that its log lines are its own.
async fn host(protocol: Protocol, name: &str) -> Hosted {
    record_events();
    let mut command = Command::new(go_program("greeterplugin"));
    if protocol == Protocol::Grpc {
        command.arg("-grpc");
    }
    let (stdout, stderr) = (Collected::default(), Collected::default());
    let builder = Client::builder(HANDSHAKE)
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .plugin("greeter", GreeterPlugin::client())
        .command(command)
        .name(format!("{name}-{protocol}"))
        .stdout(stdout.clone())
        .stderr(stderr.clone());
    let client = within("the plugin to start", builder.start()).await.unwrap();
    assert_eq!(client.protocol(), protocol);
    let greeter = within("the greeter", client.dispense::<GreeterPlugin>("greeter")).await.unwrap();
    Hosted { client, greeter, stdout, stderr }
}

/// Runs a test once for each transport, and then ends the plugin, which must go in good order.
async fn on_each_transport(name: &str, test: impl AsyncFn(&Hosted)) {
    for protocol in [Protocol::NetRpc, Protocol::Grpc] {
        println!("over {protocol}");
        let hosted = host(protocol, name).await;
        test(&hosted).await;
        within("the plugin to be killed", hosted.client.kill()).await.unwrap();
        assert_eq!(hosted.client.exited().await.and_then(|status| status.code()), Some(0));
    }
}

/// The socket that a plugin listens on.
fn socket(client: &Client) -> PathBuf {
    client.handshake_line().address.to_string().into()
}

#[tokio::test]
async fn calls_are_answered_and_errors_keep_their_text() {
    on_each_transport("calls", async |hosted: &Hosted| {
        assert_eq!(hosted.greeter.say("gopher").await.unwrap(), "hello gopher");
        let error = hosted.greeter.say("!fail it is closed").await.unwrap_err();
        assert!(error.is_remote(), "{error:?}");
        assert!(error.to_string().contains("it is closed"), "{error}");
        hosted.client.ping().await.unwrap();
        assert_eq!(hosted.greeter.say("again").await.unwrap(), "hello again");
    })
    .await;
}

#[tokio::test]
async fn a_call_of_ten_mebibytes_comes_back() {
    // Go's gRPC servers take 4 MiB.
    let hosted = host(Protocol::NetRpc, "large").await;
    let name = "x".repeat(10 << 20);
    let said = within("the greeting", hosted.greeter.say(&name)).await.unwrap();
    assert!(said == format!("hello {name}"));
    within("the kill", hosted.client.kill()).await.unwrap();
}

#[tokio::test]
async fn what_the_plugin_prints_reaches_the_host() {
    on_each_transport("prints", async |hosted: &Hosted| {
        hosted.greeter.say("!stdout to the host's stdout").await.unwrap();
        hosted.greeter.say("!stderr to the host's stderr").await.unwrap();
        hosted.greeter.say("!lines 2000").await.unwrap();
        let lines = |prefix: &str| (0..2000).map(|n| format!("{prefix} {n}\n")).collect::<String>();
        hosted.stdout.contains("out 1999\n").await;
        hosted.stderr.contains("err 1999\n").await;
        assert_eq!(hosted.stdout.text(), format!("to the host's stdout\n{}", lines("out")));
        assert_eq!(hosted.stderr.text(), format!("to the host's stderr\n{}", lines("err")));
    })
    .await;
}

#[tokio::test]
async fn what_the_plugin_logs_becomes_an_event_of_the_host() {
    on_each_transport("logs", async |hosted: &Hosted| {
        let target = format!("plugin.{}", hosted.client.name());
        let early = logged(&target, "about to serve").await;
        assert_eq!(early.level, Level::INFO);
        assert_eq!(early.fields["pid"], hosted.client.id().to_string());
        for (level, name) in [(Level::WARN, "warn"), (Level::ERROR, "error"), (Level::TRACE, "trace")] {
            hosted.greeter.say(&format!("!log {name} take care of {name}")).await.unwrap();
            let event = logged(&target, &format!("take care of {name}")).await;
            assert_eq!(event.level, level);
            assert_eq!(event.fields["count"], "3");
            assert_eq!(event.fields["who"], "a plugin");
        }
    })
    .await;
}

#[tokio::test]
async fn killing_leaves_neither_process_nor_socket() {
    on_each_transport("kill", async |hosted: &Hosted| {
        let (pid, socket) = (hosted.client.id(), socket(&hosted.client));
        assert!(is_running(pid) && socket.exists(), "{}", socket.display());
        within("the kill", hosted.client.kill()).await.unwrap();
        assert!(!is_running(pid) && !socket.exists(), "{}", socket.display());
        assert!(hosted.client.has_exited());
        let error = hosted.greeter.say("gopher").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::Shutdown), "{error:?}");
        assert!(hosted.client.ping().await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_stopped_plugin_is_killed_all_the_same() {
    for protocol in [Protocol::NetRpc, Protocol::Grpc] {
        let hosted = host(protocol, "stopped").await;
        let pid = hosted.client.id();
        stop(pid).await;
        // go-plugin's own kill takes 40 seconds over net/rpc, and does not return over gRPC.
        timeout(Duration::from_secs(20), hosted.client.kill()).await.unwrap().unwrap();
        assert!(!is_running(pid));
        let status = hosted.client.exited().await.unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    on_each_transport("waits", async |hosted: &Hosted| {
        let ask = format!("!hang {}", file.display());
        let waiting = hosted.greeter.say(&ask);
        let others = async {
            within("the call to wait", async {
                while !file.exists() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
            .await;
            for n in 0..100 {
                let said = within("a greeting", hosted.greeter.say(&n.to_string())).await;
                assert_eq!(said.unwrap(), format!("hello {n}"));
            }
            // An object of its own over net/rpc, the same connection over gRPC.
            let second = hosted.client.dispense::<GreeterPlugin>("greeter").await.unwrap();
            assert_eq!(within("a greeting", second.say("gopher")).await.unwrap(), "hello gopher");
            hosted.client.kill().await.unwrap();
        };
        let (ended, ()) = tokio::join!(waiting, others);
        let error = ended.unwrap_err();
        assert!(matches!(error.fault(), Fault::Disconnected | Fault::Cancelled), "{error:?}");
        std::fs::remove_file(&file).unwrap();
    })
    .await;
}

#[tokio::test]
async fn dropping_the_client_ends_the_plugin() {
    for protocol in [Protocol::NetRpc, Protocol::Grpc] {
        let hosted = host(protocol, "drop").await;
        let (pid, socket) = (hosted.client.id(), socket(&hosted.client));
        drop(hosted);
        within("the plugin to end", async {
            while is_running(pid) || socket.exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_plugin_that_exits_or_panics_in_a_call_is_disconnected() {
    for protocol in [Protocol::NetRpc, Protocol::Grpc] {
        for (ask, code) in [("!exit 3", 3), ("!panic on purpose", 2)] {
            let hosted = host(protocol, "dies").await;
            let error = within("the error", hosted.greeter.say(ask)).await.unwrap_err();
            assert_eq!(error.fault(), Fault::Disconnected, "{error:?}");
            let status = within("the exit", hosted.client.exited()).await.unwrap();
            assert_eq!(status.code(), Some(code), "{ask}");
            let later = within("the error", hosted.greeter.say("gopher")).await.unwrap_err();
            assert_eq!(later.fault(), Fault::Disconnected, "{later:?}");
            within("the kill", hosted.client.kill()).await.unwrap();
        }
        // Go prints a panic on the process's own stderr.
        let target = format!("plugin.dies-{protocol}");
        assert_eq!(logged(&target, "panic: on purpose").await.level, Level::ERROR);
    }
}

#[tokio::test]
async fn a_transport_that_the_host_does_not_allow_is_refused_with_the_text_of_go() {
    let mut command = Command::new(go_program("greeterplugin"));
    command.arg("-grpc");
    let builder = Client::builder(HANDSHAKE).plugin("greeter", GreeterPlugin::client()).command(command);
    let error = within("the refusal", builder.start()).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::ProtocolNotAllowed, Fault::Version));
    assert!(
        error.to_string().contains(r#"unsupported plugin protocol "grpc". Supported: [netrpc]"#),
        "{error}"
    );
}

#[tokio::test]
async fn a_plugin_with_another_cookie_says_what_it_is_before_it_exits() {
    let mut command = Command::new(go_program("greeterplugin"));
    command.args(["-cookie", "BASIC_PLUGIN=goodbye"]);
    let builder = Client::builder(HANDSHAKE).plugin("greeter", GreeterPlugin::client()).command(command);
    let error = within("the refusal", builder.start()).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::ExitedBeforeHandshake, Fault::Plugin));
    assert_eq!(error.exit_status().and_then(|status| status.code()), Some(1));
    assert!(error.to_string().contains("This binary is a plugin"), "{error}");
}

//! Plugins on this library under Go hosts.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests are tests

use std::time::Duration;

use futures_util::future::join_all;
use interop_tests::{Peer, go_program, is_running, within};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

const RUST_GREETER: &str = env!("CARGO_BIN_EXE_rust-greeter");

/// Our host on go-plugin v1.8.0 with our plugin, dispensed. Once for each transport.
async fn on_each_transport(test: impl AsyncFn(Peer)) {
    for transport in ["netrpc", "grpc"] {
        println!("over {transport}");
        let host = go_host(transport);
        assert_eq!(host.tell("start").await, transport);
        host.tell("dispense").await;
        test(host).await;
    }
}

fn go_host(transport: &str) -> Peer {
    let mut args = vec!["-protocols", transport, RUST_GREETER];
    if transport == "grpc" {
        args.push("--grpc");
    }
    Peer::spawn(&go_program("hostpeer"), args)
}

#[tokio::test]
async fn calls_are_answered_and_errors_keep_their_text() {
    on_each_transport(async |host: Peer| {
        assert_eq!(host.tell("say gopher").await, "hello gopher");
        let greeting = host.ask("greet").await;
        assert!(greeting == Ok("Hello!".into()) || greeting == Err("greeter.Greeter has no Greet".into()));
        let error = host.ask("say !fail it is closed").await.unwrap_err();
        assert!(error.contains("it is closed"), "{error}");
        host.tell("ping").await;
        assert_eq!(host.tell("say again").await, "hello again");
    })
    .await;
}

#[tokio::test]
async fn a_name_that_the_plugin_does_not_serve_is_refused_with_the_text_of_go() {
    let host = go_host("netrpc");
    assert_eq!(host.ask("dispense absent").await.unwrap_err(), "unknown plugin type: absent");
    host.tell("dispense").await;
    assert_eq!(host.tell("say gopher").await, "hello gopher");
    host.tell("kill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_at_once_are_answered() {
    on_each_transport(async |host: Peer| {
        let calls = (0..100).map(|n| {
            let host = &host;
            async move { host.tell(&format!("say {n}")).await == format!("hello {n}") }
        });
        assert!(join_all(calls).await.into_iter().all(|right| right));
    })
    .await;
}

#[tokio::test]
async fn a_call_of_four_mebibytes_comes_back() {
    let host = go_host("netrpc");
    host.tell("dispense").await;
    let name = "x".repeat(4 << 20);
    assert!(host.tell(&format!("say {name}")).await == format!("hello {name}"));
    host.tell("kill").await;
}

#[tokio::test]
async fn what_the_plugin_prints_reaches_the_host() {
    on_each_transport(async |host: Peer| {
        host.tell("say !stdout to the host's stdout").await;
        host.tell("say !stderr to the host's stderr").await;
        assert_eq!(host.tell("stdout stdout").await, "to the host's stdout");
        assert_eq!(host.tell("stderr stderr").await, "to the host's stderr");
        host.tell("say !lines 2000").await;
        assert_eq!(host.tell("stdout out 1999").await, "out 1999");
        assert_eq!(host.tell("stderr err 1999").await, "err 1999");
        assert_eq!(host.number("lines").await, 2 + 4000);
    })
    .await;
}

#[tokio::test]
async fn what_the_plugin_logs_reaches_the_log_of_the_host() {
    on_each_transport(async |host: Peer| {
        let early = host.tell("log about to serve").await;
        assert!(early.contains(r#""@level":"info""#) && early.contains(r#""pid":"#), "{early}");
        host.tell("say !log warn take care").await;
        let line = host.tell("log take care").await;
        for part in [
            r#""@level":"warn""#,
            r#""@message":"take care""#,
            r#""@module":"rust_greeter""#,
            r#""count":3"#,
            r#""who":"a plugin""#,
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_killed_plugin_ends_in_good_order() {
    on_each_transport(async |host: Peer| {
        host.tell("kill").await;
        assert_eq!(host.tell("exited").await, "true");
        assert_eq!(host.tell("logged failed to exit gracefully").await, "false");
        // Logged by go-plugin at info level only if the exit code was 0.
        let line = host.tell("log plugin process exited").await;
        assert!(line.contains(r#""@level":"info""#), "{line}");
    })
    .await;
}

#[tokio::test]
async fn the_reply_to_quit_arrives() {
    // Go's own plugins lose it now and then.
    for _ in 0..10 {
        on_each_transport(async |host: Peer| {
            host.tell("close").await;
            let line = host.tell("log plugin process exited").await;
            assert!(line.contains(r#""@level":"info""#), "{line}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_panic_of_a_handler_is_an_error_of_that_call() {
    on_each_transport(async |host: Peer| {
        assert!(host.ask("say !panic on purpose").await.is_err());
        assert_eq!(host.tell("say gopher").await, "hello gopher");
    })
    .await;
}

#[tokio::test]
async fn the_plugin_ignores_interrupts_and_ends_with_its_host() {
    on_each_transport(async |host: Peer| {
        let pid = host.number("pid").await as u32;
        kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::INT).unwrap();
        assert_eq!(host.tell("say gopher").await, "hello gopher");
        host.kill().await;
        within("the plugin to end", async {
            while is_running(pid) {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    })
    .await;
}

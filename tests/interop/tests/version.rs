//! The version that a plugin states: asked by hosts of ours, unknown to those in Go.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{path::PathBuf, process::Command};

use go_plugin::{Client, ClientBuilder, Error, ErrorKind, Fault, Protocol};
use interop_tests::{
    Peer as GoHost, go_program,
    greeter::{GreeterPlugin, HANDSHAKE},
    is_running, upstream, upstream_example, within,
};

const RUST_GREETER: &str = env!("CARGO_BIN_EXE_rust-greeter");

/// A host for a program that serves over net/rpc, or over gRPC with one more argument.
fn host(program: impl Into<PathBuf>, args: &[&str]) -> ClientBuilder {
    let mut command = Command::new(program.into());
    command.args(args);
    Client::builder(HANDSHAKE)
        .plugin("greeter", GreeterPlugin::client())
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .name("greeter")
        .command(command)
}

async fn started(host: ClientBuilder) -> Client {
    within("the plugin to start", host.start()).await.unwrap()
}

async fn refused(host: ClientBuilder) -> Error {
    within("the plugin to be refused", host.start()).await.err().unwrap()
}

#[tokio::test]
async fn a_plugin_says_its_version_over_either_transport() {
    for transport in [&[][..], &["--grpc"][..]] {
        let stating = [transport, &["--state", "1.2.3-rc.1+build"]].concat();
        let client = started(host(RUST_GREETER, &stating)).await;
        let version = within("the version", client.plugin_version()).await.unwrap();
        assert_eq!(version.unwrap().to_string(), "1.2.3-rc.1+build");
        let greeter = client.dispense::<GreeterPlugin>("greeter").await.unwrap();
        assert_eq!(greeter.say("gopher").await.unwrap(), "hello gopher");
        within("the kill", client.kill()).await.unwrap();
        let gone = within("the error", client.plugin_version()).await.unwrap_err();
        assert!(gone.is_disconnected(), "{gone:?}");

        let client = started(host(RUST_GREETER, transport)).await;
        assert_eq!(within("the version", client.plugin_version()).await.unwrap(), None);
        within("the kill", client.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn a_go_plugin_states_none_and_works_on() {
    let basic = |version| upstream("github.com/hashicorp/go-plugin/examples/basic/plugin", version);
    let plugins: [(_, &[&str]); 4] = [
        (basic("v1.8.0"), &[]),
        (basic("v1.0.1"), &[]),
        (go_program("greeterplugin"), &["-grpc"]),
        (upstream_example("grpc/plugin-go-grpc", "v1.0.1"), &[]),
    ];
    for (program, args) in plugins {
        let client = started(host(&program, args)).await;
        for _ in 0..2 {
            let version = within("the version", client.plugin_version()).await.unwrap();
            assert_eq!(version, None, "{program:?}");
        }
        within("a ping", client.ping()).await.unwrap();
        within("the kill", client.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn a_host_takes_only_plugins_of_a_version_that_it_requires() {
    for transport in [&[][..], &["--grpc"][..]] {
        let stating = [transport, &["--state", "1.2.3"]].concat();
        let client = started(host(RUST_GREETER, &stating).require_version("^1.2".parse().unwrap())).await;
        let pid = client.id();
        within("the kill", client.kill()).await.unwrap();
        assert!(!is_running(pid));

        let error = refused(host(RUST_GREETER, &stating).require_version(">=2".parse().unwrap())).await;
        assert_eq!((error.kind(), error.fault()), (ErrorKind::PluginVersion, Fault::Version));
        assert_eq!(error.to_string(), "plugin greeter has version 1.2.3, and this host requires >=2");
    }
}

#[tokio::test]
async fn a_host_that_requires_a_version_refuses_a_plugin_that_states_none() {
    let go = go_program("greeterplugin");
    for host in
        [host(RUST_GREETER, &[]), host(RUST_GREETER, &["--grpc"]), host(&go, &[]), host(&go, &["-grpc"])]
    {
        let error = refused(host.require_version("*".parse().unwrap())).await;
        assert_eq!(error.kind(), ErrorKind::PluginVersion);
        let text = error.to_string();
        assert!(text.starts_with("plugin greeter states no version, and this host requires *:"), "{text}");
    }
}

#[tokio::test]
async fn a_go_host_drives_a_plugin_that_states_a_version() {
    for (transport, args) in [("netrpc", &[][..]), ("grpc", &["--grpc"][..])] {
        let command = ["-protocols", transport, RUST_GREETER, "--state", "1.2.3"];
        let host = GoHost::spawn(&go_program("hostpeer"), command.iter().chain(args).copied());
        host.tell("dispense").await;
        assert_eq!(host.tell("say gopher").await, "hello gopher");
        host.tell("ping").await;
        host.tell("kill").await;
        assert_eq!(host.tell("logged failed to exit gracefully").await, "false");
    }
}

#[tokio::test]
async fn a_plugin_that_was_found_again_is_asked_too() {
    let host_of = |required: &str| {
        Client::builder(HANDSHAKE)
            .plugin("greeter", GreeterPlugin::client())
            .name("found")
            .require_version(required.parse().unwrap())
    };
    let first = started(host(RUST_GREETER, &["--state", "1.2.3"])).await;
    let config = first.reattach_config().unwrap();
    let again = started(host_of("=1.2.3").reattach(config.clone())).await;
    assert_eq!(again.plugin_version().await.unwrap().unwrap().to_string(), "1.2.3");
    let error = refused(host_of("=1.2.4").reattach(config)).await;
    assert_eq!(error.to_string(), "plugin found has version 1.2.3, and this host requires =1.2.4");
    assert!(!first.has_exited(), "it is not this host's to end");
    within("the kill", first.kill()).await.unwrap();
}

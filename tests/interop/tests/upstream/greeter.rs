//! The greeter of go-plugin's own basic example: its plugins in our host, our plugin in its hosts.

use std::path::Path;

use go_plugin::{Client, Protocol, Result};
use interop_tests::{
    Ran, example,
    greeter::{GreeterPlugin, HANDSHAKE},
    is_running, logged, record_events, run, upstream, within,
};
use tokio::process::Command;
use tracing::Level;

const PLUGIN: &str = "github.com/hashicorp/go-plugin/examples/basic/plugin";
const HOST: &str = "github.com/hashicorp/go-plugin/examples/basic";

/// What no plugin of theirs has.
#[go_plugin::interface]
trait Waver {
    async fn hi(&self) -> Result<String>;
}

async fn lacks_a_method(plugin: &Path) {
    let builder = Client::builder(HANDSHAKE).plugin("greeter", WaverPlugin::client()).command(plugin);
    let client = within("the plugin to start", builder.start()).await.unwrap();
    let waver = within("the greeter", client.dispense::<WaverPlugin>("greeter")).await.unwrap();
    // Without an argument, which is where a Go host waits in vain.
    for _ in 0..2 {
        let error = within("the error", waver.hi()).await.unwrap_err();
        assert!(error.is_remote(), "{error:?}");
        assert_eq!(error.to_string(), "rpc: can't find method Plugin.Hi");
    }
    within("the kill", client.kill()).await.unwrap();
}

async fn greets_through(version: &str) {
    let plugin = upstream(PLUGIN, version);
    lacks_a_method(&plugin).await;

    // From the command line.
    let mut command = Command::new(example("basic"));
    command.arg(&plugin);
    let ran = run(command, b"").await;
    assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(0), "Hello!\n"), "{}", ran.stderr_text());

    // From the library.
    record_events();
    let name = format!("greeter-{version}");
    let builder = Client::builder(HANDSHAKE)
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .plugin("greeter", GreeterPlugin::client())
        .command(plugin.as_path())
        .name(name.clone());
    let client = within("the plugin to start", builder.start()).await.unwrap();
    assert_eq!((client.protocol(), client.version()), (Protocol::NetRpc, 1));
    let greeter = within("the greeter", client.dispense::<GreeterPlugin>("greeter")).await.unwrap();
    for _ in 0..3 {
        assert_eq!(within("a greeting", greeter.greet()).await.unwrap(), "Hello!");
    }
    // A method that it lacks fails alone.
    let error = within("the error", greeter.say("gopher")).await.unwrap_err();
    assert!(error.is_remote(), "{error:?}");
    assert_eq!(error.to_string(), "rpc: can't find method Plugin.Say");
    assert_eq!(within("a greeting", greeter.greet()).await.unwrap(), "Hello!");
    client.ping().await.unwrap();

    let target = format!("plugin.{name}");
    let start = logged(&target, "message from plugin").await;
    assert_eq!((start.level, start.fields["foo"].as_str()), (Level::DEBUG, "bar"));
    logged(&target, "message from GreeterHello.Greet").await;

    let pid = client.id();
    within("the kill", client.kill()).await.unwrap();
    assert_eq!(client.exited().await.and_then(|status| status.code()), Some(0));
    assert!(!is_running(pid));
}

#[tokio::test]
async fn our_host_greets_through_the_plugin_of_v1_8_0() {
    greets_through("v1.8.0").await;
}

#[tokio::test]
async fn our_host_greets_through_the_plugin_of_v1_6_3() {
    greets_through("v1.6.3").await;
}

#[tokio::test]
async fn our_host_greets_through_the_plugin_of_v1_4_10() {
    greets_through("v1.4.10").await;
}

#[tokio::test]
async fn our_host_greets_through_the_plugin_of_v1_0_1() {
    greets_through("v1.0.1").await;
}

#[tokio::test]
async fn a_greeter_without_an_interface_is_refused_by_its_name() {
    let builder = Client::builder(HANDSHAKE)
        .plugin("unheard of", GreeterPlugin::client())
        .command(upstream(PLUGIN, "v1.8.0").as_path());
    let client = within("the plugin to start", builder.start()).await.unwrap();
    let error = within("the error", client.dispense::<GreeterPlugin>("unheard of")).await.err().unwrap();
    assert_eq!(error.to_string(), "unknown plugin type: unheard of");
    within("the kill", client.kill()).await.unwrap();
}

/// Runs upstream's host, which wants its plugin at `./plugin/greeter`.
async fn loads(host: &Path, plugin: &Path) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("plugin")).unwrap();
    std::os::unix::fs::symlink(plugin, dir.path().join("plugin/greeter")).unwrap();
    let mut command = Command::new(host);
    command.current_dir(dir.path());
    run(command, b"").await
}

async fn our_plugin_is_loaded_by(version: &str) {
    let ran = loads(&upstream(HOST, version), &example("basic-plugin")).await;
    let output = ran.stdout_text();
    assert_eq!(ran.code, Some(0), "{output}{}", ran.stderr_text());
    // The host logs to the same stream.
    assert!(output.lines().any(|line| line == "Hello!"), "{output}");
    assert!(!output.contains("[WARN]") && !output.contains("[ERROR]"), "{output}");
    assert!(output.contains("plugin process exited"), "{output}");
}

#[tokio::test]
async fn the_host_of_v1_8_0_loads_our_plugin() {
    our_plugin_is_loaded_by("v1.8.0").await;
}

#[tokio::test]
async fn the_host_of_v1_0_1_loads_our_plugin() {
    our_plugin_is_loaded_by("v1.0.1").await;
}

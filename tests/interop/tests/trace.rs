//! Trace context on its way between this library and go-plugin, and between two programs on this library.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{path::PathBuf, process::Command, sync::Arc};

use go_plugin::{Client, ClientBuilder, Protocol, Result, trace::TraceContext};
use interop_tests::{
    Peer as GoHost,
    courier::{CourierPlugin, Helper},
    go_program,
    greeter::{Greeter, GreeterPlugin, HANDSHAKE},
    grpc_peer::PeerPlugin,
    upstream, within,
};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const STATE: &str = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";

const RUST_GREETER: &str = env!("CARGO_BIN_EXE_rust-greeter");

/// Where a call of the test belongs.
fn context() -> TraceContext {
    TraceContext::parse(PARENT).unwrap().with_state(STATE)
}

async fn started(builder: ClientBuilder, command: impl Into<go_plugin::PluginCommand>) -> Client {
    let builder = builder.allowed_protocols([Protocol::NetRpc, Protocol::Grpc]).command(command);
    within("the plugin to start", builder.start()).await.unwrap()
}

/// A plugin of the greeter.
async fn greeter(command: Command, opted_in: bool) -> (Client, Arc<dyn Greeter>) {
    let builder =
        Client::builder(HANDSHAKE).plugin("greeter", GreeterPlugin::client()).send_trace_context(opted_in);
    let client = started(builder, command).await;
    let greeter = client.dispense::<GreeterPlugin>("greeter").await.unwrap();
    (client, greeter)
}

fn command(program: impl Into<PathBuf>, args: &[&str]) -> Command {
    let mut command = Command::new(program.into());
    command.args(args);
    command
}

#[tokio::test]
async fn go_plugins_skip_the_trace_context_in_the_headers_of_net_rpc() {
    for version in ["v1.8.0", "v1.0.1"] {
        let plugin = upstream("github.com/hashicorp/go-plugin/examples/basic/plugin", version);
        let (client, greeter) = greeter(command(plugin, &[]), true).await;
        let calls = async {
            for _ in 0..3 {
                assert_eq!(within("a greeting", greeter.greet()).await.unwrap(), "Hello!", "{version}");
            }
            let error = within("the error", greeter.say("gopher")).await.unwrap_err();
            assert_eq!(error.to_string(), "rpc: can't find method Plugin.Say");
        };
        context().scope(calls).await;
        assert_eq!(within("one without", greeter.greet()).await.unwrap(), "Hello!", "{version}");
        within("the kill", client.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn a_go_plugin_gets_the_trace_context_as_metadata_over_grpc() {
    let (client, greeter) = greeter(command(go_program("greeterplugin"), &["-grpc"]), false).await;
    let ask = async |key: &str| greeter.say(&format!("!metadata {key}")).await.unwrap();
    context()
        .scope(async {
            assert_eq!(ask("traceparent").await, PARENT);
            assert_eq!(ask("tracestate").await, STATE);
        })
        .await;
    assert_eq!(ask("traceparent").await, "");
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn a_plugin_gets_the_trace_context_of_a_go_host_over_grpc() {
    let host = GoHost::spawn(&go_program("hostpeer"), ["-protocols", "grpc", RUST_GREETER, "--grpc"]);
    host.tell("dispense").await;
    assert_eq!(host.tell(&format!("traced {PARENT} {STATE} !trace")).await, format!("{PARENT} {STATE}"));
    assert_eq!(host.tell("say !trace").await, "none");
    for hostile in ["00-0-0-0", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &"0".repeat(4000)]
    {
        assert_eq!(host.tell(&format!("traced {hostile} {STATE} !trace")).await, "none", "{hostile:.60}");
    }
    assert_eq!(
        host.tell(&format!("traced {PARENT} {} !trace", "=".repeat(4000))).await,
        format!("{PARENT} ")
    );
    host.tell("kill").await;
}

#[tokio::test]
async fn a_plugin_gets_the_trace_context_of_its_host_over_net_rpc_if_that_opted_in() {
    for (args, opted_in, arrives) in
        [(&[][..], true, true), (&[][..], false, false), (&["--grpc"][..], false, true)]
    {
        let (client, greeter) = greeter(command(RUST_GREETER, args), opted_in).await;
        let told = context().scope(greeter.say("!trace")).await.unwrap();
        let expected = if arrives { format!("{PARENT} {STATE}") } else { "none".to_owned() };
        assert_eq!(told, expected, "{args:?} {opted_in}");
        assert_eq!(greeter.say("!trace").await.unwrap(), "none");
        within("the kill", client.kill()).await.unwrap();
    }
}

/// Says where it was called from.
struct Located;

#[go_plugin::interface]
impl Helper for Located {
    async fn say(&self, _: &str) -> Result<String> {
        Ok(TraceContext::current().map_or_else(|| "nowhere".to_owned(), |context| context.to_string()))
    }
}

#[tokio::test]
async fn what_a_plugin_calls_back_over_net_rpc_belongs_to_the_call_that_it_serves() {
    let go = command(go_program("courierpeer"), &["-plugin"]);
    let rust = command(env!("CARGO_BIN_EXE_rust-courier"), &[]);
    // One in Go serves the calls, and knows nothing of traces.
    for (plugin, opted_in, from) in [(rust, true, PARENT), (go, true, "nowhere")] {
        let builder = Client::builder(HANDSHAKE)
            .plugin("courier", CourierPlugin::client())
            .send_trace_context(opted_in);
        let client = started(builder, plugin).await;
        let courier = client.dispense::<CourierPlugin>("courier").await.unwrap();
        let relayed = context().scope(courier.relay("gopher", Arc::new(Located))).await.unwrap();
        assert_eq!(relayed, from);
        assert_eq!(courier.relay("gopher", Arc::new(Located)).await.unwrap(), "nowhere");
        within("the kill", client.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_plugin_calls_back_over_grpc_belongs_to_the_call_that_it_serves() {
    let builder = Client::builder(HANDSHAKE).plugin("peer", PeerPlugin);
    let client = started(builder, env!("CARGO_BIN_EXE_rust-grpc-peer")).await;
    let peer = client.dispense::<PeerPlugin>("peer").await.unwrap();
    let said = context().scope(peer.call_back()).await.unwrap();
    assert_eq!(String::from_utf8(said).unwrap(), format!("called back in {PARENT}"));
    assert_eq!(peer.call_back().await.unwrap(), b"called back");
    // The other direction: what the plugin serves is called within the context of the host.
    let said = context().scope(peer.offer()).await.unwrap();
    assert_eq!(String::from_utf8(said).unwrap(), format!("offered in {PARENT}"));
    within("the kill", client.kill()).await.unwrap();
}

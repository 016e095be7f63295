//! Hosts and plugins of both languages.

use std::process::Command;

use go_plugin::{Client, ClientBuilder, Protocol, ReattachConfig, ReattachConfigs};
use interop_tests::{
    Peer, go_program,
    greeter::{GreeterPlugin, HANDSHAKE},
    within,
};

pub const TRANSPORTS: [Protocol; 2] = [Protocol::NetRpc, Protocol::Grpc];

/// The command of our plugin on go-plugin.
pub fn go_greeter(transport: Protocol) -> Command {
    let mut command = Command::new(go_program("greeterplugin"));
    if transport == Protocol::Grpc {
        command.arg("-grpc");
    }
    command
}

/// The command of our plugin on this library.
pub fn rust_greeter(transport: Protocol) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rust-greeter"));
    if transport == Protocol::Grpc {
        command.arg("--grpc");
    }
    command
}

/// A host on go-plugin that connects to a running plugin.
pub fn go_host_of(running: &ReattachConfig) -> Peer {
    let json: ReattachConfigs = [("greeter".to_owned(), running.clone())].into_iter().collect();
    let protocol = running.protocol.to_string();
    Peer::spawn(&go_program("hostpeer"), ["-protocols", &protocol, "-reattach", &json.to_string()])
}

/// A host that knows the greeter and allows both transports.
pub fn builder() -> ClientBuilder {
    Client::builder(HANDSHAKE).allowed_protocols(TRANSPORTS).plugin("greeter", GreeterPlugin::client())
}

/// Calls the plugin once.
pub async fn greet(client: &Client, name: &str) -> String {
    let greeter = within("the greeter", client.dispense::<GreeterPlugin>("greeter")).await.unwrap();
    within("the greeting", greeter.say(name)).await.unwrap()
}

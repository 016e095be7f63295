//! Callbacks and byte streams of typed interfaces, with go-plugin v1.8.0 at the other end.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{
    io::Cursor,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use go_plugin::{Client, Result, netrpc::ByteStream};
use interop_tests::{
    Peer,
    courier::{Courier, CourierPlugin, Helper},
    go_program,
    greeter::HANDSHAKE,
    read_pattern_to_end, within, write_pattern,
};

const SIZE: usize = 1 << 20;

struct CountingHelper(Arc<AtomicUsize>);

#[go_plugin::interface]
impl Helper for CountingHelper {
    async fn say(&self, name: &str) -> Result<String> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(format!("the host says hello {name}"))
    }
}

async fn go_courier() -> (Client, Arc<dyn Courier>) {
    let mut command = Command::new(go_program("courierpeer"));
    command.arg("-plugin");
    let builder = Client::builder(HANDSHAKE).plugin("courier", CourierPlugin::client()).command(command);
    let client = within("the plugin to start", builder.start()).await.unwrap();
    let courier = within("the courier", client.dispense::<CourierPlugin>("courier")).await.unwrap();
    (client, courier)
}

async fn pattern() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    write_pattern(&mut bytes, 0, SIZE, SIZE).await.unwrap();
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_go_plugin_calls_back_objects_of_ours() {
    let (client, courier) = go_courier().await;
    let called = Arc::new(AtomicUsize::new(0));
    for name in ["gopher", "crab", ""] {
        let helper = Arc::new(CountingHelper(Arc::clone(&called)));
        let said = within("the greeting", courier.relay(name, helper)).await.unwrap();
        assert_eq!(said, format!("the host says hello {name}"));
    }
    assert_eq!(called.load(Ordering::SeqCst), 3);
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_flow_to_and_from_a_go_plugin() {
    let (client, courier) = go_courier().await;
    let sent = ByteStream::from_reader(Cursor::new(pattern().await));
    assert_eq!(within("the count", courier.count(sent)).await.unwrap(), SIZE as i64);

    let (near, far) = tokio::io::duplex(64 << 10);
    let stored = tokio::spawn(read_pattern_to_end(far, 0));
    within("the call", courier.fill(SIZE as i64, ByteStream::from_writer(near))).await.unwrap();
    assert_eq!(within("the bytes", stored).await.unwrap().unwrap(), SIZE);

    let produced = within("the stream", courier.produce(SIZE as i64)).await.unwrap();
    let reader = produced.into_reader().await.unwrap();
    assert_eq!(within("the bytes", read_pattern_to_end(reader, 0)).await.unwrap(), SIZE);
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn a_go_plugin_reads_named_arguments() {
    let (client, courier) = go_courier().await;
    for count in [0, 7, -7] {
        assert_eq!(courier.describe("gopher", count).await.unwrap(), format!("gopher {count}"));
    }
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn a_go_host_passes_objects_and_bytes_to_a_plugin_of_ours() {
    let host = Peer::spawn(&go_program("courierpeer"), [env!("CARGO_BIN_EXE_rust-courier")]);
    host.tell("dispense").await;
    for name in ["gopher", "crab"] {
        assert_eq!(host.tell(&format!("relay {name}")).await, format!("the host says hello {name}"));
    }
    for command in ["count", "fill", "produce"] {
        assert_eq!(host.number(&format!("{command} {SIZE}")).await as usize, SIZE, "{command}");
    }
    for count in [0, 7, -7] {
        assert_eq!(host.tell(&format!("describe gopher {count}")).await, format!("gopher {count}"));
    }
    host.tell("kill").await;
}

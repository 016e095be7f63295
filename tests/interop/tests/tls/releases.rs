//! AutoMTLS with the releases of go-plugin: its own examples, which take part without being told to.

use go_plugin::{AutoMtls, Protocol, Result};
use interop_tests::{RELEASES, example, go_program_on, upstream_example};

use super::*;

#[allow(dead_code, missing_docs, unreachable_pub, reason = "the example's own")]
#[path = "../../../../examples/bidirectional/shared.rs"]
mod counter;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "the example's own")]
#[path = "../../../../examples/grpc/shared.rs"]
mod kv;

use counter::{AddHelper, Counter, CounterPlugin};
use kv::KvPlugin;

#[tokio::test]
async fn stores_of_every_release_keep_values_over_tls() {
    for release in RELEASES {
        for protocol in BOTH {
            let dir = tempfile::tempdir().unwrap();
            let name = format!("plugin-go-{protocol}");
            let mut command = Command::new(upstream_example(&format!("grpc/{name}"), release));
            command.current_dir(dir.path());
            let builder = Client::builder(HANDSHAKE)
                .allowed_protocols(BOTH)
                .plugin("kv", KvPlugin::client())
                .command(command)
                .auto_mtls(AutoMtls::Required);
            let client = start(builder).await;
            assert!(client.handshake_line().server_certificate.is_some(), "{release}");
            let store = client.dispense::<KvPlugin>("kv").await.unwrap();
            within("put", store.put("hello", b"world")).await.unwrap();
            let got = String::from_utf8(within("get", store.get("hello")).await.unwrap()).unwrap();
            assert_eq!(got, format!("world\n\nWritten from {name}"), "{release}");
            client.ping().await.unwrap();
            end(client).await;
        }
    }
}

#[tokio::test]
async fn hosts_of_every_release_keep_values_with_our_stores_over_tls() {
    for release in RELEASES {
        for (protocol, name) in [(Protocol::NetRpc, "kv"), (Protocol::Grpc, "kv_grpc")] {
            let dir = tempfile::tempdir().unwrap();
            let plugin = format!("kv-plugin-{protocol}");
            let mut host = tokio::process::Command::new(go_program_on(release, "kvhost"));
            host.arg(example(&plugin)).arg(name).current_dir(dir.path()).kill_on_drop(true);
            let output = within("the host", host.output()).await.unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{release} {protocol}: {said}");
            let got = String::from_utf8(output.stdout).unwrap();
            assert_eq!(got, format!("world\n\nWritten from {plugin}"), "{release} {protocol}");
        }
    }
}

struct Adder;

#[go_plugin::interface]
impl AddHelper for Adder {
    async fn sum(&self, a: i64, b: i64) -> Result<i64> {
        Ok(a + b)
    }
}

async fn counter(release: &str, multiplex: bool, dir: &Path) -> (Client, Arc<dyn Counter>) {
    let mut command = Command::new(upstream_example("bidirectional/plugin-go-grpc", release));
    command.current_dir(dir);
    let builder = Client::builder(HANDSHAKE)
        .allowed_protocols([Protocol::Grpc])
        .plugin(counter::NAME, CounterPlugin::client())
        .command(command)
        .multiplex_grpc(multiplex)
        .auto_mtls(AutoMtls::Required);
    let client = start(builder).await;
    let counter = client.dispense::<CounterPlugin>(counter::NAME).await.unwrap();
    (client, counter)
}

#[tokio::test]
async fn counters_of_later_releases_call_back_over_tls() {
    for (release, multiplex) in
        [("v1.8.0", false), ("v1.8.0", true), ("v1.6.3", false), ("v1.6.3", true), ("v1.4.10", false)]
    {
        let dir = tempfile::tempdir().unwrap();
        let (client, counter) = counter(release, multiplex, dir.path()).await;
        for expected in [5, 10] {
            within("put", counter.put("n", 5, Arc::new(Adder))).await.unwrap();
            assert_eq!(within("get", counter.get("n")).await.unwrap(), expected, "{release}");
        }
        end(client).await;
    }
}

/// Its plugins do not know whom to trust when they dial, whatever the host is written in: that came after v1.3.0.
#[tokio::test]
async fn a_counter_of_the_first_releases_cannot_call_back_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let (client, counter) = counter("v1.0.1", false, dir.path()).await;
    let error = within("put", counter.put("n", 5, Arc::new(Adder))).await.unwrap_err();
    assert!(error.is_remote(), "{error:?}");
    assert!(error.to_string().contains("failed to verify certificate"), "{error}");
    client.ping().await.unwrap();
    end(client).await;
}

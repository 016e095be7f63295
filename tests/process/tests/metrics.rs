//! What happens to processes, as counters.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::{Client, ErrorKind, Protocol, Supervisor};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use process_tests::{ActorPlugin, HANDSHAKE};
use std::{collections::BTreeMap, time::Duration};
use support::{LONG, TRANSPORTS};
use tokio::time::timeout;

/// A counter by its name, without what all have in common, and the label that matters.
type Counts = BTreeMap<(String, String), u64>;

/// How far the counters of a plugin's processes went since the last look.
fn counted(snapshots: &Snapshotter, plugin: &str) -> Counts {
    let mut counts = Counts::new();
    for (key, _, _, value) in snapshots.snapshot().into_vec() {
        let labels: BTreeMap<_, _> = key.key().labels().map(|label| (label.key(), label.value())).collect();
        let (Some(label), DebugValue::Counter(count)) =
            (labels.get("cause").or(labels.get("outcome")), value)
        else {
            continue;
        };
        let name = key.key().name().trim_start_matches("go_plugin_").trim_end_matches("_total");
        if labels["plugin"] == plugin && name != "calls" && count > 0 {
            *counts.entry((name.to_owned(), (*label).to_owned())).or_default() += count;
        }
    }
    counts
}

/// Waits until the counters of a plugin have gone as far as this, and no farther.
async fn expect(snapshots: &Snapshotter, plugin: &str, expected: &[(&str, &str, u64)]) {
    let expected: Counts = expected
        .iter()
        .map(|(name, label, count)| (((*name).to_owned(), (*label).to_owned()), *count))
        .collect();
    let mut seen = Counts::new();
    // The end of a process is counted by a task of its own.
    let wait = async {
        while seen != expected {
            for (key, count) in counted(snapshots, plugin) {
                *seen.entry(key).or_default() += count;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = timeout(LONG, wait).await;
    assert!(waited.is_ok(), "{plugin}: {seen:?} is not {expected:?}");
}

fn host(name: &str, program: &str, transport: Protocol) -> go_plugin::ClientBuilder {
    let mut command = std::process::Command::new(program);
    command.env("ACTOR_TRANSPORT", transport.to_string());
    Client::builder(HANDSHAKE)
        .plugin("actor", ActorPlugin::client())
        .allowed_protocols([transport])
        .name(name)
        .command(command)
}

#[tokio::test]
async fn launches_restarts_and_ends_are_counted() {
    const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    recorder.install().unwrap();
    for transport in TRANSPORTS {
        let supervisor = Supervisor::builder(move || host("supervised", ACTOR, transport))
            .backoff(Duration::from_millis(1), Duration::from_millis(1))
            .start()
            .await
            .unwrap();
        let actor = supervisor.dispense::<ActorPlugin>("actor").await.unwrap();
        actor.act("print-and-exit 0").await.unwrap_err();
        actor.act("print 1").await.unwrap();
        supervisor.stop().await.unwrap();
        let expected =
            [("launches", "ok", 2), ("restarts", "ok", 1), ("exits", "crashed", 1), ("exits", "stopped", 1)];
        expect(&snapshots, "supervised", &expected).await;

        drop(host("dropped", ACTOR, transport).start().await.unwrap());
        expect(&snapshots, "dropped", &[("launches", "ok", 1), ("exits", "stopped", 1)]).await;

        let required = host("old", ACTOR, transport).require_version("*".parse().unwrap());
        assert_eq!(required.start().await.err().unwrap().kind(), ErrorKind::PluginVersion);
        expect(&snapshots, "old", &[("launches", "version_mismatch", 1)]).await;

        host("absent", "/nowhere/at/all", transport).start().await.err().unwrap();
        expect(&snapshots, "absent", &[("launches", "plugin_error", 1)]).await;

        let given_up = timeout(Duration::ZERO, host("given up", ACTOR, transport).start()).await;
        assert!(given_up.is_err());
        expect(&snapshots, "given up", &[("launches", "cancelled", 1)]).await;
    }
}

//! Terraform providers from before version 0.12, driven through the interface of the example `terraform-legacy`.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod cty;
mod dual;
mod hosted;
mod null;

#[allow(dead_code, unused_imports, missing_docs, reason = "the example's whole interface")]
#[path = "../../../../examples/terraform-legacy/provider/mod.rs"]
mod provider;

use std::{collections::BTreeMap, path::Path, process::Stdio, sync::Arc};

use go_plugin::{Client, HandshakeLine, Protocol};
use interop_tests::{Collected, Ran, example, go_program, run, within};
use provider::{
    ConfigValue, HANDSHAKE, InstanceInfo, NAME, ResourceConfig, ResourceProvider, ResourceProviderPlugin,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// A provider that runs, and what it writes to standard error.
async fn start(program: &Path) -> (Client, Arc<dyn ResourceProvider>, Collected) {
    let stderr = Collected::default();
    let builder = Client::builder(HANDSHAKE)
        .plugin(NAME, ResourceProviderPlugin::client())
        .command(program)
        .raw_stderr(stderr.clone());
    let client = within("the provider to start", builder.start()).await.unwrap();
    assert_eq!((client.protocol(), client.version()), (Protocol::NetRpc, 4));
    let provider = within("the provider", client.dispense::<ResourceProviderPlugin>(NAME)).await.unwrap();
    (client, provider, stderr)
}

/// A configuration without references.
fn config(entries: impl IntoIterator<Item = (&'static str, ConfigValue)>) -> ResourceConfig {
    ResourceConfig::new(map(entries))
}

fn map(
    entries: impl IntoIterator<Item = (&'static str, ConfigValue)>,
) -> BTreeMap<String, Option<ConfigValue>> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), Some(value))).collect()
}

fn text(value: &str) -> ConfigValue {
    ConfigValue::String(value.to_owned())
}

fn info(kind: &str) -> InstanceInfo {
    InstanceInfo { id: format!("{kind}.a"), module_path: vec!["root".into()], kind: kind.into() }
}

fn strings(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Runs the example itself.
async fn terraform_legacy(provider: &Path, args: &[&str], answers: &str) -> Ran {
    let mut command = Command::new(example("terraform-legacy"));
    command.arg(provider).args(args);
    run(command, answers.as_bytes()).await
}

#[tokio::test]
async fn the_handshake_lines_are_those_of_their_time() {
    // The oldest have no field for a certificate; an empty one is the mark of those that came later.
    for (program, fields) in [("tfnull", 5), ("tfdual", 6)] {
        let mut command = Command::new(go_program(program));
        command
            .env(HANDSHAKE.key(), HANDSHAKE.value())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut provider = command.spawn().unwrap();
        let mut lines = BufReader::new(provider.stdout.take().unwrap()).lines();
        let line = within("the line", lines.next_line()).await.unwrap().unwrap();
        assert!(line.starts_with("1|4|unix|/") && line.contains("|netrpc"), "{line}");
        assert_eq!(line.split('|').count(), fields, "{line}");
        let parsed: HandshakeLine = line.parse().unwrap();
        assert_eq!(
            (parsed.version, parsed.protocol, &parsed.server_certificate),
            (4, Protocol::NetRpc, &None)
        );
        let socket = parsed.address.as_unix().unwrap().to_owned();
        provider.kill().await.unwrap();
        // It was killed, and nobody else removes it.
        std::fs::remove_file(socket).unwrap();
    }
}

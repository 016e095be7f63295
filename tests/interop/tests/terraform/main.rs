//! Terraform providers from before version 0.12, driven through the interface of the example `terraform-legacy`.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod cty;
mod dual;
mod null;

#[allow(dead_code, unused_imports, missing_docs, reason = "the example's whole interface")]
#[path = "../../../../examples/terraform-legacy/provider/mod.rs"]
mod provider;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use go_plugin::{Client, Protocol};
use interop_tests::{Collected, Ran, example, run, within};
use provider::{
    ConfigValue, HANDSHAKE, InstanceInfo, NAME, ResourceConfig, ResourceProvider, ResourceProviderPlugin,
};
use tokio::process::Command;

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

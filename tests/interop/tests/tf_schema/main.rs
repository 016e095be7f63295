//! Terraform providers of all ages under one host: the example `tf-schema`, and one trait over both transports.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod both;
mod flat;
mod registry;

#[allow(dead_code, unused_imports, missing_docs, reason = "the example's whole interface")]
#[path = "../../../../examples/terraform-legacy/provider/mod.rs"]
mod legacy;

#[allow(clippy::all, dead_code, missing_docs, reason = "generated")]
#[path = "../../../../examples/tf-schema/generated/tfplugin5.rs"]
mod tfplugin5;

use std::path::Path;

use interop_tests::{Ran, example, go_program, run};
use serde_json::{Value, json};
use tokio::process::Command;

async fn tf_schema(args: &[&str]) -> Ran {
    let mut command = Command::new(example("tf-schema"));
    command.args(args);
    run(command, b"").await
}

/// What it prints about a provider.
async fn printed(provider: &Path, options: &[&str]) -> String {
    let ran = tf_schema(&[options, &[provider.to_str().unwrap()]].concat()).await;
    assert_eq!((ran.code, ran.stderr_text().as_str()), (Some(0), ""), "{provider:?} {options:?}");
    ran.stdout_text()
}

async fn json(provider: &Path, options: &[&str]) -> Value {
    serde_json::from_str(&printed(provider, options).await).unwrap()
}

#[tokio::test]
async fn types_of_a_provider_from_2018_come_from_nested_gob() {
    let null = go_program("tfnull");
    let block = |attributes: Value| json!({"attributes": attributes, "blocks": {}});
    let map = json!(["map", "string"]);
    let expected = json!({
        "provider": block(json!({})),
        "resource_schemas": {"null_resource": block(json!({"triggers": map}))},
        "data_source_schemas": {"null_data_source": block(json!({
            "inputs": map, "outputs": map, "random": "string", "has_computed_default": "string",
        }))},
    });
    assert_eq!(json(&null, &["--compact"]).await, expected);
}

#[tokio::test]
async fn a_provider_has_the_same_types_over_net_rpc_and_over_grpc() {
    let dual = go_program("tfdual");
    let old = json(&dual, &["--protocol", "4", "--compact"]).await;
    let new = json(&dual, &["--protocol", "5", "--compact"]).await;
    assert_eq!(old, new);
    let thing = &old["resource_schemas"]["scratch_thing"];
    assert_eq!(thing["attributes"]["l"], json!(["list", "string"]));
    assert_eq!(thing["attributes"]["n"], "number");
    let block =
        json!({"block": {"attributes": {"k": "string"}, "blocks": {}}, "min_items": 0, "max_items": 0});
    assert_eq!(thing["blocks"], json!({"block": block}));
}

#[tokio::test]
async fn the_highest_common_version_is_spoken_unless_told_otherwise() {
    let dual = go_program("tfdual");
    // Only since version 5 descriptions are told.
    let tree = printed(&dual, &[]).await;
    assert_eq!(tree, printed(&dual, &["--protocol", "5"]).await);
    let expected = "provider\n\
        \x20 token: string, required\n\
        \x20   # the token\n\
        resource scratch_thing\n\
        \x20 b: bool, optional\n\
        \x20 f: number, optional\n\
        \x20 id: string, optional, computed\n\
        \x20 l: list(string), optional\n\
        \x20 m: map(string), optional\n\
        \x20 n: number, optional\n\
        \x20 name: string, required\n\
        \x20 out: string, computed\n\
        \x20 block: set of blocks, min 0, no max\n\
        \x20   k: string, required\n";
    assert_eq!(tree, expected);
    let old = printed(&dual, &["--protocol", "4"]).await;
    assert_eq!(old, expected.replace("    # the token\n", ""));

    let refused = tf_schema(&["--protocol", "6", dual.to_str().unwrap()]).await;
    assert_eq!(refused.code, Some(1));
    let error = "Error: cannot start the provider: incompatible API version with plugin. Plugin version: 4, Client versions: [6]\n";
    assert_eq!(refused.stderr_text(), error);
}

#[tokio::test]
async fn everything_that_only_version_6_has_is_shown() {
    let nested = |indent: &str| {
        format!(
            "{indent}host: string, optional\n{indent}port: number, required\n{indent}  # The port.\n{indent}  # A number.\n"
        )
    };
    let four = nested("    ");
    let expected = format!(
        "provider\n\
        \x20 # Has everything.\n\
        \x20 token: string, required, sensitive\n\
        \x20   # The **token**.\n\
        resource six_thing (version 2)\n\
        \x20 any: any, optional\n\
        \x20 id: string, computed\n\
        \x20 list: list of objects, optional\n{four}\
        \x20 map: map of objects, optional\n{four}\
        \x20 old: bool, optional, deprecated\n\
        \x20 one: object, optional\n{four}\
        \x20 pair: object({{a = bool, b = list(number)}}), optional\n\
        \x20 password: string, optional, write-only\n\
        \x20 set: set of objects, optional\n{four}\
        \x20 rule: list of blocks, min 0, no max\n\
        \x20   # One of many.\n{four}\
        \x20 timeouts: block, min 0, max 1\n\
        \x20   create: string, optional\n\
        data six_source, deprecated\n\
        \x20 names: set(string), computed\n\
        ephemeral six_secret\n\
        \x20 value: string, computed\n\
        function join(separator: string, texts: string…): string\n\
        \x20 # Joins texts.\n"
    );
    assert_eq!(printed(&go_program("tf6"), &[]).await, expected);

    let compact = json(&go_program("tf6"), &["--compact"]).await;
    let thing = &compact["resource_schemas"]["six_thing"]["attributes"];
    assert_eq!(thing["map"], json!(["map", ["object", {"host": "string", "port": "number"}]]));
    assert_eq!(thing["any"], "dynamic");
}

#[tokio::test]
async fn the_document_is_what_go_programs_around_terraform_read() {
    for (name, address, resource) in [
        ("tfnull", "registry.terraform.io/hashicorp/tfnull", "null_resource"),
        ("tfdual", "registry.terraform.io/hashicorp/tfdual", "scratch_thing"),
        ("tf6", "registry.terraform.io/hashicorp/tf6", "six_thing"),
    ] {
        let document = json(&go_program(name), &["--json"]).await;
        assert_eq!(document["format_version"], "1.0");
        let ours = &document["provider_schemas"][address]["resource_schemas"][resource];
        assert_eq!(ours["block"]["description_kind"], "plain");
        // Nothing is lost and nothing is added when Go reads and writes it.
        let read = run(Command::new(go_program("tfjson")), document.to_string().as_bytes()).await;
        assert_eq!(read.code, Some(0), "{name}: {}", read.stderr_text());
        assert_eq!(serde_json::from_slice::<Value>(&read.stdout).unwrap(), document, "{name}");
    }
}

#[tokio::test]
async fn the_provider_is_asked_to_end_on_both_transports() {
    let dir = tempfile::tempdir().unwrap();
    for (name, version) in [("tfdual", "4"), ("tfdual", "5"), ("tf6", "6")] {
        // The shell writes this only about a provider that ends by itself: otherwise both are killed.
        let file = dir.path().join(version);
        let command = format!("{}; echo $? > {}", go_program(name).display(), file.display());
        // It has two seconds, which a busy machine may need for itself.
        let mut status = String::new();
        for _ in 0..5 {
            let ran = tf_schema(&["--protocol", version, &command]).await;
            assert_eq!(ran.code, Some(0), "{}", ran.stderr_text());
            status = std::fs::read_to_string(&file).unwrap_or_default();
            if !status.is_empty() {
                break;
            }
        }
        assert_eq!(status, "0\n", "version {version}");
    }
}

#[tokio::test]
async fn providers_are_offered_a_secure_connection_and_may_decline() {
    let dir = tempfile::tempdir().unwrap();
    for (name, version, secure) in
        [("tfnull", "4", false), ("tfdual", "4", true), ("tfdual", "5", true), ("tf6", "6", true)]
    {
        let file = dir.path().join(name);
        let command = format!("{} | tee {}", go_program(name).display(), file.display());
        let ran = tf_schema(&["--protocol", version, &command]).await;
        assert_eq!((ran.code, ran.stderr_text().as_str()), (Some(0), ""), "{name} {version}");
        // The sixth field of the handshake line is the plugin's certificate.
        let line = std::fs::read_to_string(&file).unwrap();
        let certificate = line.trim_end().split('|').nth(5).is_some_and(|field| !field.is_empty());
        assert_eq!(certificate, secure, "{name} {version}: {line}");
    }
}

#[tokio::test]
async fn what_is_no_provider_is_an_error() {
    for (command, error) in [
        ("exit 3", "Error: cannot start the provider: "),
        ("echo hello", "Error: cannot start the provider: "),
    ] {
        let ran = tf_schema(&[command]).await;
        assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(1), ""), "{command}");
        assert!(ran.stderr_text().starts_with(error), "{command}: {}", ran.stderr_text());
    }
}

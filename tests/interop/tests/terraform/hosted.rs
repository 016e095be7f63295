//! Terraform 0.11.14 as the host, on the go-plugin of January 2018, and a provider of ours between it and another one.

use std::{fmt::Write, path::Path};

use interop_tests::{go_program, run};
use tokio::process::Command;

/// What Terraform gets from a provider.
async fn terraform(provider: &[&Path]) -> String {
    let mut host = Command::new(go_program("tfnull"));
    host.arg("-host").args(provider);
    let ran = run(host, b"").await;
    assert_eq!(ran.code, Some(0), "{provider:?}: {}\n{}", ran.stdout_text(), ran.stderr_text());
    ran.stdout_text()
}

async fn is_passed_through(provider: &Path) -> String {
    let relay = Path::new(env!("CARGO_BIN_EXE_rust-terraform-relay"));
    let (direct, relayed) = (terraform(&[provider]).await, terraform(&[relay, provider]).await);
    // The one thing that our types do not keep: a nil map of a block becomes an empty one.
    let direct =
        direct.replace(r#""Attributes":null,"BlockTypes":null"#, r#""Attributes":{},"BlockTypes":{}"#);
    let mut differences = String::new();
    for (direct, relayed) in direct.lines().zip(relayed.lines()).filter(|(direct, relayed)| direct != relayed)
    {
        writeln!(differences, "direct:  {direct}\nrelayed: {relayed}").unwrap();
    }
    assert_eq!((differences.as_str(), relayed.lines().count()), ("", direct.lines().count()));
    relayed
}

#[tokio::test]
async fn terraform_makes_every_call_through_a_provider_of_ours() {
    let output = is_passed_through(&go_program("tfnull")).await;
    for expected in [
        r#"resources [{"Name":"null_resource","Importable":false,"SchemaAvailable":true}]"#,
        "type triggers cty.Map(cty.String)",
        "[] [: invalid or unknown key: bogus]",
        r#"apply {"id":"random","attributes":{"id":"random","triggers.%":"2","triggers.k":"v1","triggers.n":"7"},"meta":{"list":["a",null,1.5],"note":3},"tainted":false}"#,
        "import resource null_resource doesn't support import",
        "stop <nil>",
    ] {
        assert!(output.lines().any(|line| line == expected), "{expected}\n{output}");
    }
}

#[tokio::test]
async fn a_callback_reaches_terraform_through_a_provider_of_ours() {
    let output = is_passed_through(&go_program("tfdual")).await;
    let question = r#"asked {"Id":"token","Query":"token","Description":"the token","Default":""}"#;
    assert_eq!(output.lines().filter(|line| *line == question).count(), 2, "{output}");
    for expected in
        ["input token: nobody is there", "configure token rejected", "type l cty.List(cty.String)"]
    {
        assert!(output.lines().any(|line| line == expected), "{expected}\n{output}");
    }
    assert!(
        output.contains(r#""out":"tk/3/map[k:v]""#) && output.contains("create refused for tk"),
        "{output}"
    );
}

//! The example `hello-cli` with Go at the other end.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::path::Path;

use interop_tests::{Peer, Ran, example, go_program, run};
use tokio::process::Command;

/// Runs the command line with this value of its variable.
async fn hello_cli(plugin: Option<&str>, args: &[&str]) -> Ran {
    let mut command = Command::new(example("hello-cli"));
    command.args(args).env_remove("GREETER_PLUGIN");
    if let Some(plugin) = plugin {
        command.env("GREETER_PLUGIN", plugin);
    }
    run(command, b"").await
}

fn shell(program: &Path, args: &str) -> String {
    format!("'{}' {args}", program.display())
}

#[tokio::test]
async fn plugins_of_both_languages_greet() {
    let go = shell(&go_program("greeterplugin"), "-grpc -cookie GREETER_PLUGIN=greeter");
    let rust = shell(&example("hello-plugin"), "");
    for plugin in [go, rust] {
        for (args, greeting) in [(&[][..], "hello gopher\n"), (&["world"][..], "hello world\n")] {
            let ran = hello_cli(Some(&plugin), args).await;
            assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(0), greeting), "{}", ran.stderr_text());
            assert_eq!(ran.stderr_text(), "");
        }
    }
}

#[tokio::test]
async fn a_go_plugin_over_net_rpc_is_refused_with_the_text_of_go() {
    let plugin = shell(&go_program("greeterplugin"), "-cookie GREETER_PLUGIN=greeter");
    let ran = hello_cli(Some(&plugin), &[]).await;
    assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(1), ""));
    let error = ran.stderr_text();
    assert!(error.contains(r#"unsupported plugin protocol "netrpc". Supported: [grpc]"#), "{error}");
}

#[tokio::test]
async fn an_error_of_the_plugin_goes_to_stderr() {
    let plugin = shell(&go_program("greeterplugin"), "-grpc -cookie GREETER_PLUGIN=greeter");
    let ran = hello_cli(Some(&plugin), &["!fail it is closed"]).await;
    assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(1), ""));
    assert!(ran.stderr_text().contains("it is closed"), "{}", ran.stderr_text());
}

#[tokio::test]
async fn without_a_plugin_there_is_nothing_to_do() {
    for plugin in [None, Some("")] {
        let ran = hello_cli(plugin, &[]).await;
        assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(0), "no plugin\n"));
    }
}

#[tokio::test]
async fn a_go_host_loads_our_plugin() {
    let plugin = example("hello-plugin");
    let plugin = plugin.to_str().unwrap();
    let host = Peer::spawn(
        &go_program("hostpeer"),
        ["-protocols", "grpc", "-cookie", "GREETER_PLUGIN=greeter", plugin],
    );
    host.tell("dispense").await;
    assert_eq!(host.tell("say gopher").await, "hello gopher");
    host.tell("ping").await;
    host.tell("kill").await;
    assert_eq!(host.tell("logged failed to exit gracefully").await, "false");
}

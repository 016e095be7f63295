//! The example `hello-cli` with Go at the other end.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{path::Path, time::Duration};

use interop_tests::{Peer, Ran, example, go_program, is_running, run, within};
use tokio::{process::Command, time::sleep};

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
    // With `exec`: a refused plugin is killed, not asked to quit, and a killed shell would leave it behind.
    let plugin = format!("exec {}", shell(&go_program("greeterplugin"), "-cookie GREETER_PLUGIN=greeter"));
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
async fn variables_of_the_protocol_that_the_host_inherited_do_not_reach_its_plugin() {
    // A host that is itself a plugin has them. With the second one Go's plugins speak yamux under HTTP/2.
    let plugin = shell(&go_program("greeterplugin"), "-grpc -cookie GREETER_PLUGIN=greeter");
    for variable in ["PLUGIN_CLIENT_CERT", "PLUGIN_MULTIPLEX_GRPC", "PLUGIN_UNIX_SOCKET_GROUP"] {
        let mut command = Command::new(example("hello-cli"));
        command.arg(format!("!env {variable}")).env("GREETER_PLUGIN", &plugin).env(variable, "true");
        let ran = run(command, b"").await;
        assert_eq!(
            (ran.code, ran.stdout_text().as_str()),
            (Some(0), "\n"),
            "{variable}: {}",
            ran.stderr_text()
        );
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_go_plugin_ends_with_a_host_that_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let plugin = shell(&go_program("greeterplugin"), "-grpc -cookie GREETER_PLUGIN=greeter");
    let mut command = Command::new(example("hello-cli"));
    command.arg(format!("!hang {}", file.display())).env("GREETER_PLUGIN", format!("exec {plugin}"));
    let mut host = command.kill_on_drop(true).spawn().unwrap();
    let pid = within("the plugin to hang", async {
        loop {
            // The file may be there before its content is.
            if let Ok(pid) = std::fs::read_to_string(&file).unwrap_or_default().parse::<u32>() {
                return pid;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(is_running(pid));
    host.kill().await.unwrap();
    within("the plugin to end", async {
        while is_running(pid) {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
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

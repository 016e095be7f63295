//! A changed application version.

use std::process::Command;

use go_plugin::{Client, ErrorKind, Fault, Handshake};
use interop_tests::{
    Peer,
    evolution::{CALLS, GREETER, old},
    go_program, is_running, within,
};

use crate::{plugins, rust_plugin};

const REFUSAL: &str = "incompatible API version with plugin. Plugin version: 1, Client versions: [2]";

#[tokio::test]
async fn a_plugin_of_another_version_is_refused_before_any_call() {
    for (plugin_version, host_version) in [("-version=1", 2), ("-version=2", 2)] {
        for mut command in plugins(&[plugin_version]) {
            let about = format!("{command:?}");
            let dir = tempfile::tempdir().unwrap();
            let (calls, pid) = (dir.path().join("calls"), dir.path().join("pid"));
            command.env(CALLS, &calls);
            // The shell becomes the plugin, so that this is its process id.
            let mut shell = Command::new("sh");
            shell.args(["-c", r#"echo $$ > "$0"; exec "$@""#]).arg(&pid);
            shell.arg(command.get_program()).args(command.get_args()).env(CALLS, &calls);
            let builder = Client::builder(Handshake::new(host_version, "BASIC_PLUGIN", "hello"))
                .plugin(GREETER, old::GreeterPlugin::client())
                .command(shell);
            match within("the plugin to start", builder.start()).await {
                Ok(client) => {
                    assert_eq!((plugin_version, client.version()), ("-version=2", 2), "{about}");
                    let greeter = within("the greeter", client.dispense::<old::GreeterPlugin>(GREETER));
                    let person = old::Person { name: "gopher".into(), age: 7 };
                    within("a greeting", greeter.await.unwrap().greet(&person)).await.unwrap();
                    assert_eq!(std::fs::read_to_string(&calls).unwrap(), "greet\n", "{about}");
                    within("the kill", client.kill()).await.unwrap();
                }
                Err(error) => {
                    assert_eq!(plugin_version, "-version=1", "{about}: {error}");
                    assert_eq!((error.kind(), error.fault()), (ErrorKind::AppVersion, Fault::Version));
                    assert_eq!(error.to_string(), REFUSAL, "{about}");
                    assert!(!calls.exists(), "{about}");
                }
            }
            let pid: u32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
            assert!(!is_running(pid), "{about}");
        }
    }
}

#[tokio::test]
async fn a_go_host_of_another_version_refuses_our_plugin_as_it_refuses_its_own() {
    for plugin in plugins(&[]) {
        let dir = tempfile::tempdir().unwrap();
        let calls = dir.path().join("calls");
        let mut host = tokio::process::Command::new(go_program("evolvepeer"));
        host.arg("-version=2").arg(plugin.get_program()).args(plugin.get_args()).env(CALLS, &calls);
        let host = Peer::spawn_command(host);
        let error = host.ask("start").await.unwrap_err();
        assert_eq!(error, REFUSAL, "{:?}", plugin.get_program());
        assert!(!calls.exists());
    }
    let host = Peer::spawn(&go_program("evolvepeer"), [rust_plugin()]);
    host.tell("start").await;
}

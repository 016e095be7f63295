//! What a plugin inherits from its host, and what becomes of it when the host dies.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::{Client, ErrorKind, Protocol, ReattachConfigs};
use process_tests::{ActorPlugin, HANDSHAKE};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};
use support::{RUNTIMES, TRANSPORTS, eventually, exists, start_with};

const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
const HOST: &str = env!("CARGO_BIN_EXE_host");
const MISBEHAVE: &str = env!("CARGO_BIN_EXE_misbehave");

struct Host {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Host {
    fn start(order: &str, transport: &str, plugin: &[&str], dir: &Path) -> Self {
        let mut command = Command::new(HOST);
        command.args([order, transport]).args(plugin);
        Self::spawn(command, transport, dir)
    }

    fn spawn(mut command: Command, transport: &str, dir: &Path) -> Self {
        command.env("TMPDIR", dir).env("ACTOR_TRANSPORT", transport).stdout(Stdio::piped());
        let mut process = command.stdin(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(b"typed at the host\n").unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, said }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn a_plugin_dies_with_a_killed_host() {
    for transport in TRANSPORTS {
        for order in ["hold", "exit"] {
            let dir = tempfile::tempdir().unwrap();
            let mut host = Host::start(order, &transport.to_string(), &[ACTOR, "multi-thread"], dir.path());
            let plugin = host.line().parse().unwrap();
            if order == "hold" {
                assert!(exists(plugin));
                host.kill();
            } else {
                assert!(host.process.wait().unwrap().success());
            }
            eventually("the plugin has ended", || !exists(plugin)).await;
        }
    }
}

/// A host is replaced by a newer one, and its plugin goes on.
#[tokio::test]
async fn a_plugin_is_taken_over_by_the_next_host() {
    for transport in TRANSPORTS {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(HOST);
        command.args(["leave", &transport.to_string(), ACTOR, "multi-thread"]).env("OUTLIVE", "yes");
        let mut host = Host::spawn(command, &transport.to_string(), dir.path());
        let plugin: u32 = host.line().parse().unwrap();
        let running: ReattachConfigs = host.line().parse().unwrap();
        assert!(host.process.wait().unwrap().success());
        assert!(exists(plugin));

        let next = Client::builder(HANDSHAKE)
            .plugin("actor", ActorPlugin::client())
            .reattach(running.get("actor").unwrap().clone());
        let next = next.start().await.unwrap();
        let actor = next.dispense::<ActorPlugin>("actor").await.unwrap();
        assert_eq!(actor.act("pid").await.unwrap(), plugin.to_string());
        // Nobody reads its standard streams any more.
        assert_eq!(actor.act("print 1000").await.unwrap(), "done");
        assert_eq!(actor.act("pid").await.unwrap(), plugin.to_string());
        next.kill().await.unwrap();
        assert!(next.has_exited());
        eventually("the plugin has ended", || !exists(plugin) || support::state(plugin) == Some('Z')).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_foreign_plugin_dies_with_a_killed_host_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start("hold", "grpc", &[MISBEHAVE, "silent"], dir.path());
    let pid = || std::fs::read_to_string(dir.path().join("pid")).ok()?.parse().ok();
    eventually("the plugin runs", || pid().is_some()).await;
    let plugin = pid().unwrap();
    assert!(exists(plugin));
    host.kill();
    eventually("the plugin has ended", || !exists(plugin)).await;
}

/// Without the kernel's help: our own plugin notices by itself, even if its code blocks every thread it has.
#[tokio::test]
async fn a_blocked_plugin_ends_itself_when_its_host_is_gone() {
    for transport in TRANSPORTS {
        let dir = tempfile::tempdir().unwrap();
        let plugin = [ACTOR, "current-thread"];
        let mut host = Host::start("hold-loosely", &transport.to_string(), &plugin, dir.path());
        let plugin = host.line().parse().unwrap();
        assert_eq!(host.line(), "blocked");
        assert!(exists(plugin));
        host.kill();
        eventually("the plugin has ended", || !exists(plugin)).await;
    }
}

/// A host that knows nothing of parent-death signals, as one written in Go.
#[tokio::test]
async fn a_plugin_ends_in_good_order_when_a_foreign_host_is_gone() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let dir = tempfile::tempdir().unwrap();
            let mut plugin = Command::new(ACTOR)
                .arg(runtime)
                .env(HANDSHAKE.key(), HANDSHAKE.value())
                .env("PLUGIN_PROTOCOL_VERSIONS", "1")
                .env("TMPDIR", dir.path())
                .env("ACTOR_TRANSPORT", transport.to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            let mut stdout = BufReader::new(plugin.stdout.take().unwrap());
            stdout.read_line(&mut line).unwrap();
            let socket = Path::new(line.split('|').nth(3).unwrap()).to_owned();
            assert!(socket.exists(), "{line}");
            drop((stdout, plugin.stderr.take()));
            eventually("the plugin has ended", || plugin.try_wait().unwrap().is_some()).await;
            assert!(plugin.wait().unwrap().success());
            assert!(!socket.exists());
        }
    }
}

/// Of the environment all but the protocol's own variables: a host that is a plugin itself got those from the host
/// above it, and they must not reach its own plugins.
#[tokio::test]
async fn environment_and_input_are_inherited_but_not_the_protocol_of_an_upper_host() {
    for transport in TRANSPORTS {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(HOST);
        command.args(["look-around", &transport.to_string(), ACTOR, "multi-thread"]);
        for name in go_plugin::env::ALL {
            command.env(name, "/from/above");
        }
        command.env("OTHER", "kept");
        let mut host = Host::spawn(command, &transport.to_string(), dir.path());
        host.line();
        for expected in [
            "PLUGIN_MIN_PORT=10000",
            "PLUGIN_MAX_PORT=25000",
            "PLUGIN_PROTOCOL_VERSIONS=1",
            "PLUGIN_MULTIPLEX_GRPC=unset",
            "PLUGIN_CLIENT_CERT=unset",
            "PLUGIN_UNIX_SOCKET_GROUP=unset",
            // A directory of the plugin's own, below the temporary one.
            &format!("PLUGIN_UNIX_SOCKET_DIR={}/plugin-dir", dir.path().display()),
            "PLUGIN_CONNECT_STDIO=unset",
            "OTHER=kept",
            "INPUT=typed at the host",
        ] {
            let line = host.line();
            assert!(line.starts_with(expected), "{line}");
        }
        assert_eq!(host.line(), "Some(Some(0))");
        assert!(host.process.wait().unwrap().success());
    }
}

/// Variables of the host are the plugin's, unless the host says otherwise; those that the command sets are in any case.
#[tokio::test]
async fn the_hosts_environment_can_be_kept_from_the_plugin() {
    for transport in TRANSPORTS {
        for skip in [false, true] {
            let own = |command: &mut Command| {
                command.env("OWN", "set by the command");
            };
            let plugin = start_with(transport, RUNTIMES[0], own, |builder| builder.skip_host_env(skip)).await;
            let expected = if skip { "unset".to_owned() } else { std::env::var("PATH").unwrap() };
            assert_eq!(plugin.act("env PATH").await.unwrap(), expected, "{transport} {skip}");
            assert_eq!(plugin.act("env OWN").await.unwrap(), "set by the command");
            plugin.client.kill().await.unwrap();
        }
    }
}

/// Then the kernel reaps children by itself, and how they ended cannot be known; that they did, can.
#[cfg(target_os = "linux")] // for this `env`
#[tokio::test]
async fn a_host_that_ignores_sigchld_still_sees_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("env");
    command.args(["--ignore-signal=CHLD", HOST, "look-around", "grpc", ACTOR, "multi-thread"]);
    let mut host = Host::spawn(command, "grpc", dir.path());
    let lines: Vec<_> = std::iter::repeat_with(|| host.line()).take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines.last().unwrap(), "None", "{lines:?}");
    assert!(host.process.wait().unwrap().success());
}

/// A shell between host and plugin ends with a signal, the plugin behind it would not.
#[tokio::test]
async fn a_refused_plugin_behind_a_shell_is_asked_to_quit() {
    for (transport, allowed) in [("netrpc", Protocol::Grpc), ("grpc", Protocol::NetRpc)] {
        let dir = tempfile::tempdir().unwrap();
        let marker = dir.path().join("the plugin went before the shell");
        let mut shell = Command::new("sh");
        shell.args(["-c", r#""$ACTOR"; : > "$MARKER""#]);
        shell.env("ACTOR", env!("CARGO_BIN_EXE_actor")).env("MARKER", &marker);
        shell.env("ACTOR_TRANSPORT", transport).env("TMPDIR", dir.path());
        let starting = Client::builder(HANDSHAKE)
            .plugin("actor", ActorPlugin::client())
            .allowed_protocols([allowed])
            .command(shell)
            .start();
        let error = starting.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProtocolNotAllowed, "{error:?}");
        assert!(marker.exists(), "{transport}");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

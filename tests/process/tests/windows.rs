//! The life of a plugin on Windows, as far as it differs.
#![cfg(windows)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::{Client, ErrorKind, Protocol, ReattachConfigs};
use process_tests::{ActorPlugin, HANDSHAKE};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};
use support::{LONG, TRANSPORTS, start, start_with};
use tokio::time::{sleep, timeout};

const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
const HOST: &str = env!("CARGO_BIN_EXE_host");

/// How often it is tried whether a process still has its standard input: far below what the pipe holds, within [`LONG`].
const INTERVAL: Duration = Duration::from_millis(100);

/// After this an order to block has blocked its plugin.
const BLOCKED: Duration = Duration::from_millis(300);

/// A host, whose plugin has inherited its standard input.
struct Host {
    process: Child,
    stdin: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Host {
    fn start(order: &str, transport: Protocol, outlive: bool) -> Self {
        let mut command = Command::new(HOST);
        command.args([order, &transport.to_string(), ACTOR, "current-thread"]);
        command.env("ACTOR_TRANSPORT", transport.to_string());
        if outlive {
            command.env("OUTLIVE", "yes");
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = process.stdin.take().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdin, said }
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

    /// Whether it, or its plugin, runs: the last of them takes the reading end of the pipe along.
    fn runs(&mut self) -> bool {
        self.stdin.write_all(b"x").is_ok()
    }

    async fn all_ended(&mut self) {
        let ended = async {
            while self.runs() {
                sleep(INTERVAL).await;
            }
        };
        timeout(LONG, ended).await.expect("the plugin lives on");
    }
}

/// The plugin would notice by itself as well, within a second. This one is not to.
#[tokio::test]
async fn a_plugin_dies_with_a_killed_host() {
    for transport in TRANSPORTS {
        for order in ["hold", "exit"] {
            let mut host = Host::start(order, transport, true);
            assert!(host.line().parse::<u32>().is_ok());
            if order == "hold" {
                assert!(host.runs());
                host.kill();
            } else {
                assert!(host.process.wait().unwrap().success());
            }
            host.all_ended().await;
        }
    }
}

/// As that of a Go host, which binds nobody; even if its code blocks every thread that it has.
#[tokio::test]
async fn a_plugin_that_is_not_bound_to_its_host_notices_its_death() {
    for transport in TRANSPORTS {
        let mut host = Host::start("hold-loosely", transport, false);
        assert!(host.line().parse::<u32>().is_ok());
        assert_eq!(host.line(), "blocked");
        host.kill();
        assert!(host.runs(), "it has five seconds to end in good order");
        host.all_ended().await;
    }
}

/// A host is replaced by a newer one, and its plugin goes on.
#[tokio::test]
async fn a_plugin_is_taken_over_by_the_next_host() {
    for transport in TRANSPORTS {
        let mut host = Host::start("leave", transport, true);
        let plugin = host.line();
        let running: ReattachConfigs = host.line().parse().unwrap();
        assert!(host.process.wait().unwrap().success());
        let running = running.get("actor").unwrap().clone();
        let next = || {
            let next = Client::builder(HANDSHAKE).plugin("actor", ActorPlugin::client());
            next.reattach(running.clone()).start()
        };
        let killer = next().await.unwrap();
        let actor = killer.dispense::<ActorPlugin>("actor").await.unwrap();
        assert_eq!(actor.act("pid").await.unwrap(), plugin);
        let watcher = next().await.unwrap();
        assert!(!watcher.has_exited());
        killer.kill().await.unwrap();
        assert!(killer.has_exited());
        host.all_ended().await;
        timeout(LONG, watcher.exited()).await.expect("its end is not seen");
        let error = next().await.unwrap_err();
        assert!(error.to_string().contains("reattachment process not found"), "{error}");
    }
}

/// One that does not go when it is asked to.
#[tokio::test]
async fn a_plugin_of_somebody_else_can_be_killed() {
    for transport in TRANSPORTS {
        let mut host = Host::start("leave", transport, true);
        assert!(host.line().parse::<u32>().is_ok());
        let running: ReattachConfigs = host.line().parse().unwrap();
        let next = Client::builder(HANDSHAKE).plugin("actor", ActorPlugin::client());
        let next = next.reattach(running.get("actor").unwrap().clone()).start().await.unwrap();
        let actor = next.dispense::<ActorPlugin>("actor").await.unwrap();
        assert!(timeout(BLOCKED, actor.act("block")).await.is_err());
        timeout(LONG, next.kill()).await.unwrap().unwrap();
        assert!(next.has_exited());
        host.all_ended().await;
    }
}

#[tokio::test]
async fn the_code_that_a_plugin_exits_with_is_told() {
    for transport in TRANSPORTS {
        let running = start(transport, "multi-thread").await;
        let error = running.act("print-and-exit 0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
        let status = timeout(LONG, running.client.exited()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(3));
    }
}

#[tokio::test]
async fn a_plugin_listens_on_a_unix_socket_if_it_is_told_to() {
    for transport in TRANSPORTS {
        let unix = |command: &mut Command| {
            command.env("ACTOR_UNIX", "yes");
        };
        let running = start_with(transport, "multi-thread", unix, |builder| builder).await;
        let socket = running.socket();
        assert!(socket.symlink_metadata().is_ok());
        assert_eq!(running.act("echo hello").await.unwrap(), "hello");
        running.client.kill().await.unwrap();
        assert!(socket.symlink_metadata().is_err());
        assert!(socket.parent().unwrap().symlink_metadata().is_err());
    }
}

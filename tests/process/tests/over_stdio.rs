//! Standard input and output as the connection: what goes on beside it must not get into it, and both ends end with it.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::{
    Address, AutoMtls, Client, ClientBuilder, Error, ErrorKind, Protocol, ReattachConfig, StdioConnection,
};
use process_tests::{ActorPlugin, HANDSHAKE};
use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::Duration,
};
use support::{LONG, RUNTIMES, Running, TRANSPORTS, eventually, exists, signal, start_with};
use tokio::time::timeout;

const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
const HOST: &str = env!("CARGO_BIN_EXE_host");

async fn over_stdio(
    transport: Protocol,
    runtime: &str,
    build: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Running {
    let prepare = |command: &mut Command| _ = command.env("ACTOR_STDIO", "yes");
    let build = |builder: ClientBuilder| build(builder.connect_over_stdio(StdioConnection::Required));
    let running = start_with(transport, runtime, prepare, build).await;
    assert_eq!(running.client.handshake_line().address, Address::Stdio);
    running
}

#[tokio::test]
async fn calls_and_output_go_their_ways_and_the_plugin_ends_in_good_order() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            for auto_mtls in [false, true] {
                let running = over_stdio(transport, runtime, |builder| {
                    if auto_mtls { builder.auto_mtls(AutoMtls::Required) } else { builder }
                })
                .await;
                assert_eq!(running.act("print 20000").await.unwrap(), "done");
                let large = "x".repeat(3 << 20);
                assert!(running.act(&format!("echo {large}")).await.unwrap() == large);
                running.client.ping().await.unwrap();
                assert!(running.client.reattach_config().is_none());
                let error = running.client.detach().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");

                timeout(LONG, running.client.kill()).await.unwrap().unwrap();
                assert_eq!(running.client.exited().await.unwrap().code(), Some(0));
                let expected: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
                assert!(running.stdout.text() == expected, "output is missing or mixed up");
            }
        }
    }
}

/// Neither can they write into the connection, nor take something out of it.
#[tokio::test]
async fn children_of_the_plugin_have_no_part_in_the_connection() {
    for transport in TRANSPORTS {
        let running = over_stdio(transport, "multi-thread", |builder| builder).await;
        assert_eq!(running.act("read").await.unwrap(), "", "standard input is at its end");
        assert_eq!(running.act("shell cat").await.unwrap(), "exit status: 0");
        let inherited = descriptors_of_a_child(&running).await;
        assert!(inherited.contains("0 /dev/null\n"), "{inherited}");
        let other = start_with(transport, "multi-thread", |_| {}, |builder| builder).await;
        let pipes = |inherited: String| inherited.lines().filter(|line| line.contains("pipe:")).count();
        assert_eq!(pipes(inherited), pipes(descriptors_of_a_child(&other).await));

        // A flood from outside of any runtime, and calls in the middle of it.
        assert!(running.act("shell yes | head -c 3000000 & echo begun").await.is_ok());
        for _ in 0..100 {
            assert_eq!(running.act("echo still here").await.unwrap(), "still here");
        }
        timeout(LONG, running.client.kill()).await.unwrap().unwrap();
        assert_eq!(running.client.exited().await.unwrap().code(), Some(0));
    }
}

/// What the child of a plugin has open, a line each.
async fn descriptors_of_a_child(running: &Running) -> String {
    let script = "for fd in /proc/self/fd/*; do echo \"${fd##*/} $(readlink $fd)\"; done; echo that is all";
    assert_eq!(running.act(&format!("shell {script}")).await.unwrap(), "exit status: 0");
    eventually("the child's output has come", || running.stdout.text().contains("that is all")).await;
    running.stdout.text()
}

#[tokio::test]
async fn the_end_of_the_process_is_the_end_of_the_connection() {
    for transport in TRANSPORTS {
        let running = over_stdio(transport, "multi-thread", |builder| builder).await;
        let calling = running.act("block");
        let killing = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            signal("KILL", running.client.id());
        };
        let (called, ()) = tokio::join!(calling, killing);
        let error = called.unwrap_err();
        assert!(error.is_disconnected(), "{error:?}");
        assert_eq!(running.client.exited().await.unwrap().signal(), Some(9));
        timeout(LONG, running.client.kill()).await.unwrap().unwrap();
    }
}

/// Without the kernel's help, as there is a shell in between, and without a standard error that tells.
#[tokio::test]
async fn a_plugin_ends_with_its_input_when_its_host_is_gone() {
    for transport in TRANSPORTS {
        let dir = tempfile::tempdir().unwrap();
        let told = dir.path().join("pid");
        let script = format!("{ACTOR} multi-thread; echo $? >{}", dir.path().join("ended").display());
        let mut host = Command::new(HOST)
            .args(["hold", &transport.to_string(), "sh", "-c", &script])
            .env("TMPDIR", dir.path())
            .env("ACTOR_STDIO", "yes")
            .env("ACTOR_TRANSPORT", transport.to_string())
            .env("HOST_LOG_FILE", dir.path().join("log"))
            .env("ACTOR_PID_FILE", &told)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let plugin: u32 = std::fs::read_to_string(&told).unwrap().parse().unwrap();
        assert!(exists(plugin) && line.trim() != plugin.to_string());
        host.kill().unwrap();
        host.wait().unwrap();
        eventually("the plugin has ended", || !exists(plugin)).await;
    }
}

async fn refused(prepare: impl FnOnce(&mut Command)) -> Error {
    let mut command = Command::new(ACTOR);
    prepare(&mut command);
    let builder = Client::builder(HANDSHAKE)
        .plugin("actor", ActorPlugin::client())
        .allowed_protocols(TRANSPORTS)
        .command(command)
        .connect_over_stdio(StdioConnection::Required);
    timeout(LONG, builder.start()).await.expect("the start hangs").unwrap_err()
}

#[tokio::test]
async fn a_plugin_that_does_not_allow_it_is_refused_or_connected_to_on_its_socket() {
    for transport in TRANSPORTS {
        let error = refused(|command| _ = command.env("ACTOR_TRANSPORT", transport.to_string())).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("Server::connect_over_stdio"), "{error}");
        // It has ended as it was asked to.
        assert_eq!(error.exit_status(), None);

        let build = |builder: ClientBuilder| builder.connect_over_stdio(StdioConnection::IfOffered);
        let running = start_with(transport, "multi-thread", |_| {}, build).await;
        assert!(running.socket().exists());
        assert_eq!(running.act("read").await.unwrap(), "");
        assert_eq!(running.act("env PLUGIN_CONNECT_STDIO").await.unwrap(), "true");
        timeout(LONG, running.client.kill()).await.unwrap().unwrap();
        assert_eq!(running.client.exited().await.unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn options_that_exclude_it_are_refused() {
    let builder = || {
        let builder = Client::builder(HANDSHAKE).plugin("actor", ActorPlugin::client());
        builder.connect_over_stdio(StdioConnection::Required)
    };
    let running = ReattachConfig::new(Protocol::NetRpc, Address::Unix("/nonexistent".into()), 1);
    for (builder, text) in [
        (builder().command(ACTOR).outlives_host(true), "does not go with `outlives_host`"),
        (builder().reattach(running), "does not go with `reattach`"),
    ] {
        let error = builder.start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn streams_that_cannot_be_a_connection_are_named() {
    for (redirection, text) in [
        ("</dev/zero", "standard input is neither a pipe nor a socket, but CharacterDevice"),
        (">/dev/null", "plugin exited before we could connect"),
        ("2>&1", "standard output is also standard error"),
    ] {
        let error = refused(|command| {
            let script = format!("exec {ACTOR} multi-thread {redirection}");
            *command = Command::new("sh");
            command.args(["-c", &script]).env("ACTOR_STDIO", "yes");
        })
        .await;
        assert!(error.to_string().contains(text), "{redirection}: {error}");
    }
}

/// As `socat` and `inetd` start programs.
#[tokio::test]
async fn one_socket_may_be_both_streams() {
    let running = over_a_socket().await;
    assert_eq!(running, "exit status: 0");
}

async fn over_a_socket() -> String {
    use go_plugin::{AttachedRunner, Runner, RunnerOutput, async_trait};
    use std::{os::unix::net::UnixStream, process::ExitStatus};
    use tokio::sync::Mutex;

    struct Socketed(Mutex<Option<tokio::process::Child>>, Vec<(std::ffi::OsString, std::ffi::OsString)>);

    #[async_trait]
    impl AttachedRunner for Socketed {
        async fn wait(&self) -> Option<ExitStatus> {
            self.0.lock().await.as_mut()?.wait().await.ok()
        }

        async fn kill(&self) -> go_plugin::Result<()> {
            Ok(())
        }

        fn id(&self) -> String {
            "socketed".to_owned()
        }
    }

    #[async_trait]
    impl Runner for Socketed {
        async fn start(&self) -> go_plugin::Result<RunnerOutput> {
            let (near, far) = UnixStream::pair()?;
            near.set_nonblocking(true)?;
            let mut command = tokio::process::Command::new(ACTOR);
            command.envs(self.1.clone()).env("ACTOR_STDIO", "yes").kill_on_drop(true);
            command.stdin(std::os::fd::OwnedFd::from(far.try_clone()?));
            command.stdout(std::os::fd::OwnedFd::from(far)).stderr(Stdio::piped());
            let mut child = command.spawn()?;
            let (read, write) = tokio::net::UnixStream::from_std(near)?.into_split();
            let output = RunnerOutput::new(read, child.stderr.take().unwrap()).with_stdin(write);
            *self.0.lock().await = Some(child);
            Ok(output)
        }

        fn name(&self) -> String {
            "socketed".to_owned()
        }
    }

    let builder = Client::builder(HANDSHAKE)
        .plugin("actor", ActorPlugin::client())
        .allowed_protocols(TRANSPORTS)
        .runner(|spec| async move { Ok(Socketed(Mutex::new(None), spec.environment)) })
        .connect_over_stdio(StdioConnection::Required);
    let client = timeout(LONG, builder.start()).await.unwrap().unwrap();
    let actor = client.dispense::<ActorPlugin>("actor").await.unwrap();
    let done = timeout(LONG, actor.act("shell echo from a child")).await.unwrap().unwrap();
    timeout(LONG, client.kill()).await.unwrap().unwrap();
    assert_eq!(client.exited().await.unwrap().code(), Some(0));
    done
}

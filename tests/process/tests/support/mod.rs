//! A host for the `actor` plugin, and what its tests ask of processes.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use go_plugin::{Client, ClientBuilder, Protocol};
use process_tests::{Actor, ActorPlugin, HANDSHAKE};
use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    process::Command,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{io::AsyncWrite, time::timeout};

/// Far beyond what anything here takes: a test that hangs fails.
pub const LONG: Duration = Duration::from_secs(60);

pub const TRANSPORTS: [Protocol; 2] = [Protocol::NetRpc, Protocol::Grpc];

pub const RUNTIMES: [&str; 2] = ["current-thread", "multi-thread"];

/// Collects what is written to any of its clones.
#[derive(Clone, Default)]
pub struct Collect(Arc<Mutex<Vec<u8>>>);

impl Collect {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Collect {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncWrite for Collect {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Write::write(&mut *self, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A running `actor`.
pub struct Running {
    pub client: Client,
    pub actor: Arc<dyn Actor>,
    /// What it printed, as it came through the protocol.
    pub stdout: Collect,
    /// What it wrote on its real standard error.
    pub log: Collect,
    pub dir: TempDir,
}

impl Running {
    pub async fn act(&self, order: &str) -> go_plugin::Result<String> {
        timeout(LONG, self.actor.act(order)).await.expect("the call hangs")
    }

    pub fn socket(&self) -> PathBuf {
        self.client.handshake_line().address.as_unix().unwrap().to_owned()
    }
}

pub async fn start(transport: Protocol, runtime: &str) -> Running {
    start_with(transport, runtime, |_| {}, |builder| builder).await
}

pub async fn start_with(
    transport: Protocol,
    runtime: &str,
    prepare: impl FnOnce(&mut Command),
    build: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actor"));
    command.arg(runtime).env("TMPDIR", dir.path()).env("ACTOR_TRANSPORT", transport.to_string());
    prepare(&mut command);
    let (stdout, log) = (Collect::default(), Collect::default());
    let builder = Client::builder(HANDSHAKE)
        .plugin("actor", ActorPlugin::client())
        .allowed_protocols([transport])
        .command(command)
        .stdout(stdout.clone())
        .raw_stderr(log.clone());
    let client = timeout(LONG, build(builder).start()).await.expect("the start hangs").unwrap();
    let actor = client.dispense::<ActorPlugin>("actor").await.unwrap();
    Running { client, actor, stdout, log, dir }
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, wait).await.unwrap_or_else(|_| panic!("never came true: {what}"));
}

/// Whether there is such a process, be it a zombie.
pub fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// The kernel's letter for the state of a process; none if there is no such process.
pub fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

pub fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

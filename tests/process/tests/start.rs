//! Plugins that never become usable: what the host is told, and that nothing of them is left.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use go_plugin::{
    AutoMtls, Client, ClientBuilder, Error, ErrorKind, Fault, Handshake, Plugin, Protocol, StdioConnection,
};
use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::task::JoinSet;

const HANDSHAKE: Handshake = Handshake::new(1, "MISBEHAVE", "yes");

/// No start here gets as far as to need a half.
struct Nothing;

impl Plugin for Nothing {
    type Interface = ();
}

struct Failed {
    mode: &'static str,
    transport: &'static str,
    error: Error,
    took: Duration,
    dir: TempDir,
}

impl Failed {
    fn name(&self) -> String {
        format!("{} {}: {:?} after {:?}", self.mode, self.transport, self.error, self.took)
    }
}

async fn start(mode: &'static str, transport: &'static str) -> Failed {
    start_with(mode, transport, |builder| builder).await
}

async fn start_with(
    mode: &'static str,
    transport: &'static str,
    build: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Failed {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_misbehave"));
    command.args([mode, transport]).env("TMPDIR", dir.path());
    let started = Instant::now();
    let limit = if mode == "silent" { Duration::from_millis(500) } else { Duration::from_secs(120) };
    let builder = Client::builder(HANDSHAKE)
        .plugin("nothing", Nothing)
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .command(command)
        .start_timeout(limit);
    let error = build(builder).start().await.expect_err(mode);
    Failed { mode, transport, error, took: started.elapsed(), dir }
}

fn is_gone(dir: &Path) -> bool {
    let pid = std::fs::read_to_string(dir.join("pid")).unwrap();
    !Path::new("/proc").join(pid).exists()
}

/// What the error's text must contain, its kind, and how the process ended by itself, if it did.
type Expected = (&'static str, ErrorKind, &'static [&'static str], Option<Ended>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Code(i32),
    Signal(i32),
}

const UNRECOGNISED: &str = "Unrecognized remote plugin message: ";
const CAUSES: &str = "This usually means";

#[rustfmt::skip]
const LINES: &[Expected] = &[
    ("silent", ErrorKind::StartTimeout, &["timeout while waiting for plugin to start"], None),
    ("garbage", ErrorKind::BadHandshake, &[UNRECOGNISED, "lolinvalid", CAUSES, "ELF architecture: "], None),
    ("garbage-and-exit", ErrorKind::BadHandshake, &[UNRECOGNISED, "lolinvalid"], None),
    ("not-utf8", ErrorKind::BadHandshake, &["unknown address type: "], None),
    ("core-version", ErrorKind::CoreVersion,
        &["incompatible core API version with plugin. Plugin version: 9, Core version: 1"], None),
    ("core-not-a-number", ErrorKind::BadHandshake, &["error parsing core protocol version: "], None),
    ("app-version", ErrorKind::AppVersion,
        &["incompatible API version with plugin. Plugin version: 42, Client versions: [1]"], None),
    ("app-not-a-number", ErrorKind::BadHandshake, &["Error parsing protocol version \"1.0\": "], None),
    ("unknown-network", ErrorKind::BadHandshake, &["unknown address type: carrier-pigeon"], None),
    ("stdio-unasked", ErrorKind::BadHandshake, &["unknown address type: stdio"], None),
    ("unknown-transport", ErrorKind::ProtocolNotAllowed,
        &["unsupported plugin protocol \"morse\". Supported: [netrpc grpc]"], None),
    ("bad-certificate", ErrorKind::Security, &["error parsing server cert: "], None),
    ("two-lines-at-once", ErrorKind::BadHandshake, &[UNRECOGNISED, "hello from main"], None),
    ("long-line", ErrorKind::BadHandshake, &[UNRECOGNISED, "xxx"], None),
    ("close-stdout", ErrorKind::BadHandshake,
        &[UNRECOGNISED, "Failed to read any lines from plugin's stdout", CAUSES], None),
    ("exit", ErrorKind::ExitedBeforeHandshake, &["plugin exited before we could connect"], Some(Ended::Code(3))),
    ("exit-with-zero", ErrorKind::ExitedBeforeHandshake, &["plugin exited before we could connect"],
        Some(Ended::Code(0))),
    ("exit-with-reason", ErrorKind::ExitedBeforeHandshake,
        &["plugin exited before we could connect", "plugin: cannot read config.hcl: no such file"],
        Some(Ended::Code(3))),
    ("exit-but-keep-pipes", ErrorKind::ExitedBeforeHandshake, &["plugin exited before we could connect"],
        Some(Ended::Code(5))),
    ("killed", ErrorKind::ExitedBeforeHandshake, &["plugin exited before we could connect", "signal: 9"],
        Some(Ended::Signal(9))),
    ("odd-logs", ErrorKind::ExitedBeforeHandshake, &["plugin exited before we could connect", "last words"],
        Some(Ended::Code(7))),
    ("go-panic", ErrorKind::ExitedBeforeHandshake,
        &["plugin exited before we could connect", "panic: runtime error: index out of range"],
        Some(Ended::Code(2))),
];

#[tokio::test]
async fn a_plugin_without_a_usable_line_is_refused_with_the_reason() {
    let mut starting = JoinSet::new();
    for &(mode, kind, texts, ended) in LINES {
        starting.spawn(async move { (start(mode, "netrpc").await, kind, texts, ended) });
    }
    while let Some(outcome) = starting.join_next().await {
        let (failed, kind, texts, ended) = outcome.unwrap();
        check(&failed, kind, texts, ended);
        if let Ok(pid) = std::fs::read_to_string(failed.dir.path().join("grandchild")) {
            Command::new("kill").arg(pid).status().unwrap();
        }
    }
}

/// The error, the time that it took, and that nothing runs any more.
fn check(failed: &Failed, kind: ErrorKind, texts: &[&str], ended: Option<Ended>) {
    let name = failed.name();
    assert_eq!(failed.error.kind(), kind, "{name}");
    for text in texts {
        assert!(failed.error.to_string().contains(text), "{text:?} is missing: {name}");
    }
    if let Some(ended) = ended {
        let status = failed.error.exit_status().expect(&name);
        let found = status.code().map(Ended::Code).or(status.signal().map(Ended::Signal));
        assert_eq!(found, Some(ended), "{name}");
    }
    assert!(failed.took < Duration::from_secs(60), "{name}");
    assert!(is_gone(failed.dir.path()), "{name}");
}

/// What comes of a plugin that says where it listens and then does not serve: to a host in plain, and to one with AutoMTLS, whose
/// plugin says that it takes part.
#[rustfmt::skip]
const SOCKETS: &[(&str, Fault, Fault)] = &[
    ("no-listener", Fault::Disconnected, Fault::Disconnected),
    ("never-accept", Fault::Timeout, Fault::Timeout),
    ("accept-and-close", Fault::Disconnected, Fault::Disconnected),
    ("accept-and-hold", Fault::Timeout, Fault::Timeout),
    ("accept-and-swallow", Fault::Timeout, Fault::Timeout),
    ("accept-and-babble", Fault::Protocol, Fault::Security),
    ("accept-and-die", Fault::Disconnected, Fault::Disconnected),
    ("stop", Fault::Timeout, Fault::Timeout),
    ("print-for-ever", Fault::Timeout, Fault::Timeout),
];

#[tokio::test]
async fn a_plugin_that_does_not_serve_is_refused_in_time() {
    let mut starting = JoinSet::new();
    for &(mode, plain, tls) in SOCKETS {
        for (transport, multiplex) in [("netrpc", false), ("grpc", false), ("grpc", true)] {
            // Where connections are multiplexed, TLS is inside each of them, and it does not come to that.
            let tls = if multiplex { plain } else { tls };
            for (auto_mtls, fault) in [(None, plain), (Some(AutoMtls::Required), tls)] {
                let start = start_with(mode, transport, move |builder| {
                    with_mtls(builder.multiplex_grpc(multiplex), auto_mtls)
                });
                starting.spawn(async move { (start.await, fault) });
            }
        }
    }
    all_fail(starting).await;
}

fn with_mtls(builder: ClientBuilder, auto_mtls: Option<AutoMtls>) -> ClientBuilder {
    match auto_mtls {
        Some(mode) => builder.auto_mtls(mode),
        None => builder,
    }
}

/// In time, by that fault, and leaving nothing.
async fn all_fail(mut starting: JoinSet<(Failed, Fault)>) {
    let mut wrong = Vec::new();
    while let Some(outcome) = starting.join_next().await {
        let (failed, fault) = outcome.unwrap();
        let name = failed.name();
        assert!(failed.took < Duration::from_secs(60), "{name}");
        assert!(is_gone(failed.dir.path()), "{name}");
        assert!(!failed.dir.path().join("socket").exists(), "the socket is left: {name}");
        if failed.error.fault() != fault {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What becomes of an encrypted connection in the hands of a plugin that dies in the middle of the handshake, or proves to be another one
/// than the line says.
#[rustfmt::skip]
const TLS: &[Expected] = &[
    ("die-in-tls", ErrorKind::Disconnected, &["the other side closed the connection during the TLS handshake"],
        Some(Ended::Code(6))),
    ("another-certificate", ErrorKind::Security, &["the other side's certificate is not the one that it announced"], None),
];

#[tokio::test]
async fn a_plugin_that_fails_in_the_tls_handshake_is_refused_with_the_reason() {
    for &(mode, kind, texts, ended) in TLS {
        for transport in ["netrpc", "grpc"] {
            let failed = start_with(mode, transport, |builder| builder.auto_mtls(AutoMtls::Required)).await;
            check(&failed, kind, texts, ended);
            assert!(failed.took < Duration::from_secs(20), "{}", failed.name());
            assert!(!failed.dir.path().join("socket").exists(), "the socket is left: {}", failed.name());
        }
    }
}

/// The same over standard input and output. Where connections are multiplexed, which gRPC is there, TLS is inside each of them.
#[rustfmt::skip]
const STDIO: &[(&str, &str, Fault, Fault)] = &[
    ("stdio-silent", "netrpc", Fault::Timeout, Fault::Timeout),
    ("stdio-silent", "grpc", Fault::Timeout, Fault::Timeout),
    ("stdio-swallow", "netrpc", Fault::Timeout, Fault::Timeout),
    ("stdio-swallow", "grpc", Fault::Timeout, Fault::Timeout),
    ("stdio-die", "netrpc", Fault::Disconnected, Fault::Disconnected),
    ("stdio-die", "grpc", Fault::Disconnected, Fault::Disconnected),
    ("stdio-babble", "netrpc", Fault::Protocol, Fault::Security),
    ("stdio-babble", "grpc", Fault::Protocol, Fault::Protocol),
    ("stdio-not-multiplexed", "grpc", Fault::Plugin, Fault::Plugin),
];

#[tokio::test]
async fn a_plugin_that_does_not_serve_over_standard_input_and_output_is_refused_in_time() {
    let mut starting = JoinSet::new();
    for &(mode, transport, plain, tls) in STDIO {
        for (auto_mtls, fault) in [(None, plain), (Some(AutoMtls::Required), tls)] {
            let start = start_with(mode, transport, move |builder| {
                with_mtls(builder.connect_over_stdio(StdioConnection::Required), auto_mtls)
            });
            starting.spawn(async move { (start.await, fault) });
        }
    }
    all_fail(starting).await;
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_named() {
    for (program, text) in
        [("/nonexistent/plugin", "No such file"), ("/etc/passwd", "Permission denied"), ("/", "")]
    {
        let starting = Client::builder(HANDSHAKE).plugin("nothing", Nothing).command(program).start();
        let error = starting.await.expect_err(program);
        assert_eq!((error.kind(), error.fault()), (ErrorKind::Launch, Fault::Plugin), "{error:?}");
        let shown = error.to_string();
        assert!(shown.contains(program) && shown.contains(text), "{shown}");
    }
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_misbehave"));
    command.arg("silent").env("TMPDIR", dir.path());
    let starting = Client::builder(HANDSHAKE).plugin("nothing", Nothing).command(command).start();
    tokio::select! {
        _ = starting => panic!("a silent plugin has started"),
        () = runs(dir.path()) => {}
    }
    while !is_gone(dir.path()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn runs(dir: &Path) {
    while std::fs::read_to_string(dir.join("pid")).unwrap_or_default().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

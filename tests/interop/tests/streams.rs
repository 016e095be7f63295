//! The example `streams`, with programs of its own and with its twin on go-plugin v1.8.0.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[allow(dead_code, unused_imports, missing_docs, reason = "the example's whole interface")]
#[path = "../../../examples/streams/shared.rs"]
mod shared;

use std::{
    collections::BTreeMap,
    io::Cursor,
    path::{Path, PathBuf},
};

use go_plugin::{Client, Result, netrpc::ByteStream};
use interop_tests::{Peer, Ran, example, go_program, run, within, write_pattern};
use shared::{FilesPlugin, HANDSHAKE, NAME, Progress, Request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

/// More than the windows of the connection hold, so that both ends have to wait for each other.
const SIZE: usize = 3 << 20;

/// The plugin of either language, as a line for a shell.
fn plugins() -> [String; 2] {
    [
        example("streams-plugin").display().to_string(),
        format!("{} -plugin", go_program("streamspeer").display()),
    ]
}

async fn streams_host(dir: &Path, args: &[&str]) -> Ran {
    let mut host = Command::new(example("streams-host"));
    host.args(args).current_dir(dir);
    run(host, b"").await
}

/// A folder for the plugin's files, with one to send.
async fn folder() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut content = Cursor::new(Vec::new());
    write_pattern(&mut content, 0, SIZE, SIZE).await.unwrap();
    let (file, content) = (dir.path().join("to-send"), content.into_inner());
    std::fs::write(&file, &content).unwrap();
    (dir, file, content)
}

#[tokio::test]
async fn files_travel_both_ways_and_the_plugin_reports_to_its_host() {
    for plugin in plugins() {
        let (dir, file, content) = folder().await;
        let file = file.to_str().unwrap();
        let ran = streams_host(dir.path(), &[&plugin, "store", "a", file]).await;
        let (output, reports) = (ran.stdout_text(), ran.stderr_text());
        assert_eq!((ran.code, output), (Some(0), format!("stored {SIZE} bytes\n")), "{plugin}: {reports}");
        let reports: usize = reports.trim_end_matches(" reports\n").parse().unwrap();
        assert!(reports >= SIZE / (64 << 10), "{plugin}: {reports}");
        assert!(std::fs::read(dir.path().join("stream_a")).unwrap() == content, "{plugin}");

        let ran = streams_host(dir.path(), &[&plugin, "fetch", "a"]).await;
        assert_eq!(ran.code, Some(0), "{plugin}: {}", ran.stderr_text());
        assert!(ran.stdout == content, "{plugin}");

        let ran = streams_host(dir.path(), &[&plugin, "fetch", "b"]).await;
        let error = ran.stderr_text().to_lowercase();
        assert!(ran.code == Some(1) && error.contains("no such file"), "{plugin}: {error}");
    }
}

#[tokio::test]
async fn an_error_of_the_host_s_object_ends_the_plugin_s_work() {
    for plugin in plugins() {
        let (dir, file, _) = folder().await;
        let args = ["--limit", "100000", &plugin, "store", "a", file.to_str().unwrap()];
        let ran = streams_host(dir.path(), &args).await;
        let error = "Error: more than 100000 bytes\n";
        assert_eq!((ran.code, ran.stderr_text().as_str()), (Some(1), error), "{plugin}");
        let stored = std::fs::metadata(dir.path().join("stream_a")).unwrap().len();
        assert!((100_001..200_000).contains(&stored), "{plugin}: {stored}");
    }
}

#[tokio::test]
async fn requests_and_answers_carry_bodies() {
    for plugin in plugins() {
        let (dir, file, content) = folder().await;
        let file = file.to_str().unwrap();
        let answer = async |args: &[&str]| {
            let ran = streams_host(dir.path(), &[&[plugin.as_str()], args].concat()).await;
            assert_eq!(ran.code, Some(0), "{plugin} {args:?}: {}", ran.stderr_text());
            ran.stdout
        };
        let text =
            |status: u16, text: &str| format!("{status}\nContent-Type: text/plain\n\n{text}\n").into_bytes();
        let bytes = |bytes: &[u8]| [&b"200\nContent-Type: application/octet-stream\n\n"[..], bytes].concat();
        assert_eq!(answer(&["GET", "/a"]).await, text(404, "not found"), "{plugin}");
        assert_eq!(answer(&["PUT", "/a", file]).await, text(201, "stored"), "{plugin}");
        assert!(answer(&["GET", "/a"]).await == bytes(&content), "{plugin}");
        assert!(answer(&["POST", "/upper", file]).await == bytes(&content.to_ascii_uppercase()), "{plugin}");
        assert_eq!(answer(&["BREW", "/a"]).await, text(405, "not allowed"), "{plugin}");
    }
}

#[tokio::test]
async fn an_answer_begins_before_its_request_has_ended() {
    for plugin in plugins() {
        let builder = Client::builder(HANDSHAKE)
            .plugin(NAME, FilesPlugin::client())
            .command(go_plugin::PluginCommand::shell(&plugin));
        let client = within("the plugin to start", builder.start()).await.unwrap();
        let files = within("the files", client.dispense::<FilesPlugin>(NAME)).await.unwrap();
        let (mut body, sent) = tokio::io::duplex(64);
        let request = Request {
            method: "POST".into(),
            path: "/upper".into(),
            header: BTreeMap::new(),
            body: Some(ByteStream::from_reader(sent)),
        };
        let answer = within("the head of the answer", files.handle(request)).await.unwrap();
        assert_eq!(
            (answer.status, answer.header["Content-Type"][0].as_str()),
            (200, "application/octet-stream")
        );
        let mut answer = answer.body.into_reader().await.unwrap();
        for word in ["one", "two", "three"] {
            body.write_all(word.as_bytes()).await.unwrap();
            let mut got = vec![0; word.len()];
            within(word, answer.read_exact(&mut got)).await.unwrap();
            assert_eq!(got, word.to_uppercase().as_bytes(), "{plugin}");
        }
        drop(body);
        assert_eq!(within("the end", answer.read(&mut [0])).await.unwrap(), 0, "{plugin}");
        within("the kill", client.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn a_go_host_exchanges_files_and_requests_with_our_plugin() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Command::new(go_program("streamspeer"));
    host.arg(example("streams-plugin")).current_dir(dir.path());
    let host = Peer::spawn_command(host);
    host.tell("dispense").await;
    assert_eq!(host.tell(&format!("store a {SIZE} {SIZE}")).await, format!("{SIZE} {SIZE}"));
    assert_eq!(host.number("fetch a").await as usize, SIZE);
    let refused = host.ask(&format!("store b {SIZE} 100000")).await;
    assert_eq!(refused.unwrap_err(), "more than 100000 bytes");
    let missing = host.ask("fetch c").await.unwrap_err();
    assert!(missing.to_lowercase().contains("no such file"), "{missing}");

    assert_eq!(host.tell(&format!("put /d {SIZE}")).await, r"201 stored\n");
    assert_eq!(host.tell("get /d").await, format!("200 application/octet-stream {SIZE}"));
    assert_eq!(host.tell("get /e").await, r"404 text/plain not found\n");
    assert_eq!(host.tell("dialog one two three").await, "ONE TWO THREE 0");
    host.tell("kill").await;
}

/// A host of ours that does not care.
struct Silent;

#[go_plugin::interface]
impl Progress for Silent {
    async fn stored(&self, _: i64) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_end() {
    for plugin in plugins() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &plugin]).current_dir(dir.path());
        let builder = Client::builder(HANDSHAKE).plugin(NAME, FilesPlugin::client()).command(command);
        let client = within("the plugin to start", builder.start()).await.unwrap();
        let files = within("the files", client.dispense::<FilesPlugin>(NAME)).await.unwrap();
        let content = ByteStream::from_reader(Breaks { sent: false });
        let error = within("the error", files.store("a", content, std::sync::Arc::new(Silent))).await;
        let error = error.unwrap_err();
        assert!(error.is_remote() && error.to_string().contains("connection reset"), "{plugin}: {error:?}");
        within("the kill", client.kill()).await.unwrap();
    }
}

/// Gives a few bytes, then fails.
struct Breaks {
    sent: bool,
}

impl tokio::io::AsyncRead for Breaks {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if self.sent {
            return std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")));
        }
        self.sent = true;
        buf.put_slice(b"some");
        std::task::Poll::Ready(Ok(()))
    }
}

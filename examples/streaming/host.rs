//! Sends a file through a plugin and back: `streaming-host CMD FILE` prints the length and the SHA-256 of what came back.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

mod shared;

use futures_util::TryStreamExt as _;
use go_plugin::{Client, Error, PluginCommand, Protocol, Result};
use sha2::{Digest as _, Sha256};
use shared::{HANDSHAKE, NAME, StreamerPlugin, chunks};
use std::process::ExitCode;
use tokio::fs::File;

/// How many bytes travel in one message.
const CHUNK: usize = 32 << 10;

/// The largest message: files of any size pass through it. Go's host has 1000 bytes, with chunks of 10.
const MESSAGE_LIMIT: usize = 2 * CHUNK;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match &args[..] {
        [plugin, file] => run(plugin, file).await,
        _ => Err(Error::msg("usage: streaming-host CMD FILE")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(plugin: &str, file: &str) -> Result<()> {
    let file = File::open(file).await.map_err(|error| Error::msg(format!("{file}: {error}")))?;
    let client = Client::builder(HANDSHAKE)
        .plugin(NAME, StreamerPlugin(None))
        .allowed_protocols([Protocol::Grpc])
        .grpc_message_limit(MESSAGE_LIMIT)
        .command(PluginCommand::shell(plugin))
        .start()
        .await?;
    let done = there_and_back(&client, file).await;
    client.kill().await?;
    done
}

async fn there_and_back(client: &Client, file: File) -> Result<()> {
    // Where the plugin keeps its copy.
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("copy");
    let path = path.to_str().ok_or_else(|| Error::msg("the temporary directory's path is not UTF-8"))?;

    let streamer = client.dispense::<StreamerPlugin>(NAME).await?;
    streamer.configure(path, CHUNK as i64).await?;
    streamer.write(chunks(file, CHUNK)).await?;

    let (mut length, mut hash) = (0, Sha256::new());
    let mut chunks = streamer.read().await?;
    while let Some(chunk) = chunks.try_next().await? {
        length += chunk.len();
        hash.update(&chunk);
    }
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{length} bytes, SHA-256 {hash}");
    Ok(())
}

//! Exchanges files and requests with a plugin, as streams beside the calls:
//!
//! - `streams-host [--limit BYTES] CMD store NAME FILE`, `… CMD fetch NAME`
//! - `streams-host CMD GET|PUT|POST /PATH [FILE]` shows status, header and body of the answer.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

mod shared;

use go_plugin::{Client, Error, PluginCommand, Result, netrpc::ByteStream};
use shared::{FilesPlugin, HANDSHAKE, NAME, Progress, Request};
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, copy, stdout},
};

const USAGE: &str =
    "usage: streams-host [--limit BYTES] CMD store NAME FILE | CMD fetch NAME | CMD METHOD /PATH [FILE]";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut limit = i64::MAX;
    if let ["--limit", bytes, ..] = args[..] {
        match bytes.parse() {
            Ok(bytes) => limit = bytes,
            Err(error) => return fail(&format!("{bytes}: {error}")),
        }
        args.drain(..2);
    }
    let action = match args[1.min(args.len())..] {
        ["store", name, file] => Action::Store { name, file, limit },
        ["fetch", name] => Action::Fetch { name },
        [method, path] if path.starts_with('/') => Action::Request { method, path, file: None },
        [method, path, file] if path.starts_with('/') => Action::Request { method, path, file: Some(file) },
        _ => return fail(&USAGE),
    };
    match run(args[0], action).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("Error: {error}");
    ExitCode::FAILURE
}

enum Action<'a> {
    Store { name: &'a str, file: &'a str, limit: i64 },
    Fetch { name: &'a str },
    Request { method: &'a str, path: &'a str, file: Option<&'a str> },
}

async fn run(plugin: &str, action: Action<'_>) -> Result<()> {
    let client = Client::builder(HANDSHAKE)
        .plugin(NAME, FilesPlugin::client())
        .command(PluginCommand::shell(plugin))
        .start()
        .await?;
    let done = act(&client, action).await;
    client.kill().await?;
    done
}

async fn act(client: &Client, action: Action<'_>) -> Result<()> {
    let files = client.dispense::<FilesPlugin>(NAME).await?;
    match action {
        Action::Store { name, file, limit } => {
            let reports = Arc::new(Reports { limit, count: AtomicI64::new(0) });
            let content = ByteStream::from_reader(File::open(file).await?);
            let stored = files.store(name, content, reports.clone()).await?;
            println!("stored {stored} bytes");
            eprintln!("{} reports", reports.count.load(Ordering::Relaxed));
        }
        Action::Fetch { name } => print(files.fetch(name).await?).await?,
        Action::Request { method, path, file } => {
            let body = match file {
                Some(file) => Some(ByteStream::from_reader(File::open(file).await?)),
                None => None,
            };
            let (method, path) = (method.to_owned(), path.to_owned());
            let answer = files.handle(Request { method, path, header: BTreeMap::new(), body }).await?;
            println!("{}", answer.status);
            for (name, values) in &answer.header {
                values.iter().for_each(|value| println!("{name}: {value}"));
            }
            println!();
            print(answer.body).await?;
        }
    }
    Ok(())
}

async fn print(stream: ByteStream) -> Result<()> {
    let mut output = stdout();
    copy(&mut stream.into_reader().await?, &mut output).await?;
    Ok(output.flush().await?)
}

/// What the plugin calls back while it stores: counts, and stops it when it gets too much.
struct Reports {
    limit: i64,
    count: AtomicI64,
}

#[go_plugin::interface]
impl Progress for Reports {
    async fn stored(&self, bytes: i64) -> Result<()> {
        self.count.fetch_add(1, Ordering::Relaxed);
        if bytes > self.limit {
            return Err(Error::msg(format!("more than {} bytes", self.limit)));
        }
        Ok(())
    }
}

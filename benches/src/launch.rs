//! From nothing to the first answer of a plugin.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context, Result};

use crate::{
    data,
    measure::{Figures, Latencies},
    options::Options,
    plugin::Host,
    rpc::Echo,
};

/// Launches even if the time is over.
const AT_LEAST: usize = 5;

/// Starts a plugin, dispenses from it and makes one call, again and again; the end of the plugin is not timed.
pub async fn first_call<H: Host>(options: Options) -> Result<Figures> {
    let (begin, mut latencies) = (Instant::now(), Latencies::default());
    while begin.elapsed() < options.time || latencies.len() < AT_LEAST {
        let start = Instant::now();
        let host = H::start(options.other_end("plugin")).await?;
        host.caller().echo(data::bytes(64)).await?;
        latencies.push(start);
        host.kill().await?;
    }
    Ok(latencies.figures())
}

/// What no plugin can do without: a process, a line that says where it listens, a connection, an answer.
pub fn first_bare(options: Options) -> Result<Figures> {
    let (begin, mut latencies) = (Instant::now(), Latencies::default());
    while begin.elapsed() < options.time || latencies.len() < AT_LEAST {
        let start = Instant::now();
        let mut process = options.other_end("bare").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("a piped stdout")?).read_line(&mut line)?;
        let mut socket = UnixStream::connect(line.trim())?;
        let mut message = data::bytes(64);
        socket.write_all(&message)?;
        socket.read_exact(&mut message)?;
        latencies.push(start);
        process.wait()?;
    }
    Ok(latencies.figures())
}

/// The other end of [`first_bare`].
pub fn bare() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path)?;
    println!("{}", path.display());
    let (mut socket, _) = listener.accept()?;
    let mut message = [0; 64];
    socket.read_exact(&mut message)?;
    Ok(socket.write_all(&message)?)
}

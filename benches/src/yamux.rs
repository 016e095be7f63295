//! Sessions between two processes, and the bare Unix socket under them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use muxbroker::{Config, Session};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use crate::{
    measure::{Figures, Latencies, Stopwatch},
    options::{By, Options},
};

/// What is written and read at once: the buffer of Go's `io.Copy`.
const BLOCK: usize = 32 * 1024;

const MESSAGE: usize = 64;

/// A process at the other end of a Unix socket; it is gone when this is.
pub(crate) struct OtherEnd {
    process: std::process::Child,
    pub(crate) socket: Option<UnixStream>,
}

impl OtherEnd {
    pub(crate) async fn start(options: &Options, work: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path)?;
        let process = options.other_end(work).arg("--socket").arg(&path).spawn()?;
        let mut end = Self { process, socket: None };
        end.socket = Some(tokio::time::timeout(Duration::from_secs(10), listener.accept()).await??.0);
        Ok(end)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for OtherEnd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A stream of a session or the bare socket.
trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// `count` streams to the other end. A bare socket is one, however many are asked for.
async fn open(end: &mut OtherEnd, by: By, count: usize) -> Result<Vec<Box<dyn Pipe>>> {
    let socket = end.socket.take().context("the socket was taken")?;
    let mut streams: Vec<Box<dyn Pipe>> = Vec::new();
    match by {
        By::Raw => streams.push(Box::new(socket)),
        By::Goplugin => {
            let session = goplugin::yamux::Session::client(socket, goplugin::yamux::Config::default())?;
            for _ in 0..count {
                streams.push(Box::new(session.open().await?));
            }
        }
        _ => {
            let session = Session::client(socket, Config::default());
            for _ in 0..count {
                streams.push(Box::new(session.open().await?));
            }
        }
    }
    Ok(streams)
}

/// Connects, and serves the socket or each stream on it until the other side is gone.
async fn serve_each<Fut>(options: Options, serve: fn(Box<dyn Pipe>) -> Fut) -> Result<()>
where
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let socket = UnixStream::connect(&options.socket).await?;
    let mut serving = JoinSet::new();
    match options.by {
        By::Raw => serve(Box::new(socket)).await?,
        By::Goplugin => {
            let session = goplugin::yamux::Session::server(socket, goplugin::yamux::Config::default())?;
            while let Ok(stream) = session.accept().await {
                serving.spawn(serve(Box::new(stream)));
            }
        }
        _ => {
            let session = Session::server(socket, Config::default());
            while let Ok(stream) = session.accept().await {
                serving.spawn(serve(Box::new(stream)));
            }
        }
    }
    Ok(())
}

/// Writes on `streams` streams at once for as long as asked, to where everything is read.
pub async fn throughput(options: Options, streams: usize) -> Result<Figures> {
    let mut end = OtherEnd::start(&options, "yamux-sink").await?;
    let streams = open(&mut end, options.by, streams).await?;
    let watch = Stopwatch::start(end.id())?;
    let mut writers = JoinSet::new();
    streams.into_iter().for_each(|stream| drop(writers.spawn(write(stream, options.time))));
    let mut bytes = 0;
    while let Some(written) = writers.join_next().await {
        bytes += written??;
    }
    watch.figures("mib_per_second", bytes as f64 / f64::from(1 << 20), bytes as f64 / BLOCK as f64)
}

/// Writes, finishes, and waits for the count of what has arrived.
async fn write(mut stream: Box<dyn Pipe>, time: Duration) -> Result<u64> {
    let (block, start, mut written) = (vec![7; BLOCK], Instant::now(), 0);
    while start.elapsed() < time {
        stream.write_all(&block).await?;
        written += BLOCK as u64;
    }
    stream.shutdown().await?;
    let arrived = stream.read_u64().await?;
    ensure!(arrived == written, "{written} bytes were written, {arrived} arrived");
    Ok(written)
}

/// The other end of [`throughput`].
pub async fn sink(options: Options) -> Result<()> {
    serve_each(options, read).await
}

async fn read(mut stream: Box<dyn Pipe>) -> Result<()> {
    let (mut block, mut arrived) = (vec![0; BLOCK], 0);
    loop {
        match stream.read(&mut block).await? {
            0 => break,
            n => arrived += n as u64,
        }
    }
    stream.write_u64(arrived).await?;
    Ok(stream.shutdown().await?)
}

/// Sends a small message to and fro on one stream.
pub async fn pingpong(options: Options) -> Result<Figures> {
    let mut end = OtherEnd::start(&options, "yamux-echo").await?;
    let mut streams = open(&mut end, options.by, 1).await?;
    let stream = &mut streams[0];
    let (mut message, begin, mut latencies) = ([7; MESSAGE], Instant::now(), Latencies::default());
    while begin.elapsed() < options.time {
        let start = Instant::now();
        stream.write_all(&message).await?;
        stream.read_exact(&mut message).await?;
        latencies.push(start);
    }
    Ok(latencies.figures())
}

/// The other end of [`pingpong`].
pub async fn echo(options: Options) -> Result<()> {
    serve_each(options, answer).await
}

async fn answer(mut stream: Box<dyn Pipe>) -> Result<()> {
    let mut message = [0; MESSAGE];
    while stream.read_exact(&mut message).await.is_ok() {
        stream.write_all(&message).await?;
    }
    Ok(())
}

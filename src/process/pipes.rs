//! A plugin's standard output and standard error: always drained, whatever comes and whoever is slow.

use super::{
    Exit, ExitWatch,
    handover::{Asked, Handover},
    tail::{Remembering, Tail},
};
use crate::{logs::PluginLog, net::WriteHalf};
use std::{
    ops::ControlFlow,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

/// Longest first line: what Go's line reader takes. With a certificate the real ones have about 900 bytes.
pub(crate) const MAX_LINE: usize = 64 << 10;

/// How long the pipes of an ended process are still read. What the process itself wrote is there at once; only
/// a grandchild that keeps a pipe open makes us wait, and then this long.
pub(crate) const DRAIN_GRACE: Duration = Duration::from_millis(500);

/// How long to wait for the exit of a process that has closed its standard output without a line: nearly
/// always it has just ended, and then that is the news.
const EXIT_GRACE: Duration = Duration::from_millis(500);

/// What a raw writer may fall behind before it loses output.
const RAW_QUEUE: usize = 1 << 20;

/// One read. The pipe itself holds 64 KiB on Linux; two of these per plugin stay allocated.
const CHUNK: usize = 8 << 10;

/// Takes the bytes of a plugin's standard error, in pieces of any size. Runs on the reading task: must not block.
pub(crate) trait Sink: Send {
    fn bytes(&mut self, chunk: &[u8]);
    /// No more will come.
    fn end(&mut self);
}

impl Sink for PluginLog {
    fn bytes(&mut self, chunk: &[u8]) {
        self.feed(chunk);
    }

    fn end(&mut self) {
        self.finish();
    }
}

/// What the wait for the handshake line came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstLine {
    /// The first line without its newline; or what stood there without one when the output ended, as in Go.
    Line(Vec<u8>),
    /// More than [`MAX_LINE`] bytes without a newline; these are its first ones.
    TooLong(Vec<u8>),
    /// Standard output was closed without a line, and the process lives on.
    Closed,
    /// The process ended without a line.
    Exited(Exit),
    /// Nothing of this happened in time.
    TimedOut,
}

/// The waiting end of a plugin's standard output.
pub(crate) struct Stdout {
    line: oneshot::Receiver<Option<FirstLine>>,
    exit: ExitWatch,
}

impl Stdout {
    /// Waits for the handshake line. A line counts even if the process has ended since.
    /// Cancel safe: dropping the future gives up the line, the output is still drained.
    pub(crate) async fn first_line(self, limit: Duration) -> FirstLine {
        let line = match timeout(limit, self.line).await {
            Err(_) => return FirstLine::TimedOut,
            Ok(line) => line.ok().flatten(),
        };
        if let Some(line) = line {
            return line;
        }
        match timeout(EXIT_GRACE, self.exit.exited()).await {
            Ok(exit) => FirstLine::Exited(exit),
            Err(_) => FirstLine::Closed,
        }
    }
}

/// What is to be had of a plugin's standard streams.
pub(super) struct Watched {
    pub(super) stdout: Stdout,
    pub(super) last_words: Tail,
    pub(super) stdio: Option<Handover>,
}

/// Starts the tasks that read a plugin's output until its end; with a `stdin` until standard output becomes the connection.
pub(super) fn watch(
    stdout: impl AsyncRead + Send + Unpin + 'static,
    stderr: impl AsyncRead + Send + Unpin + 'static,
    stdin: Option<WriteHalf>,
    exit: &ExitWatch,
    tasks: &TaskTracker,
    logs: impl Sink + 'static,
    raw: Option<Box<dyn AsyncWrite + Send + Unpin>>,
) -> Watched {
    let (line, first_line) = oneshot::channel();
    let last_words = Tail::default();
    let logs = Remembering { sink: logs, tail: last_words.clone() };
    let (stdio, asked) = stdin.map(Handover::new).unzip();
    tasks.spawn(drain_stdout(stdout, exit.clone(), line, asked));
    tasks.spawn(drain_stderr(stderr, exit.clone(), logs, raw));
    Watched { stdout: Stdout { line: first_line, exit: exit.clone() }, last_words, stdio }
}

/// Hands out the first line, then reads and throws away for ever, unless what follows is `asked` for: a plugin whose pipe is
/// full hangs in its print.
async fn drain_stdout(
    mut from: impl AsyncRead + Send + Unpin + 'static,
    exit: ExitWatch,
    line: oneshot::Sender<Option<FirstLine>>,
    asked: Option<Asked>,
) {
    let (mut start, mut found) = (Vec::new(), None);
    let mut rest = Vec::new();
    pump(&mut from, &exit, |chunk| {
        let seen = start.len();
        start.extend_from_slice(&chunk[..chunk.len().min(MAX_LINE + 1 - seen)]);
        found = match start[seen..].iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                start.truncate(seen + end);
                rest.extend_from_slice(&chunk[end + 1..]);
                Some(FirstLine::Line(std::mem::take(&mut start)))
            }
            None if start.len() > MAX_LINE => Some(FirstLine::TooLong(std::mem::take(&mut start))),
            None => None,
        };
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await;
    let _ = line.send(found.or_else(|| (!start.is_empty()).then_some(FirstLine::Line(start))));
    let left = match asked {
        Some(asked) => asked.give(rest, from).await,
        None => Some(from),
    };
    if let Some(from) = left {
        pump(from, &exit, |_| ControlFlow::Continue(())).await;
    }
}

/// Gives every byte to the sink and, as far as it keeps up, to the raw writer.
async fn drain_stderr(
    from: impl AsyncRead + Unpin,
    exit: ExitWatch,
    mut logs: impl Sink,
    raw: Option<Box<dyn AsyncWrite + Send + Unpin>>,
) {
    let Some(raw) = raw else {
        let each = |chunk: &[u8]| {
            logs.bytes(chunk);
            ControlFlow::Continue(())
        };
        pump(from, &exit, each).await;
        return logs.end();
    };
    let (queue, waiting) = mpsc::unbounded_channel::<Vec<u8>>();
    let queued = AtomicUsize::new(0);
    let reading = async {
        let (queue, mut behind) = (queue, false);
        pump(from, &exit, |chunk| {
            logs.bytes(chunk);
            let overflow = queued.load(Relaxed) + chunk.len() > RAW_QUEUE;
            if overflow && !behind {
                tracing::warn!(
                    limit = RAW_QUEUE,
                    "writer for plugin stderr does not keep up, output is lost"
                );
            }
            behind = overflow;
            if !overflow && queue.send(chunk.to_vec()).is_ok() {
                queued.fetch_add(chunk.len(), Relaxed);
            }
            ControlFlow::Continue(())
        })
        .await;
        logs.end();
    };
    let (mut reading, mut writing) = (pin!(reading), pin!(write_queue(raw, waiting, &queued)));
    tokio::select! {
        () = &mut reading => drop(timeout(DRAIN_GRACE, writing).await),
        () = &mut writing => reading.await, // it failed; the plugin must not notice
    }
}

async fn write_queue(
    mut to: Box<dyn AsyncWrite + Send + Unpin>,
    mut waiting: mpsc::UnboundedReceiver<Vec<u8>>,
    queued: &AtomicUsize,
) {
    while let Some(chunk) = waiting.recv().await {
        let written = to.write_all(&chunk).await;
        queued.fetch_sub(chunk.len(), Relaxed);
        if let Err(error) = written {
            return tracing::warn!(%error, "writer for plugin stderr failed, it gets no more output");
        }
    }
    let _ = to.flush().await;
}

/// Reads until the end, until [`DRAIN_GRACE`] after the process has ended, or until `each` has enough.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    exit: &ExitWatch,
    mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
) {
    let mut over = pin!(async {
        exit.exited().await;
        sleep(DRAIN_GRACE).await;
    });
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            () = &mut over => return,
            read = from.read(&mut buffer) => read,
        };
        let enough = match read {
            Ok(0) => return,
            Ok(length) => each(&buffer[..length]).is_break(),
            Err(error) => return tracing::debug!(%error, "reading plugin output failed"),
        };
        if enough {
            return;
        }
    }
}

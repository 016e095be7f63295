//! A network that takes its time.

use std::{io, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// Chunks of up to 64 KiB that may be on their way at once in one direction: 4 MiB, a long fat pipe.
const IN_FLIGHT: usize = 64;

/// Forwards the connections of one Unix socket to another; every byte arrives `delay` later, in both directions.
///
/// Later, not slower: a chunk does not wait for the one before it, so that round trips get long and throughput stays.
/// Stops when dropped.
pub struct DelayProxy {
    accepting: JoinHandle<()>,
}

impl DelayProxy {
    /// Listens on `front` and connects to `back` for every connection that comes.
    ///
    /// # Panics
    ///
    /// When `front` cannot be bound.
    pub fn new(front: &Path, back: &Path, delay: Duration) -> DelayProxy {
        let listener =
            UnixListener::bind(front).unwrap_or_else(|e| panic!("cannot bind {}: {e}", front.display()));
        let back = back.to_path_buf();
        let accepting = tokio::spawn(async move {
            // Ends with the runtime of the test at the latest; each forward ends with its sockets.
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = UnixStream::connect(&back).await else { return };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(forward(near_in, far_out, delay));
                tokio::spawn(forward(far_in, near_out, delay));
            }
        });
        DelayProxy { accepting }
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) -> io::Result<()> {
    let (sender, mut chunks) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let reader = tokio::spawn(async move {
        loop {
            let mut chunk = Vec::with_capacity(64 << 10);
            let read = from.read_buf(&mut chunk).await;
            // An empty chunk stands for the end, which travels as slowly as everything else.
            let ended = !matches!(read, Ok(1..));
            if sender.send((Instant::now() + delay, chunk)).await.is_err() || ended {
                return;
            }
        }
    });
    while let Some((due, chunk)) = chunks.recv().await {
        sleep_until(due).await;
        if chunk.is_empty() {
            break;
        }
        if to.write_all(&chunk).await.is_err() {
            break;
        }
    }
    reader.abort();
    to.shutdown().await
}

//! A network that takes its time.

use std::{io, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Chunks of up to 64 KiB that may be on their way at once in one direction: 4 MiB, a long fat pipe.
const IN_FLIGHT: usize = 64;

/// Forwards one connection of the Unix socket `front` to `back`; every byte arrives `delay` later, in both directions.
///
/// Later, not slower: a chunk does not wait for the one before it, so that round trips get long and throughput stays.
/// The tasks behind this end with the connection, or with the runtime of the test.
///
/// # Panics
///
/// When `front` cannot be bound.
pub(crate) fn delay_one_connection(front: &Path, back: &Path, delay: Duration) {
    let listener =
        UnixListener::bind(front).unwrap_or_else(|e| panic!("cannot bind {}: {e}", front.display()));
    let back = back.to_path_buf();
    tokio::spawn(async move {
        let (near, _) = listener.accept().await?;
        let far = UnixStream::connect(&back).await?;
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let directions = tokio::join!(forward(near_in, far_out, delay), forward(far_in, near_out, delay));
        directions.0.and(directions.1)
    });
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

//! Readers and writers carried to the other side.
#![allow(clippy::unwrap_used)]

mod common;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use common::{pair, pattern, within};
use muxbroker::{Error, MuxBroker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

fn brokers() -> (MuxBroker, MuxBroker) {
    let (client, server) = pair();
    (MuxBroker::new(client), MuxBroker::new(server))
}

/// Keeps what is written, and whether it was shut down; fails beyond `room`.
#[derive(Clone, Default)]
struct Store {
    kept: Arc<Mutex<(Vec<u8>, bool)>>,
    room: usize,
}

impl AsyncWrite for Store {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut kept = self.kept.lock().unwrap();
        if kept.0.len() + buf.len() > self.room {
            return Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
        }
        kept.0.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.kept.lock().unwrap().1 = true;
        Poll::Ready(Ok(()))
    }
}

/// Some bytes, then an error.
struct Failing(usize);

impl AsyncRead for Failing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::Error::other("disk on fire")));
        }
        let n = self.0.min(buf.remaining());
        buf.put_slice(&vec![1; n]);
        self.0 -= n;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn reader_is_read_on_the_other_side_to_its_end() {
    let (host, plugin) = brokers();
    let data = pattern(1_000_000);
    let serving = host.send_reader(std::io::Cursor::new(data.clone()));
    let mut reader = within(plugin.receive_reader(serving.id())).await.unwrap();
    let mut got = Vec::new();
    within(reader.read_to_end(&mut got)).await.unwrap();
    assert!(got == data);
    drop(reader);
    within(serving.join()).await.unwrap();
}

#[tokio::test]
async fn what_is_carried_crosses_in_frames_as_large_as_they_can_be() {
    let (host, plugin) = brokers();
    let serving = host.send_reader(std::io::Cursor::new(pattern(200_000)));
    let mut reader = within(plugin.receive_reader(serving.id())).await.unwrap();
    assert_eq!(within(reader.read_to_end(&mut Vec::new())).await.unwrap(), 200_000);
    // The answer to the dial, three times 64 KiB, and the rest.
    assert_eq!(host.session().stats().frames_sent, 5);
}

#[tokio::test]
async fn failing_reader_is_not_taken_for_its_end() {
    let (host, plugin) = brokers();
    let serving = host.send_reader(Failing(1000));
    let mut reader = within(plugin.receive_reader(serving.id())).await.unwrap();
    let mut got = Vec::new();
    let error = within(reader.read_to_end(&mut got)).await.unwrap_err();
    assert!(Error::from_io(&error).unwrap().is_reset());
    assert_eq!(got, [1; 1000]);
    let error = within(serving.join()).await.unwrap_err();
    assert!(error.is_carried() && !error.is_session_over());
    assert_eq!(error.to_string(), "carried stream: disk on fire");
}

#[tokio::test]
async fn reader_dropped_on_the_other_side_stops_even_a_source_that_says_nothing() {
    let (host, plugin) = brokers();
    let (_silent, source) = tokio::io::duplex(64);
    let serving = host.send_reader(source);
    drop(within(plugin.receive_reader(serving.id())).await.unwrap());
    assert!(within(serving.join()).await.unwrap_err().is_reset());
}

#[tokio::test]
async fn writer_stores_everything_before_shutdown_returns() {
    let (host, plugin) = brokers();
    let store = Store { room: usize::MAX, ..Store::default() };
    let serving = host.send_writer(store.clone());
    let mut writer = within(plugin.receive_writer(serving.id())).await.unwrap();
    let data = pattern(1_000_000);
    within(async {
        writer.write_all(&data).await.unwrap();
        writer.flush().await.unwrap();
        writer.shutdown().await.unwrap();
    })
    .await;
    let (kept, shut_down) = &*store.kept.lock().unwrap();
    assert!(*kept == data && *shut_down);
}

#[tokio::test]
async fn failing_writer_fails_the_other_sides_writes() {
    let (host, plugin) = brokers();
    let serving = host.send_writer(Store { room: 100_000, ..Store::default() });
    let mut writer = within(plugin.receive_writer(serving.id())).await.unwrap();
    let error = within(async {
        writer.write_all(&pattern(1_000_000)).await?;
        writer.shutdown().await
    })
    .await
    .unwrap_err();
    assert!(Error::from_io(&error).unwrap().is_reset());
    let error = within(serving.join()).await.unwrap_err();
    assert!(error.is_carried());
    let source = std::error::Error::source(&error).unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
}

#[tokio::test]
async fn stream_that_breaks_off_does_not_shut_the_writer_down() {
    let (host, plugin) = brokers();
    let store = Store { room: usize::MAX, ..Store::default() };
    let serving = host.send_writer(store.clone());
    let mut stream = within(plugin.dial(serving.id())).await.unwrap();
    stream.write_all(b"half of it").await.unwrap();
    within(async {
        while store.kept.lock().unwrap().0.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stream.reset();
    assert!(within(serving.join()).await.unwrap_err().is_reset());
    assert!(!store.kept.lock().unwrap().1, "it was not all");
}

#[tokio::test(start_paused = true)]
async fn shutdown_of_a_writer_that_stores_for_ever_has_a_deadline() {
    let (host, plugin) = brokers();
    let serving = host.accept_and_serve(host.next_id(), |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let mut writer = plugin.receive_writer(serving.id()).await.unwrap();
    let before = tokio::time::Instant::now();
    let error = writer.shutdown().await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed().as_secs()), (io::ErrorKind::TimedOut, 30));
    assert!(Error::from_io(&error).unwrap().is_timeout());
}

#[tokio::test]
async fn carried_stream_ends_with_the_session() {
    let (host, plugin) = brokers();
    let serving = host.send_reader(tokio::io::repeat(1));
    let mut reader = within(plugin.receive_reader(serving.id())).await.unwrap();
    within(reader.read_exact(&mut [0; 1000])).await.unwrap();
    within(host.session().close()).await;
    assert!(within(serving.join()).await.unwrap_err().is_local_closed());
    let error = within(tokio::io::copy(&mut reader, &mut tokio::io::sink())).await.unwrap_err();
    assert!(Error::from_io(&error).unwrap().is_remote_closed());
}

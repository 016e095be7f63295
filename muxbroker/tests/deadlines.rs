//! What Go does with `SetReadDeadline`, `SetWriteDeadline` and the connection write timeout.
//!
//! A deadline is `tokio::time::timeout` around a read or write, and may be changed while it runs like any other
//! future (`Sleep::reset`). Reads and writes are cancel safe, so that the stream can be used afterwards.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::pair;
use common::scripted::client_and_script_over;
use muxbroker::{Config, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};

#[tokio::test(start_paused = true)]
async fn read_past_its_deadline_times_out_and_loses_nothing() {
    let (client, server) = pair();
    let mut ours = client.open().await.unwrap();
    let mut theirs = server.accept().await.unwrap();
    let mut buffer = [0; 4];
    for _ in 0..3 {
        let error = timeout(Duration::from_millis(5), ours.read(&mut buffer)).await.unwrap_err();
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::TimedOut);
    }
    theirs.write_all(b"late").await.unwrap();
    ours.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"late");
}

#[tokio::test(start_paused = true)]
async fn deadline_set_while_a_read_waits_ends_it() {
    let (client, server) = pair();
    let mut ours = client.open().await.unwrap();
    let _theirs = server.accept().await.unwrap();
    let (set, deadline) = tokio::sync::oneshot::channel::<Instant>();
    let reading = tokio::spawn(async move {
        let mut buffer = [0; 4];
        let expired = async { tokio::time::sleep_until(deadline.await.unwrap()).await };
        tokio::select! {
            read = ours.read(&mut buffer) => panic!("read {read:?}"),
            () = expired => Instant::now(),
        }
    });
    sleep(Duration::from_secs(5)).await;
    let at = Instant::now() + Duration::from_millis(5);
    set.send(at).unwrap();
    assert_eq!(reading.await.unwrap(), at);
}

#[tokio::test(start_paused = true)]
async fn write_past_its_deadline_with_the_window_used_up_times_out() {
    let (client, server) = pair();
    let mut ours = client.open().await.unwrap();
    let mut theirs = server.accept().await.unwrap();
    let deadline = Instant::now() + Duration::from_millis(50);
    let mut written = 0;
    while let Ok(n) = timeout_at(deadline, ours.write(&[7; 512])).await {
        written += n.unwrap();
    }
    assert_eq!((written, Instant::now()), (256 * 1024, deadline));
    // What was written is there, and only that.
    drop(ours);
    let mut got = Vec::new();
    theirs.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), written);
}

#[tokio::test(start_paused = true)]
async fn deadline_set_while_a_write_waits_ends_it() {
    let (client, server) = pair();
    let mut ours = client.open().await.unwrap();
    let _theirs = server.accept().await.unwrap();
    let (set, deadline) = tokio::sync::oneshot::channel::<Instant>();
    let writing = tokio::spawn(async move {
        let expired = async { tokio::time::sleep_until(deadline.await.unwrap()).await };
        tokio::select! {
            written = ours.write_all(&[0; 300_000]) => panic!("wrote {written:?}"),
            () = expired => Instant::now(),
        }
    });
    sleep(Duration::from_secs(5)).await;
    let at = Instant::now() + Duration::from_millis(5);
    set.send(at).unwrap();
    assert_eq!(writing.await.unwrap(), at);
}

/// A connection that takes 1 KiB and then nothing, and no keepalive that would end the session first.
fn stuck() -> Config {
    Config { keepalive_interval: None, stream_open_timeout: None, ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn write_on_a_stuck_connection_times_out_having_sent_nothing() {
    let (session, peer) = client_and_script_over(1024, stuck());
    let mut filler = (session.open().await.unwrap(), session.open().await.unwrap());
    filler.0.write_all(&[0; 2000]).await.unwrap();
    common::until(|| session.stats().queued == 0).await;
    filler.1.write_all(&vec![0; 256 * 1024]).await.unwrap();
    let mut stream = session.open().await.unwrap();
    let (before, sent) = (Instant::now(), session.stats().bytes_sent);
    let error = stream.write(b"hello").await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 10);
    assert_eq!(session.stats().bytes_sent, sent);
    assert_eq!(error.to_string(), "connection write timeout");
    assert!(Error::from_io(&error).unwrap().is_write_timeout());
    // Session and stream live on.
    assert!(session.close_reason().is_none());
    let mut peer = peer;
    let (written, ()) = tokio::join!(stream.write_all(b"hello"), async {
        for header in [1, 3] {
            peer.expect_syn(header).await;
        }
        peer.expect_data(1, &[0; 2000]).await;
        for _ in 0..4 {
            peer.expect_data(3, &[0; 64 * 1024]).await;
        }
        peer.expect_syn(5).await;
        peer.expect_data(5, b"hello").await;
    });
    written.unwrap();
}

#[tokio::test(start_paused = true)]
async fn small_frames_are_queued_on_a_stuck_connection_without_waiting() {
    let (session, mut peer) = client_and_script_over(1024, stuck());
    let mut stream = session.open().await.unwrap();
    stream.write_all(&vec![0; 256 * 1024]).await.unwrap();
    let before = Instant::now();
    // Opening, accepting, finishing and granting credit never stand in line.
    let second = session.open().await.unwrap();
    drop(second);
    peer.send_data(2, muxbroker::yamux::Flags::SYN, &[0; 200 * 1024]).await;
    let mut theirs = common::within(session.accept()).await.unwrap();
    theirs.read_exact(&mut [0; 200 * 1024]).await.unwrap();
    theirs.shutdown().await.unwrap();
    session.go_away();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn write_timeout_can_be_switched_off() {
    let config = Config { connection_write_timeout: None, ..stuck() };
    let (session, _peer) = client_and_script_over(1024, config);
    let mut stream = session.open().await.unwrap();
    stream.write_all(&vec![0; 256 * 1024]).await.unwrap();
    let mut second = session.open().await.unwrap();
    second.write_all(&vec![0; 256 * 1024]).await.unwrap();
    let mut third = session.open().await.unwrap();
    assert!(timeout(Duration::from_secs(86_400), third.write_all(&[0; 1000])).await.is_err());
}

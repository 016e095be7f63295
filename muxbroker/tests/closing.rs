//! How streams end: half-close, drop, close timeout, reset.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::ErrorKind;
use std::time::Duration;

use common::scripted::client_and_script;
use common::{pair, pair_over, pattern, until, within};
use muxbroker::yamux::Flags;
use muxbroker::{Config, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

#[tokio::test]
async fn closed_side_reads_what_the_peer_sends_and_then_eof() {
    let (client, server) = pair();
    within(async {
        let mut ours = client.open().await.unwrap();
        ours.write_all(b"a").await.unwrap();
        let mut theirs = server.accept().await.unwrap();
        theirs.shutdown().await.unwrap(); // half-closed
        assert_eq!(theirs.read_u8().await.unwrap(), b'a');
        for _ in 0..10 {
            ours.write_all(b"bcd").await.unwrap();
        }
        ours.shutdown().await.unwrap();
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"bcd".repeat(10));
        assert_eq!(ours.read(&mut [0; 4]).await.unwrap(), 0);
    })
    .await;
    until(|| client.num_streams() == 0 && server.num_streams() == 0).await;
}

#[tokio::test]
async fn fin_is_sent_once_however_often_the_stream_is_closed() {
    let (session, mut peer) = client_and_script(Config::default());
    let mut stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    stream.shutdown().await.unwrap();
    stream.shutdown().await.unwrap();
    let (read, mut write) = stream.into_split();
    write.shutdown().await.unwrap();
    drop(write);
    drop(read);
    peer.expect_fin(1).await;
    peer.expect_silence().await;
}

#[tokio::test]
async fn dropped_write_half_finishes_its_direction() {
    let (client, server) = pair();
    within(async {
        let (mut read, write) = client.open().await.unwrap().into_split();
        let mut theirs = server.accept().await.unwrap();
        drop(write);
        assert_eq!(theirs.read(&mut [0; 4]).await.unwrap(), 0);
        theirs.write_all(b"answer").await.unwrap();
        drop(theirs);
        let mut got = String::new();
        read.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "answer");
    })
    .await;
}

#[tokio::test]
async fn data_written_before_drop_arrives() {
    let (client, server) = pair_over(1024, Config::default(), Config::default());
    let data = pattern(200 * 1024);
    let mut ours = within(client.open()).await.unwrap();
    within(ours.write_all(&data)).await.unwrap();
    drop(ours);
    let mut got = Vec::new();
    let mut theirs = within(server.accept()).await.unwrap();
    within(theirs.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, data);
}

#[tokio::test(start_paused = true)]
async fn stream_the_peer_never_finishes_is_reset_after_the_close_timeout() {
    let (client, server) = pair();
    let mut kept = client.open().await.unwrap();
    drop(server.accept().await.unwrap());
    assert_eq!(kept.read(&mut [0; 4]).await.unwrap(), 0, "FIN of the dropped stream");
    assert_eq!((client.num_streams(), server.num_streams()), (1, 1));
    sleep(Duration::from_secs(299)).await;
    assert_eq!((client.num_streams(), server.num_streams()), (1, 1));
    sleep(Duration::from_secs(2)).await;
    assert_eq!((client.num_streams(), server.num_streams()), (0, 0));
    let error = kept.write(b"hello").await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::ConnectionReset, "connection reset"));
    assert!(Error::from_io(&error).unwrap().is_reset());
}

#[tokio::test(start_paused = true)]
async fn half_closed_stream_that_is_still_read_is_not_reset() {
    let (client, server) = pair();
    let mut ours = client.open().await.unwrap();
    let mut theirs = server.accept().await.unwrap();
    ours.shutdown().await.unwrap();
    sleep(Duration::from_secs(3600)).await;
    theirs.write_all(b"a slow answer").await.unwrap();
    drop(theirs);
    let mut got = String::new();
    ours.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, "a slow answer");
}

#[tokio::test(start_paused = true)]
async fn close_timeout_can_be_switched_off() {
    let config = Config { stream_close_timeout: None, ..Config::default() };
    let (client, server) = pair_over(1024, config.clone(), config);
    let _kept = client.open().await.unwrap();
    drop(server.accept().await.unwrap());
    sleep(Duration::from_secs(86_400)).await;
    assert_eq!((client.num_streams(), server.num_streams()), (1, 1));
}

#[tokio::test]
async fn reset_fails_reads_and_writes_of_both_sides_and_frees_the_stream() {
    let (client, server) = pair();
    within(async {
        let ours = client.open().await.unwrap();
        let mut theirs = server.accept().await.unwrap();
        ours.reset();
        let error = theirs.read(&mut [0; 4]).await.unwrap_err();
        assert!(Error::from_io(&error).unwrap().is_reset());
        assert!(Error::from_io(&theirs.write(b"x").await.unwrap_err()).unwrap().is_reset());
        assert_eq!((client.num_streams(), server.num_streams()), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn data_that_arrived_before_a_reset_can_be_read() {
    let (session, mut peer) = client_and_script(Config::default());
    let mut stream = session.open().await.unwrap();
    peer.send_data(1, Flags::ACK, b"all there is").await;
    peer.rst(1).await;
    until(|| session.num_streams() == 0).await;
    let mut got = Vec::new();
    let error = within(stream.read_to_end(&mut got)).await.unwrap_err();
    assert_eq!(got, b"all there is");
    assert!(Error::from_io(&error).unwrap().is_reset());
}

#[tokio::test]
async fn reset_wakes_a_blocked_reader_and_a_blocked_writer() {
    let (session, mut peer) = client_and_script(Config::default());
    let stream = session.open().await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let reading = tokio::spawn(async move { read.read_u8().await.unwrap_err() });
    let writing = tokio::spawn(async move { write.write_all(&vec![0; 300 * 1024]).await.unwrap_err() });
    until(|| session.stats().bytes_sent == 256 * 1024).await;
    peer.rst(1).await;
    for task in [reading, writing] {
        let error = within(task).await.unwrap();
        assert!(Error::from_io(&error).unwrap().is_reset());
    }
    assert!(session.close_reason().is_none());
}

#[tokio::test]
async fn shutdown_wakes_a_writer_that_waits_for_credit() {
    let (session, _peer) = client_and_script(Config::default());
    let mut stream = session.open().await.unwrap();
    stream.write_all(&vec![0; 256 * 1024]).await.unwrap();
    assert!(timeout(Duration::from_millis(10), stream.write(b"x")).await.is_err());
    stream.shutdown().await.unwrap();
    let error = within(stream.write(b"x")).await.unwrap_err();
    assert!(Error::from_io(&error).unwrap().is_stream_closed());
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn reused_id_does_not_reach_the_old_handle() {
    let (session, mut peer) = client_and_script(Config::default());
    peer.send_data(2, Flags::SYN, b"first").await;
    let mut first = within(session.accept()).await.unwrap();
    peer.rst(2).await;
    peer.send_data(2, Flags::SYN, b"second").await;
    let mut second = within(session.accept()).await.unwrap();
    let mut rest = Vec::new();
    within(first.read_to_end(&mut rest)).await.unwrap_err();
    assert_eq!(rest, b"first");
    drop(first);
    let mut got = [0; 6];
    within(second.read_exact(&mut got)).await.unwrap();
    assert_eq!(&got, b"second");
    assert_eq!(session.num_streams(), 1);
}

#[tokio::test(start_paused = true)]
async fn peer_that_never_finishes_dropped_streams_leaves_a_bounded_number_behind() {
    let config = Config { keepalive_interval: None, stream_close_timeout: None, ..Config::default() };
    let (session, peer) = client_and_script(config);
    let (mut reader, mut writer) = tokio::io::split(peer.io);
    let sink = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    let opening = tokio::spawn(async move {
        for n in 0..40_000u32 {
            let syn = muxbroker::yamux::Header::window_update(2 * n + 2, Flags::SYN, 0);
            writer.write_all(&syn.encode()).await.unwrap();
            if n % 100 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
        writer
    });
    let before = Instant::now();
    for _ in 0..40_000 {
        drop(session.accept().await.unwrap());
    }
    assert!(before.elapsed() < Duration::from_secs(60));
    assert_eq!(session.num_streams(), 16 * 1024);
    drop(opening.await.unwrap());
    drop(session);
    sink.await.unwrap().unwrap();
}

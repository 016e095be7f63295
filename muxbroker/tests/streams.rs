//! Opening, accepting and using streams.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::IoSlice;
use std::time::Duration;

use common::scripted::{Scripted, client_and_script};
use common::{pair, pair_over, pattern, until, within};
use futures_util::FutureExt;
use muxbroker::yamux::{Flags, Header};
use muxbroker::{Config, Session};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

#[tokio::test]
async fn client_ids_are_odd_and_server_ids_even() {
    let (client, server) = pair();
    let (a, b, c, d) =
        within(async { tokio::join!(client.open(), server.open(), client.accept(), server.accept()) }).await;
    assert_eq!((a.unwrap().id(), b.unwrap().id(), c.unwrap().id(), d.unwrap().id()), (1, 2, 2, 1));
    assert_eq!(within(client.open()).await.unwrap().id(), 3);
    assert_eq!(within(server.open()).await.unwrap().id(), 4);
}

#[tokio::test]
async fn what_is_printed_of_sessions_and_streams_says_which_they_are() {
    let (client, _server) = pair();
    within(client.open()).await.unwrap();
    let stream = within(client.open()).await.unwrap();
    assert_eq!(format!("{stream:?}"), "Stream { id: 3, .. }");
    let (read, write) = stream.into_split();
    assert_eq!((read.id(), write.id()), (3, 3));
    assert_eq!(format!("{read:?} {write:?}"), "ReadHalf { id: 3, .. } WriteHalf { id: 3, .. }");
    let printed = format!("{client:?}");
    assert!(printed.starts_with("Session { stats: Stats { streams: "), "{printed}");
    assert!(printed.contains("streams_opened: 2,") && printed.ends_with("closed: None }"), "{printed}");
    let printed = format!("{:?}", muxbroker::MuxBroker::new(client));
    assert!(printed.starts_with("MuxBroker { session: Session { "), "{printed}");
}

#[tokio::test]
async fn pieces_that_are_written_at_once_are_one_frame() {
    let (session, mut peer) = client_and_script(Config::default());
    let mut stream = within(session.open()).await.unwrap();
    peer.expect_syn(1).await;
    let pieces = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert!(stream.is_write_vectored());
    assert_eq!(stream.write_vectored(&pieces).await.unwrap(), 5);
    peer.expect_data(1, b"abcde").await;
    let (_read, mut write) = stream.into_split();
    assert!(write.is_write_vectored());
    assert_eq!(write.write_vectored(&pieces).await.unwrap(), 5);
    peer.expect_data(1, b"abcde").await;
}

/// How many bytes of a message, its header included, the peer has before any other task has run.
fn sent_at_once(stream: &mut muxbroker::Stream, peer: &mut Scripted, payload: usize) -> usize {
    let written = stream.write(&vec![0; payload]).now_or_never().expect("there is credit");
    assert_eq!(written.unwrap(), payload);
    let arrived = peer.io.read(&mut vec![0; 64 * 1024]).now_or_never();
    arrived.map_or(0, |read| read.unwrap())
}

#[tokio::test]
async fn the_task_that_writes_sends_what_is_small_once_for_each_time_that_the_peer_was_heard() {
    const HEADER: usize = muxbroker::yamux::HEADER_LEN;
    let (session, mut peer) = client_and_script(Config::default());
    let mut stream = within(session.open()).await.unwrap();
    peer.expect_syn(1).await;
    for (heard, payload, sends) in [
        (true, 100, true),
        (false, 100, false),
        (true, 16 * 1024 - HEADER, true),
        (true, 16 * 1024 - HEADER + 1, false),
    ] {
        if heard {
            let frames = session.stats().frames_received;
            peer.send(Header::window_update(1, Flags::NONE, 1)).await;
            until(|| session.stats().frames_received > frames).await;
        }
        let sent = sent_at_once(&mut stream, &mut peer, payload);
        assert_eq!(sent, if sends { HEADER + payload } else { 0 }, "{payload} bytes, heard: {heard}");
        // What this task did not send, the session's own does.
        peer.payload(HEADER + payload - sent).await;
    }
}

/// The task that writes sends, too, as far as the connection takes it; the writer task sends the rest.
#[tokio::test]
async fn messages_cross_a_connection_that_takes_a_few_bytes_at_a_time() {
    for capacity in [1, 5, 12, 13, 40] {
        let (client, server) = pair_over(capacity, Config::default(), Config::default());
        let answers = async {
            let mut stream = server.accept().await.unwrap();
            let mut message = [0; 30];
            for _ in 0..20 {
                stream.read_exact(&mut message).await.unwrap();
                stream.write_all(&message).await.unwrap();
            }
        };
        let calls = async {
            let mut stream = client.open().await.unwrap();
            for n in 0..20 {
                let (sent, mut received) = ([n; 30], [0; 30]);
                stream.write_all(&sent).await.unwrap();
                stream.read_exact(&mut received).await.unwrap();
                assert_eq!(received, sent);
            }
        };
        within(async { tokio::join!(answers, calls) }).await;
    }
}

#[tokio::test]
async fn four_byte_writes_arrive_in_order_and_both_stream_tables_end_empty() {
    let (client, server) = pair();
    let reader = async {
        let mut stream = server.accept().await.unwrap();
        let mut buf = [0; 4];
        for n in 0..1000u32 {
            stream.read_exact(&mut buf).await.unwrap();
            assert_eq!(u32::from_be_bytes(buf), n);
        }
    };
    let writer = async {
        let mut stream = client.open().await.unwrap();
        for n in 0..1000u32 {
            stream.write_all(&n.to_be_bytes()).await.unwrap();
        }
    };
    within(async { tokio::join!(reader, writer) }).await;
    until(|| client.num_streams() == 0 && server.num_streams() == 0).await;
}

#[tokio::test]
async fn half_closed_stream_still_reads_what_the_peer_sends() {
    let (client, server) = pair();
    within(async {
        let mut ours = client.open().await.unwrap();
        let mut theirs = server.accept().await.unwrap();
        ours.write_all(b"question").await.unwrap();
        ours.shutdown().await.unwrap();
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"question");
        let answer = pattern(4 * 1024 * 1024);
        let (sent, got) = tokio::join!(
            async {
                theirs.write_all(&answer).await.unwrap();
                theirs.shutdown().await.unwrap();
                answer.len()
            },
            async {
                let mut got = Vec::new();
                ours.read_to_end(&mut got).await.unwrap();
                got
            }
        );
        assert_eq!(got.len(), sent);
        assert_eq!(got, answer);
        let error = ours.write(b"more").await.unwrap_err();
        assert!(muxbroker::Error::from_io(&error).unwrap().is_stream_closed());
        assert_eq!(error.to_string(), "stream closed");
    })
    .await;
}

#[tokio::test]
async fn two_peers_over_a_tiny_pipe_write_a_megabyte_each_way_without_deadlock() {
    let (client, server) = common::pair_over(1024, Default::default(), Default::default());
    within(async {
        let ours = client.open().await.unwrap();
        let theirs = server.accept().await.unwrap();
        let data = pattern(1024 * 1024);
        let exchange = |stream: muxbroker::Stream| {
            let data = data.clone();
            async move {
                let (mut read, mut write) = stream.into_split();
                let (got, ()) = tokio::join!(
                    async {
                        let mut got = Vec::new();
                        read.read_to_end(&mut got).await.unwrap();
                        got
                    },
                    async {
                        write.write_all(&data).await.unwrap();
                        write.shutdown().await.unwrap();
                    }
                );
                assert_eq!(got, data);
            }
        };
        tokio::join!(exchange(ours), exchange(theirs));
    })
    .await;
}

#[tokio::test]
async fn what_was_written_is_sent_once_the_connection_has_taken_it() {
    let (ours, mut peer) = tokio::io::duplex(1024);
    let session = Session::client(ours, Config::default());
    let mut stream = session.open().await.unwrap();
    within(session.sent()).await;

    stream.write_all(&[7; 100_000]).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), session.sent()).await;
    assert!(early.is_err(), "a pipe of 1 KiB cannot have taken it all");

    let reading = tokio::spawn(async move {
        let mut sink = vec![0; 4096];
        while peer.read(&mut sink).await.is_ok_and(|n| n > 0) {}
    });
    within(session.sent()).await;
    drop((stream, session));
    within(reading).await.unwrap();
}

#[tokio::test]
async fn nobody_waits_for_a_session_that_is_over_to_send() {
    let (ours, peer) = tokio::io::duplex(1024);
    let session = Session::client(ours, Config::default());
    let mut stream = session.open().await.unwrap();
    stream.write_all(&[7; 100_000]).await.unwrap();
    drop(peer);
    within(session.sent()).await;
}

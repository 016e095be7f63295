//! Opening and accepting: order, backlog, permits, cancellation, and the open timeout.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::scripted::{client_and_script, client_and_script_over};
use common::{pair, pair_over, until, within};
use muxbroker::{Config, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

fn backlog(accept_backlog: usize) -> Config {
    Config { accept_backlog, ..Config::default() }
}

#[tokio::test]
async fn syn_goes_out_at_open_in_id_order_and_ack_once_at_accept() {
    let (session, mut peer) = client_and_script(Config::default());
    let _streams =
        [session.open().await.unwrap(), session.open().await.unwrap(), session.open().await.unwrap()];
    for id in [1, 3, 5] {
        peer.expect_syn(id).await;
    }
    peer.syn(2).await;
    peer.expect_silence().await;
    let mut accepted = within(session.accept()).await.unwrap();
    peer.expect_ack(2).await;
    accepted.write_all(b"hello").await.unwrap();
    peer.expect_data(2, b"hello").await;
}

#[tokio::test]
async fn larger_window_is_granted_with_syn_and_ack() {
    use muxbroker::yamux::{Flags, Header};
    let window = 1024 * 1024;
    let (session, mut peer) = client_and_script(Config { max_stream_window: window, ..Config::default() });
    let _ours = session.open().await.unwrap();
    peer.expect(Header::window_update(1, Flags::SYN, window - muxbroker::INITIAL_WINDOW)).await;
    peer.send_data(2, Flags::SYN, &[0; 1000]).await;
    let mut stream = within(session.accept()).await.unwrap();
    peer.expect(Header::window_update(2, Flags::ACK, window - muxbroker::INITIAL_WINDOW)).await;
    // The bytes that arrived before are credited once they are read and half a window is due.
    within(stream.read_exact(&mut [0; 1000])).await.unwrap();
    peer.expect_silence().await;
}

#[tokio::test]
async fn parallel_opens_from_many_tasks_send_syn_in_id_order() {
    let (session, mut peer) = client_and_script(Config::default());
    let opens: Vec<_> = (0..100)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.open().await.unwrap() })
        })
        .collect();
    for n in 0..100 {
        peer.expect_syn(2 * n + 1).await;
    }
    for open in opens {
        open.await.unwrap();
    }
}

#[tokio::test]
async fn streams_closed_before_their_ack_give_back_their_permits() {
    let (client, server) = pair_over(64 * 1024, backlog(8), backlog(8));
    within(async {
        for _ in 0..8 {
            drop(client.open().await.unwrap());
        }
        for _ in 0..8 {
            drop(server.accept().await.unwrap());
        }
        client.open().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn open_beyond_the_backlog_waits_and_fails_when_the_peer_goes() {
    let (client, server) = pair_over(64 * 1024, backlog(64), backlog(64));
    let mut streams = Vec::new();
    for _ in 0..64 {
        let mut stream = within(client.open()).await.unwrap();
        stream.write_all(b"foo").await.unwrap();
        streams.push(stream);
    }
    let waiting = client.open();
    tokio::pin!(waiting);
    assert!(
        timeout(Duration::from_millis(50), &mut waiting).await.is_err(),
        "65 streams are open unaccepted"
    );
    server.close().await;
    let error = within(waiting).await.unwrap_err();
    assert!(error.is_remote_closed(), "{error:?}");
    assert_eq!(error.to_string(), "EOF");
}

#[tokio::test]
async fn five_times_the_backlog_opens_while_the_peer_accepts() {
    let (client, server) = pair_over(64 * 1024, backlog(64), backlog(64));
    let accepting = async {
        let mut streams = Vec::new();
        for _ in 0..5 * 64 {
            streams.push(server.accept().await.unwrap());
        }
        streams
    };
    let opening = async {
        let mut streams = Vec::new();
        for _ in 0..5 * 64 {
            let mut stream = client.open().await.unwrap();
            stream.write_all(b"foo").await.unwrap();
            streams.push(stream);
        }
        streams
    };
    let (accepted, opened) = within(async { tokio::join!(accepting, opening) }).await;
    assert_eq!((accepted.len(), opened.len()), (320, 320));
}

#[tokio::test]
async fn three_hundred_opens_before_the_peer_accepts_are_all_served() {
    let (client, server) = pair();
    let opens: Vec<_> = (0..300)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.open().await })
        })
        .collect();
    until(|| server.num_streams() == 256).await;
    let mut accepted = Vec::new();
    for _ in 0..300 {
        accepted.push(within(server.accept()).await.unwrap());
    }
    for open in opens {
        within(open).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn dropped_open_takes_no_permit_and_dropped_accept_takes_no_stream() {
    let (client, server) = pair_over(64 * 1024, backlog(1), backlog(1));
    let first = within(client.open()).await.unwrap();
    for _ in 0..10 {
        assert!(timeout(Duration::from_millis(2), client.open()).await.is_err());
    }
    let accepted = within(server.accept()).await.unwrap();
    for _ in 0..10 {
        assert!(timeout(Duration::from_millis(2), server.accept()).await.is_err());
    }
    let second = within(client.open()).await.unwrap();
    let accepted_second = within(server.accept()).await.unwrap();
    assert_eq!((first.id(), accepted.id(), second.id(), accepted_second.id()), (1, 1, 3, 3));
}

#[tokio::test]
async fn several_accepts_share_what_arrives() {
    let (client, server) = pair();
    let accepts: Vec<_> = (0..10)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move { server.accept().await.unwrap().id() })
        })
        .collect();
    tokio::task::yield_now().await;
    let mut opened = Vec::new();
    for _ in 0..10 {
        opened.push(within(client.open()).await.unwrap());
    }
    let mut ids = Vec::new();
    for accept in accepts {
        ids.push(within(accept).await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..10).map(|n| 2 * n + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn closed_session_accepts_and_opens_nothing() {
    let (_client, server) = pair();
    server.close().await;
    for error in [server.accept().await.unwrap_err(), server.open().await.unwrap_err()] {
        assert!(error.is_local_closed());
        assert_eq!(error.to_string(), "session shutdown");
    }
    assert!(server.ping().await.unwrap_err().is_local_closed());
}

#[tokio::test(start_paused = true)]
async fn stream_that_the_peer_does_not_accept_is_reset_and_the_others_live() {
    let config = Config { stream_open_timeout: Some(Duration::from_secs(75)), ..Config::default() };
    let (session, mut peer) = client_and_script(Config { keepalive_interval: None, ..config });
    let mut accepted = session.open().await.unwrap();
    let mut ignored = session.open().await.unwrap();
    peer.expect_syn(1).await;
    peer.expect_syn(3).await;
    peer.ack(1).await;
    let before = tokio::time::Instant::now();
    let error = ignored.read(&mut [0; 4]).await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 75);
    let inner = Error::from_io(&error).unwrap();
    assert!(inner.is_open_timeout() && inner.is_timeout() && !inner.is_session_over());
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (std::io::ErrorKind::TimedOut, "i/o deadline reached")
    );
    assert!(Error::from_io(&ignored.write(b"x").await.unwrap_err()).unwrap().is_open_timeout());
    peer.expect_rst(3).await;
    accepted.write_all(b"alive").await.unwrap();
    peer.expect_data(1, b"alive").await;
    assert_eq!(session.num_streams(), 1);
}

#[tokio::test(start_paused = true)]
async fn peer_that_never_acks_does_not_block_opens_for_ever() {
    let config = Config { accept_backlog: 2, keepalive_interval: None, ..Config::default() };
    let (session, mut peer) = client_and_script(config);
    let _kept = [session.open().await.unwrap(), session.open().await.unwrap()];
    let third = session.open().await.unwrap();
    assert_eq!(third.id(), 5);
    for id in [1, 3] {
        peer.expect_syn(id).await;
    }
    for id in [1, 3] {
        peer.expect_rst(id).await;
    }
    peer.expect_syn(5).await;
}

#[tokio::test(start_paused = true)]
async fn open_timeout_can_be_switched_off() {
    let config = Config { stream_open_timeout: None, keepalive_interval: None, ..Config::default() };
    let (session, mut peer) = client_and_script(config);
    let mut stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    assert!(timeout(Duration::from_secs(86_400), stream.read_u8()).await.is_err());
    peer.ack(1).await;
    stream.write_all(b"late").await.unwrap();
    peer.expect_data(1, b"late").await;
}

#[tokio::test]
async fn go_away_of_the_peer_stops_new_streams_only() {
    let (client, server) = pair();
    let mut ours = within(client.open()).await.unwrap();
    let mut theirs = within(server.accept()).await.unwrap();
    server.go_away();
    within(server.ping()).await.unwrap();
    let error = client.open().await.unwrap_err();
    assert!(error.is_go_away() && !error.is_session_over());
    assert_eq!(error.to_string(), "remote end is not accepting connections");
    // Both directions of the stream that exists, and streams of the side that said it.
    ours.write_all(b"ping").await.unwrap();
    theirs.write_all(b"pong").await.unwrap();
    let (mut a, mut b) = ([0; 4], [0; 4]);
    within(async { tokio::try_join!(theirs.read_exact(&mut a), ours.read_exact(&mut b)) }).await.unwrap();
    assert_eq!((&a, &b), (b"ping", b"pong"));
    let opened = within(server.open()).await.unwrap();
    assert_eq!(within(client.accept()).await.unwrap().id(), opened.id());
}

#[tokio::test]
async fn open_that_waits_for_a_permit_fails_when_the_peer_says_go_away() {
    let config = Config { accept_backlog: 1, stream_open_timeout: None, ..Config::default() };
    let (session, mut peer) = client_and_script(config);
    let _first = session.open().await.unwrap();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.open().await.map(drop) }
    });
    peer.expect_syn(1).await;
    peer.send(muxbroker::yamux::Header::go_away(muxbroker::yamux::GoAwayCode::Normal)).await;
    assert!(within(waiting).await.unwrap().unwrap_err().is_go_away());
    peer.expect_silence().await;
}

#[tokio::test]
async fn streams_that_come_after_our_go_away_are_reset() {
    let (session, mut peer) = client_and_script_over(4096, Config::default());
    session.go_away();
    session.go_away();
    peer.expect(muxbroker::yamux::Header::go_away(muxbroker::yamux::GoAwayCode::Normal)).await;
    peer.syn(2).await;
    peer.expect_rst(2).await;
    peer.expect_silence().await;
}

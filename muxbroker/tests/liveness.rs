//! Pings and keepalive.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::scripted::client_and_script;
use common::{pair, pair_over, within};
use muxbroker::Config;
use muxbroker::yamux::{Flags, Header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

#[tokio::test]
async fn both_sides_measure_a_round_trip() {
    let (client, server) = pair();
    for session in [&client, &server] {
        let rtt = within(session.ping()).await.unwrap();
        assert!(rtt > Duration::ZERO);
        assert_eq!(session.stats().rtt, Some(rtt));
    }
}

#[tokio::test(start_paused = true)]
async fn ping_times_out_when_the_peer_does_not_answer_and_works_again_afterwards() {
    let (session, mut peer) = client_and_script(Config { keepalive_interval: None, ..Config::default() });
    let before = Instant::now();
    let error = session.ping().await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 10);
    assert!(error.is_timeout() && !error.is_session_over());
    assert_eq!(error.to_string(), "i/o deadline reached");
    peer.expect(Header::ping(Flags::SYN, 0)).await;
    // The answer comes late and does no harm.
    peer.send(Header::ping(Flags::ACK, 0)).await;
    let (rtt, ()) = tokio::join!(session.ping(), async {
        peer.expect(Header::ping(Flags::SYN, 1)).await;
        peer.send(Header::ping(Flags::ACK, 1)).await;
    });
    rtt.unwrap();
}

#[tokio::test(start_paused = true)]
async fn idle_sessions_ping_by_themselves_every_thirty_seconds() {
    let (session, mut peer) = client_and_script(Config::default());
    let mut before = Instant::now();
    for n in 0..5 {
        peer.expect(Header::ping(Flags::SYN, n)).await;
        assert_eq!(before.elapsed().as_secs(), 30);
        before = Instant::now();
        peer.send(Header::ping(Flags::ACK, n)).await;
    }
    assert!(session.close_reason().is_none());
    assert!(session.stats().rtt.is_some());
}

#[tokio::test(start_paused = true)]
async fn sessions_left_alone_for_a_day_keep_each_other_alive() {
    let (client, server) = pair();
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert!(client.close_reason().is_none() && server.close_reason().is_none());
    let frames = client.stats().frames_received;
    assert!(frames >= 2 * 86_400 / 31, "{frames} pings and answers in a day");
}

#[tokio::test(start_paused = true)]
async fn silent_peer_ends_the_session_after_the_keepalive_timeout() {
    let (session, mut peer) = client_and_script(Config::default());
    let mut stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    peer.ack(1).await;
    let before = Instant::now();
    let accept = session.accept();
    let (accepted, read) = within(async { tokio::join!(accept, stream.read_u8()) }).await;
    assert_eq!(before.elapsed().as_secs(), 40);
    let error = accepted.unwrap_err();
    assert!(error.is_keepalive_timeout() && error.is_timeout() && error.is_session_over());
    assert_eq!(error.to_string(), "keepalive timeout");
    let read = read.unwrap_err();
    assert_eq!(read.kind(), std::io::ErrorKind::TimedOut);
    assert!(muxbroker::Error::from_io(&read).unwrap().is_keepalive_timeout());
}

#[tokio::test(start_paused = true)]
async fn peer_that_sends_data_is_alive_even_if_its_answer_is_late() {
    let (session, mut peer) = client_and_script(Config::default());
    let mut stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    peer.ack(1).await;
    peer.expect(Header::ping(Flags::SYN, 0)).await;
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        peer.send_data(1, Flags::NONE, b"x").await;
    }
    stream.read_exact(&mut [0; 30]).await.unwrap();
    assert!(session.close_reason().is_none());
    // Then it falls silent.
    let before = Instant::now();
    assert!(within(session.closed()).await.is_keepalive_timeout());
    assert_eq!(before.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn keepalive_can_be_switched_off() {
    let (session, peer) = client_and_script(Config { keepalive_interval: None, ..Config::default() });
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert!(session.close_reason().is_none());
    drop(session);
    let mut peer = peer;
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn keepalive_without_a_timeout_asks_and_never_judges() {
    let (session, mut peer) = client_and_script(Config { keepalive_timeout: None, ..Config::default() });
    for n in 0..3 {
        peer.expect(Header::ping(Flags::SYN, n)).await;
    }
    assert!(session.close_reason().is_none());
}

#[tokio::test]
async fn pong_overtakes_queued_data() {
    let (session, mut peer) = common::scripted::client_and_script_over(1024, Config::default());
    let (mut first, mut second) = (session.open().await.unwrap(), session.open().await.unwrap());
    first.write_all(&[1; 16 * 1024]).await.unwrap();
    // The connection takes 1 KiB of it; the rest is under way, and what comes now is queued behind.
    common::until(|| session.stats().queued == 0).await;
    second.write_all(&[2; 200 * 1024]).await.unwrap();
    peer.send(Header::ping(Flags::SYN, 5)).await;
    common::until(|| session.stats().frames_received == 1).await;
    peer.expect_syn(1).await;
    peer.expect_syn(3).await;
    peer.expect_data(1, &[1; 16 * 1024]).await;
    peer.expect(Header::ping(Flags::ACK, 5)).await;
    assert_eq!(peer.next().await.stream_id, 3);
}

#[tokio::test]
async fn ping_works_while_both_directions_are_blocked_by_unread_streams() {
    let (client, server) = pair_over(1024, Config::default(), Config::default());
    let mut ours = within(client.open()).await.unwrap();
    let mut theirs = within(server.accept()).await.unwrap();
    let fill = |stream: &mut muxbroker::Stream| {
        let (mut cx, data) = (std::task::Context::from_waker(std::task::Waker::noop()), vec![0; 1 << 20]);
        let mut written = 0;
        while let std::task::Poll::Ready(n) =
            tokio::io::AsyncWrite::poll_write(std::pin::Pin::new(stream), &mut cx, &data)
        {
            written += n.unwrap();
        }
        written
    };
    assert_eq!((fill(&mut ours), fill(&mut theirs)), (256 * 1024, 256 * 1024));
    for _ in 0..3 {
        within(async { tokio::try_join!(client.ping(), server.ping()) }).await.unwrap();
    }
}

//! A peer that breaks the protocol, one way per test: the session ends with a typed error, or goes on where the
//! protocol or Go's practice allows the oddity.
#![allow(clippy::unwrap_used)]

mod common;

use common::scripted::{Scripted, client_and_script, client_and_script_over};
use common::{until, within};
use muxbroker::yamux::{Flags, FrameType, HEADER_LEN, Header};
use muxbroker::{Config, INITIAL_WINDOW, Session, Stream, Violation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn open_stream() -> (Session, Scripted, Stream) {
    let (session, mut peer) = client_and_script(Config::default());
    let stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    peer.ack(1).await;
    (session, peer, stream)
}

async fn ends_with(session: &Session, peer: &mut Scripted, violation: Violation) {
    peer.expect_protocol_error().await;
    let end = within(session.closed()).await;
    assert!(end.is_protocol() && end.is_session_over(), "{end:?}");
    assert_eq!(end.violation(), Some(violation));
    assert_eq!(end.to_string(), violation.to_string());
}

#[tokio::test]
async fn wrong_version_ends_the_session() {
    let (session, mut peer, mut stream) = open_stream().await;
    peer.io.write_all(&[1; HEADER_LEN]).await.unwrap();
    ends_with(&session, &mut peer, Violation::Version).await;
    let error = within(stream.read_u8()).await.unwrap_err();
    assert_eq!(muxbroker::Error::from_io(&error).unwrap().violation(), Some(Violation::Version));
}

#[tokio::test]
async fn unknown_frame_type_ends_the_session() {
    let (session, mut peer, _stream) = open_stream().await;
    peer.io.write_all(&[0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
    ends_with(&session, &mut peer, Violation::FrameType).await;
}

#[tokio::test]
async fn credit_beyond_32_bits_ends_the_session() {
    let (session, mut peer, _stream) = open_stream().await;
    peer.send(Header::window_update(1, Flags::NONE, u32::MAX - INITIAL_WINDOW)).await;
    peer.expect_silence().await;
    peer.send(Header::window_update(1, Flags::NONE, 1)).await;
    ends_with(&session, &mut peer, Violation::WindowOverflow).await;
}

#[tokio::test]
async fn data_beyond_the_window_ends_the_session_before_it_is_taken() {
    let (session, mut peer, mut stream) = open_stream().await;
    peer.send_data(1, Flags::NONE, &[7; 1000]).await;
    // Read, but not half a window: no credit was granted for it.
    within(stream.read_exact(&mut [0; 1000])).await.unwrap();
    peer.send(Header::data(1, INITIAL_WINDOW - 999)).await;
    ends_with(&session, &mut peer, Violation::WindowExceeded).await;
}

#[tokio::test]
async fn frame_of_four_gigabytes_ends_the_session() {
    let (session, mut peer, _stream) = open_stream().await;
    peer.send(Header::data(1, u32::MAX)).await;
    ends_with(&session, &mut peer, Violation::WindowExceeded).await;
}

#[tokio::test]
async fn second_syn_for_a_live_stream_ends_the_session() {
    let (session, mut peer, _stream) = open_stream().await;
    peer.syn(2).await;
    peer.syn(2).await;
    ends_with(&session, &mut peer, Violation::DuplicateStream).await;
}

#[tokio::test]
async fn stream_ids_of_the_wrong_side_end_the_session() {
    for id in [0, 3] {
        let (session, mut peer, _stream) = open_stream().await;
        peer.syn(id).await;
        ends_with(&session, &mut peer, Violation::StreamId).await;
    }
}

#[tokio::test]
async fn second_fin_ends_the_session() {
    let (session, mut peer, _stream) = open_stream().await;
    peer.fin(1).await;
    peer.fin(1).await;
    ends_with(&session, &mut peer, Violation::UnexpectedFlag).await;
}

#[tokio::test]
async fn fin_and_credit_for_a_stream_that_is_gone_are_ignored() {
    let (_session, mut peer, stream) = open_stream().await;
    drop(stream);
    peer.expect_fin(1).await;
    peer.fin(1).await;
    peer.fin(1).await;
    peer.rst(1).await;
    peer.send(Header::window_update(1, Flags::NONE, u32::MAX)).await;
    peer.expect_silence().await;
}

#[tokio::test]
async fn data_for_an_unknown_stream_is_thrown_away() {
    let (session, mut peer, mut stream) = open_stream().await;
    peer.send_data(99, Flags::NONE, &vec![1; 600 * 1024]).await;
    peer.send_data(1, Flags::NONE, b"ours").await;
    let mut got = [0; 4];
    within(stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(&got, b"ours");
    assert_eq!(session.num_streams(), 1);
}

#[tokio::test]
async fn data_after_fin_is_thrown_away() {
    let (_session, mut peer, mut stream) = open_stream().await;
    peer.send_data(1, Flags::FIN, b"all").await;
    peer.send_data(1, Flags::NONE, b"late").await;
    let mut got = Vec::new();
    within(stream.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, b"all");
    peer.expect_silence().await;
    assert_eq!(within(stream.read(&mut [0; 4])).await.unwrap(), 0);
}

#[tokio::test]
async fn flags_on_data_frames_count() {
    let (session, mut peer) = client_and_script(Config::default());
    peer.send_data(2, Flags::SYN | Flags::FIN, b"all at once").await;
    let mut stream = within(session.accept()).await.unwrap();
    peer.expect_ack(2).await;
    let mut got = Vec::new();
    within(stream.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, b"all at once");

    let mut ours = session.open().await.unwrap();
    peer.expect_syn(1).await;
    peer.send_data(1, Flags::ACK | Flags::RST, b"lost").await;
    let error = within(ours.read(&mut [0; 4])).await.unwrap_err();
    assert!(muxbroker::Error::from_io(&error).unwrap().is_reset());
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (std::io::ErrorKind::ConnectionReset, "connection reset")
    );
    peer.expect_silence().await;
}

#[tokio::test]
async fn repeated_ack_gives_no_second_permit() {
    let (session, mut peer) = client_and_script(Config { accept_backlog: 1, ..Config::default() });
    let _first = session.open().await.unwrap();
    peer.expect_syn(1).await;
    for _ in 0..3 {
        peer.ack(1).await;
    }
    let _second = within(session.open()).await.unwrap();
    peer.expect_syn(3).await;
    let third = tokio::time::timeout(std::time::Duration::from_millis(50), session.open()).await;
    assert!(third.is_err(), "the repeated ACK of stream 1 let a third stream open");
}

#[tokio::test]
async fn answer_to_a_ping_nobody_sent_is_ignored() {
    let (_session, mut peer, _stream) = open_stream().await;
    peer.send(Header::ping(Flags::ACK, 77)).await;
    peer.expect_silence().await;
}

#[tokio::test]
async fn go_away_codes_end_the_session_in_gos_words_but_for_zero() {
    for (code, text) in
        [(1, "yamux protocol error"), (2, "remote yamux internal error"), (9, "unexpected go away received")]
    {
        let (session, mut peer, _stream) = open_stream().await;
        peer.send(Header { frame_type: FrameType::GoAway, flags: Flags::NONE, stream_id: 0, length: code })
            .await;
        let end = within(session.closed()).await;
        assert!(end.is_peer_failure() && !end.is_protocol());
        assert_eq!(end.to_string(), text);
        peer.expect_end().await;
    }
}

#[tokio::test]
async fn ping_flood_without_reading_the_answers_stays_bounded_and_later_pings_work() {
    let (session, mut peer) = client_and_script_over(4096, Config::default());
    let stream = within(session.open()).await.unwrap();
    // Fill everything between the session and a peer that does not read.
    let (_read, mut write) = stream.into_split();
    let filler = tokio::spawn(async move { write.write_all(&vec![0; 200 * 1024]).await });
    for n in 0..20_000 {
        peer.send(Header::ping(Flags::SYN, n)).await;
    }
    assert!(session.stats().queued < 300 * 1024, "{:?}", session.stats());
    // It reads again: SYN, data and the answers that were kept come in whole frames, then a new ping works.
    peer.send(Header::ping(Flags::SYN, 0xbeef)).await;
    let mut pongs = 0;
    let mut data = 0;
    while data < 200 * 1024 || pongs == 0 {
        let next = peer.next().await;
        match next.frame_type {
            FrameType::Data => data += peer.payload(next.length as usize).await.len(),
            FrameType::Ping => pongs += 1,
            FrameType::WindowUpdate | FrameType::GoAway => assert_eq!(next.flags, Flags::SYN),
        }
    }
    within(filler).await.unwrap().unwrap();
    peer.send(Header::ping(Flags::SYN, 0xcafe)).await;
    while peer.next().await != Header::ping(Flags::ACK, 0xcafe) {}
    assert!(session.close_reason().is_none());
}

#[tokio::test]
async fn stream_flood_without_reading_the_resets_ends_the_session() {
    let (session, mut peer) = client_and_script_over(4096, Config::default());
    let sending = async {
        for id in (2..).step_by(2).take(200_000) {
            if peer.io.write_all(&Header::window_update(id, Flags::SYN, 0).encode()).await.is_err() {
                return;
            }
        }
    };
    let ended = session.closed();
    let end = within(async {
        tokio::select! { end = ended => end, () = sending => panic!("took them all") }
    })
    .await;
    assert_eq!(end.violation(), Some(Violation::Flood));
    assert_eq!(session.num_streams(), 0);
}

#[tokio::test]
async fn stream_flood_is_reset_beyond_the_backlog_and_the_others_live() {
    let (session, mut peer) = client_and_script(Config { accept_backlog: 3, ..Config::default() });
    for id in [2, 4, 6, 8, 10] {
        peer.syn(id).await;
    }
    peer.expect_rst(8).await;
    peer.expect_rst(10).await;
    for id in [2, 4, 6] {
        assert_eq!(within(session.accept()).await.unwrap().id(), id);
        peer.expect_ack(id).await;
        peer.expect_fin(id).await;
    }
    // There is room again.
    peer.syn(12).await;
    assert_eq!(within(session.accept()).await.unwrap().id(), 12);
}

#[tokio::test]
async fn unaccepted_stream_that_the_peer_resets_leaves_the_backlog() {
    let (session, mut peer) = client_and_script(Config { accept_backlog: 1, ..Config::default() });
    peer.syn(2).await;
    peer.rst(2).await;
    peer.syn(4).await;
    assert_eq!(within(session.accept()).await.unwrap().id(), 4);
    peer.expect_ack(4).await;
}

#[tokio::test]
async fn connection_that_dies_within_a_frame_is_lost_and_one_that_ends_between_frames_is_closed() {
    for (last, lost) in
        [(&[][..], false), (&[0, 0, 0][..], true), (&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 7][..], true)]
    {
        let (session, mut peer, mut stream) = open_stream().await;
        peer.io.write_all(last).await.unwrap();
        drop(peer);
        let end = within(session.closed()).await;
        assert_eq!((end.is_connection_lost(), end.is_remote_closed()), (lost, !lost), "{last:?}: {end:?}");
        let mut got = Vec::new();
        let error = within(stream.read_to_end(&mut got)).await.unwrap_err();
        assert_eq!(got, if last.len() > 12 { &[7][..] } else { &[] }, "what arrived can be read");
        assert_eq!(muxbroker::Error::from_io(&error).unwrap().is_connection_lost(), lost);
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn dropped_stream_is_finished_and_reset_once_the_peer_has_used_half_a_window() {
    let (session, mut peer, stream) = open_stream().await;
    drop(stream);
    peer.expect_fin(1).await;
    let half = vec![0; INITIAL_WINDOW as usize / 2];
    peer.send_data(1, Flags::NONE, &half[1..]).await;
    peer.expect_silence().await;
    peer.send_data(1, Flags::NONE, &[0]).await;
    peer.expect_rst(1).await;
    until(|| session.num_streams() == 0).await;
    peer.send_data(1, Flags::NONE, &half).await;
    peer.expect_silence().await;
}

#[tokio::test]
async fn dropped_read_half_lets_the_peer_go_on_sending() {
    let (_session, mut peer, stream) = open_stream().await;
    let (read, mut write) = stream.into_split();
    drop(read);
    let half = INITIAL_WINDOW / 2;
    for _ in 0..10 {
        peer.send_data(1, Flags::NONE, &vec![0; half as usize]).await;
        peer.expect(Header::window_update(1, Flags::NONE, half)).await;
    }
    write.write_all(b"still here").await.unwrap();
    peer.expect_data(1, b"still here").await;
}

//! Peers that misbehave cost a bounded amount of memory, and nothing once they are gone. One test, so that nothing
//! else allocates meanwhile.
#![allow(clippy::unwrap_used)]

mod common;

use common::scripted::{Scripted, client_and_script, client_and_script_over};
use common::{until, within};
use muxbroker::yamux::{Flags, FrameType, Header};
use muxbroker::{Config, INITIAL_WINDOW, Session};
use peak_alloc::PeakAlloc;
use tokio::io::AsyncWriteExt;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[tokio::test]
async fn misbehaving_peers_leave_nothing_behind() {
    let runtime = tokio::runtime::Handle::current();
    let tasks = runtime.metrics().num_alive_tasks();
    // The first round of all leaves what the runtime keeps for its tasks and timers.
    let mut before = 0;
    for round in 0..4 {
        for scenario in 0..6 {
            let (session, mut peer) = match scenario {
                0 => stops_reading().await,
                1 => never_acks().await,
                2 => floods_streams().await,
                3 => dies_within_a_frame().await,
                4 => sends_tiny_frames_nobody_reads().await,
                _ => never_finishes().await,
            };
            let _ = peer.io.shutdown().await;
            drop(peer);
            within(session.closed()).await;
            drop(session);
            until(|| runtime.metrics().num_alive_tasks() == tasks).await;
        }
        match round {
            0 => before = ALLOCATOR.current_usage(),
            _ => {
                let after = ALLOCATOR.current_usage();
                assert!(after <= before + before / 10, "round {round}: {before} bytes before, {after} after");
            }
        }
    }
    pinned_buffers_are_bounded().await;
}

async fn stops_reading() -> (Session, Scripted) {
    let (session, peer) = client_and_script_over(4096, Config::default());
    let mut stream = session.open().await.unwrap();
    stream.write_all(&vec![0; INITIAL_WINDOW as usize]).await.unwrap();
    (session, peer)
}

async fn never_acks() -> (Session, Scripted) {
    let (session, peer) = client_and_script(Config::default());
    let mut streams = Vec::new();
    for _ in 0..256 {
        streams.push(session.open().await.unwrap());
    }
    let one_more = tokio::time::timeout(std::time::Duration::from_millis(10), session.open());
    assert!(one_more.await.is_err());
    (session, peer)
}

async fn floods_streams() -> (Session, Scripted) {
    let (session, mut peer) = client_and_script(Config::default());
    for id in (2..2000).step_by(2) {
        peer.send_data(id, Flags::SYN, &[0; 500]).await;
    }
    until(|| session.num_streams() == 256).await;
    (session, peer)
}

async fn dies_within_a_frame() -> (Session, Scripted) {
    let (session, mut peer) = client_and_script(Config::default());
    peer.syn(2).await;
    peer.send(Header::data(2, INITIAL_WINDOW)).await;
    peer.io.write_all(&vec![0; 200_000]).await.unwrap();
    until(|| session.stats().bytes_received == 200_000).await;
    (session, peer)
}

async fn sends_tiny_frames_nobody_reads() -> (Session, Scripted) {
    let (session, mut peer) = client_and_script(Config::default());
    peer.syn(2).await;
    until(|| session.num_streams() == 1).await;
    let before = ALLOCATOR.current_usage();
    for _ in 0..2600 {
        peer.send_data(2, Flags::NONE, &[0; 100]).await;
    }
    until(|| session.stats().bytes_received == 260_000).await;
    let grown = ALLOCATOR.current_usage().saturating_sub(before);
    assert!(grown < 2 * 260_000 + 300_000, "{grown} bytes for 260,000 received in 100-byte frames");
    (session, peer)
}

async fn never_finishes() -> (Session, Scripted) {
    let (session, mut peer) = client_and_script(Config::default());
    for id in (2..200).step_by(2) {
        peer.syn(id).await;
        drop(within(session.accept()).await.unwrap());
    }
    (session, peer)
}

/// Each chunk that is kept by reference pins the read buffer it came in: a peer that sends little to a stream
/// nobody reads, and much that is thrown away, in turns.
async fn pinned_buffers_are_bounded() {
    let (session, mut peer) = client_and_script(Config::default());
    peer.syn(2).await;
    until(|| session.num_streams() == 1).await;
    let before = ALLOCATOR.current_usage();
    let mut sent = 0;
    while sent + 2049 <= INITIAL_WINDOW as usize {
        peer.send_data(2, Flags::NONE, &[0; 2049]).await;
        peer.send_data(98, Flags::NONE, &vec![0; 254 * 1024]).await;
        sent += 2049;
    }
    let junk = Header { frame_type: FrameType::Ping, flags: Flags::SYN, stream_id: 0, length: 1 };
    peer.send(junk).await;
    peer.expect(Header::ping(Flags::ACK, 1)).await;
    let grown = ALLOCATOR.current_usage().saturating_sub(before);
    assert!(grown < 8 * INITIAL_WINDOW as usize, "{grown} bytes for one unread window");
    drop(session);
}

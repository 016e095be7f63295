//! 100,000 streams come and go, and their memory goes with them. A binary of its own, so that no other test's
//! memory counts; Linux, where the resident size can be read without a dependency.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{pair, until, within};
use muxbroker::Session;
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `alive` streams at a time, each of which carries some bytes both ways.
async fn open_and_close(client: &Session, server: &Session, count: usize, alive: usize) {
    for _ in 0..count / alive {
        let opening = async {
            let mut streams = Vec::new();
            for _ in 0..alive {
                let mut stream = client.open().await.unwrap();
                stream.write_all(&[1; 100]).await.unwrap();
                streams.push(stream);
            }
            for stream in &mut streams {
                stream.read_exact(&mut [0; 100]).await.unwrap();
            }
            streams
        };
        let accepting = async {
            let mut streams = Vec::new();
            for _ in 0..alive {
                let mut stream = server.accept().await.unwrap();
                stream.read_exact(&mut [0; 100]).await.unwrap();
                stream.write_all(&[2; 100]).await.unwrap();
                streams.push(stream);
            }
            streams
        };
        within(async { tokio::join!(opening, accepting) }).await;
    }
    until(|| client.num_streams() == 0 && server.num_streams() == 0).await;
    // Buffers shrink as traffic calms down.
    for _ in 0..40 {
        within(client.ping()).await.unwrap();
    }
}

/// Streams are opened and dropped 100 at a time, then all the rest while 10,000 are alive at once. The first
/// round of each kind is the measure: it leaves behind what a session keeps for its next streams and what the
/// allocator keeps for itself.
#[tokio::test]
async fn memory_of_a_hundred_thousand_streams_is_given_back() {
    let (client, server) = pair();
    for alive in [100, 10_000] {
        open_and_close(&client, &server, 10_000, alive).await;
        let (allocated, resident) = (ALLOCATOR.current_usage(), resident_kib());
        open_and_close(&client, &server, 50_000, alive).await;
        let (allocated_after, resident_after) = (ALLOCATOR.current_usage(), resident_kib());
        assert!(
            allocated_after <= allocated + allocated / 10,
            "{alive} at a time: {allocated} bytes allocated before, {allocated_after} after"
        );
        assert!(
            resident_after <= resident + resident / 10,
            "{alive} at a time: {resident} KiB resident before, {resident_after} KiB after"
        );
    }
    // What 10,000 streams needed at their peak is not held by the session.
    let allocated = ALLOCATOR.current_usage();
    assert!(allocated < 2 * 1024 * 1024, "{allocated} bytes for two idle sessions");
}

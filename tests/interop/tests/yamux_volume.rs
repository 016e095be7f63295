//! yamux with Go at the other end: as much data and as many streams as a busy day brings.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::time::Duration;

use interop_tests::{connect, read_pattern_to_end, write_pattern};
use muxbroker::{Config, Session};
use tokio::{io::AsyncWriteExt, task::JoinSet, time::timeout};

const LIMIT: Duration = Duration::from_secs(600);

async fn echo(session: Session, size: usize) {
    let (reader, mut writer) = session.open().await.unwrap().into_split();
    let write = async {
        write_pattern(&mut writer, 0, size, 64 << 10).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let ((), read) = tokio::join!(write, read_pattern_to_end(reader, 0));
    assert_eq!(read.unwrap(), size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_streams_carry_sixteen_mebibytes_there_and_back() {
    let (go, socket) = connect("yamuxpeer", &["-role", "server"], None).await;
    let session = Session::client(socket, Config::default());
    let mut streams = JoinSet::new();
    for _ in 0..16 {
        streams.spawn(echo(session.clone(), 16 << 20));
    }
    let all = async { tokio::join!(streams.join_all(), go.ask_within("serve 16", LIMIT)) };
    timeout(LIMIT, all).await.unwrap().1.unwrap();
}

/// Opens, uses and closes `count` streams, sixteen at a time.
async fn churn(session: &Session, count: usize) {
    let mut running = JoinSet::new();
    for _ in 0..count {
        if running.len() == 16 {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(echo(session.clone(), 100));
    }
    while let Some(stream) = running.join_next().await {
        stream.unwrap();
    }
}

/// Pages of memory in use (Linux).
#[cfg(target_os = "linux")]
fn resident_pages() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_streams_leave_nothing_behind() {
    const STREAMS: usize = 100_000;
    const WARM_UP: usize = 5_000;
    let (go, socket) = connect("yamuxpeer", &["-role", "server"], None).await;
    let session = Session::client(socket, Config::default());
    let mut accepting = JoinSet::new();
    let command = format!("serve {}", WARM_UP + STREAMS);
    accepting.spawn(async move {
        go.ask_within(&command, 2 * LIMIT).await.unwrap();
        go
    });
    timeout(LIMIT, churn(&session, WARM_UP)).await.unwrap();
    let before = resident_pages();
    timeout(LIMIT, churn(&session, STREAMS)).await.unwrap();
    let after = resident_pages();
    let go = accepting.join_next().await.unwrap().unwrap();
    go.tell("ping").await;
    assert_eq!(session.num_streams(), 0);
    assert_eq!(go.number("live").await, 0);
    assert!(after < before + before / 10, "{before} pages before, {after} after");
}

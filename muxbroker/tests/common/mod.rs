//! What the tests share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod scripted;

use std::time::Duration;

use muxbroker::{Config, Session};

/// Longer than anything here takes on a slow machine, short enough to end a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Two sessions joined by a pipe that holds `capacity` bytes each way.
pub fn pair_over(capacity: usize, client: Config, server: Config) -> (Session, Session) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    (Session::client(ours, client), Session::server(theirs, server))
}

/// Two sessions with Go's settings.
pub fn pair() -> (Session, Session) {
    pair_over(64 * 1024, Config::default(), Config::default())
}

/// Ends a hang with a failure.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("hangs")
}

/// Waits until `done`, which something else brings about.
pub async fn until(mut done: impl FnMut() -> bool) {
    within(async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
}

/// A payload whose every byte tells where it belongs.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

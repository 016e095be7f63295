//! A connection between the test and a Go program.

use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use crate::{Peer, build::go_program, proxy::delay_one_connection, run::within};

/// Starts a program of ours and returns its connection to us. It gets the socket's path with `-connect`.
///
/// With a `delay` every byte takes that long, in either direction.
///
/// # Panics
///
/// When the program does not build, start or connect.
pub async fn connect(program: &str, args: &[&str], delay: Option<Duration>) -> (Peer, UnixStream) {
    let dir = tempfile::tempdir().unwrap_or_else(|e| panic!("cannot create a temporary directory: {e}"));
    let (near, far) = (dir.path().join("near"), dir.path().join("far"));
    let listener =
        UnixListener::bind(&near).unwrap_or_else(|e| panic!("cannot bind {}: {e}", near.display()));
    let socket = match delay {
        Some(delay) => {
            delay_one_connection(&far, &near, delay);
            far
        }
        None => near,
    };
    let mut command = std::process::Command::new(go_program(program));
    command.arg("-connect").arg(socket).args(args);
    let peer = Peer::spawn_command(command.into());
    let (stream, _) = within(&format!("{program} to connect"), listener.accept())
        .await
        .unwrap_or_else(|e| panic!("{program} did not connect: {e}\n{}", peer.stderr()));
    (peer, stream)
}

//! One session with a Go program at the other end.

use std::time::Duration;

use interop_tests::{Peer, connect};
use muxbroker::{Config, Session, Stream};

/// One way of a delayed connection: a round trip takes twice as long, as between two cities.
const DELAY: Duration = Duration::from_millis(15);

/// Which end we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

impl Role {
    /// The ids of the first `n` streams that we open.
    pub(crate) fn ids(self, n: u32) -> Vec<u32> {
        let first = if self == Role::Client { 1 } else { 2 };
        (0..n).map(|i| first + 2 * i).collect()
    }
}

/// A session of ours and its Go end.
pub(crate) struct Pair {
    pub(crate) role: Role,
    pub(crate) go: Peer,
    pub(crate) session: Session,
}

impl Pair {
    /// `flags` are those of `yamuxpeer`.
    pub(crate) async fn new(role: Role, delay: Option<Duration>, flags: &[&str], config: Config) -> Pair {
        let go_role = if role == Role::Client { "server" } else { "client" };
        let (go, socket) = connect("yamuxpeer", &[&["-role", go_role], flags].concat(), delay).await;
        let session = match role {
            Role::Client => Session::client(socket, config),
            Role::Server => Session::server(socket, config),
        };
        Pair { role, go, session }
    }

    /// Opens a stream from our side. Returns also the number by which the Go end knows it.
    pub(crate) async fn open(&self) -> (Stream, u32) {
        let stream = self.session.open().await.unwrap();
        let id = self.go.number("accept").await as u32;
        assert_eq!(id, stream.id());
        (stream, id)
    }

    /// Opens a stream from Go's side.
    pub(crate) async fn accept(&self) -> (Stream, u32) {
        let id = self.go.number("open").await as u32;
        let stream = self.session.accept().await.unwrap();
        assert_eq!(id, stream.id());
        (stream, id)
    }

    /// A stream still carries bytes both ways.
    pub(crate) async fn check_echo(&self) {
        let (stream, id) = self.open().await;
        echo(&self.go, stream, id, 100_000).await;
    }
}

/// Sends `size` bytes to Go's echo and back.
pub(crate) async fn echo(go: &Peer, stream: Stream, id: u32, size: usize) {
    use interop_tests::{read_pattern_to_end, within, write_pattern};
    use tokio::io::AsyncWriteExt;
    let (reader, mut writer) = stream.into_split();
    let command = format!("echo {id}");
    let send = async {
        write_pattern(&mut writer, 0, size, 50_000).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let all = async { tokio::join!(go.number(&command), send, read_pattern_to_end(reader, 0)) };
    let (echoed, (), read) = within("the echo", all).await;
    assert_eq!((echoed as usize, read.unwrap()), (size, size));
}

/// Runs a test in both roles, each on a prompt connection and on one with delay.
pub(crate) async fn in_every_setting(flags: &[&str], config: Config, test: impl AsyncFn(Pair)) {
    for role in [Role::Client, Role::Server] {
        for delay in [None, Some(DELAY)] {
            println!("we are the {role:?}, delay {delay:?}");
            test(Pair::new(role, delay, flags, config.clone()).await).await;
        }
    }
}

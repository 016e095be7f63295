//! The two directions of a byte stream, apart.

use super::{Connection, ReadHalf, WriteHalf};

/// A byte stream that is read and written by different tasks. Sockets need no lock for that, which tokio's general split holds
/// through every system call.
pub(crate) trait Halves {
    fn halves(self) -> (ReadHalf, WriteHalf);
}

impl Halves for Connection {
    fn halves(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Unix(socket) => {
                let (read, write) = socket.into_split();
                (Box::new(read), Box::new(write))
            }
            Self::Tcp(socket) => {
                let (read, write) = socket.into_split();
                (Box::new(read), Box::new(write))
            }
            Self::Pipes(pipes) => (pipes.read, Box::new(pipes.write)),
        }
    }
}

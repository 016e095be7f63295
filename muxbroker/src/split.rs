//! Two halves of a byte stream for two tasks.

use std::any::Any;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Splits `io`. Sockets split without a lock; tokio's general split holds one through every system call, so
/// that a large write would stop the reads.
pub(crate) fn split<T>(io: T) -> (Reader, Writer)
where
    T: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut io = Some(io);
    let any: &mut dyn Any = &mut io;
    #[cfg(unix)]
    if let Some(socket) = any.downcast_mut::<Option<UnixStream>>().and_then(Option::take) {
        let (read, write) = socket.into_split();
        return (Box::new(read), Box::new(write));
    }
    if let Some(socket) = any.downcast_mut::<Option<TcpStream>>().and_then(Option::take) {
        let (read, write) = socket.into_split();
        return (Box::new(read), Box::new(write));
    }
    match io {
        Some(io) => {
            let (read, write) = tokio::io::split(io);
            (Box::new(read), Box::new(write))
        }
        None => (Box::new(tokio::io::empty()), Box::new(tokio::io::sink())),
    }
}

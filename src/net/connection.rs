//! One connection between host and plugin, whatever its kind.

use super::{
    Pipes,
    unix::{self, UnixStream},
};
use crate::{Address, Error, ErrorKind, Result};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

/// A connected socket, or what stands for one.
#[derive(Debug)]
pub(crate) enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
    Pipes(Pipes),
}

/// How much the system may hold of what was sent over a Unix socket and not read yet, in bytes: a large message goes out in a few steps,
/// with the other side being woken for each. Linux grants twice 208 KiB unless `net.core.wmem_max` says otherwise. TCP finds its own size.
const SEND_BUFFER: usize = 1 << 20;

impl Connection {
    /// A connected Unix socket.
    pub(crate) fn unix(socket: UnixStream) -> Self {
        #[cfg(unix)]
        if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER) {
            // It works without, in smaller steps.
            tracing::debug!(%error, "cannot set the size of a socket's buffer");
        }
        Self::Unix(socket)
    }

    /// Connects to a peer within `limit`. Names are resolved; every address of a name is tried.
    pub(crate) async fn dial(address: &Address, limit: Duration) -> Result<Self> {
        match timeout(limit, Self::connect(address)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => {
                let text = format!("cannot connect to {} {address}: {error}", address.network());
                Err(Error::new(ErrorKind::Disconnected, text).with_source(error))
            }
            Err(_) => {
                let text = format!("no connection to {} {address} within {limit:?}", address.network());
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Unix(path) => unix::connect(path).await.map(Self::unix),
            Address::Tcp(address) => {
                // Go reads an address without a host as this machine.
                let address = match address.strip_prefix(':') {
                    Some(port) => format!("127.0.0.1:{port}"),
                    None => address.clone(),
                };
                let stream = TcpStream::connect(address).await?;
                // Calls are small; waiting to fill a packet would cost each of them a delayed acknowledgement.
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Address::Stdio => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a plugin's standard input and output are with the host that started it",
            )),
        }
    }
}

macro_rules! forward {
    ($self:ident, $io:ident => $call:expr) => {
        match $self.get_mut() {
            Connection::Unix($io) => $call,
            Connection::Tcp($io) => $call,
            Connection::Pipes($io) => $call,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, io => Pin::new(io).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::net::sockopt::socket_send_buffer_size;

    #[tokio::test]
    async fn a_unix_connection_takes_more_at_once_than_a_bare_socket() {
        let (ours, bare) = UnixStream::pair().unwrap();
        let Connection::Unix(ours) = Connection::unix(ours) else { panic!("another kind of connection") };
        let sizes = [&ours, &bare].map(|socket| socket_send_buffer_size(socket).unwrap());
        assert!(sizes[0] > sizes[1], "{sizes:?}");
    }
}

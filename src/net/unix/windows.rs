//! Unix sockets on Windows (since its version 1803), which neither std nor tokio knows (tokio-rs/mio#1609).
//!
//! They need no reactor of their own. To Windows a socket is a socket: tokio's waits for this one as for one of TCP, and reads and
//! writes it with the same calls. Only what looks at addresses must not be left to tokio: making sockets, and accepting.

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::{io, net, path::Path};
use tokio::{io::Interest, net::TcpStream};

/// A connected socket of either kind.
pub(crate) type UnixStream = TcpStream;

/// A listening socket. Its file is the caller's business.
#[derive(Debug)]
pub(crate) struct UnixListener {
    /// No stream: that it can be read means that somebody connects.
    socket: TcpStream,
}

/// As many as std allows to wait to be accepted.
const BACKLOG: i32 = 128;

/// Must be called within a tokio runtime.
pub(crate) async fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = socket()?;
    let connected = socket.connect(&SockAddr::unix(path)?);
    let stream = register(socket)?;
    match connected {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            stream.writable().await?;
            stream.take_error()?.map_or(Ok(stream), Err)
        }
        connected => connected.map(|()| stream),
    }
}

impl UnixListener {
    /// Makes the file. Must be called within a tokio runtime.
    pub(crate) fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let socket = socket()?;
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket: register(socket)? })
    }

    /// The next connection, and its address, which tells nothing. Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<(UnixStream, SockAddr)> {
        loop {
            self.socket.readable().await?;
            let accept = || SockRef::from(&self.socket).accept();
            match self.socket.try_io(Interest::READABLE, accept) {
                Ok((socket, address)) => {
                    socket.set_nonblocking(true)?;
                    return Ok((register(socket)?, address));
                }
                // Who wanted to connect has given up.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// One that blocks nobody and that children do not inherit.
fn socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn register(socket: Socket) -> io::Result<TcpStream> {
    TcpStream::from_std(net::TcpStream::from(socket))
}

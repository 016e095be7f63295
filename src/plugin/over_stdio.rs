//! Standard input and output as the connection to the host.

use super::stdio::Redirect;
use crate::{Error, ErrorKind, Result, net::Listener};

/// Takes standard input and output, and listens for the host there.
///
/// # Errors
/// If they are nothing that can be read and written without blocking, and where they cannot be protected from what else this
/// process reads and prints (Windows).
pub(super) fn listen(redirect: &Redirect) -> Result<Listener> {
    #[cfg(unix)]
    let unusable = match unix::pipes(redirect) {
        Ok(pipes) => return Ok(Listener::over(pipes)),
        Err(unusable) => unusable,
    };
    #[cfg(not(unix))]
    let unusable = {
        let _ = redirect;
        std::io::Error::from(std::io::ErrorKind::Unsupported)
    };
    let text = format!("standard input and output cannot be the connection: {unusable}");
    Err(Error::new(ErrorKind::Io, text).with_source(unusable))
}

#[cfg(unix)]
mod unix {
    use crate::{
        net::{Pipes, ReadHalf, WriteHalf},
        plugin::stdio::Redirect,
    };
    use rustix::fs::{FileType, fstat};
    use std::{
        io,
        os::{fd::OwnedFd, unix::net::UnixStream},
    };
    use tokio::net::unix::pipe;

    pub(super) fn pipes(redirect: &Redirect) -> io::Result<Pipes> {
        let [stdin, stdout] = redirect.take_real()?;
        Ok(Pipes::new(reader(stdin)?, writer(stdout)?))
    }

    fn reader(stdin: OwnedFd) -> io::Result<ReadHalf> {
        match kind(&stdin)? {
            FileType::Fifo => Ok(Box::new(pipe::Receiver::from_owned_fd(stdin)?)),
            FileType::Socket => Ok(Box::new(socket(stdin)?)),
            other => Err(neither("standard input", other)),
        }
    }

    fn writer(stdout: OwnedFd) -> io::Result<WriteHalf> {
        match kind(&stdout)? {
            FileType::Fifo => Ok(Box::new(pipe::Sender::from_owned_fd(stdout)?)),
            FileType::Socket => Ok(Box::new(socket(stdout)?)),
            other => Err(neither("standard output", other)),
        }
    }

    fn kind(descriptor: &OwnedFd) -> io::Result<FileType> {
        Ok(FileType::from_raw_mode(fstat(descriptor)?.st_mode))
    }

    /// Any stream socket: nothing is asked of it but reading and writing.
    fn socket(descriptor: OwnedFd) -> io::Result<tokio::net::UnixStream> {
        let socket = UnixStream::from(descriptor);
        socket.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(socket)
    }

    fn neither(name: &str, kind: FileType) -> io::Error {
        io::Error::other(format!("{name} is neither a pipe nor a socket, but {kind:?}"))
    }
}

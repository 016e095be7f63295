//! The connect check: whether it is gRPC that answers.
//!
//! Left to themselves, HTTP/2 clients call a connection good once the socket is open; a silent peer, a
//! wrong protocol or a refused certificate then shows in some later call, as something else. Here the
//! preface that opens every HTTP/2 connection is sent first and the peer's own, a SETTINGS frame, waited
//! for. HTTP/2 then runs on the same stream: its first bytes out are the preface again, which are
//! swallowed, and what the peer has said already is read from memory.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::broker::session_lost;
use crate::{Error, ErrorKind, Result};

/// RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The header of an HTTP/2 frame: length (3), type, flags, stream (4).
const FRAME_HEADER: usize = 9;

/// A stream that HTTP/2 may begin on.
pub(crate) struct Checked<IO> {
    io: IO,
    /// What the peer has said already: `head[read..]` is yet to be read.
    head: [u8; FRAME_HEADER],
    read: usize,
    /// How much of the preface is yet to be swallowed.
    preface: usize,
}

/// Sends the preface and looks at the answer. Waits as long as the peer is silent: the caller sets a limit.
pub(crate) async fn check<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO) -> Result<Checked<IO>> {
    let mut head = [0; FRAME_HEADER];
    let mut filled = 0;
    let exchange: io::Result<()> = async {
        io.write_all(PREFACE).await?;
        io.flush().await?;
        while filled < FRAME_HEADER && recognise(&head[..filled]).is_none() {
            match io.read(&mut head[filled..]).await? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(())
    }
    .await;
    match (recognise(&head[..filled]), exchange) {
        (Some(Ok(())), _) => Ok(Checked { io, head, read: 0, preface: PREFACE.len() }),
        (Some(Err(error)), _) => Err(error),
        // A peer that does not understand may close before it has read everything, which resets the socket.
        (None, Ok(())) => Err(closed()),
        (None, Err(error)) if is_end(&error) => Err(closed()),
        (None, Err(error)) => Err(carried(error)),
    }
}

/// What begins with `bytes`. `None`: too few to tell.
fn recognise(bytes: &[u8]) -> Option<Result<()>> {
    const SETTINGS: u8 = 4;
    const TLS_ALERT: u8 = 0x15;

    match bytes {
        [TLS_ALERT, 3, ..] => Some(Err(Error::new(
            ErrorKind::Security,
            "the other side expects TLS, and none is configured on this side",
        ))),
        [_, _, _, SETTINGS, _, 0, 0, 0, 0] => Some(Ok(())),
        _ if bytes.starts_with(b"HTTP/1") => {
            Some(Err(Error::new(ErrorKind::Protocol, "the other side speaks HTTP/1, not gRPC")))
        }
        _ if bytes.len() == FRAME_HEADER => Some(Err(Error::new(
            ErrorKind::Protocol,
            format!("the other side does not speak gRPC: it begins with \"{}\"", bytes.escape_ascii()),
        ))),
        _ => None,
    }
}

fn closed() -> Error {
    let text =
        "the other side closed the connection before it said anything: it may expect TLS or another protocol";
    Error::new(ErrorKind::Disconnected, text)
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// The layer below may have said more precisely what happened.
fn carried(error: io::Error) -> Error {
    if let Some(tls) = crate::tls::cause_of(&error) {
        return tls;
    }
    if let Some(session) = muxbroker::Error::from_io(&error) {
        return session_lost(session.clone());
    }
    let text = format!("the connection was lost: {error}");
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => Error::new(ErrorKind::Disconnected, text).with_source(error),
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Checked<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read < FRAME_HEADER {
            let n = buf.remaining().min(FRAME_HEADER - self.read);
            buf.put_slice(&self.head[self.read..self.read + n]);
            self.read += n;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Checked<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.preface > 0 {
            let n = self.preface.min(buf.len());
            self.preface -= n;
            return Poll::Ready(Ok(n));
        }
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.preface > 0 {
            let first = bufs.iter().find(|b| !b.is_empty()).map_or(&[][..], |b| b);
            return self.poll_write(cx, first);
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    const SETTINGS: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];

    /// What the check says to a peer that answers with `answer` and closes.
    async fn verdict(answer: &[u8]) -> Result<()> {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        check(ours).await.map(|_| ())
    }

    #[tokio::test]
    async fn each_kind_of_peer_is_told_apart() {
        for (answer, expected) in [
            (SETTINGS, Ok(())),
            (b"", Err((ErrorKind::Disconnected, "closed the connection before it said anything"))),
            (&SETTINGS[..8], Err((ErrorKind::Disconnected, "closed the connection"))),
            (&[0x15, 3, 1, 0, 2, 2, 40], Err((ErrorKind::Security, "expects TLS"))),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", Err((ErrorKind::Protocol, "speaks HTTP/1"))),
            (b"220 mail ready\r\n", Err((ErrorKind::Protocol, r#"begins with "220 mail ""#))),
            // A SETTINGS frame on a stream of its own is none.
            (&[0, 0, 0, 4, 0, 0, 0, 0, 1], Err((ErrorKind::Protocol, "does not speak gRPC"))),
        ] {
            match (verdict(answer).await, expected) {
                (Ok(()), Ok(())) => {}
                (Err(error), Err((kind, text))) => {
                    assert_eq!(error.kind(), kind, "{error}");
                    assert!(error.to_string().contains(text), "{error}");
                }
                (got, _) => panic!("{answer:?} gave {got:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_stream_looks_untouched_afterwards() {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(SETTINGS).await.unwrap();
        let mut checked = check(ours).await.unwrap();

        let mut read = [0; SETTINGS.len()];
        checked.read_exact(&mut read[..4]).await.unwrap();
        checked.read_exact(&mut read[4..]).await.unwrap();
        assert_eq!(read, SETTINGS);

        // The preface in two pieces, the second with more behind it.
        checked.write_all(&PREFACE[..10]).await.unwrap();
        let tail = [&PREFACE[10..], b"more"].concat();
        checked.write_all(&tail).await.unwrap();
        drop(checked);
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, [PREFACE, b"more"].concat());
    }
}

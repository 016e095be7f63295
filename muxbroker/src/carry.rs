//! Readers and writers carried to the other side: what Go plugins do with `io.Reader` and `io.Writer`.
//!
//! The side that has the reader or writer offers it under a broker id, the other side dials that id. An error of
//! a carried reader or writer resets the stream, so that the other side sees "connection reset" and not a clean
//! end; yamux has no way to send the error's text.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;

use crate::broker::{MuxBroker, Serving};
use crate::error::{Error, Kind};
use crate::stream::{ReadHalf, Stream, WriteHalf};

/// What is moved at a time: the payload of one data frame.
const BLOCK: usize = 64 * 1024;

/// How long the far end of a carried writer may take to store what was under way when it is shut down.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

impl MuxBroker {
    /// Lets the other side read `reader`: send it [`Serving::id`], it calls
    /// [`receive_reader`](Self::receive_reader) (Go: `broker.Dial`, then `Read`). It has 5 s to do so.
    ///
    /// An error of `reader` resets the stream. [`Serving::join`] completes when the other side is done reading.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn send_reader<R>(&self, reader: R) -> Serving
    where
        R: AsyncRead + Send + Unpin + 'static,
    {
        self.serve_next(move |stream| feed(reader, stream))
    }

    /// Lets the other side write to `writer`: send it [`Serving::id`], it calls
    /// [`receive_writer`](Self::receive_writer) (Go: `broker.Dial`, then `Write` and `Close`). It has 5 s to do so.
    ///
    /// When the other side finishes, `writer` is shut down and the stream finished in answer; an error of
    /// `writer` resets it. If the stream breaks off, `writer` is dropped without a shutdown.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn send_writer<W>(&self, writer: W) -> Serving
    where
        W: AsyncWrite + Send + Unpin + 'static,
    {
        self.serve_next(move |stream| drain(stream, writer))
    }

    /// The reader that the other side offers under `id`.
    ///
    /// # Errors
    /// As [`dial`](Self::dial).
    pub async fn receive_reader(&self, id: u32) -> Result<RemoteReader, Error> {
        Ok(RemoteReader(self.dial(id).await?))
    }

    /// The writer that the other side offers under `id`.
    ///
    /// # Errors
    /// As [`dial`](Self::dial).
    pub async fn receive_writer(&self, id: u32) -> Result<RemoteWriter, Error> {
        Ok(RemoteWriter { stream: self.dial(id).await?, deadline: None })
    }
}

/// A reader on the other side. EOF is the reader's own end; "connection reset" says that it failed.
#[derive(Debug)]
pub struct RemoteReader(Stream);

/// A writer on the other side.
///
/// `shutdown` returns once the other side has stored everything, and fails if it could not or took more than
/// 30 s. A writer that is only dropped ends in good order too, but nobody learns whether all was stored.
#[derive(Debug)]
pub struct RemoteWriter {
    stream: Stream,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for RemoteReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for RemoteWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        loop {
            let mut answer = [0; 16];
            let mut answer = ReadBuf::new(&mut answer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut answer) {
                Poll::Ready(Ok(())) if answer.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(STORE_TIMEOUT)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(Kind::StoreTimeout(STORE_TIMEOUT)).into()))
    }
}

/// Moves `reader` into the stream, then waits until the other side is done with it. That has no deadline: a slow
/// reader may take its time, and the stream ends with the session at the latest.
async fn feed(reader: impl AsyncRead + Unpin, stream: Stream) -> Result<(), Error> {
    let (mut from_peer, mut to_peer) = stream.into_split();
    let fed = tokio::select! {
        fed = feed_all(reader, &mut to_peer) => fed,
        // A peer that finishes its direction has closed the stream: it reads no more. `reader` may have nothing
        // to say for ever, so this must not wait for its next byte.
        left = until_finished(&mut from_peer) => left.and(Err(Error::new(Kind::Reset))),
    };
    match fed {
        Ok(()) => until_finished(&mut from_peer).await,
        Err(error) => {
            to_peer.reset();
            Err(error)
        }
    }
}

async fn feed_all(mut reader: impl AsyncRead + Unpin, to_peer: &mut WriteHalf) -> Result<(), Error> {
    let mut block = vec![0; BLOCK];
    loop {
        let n = reader.read(&mut block).await.map_err(Error::carried)?;
        if n == 0 {
            return to_peer.shutdown().await.map_err(Error::of_stream);
        }
        to_peer.write_all(&block[..n]).await.map_err(Error::of_stream)?;
    }
}

async fn until_finished(from_peer: &mut ReadHalf) -> Result<(), Error> {
    tokio::io::copy(from_peer, &mut tokio::io::sink()).await.map(drop).map_err(Error::of_stream)
}

/// Moves the stream into `writer` and answers when all is stored.
async fn drain(mut stream: Stream, mut writer: impl AsyncWrite + Unpin) -> Result<(), Error> {
    let mut block = vec![0; BLOCK];
    let drained = loop {
        let n = stream.read(&mut block).await.map_err(Error::of_stream)?;
        let stored = if n == 0 { writer.shutdown().await } else { writer.write_all(&block[..n]).await };
        match stored {
            Ok(()) if n == 0 => break Ok(()),
            Ok(()) => {}
            Err(error) => break Err(Error::carried(error)),
        }
    };
    match drained {
        Ok(()) => stream.shutdown().await.map_err(Error::of_stream),
        Err(error) => {
            stream.reset();
            Err(error)
        }
    }
}

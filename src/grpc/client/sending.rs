//! The request's messages on their way out.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::SendStream;
use http_body::Body as _;
use tonic::{Status, body::Body};

/// Moves a body into a stream. Dropped before its end, it leaves the stream unfinished: whoever drops the answer too cancels the call.
pub(super) struct Sending {
    stream: SendStream<Bytes>,
    body: Body,
    /// What the body gave and the stream has not got, two pieces at most: to know that a piece is the last, one looks at what follows.
    pieces: VecDeque<Bytes>,
    ended: bool,
}

impl Sending {
    pub(super) fn new(stream: SendStream<Bytes>, body: Body) -> Self {
        Self { stream, body, pieces: VecDeque::new(), ended: false }
    }

    /// Ends with the body, or when the other side wants no more of it.
    ///
    /// # Errors
    ///
    /// What the body says.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        loop {
            self.look_ahead(cx)?;
            match self.pieces.len() {
                // The last piece needs no room: nothing follows that would have to be held back.
                0 | 1 if self.ended => {
                    let last = self.pieces.pop_front().unwrap_or_default();
                    return Poll::Ready(self.send(last, true));
                }
                0 => {
                    // A stream that was reset must not hold a body that says nothing.
                    return match self.stream.poll_reset(cx) {
                        Poll::Ready(_) => Poll::Ready(Ok(())),
                        Poll::Pending => Poll::Pending,
                    };
                }
                _ => {}
            }
            if !ready!(self.poll_room(cx)) {
                return Poll::Ready(Ok(()));
            }
            let Some(piece) = self.pieces.pop_front() else { continue };
            self.send(piece, false)?;
        }
    }

    fn look_ahead(&mut self, cx: &mut Context<'_>) -> Result<(), Status> {
        while !self.ended && self.pieces.len() < 2 {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => self.ended = true,
                // Requests have no trailers.
                Poll::Ready(Some(frame)) => self.pieces.extend(frame?.into_data().ok()),
            }
        }
        Ok(())
    }

    /// Whether there is room for a part of a piece at least; not if the stream is over.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.stream.reserve_capacity(1);
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(false),
            }
        }
        Poll::Ready(true)
    }

    /// A stream that is over takes nothing, which its answer says.
    fn send(&mut self, piece: Bytes, last: bool) -> Result<(), Status> {
        if let Err(error) = self.stream.send_data(piece, last) {
            tracing::trace!(%error, "the stream takes no more messages");
        }
        Ok(())
    }
}

//! The messages of an answer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http_body::{Body, Frame};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use crate::grpc::status::lost;

/// Dropped before its end, it cancels the call.
pub(super) struct Answer {
    stream: RecvStream,
    read: bool,
    /// Goes on sending the request's messages.
    _sending: Option<AbortOnDropHandle<()>>,
}

impl Answer {
    pub(super) fn new(stream: RecvStream, sending: Option<AbortOnDropHandle<()>>) -> Self {
        Self { stream, read: false, _sending: sending }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.read {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Fails only where there is no window any more.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(ended(error)),
                None => self.read = true,
            }
        }
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(ended(error)),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

/// An answer that came before the end of the request is followed by a reset that means nothing: RFC 9113, section 8.1.
fn ended(error: h2::Error) -> Option<Result<Frame<Bytes>, Status>> {
    (error.reason() != Some(Reason::NO_ERROR) || error.is_go_away()).then(|| Err(lost(error)))
}

//! The end of a gRPC call is in its answer: in the headers, or behind the last message.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};
use tracing::Instrument as _;

use super::{Call, Calls};
use crate::{Error, Result};

/// Where a call says how long it may take.
const DEADLINE: &str = "grpc-timeout";

/// The largest number that a deadline may be written with, whatever its unit: eight digits, by gRPC's specification.
const LARGEST_DEADLINE: u128 = 99_999_999;

/// Gives `request` the deadline of `calls` unless it has one. Both sides keep it.
pub(crate) fn with_deadline(mut request: Request<Body>, calls: &Calls) -> Request<Body> {
    if let Some(after) = calls.timeout
        && !request.headers().contains_key(DEADLINE)
        && let Ok(value) = HeaderValue::from_str(&written(after))
    {
        request.headers_mut().insert(DEADLINE, value);
    }
    request
}

/// In the finest unit that has room for it.
fn written(after: Duration) -> String {
    for (amount, unit) in [(after.as_nanos(), 'n'), (after.as_micros(), 'u'), (after.as_millis(), 'm')] {
        if amount <= LARGEST_DEADLINE {
            return format!("{amount}{unit}");
        }
    }
    format!("{}S", u128::from(after.as_secs()).min(LARGEST_DEADLINE))
}

/// Waits for the beginning of the answer to `call`, and watches the answer to its end.
pub(crate) async fn observe(
    call: Call,
    answer: impl Future<Output = Result<Response<Body>>> + Send,
) -> Result<Response<Body>> {
    let span = call.span();
    match answer.instrument(span).await {
        Ok(response) => Ok(watch(response, call)),
        Err(error) => {
            let failed = Err(error);
            call.end(&failed);
            failed
        }
    }
}

fn watch(response: Response<Body>, call: Call) -> Response<Body> {
    // An answer without messages has its status here.
    if let Some(status) = Status::from_header_map(response.headers()) {
        end(call, status);
        return response;
    }
    response.map(|body| Body::new(Watched { body, call: Some(call) }))
}

fn end(call: Call, status: Status) {
    let ok = status.code() == tonic::Code::Ok;
    call.end(&if ok { Ok(()) } else { Err(Error::from(status)) });
}

/// The messages of an answer, and its status behind them.
struct Watched {
    body: Body,
    call: Option<Call>,
}

impl Watched {
    fn end(&mut self, trailers: Option<&HeaderMap>) {
        let Some(call) = self.call.take() else { return };
        end(call, trailers.and_then(Status::from_header_map).unwrap_or_else(|| Status::unknown("no status")));
    }
}

impl HttpBody for Watched {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.end(Some(trailers));
                }
            }
            Some(Err(status)) => {
                if let Some(call) = self.call.take() {
                    end(call, status.clone());
                }
            }
            None => self.end(None),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_written_in_the_finest_unit_that_has_room() {
        for (after, text) in [
            (Duration::ZERO, "0n"),
            (Duration::from_millis(99), "99000000n"),
            (Duration::from_millis(100), "100000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::MAX, "99999999S"),
        ] {
            assert_eq!(written(after), text, "{after:?}");
        }
    }
}

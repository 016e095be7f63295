//! The end of a gRPC call is in its answer: in the headers, or behind the last message.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};
use tracing::Instrument as _;

use super::{Call, Calls, Obituary, Serving};
use crate::{Error, ErrorKind, Result, trace};

/// Where a call says how long it may take.
const DEADLINE: &str = "grpc-timeout";

/// The largest number that a deadline may be written with, whatever its unit: eight digits, by gRPC's specification.
const LARGEST_DEADLINE: u128 = 99_999_999;

/// Gives `request` the deadline of `calls` and the trace context of `call` unless it has its own. Both sides keep the deadline.
pub(crate) fn prepared(mut request: Request<Body>, calls: &Calls, call: &Call) -> Request<Body> {
    if let Some(after) = calls.timeout
        && !request.headers().contains_key(DEADLINE)
        && let Ok(value) = HeaderValue::from_str(&written(after))
    {
        request.headers_mut().insert(DEADLINE, value);
    }
    if let Some(context) = call.trace() {
        trace::add_to(request.headers_mut(), &context);
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

/// The same for a call that this side serves: its messages are made as part of it, too.
pub(crate) async fn observe_served(
    serving: Serving,
    answer: impl Future<Output = Result<Response<Body>, Infallible>> + Send,
) -> Result<Response<Body>, Infallible> {
    let response = serving.run(answer).await?;
    Ok(watch(response, serving))
}

/// A call whose end is in its answer.
trait Answered: Send + Unpin + 'static {
    fn ended(self, status: Status);

    /// What knows why the answer broke off.
    fn obituary(&self) -> Option<Obituary> {
        None
    }

    /// Takes or makes a part of the answer.
    fn progress<T>(&self, part: impl FnOnce() -> T) -> T;
}

impl Answered for Call {
    fn ended(self, status: Status) {
        let ok = status.code() == tonic::Code::Ok;
        self.end(&if ok { Ok(()) } else { Err(Error::from(status)) });
    }

    fn obituary(&self) -> Option<Obituary> {
        self.obituary()
    }

    fn progress<T>(&self, part: impl FnOnce() -> T) -> T {
        part()
    }
}

impl Answered for Serving {
    fn ended(self, status: Status) {
        self.end(status.code() == tonic::Code::Ok);
    }

    fn progress<T>(&self, part: impl FnOnce() -> T) -> T {
        self.within(part)
    }
}

fn watch(response: Response<Body>, call: impl Answered) -> Response<Body> {
    // An answer without messages has its status here.
    if let Some(status) = Status::from_header_map(response.headers()) {
        call.ended(status);
        return response;
    }
    response.map(|body| Body::new(Watched { body, call: Some(call), breaking: None }))
}

/// The messages of an answer, and its status behind them.
struct Watched<C> {
    body: Body,
    call: Option<C>,
    /// The answer broke off, and why is being found out.
    breaking: Option<Pin<Box<dyn Future<Output = Status> + Send>>>,
}

impl<C: Answered> Watched<C> {
    fn end(&mut self, trailers: Option<&HeaderMap>) {
        let Some(call) = self.call.take() else { return };
        call.ended(
            trailers.and_then(Status::from_header_map).unwrap_or_else(|| Status::unknown("no status")),
        );
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        let Some(breaking) = &mut self.breaking else { return Poll::Ready(None) };
        let status = ready!(breaking.as_mut().poll(cx));
        self.breaking = None;
        if let Some(call) = self.call.take() {
            call.ended(status.clone());
        }
        Poll::Ready(Some(status))
    }
}

/// The same status, with the end of the process as its cause if that is why the answer broke off.
async fn explained(status: Status, obituary: Option<Obituary>) -> Status {
    let error = Error::from(status.clone());
    let Some(obituary) = obituary.filter(|_| error.kind() == ErrorKind::Disconnected) else { return status };
    let error = obituary.explain(error).await;
    let mut explained = Status::new(status.code(), error.to_string());
    explained.set_source(Arc::new(error));
    explained
}

impl<C: Answered> HttpBody for Watched<C> {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        if let Some(status) = ready!(self.poll_broken(cx)) {
            return Poll::Ready(Some(Err(status)));
        }
        let Self { body, call, .. } = &mut *self;
        let mut poll = || Pin::new(&mut *body).poll_frame(cx);
        let frame = ready!(match call {
            Some(call) => call.progress(poll),
            None => poll(),
        });
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.end(Some(trailers));
                }
            }
            Some(Err(status)) => {
                let obituary = self.call.as_ref().and_then(Answered::obituary);
                self.breaking = Some(Box::pin(explained(status.clone(), obituary)));
                return self.poll_broken(cx).map(|status| status.map(Err));
            }
            None => self.end(None),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.breaking.is_none() && self.body.is_end_stream()
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

//! One call on a connection.

use std::{
    future::{Future as _, poll_fn},
    pin::Pin,
    task::Poll,
};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response};
use http_body::Body as _;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;

use super::{answer::Answer, sending::Sending};
use crate::{
    Error, Result,
    grpc::status::{self, lost},
};

/// Sends `head` and `body` and waits for the beginning of the answer. Until then the body is sent by the caller itself; what is left of
/// it then, a stream of messages, is sent by a task that ends with the answer.
pub(super) async fn run(
    mut connection: SendRequest<Bytes>,
    head: Request<()>,
    body: Body,
) -> Result<Response<Body>> {
    let empty = body.is_end_stream();
    let (mut response, stream) = connection.send_request(head, empty).map_err(refused)?;
    let mut sending = (!empty).then(|| Sending::new(stream, body));
    let response = poll_fn(|cx| {
        if let Some(messages) = &mut sending
            && let Poll::Ready(sent) = messages.poll(cx)
        {
            sending = None;
            sent.map_err(status::unsendable)?;
        }
        Pin::new(&mut response).poll(cx).map_err(|error| Error::from(lost(error)))
    })
    .await?;
    let sending = sending.map(|mut messages| {
        AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(status) = poll_fn(|cx| messages.poll(cx)).await {
                tracing::debug!(%status, "a call was given up by its own messages");
            }
        }))
    });
    Ok(response.map(|messages| Body::new(Answer::new(messages, sending))))
}

/// Why a call could not be begun: the connection is lost, or the head cannot be sent.
fn refused(error: h2::Error) -> Error {
    match error.is_io() || error.is_go_away() || error.is_reset() {
        true => lost(error).into(),
        false => Error::misuse(format!("this call cannot be sent: {error}")).with_source(error),
    }
}

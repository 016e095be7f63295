//! Between this crate's [`Error`] and gRPC's `Status`.

use std::{error::Error as StdError, io, sync::Arc};

use tonic::{Code, Status};

use crate::{Error, ErrorKind};

/// A status that came over the wire carries no source; one that tonic made on this side does, whatever its
/// code (a dead connection shows as `Unknown`, `Cancelled` or `Unavailable`). That decides whose fault it was.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        match status.source() {
            Some(source) => local(status.code(), source),
            None => Error::new(remote_kind(status.code()), remote_text(&status)),
        }
        .with_source(status)
    }
}

/// What an adapter returns when the implementation behind it failed. An error that was a status before
/// stays that status; an error of the implementation's own becomes `Unknown`, as a plain Go error does.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let earlier = error.source().and_then(|source| source.downcast_ref::<Status>());
        if let Some(status) = earlier.filter(|status| status.source().is_none()) {
            return status.clone();
        }
        let code = match error.kind() {
            ErrorKind::Timeout | ErrorKind::StartTimeout => Code::DeadlineExceeded,
            ErrorKind::Cancelled => Code::Cancelled,
            ErrorKind::Disconnected | ErrorKind::Shutdown => Code::Unavailable,
            ErrorKind::Unsupported => Code::Unimplemented,
            _ => Code::Unknown,
        };
        Status::new(code, error.to_string())
    }
}

impl From<tonic::transport::Error> for Error {
    fn from(error: tonic::transport::Error) -> Self {
        local(Code::Unavailable, &error).with_source(error)
    }
}

/// What became of a stream that ended before its call did.
pub(super) fn lost(error: h2::Error) -> Status {
    if error.reason().is_some_and(|reason| reason != h2::Reason::NO_ERROR) || error.is_reset() {
        return error.into();
    }
    from_here(Code::Unavailable, format!("the connection was lost: {error}"), error)
}

/// This side waits no longer than the deadline.
pub(super) fn too_late() -> Status {
    from_here(
        Code::DeadlineExceeded,
        "deadline exceeded",
        Error::new(ErrorKind::Timeout, "deadline exceeded"),
    )
}

/// A call that found no connection.
pub(super) fn unreachable(error: Error) -> Error {
    from_here(Code::Unavailable, error.to_string(), error).into()
}

/// A request that cannot be encoded.
pub(super) fn unsendable(status: Status) -> Error {
    let text = format!("this call cannot be sent: {}", status.message());
    Error::misuse(text).with_source(status)
}

fn from_here(code: Code, text: impl Into<String>, source: impl StdError + Send + Sync + 'static) -> Status {
    let mut status = Status::new(code, text);
    status.set_source(Arc::new(source));
    status
}

/// The deadline travels with the call, so that both sides see it pass. All else is the other side's own
/// affair: what it finds unavailable is not the connection that its answer came through.
fn remote_kind(code: Code) -> ErrorKind {
    match code {
        Code::DeadlineExceeded => ErrorKind::Timeout,
        _ => ErrorKind::Remote,
    }
}

fn remote_text(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_owned(),
        text => text.to_owned(),
    }
}

/// Looks through the causes for the one that says what happened: an error of ours from the connector, an
/// elapsed deadline, a socket error.
fn local(code: Code, outermost: &(dyn StdError + 'static)) -> Error {
    if let Some(tls) = crate::tls::cause_of(outermost) {
        return tls;
    }
    let mut innermost = outermost;
    let mut next = Some(outermost);
    while let Some(cause) = next {
        if let Some(ours) = find_ours(cause) {
            return Error::new(ours.kind(), ours.to_string()).with_status(ours.exit_status());
        }
        if cause.is::<tonic::TimeoutExpired>() {
            return Error::new(ErrorKind::Timeout, "deadline exceeded");
        }
        innermost = cause;
        next = cause.source();
    }
    match code {
        Code::DeadlineExceeded => Error::new(ErrorKind::Timeout, "deadline exceeded"),
        // A frame or message that cannot be.
        Code::Internal => Error::new(ErrorKind::Protocol, innermost.to_string()),
        _ => Error::new(ErrorKind::Disconnected, format!("the connection was lost: {innermost}")),
    }
}

/// `io::Error` hides what it carries from `source()`.
fn find_ours<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let carried = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    cause.downcast_ref().or_else(|| carried?.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn local_status(code: Code, source: impl StdError + Send + Sync + 'static) -> Status {
        let mut status = Status::new(code, "transport error");
        status.set_source(Arc::new(source));
        status
    }

    #[test]
    fn a_status_from_the_wire_is_the_other_sides_answer() {
        for (code, message, kind, text) in [
            (Code::Unknown, "no such key", ErrorKind::Remote, "no such key"),
            (Code::NotFound, "", ErrorKind::Remote, "Some requested entity was not found"),
            (Code::Unimplemented, "unknown service x.Y", ErrorKind::Remote, "unknown service x.Y"),
            (Code::DeadlineExceeded, "too slow", ErrorKind::Timeout, "too slow"),
            (Code::Cancelled, "gave up", ErrorKind::Remote, "gave up"),
            (Code::Unavailable, "no database", ErrorKind::Remote, "no database"),
        ] {
            let error = Error::from(Status::new(code, message));
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, text), "{code:?}");
        }
    }

    #[test]
    fn a_status_with_a_source_is_a_lost_connection_whatever_its_code() {
        for code in [Code::Unknown, Code::Cancelled, Code::Unavailable] {
            let broken = io::Error::from(io::ErrorKind::BrokenPipe);
            let error = Error::from(local_status(code, broken));
            assert_eq!(error.kind(), ErrorKind::Disconnected, "{code:?}");
        }
    }

    #[test]
    fn an_error_of_ours_deep_in_the_causes_is_found() {
        let ours = io::Error::other(Error::new(ErrorKind::Security, "wrong certificate"));
        let error = Error::from(local_status(Code::Unavailable, ours));
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Security, "wrong certificate"));
    }

    #[test]
    fn a_status_survives_the_way_through_an_error() {
        let status = Status::from(Error::from(Status::not_found("no such key")));
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such key"));
    }

    #[test]
    fn an_implementations_own_error_is_unknown_as_in_go() {
        let status = Status::from(Error::msg("no such key"));
        assert_eq!((status.code(), status.message()), (Code::Unknown, "no such key"));
    }

    #[test]
    fn a_lost_connection_behind_an_adapter_is_unavailable() {
        let lost = local_status(Code::Unknown, io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(Status::from(Error::from(lost)).code(), Code::Unavailable);
    }
}

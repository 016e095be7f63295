//! One call under way.

use tracing::{Span, field::Empty, info_span};

use super::{Calls, Entry};
use crate::{
    ErrorKind, Protocol, Result,
    trace::{self, TraceContext},
};

/// The outcome of a call that was answered without an error.
pub(super) const OK: &str = "ok";

/// A call under way, from its beginning to its end, which is when this is dropped. A call whose
/// [`end`](Self::end) nobody told was given up.
pub(crate) struct Call {
    span: Span,
    outcome: &'static str,
    entry: Option<Entry>,
    /// Over gRPC, where an answer can break in its middle.
    #[cfg(feature = "grpc")]
    obituary: Option<super::Obituary>,
    #[cfg(feature = "metrics")]
    measured: super::metrics::Measured,
}

impl Call {
    pub(crate) fn begin(calls: &Calls, transport: Protocol, method: &str) -> Self {
        let span = info_span!(
            target: "go_plugin::call",
            "call",
            plugin = calls.plugin.as_deref(),
            method,
            transport = transport.as_str(),
            outcome = Empty,
            otel.kind = Empty,
            otel.status_code = Empty,
        );
        #[cfg(feature = "opentelemetry")]
        span.record("otel.kind", "client");
        Self {
            span,
            outcome: outcome(ErrorKind::Cancelled),
            entry: None,
            #[cfg(feature = "grpc")]
            obituary: if transport == Protocol::Grpc { calls.target.obituary() } else { None },
            #[cfg(feature = "metrics")]
            measured: super::metrics::Measured::begin(calls, transport, method),
        }
    }

    /// Counts as work of the process as long as it lives.
    pub(crate) fn enter(&mut self, entry: Entry) {
        #[cfg(feature = "grpc")]
        if self.obituary.is_some() {
            // The process may be another one than when the call began.
            self.obituary = entry.obituary();
        }
        self.entry = Some(entry);
    }

    /// What happens inside of it belongs to the call.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Where it belongs in a distributed trace.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        trace::of_call(&self.span)
    }

    /// Whether its answer is to be watched.
    #[cfg(feature = "grpc")]
    pub(crate) fn is_observed(&self) -> bool {
        cfg!(feature = "metrics")
            || !self.span.is_disabled()
            || self.entry.is_some()
            || self.obituary.is_some()
    }

    /// Knows how the process ended that the call went to.
    #[cfg(feature = "grpc")]
    pub(super) fn obituary(&self) -> Option<super::Obituary> {
        self.obituary.clone()
    }

    pub(crate) fn end<T>(mut self, result: &Result<T>) {
        self.outcome = result.as_ref().map_or_else(|error| outcome(error.kind()), |_| OK);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.span.record("outcome", self.outcome);
        #[cfg(feature = "opentelemetry")]
        if self.outcome != OK {
            self.span.record("otel.status_code", "ERROR");
        }
        #[cfg(feature = "metrics")]
        self.measured.end(self.outcome);
    }
}

/// What a failure is called in spans and metrics.
fn outcome(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Remote => "remote_error",
        ErrorKind::Timeout | ErrorKind::StartTimeout => "timeout",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Disconnected | ErrorKind::Shutdown => "disconnected",
        ErrorKind::Protocol => "protocol_error",
        ErrorKind::Security => "security_error",
        _ => "misuse",
    }
}

//! One call that this side serves: a span, in the caller's trace.

use std::future::Future;

use tracing::{Instrument as _, Span, field::Empty, info_span};

use super::span::OK;
use crate::{
    Protocol,
    trace::{self, TraceContext},
};

/// The outcome of a call that was answered with an error.
const ERROR: &str = "error";

/// The outcome of a call that was given up before it was answered.
const CANCELLED: &str = "cancelled";

/// A served call under way, until this is dropped. One whose [`end`](Self::end) nobody told was given up.
pub(crate) struct Serving {
    span: Span,
    caller: Option<TraceContext>,
    outcome: &'static str,
}

impl Serving {
    /// None if nobody would notice: no subscriber wants the span, and the caller said nothing about its own.
    pub(crate) fn begin(
        plugin: Option<&str>,
        transport: Protocol,
        method: &str,
        caller: Option<TraceContext>,
    ) -> Option<Self> {
        let span = info_span!(
            target: "go_plugin::serve",
            parent: None,
            "serve",
            plugin,
            method,
            transport = transport.as_str(),
            outcome = Empty,
            otel.kind = Empty,
            otel.status_code = Empty,
        );
        if span.is_disabled() && caller.is_none() {
            return None;
        }
        #[cfg(feature = "opentelemetry")]
        span.record("otel.kind", "server");
        if let Some(caller) = &caller {
            trace::adopt(&span, caller);
        }
        Some(Self { span, caller, outcome: CANCELLED })
    }

    /// Runs what answers the call as part of it.
    pub(crate) fn run<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        let (span, caller) = (self.span.clone(), self.caller.clone());
        async move {
            match caller {
                Some(caller) => caller.scope(work.instrument(span)).await,
                None => work.instrument(span).await,
            }
        }
    }

    /// Does a part of the work that does not wait.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match self.caller.clone() {
            Some(caller) => caller.sync_scope(|| self.span.in_scope(work)),
            None => self.span.in_scope(work),
        }
    }

    pub(crate) fn end(mut self, ok: bool) {
        self.outcome = if ok { OK } else { ERROR };
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.span.record("outcome", self.outcome);
        #[cfg(feature = "opentelemetry")]
        if self.outcome != OK {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

//! Traces of OpenTelemetry, for programs with the layer of `tracing-opentelemetry`.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{TraceContext, TracePropagator};

/// The propagator of programs that set none.
pub(super) struct OpenTelemetry;

impl TracePropagator for OpenTelemetry {
    fn context_of(&self, span: &Span) -> Option<TraceContext> {
        let context = span.context();
        let span = context.span();
        let ours = span.span_context();
        let (trace, id) =
            (u128::from_be_bytes(ours.trace_id().to_bytes()), u64::from_be_bytes(ours.span_id().to_bytes()));
        let known = TraceContext::new(trace, id, ours.trace_flags().to_u8()).ok()?;
        Some(known.with_state(&ours.trace_state().header()))
    }

    fn set_parent(&self, span: &Span, caller: &TraceContext) {
        let (trace, id) = (caller.trace_id().to_be_bytes(), caller.span_id().to_be_bytes());
        let theirs = SpanContext::new(
            TraceId::from_bytes(trace),
            SpanId::from_bytes(id),
            TraceFlags::new(caller.flags()),
            true,
            caller.state().parse::<TraceState>().unwrap_or_default(),
        );
        // An error: the program's subscriber has no such layer.
        let _ = span.set_parent(Context::new().with_remote_span_context(theirs));
    }
}

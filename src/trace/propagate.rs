//! Between spans and contexts, and between contexts and what travels.

use std::sync::OnceLock;

use tracing::Span;

use super::TraceContext;
use crate::{Error, Result};

/// Knows which trace a `tracing` span belongs to: the bridge to a tracing system. The feature `opentelemetry` brings one for
/// `tracing-opentelemetry`.
pub trait TracePropagator: Send + Sync + 'static {
    /// The context that a call made within `span` carries; none if the span belongs to no trace.
    fn context_of(&self, span: &Span) -> Option<TraceContext>;

    /// Makes `caller` the parent of `span`, which is new and was not entered.
    fn set_parent(&self, span: &Span, caller: &TraceContext);
}

static PROPAGATOR: OnceLock<Box<dyn TracePropagator>> = OnceLock::new();

/// Sets what connects spans with traces, for all hosts and plugins of this process and in the place of the one of the feature `opentelemetry`.
/// It belongs to the program's `tracing` subscriber: install both together.
///
/// # Errors
/// [`Misuse`](crate::ErrorKind::Misuse) if there is one already.
pub fn set_propagator(propagator: impl TracePropagator) -> Result<()> {
    let twice = |_| Error::misuse("a trace propagator is set already: set it once, where the program begins");
    PROPAGATOR.set(Box::new(propagator)).map_err(twice)
}

fn propagator() -> Option<&'static dyn TracePropagator> {
    let set = PROPAGATOR.get().map(|propagator| &**propagator);
    #[cfg(feature = "opentelemetry")]
    let set = set.or(Some(&super::opentelemetry::OpenTelemetry));
    set
}

/// What a call with this span carries. One whose span a filter drops belongs to the span around it.
pub(crate) fn of_call(span: &Span) -> Option<TraceContext> {
    let known = propagator().and_then(|propagator| {
        if span.is_disabled() { propagator.context_of(&Span::current()) } else { propagator.context_of(span) }
    });
    known.or_else(TraceContext::current)
}

/// Makes the caller of a served call the parent of its span.
pub(crate) fn adopt(span: &Span, caller: &TraceContext) {
    if let Some(propagator) = propagator()
        && !span.is_disabled()
    {
        propagator.set_parent(span, caller);
    }
}

#[cfg(feature = "grpc")]
mod metadata {
    use http::{HeaderMap, HeaderValue};

    use super::TraceContext;

    const PARENT: &str = "traceparent";
    const STATE: &str = "tracestate";

    /// Adds a context to the metadata of a call, unless the caller has said itself where it belongs.
    pub(crate) fn add_to(headers: &mut HeaderMap, context: &TraceContext) {
        if headers.contains_key(PARENT) {
            return;
        }
        if let Ok(parent) = HeaderValue::from_str(&context.to_string()) {
            headers.insert(PARENT, parent);
        }
        if let Ok(state) = HeaderValue::from_str(context.state())
            && !state.is_empty()
        {
            headers.insert(STATE, state);
        }
    }

    /// The context in the metadata of a call. It may be spread over several headers of the second name, as any list.
    pub(crate) fn found_in(headers: &HeaderMap) -> Option<TraceContext> {
        let mut parents = headers.get_all(PARENT).iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let states: Vec<_> = headers.get_all(STATE).iter().map_while(|state| state.to_str().ok()).collect();
        TraceContext::received(parent.to_str().ok()?, &states.join(","))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_context_goes_into_metadata_and_comes_out_again() {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            for state in ["", "a=1,b=2"] {
                let mut headers = HeaderMap::new();
                let context = TraceContext::parse(parent).unwrap().with_state(state);
                add_to(&mut headers, &context);
                assert_eq!(headers.len(), if state.is_empty() { 1 } else { 2 });
                assert_eq!(found_in(&headers), Some(context));
                let own = headers.clone();
                add_to(&mut headers, &TraceContext::new(1, 2, 0).unwrap());
                assert_eq!(headers, own, "what the caller said stays");
            }
        }

        #[test]
        fn several_states_are_one_list_and_several_parents_none() {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let mut headers = HeaderMap::new();
            headers.append(PARENT, HeaderValue::from_static(parent));
            headers.append(STATE, HeaderValue::from_static("a=1"));
            headers.append(STATE, HeaderValue::from_static("b=2"));
            assert_eq!(found_in(&headers).unwrap().state(), "a=1,b=2");
            headers.append(PARENT, HeaderValue::from_static(parent));
            assert_eq!(found_in(&headers), None);
        }
    }
}

#[cfg(feature = "grpc")]
pub(crate) use metadata::{add_to, found_in};

//! Distributed traces: where a call belongs, carried from host to plugin and back as the W3C recommendation
//! [Trace Context](https://www.w3.org/TR/trace-context/) says.
//!
//! Over gRPC a call carries `traceparent` and `tracestate` as metadata, which Go programs instrumented with OpenTelemetry write and read. Over
//! net/rpc they are two more fields in the header of a request; Go skips them. Hosts have to ask for that:
//! [`ClientBuilder::send_trace_context`](crate::ClientBuilder). What a plugin calls back carries them if the call did in which it connected.
//!
//! **With the feature `opentelemetry`** nothing else is to be done: a call made within a `tracing` span belongs to that span's trace, if the program's
//! subscriber has the layer of `tracing-opentelemetry`, and the other side's span of that call (target `go_plugin::serve`) is its child there.
//!
//! **Without it**, and for another version of OpenTelemetry, [`set_propagator`] takes what reads and writes contexts of spans. Without either,
//! a served call has its caller's context as [`TraceContext::current`], and calls made meanwhile carry it on;
//! [`TraceContext::scope`] sets it.

mod context;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod propagate;

pub use context::TraceContext;
pub use propagate::{TracePropagator, set_propagator};
#[cfg(feature = "grpc")]
pub(crate) use propagate::{add_to, found_in};
pub(crate) use propagate::{adopt, of_call};

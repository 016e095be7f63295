//! How the calls to a plugin's objects are made, and what is told about each: a span and, with the feature `metrics`, a count and a
//! duration. And the span of each call that this side serves.

#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "metrics")]
mod metrics;
mod serving;
mod span;
mod target;

use std::{sync::Arc, time::Duration};

#[cfg(feature = "grpc")]
pub(crate) use grpc::{observe, observe_served, prepared};
pub(crate) use serving::Serving;
pub(crate) use span::Call;
#[cfg(feature = "grpc")]
use target::Obituary;
pub(crate) use target::{Admission, Entry, Gate, Target};

/// What all calls to the objects of one plugin have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// Whom to name in spans and metrics. Nobody where a plugin calls back into its host.
    pub(crate) plugin: Option<Arc<str>>,
    /// How long a call may take that has no deadline of its own.
    pub(crate) timeout: Option<Duration>,
    /// Whether a plugin is told over net/rpc that a call was given up. Over gRPC it always is.
    #[cfg_attr(not(feature = "netrpc"), expect(dead_code, reason = "gRPC has cancellation built in"))]
    pub(crate) tell_cancelled: bool,
    /// Whether they say over net/rpc which trace they belong to. Over gRPC they always do.
    #[cfg_attr(not(feature = "netrpc"), expect(dead_code, reason = "gRPC has metadata"))]
    pub(crate) send_trace: bool,
    /// The process that they go to.
    pub(crate) target: Target,
}

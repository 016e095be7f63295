//! How the calls to a plugin's objects are made, and what is told about each: a span and, with the feature `metrics`, a count and a
//! duration.

#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "metrics")]
mod metrics;
mod span;
mod target;

use std::{sync::Arc, time::Duration};

#[cfg(feature = "grpc")]
pub(crate) use grpc::{observe, with_deadline};
pub(crate) use span::Call;
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
    /// The process that they go to.
    pub(crate) target: Target,
}

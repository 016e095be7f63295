//! Calls as counters and histograms of the `metrics` facade.

use std::{sync::Arc, time::Instant};

use metrics::SharedString;

use super::Calls;
use crate::Protocol;

/// Counts calls, by plugin, method, transport and outcome.
const CALLS: &str = "go_plugin_calls_total";

/// How long they took, in seconds, by the same.
const DURATION: &str = "go_plugin_call_duration_seconds";

pub(super) struct Measured {
    plugin: Option<Arc<str>>,
    transport: Protocol,
    method: String,
    began: Instant,
}

impl Measured {
    pub(super) fn begin(calls: &Calls, transport: Protocol, method: &str) -> Self {
        Self { plugin: calls.plugin.clone(), transport, method: method.to_owned(), began: Instant::now() }
    }

    pub(super) fn end(&mut self, outcome: &'static str) {
        let plugin = self.plugin.take().map_or(SharedString::const_str(""), SharedString::from_shared);
        let labels = [
            ("plugin", plugin),
            ("method", std::mem::take(&mut self.method).into()),
            ("transport", self.transport.as_str().into()),
            ("outcome", outcome.into()),
        ];
        metrics::counter!(CALLS, &labels).increment(1);
        metrics::histogram!(DURATION, &labels).record(self.began.elapsed().as_secs_f64());
    }
}

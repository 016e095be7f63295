//! What every call has: a limit, a way to give it up, a span, a count.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::ErrorKind;
use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{LONG, RUNTIMES, TRANSPORTS, eventually, start_with};
use tokio::time::timeout;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, layer::Context, prelude::*, registry::LookupSpan};

/// How a plugin's method is called on the wire.
fn method(transport: go_plugin::Protocol) -> &'static str {
    match transport {
        go_plugin::Protocol::NetRpc => "Plugin.Act",
        go_plugin::Protocol::Grpc => "greeter.Greeter/Say",
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_or_is_dropped_is_given_up_on_both_sides() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let limit = Duration::from_millis(200);
            let plugin = start_with(
                transport,
                runtime,
                |_| {},
                |builder| builder.call_timeout(limit).send_cancel(true).name("limited"),
            )
            .await;
            let (late, dropped) = (plugin.dir.path().join("late"), plugin.dir.path().join("dropped"));
            let error = plugin.act(&format!("wait {}", late.display())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{transport}: {error:?}");
            eventually("the late call is given up", || late.exists()).await;

            let order = format!("wait {}", dropped.display());
            assert!(timeout(limit / 4, plugin.actor.act(&order)).await.is_err());
            eventually("the dropped call is given up", || dropped.exists()).await;

            assert_eq!(plugin.act("print 1").await.unwrap(), "done");
            plugin.client.kill().await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_call_is_a_span_with_plugin_method_transport_and_outcome() {
    let spans = Spans::default();
    let _capture = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    for transport in TRANSPORTS {
        let plugin = start_with(transport, RUNTIMES[1], |_| {}, |builder| builder.name("actor")).await;
        plugin.act("print 1").await.unwrap();
        plugin.act("what").await.unwrap_err();
        let never = plugin.dir.path().join("never");
        let order = format!("wait {}", never.display());
        assert!(timeout(Duration::from_millis(50), plugin.actor.act(&order)).await.is_err());
        plugin.act("print-and-exit 0").await.unwrap_err();
        // Pings, and what else is the library's own, are none.
        let span = |outcome: &str| {
            [
                ("plugin", "actor"),
                ("method", method(transport)),
                ("transport", transport.as_str()),
                ("outcome", outcome),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
        };
        let expected: Vec<BTreeMap<_, _>> =
            ["ok", "remote_error", "cancelled", "disconnected"].map(span).into();
        eventually("four calls have ended", || spans.0.lock().unwrap().len() >= 4).await;
        assert_eq!(std::mem::take(&mut *spans.0.lock().unwrap()), expected);
    }
}

#[tokio::test]
async fn calls_are_counted_and_measured() {
    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    recorder.install().unwrap();
    for transport in TRANSPORTS {
        let plugin = start_with(transport, RUNTIMES[1], |_| {}, |builder| builder.name("counted")).await;
        for _ in 0..3 {
            plugin.act("print 1").await.unwrap();
        }
        plugin.act("what").await.unwrap_err();
        plugin.client.kill().await.unwrap();
        let mut found = BTreeMap::new();
        // Other tests of this process are counted too.
        for (key, _, _, value) in snapshots.snapshot().into_vec() {
            let labels: BTreeMap<_, _> =
                key.key().labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
            if labels["plugin"] != "counted"
                || labels.get("transport").is_none_or(|t| t != transport.as_str())
            {
                continue;
            }
            assert_eq!(labels["method"], method(transport));
            let value = match value {
                DebugValue::Counter(count) => count,
                DebugValue::Histogram(times) => {
                    times.iter().filter(|time| time.0 < LONG.as_secs_f64()).count() as u64
                }
                DebugValue::Gauge(gauge) => panic!("{gauge}"),
            };
            let kind = if key.kind() == MetricKind::Counter { "calls" } else { "durations" };
            found.insert((kind, key.key().name().to_owned(), labels["outcome"].clone()), value);
        }
        let expected = [("ok", 3), ("remote_error", 1)].into_iter().flat_map(|(outcome, count)| {
            [("calls", "go_plugin_calls_total"), ("durations", "go_plugin_call_duration_seconds")]
                .map(|(kind, name)| ((kind, name.to_owned(), outcome.to_owned()), count))
        });
        assert_eq!(found, expected.collect());
    }
}

/// The fields of every span of a call that has ended.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<BTreeMap<String, String>>>>);

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // Those of OpenTelemetry are for its layer.
        if !field.name().starts_with("otel.") {
            self.0.insert(field.name().to_owned(), value.to_owned());
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if attributes.metadata().target() == "go_plugin::call" {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            context.span(id).unwrap().extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(fields) = context.span(id).unwrap().extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        if let Some(fields) = context.span(&id).unwrap().extensions_mut().remove::<Fields>() {
            self.0.lock().unwrap().push(fields.0);
        }
    }
}

//! Hosts and plugins that are instrumented with OpenTelemetry: their spans make one trace.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::Protocol;
use process_tests::traces::{Span, Spans};
use support::{RUNTIMES, start_with};
use tracing::{Instrument as _, info_span};

/// The one span of this name.
fn only<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

#[tokio::test]
async fn the_spans_of_host_and_plugin_are_one_trace() {
    let spans = Spans::install();
    for (transport, opted_in, one_trace) in
        [(Protocol::NetRpc, true, true), (Protocol::Grpc, false, true), (Protocol::NetRpc, false, false)]
    {
        let traced = |command: &mut std::process::Command| {
            command.env("ACTOR_TRACES", "1");
        };
        let plugin =
            start_with(transport, RUNTIMES[1], traced, |builder| builder.send_trace_context(opted_in)).await;
        spans.take();
        plugin.act("work").instrument(info_span!("request")).await.unwrap();
        let ours = spans.take();
        let theirs: Vec<Span> =
            plugin.act("spans").await.unwrap().lines().map(|line| line.parse().unwrap()).collect();
        let (request, call) = (only(&ours, "request"), only(&ours, "call"));
        let (serve, work) = (only(&theirs, "serve"), only(&theirs, "work"));
        assert_eq!((&call.trace, &call.parent), (&request.trace, &request.id), "{transport}");
        assert_eq!((&work.trace, &work.parent), (&serve.trace, &serve.id), "{transport}");
        assert_eq!((call.kind.as_str(), serve.kind.as_str()), ("Client", "Server"), "{transport}");
        let joined = serve.trace == call.trace && serve.parent == call.id;
        assert_eq!(joined, one_trace, "{transport} {call:?} {serve:?}");
        plugin.client.kill().await.unwrap();
    }
}

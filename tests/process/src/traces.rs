//! OpenTelemetry as a program sets it up, with spans that go nowhere but here.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use std::{
    fmt,
    future::{Future, ready},
    str::FromStr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tracing_subscriber::prelude::*;

/// The spans of this process that have ended.
#[derive(Clone, Debug, Default)]
pub struct Spans(Arc<Mutex<Vec<Span>>>);

/// What matters of one; displayed as a line that can be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The name.
    pub name: String,
    /// The trace that it belongs to, in hexadecimal digits.
    pub trace: String,
    /// The span itself.
    pub id: String,
    /// Its parent; zeros if it has none.
    pub parent: String,
    /// `Client`, `Server` or `Internal`.
    pub kind: String,
}

impl Spans {
    /// Has every `tracing` span of this process become one of OpenTelemetry. Once; later calls give the same.
    pub fn install() -> Self {
        static INSTALLED: OnceLock<Spans> = OnceLock::new();
        let install = || {
            let spans = Self::default();
            let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("process-tests"));
            tracing_subscriber::registry().with(layer).init();
            spans
        };
        INSTALLED.get_or_init(install).clone()
    }

    /// Those so far, each once.
    pub fn take(&self) -> Vec<Span> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SpanExporter for Spans {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(batch.iter().map(Span::from));
        ready(Ok(()))
    }
}

impl From<&SpanData> for Span {
    fn from(span: &SpanData) -> Self {
        Self {
            name: span.name.replace(' ', "_"),
            trace: span.span_context.trace_id().to_string(),
            id: span.span_context.span_id().to_string(),
            parent: span.parent_span_id.to_string(),
            kind: format!("{:?}", span.span_kind),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, trace, id, parent, kind } = self;
        write!(f, "{name} {trace} {id} {parent} {kind}")
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let parts: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let [name, trace, id, parent, kind] = parts.try_into().map_err(|_| line.to_owned())?;
        Ok(Self { name, trace, id, parent, kind })
    }
}

//! hclog's JSON form: how a plugin's events reach its host.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

use super::time;

/// A layer that writes each event as one line of hclog JSON, which hosts in Go and in Rust take apart again.
///
/// The fields of the event and of the spans around it become flat keys; `@module` is the target. Records of the `log` crate come
/// here, with the target that they were logged with, through `tracing-log`: `init` below bridges them if tracing-subscriber has its default
/// feature of that name, and `tracing_log::LogTracer::init` does without.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let layer = go_plugin::logs::HclogJson::stderr()?.with_caller(true);
/// # let subscriber =
/// tracing_subscriber::registry().with(layer) // .init()
/// # ; drop(subscriber);
/// # std::io::Result::Ok(())
/// ```
pub struct HclogJson<W> {
    writer: Mutex<W>,
    caller: bool,
}

impl HclogJson<File> {
    /// Writes to what is standard error now, also after a plugin's `serve` has redirected it: that is where hosts
    /// expect log lines, while what is printed to standard error later is shown to the host's user as it is.
    ///
    /// Call it at the start of `main`. Fails if standard error is closed or there are no descriptors left.
    pub fn stderr() -> io::Result<Self> {
        #[cfg(unix)]
        let stderr = std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned()?;
        #[cfg(windows)]
        let stderr = std::os::windows::io::AsHandle::as_handle(&io::stderr()).try_clone_to_owned()?;
        Ok(Self::new(stderr.into()))
    }
}

impl<W: Write + Send + 'static> HclogJson<W> {
    /// Writes lines to `writer`, each with one call of `write_all`. What cannot be written is dropped: a log line is
    /// no reason to fail, and a host that is gone reads none.
    pub fn new(writer: W) -> Self {
        Self { writer: Mutex::new(writer), caller: false }
    }

    /// Adds `@caller`, the file and line of the event. hclog: `IncludeLocation`. Off by default.
    pub fn with_caller(mut self, caller: bool) -> Self {
        self.caller = caller;
        self
    }
}

impl<W> fmt::Debug for HclogJson<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HclogJson").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl<S, W> Layer<S> for HclogJson<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + Send + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut keys = SpanKeys::default();
            attributes.record(&mut Keys(&mut keys.0));
            span.extensions_mut().insert(keys);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(keys) = span.extensions_mut().get_mut::<SpanKeys>()
        {
            values.record(&mut Keys(&mut keys.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut line = Map::new();
        for span in ctx.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(keys) = span.extensions().get::<SpanKeys>() {
                line.extend(keys.0.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        event.record(&mut Keys(&mut line));
        self.describe(event, &mut line);
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
    }
}

impl<W> HclogJson<W> {
    /// Adds the keys that hclog gives a meaning. They win over fields of the same name.
    fn describe(&self, event: &Event<'_>, line: &mut Map<String, Value>) {
        let metadata = event.metadata();
        let message = match line.remove("message") {
            None => String::new(),
            Some(Value::String(message)) => message,
            Some(other) => other.to_string(),
        };
        line.insert("@message".into(), message.into());
        line.insert("@level".into(), level(*metadata.level()).into());
        line.insert("@timestamp".into(), time::now_micros().into());

        // What `tracing-log` knows of a record of the `log` crate it carries in fields, since its callsites are static.
        let module = line.remove("log.target").unwrap_or_else(|| metadata.target().into());
        let file = line.remove("log.file").or_else(|| metadata.file().map(Into::into));
        let number = line.remove("log.line").or_else(|| metadata.line().map(Into::into));
        line.remove("log.module_path");
        line.insert("@module".into(), module);
        if self.caller
            && let (Some(Value::String(file)), Some(number)) = (file, number)
        {
            line.insert("@caller".into(), format!("{file}:{number}").into());
        }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

#[derive(Default)]
struct SpanKeys(Map<String, Value>);

struct Keys<'a>(&'a mut Map<String, Value>);

impl Keys<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Keys<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN and no infinity.
        if value.is_finite() { self.insert(field, value) } else { self.insert(field, value.to_string()) }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.insert(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

//! hclog's text form.

use std::fmt::{self, Write};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::LookupSpan,
};

use super::time;

/// Prints events as Go's hclog does: `2006-01-02T15:04:05.000Z [INFO]  plugin.kv: stored: key=hello size=5`.
///
/// The name is the event's target, or that of the record of the `log` crate that it is made of. Fields of the spans around an event stand before its own. Values with spaces or
/// quotes are quoted; values of several lines get lines of their own, as hclog prints them.
#[derive(Clone, Copy, Debug)]
pub struct HclogText {
    time: bool,
}

impl Default for HclogText {
    fn default() -> Self {
        Self::new()
    }
}

impl HclogText {
    /// With the local time in front.
    pub fn new() -> Self {
        Self { time: true }
    }

    /// Leaves the time out. hclog: `DisableTime`.
    pub fn without_time(self) -> Self {
        Self { time: false }
    }
}

impl<S, N> FormatEvent<S, N> for HclogText
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        if self.time {
            write!(out, "{} ", time::now_millis())?;
        }
        let mut visitor = TextVisitor::default();
        event.record(&mut visitor);
        let name = visitor.log_target.as_deref().unwrap_or(metadata.target());
        write!(out, "{} {name}", label(*metadata.level()))?;
        if !visitor.message.is_empty() {
            write!(out, ": {}", visitor.message)?;
        }
        let mut implied = String::new();
        for span in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) =
                span.extensions().get::<FormattedFields<N>>().filter(|f| !f.fields.is_empty())
            {
                write!(implied, " {}", fields.fields)?;
            }
        }
        if !implied.is_empty() || !visitor.fields.is_empty() {
            write!(out, ":{implied}{}", visitor.fields)?;
        }
        writeln!(out)
    }
}

fn label(level: Level) -> &'static str {
    match level {
        Level::TRACE => "[TRACE]",
        Level::DEBUG => "[DEBUG]",
        Level::INFO => "[INFO] ",
        Level::WARN => "[WARN] ",
        Level::ERROR => "[ERROR]",
    }
}

#[derive(Default)]
struct TextVisitor {
    message: String,
    fields: String,
    /// What `tracing-log` knows of a record of the `log` crate it carries in fields, since its callsites are static.
    log_target: Option<String>,
}

impl Visit for TextVisitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else if field.name() == "log.target" {
            self.log_target = Some(value.to_owned());
        } else if value.is_empty() {
            self.fields.push_str(&format!(" {}=\"\"", field.name()));
        } else if !of_log(field) {
            pair(&mut self.fields, field.name(), value, false);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" {
            self.message.push_str(&value);
        } else if !of_log(field) {
            // hclog does not quote slices, and Rust's lists look like them.
            let list = value.starts_with('[') && value.ends_with(']');
            pair(&mut self.fields, field.name(), &value, list);
        }
    }
}

fn of_log(field: &Field) -> bool {
    matches!(field.name(), "log.target" | "log.module_path" | "log.file" | "log.line")
}

fn pair(out: &mut String, key: &str, value: &str, raw: bool) {
    if value.contains('\n') {
        out.push_str(&format!("\n  {key}=\n"));
        for line in value.split_terminator('\n') {
            out.push_str("  | ");
            escape(out, line, false);
            out.push('\n');
        }
        out.push_str("  ");
    } else if raw || value.chars().all(|c| ('-'..='~').contains(&c)) {
        out.push_str(&format!(" {key}={value}"));
    } else {
        out.push_str(&format!(" {key}=\""));
        escape(out, value, true);
        out.push('"');
    }
}

/// hclog's escapes: what a terminal would act on is written out. Quotes only where the value stands in quotes.
fn escape(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '"' if quotes => out.push_str("\\\""),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if !c.is_control() => out.push(c),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_hclog_quotes_them() {
        for (value, text) in [
            ("plain", " k=plain"),
            ("a/b:c", " k=a/b:c"),
            ("two words", " k=\"two words\""),
            ("say \"hi\"", " k=\"say \\\"hi\\\"\""),
            ("100%", " k=\"100%\""),
            ("tab\there", " k=\"tab\\there\""),
            ("\x1b[31m", " k=\"\\x1b[31m\""),
            ("é", " k=\"é\""),
            ("\u{85}", " k=\"\\u0085\""),
            ("one\ntwo \"2\"\n", "\n  k=\n  | one\n  | two \"2\"\n  "),
        ] {
            let mut out = String::new();
            pair(&mut out, "k", value, false);
            assert_eq!(out, text, "{value:?}");
        }
    }
}

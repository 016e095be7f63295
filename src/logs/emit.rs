//! From bytes of a plugin's stderr to events.

use serde_json::{Map, Value};
use tracing::{Dispatch, dispatcher, field::display, level_filters::LevelFilter, subscriber::NoSubscriber};

use super::{
    callsite::{MAX_FIELDS, Target},
    entry::{Entry, EntryParser},
    lines::{DEFAULT_LINE_BUFFER, Line, LineSplitter},
};

/// Takes a plugin's stderr as it arrives and emits each line as a `tracing` event with the target `plugin.NAME`.
///
/// The fields of an hclog line keep their names and types: strings, numbers and booleans as such, nested values as
/// JSON; a key called `message` becomes `plugin.message`, since `tracing` has that name for the text. `tracing` wants
/// field names to be static, so what occurs is kept for ever, within bounds: a line with more than 31 keys, or with
/// the 257th combination of keys, has them as one JSON object in the field `fields`.
///
/// The events go to the subscriber that is the default where this is made, be it the global one or one of a scope, from
/// whatever thread it is fed.
///
/// Feed it from one place; it is the state of one stream.
pub struct PluginLog {
    lines: LineSplitter,
    state: State,
    /// `None`: there was no subscriber yet, so whichever is the default later.
    dispatch: Option<Dispatch>,
}

struct State {
    parser: EntryParser,
    target: &'static Target,
}

impl PluginLog {
    /// For the plugin of that name: Go's hosts use the base name of its command.
    pub fn new(name: &str) -> Self {
        Self::with_buffer(name, DEFAULT_LINE_BUFFER)
    }

    /// As [`new`](Self::new), with another buffer than 64 KiB: longer lines are logged in parts, unparsed, at debug
    /// level. Go: `ClientConfig.PluginLogBufferSize`.
    pub fn with_buffer(name: &str, bytes: usize) -> Self {
        let target = Target::named(&format!("plugin.{name}"));
        let dispatch =
            dispatcher::get_default(|dispatch| (!dispatch.is::<NoSubscriber>()).then(|| dispatch.clone()));
        Self {
            lines: LineSplitter::new(bytes),
            state: State { parser: EntryParser::new(), target },
            dispatch,
        }
    }

    /// Takes the next bytes, split anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        let _default = self.dispatch.as_ref().map(dispatcher::set_default);
        self.lines.feed(bytes, |line| self.state.line(line));
    }

    /// Logs what is left without a newline: the stream has ended.
    pub fn finish(&mut self) {
        let _default = self.dispatch.as_ref().map(dispatcher::set_default);
        self.lines.finish(|line| self.state.line(line));
    }
}

impl State {
    fn line(&mut self, line: Line<'_>) {
        if LevelFilter::current() == LevelFilter::OFF {
            return;
        }
        emit(self.target, &self.parser.parse(line));
    }
}

fn emit(target: &Target, entry: &Entry<'_>) {
    if !target.enabled(entry.level) {
        return;
    }
    if entry.fields.is_empty() {
        return target.emit_plain(entry.level, &entry.message, None);
    }
    if entry.fields.len() <= MAX_FIELDS {
        let names: Vec<_> = entry.fields.iter().map(|(name, _)| field_name(name)).collect();
        let values: Vec<_> = entry.fields.iter().map(|(_, value)| tracing_value(value)).collect();
        if target.emit(entry.level, &entry.message, &names, &values) {
            return;
        }
    }
    let all: Map<_, _> = entry.fields.iter().cloned().collect();
    target.emit_plain(entry.level, &entry.message, Some(&Value::Object(all).to_string()));
}

fn field_name(name: &str) -> &str {
    if name == "message" { "plugin.message" } else { name }
}

fn tracing_value(value: &Value) -> Box<dyn tracing::Value + '_> {
    match value {
        Value::String(text) => Box::new(text.as_str()),
        Value::Bool(bool) => Box::new(*bool),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Box::new(number),
            (_, Some(number), _) => Box::new(number),
            (.., Some(number)) => Box::new(number),
            _ => Box::new(display(value)),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Box::new(display(value)),
    }
}

//! One line of a plugin's stderr, understood as Go's host understands it.

use std::borrow::Cow;

use serde_json::{Map, Value};
use tracing::Level;

use super::{lines::Line, time};

/// A line of a plugin's stderr.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// The level that the plugin gave it, or the one that its text suggests.
    pub level: Level,
    /// The text: hclog's message, or the line as it is. Bytes that are not UTF-8 show as U+FFFD.
    pub message: Cow<'a, str>,
    /// The keys of an hclog line in alphabetical order, then `timestamp`; empty for a line of plain text.
    pub fields: Vec<(String, Value)>,
}

/// Parses line after line. It has one bit of memory: after a Go panic the rest of the stream is the stack trace.
#[derive(Debug, Default)]
pub struct EntryParser {
    panicked: bool,
}

impl EntryParser {
    /// A parser at the start of a plugin's stderr.
    pub fn new() -> Self {
        Self::default()
    }

    /// Understands one line. Never fails: whatever is not an hclog line is text.
    ///
    /// An ill-typed hclog line (`{"@message":1}`), which makes Go's host panic, keeps its level if it has one and
    /// shows its message as JSON.
    pub fn parse<'a>(&mut self, line: Line<'a>) -> Entry<'a> {
        let text = String::from_utf8_lossy(line.bytes());
        if matches!(line, Line::Fragment(_)) {
            return plain(Level::DEBUG, text);
        }
        match hclog(&text) {
            Json::Entry(level, message, fields) => Entry { level, message: message.into(), fields },
            Json::Foreign => plain(Level::DEBUG, text),
            Json::Not => plain(self.level_of(&text), text),
        }
    }

    fn level_of(&mut self, text: &str) -> Level {
        const PREFIXES: [(&str, Level); 5] = [
            ("[TRACE]", Level::TRACE),
            ("[DEBUG]", Level::DEBUG),
            ("[INFO]", Level::INFO),
            ("[WARN]", Level::WARN),
            ("[ERROR]", Level::ERROR),
        ];
        if let Some((_, level)) = PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)) {
            return *level;
        }
        self.panicked |= text.starts_with("panic: ") || text.starts_with("fatal error: ");
        if self.panicked { Level::ERROR } else { Level::DEBUG }
    }
}

fn plain(level: Level, message: Cow<'_, str>) -> Entry<'_> {
    Entry { level, message, fields: Vec::new() }
}

enum Json {
    Entry(Level, String, Vec<(String, Value)>),
    /// JSON, but not of hclog: shown as it is.
    Foreign,
    Not,
}

fn hclog(text: &str) -> Json {
    // Go decodes into a map, and `null` is a valid empty one.
    let Ok(object) = serde_json::from_str::<Option<Map<String, Value>>>(text) else { return Json::Not };
    let mut object = object.unwrap_or_default();
    let timestamp = match object.remove("@timestamp") {
        None => time::ZERO.to_owned(),
        Some(value) => match value.as_str().and_then(time::millis_of) {
            Some(timestamp) => timestamp,
            None => return Json::Not,
        },
    };
    let Some(level) = object.remove("@level").as_ref().and_then(Value::as_str).and_then(level) else {
        return Json::Foreign;
    };
    let message = match object.remove("@message") {
        None => String::new(),
        Some(Value::String(message)) => message,
        Some(other) => other.to_string(),
    };
    let mut fields: Vec<_> = object.into_iter().collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields.push(("timestamp".to_owned(), Value::String(timestamp)));
    Json::Entry(level, message, fields)
}

fn level(name: &str) -> Option<Level> {
    match name.trim().to_ascii_lowercase().as_str() {
        "trace" => Some(Level::TRACE),
        "debug" => Some(Level::DEBUG),
        "info" => Some(Level::INFO),
        "warn" => Some(Level::WARN),
        "error" => Some(Level::ERROR),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(text: &str) -> (Level, String, Vec<(String, Value)>) {
        let entry = EntryParser::new().parse(Line::Whole(text.as_bytes()));
        (entry.level, entry.message.into_owned(), entry.fields)
    }

    #[test]
    fn an_hclog_line_gives_level_message_and_keys() {
        let line = r#"{"@caller":"a/b.go:1","@level":" INFO ","@message":"hi","@module":"kv","@timestamp":"2024-03-05T06:07:08.123456Z","n":4,"s":"x"}"#;
        let (level, message, fields) = parse(line);
        assert_eq!((level, message.as_str()), (Level::INFO, "hi"));
        let expected = [
            ("@caller", json!("a/b.go:1")),
            ("@module", json!("kv")),
            ("n", json!(4)),
            ("s", json!("x")),
            ("timestamp", json!("2024-03-05T06:07:08.123Z")),
        ]
        .map(|(key, value)| (key.to_owned(), value));
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_line_without_a_time_has_the_zero_time() {
        let (_, _, fields) = parse(r#"{"@level":"warn","@message":"m"}"#);
        assert_eq!(fields, [("timestamp".to_owned(), json!("0001-01-01T00:00:00.000Z"))]);
    }

    #[test]
    fn what_is_not_an_hclog_line_stays_text() {
        for (line, level) in [
            (r#"[1,2]"#, Level::DEBUG),
            ("12345", Level::DEBUG),
            ("null", Level::DEBUG),
            (r#"{"a":1}"#, Level::DEBUG),
            (r#"{"@level":"off","@message":"m"}"#, Level::DEBUG),
            (r#"{"@level":"all","@message":"m"}"#, Level::DEBUG),
            (r#"{"@level":"info","@message":"m","@timestamp":"yesterday"}"#, Level::DEBUG),
            (r#"{"@level":"info","@message":"m","@timestamp":7}"#, Level::DEBUG),
            (r#"{"@level":"info","@message":"cut o"#, Level::DEBUG),
            ("", Level::DEBUG),
            ("[TRACE] t", Level::TRACE),
            ("[DEBUG] d", Level::DEBUG),
            ("[INFO] i", Level::INFO),
            ("[WARN] w", Level::WARN),
            ("[ERROR] e", Level::ERROR),
            ("[ERR] not known here", Level::DEBUG),
            (" [WARN] not at the start", Level::DEBUG),
            ("panic: oh", Level::ERROR),
            ("fatal error: all goroutines are asleep", Level::ERROR),
            ("panicking", Level::DEBUG),
        ] {
            assert_eq!(parse(line), (level, line.to_owned(), Vec::new()), "{line}");
        }
    }

    /// B1: Go's host asserts the types without checking and dies of such a line.
    #[test]
    fn an_ill_typed_line_is_survived() {
        let (level, message, _) = parse(r#"{"@level":"info","@message":1}"#);
        assert_eq!((level, message.as_str()), (Level::INFO, "1"));
        let line = r#"{"@message":1}"#;
        assert_eq!(parse(line), (Level::DEBUG, line.to_owned(), Vec::new()));
        let line = r#"{"@level":{},"@message":"m"}"#;
        assert_eq!(parse(line), (Level::DEBUG, line.to_owned(), Vec::new()));
        let deep = "[".repeat(60_000);
        assert_eq!(parse(&deep).1, deep);
    }

    #[test]
    fn after_a_panic_every_line_without_a_prefix_is_an_error() {
        let mut parser = EntryParser::new();
        let mut level = |text: &'static str| parser.parse(Line::Whole(text.as_bytes())).level;
        assert_eq!(level("before"), Level::DEBUG);
        assert_eq!(level("panic: boom"), Level::ERROR);
        assert_eq!(level(""), Level::ERROR);
        assert_eq!(level("goroutine 1 [running]:"), Level::ERROR);
        assert_eq!(level("[INFO] still going"), Level::INFO);
        assert_eq!(level("main.main()"), Level::ERROR);
        assert_eq!(level(r#"{"@level":"info","@message":"m"}"#), Level::INFO);
    }

    #[test]
    fn a_fragment_is_not_parsed() {
        for text in [r#"{"@level":"info","@message":"m"}"#, "[ERROR] e", "panic: p"] {
            let mut parser = EntryParser::new();
            let entry = parser.parse(Line::Fragment(text.as_bytes()));
            assert_eq!((entry.level, entry.message.as_ref()), (Level::DEBUG, text));
            assert_eq!(parser.parse(Line::Whole(b"next")).level, Level::DEBUG);
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_replaced() {
        let entry_of = |bytes: &'static [u8]| EntryParser::new().parse(Line::Whole(bytes));
        assert_eq!(entry_of(b"a\xffb").message, "a\u{fffd}b");
        let entry = entry_of(b"{\"@level\":\"error\",\"@message\":\"\xc3(\"}");
        assert_eq!((entry.level, entry.message.as_ref()), (Level::ERROR, "\u{fffd}("));
    }

    proptest! {
        #[test]
        fn prop_any_bytes_give_an_entry(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let entry = EntryParser::new().parse(Line::Whole(&line));
            prop_assert!(entry.message.len() <= 3 * line.len());
        }

        #[test]
        fn prop_a_damaged_hclog_line_gives_an_entry(at in 0usize..80, byte in any::<u8>()) {
            let mut line = br#"{"@level":"info","@message":"hello","@timestamp":"2024-03-05T06:07:08.123456Z","k":[1,{"a":null}]}"#.to_vec();
            line[at] = byte;
            EntryParser::new().parse(Line::Whole(&line));
        }
    }
}

//! A plugin's stderr through `tracing` and back.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use go_plugin::logs::{HclogJson, HclogText, PluginLog};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::MakeWriter,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// Writes what an event is made of, types included.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<String>>>);

impl Capture {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl Visit for Text {
            fn record_str(&mut self, field: &Field, value: &str) {
                self.0 += &format!(" {field}={value:?}");
            }
            fn record_i64(&mut self, field: &Field, value: i64) {
                self.0 += &format!(" {field}={value}i");
            }
            fn record_u64(&mut self, field: &Field, value: u64) {
                self.0 += &format!(" {field}={value}u");
            }
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0 += &format!(" {field}={value:?}");
            }
        }
        let metadata = event.metadata();
        let mut text = Text(format!("{} {}", metadata.level(), metadata.target()));
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn events_of(name: &str, stderr: &[u8]) -> Vec<String> {
    let capture = Capture::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(capture.clone()), || {
        let mut log = PluginLog::new(name);
        log.feed(stderr);
        log.finish();
    });
    capture.take()
}

#[test]
fn an_hclog_line_becomes_an_event_of_its_plugin_with_its_fields() {
    let line = br#"{"@level":"info","@message":"stored","@module":"kv","big":18446744073709551615,"key":"a b","list":[1,"x"],"message":"m","ok":true,"ratio":0.5,"size":-5,"@timestamp":"2024-03-05T06:07:08.123456Z"}
plain
"#;
    assert_eq!(
        events_of("kv", line),
        [
            r#"INFO plugin.kv message="stored" @module="kv" big=18446744073709551615u key="a b" list=[1,"x"] plugin.message="m" ok=true ratio=0.5 size=-5i timestamp="2024-03-05T06:07:08.123Z""#,
            r#"DEBUG plugin.kv message="plain""#,
        ]
    );
}

#[test]
fn each_plugin_has_its_own_target_and_level() {
    let capture = Capture::default();
    let filter = EnvFilter::new("plugin=warn,plugin.chatty=trace");
    tracing::subscriber::with_default(
        tracing_subscriber::registry().with(filter).with(capture.clone()),
        || {
            for name in ["chatty", "quiet"] {
                PluginLog::new(name).feed(b"[TRACE] t\n{\"@level\":\"debug\",\"k\":1}\n[ERROR] e\n");
            }
        },
    );
    let heads: Vec<_> =
        capture.take().iter().map(|e| e.split(" message").next().unwrap_or_default().to_owned()).collect();
    assert_eq!(
        heads,
        ["TRACE plugin.chatty", "DEBUG plugin.chatty", "ERROR plugin.chatty", "ERROR plugin.quiet"]
    );
}

#[test]
fn events_go_to_the_subscriber_of_the_place_that_started_the_plugin() {
    let capture = Capture::default();
    let subscriber = tracing_subscriber::registry().with(capture.clone());
    let mut log = tracing::subscriber::with_default(subscriber, || PluginLog::new("thread"));
    std::thread::spawn(move || log.feed(b"[WARN] from the thread that reads the pipe\n")).join().unwrap();
    assert_eq!(
        capture.take(),
        [r#"WARN plugin.thread message="[WARN] from the thread that reads the pipe""#]
    );
}

#[test]
fn more_keys_than_an_event_can_have_travel_as_one_field() {
    let keys: Vec<_> = (0..40).map(|n| format!("\"k{n:02}\":{n}")).collect();
    let line = format!("{{\"@level\":\"warn\",\"@message\":\"many\",{}}}\n", keys.join(","));
    let events = events_of("many", line.as_bytes());
    assert_eq!(events.len(), 1);
    assert!(
        events[0].starts_with(r#"WARN plugin.many message="many" fields="{\"k00\":0,\"k01\":1,"#),
        "{}",
        events[0]
    );
}

#[test]
fn a_plugin_that_invents_keys_cannot_make_us_keep_them_all() {
    let lines: String = (0..2000).map(|n| format!("{{\"@level\":\"info\",\"key{n}\":1}}\n")).collect();
    let events = events_of("inventive", lines.as_bytes());
    assert_eq!(events.len(), 2000);
    let own = events.iter().filter(|event| !event.contains("fields=")).count();
    assert_eq!(own, 256);
    assert!(events[1999].contains(r#"fields="{\"key1999\":1"#), "{}", events[1999]);
}

#[test]
fn a_ten_megabyte_line_and_odd_bytes_do_not_stop_the_log() {
    let mut stderr = vec![b'x'; 10 << 20];
    stderr.extend_from_slice(b"\n\xff\xfe not text\n[WARN] still here\n");
    let events = events_of("odd", &stderr);
    assert!(events[..160].iter().all(|event| event.len() < (64 << 10) + 100));
    assert_eq!(events[events.len() - 1], r#"WARN plugin.odd message="[WARN] still here""#);
    assert!(events[events.len() - 2].contains("not text"));
}

#[test]
fn nothing_is_parsed_for_a_level_that_nobody_wants() {
    let capture = Capture::default();
    let filter = EnvFilter::new("off");
    tracing::subscriber::with_default(
        tracing_subscriber::registry().with(filter).with(capture.clone()),
        || {
            PluginLog::new("off").feed(b"{\"@level\":\"error\",\"@message\":\"m\"}\n");
        },
    );
    assert!(capture.take().is_empty());
}

#[test]
fn the_text_form_is_hclogs() {
    let sink = Sink::default();
    let layer = tracing_subscriber::fmt::layer()
        .event_format(HclogText::new().without_time())
        .with_writer(sink.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let mut log = PluginLog::new("kv");
        log.feed(b"{\"@level\":\"info\",\"@message\":\"stored\",\"key\":\"two words\",\"n\":3,\"tags\":[\"a\",\"b\"],\"empty\":\"\"}\nplain text\n");
        tracing::error!(target: "host", code = 7, "gone");
        tracing::warn!(target: "host", "bare");
    });
    let expected = concat!(
        "[INFO]  plugin.kv: stored: empty=\"\" key=\"two words\" n=3 tags=[\"a\",\"b\"] timestamp=0001-01-01T00:00:00.000Z\n",
        "[DEBUG] plugin.kv: plain text\n",
        "[ERROR] host: gone: code=7\n",
        "[WARN]  host: bare\n",
    );
    assert_eq!(sink.text(), expected);
}

/// Both made by `go-hclog` v1.6.3: what a plugin wrote in JSON, and what go-plugin's host printed of it.
#[test]
fn lines_of_go_hclog_look_as_in_a_go_host() {
    const JSON: &str = concat!(
        r#"{"@level":"info","@message":"stored","@module":"inner","@timestamp":"2024-03-05T06:07:08.123456+02:00","empty":"","f":1.5,"key":"two words","n":3,"ok":true}"#,
        "\n",
        r#"{"@level":"warn","@message":"quote","@module":"inner","@timestamp":"2024-03-05T06:07:08.123456+02:00","err":"no such key","esc":"\u001b[31m","pct":"100%","q":"say \"hi\"","tab":"a\tb","umlaut":"é"}"#,
        "\n",
        r#"{"@level":"error","@message":"lines","@module":"inner","@timestamp":"2024-03-05T06:07:08.123456+02:00","after":1,"text":"one\ntwo \"2\"\n"}"#,
        "\n",
        r#"{"@level":"debug","@message":"","@module":"inner","@timestamp":"2024-03-05T06:07:08.123456+02:00","only":"keys"}"#,
        "\n",
        r#"{"@level":"info","@message":"msg with spaces","@module":"inner.sub","@timestamp":"2024-03-05T06:07:08.123456Z","implied":"x"}"#,
        "\n",
    );
    const TEXT: &str = r#"[INFO]  plugin.kv: stored: @module=inner empty="" f=1.5 key="two words" n=3 ok=true timestamp="2024-03-05T06:07:08.123+0200"
[WARN]  plugin.kv: quote: @module=inner err="no such key" esc="\x1b[31m" pct="100%" q="say \"hi\"" tab="a\tb" umlaut="é" timestamp="2024-03-05T06:07:08.123+0200"
[ERROR] plugin.kv: lines: @module=inner after=1
  text=
  | one
  | two "2"
   timestamp="2024-03-05T06:07:08.123+0200"
[DEBUG] plugin.kv: @module=inner only=keys timestamp="2024-03-05T06:07:08.123+0200"
[INFO]  plugin.kv: msg with spaces: @module=inner.sub implied=x timestamp=2024-03-05T06:07:08.123Z
"#;
    let sink = Sink::default();
    let layer = tracing_subscriber::fmt::layer()
        .event_format(HclogText::new().without_time())
        .with_writer(sink.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        PluginLog::new("kv").feed(JSON.as_bytes());
    });
    assert_eq!(sink.text(), TEXT);
}

#[test]
fn the_text_form_starts_with_the_time() {
    let sink = Sink::default();
    let layer = tracing_subscriber::fmt::layer().event_format(HclogText::new()).with_writer(sink.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info!(target: "host", "up");
    });
    let text = sink.text();
    let (time, rest) = text.split_once(' ').unwrap();
    assert_eq!((&time[4..5], &time[10..11], &time[19..20]), ("-", "T", "."));
    assert_eq!(rest, "[INFO]  host: up\n");
}

#[test]
fn what_a_plugin_logs_arrives_at_its_host_as_it_was() {
    let wire = Sink::default();
    let plugin = tracing_subscriber::registry().with(HclogJson::new(wire.clone()).with_caller(true));
    tracing::subscriber::with_default(plugin, || {
        let span = tracing::info_span!("request", id = 9, user = tracing::field::Empty);
        let _in = span.enter();
        span.record("user", "ann");
        tracing::warn!(target: "greeter", size = 5, name = "a b", debug = ?Some(1), "hello {}", 1);
    });
    let json = wire.text();
    assert_eq!(json.matches('\n').count(), 1);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(line["@message"], "hello 1");
    assert_eq!(line["@level"], "warn");
    assert_eq!(line["@module"], "greeter");

    let events = events_of("greeter", json.as_bytes());
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert!(event.starts_with(r#"WARN plugin.greeter message="hello 1" @caller=""#), "{event}");
    assert!(
        event.contains(
            r#"@module="greeter" debug="Some(1)" id=9i name="a b" size=5i user="ann" timestamp="2"#
        ),
        "{event}"
    );
}

#[test]
fn records_of_the_log_crate_keep_their_target() {
    tracing_log::LogTracer::init().unwrap();
    let (wire, text) = (Sink::default(), Sink::default());
    let layer = tracing_subscriber::fmt::layer()
        .event_format(HclogText::new().without_time())
        .with_writer(text.clone());
    let both = tracing_subscriber::registry().with(HclogJson::new(wire.clone())).with(layer);
    tracing::subscriber::with_default(both, || {
        log::info!(target: "hyper", "m");
    });
    let line: serde_json::Value = serde_json::from_str(&wire.text()).unwrap();
    let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["@level", "@message", "@module", "@timestamp"]);
    assert_eq!(line["@module"], "hyper");
    assert_eq!(text.text(), "[INFO]  hyper: m\n");
}

//! Recordings of sessions with Go plugins, and what `cargo xtask decode` makes of them and of what is left of them.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[allow(dead_code, reason = "what the command alone uses")]
#[path = "../src/decode/mod.rs"]
mod decode;

use std::{
    path::Path,
    process::{Command, Output},
    sync::Arc,
    time::SystemTime,
};

use decode::Format;
use go_plugin::{AutoMtls, Client, Result, netrpc::ByteStream};
use interop_tests::{
    Collected,
    courier::{CourierPlugin, Helper},
    go_program,
    greeter::{GreeterPlugin, HANDSHAKE},
    read_pattern_to_end, within,
};
use muxbroker::{
    recording::{MAGIC, Side, piece_header},
    yamux::Header,
};
use serde_gob::{Any, Dynamic, Encoder, GoString, Type, Value};
use serde_json::Value as Json;

struct Hello;

#[go_plugin::interface]
impl Helper for Hello {
    async fn say(&self, name: &str) -> Result<String> {
        Ok(format!("hello {name}"))
    }
}

/// Everything that a Go plugin can be asked for, recorded.
async fn record(path: &Path, tls: bool) {
    let mut command = Command::new(go_program("courierpeer"));
    command.arg("-plugin");
    let mut builder =
        Client::builder(HANDSHAKE).plugin("courier", CourierPlugin::client()).command(command).record(path);
    if tls {
        builder = builder.auto_mtls(AutoMtls::Required);
    }
    let client = within("the plugin to start", builder.start()).await.unwrap();
    let courier = within("the courier", client.dispense::<CourierPlugin>("courier")).await.unwrap();
    assert_eq!(courier.relay("gopher", Arc::new(Hello)).await.unwrap(), "hello gopher");
    assert_eq!(courier.count(ByteStream::from_reader(&b"\0\x01\x02"[..])).await.unwrap(), 3);
    let produced = courier.produce(4).await.unwrap().into_reader().await.unwrap();
    assert_eq!(within("the bytes", read_pattern_to_end(produced, 0)).await.unwrap(), 4);
    assert_eq!(courier.describe("crab", -7).await.unwrap(), "crab -7");
    within("the kill", client.kill()).await.unwrap();
}

fn xtask(args: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(args).arg(file).output().unwrap()
}

/// The events of a recording, one a line, without its frames.
fn events(json: &str) -> Vec<String> {
    let mut events = Vec::new();
    for line in json.lines() {
        let event: Json = serde_json::from_str(line).unwrap();
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (from, what) = (text("from"), text("event"));
        assert!(event["at"].as_u64().unwrap() > 1_600_000_000_000_000, "{line}");
        events.push(match what.as_str() {
            "frame" => continue,
            "call" => {
                format!("{from}: {} #{} {} {}", text("method"), event["seq"], text("type"), event["argument"])
            }
            "reply" if event["error"].is_string() => format!("{from}: error {}", text("error")),
            "reply" => {
                format!("{from}: {} #{} = {} {}", text("method"), event["seq"], text("type"), event["reply"])
            }
            "dial" | "accept" => format!("{from}: {what} {} on {}", event["id"], event["stream"]),
            _ => format!("{from}: {what} {}", text("bytes")),
        });
    }
    events
}

#[tokio::test]
async fn a_session_with_a_go_plugin_is_printed_call_by_call() {
    printed(false).await;
}

#[tokio::test]
async fn an_encrypted_session_is_recorded_in_clear_text() {
    printed(true).await;
}

async fn printed(tls: bool) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("recording");
    record(&file, tls).await;

    let json = xtask(&["decode", "--json"], &file);
    assert!(json.status.success(), "{json:?}");
    let json = String::from_utf8(json.stdout).unwrap();
    let expected = [
        "host: Control.Ping #0 bool true",
        "plugin: Control.Ping #0 = struct {} {}",
        r#"host: Dispenser.Dispense #1 string "courier""#,
        "plugin: Dispenser.Dispense #1 = uint 1",
        "host: dial 1 on 7",
        "plugin: accept 1 on 7",
        // The host's object is called back.
        r#"host: Plugin.Relay #0 RelayArgs {"Name":"gopher","To":1}"#,
        "plugin: dial 1 on 2",
        "host: accept 1 on 2",
        r#"plugin: Plugin.Say #0 string "gopher""#,
        r#"host: Plugin.Say #0 = string "hello gopher""#,
        r#"plugin: Plugin.Relay #0 = string "hello gopher""#,
        // Bytes for the plugin, and from it.
        "host: Plugin.Count #1 uint 2",
        "plugin: dial 2 on 4",
        "host: accept 2 on 4",
        r"host: bytes \x00\x01\x02",
        "plugin: Plugin.Count #1 = int 3",
        "host: Plugin.Produce #2 int 4",
        "plugin: Plugin.Produce #2 = uint 2",
        "host: dial 2 on 9",
        "plugin: accept 2 on 9",
        r"plugin: bytes \x00\x01\x02\x03",
        r#"host: Plugin.Describe #3 map[string]interface {} {"count":{"type":"int64","value":-7},"name":{"type":"string","value":"crab"}}"#,
        r#"plugin: Plugin.Describe #3 = string "crab -7""#,
        "host: Control.Quit #2 bool true",
        "plugin: Control.Quit #2 = struct {} {}",
    ];
    // The plugin may be gone before its last answer is through.
    let events = events(&json);
    assert_eq!(events[..expected.len() - 1], expected[..expected.len() - 1], "{events:#?}");

    let first = json.lines().take(3).map(|line| serde_json::from_str::<Json>(line).unwrap());
    let opened: Vec<_> = first.map(|frame| (frame["stream"].clone(), frame["flags"][0].clone())).collect();
    assert_eq!(opened, [1, 3, 5].map(|stream| (Json::from(stream), Json::from("SYN"))));

    let text = xtask(&["decode"], &file);
    assert!(text.status.success(), "{text:?}");
    let text = String::from_utf8(text.stdout).unwrap();
    for expected in [
        "   0.000000 > frame window update SYN, stream 1, 0",
        " > call Control.Ping #0, stream 1: bool true",
        " < dial 1, stream 2",
        r#" < reply Plugin.Describe #3, stream 7: string "crab -7""#,
        r#" > bytes, stream 4: "\x00\x01\x02""#,
    ] {
        assert!(text.lines().any(|line| line.ends_with(expected)), "{expected}\n{text}");
    }
}

#[tokio::test]
async fn failures_and_output_are_printed_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("recording");
    let stdout = Collected::default();
    let builder = Client::builder(HANDSHAKE)
        .plugin("greeter", GreeterPlugin::client())
        .command(go_program("greeterplugin"))
        .stdout(stdout.clone())
        .record(&file);
    let client = within("the plugin to start", builder.start()).await.unwrap();
    let greeter = within("the greeter", client.dispense::<GreeterPlugin>("greeter")).await.unwrap();
    greeter.say("!stdout \"out\"").await.unwrap();
    stdout.contains("out").await;
    assert_eq!(greeter.say("!fail it is closed").await.unwrap_err().to_string(), "it is closed");
    within("the kill", client.kill()).await.unwrap();

    let output = xtask(&["decode", "--json"], &file);
    let events = events(&String::from_utf8(output.stdout).unwrap());
    for expected in [r#"plugin: stdout \"out\"\n"#, "plugin: error it is closed"] {
        assert!(events.iter().any(|event| event == expected), "{expected}\n{events:#?}");
    }
}

/// Runs the decoder on what is left of a recording.
fn decode_all(bytes: &[u8], format: Format) -> (String, Option<String>) {
    let mut output = Vec::new();
    let result = decode::decode(bytes, &mut output, format);
    (String::from_utf8(output).unwrap(), result.err().map(|error| error.to_string()))
}

/// A recording of one request.
fn request(argument: &Any) -> Vec<u8> {
    let header = Dynamic {
        ty: Type::structure("Request", [("ServiceMethod", Type::string()), ("Seq", Type::uint())]),
        value: Value::Struct(vec![("ServiceMethod".into(), Value::String(GoString(b"A.B".to_vec())))]),
    };
    let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
    encoder.encode_dynamic(&header, &mut bytes).unwrap();
    encoder.encode(argument, &mut bytes).unwrap();
    let frame = Header::data(1, bytes.len() as u32).encode();
    let piece = piece_header(Side::Host, SystemTime::now(), (frame.len() + bytes.len()) as u32);
    [MAGIC, &piece[..], &frame, &bytes].concat()
}

#[test]
fn the_deepest_values_are_printed() {
    let mut value = Any::NIL;
    // Each is a slice and an interface: what gob allows in all, but for the outermost levels.
    for _ in 0..245 {
        value = Any::from(vec![value]);
    }
    for format in [Format::Text, Format::Json] {
        let (output, error) = decode_all(&request(&value), format);
        assert_eq!((error, output.lines().count()), (None, 2));
    }
}

#[tokio::test]
async fn what_is_no_recording_or_a_damaged_one_is_an_error_and_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("recording");
    record(&file, false).await;
    let whole = std::fs::read(&file).unwrap();
    let (complete, error) = decode_all(&whole, Format::Text);
    assert_eq!(error, None);

    // A host that crashed.
    let (start, error) = decode_all(&whole[..whole.len() / 2], Format::Text);
    assert!(complete.starts_with(&start) && start.lines().count() > 20, "{start}");
    assert!(error.is_some());

    let mut random = 1u64;
    let mut below = |limit: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % limit
    };
    let mut failed = 0;
    for _ in 0..500 {
        let mut damaged = whole.clone();
        for _ in 0..=below(4) {
            let at = below(damaged.len());
            match below(3) {
                0 => damaged[at] = below(256) as u8,
                1 => damaged.truncate(at.max(1)),
                _ => damaged.insert(at, below(256) as u8),
            }
        }
        let format = if below(2) == 0 { Format::Text } else { Format::Json };
        let (output, error) = decode_all(&damaged, format);
        assert!(output.len() < 100 * whole.len(), "{} bytes of {}", output.len(), whole.len());
        failed += usize::from(error.is_some());
    }
    // The rest hit what may have any value.
    assert!(failed > 250, "{failed}");

    std::fs::write(&file, "no recording").unwrap();
    let output = xtask(&["decode"], &file);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a recording of go-plugin's"), "{output:?}");
}

//! What is printed.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use muxbroker::{
    recording::Side,
    yamux::{Flags, FrameType, Header},
};
use serde_gob::Dynamic;
use serde_json::{Value as Json, json};

use super::value;

/// Bytes of output, of raw streams and of values that a line for people shows.
const SHOWN: usize = 400;

/// One of the plugin's standard streams.
#[derive(Clone, Copy)]
pub(crate) enum Channel {
    Stdout,
    Stderr,
}

/// What happened.
pub(crate) enum Event<'a> {
    Frame(Header),
    /// The broker: this side opens a stream to what the other side offers under a number.
    Dial {
        id: u32,
        stream: u32,
    },
    /// The other side takes it.
    Accept {
        id: u32,
        stream: u32,
    },
    Call {
        stream: u32,
        seq: u64,
        method: String,
        argument: Dynamic,
    },
    Reply {
        stream: u32,
        seq: u64,
        method: String,
        reply: Dynamic,
    },
    Failure {
        stream: u32,
        seq: u64,
        method: String,
        error: String,
    },
    Output {
        channel: Channel,
        bytes: &'a [u8],
    },
    /// A stream that is no net/rpc.
    Bytes {
        stream: u32,
        bytes: &'a [u8],
    },
    /// Nothing after this can be read: of a stream, or of all that this side sent.
    Broken {
        stream: Option<u32>,
        why: String,
    },
}

/// Who did it, and when.
pub(crate) struct Line<'a> {
    pub(crate) from: Side,
    pub(crate) at: SystemTime,
    /// Since the recording began.
    pub(crate) since: Duration,
    pub(crate) event: Event<'a>,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

fn kind(frame: Header) -> &'static str {
    match frame.frame_type {
        FrameType::Data => "data",
        FrameType::WindowUpdate => "window update",
        FrameType::Ping => "ping",
        FrameType::GoAway => "go away",
    }
}

impl Line<'_> {
    pub(crate) fn to_json(&self) -> Json {
        let mut json = match &self.event {
            Event::Frame(frame) => json!({
                "event": "frame", "type": kind(*frame), "stream": frame.stream_id, "length": frame.length,
                "flags": flags(frame.flags),
            }),
            Event::Dial { id, stream } => json!({"event": "dial", "id": id, "stream": stream}),
            Event::Accept { id, stream } => json!({"event": "accept", "id": id, "stream": stream}),
            Event::Call { stream, seq, method, argument } => json!({
                "event": "call", "stream": stream, "seq": seq, "method": method,
                "type": argument.ty.to_string(), "argument": value::to_json(&argument.value),
            }),
            Event::Reply { stream, seq, method, reply } => json!({
                "event": "reply", "stream": stream, "seq": seq, "method": method,
                "type": reply.ty.to_string(), "reply": value::to_json(&reply.value),
            }),
            Event::Failure { stream, seq, method, error } => json!({
                "event": "reply", "stream": stream, "seq": seq, "method": method, "error": error,
            }),
            Event::Output { channel, bytes } => {
                json!({"event": channel.name(), "bytes": bytes.escape_ascii().to_string()})
            }
            Event::Bytes { stream, bytes } => {
                json!({"event": "bytes", "stream": stream, "bytes": bytes.escape_ascii().to_string()})
            }
            Event::Broken { stream, why } => json!({"event": "broken", "stream": stream, "why": why}),
        };
        json["from"] = json!(if self.from == Side::Host { "host" } else { "plugin" });
        // Microseconds since the start of 1970.
        json["at"] = json!(self.at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64));
        json
    }
}

fn flags(flags: Flags) -> Vec<&'static str> {
    [(Flags::SYN, "SYN"), (Flags::ACK, "ACK"), (Flags::FIN, "FIN"), (Flags::RST, "RST")]
        .into_iter()
        .filter_map(|(flag, name)| flags.contains(flag).then_some(name))
        .collect()
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.from == Side::Host { '>' } else { '<' };
        write!(f, "{:>11.6} {arrow} ", self.since.as_secs_f64())?;
        match &self.event {
            Event::Frame(frame) => {
                let Header { flags, stream_id, length, .. } = *frame;
                write!(f, "frame {} {flags:?}, stream {stream_id}, {length}", kind(*frame))
            }
            Event::Dial { id, stream } => write!(f, "dial {id}, stream {stream}"),
            Event::Accept { id, stream } => write!(f, "accept {id}, stream {stream}"),
            Event::Call { stream, seq, method, argument } => {
                write!(f, "call {method} #{seq}, stream {stream}: {}", shown(argument))
            }
            Event::Reply { stream, seq, method, reply } => {
                write!(f, "reply {method} #{seq}, stream {stream}: {}", shown(reply))
            }
            Event::Failure { stream, seq, method, error } => {
                write!(f, "reply {method} #{seq}, stream {stream}, error: {}", error.escape_debug())
            }
            Event::Output { channel, bytes } => write!(f, "{} {}", channel.name(), quoted(bytes)),
            Event::Bytes { stream, bytes } => write!(f, "bytes, stream {stream}: {}", quoted(bytes)),
            Event::Broken { stream: None, why } => write!(f, "BROKEN: {why}"),
            Event::Broken { stream: Some(stream), why } => write!(f, "BROKEN, stream {stream}: {why}"),
        }
    }
}

fn shown(value: &Dynamic) -> String {
    let text = value::to_json(&value.value).to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} {}… ({} bytes)", value.ty, &text[..end], text.len()),
        None => format!("{} {text}", value.ty),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let rest = if bytes.len() > SHOWN { format!("… ({} bytes)", bytes.len()) } else { String::new() };
    format!("\"{}\"{rest}", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}

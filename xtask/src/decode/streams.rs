//! What each stream is for: go-plugin's three fixed ones, then those that the broker hands over.

use std::collections::BTreeMap;

use anyhow::Result;
use muxbroker::{
    recording::Side,
    yamux::{Flags, Header},
};

use super::{
    event::{Channel, Event},
    messages::Messages,
};

/// The first three that a host opens; the rest are the broker's.
const CONTROL: u32 = 1;
const STDOUT: u32 = 3;
const STDERR: u32 = 5;

/// How far into net/rpc's first message the name of its header's type is: after the message's length, the type's number and four
/// more bytes, of which gob's numbers can make a few more.
const NAME_WITHIN: usize = 24;

/// All streams by number.
#[derive(Default)]
pub(crate) struct Streams(BTreeMap<u32, [Direction; 2]>);

/// What one side sends on a stream.
enum Direction {
    /// The number that the broker finds the stream by.
    Handover(Vec<u8>),
    /// Calls, or just bytes: the first ones tell.
    Undecided(Vec<u8>),
    Messages(Box<Messages>),
    Output(Channel),
    Bytes,
}

impl Streams {
    pub(crate) fn frame(
        &mut self,
        from: Side,
        header: Header,
        print: &mut impl FnMut(Event<'_>) -> Result<()>,
    ) -> Result<()> {
        let ends = header.flags.contains(Flags::FIN) || header.flags.contains(Flags::RST);
        match self.0.get_mut(&header.stream_id) {
            Some(directions) if ends => directions[from as usize].finish(header.stream_id, print),
            _ => Ok(()),
        }
    }

    pub(crate) fn payload(
        &mut self,
        from: Side,
        stream: u32,
        bytes: &[u8],
        print: &mut impl FnMut(Event<'_>) -> Result<()>,
    ) -> Result<()> {
        let directions = self.0.entry(stream).or_insert_with(|| [direction(stream), direction(stream)]);
        directions[from as usize].feed(from, stream, bytes, print)
    }

    /// The recording has ended: what still waits for more is printed as it is.
    pub(crate) fn finish(&mut self, mut print: impl FnMut(Side, Event<'_>) -> Result<()>) -> Result<()> {
        for (stream, directions) in &mut self.0 {
            for (from, direction) in [Side::Host, Side::Plugin].into_iter().zip(directions) {
                direction.finish(*stream, &mut |event| print(from, event))?;
            }
        }
        Ok(())
    }
}

fn direction(stream: u32) -> Direction {
    match stream {
        CONTROL => Direction::Messages(Box::default()),
        STDOUT => Direction::Output(Channel::Stdout),
        STDERR => Direction::Output(Channel::Stderr),
        _ => Direction::Handover(Vec::new()),
    }
}

/// Streams of hosts have odd numbers.
fn opener(stream: u32) -> Side {
    if stream % 2 == 1 { Side::Host } else { Side::Plugin }
}

impl Direction {
    fn feed(
        &mut self,
        from: Side,
        stream: u32,
        mut bytes: &[u8],
        print: &mut impl FnMut(Event<'_>) -> Result<()>,
    ) -> Result<()> {
        if let Self::Handover(number) = self {
            let (start, rest) = bytes.split_at(bytes.len().min(4 - number.len()));
            number.extend_from_slice(start);
            bytes = rest;
            let Ok(id) = <[u8; 4]>::try_from(&number[..]) else { return Ok(()) };
            let id = u32::from_le_bytes(id);
            let dialled = from == opener(stream);
            *self = Self::Undecided(Vec::new());
            print(if dialled { Event::Dial { id, stream } } else { Event::Accept { id, stream } })?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if let Self::Undecided(start) = self {
            start.extend_from_slice(bytes);
            let Some(messages) = are_messages(start) else { return Ok(()) };
            let start = std::mem::take(start);
            *self = if messages { Self::Messages(Box::default()) } else { Self::Bytes };
            return self.feed(from, stream, &start, print);
        }
        match self {
            Self::Messages(messages) => {
                if let Err(why) = messages.feed(stream, bytes, print)? {
                    *self = Self::Bytes;
                    print(Event::Broken { stream: Some(stream), why })?;
                }
                Ok(())
            }
            Self::Output(channel) => print(Event::Output { channel: *channel, bytes }),
            Self::Bytes | Self::Handover(_) | Self::Undecided(_) => print(Event::Bytes { stream, bytes }),
        }
    }

    fn finish(&mut self, stream: u32, print: &mut impl FnMut(Event<'_>) -> Result<()>) -> Result<()> {
        match self {
            Self::Undecided(bytes) | Self::Handover(bytes) if !bytes.is_empty() => {
                print(Event::Bytes { stream, bytes })?;
                *self = Self::Bytes;
            }
            Self::Messages(messages) if !messages.is_idle() => {
                print(Event::Broken { stream: Some(stream), why: "ends in the middle of a message".into() })?;
                *self = Self::Bytes;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a stream begins like net/rpc: with a message that defines the type of its headers. `None` if more bytes are needed.
fn are_messages(start: &[u8]) -> Option<bool> {
    let name = |name: &[u8]| start.windows(name.len()).take(NAME_WITHIN).any(|window| window == name);
    match start {
        [] | [_] => None,
        // Definitions have negative numbers, and the first ones are -64 and -65.
        [_, first, ..] if ![0x7f, 0xff].contains(first) => Some(false),
        _ if name(b"\x07Request") || name(b"\x08Response") => Some(true),
        _ if start.len() > NAME_WITHIN => Some(false),
        _ => None,
    }
}

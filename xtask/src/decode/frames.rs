//! From the bytes of one side to yamux frames.

use muxbroker::yamux::{FrameType, HEADER_LEN, Header};

/// What one side has sent.
#[derive(Default)]
pub(crate) struct Frames {
    header: Vec<u8>,
    /// The stream of a data frame, and how much of its payload is still to come.
    payload: Option<(u32, u32)>,
    broken: bool,
}

/// A part of it.
pub(crate) enum Part<'a> {
    Frame(Header),
    /// Some of what follows a data frame.
    Payload(u32, &'a [u8]),
    /// No frame; nothing after it has a meaning.
    Broken(String),
}

impl Frames {
    /// Takes the next part from `bytes`; `None` when they are used up.
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Part<'a>> {
        if self.broken || bytes.is_empty() {
            return None;
        }
        if let Some((stream, left)) = self.payload {
            let now = bytes.len().min(left as usize);
            let (payload, rest) = bytes.split_at(now);
            *bytes = rest;
            let left = left - now as u32;
            self.payload = (left > 0).then_some((stream, left));
            return Some(Part::Payload(stream, payload));
        }
        let (start, rest) = bytes.split_at(bytes.len().min(HEADER_LEN - self.header.len()));
        *bytes = rest;
        self.header.extend_from_slice(start);
        let header = <[u8; HEADER_LEN]>::try_from(&self.header[..]).ok()?;
        self.header.clear();
        match Header::decode(&header) {
            Ok(header) => {
                if header.frame_type == FrameType::Data && header.length > 0 {
                    self.payload = Some((header.stream_id, header.length));
                }
                Some(Part::Frame(header))
            }
            Err(violation) => {
                self.broken = true;
                Some(Part::Broken(violation.to_string()))
            }
        }
    }
}

//! The twelve bytes that begin every frame.
//!
//! | offset | 0 | 1 | 2–3 | 4–7 | 8–11 |
//! |---|---|---|---|---|---|
//! | field | version (0) | type | flags | stream id | length |
//!
//! All numbers are big-endian. Only a data frame is followed by `length` bytes of payload; elsewhere the
//! field carries a credit, a ping value or a go-away code.

use std::fmt;
use std::ops::BitOr;

use crate::error::Violation;

/// Bytes in a frame header.
pub const HEADER_LEN: usize = 12;

/// The only protocol version there is.
pub const VERSION: u8 = 0;

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameType {
    /// Payload of one stream; the length says how many bytes follow.
    Data = 0,
    /// More credit for one stream; the length is the number of bytes granted. Carries most flags.
    WindowUpdate = 1,
    /// A liveness question ([`Flags::SYN`]) or its answer ([`Flags::ACK`]); the length is echoed.
    Ping = 2,
    /// The sender takes no more streams; the length is a [`GoAwayCode`].
    GoAway = 3,
}

/// The flag bits of a frame. Unknown bits are kept and ignored.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// No flag at all.
    pub const NONE: Self = Self(0);
    /// Opens a stream; on a ping: the question.
    pub const SYN: Self = Self(1);
    /// The stream was accepted; on a ping: the answer.
    pub const ACK: Self = Self(2);
    /// The sender writes no more on this stream.
    pub const FIN: Self = Self(4);
    /// The stream is gone, in both directions.
    pub const RST: Self = Self(8);

    /// True if every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("-");
        }
        let mut rest = self.0;
        let mut first = true;
        for (flag, name) in [(Self::SYN, "SYN"), (Self::ACK, "ACK"), (Self::FIN, "FIN"), (Self::RST, "RST")] {
            if self.contains(flag) {
                write!(f, "{}{name}", if first { "" } else { "|" })?;
                first = false;
                rest &= !flag.0;
            }
        }
        if rest != 0 {
            write!(f, "{}{rest:#x}", if first { "" } else { "|" })?;
        }
        Ok(())
    }
}

/// Why a peer takes no more streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum GoAwayCode {
    /// An orderly end: streams that exist live on.
    Normal = 0,
    /// The other side broke the protocol: the session is over.
    ProtocolError = 1,
    /// The sender failed by itself: the session is over.
    InternalError = 2,
}

/// One frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is about.
    pub frame_type: FrameType,
    /// Flag bits.
    pub flags: Flags,
    /// The stream, or 0 for the session.
    pub stream_id: u32,
    /// Payload bytes, credit, ping value or go-away code, by type.
    pub length: u32,
}

impl Header {
    /// A data frame header for `length` bytes of payload.
    pub const fn data(stream_id: u32, length: u32) -> Self {
        Self { frame_type: FrameType::Data, flags: Flags::NONE, stream_id, length }
    }

    /// A window update that grants `credit` bytes and carries `flags`.
    pub const fn window_update(stream_id: u32, flags: Flags, credit: u32) -> Self {
        Self { frame_type: FrameType::WindowUpdate, flags, stream_id, length: credit }
    }

    /// A ping question or answer with an opaque `value`.
    pub const fn ping(flags: Flags, value: u32) -> Self {
        Self { frame_type: FrameType::Ping, flags, stream_id: 0, length: value }
    }

    /// A go-away frame.
    pub const fn go_away(code: GoAwayCode) -> Self {
        Self { frame_type: FrameType::GoAway, flags: Flags::NONE, stream_id: 0, length: code as u32 }
    }

    /// The header as it goes over the wire.
    pub fn encode(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION;
        bytes[1] = self.frame_type as u8;
        bytes[2..4].copy_from_slice(&self.flags.0.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.stream_id.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// The version is not 0 or the type is unknown; the text is Go's.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, Violation> {
        let [version, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3] = *bytes;
        if version != VERSION {
            return Err(Violation::Version);
        }
        let frame_type = match kind {
            0 => FrameType::Data,
            1 => FrameType::WindowUpdate,
            2 => FrameType::Ping,
            3 => FrameType::GoAway,
            _ => return Err(Violation::FrameType),
        };
        Ok(Self {
            frame_type,
            flags: Flags(u16::from_be_bytes([f0, f1])),
            stream_id: u32::from_be_bytes([s0, s1, s2, s3]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }
}

//! What crossed a connection, in a file: the format that hosts record in and tools read.
//!
//! A recording begins with [`MAGIC`]. Then, for each piece that was written or read, in the order of this side:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | `>` from the host to the plugin, `<` from the plugin to the host |
//! | 8 | when: microseconds since the start of 1970, big-endian |
//! | 4 | how many bytes follow, big-endian |
//! | so many | the bytes |
//!
//! A piece is what one system call moved. It need not be a whole frame. A recording may end anywhere, since its host may.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a recording begins.
pub const MAGIC: &[u8; 22] = b"go-plugin recording 1\n";

/// Bytes before those of a piece.
pub const PIECE_HEADER: usize = 13;

/// Who sent a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The side that connected.
    Host,
    /// The side that listened.
    Plugin,
}

/// Bytes that one side sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which side.
    pub from: Side,
    /// When the host wrote or read them.
    pub at: SystemTime,
    /// What was sent.
    pub bytes: Vec<u8>,
}

/// What precedes `len` bytes. A time before 1970 becomes the start of 1970.
pub fn piece_header(from: Side, at: SystemTime, len: u32) -> [u8; PIECE_HEADER] {
    let micros = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
    let mut header = [0; PIECE_HEADER];
    header[0] = match from {
        Side::Host => b'>',
        Side::Plugin => b'<',
    };
    header[1..9].copy_from_slice(&micros.to_be_bytes());
    header[9..].copy_from_slice(&len.to_be_bytes());
    header
}

/// The pieces of a recording. Ends after the first error.
#[derive(Debug)]
pub struct Pieces<R> {
    source: R,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    /// Reads how a recording begins.
    ///
    /// # Errors
    /// Those of `source`; [`InvalidData`](ErrorKind::InvalidData) if it is no recording.
    pub fn new(mut source: R) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        match source.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { source, ended: false }),
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
            _ => Err(io::Error::new(ErrorKind::InvalidData, "not a recording of go-plugin's, version 1")),
        }
    }

    fn piece(&mut self) -> io::Result<Option<Piece>> {
        let mut header = Vec::with_capacity(PIECE_HEADER);
        (&mut self.source).take(PIECE_HEADER as u64).read_to_end(&mut header)?;
        if header.is_empty() {
            return Ok(None);
        }
        let [kind, m0, m1, m2, m3, m4, m5, m6, m7, l0, l1, l2, l3] = header[..] else {
            return Err(cut_off());
        };
        let from = match kind {
            b'>' => Side::Host,
            b'<' => Side::Plugin,
            _ => {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    format!("no piece begins with {kind:#04x}"),
                ));
            }
        };
        let micros = u64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]);
        let at = UNIX_EPOCH.checked_add(Duration::from_micros(micros));
        let at =
            at.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a piece from after the end of time"))?;
        let length = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
        // Memory comes with the bytes, not with the announcement.
        let mut bytes = Vec::new();
        (&mut self.source).take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            return Err(cut_off());
        }
        Ok(Some(Piece { from, at, bytes }))
    }
}

impl<R: Read> Iterator for Pieces<R> {
    type Item = io::Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let piece = self.piece().transpose();
        self.ended = !matches!(piece, Some(Ok(_)));
        piece
    }
}

fn cut_off() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the recording ends in the middle of a piece")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(micros)
    }

    #[test]
    fn pieces_come_back_as_they_were() {
        let pieces = [
            Piece { from: Side::Host, at: at(1_700_000_000_123_456), bytes: b"question".to_vec() },
            Piece { from: Side::Plugin, at: at(0), bytes: Vec::new() },
            Piece { from: Side::Plugin, at: at(u64::MAX >> 16), bytes: vec![7; 70_000] },
        ];
        let mut file = MAGIC.to_vec();
        for Piece { from, at, bytes } in &pieces {
            file.extend_from_slice(&piece_header(*from, *at, bytes.len() as u32));
            file.extend_from_slice(bytes);
        }
        let read: Vec<_> = Pieces::new(&file[..]).unwrap().collect::<io::Result<_>>().unwrap();
        assert_eq!(read, pieces);
    }

    #[test]
    fn the_format_is_what_it_says() {
        let header = piece_header(Side::Host, at(0x0102), 0x0304);
        assert_eq!(&header, b">\0\0\0\0\0\0\x01\x02\0\0\x03\x04");
    }

    #[test]
    fn what_is_no_recording_is_an_error() {
        assert!(Pieces::new(&b"go-plugin recording 2\n"[..]).is_err());
        assert!(Pieces::new(&b""[..]).is_err());
        for (rest, text) in [
            (&b">\0\0\0"[..], "the middle of a piece"),
            (b"x\0\0\0\0\0\0\0\0\0\0\0\0", "no piece begins with 0x78"),
            // Four gigabytes that never come.
            (b"<\0\0\0\0\0\0\0\0\xff\xff\xff\xffabc", "the middle of a piece"),
        ] {
            let file = [MAGIC, rest].concat();
            let mut pieces = Pieces::new(&file[..]).unwrap();
            let error = pieces.next().unwrap().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
            assert!(pieces.next().is_none());
        }
    }
}

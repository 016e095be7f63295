//! Encoder and decoder over `std::io`, for programs that block.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::{Error, ErrorKind, Result};
use crate::shape::GobType;

/// How much is read at a time.
const CHUNK: usize = 8 << 10;

/// Decodes values from a `Read`, blocking.
///
/// ```
/// let stream: &[u8] = &[3, 4, 0, 6, 3, 4, 0, 8];
/// let mut reader = serde_gob::Reader::new(stream);
/// assert_eq!(reader.decode::<i64>()?, Some(3));
/// assert_eq!(reader.decode::<i64>()?, Some(4));
/// assert_eq!(reader.decode::<i64>()?, None);
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    decoder: Decoder,
}

impl<R: Read> Reader<R> {
    /// Reads from `source`, in pieces of 8 KiB: it may read beyond the values that are decoded.
    pub fn new(source: R) -> Self {
        Self::with_decoder(source, Decoder::new())
    }

    /// Reads from `source` with a decoder that has its own limits or has been fed already.
    pub fn with_decoder(source: R, decoder: Decoder) -> Self {
        Reader { source, decoder }
    }

    /// The next value, which may borrow from the reader; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`], with [`is_incomplete`](Error::is_incomplete) where the stream ends
    /// inside a value; and what `source` reports.
    pub fn decode<'de, T: Deserialize<'de>>(&'de mut self) -> Result<Option<T>> {
        if self.fill()? { self.decoder.decode().map(Some) } else { Ok(None) }
    }

    /// Passes over the next value; `false` at the end of the stream.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn discard(&mut self) -> Result<bool> {
        let more = self.fill()?;
        if more {
            self.decoder.discard()?;
        }
        Ok(more)
    }

    /// The source and the decoder, with what it was fed and has not decoded.
    pub fn into_parts(self) -> (R, Decoder) {
        (self.source, self.decoder)
    }

    fn fill(&mut self) -> Result<bool> {
        while !self.decoder.ready()? {
            let mut chunk = [0; CHUNK];
            match self.source.read(&mut chunk) {
                Ok(0) if self.decoder.is_idle() => return Ok(false),
                Ok(0) => return Err(Error::new(ErrorKind::Incomplete { between_values: false })),
                Ok(count) => self.decoder.feed(&chunk[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

/// Encodes values into a `Write`, blocking: one `write_all` for each value.
///
/// ```
/// let mut writer = serde_gob::Writer::new(Vec::new());
/// writer.encode(&3_i64)?;
/// assert_eq!(writer.into_inner(), [3, 4, 0, 6]);
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    encoder: Encoder,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes to `sink`, on which nothing was encoded before.
    pub fn new(sink: W) -> Self {
        Writer { sink, encoder: Encoder::new(), buffer: Vec::new() }
    }

    /// Encodes a value and writes it.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`], then nothing is written; and what `sink` reports, after which the
    /// stream is broken.
    pub fn encode<T: Serialize + GobType + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.buffer.clear();
        self.encoder.encode(value, &mut self.buffer)?;
        self.sink.write_all(&self.buffer)?;
        Ok(())
    }

    /// The sink.
    pub fn into_inner(self) -> W {
        self.sink
    }
}

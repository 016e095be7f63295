use serde::Deserialize;

use crate::de::{self, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::stream::{Ready, Stream, Window};

/// The receiving side of one gob stream. Go: `gob.Decoder`.
///
/// It remembers the types the sender has defined, so keep it as long as the stream. It does no I/O:
/// bytes are fed as they come, in any pieces, and values taken out when they are complete.
///
/// ```
/// use serde_gob::Decoder;
///
/// let mut decoder = Decoder::new();
/// decoder.feed(&[3, 4]);
/// assert!(!decoder.ready()?);
/// decoder.feed(&[0, 6]);
/// assert_eq!(decoder.decode::<i64>()?, 3);
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    stream: Stream,
    buffer: Vec<u8>,
    /// Stream offset of `buffer[0]`.
    base: u64,
    missing_as_zero: bool,
}

/// How much of a buffer that had to grow is kept for the next values: to ask for memory again for each costs more than to
/// decode it, and an idle stream should not hold more.
const KEPT: usize = 4 << 20;

impl Decoder {
    /// A decoder for a stream of which nothing was read yet.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder with limits of its own.
    pub fn with_limits(limits: Limits) -> Self {
        Decoder { stream: Stream::new(limits), buffer: Vec::new(), base: 0, missing_as_zero: false }
    }

    /// Decodes fields that the sender's struct does not have as their zero value, as Go does.
    ///
    /// Without this (the default) serde decides: `#[serde(default)]`, `None` for an `Option`, or an
    /// error. Fields that the sender's struct has and that are not sent because they are zero are
    /// always zero.
    ///
    /// Structs with `#[serde(alias)]` cannot be decoded like this: serde does not tell that two names are
    /// those of one field.
    pub fn missing_as_zero(&mut self, yes: bool) {
        self.missing_as_zero = yes;
    }

    /// Takes over bytes of the stream. Any split will do; nothing is looked at yet.
    ///
    /// The buffer grows to hold what was fed and not yet decoded, so ask [`ready`](Self::ready) after
    /// each piece: it notices a message beyond [`Limits::message_size`] from its first bytes.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.stream.has_failed() {
            return;
        }
        self.make_room();
        self.buffer.extend_from_slice(bytes);
    }

    /// The same without a copy: a buffer with room for at least `least` bytes, to which the next bytes of the stream can be
    /// appended. What is in it must stay.
    pub fn room(&mut self, least: usize) -> &mut Vec<u8> {
        if self.stream.has_failed() {
            self.buffer.clear(); // nothing will be read from it again
        } else {
            self.make_room();
        }
        self.buffer.reserve(least);
        &mut self.buffer
    }

    /// Forgets what was consumed, if that is worth its while.
    #[inline]
    fn make_room(&mut self) {
        let consumed = (self.stream.consumed() - self.base) as usize;
        if consumed == self.buffer.len() {
            self.clear();
        } else if consumed > self.buffer.len() / 2 {
            // Moves fewer bytes than were consumed since the last time.
            self.buffer.drain(..consumed);
            self.base += consumed as u64;
        }
    }

    /// Whether a whole value is there: the next [`decode`](Self::decode) will not be incomplete.
    ///
    /// Every byte is looked at once, however often this is asked.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), apart from those about the Rust type.
    pub fn ready(&mut self) -> Result<bool> {
        if self.buffered() == 0 {
            self.clear();
        }
        let window = Window { bytes: &self.buffer, base: self.base };
        self.stream.next(window)
    }

    /// Decodes the next value, which may borrow from the decoder.
    ///
    /// # Errors
    ///
    /// [`is_incomplete`](Error::is_incomplete): not all of it was fed, nothing is consumed. With any
    /// other error the value is consumed, and unless the error [`is_fatal`](Error::is_fatal) the next
    /// one can be decoded.
    pub fn decode<'de, T: Deserialize<'de>>(&'de mut self) -> Result<T> {
        let ready = self.take()?;
        let window = Window { bytes: &self.buffer, base: self.base };
        decode_ready(&self.stream, window, ready, self.missing_as_zero)
    }

    /// Passes over the next value without decoding it. Go: `Decode(nil)`.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), apart from those about the Rust type.
    pub fn discard(&mut self) -> Result<()> {
        self.take().map(drop)
    }

    /// Nothing but whole values was fed, and all of them were decoded: a stream may end here.
    pub fn is_idle(&self) -> bool {
        self.stream.is_between_values() && self.buffered() == 0
    }

    /// How many bytes were fed and not yet consumed.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - (self.stream.consumed() - self.base) as usize
    }

    /// Gives up what was consumed, which is all there is.
    fn clear(&mut self) {
        self.base = self.stream.consumed();
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
    }

    #[inline]
    fn take(&mut self) -> Result<Ready> {
        let window = Window { bytes: &self.buffer, base: self.base };
        let ready = if self.stream.next(window)? { self.stream.consume() } else { None };
        ready.ok_or_else(|| Error::new(ErrorKind::Incomplete { between_values: self.is_idle() }))
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

fn decode_ready<'de, T: Deserialize<'de>>(
    stream: &Stream,
    window: Window<'de>,
    ready: Ready,
    missing_as_zero: bool,
) -> Result<T> {
    let mut source = Source::new(&stream.types, &stream.limits, window, ready, missing_as_zero);
    let result = T::deserialize(de::Deserializer::new(&mut source, ready.ty));
    result.map_err(|error| de::name_local_type::<T>(&stream.types, ready.ty, error))
}

/// Decodes the first value of a stream that is there as a whole.
///
/// ```
/// assert_eq!(serde_gob::from_slice::<&str>(&[6, 12, 0, 3, b'a', b'b', b'c'])?, "abc");
/// # Ok::<(), serde_gob::Error>(())
/// ```
///
/// # Errors
///
/// As [`Decoder::decode`].
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T> {
    let mut stream = Stream::new(Limits::default());
    let window = Window { bytes, base: 0 };
    let ready = if stream.next(window)? { stream.consume() } else { None };
    let ready =
        ready.ok_or_else(|| Error::new(ErrorKind::Incomplete { between_values: bytes.is_empty() }))?;
    decode_ready(&stream, window, ready, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_between_bytes_loses_nothing() {
        // Two strings, the second longer than the first, and an interface that holds an int.
        let stream = b"\x06\x0c\x00\x03abc\x08\x0c\x00\x05defgh\x0a\x10\x00\x03int\x04\x02\x00\x06";
        let mut decoder = Decoder::new();
        let mut ready = 0;
        for byte in &stream[..16] {
            decoder.feed(&[*byte]);
            ready += usize::from(decoder.ready().unwrap());
        }
        assert_eq!(ready, 10, "from the end of the first value on");
        assert_eq!(decoder.decode::<&str>().unwrap(), "abc");
        assert_eq!(decoder.decode::<&str>().unwrap(), "defgh");
        for byte in &stream[16..] {
            assert!(!decoder.ready().unwrap());
            assert!(decoder.decode::<crate::Any>().unwrap_err().is_incomplete());
            decoder.feed(&[*byte]);
        }
        assert_eq!(decoder.decode::<crate::Any>().unwrap().as_int(), Some(3));
        assert!(decoder.is_idle());
    }

    #[test]
    fn the_buffer_does_not_keep_what_was_decoded() {
        let mut decoder = Decoder::new();
        decoder.feed(&[3]);
        for _ in 0..10_000 {
            // The rest of a value and the first byte of the next, so that the buffer is never empty.
            decoder.feed(&[4, 0, 6, 3]);
            assert_eq!(decoder.decode::<i64>().unwrap(), 3);
        }
        assert!(decoder.buffer.capacity() < 1024, "{}", decoder.buffer.capacity());
    }

    #[test]
    fn an_idle_stream_gives_the_memory_of_a_large_value_back() {
        let mut decoder = Decoder::new();
        decoder.feed(&crate::to_vec(&crate::Bytes(vec![7; 20 << 20])).unwrap());
        assert_eq!(decoder.decode::<&[u8]>().unwrap().len(), 20 << 20);
        assert!(!decoder.ready().unwrap());
        // Four mebibytes are worth keeping.
        assert_eq!(decoder.buffer.capacity(), 4 * 1024 * 1024);
    }

    #[test]
    fn what_is_appended_to_the_room_is_what_was_fed() {
        let (mut fed, mut filled) = (Decoder::new(), Decoder::new());
        for n in 0..1000_i64 {
            let bytes = crate::to_vec(&n).unwrap();
            fed.feed(&bytes);
            let room = filled.room(bytes.len());
            assert!(room.capacity() - room.len() >= bytes.len());
            room.extend_from_slice(&bytes);
            // Every third is left for later.
            for decoder in [&mut fed, &mut filled].into_iter().filter(|_| n % 3 > 0) {
                assert_eq!(decoder.decode::<i64>().unwrap(), n - n / 3 - 1);
            }
            assert_eq!((fed.buffered(), fed.buffer.len()), (filled.buffered(), filled.buffer.len()));
        }
    }

    #[test]
    fn room_of_a_decoder_that_failed_does_not_fill_up() {
        let mut decoder = Decoder::new();
        decoder.feed(&[0xf0, 1]);
        assert!(decoder.ready().unwrap_err().is_fatal());
        for _ in 0..100 {
            decoder.room(1000).extend_from_slice(&[0; 1000]);
            assert!(decoder.ready().unwrap_err().is_fatal());
        }
        assert!(decoder.buffer.capacity() < 10_000);
    }
}

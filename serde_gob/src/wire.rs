//! The bytes of gob: unsigned and signed integers, floats, counted bytes.
//!
//! An unsigned integer below 128 is one byte; anything else is its byte count, negated, then the
//! value big-endian without leading zeros. Signed integers put the sign into bit 0 (inverting the
//! rest when it is set); floats are the byte-reversed bits of a float64, so that the usually empty
//! low end of the mantissa costs nothing.

use crate::error::{Corruption, Error, ErrorKind, Result};

/// Longest encoding of an integer: the count byte and eight bytes of value.
pub(crate) const MAX_UINT: usize = 9;

/// The encoding of `value` left-aligned in an array, and its length.
#[inline(always)]
pub(crate) fn uint_bytes(value: u64) -> ([u8; MAX_UINT], usize) {
    let mut bytes = [0; MAX_UINT];
    if value < 0x80 {
        bytes[0] = value as u8;
        return (bytes, 1);
    }
    let skipped = value.leading_zeros() & 0x38; // whole leading zero bytes, in bits
    bytes[0] = ((skipped >> 3) as u8).wrapping_sub(8);
    bytes[1..].copy_from_slice(&(value << skipped).to_be_bytes());
    (bytes, MAX_UINT - (skipped >> 3) as usize)
}

#[inline(always)]
pub(crate) fn put_uint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    // A copy of constant size and a truncation compile to a few stores; a copy of variable size
    // is a call.
    let (bytes, len) = uint_bytes(value);
    let start = out.len();
    out.extend_from_slice(&bytes);
    out.truncate(start + len);
}

/// Two integers, of which the first is mostly small: a field's number and its value. Appended at once, since asking whether
/// there is room costs as much as the rest.
#[inline(always)]
pub(crate) fn put_uints(out: &mut Vec<u8>, first: u64, second: u64) {
    if first >= 0x80 {
        put_uints_slow(out, first, second);
    } else if second < 0x80 {
        out.extend_from_slice(&[first as u8, second as u8]);
    } else {
        let (bytes, len) = uint_bytes(second);
        let mut both = [0; 1 + MAX_UINT];
        both[0] = first as u8;
        both[1..].copy_from_slice(&bytes);
        let start = out.len();
        out.extend_from_slice(&both);
        out.truncate(start + 1 + len);
    }
}

#[cold]
fn put_uints_slow(out: &mut Vec<u8>, first: u64, second: u64) {
    put_uint(out, first);
    put_uint(out, second);
}

#[inline(always)]
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    put_uint(out, int_to_uint(value));
}

#[inline(always)]
pub(crate) fn put_float(out: &mut Vec<u8>, value: f64) {
    put_uint(out, float_to_uint(value));
}

#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[inline(always)]
pub(crate) fn int_to_uint(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline(always)]
pub(crate) fn uint_to_int(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[inline(always)]
pub(crate) fn float_to_uint(value: f64) -> u64 {
    value.to_bits().swap_bytes()
}

#[inline(always)]
pub(crate) fn uint_to_float(value: u64) -> f64 {
    f64::from_bits(value.swap_bytes())
}

/// Reads from one message; knows where in the whole stream it stands.
#[derive(Clone)]
pub(crate) struct Cursor<'b> {
    bytes: &'b [u8],
    pos: usize,
    end: usize,
    /// Stream offset of `bytes[0]`.
    base: u64,
}

impl<'b> Cursor<'b> {
    /// Reads `bytes[pos..end]`; `end` must not lie past the slice.
    #[inline]
    pub(crate) fn new(bytes: &'b [u8], pos: usize, end: usize, base: u64) -> Self {
        debug_assert!(pos <= end && end <= bytes.len());
        Cursor { bytes: &bytes[..end.min(bytes.len())], pos, end, base }
    }

    /// The same, but ending after `len` more bytes at the latest.
    pub(crate) fn shortened(&self, len: usize) -> Self {
        let end = self.end.min(self.pos.saturating_add(len));
        Cursor { bytes: &self.bytes[..end], end, ..self.clone() }
    }

    /// Goes on where another cursor over the same bytes stands.
    pub(crate) fn catch_up(&mut self, other: &Cursor<'b>) {
        self.pos = other.pos;
    }

    #[inline(always)]
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    #[inline(always)]
    pub(crate) fn left(&self) -> usize {
        self.end - self.pos
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.pos >= self.end
    }

    pub(crate) fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// The next byte without taking it.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline(always)]
    pub(crate) fn uint(&mut self) -> Result<u64> {
        match self.bytes.get(self.pos) {
            Some(&byte) if byte < 0x80 => {
                self.pos += 1;
                Ok(u64::from(byte))
            }
            Some(&byte) => self.wide_uint(byte),
            None => Err(self.corrupt(Corruption::Truncated)),
        }
    }

    #[inline]
    fn wide_uint(&mut self, first: u8) -> Result<u64> {
        let width = usize::from(first.wrapping_neg());
        if width > 8 {
            return Err(self.corrupt(Corruption::UintTooWide));
        }
        let start = self.pos + 1;
        // Eight bytes at once wherever there are eight: a loop over `width` costs several times that.
        if let Some(window) = self.bytes.get(start..start + 8).and_then(|w| <[u8; 8]>::try_from(w).ok()) {
            self.pos = start + width;
            return Ok(u64::from_be_bytes(window) >> (64 - 8 * width));
        }
        let Some(digits) = self.bytes.get(start..start + width) else {
            let left = self.bytes.len() - start;
            return Err(self.corrupt(Corruption::UintTruncated { width, left }));
        };
        self.pos = start + width;
        Ok(digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit)))
    }

    #[inline(always)]
    pub(crate) fn int(&mut self) -> Result<i64> {
        Ok(uint_to_int(self.uint()?))
    }

    #[inline(always)]
    pub(crate) fn float(&mut self) -> Result<f64> {
        Ok(uint_to_float(self.uint()?))
    }

    /// A type id: positive before a value, negative before a definition.
    #[inline]
    pub(crate) fn type_id(&mut self) -> Result<i32> {
        let id = self.int()?;
        // The negation of an id must be an id too.
        i32::try_from(id)
            .ok()
            .filter(|id| *id > i32::MIN)
            .ok_or_else(|| self.corrupt(Corruption::UnknownType))
    }

    /// Counted bytes: a string, a `[]byte`, the payload of a self-marshalling type.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'b [u8]> {
        let len = self.uint()?;
        self.take(len)
    }

    #[inline]
    pub(crate) fn take(&mut self, len: u64) -> Result<&'b [u8]> {
        if len > self.left() as u64 {
            return Err(self.corrupt(Corruption::LengthExceedsInput { len }));
        }
        let start = self.pos;
        self.pos += len as usize;
        Ok(&self.bytes[start..self.pos])
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn corrupt(&self, what: Corruption) -> Error {
        Error::new(ErrorKind::Corrupt(what)).at(self.offset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn unsigned_integers_have_gos_bytes() {
        let table: &[(u64, &str)] = &[
            (0, "00"),
            (7, "07"),
            (127, "7f"),
            (128, "ff80"),
            (255, "ffff"),
            (256, "fe0100"),
            (65_535, "feffff"),
            (65_536, "fd010000"),
            (0x1234_5678, "fc12345678"),
            (1 << 32, "fb0100000000"),
            (1 << 40, "fa010000000000"),
            (1 << 48, "f901000000000000"),
            (1 << 56, "f80100000000000000"),
            (u64::MAX, "f8ffffffffffffffff"),
        ];
        for &(value, expected) in table {
            let mut out = Vec::new();
            put_uint(&mut out, value);
            assert_eq!(hex(&out), expected, "{value}");
            let mut cursor = Cursor::new(&out, 0, out.len(), 0);
            assert_eq!(cursor.uint().unwrap(), value);
            assert!(cursor.is_empty());
        }
    }

    #[test]
    fn signed_integers_have_gos_bytes() {
        let table: &[(i64, &str)] = &[
            (0, "00"),
            (3, "06"),
            (-1, "01"),
            (-64, "7f"),
            (64, "ff80"),
            (-65, "ff81"),
            (-129, "fe0101"),
            (i64::MAX, "f8fffffffffffffffe"),
            (i64::MIN, "f8ffffffffffffffff"),
        ];
        for &(value, expected) in table {
            let mut out = Vec::new();
            put_int(&mut out, value);
            assert_eq!(hex(&out), expected, "{value}");
            assert_eq!(Cursor::new(&out, 0, out.len(), 0).int().unwrap(), value);
        }
    }

    #[test]
    fn floats_have_gos_bytes() {
        let table: &[(f64, &str)] = &[(0.0, "00"), (17.0, "fe3140"), (1.0, "fef03f"), (-0.0, "ff80")];
        for &(value, expected) in table {
            let mut out = Vec::new();
            put_float(&mut out, value);
            assert_eq!(hex(&out), expected, "{value}");
            assert_eq!(Cursor::new(&out, 0, out.len(), 0).float().unwrap().to_bits(), value.to_bits());
        }
    }

    #[test]
    fn longer_forms_than_needed_are_read() {
        for bytes in [&[0xff, 3][..], &[0xf8, 0, 0, 0, 0, 0, 0, 0, 3]] {
            assert_eq!(Cursor::new(bytes, 0, bytes.len(), 0).uint().unwrap(), 3);
        }
    }

    #[test]
    fn integers_that_are_too_wide_or_cut_short_are_corrupt() {
        for bytes in [&[0xf7, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[0x80], &[0xfe, 1], &[]] {
            let error = Cursor::new(bytes, 0, bytes.len(), 0).uint().unwrap_err();
            assert!(error.is_corrupt(), "{bytes:02x?}: {error}");
        }
    }
}

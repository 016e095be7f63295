//! Messages in, values out: the logic of a decoder, apart from its buffer.

use crate::error::{Corruption, Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::received::{ReceivedTypes, WireRef};
use crate::scan::{Progress, Scan};
use crate::wire::Cursor;

/// Where a decoder stands in its stream. Positions are offsets from the start of the stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) types: ReceivedTypes,
    pub(crate) limits: Limits,
    /// Everything before was consumed.
    at: u64,
    /// A definition was read and no value since.
    after_definition: bool,
    /// The value that is next, once it has begun.
    value: Option<Ready>,
    /// Present until the end of that value is known, with the place it has reached and the end of that message.
    scan: Option<(Scan, u64, u64)>,
    failed: Option<Error>,
}

/// A value that is there as a whole. Positions are offsets from the start of the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) ty: WireRef,
    pub(crate) start: u64,
    /// End of the value's first message.
    pub(crate) message_end: u64,
    /// End of its last message.
    pub(crate) end: u64,
}

/// The bytes that are there, from stream offset `base`.
#[derive(Clone, Copy)]
pub(crate) struct Window<'b> {
    pub(crate) bytes: &'b [u8],
    pub(crate) base: u64,
}

impl<'b> Window<'b> {
    pub(crate) fn cursor(&self, from: u64, to: u64) -> Cursor<'b> {
        Cursor::new(self.bytes, (from - self.base) as usize, (to - self.base) as usize, self.base)
    }

    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }
}

impl Stream {
    pub(crate) fn new(limits: Limits) -> Self {
        Stream {
            types: ReceivedTypes::new(),
            limits,
            at: 0,
            after_definition: false,
            value: None,
            scan: None,
            failed: None,
        }
    }

    pub(crate) fn consumed(&self) -> u64 {
        self.at
    }

    pub(crate) fn is_between_values(&self) -> bool {
        self.value.is_none() && !self.after_definition
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether all of the next value is in the window. Definitions before it are consumed.
    #[inline]
    pub(crate) fn next(&mut self, window: Window<'_>) -> Result<bool> {
        if let Some(error) = &self.failed {
            return Err(error.duplicate());
        }
        self.step(window).inspect_err(|error| {
            if error.is_fatal() {
                self.failed = Some(error.duplicate());
            }
        })
    }

    /// Takes the value that [`next`](Self::next) has found.
    #[inline]
    pub(crate) fn consume(&mut self) -> Option<Ready> {
        let value = self.value.take()?;
        self.at = value.end;
        self.after_definition = false;
        Some(value)
    }

    fn step(&mut self, window: Window<'_>) -> Result<bool> {
        while self.value.is_none() {
            let Some((start, end)) = message(window, self.at, &self.limits)? else { return Ok(false) };
            self.begin(window, start, end)?;
        }
        if self.scan.is_some() {
            return self.scan(window).map_err(Error::fatal);
        }
        Ok(true)
    }

    /// Takes up one message: a definition or a value.
    #[inline]
    fn begin(&mut self, window: Window<'_>, start: u64, end: u64) -> Result<()> {
        let mut cursor = window.cursor(start, end);
        // Whatever may be wrong with the message, its end is known.
        let message = std::mem::replace(&mut self.at, end);
        self.after_definition = false;
        let id = cursor.type_id()?;
        if id < 0 {
            return self.define(-id, cursor);
        }
        let ty = self.types.find(id).ok_or_else(|| cursor.corrupt(Corruption::UnknownType))?;
        // A definition that never came will not come any more.
        let spans = self.types.holds_interfaces(ty).map_err(|e| e.at(cursor.offset()).fatal())?;
        if !self.types.is_struct(ty) && cursor.uint()? != 0 {
            return Err(cursor.corrupt(Corruption::SingletonDelta));
        }
        let value_start = window.base + cursor.pos() as u64;
        if spans {
            self.scan = Some((Scan::new(ty), value_start, end));
        }
        self.value = Some(Ready { ty, start: value_start, message_end: end, end });
        self.at = message; // until the value is consumed its bytes are needed
        Ok(())
    }

    #[cold]
    fn define(&mut self, id: i32, mut cursor: Cursor<'_>) -> Result<()> {
        self.types.define(id, &mut cursor, &self.limits).map_err(Error::fatal)?;
        if !cursor.is_empty() {
            return Err(cursor.corrupt(Corruption::ExtraData).fatal());
        }
        self.after_definition = true;
        Ok(())
    }

    /// Whether the end of the value has been found.
    fn scan(&mut self, window: Window<'_>) -> Result<bool> {
        let Some(ready) = &mut self.value else { return Ok(false) };
        while let Some((scan, at, end)) = &mut self.scan {
            let mut cursor = window.cursor(*at, *end);
            let progress = scan.run(&mut self.types, &mut cursor, &self.limits)?;
            *at = window.base + cursor.pos() as u64;
            match progress {
                Progress::Done => {
                    ready.end = *end;
                    self.scan = None;
                }
                Progress::NextMessage => {
                    let Some((next_start, next_end)) = message(window, *at, &self.limits)? else {
                        return Ok(false);
                    };
                    if next_end - ready.start > self.limits.message_size as u64 {
                        return Err(too_large(&self.limits).at(*at));
                    }
                    (*at, *end) = (next_start, next_end);
                }
            }
        }
        Ok(true)
    }
}

/// The message at `at`, as start and end of its content, if all of it is there.
#[inline(always)]
pub(crate) fn message(window: Window<'_>, at: u64, limits: &Limits) -> Result<Option<(u64, u64)>> {
    let mut cursor = window.cursor(at, window.end());
    let Some(first) = cursor.peek() else { return Ok(None) };
    if first >= 0x80 {
        let width = usize::from(first.wrapping_neg());
        if width <= 8 && cursor.left() <= width {
            return Ok(None);
        }
    }
    let len = cursor.uint().map_err(Error::fatal)?;
    if len > limits.message_size as u64 || len >= TOO_BIG {
        return Err(refused_length(len, limits).at(at).fatal());
    }
    if (cursor.left() as u64) < len {
        return Ok(None);
    }
    let start = window.base + cursor.pos() as u64;
    Ok(Some((start, start + len)))
}

/// What Go refuses on 64-bit machines.
const TOO_BIG: u64 = 1 << 33;

#[cold]
fn refused_length(len: u64, limits: &Limits) -> Error {
    if len >= TOO_BIG {
        return Error::new(ErrorKind::Corrupt(Corruption::MessageLength));
    }
    too_large(limits)
}

fn too_large(limits: &Limits) -> Error {
    Error::limit("size of a message", limits.message_size)
}

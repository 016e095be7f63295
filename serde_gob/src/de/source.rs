//! The value being decoded: where it is read, and how deep it may go.

use super::not_utf8;
use crate::error::{Corruption, Error, Result};
use crate::limits::Limits;
use crate::received::{ReceivedTypes, WireKind, WireRef, skip_definition};
use crate::scan::{expect_singleton, field_number, read_interface_name};
use crate::stream::{self, Ready, Window};
use crate::wire::Cursor;

/// The value being decoded.
pub(crate) struct Source<'a, 'de> {
    pub(crate) types: &'a ReceivedTypes,
    pub(crate) cursor: Cursor<'de>,
    window: Window<'de>,
    pub(super) limits: &'a Limits,
    /// End of the last message of the value.
    end: u64,
    pub(super) depth_left: usize,
    pub(super) missing_as_zero: bool,
    /// Fields that were not sent and may still be handed out as zeros.
    absent_left: u64,
    /// Nothing of the value was looked into yet.
    pub(super) whole: bool,
}

/// A struct whose fields are all zero is one byte, however many fields the sender has given its type. To visitors that take
/// all of them, such as maps, this many are handed out for a value, and so many more for each of its bytes.
const ABSENT: u64 = 1 << 20;
const ABSENT_PER_BYTE: u64 = 64;

impl<'a, 'de> Source<'a, 'de> {
    #[inline]
    pub(crate) fn new(
        types: &'a ReceivedTypes,
        limits: &'a Limits,
        window: Window<'de>,
        ready: Ready,
        missing_as_zero: bool,
    ) -> Self {
        Source {
            types,
            cursor: window.cursor(ready.start, ready.message_end),
            window,
            limits,
            end: ready.end,
            depth_left: limits.depth,
            missing_as_zero,
            absent_left: ABSENT + ABSENT_PER_BYTE * (ready.end - ready.start),
            whole: true,
        }
    }

    #[inline]
    pub(crate) fn enter(&mut self) -> Result<()> {
        self.whole = false;
        match self.depth_left.checked_sub(1) {
            Some(left) => {
                self.depth_left = left;
                Ok(())
            }
            None => Err(Error::limit("depth of a value", self.limits.depth).at(self.cursor.offset())),
        }
    }

    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth_left += 1;
    }

    /// Takes note that a visitor is about to be given this many fields, sent or not.
    pub(super) fn take_fields(&mut self, count: usize) -> Result<()> {
        match self.absent_left.checked_sub(count as u64) {
            Some(left) => {
                self.absent_left = left;
                Ok(())
            }
            None => {
                let limit = usize::try_from(ABSENT).unwrap_or(usize::MAX);
                Err(Error::limit("number of absent fields", limit).at(self.cursor.offset()))
            }
        }
    }

    /// A number of elements, each of which takes at least one byte.
    #[inline]
    pub(crate) fn count(&mut self) -> Result<usize> {
        let count = self.cursor.uint()?;
        if count > self.end - self.cursor.offset() {
            return Err(self.cursor.corrupt(Corruption::CountExceedsInput { count }));
        }
        Ok(count as usize)
    }

    /// The number of elements of an array, which its type has said already.
    #[inline]
    pub(crate) fn array_count(&mut self, len: u64) -> Result<usize> {
        let count = self.count()?;
        if count as u64 != len {
            return Err(self.cursor.corrupt(Corruption::ArrayLength));
        }
        Ok(count)
    }

    /// The next field of a struct of which `next` is the first number not yet passed.
    #[inline(always)]
    pub(crate) fn next_field(&mut self, next: usize, fields: usize) -> Result<Option<usize>> {
        match self.cursor.uint()? {
            0 => Ok(None),
            delta => field_number(&self.cursor, next as u64, delta, fields).map(Some),
        }
    }

    #[inline]
    pub(crate) fn str(&mut self) -> Result<&'de str> {
        let offset = self.cursor.offset();
        std::str::from_utf8(self.cursor.bytes()?).map_err(|_| not_utf8().at(offset))
    }

    /// The name and type of an interface's concrete value, `None` for nil. Definitions inside were
    /// taken in when the end of the value was looked for.
    pub(crate) fn interface(&mut self) -> Result<Option<(&'de [u8], WireRef)>> {
        let Some(name) = read_interface_name(&mut self.cursor)? else { return Ok(None) };
        loop {
            if self.cursor.is_empty() {
                self.next_message()?;
            }
            let id = self.cursor.type_id()?;
            if id >= 0 {
                let unknown = || self.cursor.corrupt(Corruption::UnknownType);
                let ty = self.types.find(id).ok_or_else(unknown)?;
                self.cursor.uint()?;
                expect_singleton(self.types, &mut self.cursor, ty)?;
                self.whole = true;
                return Ok(Some((name, ty)));
            }
            skip_definition(&mut self.cursor)?;
            if !self.cursor.is_empty() {
                self.cursor.uint()?;
            }
        }
    }

    fn next_message(&mut self) -> Result<()> {
        match stream::message(self.window, self.cursor.offset(), self.limits)? {
            Some((start, end)) => {
                self.cursor = self.window.cursor(start, end);
                Ok(())
            }
            None => Err(self.cursor.corrupt(Corruption::Truncated)),
        }
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, ty: WireRef) -> Result<()> {
        match self.types.kind(ty) {
            WireKind::Bool | WireKind::Int | WireKind::Uint | WireKind::Float => {
                self.cursor.uint()?;
                return Ok(());
            }
            WireKind::Complex => {
                self.cursor.uint()?;
                self.cursor.uint()?;
                return Ok(());
            }
            WireKind::Bytes | WireKind::String | WireKind::Opaque { .. } => {
                self.cursor.bytes()?;
                return Ok(());
            }
            _ => {}
        }
        self.enter()?;
        match self.types.kind(ty) {
            WireKind::Interface => {
                if let Some((_, ty)) = self.interface()? {
                    self.skip(ty)?;
                }
            }
            WireKind::Array { elem, len } => {
                for _ in 0..self.array_count(*len)? {
                    self.skip(*elem)?;
                }
            }
            WireKind::Slice { elem } => {
                for _ in 0..self.count()? {
                    self.skip(*elem)?;
                }
            }
            WireKind::Map { key, elem } => {
                for _ in 0..self.count()? {
                    self.skip(*key)?;
                    self.skip(*elem)?;
                }
            }
            WireKind::Struct(ty) => {
                let mut next = 0;
                while let Some(number) = self.next_field(next, ty.fields.len())? {
                    self.skip(ty.fields[number].ty)?;
                    next = number + 1;
                }
            }
            _ => return Err(self.cursor.corrupt(Corruption::UnknownType)),
        }
        self.leave();
        Ok(())
    }
}

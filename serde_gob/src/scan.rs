//! Finds the end of a value that holds interfaces.
//!
//! Go sends the definition of a type when it first meets it, also inside an interface in the middle
//! of a value, and ends the message there: such a value spans messages, and only reading it tells how
//! many. The scan keeps its place, so that every byte is looked at once however the bytes arrive.

use crate::error::{Corruption, Error, Result};
use crate::limits::Limits;
use crate::received::{ReceivedTypes, WireKind, WireRef};
use crate::wire::Cursor;

#[derive(Debug)]
pub(crate) struct Scan {
    /// What remains to be read, outermost first.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Value(WireRef),
    Elements {
        elem: WireRef,
        left: u64,
    },
    /// `left` counts keys and elements.
    Entries {
        key: WireRef,
        elem: WireRef,
        left: u64,
    },
    Fields {
        ty: WireRef,
        next: u64,
    },
    /// An interface's definitions, type id, length and value.
    Concrete,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// The value goes on in the next message.
    NextMessage,
}

/// Longest name of a type in an interface that Go accepts.
pub(crate) const LONGEST_NAME: u64 = 1024;

impl Scan {
    pub(crate) fn new(ty: WireRef) -> Self {
        Scan { steps: vec![Step::Value(ty)] }
    }

    /// Reads on in the message under the cursor.
    pub(crate) fn run(
        &mut self,
        types: &mut ReceivedTypes,
        cursor: &mut Cursor<'_>,
        limits: &Limits,
    ) -> Result<Progress> {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Value(ty) => self.value(types, cursor, ty)?,
                Step::Elements { left: 0, .. } | Step::Entries { left: 0, .. } => {}
                Step::Elements { elem, left } => {
                    self.steps.push(Step::Elements { elem, left: left - 1 });
                    self.value(types, cursor, elem)?;
                }
                Step::Entries { key, elem, left } => {
                    self.steps.push(Step::Entries { key, elem, left: left - 1 });
                    self.value(types, cursor, if left % 2 == 0 { key } else { elem })?;
                }
                Step::Fields { ty, next } => {
                    let WireKind::Struct(fields) = types.kind(ty) else { continue };
                    let delta = cursor.uint()?;
                    if delta > 0 {
                        let number = field_number(cursor, next, delta, fields.fields.len())?;
                        let field = fields.fields[number].ty;
                        self.steps.push(Step::Fields { ty, next: number as u64 + 1 });
                        self.value(types, cursor, field)?;
                    }
                }
                Step::Concrete => {
                    if cursor.is_empty() {
                        self.steps.push(Step::Concrete);
                        return Ok(Progress::NextMessage);
                    }
                    let id = cursor.type_id()?;
                    if id < 0 {
                        types.define(-id, cursor, limits)?;
                        if !cursor.is_empty() {
                            cursor.uint()?; // the length of what follows: wrong as soon as types are defined inside
                        }
                        self.steps.push(Step::Concrete);
                    } else {
                        let ty = types.find(id).ok_or_else(|| cursor.corrupt(Corruption::UnknownType))?;
                        types.holds_interfaces(ty).map_err(|e| e.at(cursor.offset()))?;
                        cursor.uint()?;
                        expect_singleton(types, cursor, ty)?;
                        self.steps.push(Step::Value(ty));
                    }
                }
            }
            if self.steps.len() > limits.depth {
                return Err(Error::limit("depth of a value", limits.depth).at(cursor.offset()));
            }
        }
        Ok(Progress::Done)
    }

    /// Reads a scalar, or notes what a composite value consists of.
    #[inline]
    fn value(&mut self, types: &ReceivedTypes, cursor: &mut Cursor<'_>, ty: WireRef) -> Result<()> {
        match types.kind(ty) {
            WireKind::Bool | WireKind::Int | WireKind::Uint | WireKind::Float => {
                cursor.uint()?;
            }
            WireKind::Complex => {
                cursor.uint()?;
                cursor.uint()?;
            }
            WireKind::Bytes | WireKind::String | WireKind::Opaque { .. } => {
                cursor.bytes()?;
            }
            WireKind::Interface => {
                if read_interface_name(cursor)?.is_some() {
                    self.steps.push(Step::Concrete);
                }
            }
            WireKind::Array { elem, len } => {
                let left = cursor.uint()?;
                if left != *len {
                    return Err(cursor.corrupt(Corruption::ArrayLength));
                }
                self.steps.push(Step::Elements { elem: *elem, left });
            }
            WireKind::Slice { elem } => {
                let left = cursor.uint()?;
                self.steps.push(Step::Elements { elem: *elem, left });
            }
            WireKind::Map { key, elem } => {
                let count = cursor.uint()?;
                let left = count
                    .checked_mul(2)
                    .ok_or_else(|| cursor.corrupt(Corruption::CountExceedsInput { count }))?;
                self.steps.push(Step::Entries { key: *key, elem: *elem, left });
            }
            WireKind::Struct(_) => self.steps.push(Step::Fields { ty, next: 0 }),
            WireKind::Undefined => return Err(cursor.corrupt(Corruption::UnknownType)),
        }
        Ok(())
    }
}

/// The number of the field `delta` after the last one.
#[inline(always)]
pub(crate) fn field_number(cursor: &Cursor<'_>, next: u64, delta: u64, fields: usize) -> Result<usize> {
    match next.checked_add(delta - 1) {
        Some(number) if number < fields as u64 => Ok(number as usize),
        _ => Err(cursor.corrupt(Corruption::FieldNumber)),
    }
}

/// The registered name of an interface's concrete type, `None` for a nil interface.
#[inline]
pub(crate) fn read_interface_name<'b>(cursor: &mut Cursor<'b>) -> Result<Option<&'b [u8]>> {
    let len = cursor.uint()?;
    if len == 0 {
        return Ok(None);
    }
    if len > LONGEST_NAME {
        let start = cursor.clone().take(20).map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        return Err(cursor.corrupt(Corruption::InterfaceName { len, start }));
    }
    cursor.take(len).map(Some)
}

/// A value that is not a struct starts with a zero, as if it were a field.
#[inline]
pub(crate) fn expect_singleton(types: &ReceivedTypes, cursor: &mut Cursor<'_>, ty: WireRef) -> Result<()> {
    if !types.is_struct(ty) && cursor.uint()? != 0 {
        return Err(cursor.corrupt(Corruption::SingletonDelta));
    }
    Ok(())
}

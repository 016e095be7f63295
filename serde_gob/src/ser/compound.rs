//! Slices, arrays, maps and structs while they are written.

use serde::ser::{self, Serialize};

use super::sink::FloatSink;
use super::{Output, Serializer};
use crate::encoder::replace;
use crate::error::{EncodeError, Error, Result};
use crate::shape::{BYTE_SLOT, FieldSlot, Slot, Tag};
use crate::wire::{put_float, put_uint, uint_bytes};

/// A slice, an array, bytes from a sequence, or a complex number.
pub(crate) struct Seq<'s, 'o> {
    output: &'s mut Output<'o>,
    elem: &'o Slot,
    count: Count,
    complex: Option<Complex<'o>>,
}

/// How many elements were announced and are still to come.
struct Count {
    announced: usize,
    written: usize,
    /// Where the count must be filled in because `Serialize` did not know it.
    fill_in_at: Option<usize>,
}

struct Complex<'o> {
    parts: [f64; 2],
    slot: &'o Slot,
}

impl Count {
    fn begin(output: &mut Output<'_>, len: Option<usize>) -> Self {
        let at = output.out.len();
        put_uint(output.out, len.unwrap_or(0) as u64);
        Count { announced: len.unwrap_or(0), written: 0, fill_in_at: len.is_none().then_some(at) }
    }

    fn finish(&self, output: &mut Output<'_>) -> Result<()> {
        if let Some(at) = self.fill_in_at {
            let (bytes, width) = uint_bytes(self.written as u64);
            replace(output.out, at, 1, &bytes[..width]);
        } else if self.written != self.announced {
            return Err(EncodeError::Count { announced: self.announced, written: self.written }.into());
        }
        Ok(())
    }
}

impl<'s, 'o> Seq<'s, 'o> {
    #[inline]
    pub(super) fn begin(mut serializer: Serializer<'s, 'o>, len: Option<usize>) -> Result<Self> {
        let slot = serializer.slot;
        let mut complex = None;
        let elem = match slot.tag {
            Tag::Slice => &serializer.output.table.node(slot.ty).elems[0],
            Tag::Array => {
                let node = serializer.output.table.node(slot.ty);
                if let crate::shape::Kind::Array(_, described) = node.kind
                    && len != Some(described)
                {
                    return Err(EncodeError::ArrayLength { described, written: len.unwrap_or(0) }.into());
                }
                &node.elems[0]
            }
            Tag::Bytes => &BYTE_SLOT,
            Tag::Complex if len == Some(2) => {
                complex = Some(Complex { parts: [0.0; 2], slot });
                slot
            }
            _ => return serializer.disagree("a sequence"),
        };
        serializer.output.enter()?;
        let count = if complex.is_some() {
            Count { announced: 2, written: 0, fill_in_at: None }
        } else if len == Some(0) && slot.is_field() && slot.tag != Tag::Array {
            Count { announced: 0, written: 0, fill_in_at: None } // an empty slice is zero, so it is not sent
        } else {
            serializer.begin();
            Count::begin(serializer.output, len)
        };
        Ok(Seq { output: serializer.output, elem, count, complex })
    }

    #[inline(always)]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let at = self.count.written;
        self.count.written += 1;
        if let Some(complex) = &mut self.complex {
            let part = complex.parts.get_mut(at);
            let part = part.ok_or(EncodeError::Count { announced: 2, written: at + 1 })?;
            *part = value.serialize(FloatSink)?;
            return Ok(());
        }
        if self.elem.tag == Tag::Byte {
            self.output.out.push(value.serialize(super::sink::ByteSink)?);
            return Ok(());
        }
        value.serialize(Serializer::new(self.output, self.elem))
    }

    #[inline]
    pub(super) fn finish(self) -> Result<()> {
        self.output.leave();
        self.count.finish(self.output)?;
        if let Some(Complex { parts, slot }) = self.complex
            && (parts != [0.0; 2] || !slot.is_field())
        {
            let mut serializer = Serializer::new(self.output, slot);
            serializer.begin();
            parts.iter().for_each(|part| put_float(serializer.output.out, *part));
        }
        Ok(())
    }
}

macro_rules! sequences {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for Seq<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

sequences!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

/// A map.
pub(crate) struct Map<'s, 'o> {
    output: &'s mut Output<'o>,
    slots: &'o [Slot; 2],
    count: Count,
}

impl<'s, 'o> Map<'s, 'o> {
    #[inline]
    pub(super) fn begin(mut serializer: Serializer<'s, 'o>, len: Option<usize>) -> Result<Self> {
        if serializer.slot.tag != Tag::Map {
            return serializer.disagree("a map");
        }
        let slots = &serializer.output.table.node(serializer.slot.ty).elems;
        serializer.output.enter()?;
        // An empty map is not a nil map, so it is sent.
        serializer.begin();
        let count = Count::begin(serializer.output, len);
        Ok(Map { output: serializer.output, slots, count })
    }
}

impl ser::SerializeMap for Map<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        key.serialize(Serializer::new(self.output, &self.slots[0]))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.count.written += 1;
        value.serialize(Serializer::new(self.output, &self.slots[1]))
    }

    fn end(self) -> Result<()> {
        self.output.leave();
        self.count.finish(self.output)
    }
}

/// A struct.
pub(crate) struct Struct<'s, 'o> {
    output: &'s mut Output<'o>,
    fields: &'o [FieldSlot],
    next: usize,
    outer_field: i32,
}

impl<'s, 'o> Struct<'s, 'o> {
    #[inline(always)]
    pub(super) fn begin(mut serializer: Serializer<'s, 'o>) -> Result<Self> {
        if serializer.slot.tag != Tag::Struct {
            return serializer.disagree("a struct");
        }
        let fields = &serializer.output.table.node(serializer.slot.ty).fields;
        serializer.output.enter()?;
        serializer.begin();
        let outer_field = std::mem::replace(&mut serializer.output.last_field, -1);
        Ok(Struct { output: serializer.output, fields, next: 0, outer_field })
    }

    #[inline(always)]
    pub(super) fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        let field = match self.fields.get(self.next) {
            Some(field) if field.is(name) => field,
            _ => self.find(name)?,
        };
        self.next = field.slot.field as usize + 1;
        value.serialize(Serializer::new(self.output, &field.slot))
    }

    /// A field further on: those in between were skipped (`skip_serializing_if`).
    #[cold]
    #[inline(never)]
    fn find(&self, name: &'static str) -> Result<&'o FieldSlot> {
        let rest = self.fields.get(self.next..).unwrap_or_default();
        rest.iter().find(|field| field.name == name).ok_or_else(|| EncodeError::UnknownField { name }.into())
    }

    #[inline(always)]
    pub(super) fn finish(self) -> &'s mut Output<'o> {
        self.output.out.push(0);
        self.output.last_field = self.outer_field;
        self.output.leave();
        self.output
    }
}

impl ser::SerializeStruct for Struct<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.field(name, value)
    }

    #[inline(always)]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

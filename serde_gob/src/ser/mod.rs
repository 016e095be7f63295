//! serde's side of the encoder: writes what `Serialize` says where [`GobType`] says.
//!
//! [`GobType`]: crate::GobType

mod collect;
mod compound;
mod sink;
mod variant;

use serde::ser::{self, Serialize};

use crate::error::{EncodeError, Error, Result};
use crate::limits::Limits;
use crate::sent::SentTypes;
use crate::shape::{Kind, Slot, Tag, TypeTable};
use crate::value::{self, DynamicTypes};
use crate::wire::{float_to_uint, int_to_uint, put_uint, put_uints};

pub(crate) use compound::{Map, Seq, Struct};
pub(crate) use variant::{Content, StructVariant};

/// A newtype struct of this name is a zero value of its type: as a field it is not sent.
pub(crate) const ZERO_TOKEN: &str = "$serde_gob::Zero";

/// The message being written.
pub(crate) struct Output<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    pub(crate) table: &'o TypeTable,
    pub(crate) sent: &'o mut SentTypes,
    pub(crate) dynamic: &'o mut DynamicTypes,
    /// Number of the last field written in the struct being written.
    last_field: i32,
    /// Levels that may still be entered.
    depth_left: usize,
    depth: usize,
    /// Most dynamic types in the life of the stream.
    pub(crate) dynamic_limit: usize,
}

impl<'o> Output<'o> {
    pub(crate) fn new(
        out: &'o mut Vec<u8>,
        table: &'o TypeTable,
        sent: &'o mut SentTypes,
        dynamic: &'o mut DynamicTypes,
        limits: &Limits,
    ) -> Self {
        let depth = limits.depth;
        Output {
            out,
            table,
            sent,
            dynamic,
            last_field: -1,
            depth_left: depth,
            depth,
            dynamic_limit: limits.types,
        }
    }

    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Result<()> {
        match self.depth_left.checked_sub(1) {
            Some(left) => {
                self.depth_left = left;
                Ok(())
            }
            None => Err(Error::limit("depth of a value", self.depth)),
        }
    }

    #[inline(always)]
    pub(crate) fn leave(&mut self) {
        self.depth_left += 1;
    }
}

/// Writes one value into its slot. Two references, so that it is passed in registers.
pub(crate) struct Serializer<'s, 'o> {
    output: &'s mut Output<'o>,
    slot: &'o Slot,
}

impl<'s, 'o> Serializer<'s, 'o> {
    #[inline(always)]
    pub(crate) fn new(output: &'s mut Output<'o>, slot: &'o Slot) -> Self {
        Serializer { output, slot }
    }

    #[inline(always)]
    fn kind(&self) -> &'o Kind {
        &self.output.table.node(self.slot.ty).kind
    }

    /// How far the field number has moved since the last field.
    #[inline(always)]
    fn delta(&mut self) -> u64 {
        let field = i32::from(self.slot.field);
        (field - std::mem::replace(&mut self.output.last_field, field)) as u64
    }

    /// Writes what goes before a value.
    #[inline(always)]
    fn begin(&mut self) {
        if self.slot.is_field() {
            let delta = self.delta();
            put_uint(self.output.out, delta);
        }
    }

    /// Writes an integer, or the one that a value begins with.
    #[inline(always)]
    fn scalar(&mut self, encoded: u64) {
        if self.slot.is_field() {
            let delta = self.delta();
            put_uints(self.output.out, delta, encoded);
        } else {
            put_uint(self.output.out, encoded);
        }
    }

    #[inline(always)]
    fn int(mut self, value: i64) -> Result<()> {
        if self.slot.tag != Tag::Int {
            return self.disagree("an integer");
        }
        if value != 0 || !self.slot.is_field() {
            self.scalar(int_to_uint(value));
        }
        Ok(())
    }

    #[inline(always)]
    fn uint(mut self, value: u64) -> Result<()> {
        if self.slot.tag != Tag::Uint {
            return self.disagree("an unsigned integer");
        }
        if value != 0 || !self.slot.is_field() {
            self.scalar(value);
        }
        Ok(())
    }

    #[inline(always)]
    fn blob(mut self, bytes: &[u8]) {
        if !bytes.is_empty() || !self.slot.is_field() {
            self.scalar(bytes.len() as u64);
            self.output.out.extend_from_slice(bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn disagree<T>(&self, written: &'static str) -> Result<T> {
        Err(EncodeError::Disagreement { described: self.kind().label(), written }.into())
    }
}

impl<'s, 'o> ser::Serializer for Serializer<'s, 'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Seq<'s, 'o>;
    type SerializeTuple = Seq<'s, 'o>;
    type SerializeTupleStruct = Seq<'s, 'o>;
    type SerializeTupleVariant = ser::Impossible<(), Error>;
    type SerializeMap = Map<'s, 'o>;
    type SerializeStruct = Struct<'s, 'o>;
    type SerializeStructVariant = StructVariant<'s, 'o>;

    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline(always)]
    fn serialize_bool(mut self, value: bool) -> Result<()> {
        if self.slot.tag != Tag::Bool {
            return self.disagree("bool");
        }
        if value || !self.slot.is_field() {
            self.scalar(value.into());
        }
        Ok(())
    }

    #[inline(always)]
    fn serialize_i8(self, value: i8) -> Result<()> {
        self.int(value.into())
    }

    #[inline(always)]
    fn serialize_i16(self, value: i16) -> Result<()> {
        self.int(value.into())
    }

    #[inline(always)]
    fn serialize_i32(self, value: i32) -> Result<()> {
        self.int(value.into())
    }

    #[inline(always)]
    fn serialize_i64(self, value: i64) -> Result<()> {
        self.int(value)
    }

    #[inline(always)]
    fn serialize_u8(self, value: u8) -> Result<()> {
        self.uint(value.into())
    }

    #[inline(always)]
    fn serialize_u16(self, value: u16) -> Result<()> {
        self.uint(value.into())
    }

    #[inline(always)]
    fn serialize_u32(self, value: u32) -> Result<()> {
        self.uint(value.into())
    }

    #[inline(always)]
    fn serialize_u64(self, value: u64) -> Result<()> {
        self.uint(value)
    }

    #[inline(always)]
    fn serialize_f32(self, value: f32) -> Result<()> {
        self.serialize_f64(value.into())
    }

    #[inline(always)]
    fn serialize_f64(mut self, value: f64) -> Result<()> {
        if self.slot.tag != Tag::Float {
            return self.disagree("a float");
        }
        // -0.0 is zero for this purpose, in Go as well.
        if value != 0.0 || !self.slot.is_field() {
            self.scalar(float_to_uint(value));
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<()> {
        match self.slot.tag {
            Tag::String => self.serialize_str(value.encode_utf8(&mut [0; 4])),
            _ => self.int(u32::from(value).into()),
        }
    }

    #[inline(always)]
    fn serialize_str(self, value: &str) -> Result<()> {
        match self.slot.tag {
            Tag::String | Tag::Opaque => {
                self.blob(value.as_bytes());
                Ok(())
            }
            _ => self.disagree("a string"),
        }
    }

    #[inline(always)]
    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        match self.slot.tag {
            Tag::Bytes | Tag::String | Tag::Opaque => {
                self.blob(value);
                Ok(())
            }
            Tag::Array => self.collect_seq(value),
            _ => self.disagree("bytes"),
        }
    }

    fn serialize_none(self) -> Result<()> {
        match self.slot.tag {
            _ if self.slot.is_field() => {}
            Tag::Interface | Tag::Any => self.output.out.push(0),
            // A whole value that writes nothing is found out by the encoder.
            _ if self.output.depth_left == self.output.depth => {}
            _ => return Err(EncodeError::NilElement.into()),
        }
        Ok(())
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(mut self) -> Result<()> {
        match self.slot.tag {
            Tag::Struct => {
                self.begin();
                self.output.out.push(0);
                Ok(())
            }
            Tag::Interface | Tag::Any => self.serialize_none(),
            _ => self.disagree("a unit"),
        }
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, name: &'static str) -> Result<()> {
        match self.slot.tag {
            Tag::String => self.serialize_str(name),
            Tag::Int => self.int(index.into()),
            Tag::Uint => self.uint(index.into()),
            _ => self.variant(name, |inner| inner.serialize_unit()),
        }
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        if name.as_bytes().first() == Some(&b'$') {
            return self.special(name, value);
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.variant(name, |inner| value.serialize(inner))
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Seq<'s, 'o>> {
        Seq::begin(self, len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Seq<'s, 'o>> {
        Seq::begin(self, Some(len))
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Seq<'s, 'o>> {
        Seq::begin(self, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        self.disagree("a tuple variant")
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Map<'s, 'o>> {
        Map::begin(self, len)
    }

    #[inline(always)]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Struct<'s, 'o>> {
        Struct::begin(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<StructVariant<'s, 'o>> {
        StructVariant::begin(self, name)
    }

    #[inline]
    fn collect_seq<I>(self, iter: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        self.collect(iter)
    }
}

impl Serializer<'_, '_> {
    /// The newtype structs by which this crate's own types speak to this serializer.
    #[cold]
    #[inline(never)]
    fn special<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Result<()> {
        match name {
            ZERO_TOKEN if self.slot.is_field() => Ok(()),
            value::ANY_TOKEN if self.slot.tag == Tag::Any => match value::handoff::take_outgoing() {
                Some(interface) => {
                    self.begin();
                    value::write_interface(self.output, &interface)
                }
                None => value.serialize(self),
            },
            _ => value.serialize(self),
        }
    }
}

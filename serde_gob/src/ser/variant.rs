//! Interface values: the registered name, the type, the length, the value.

use serde::ser::{self, Serialize};

use super::{Output, Serializer, Struct};
use crate::encoder::replace;
use crate::error::{EncodeError, Error, ErrorKind, Result};
use crate::shape::{Kind, Slot};
use crate::wire::{put_bytes, put_int, uint_bytes};

/// Where the length of an interface's content must be filled in.
pub(crate) struct Content {
    length_at: usize,
}

impl Content {
    /// Writes everything before the content.
    pub(crate) fn begin(output: &mut Output<'_>, name: &str, id: i32, singleton: bool) -> Self {
        put_bytes(output.out, name.as_bytes());
        put_int(output.out, id.into());
        let length_at = output.out.len();
        output.out.push(0);
        if singleton {
            output.out.push(0);
        }
        Content { length_at }
    }

    pub(crate) fn end(self, output: &mut Output<'_>) {
        let len = output.out.len() - self.length_at - 1;
        let (bytes, width) = uint_bytes(len as u64);
        replace(output.out, self.length_at, 1, &bytes[..width]);
    }
}

impl<'s, 'o> Serializer<'s, 'o> {
    /// Writes an enum's variant as an interface value.
    pub(super) fn variant(
        self,
        name: &'static str,
        write: impl FnOnce(Serializer<'_, 'o>) -> Result<()>,
    ) -> Result<()> {
        let (output, slot, content) = self.begin_variant(name)?;
        let start = output.out.len();
        let result = write(Serializer::new(output, slot));
        let nothing_written = output.out.len() == start;
        result.map_err(|error| {
            error.map_kind(|kind| match kind {
                ErrorKind::Encode(EncodeError::NilElement) if nothing_written => {
                    ErrorKind::Encode(EncodeError::NilInInterface { name })
                }
                other => other,
            })
        })?;
        content.end(output);
        output.leave();
        Ok(())
    }

    fn begin_variant(mut self, name: &'static str) -> Result<(&'s mut Output<'o>, &'o Slot, Content)> {
        let Kind::Interface(variants) = self.kind() else { return self.disagree("an enum's variant") };
        let Some(variant) = variants.iter().find(|variant| variant.name == name) else {
            return Err(EncodeError::NotRegistered { name: name.to_owned() }.into());
        };
        let slot = &self.output.table.node(variant.ty).slot;
        self.output.enter()?;
        self.begin();
        let id = self.output.sent.id_of(self.output.table, slot.ty);
        let content = Content::begin(self.output, name, id, slot.tag.is_singleton());
        Ok((self.output, slot, content))
    }
}

/// A variant with named fields.
pub(crate) struct StructVariant<'s, 'o> {
    fields: Struct<'s, 'o>,
    content: Content,
}

impl<'s, 'o> StructVariant<'s, 'o> {
    pub(super) fn begin(serializer: Serializer<'s, 'o>, name: &'static str) -> Result<Self> {
        let (output, slot, content) = serializer.begin_variant(name)?;
        Ok(StructVariant { fields: Struct::begin(Serializer::new(output, slot))?, content })
    }
}

impl ser::SerializeStructVariant for StructVariant<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.fields.field(name, value)
    }

    fn end(self) -> Result<()> {
        let output = self.fields.finish();
        self.content.end(output);
        output.leave();
        Ok(())
    }
}

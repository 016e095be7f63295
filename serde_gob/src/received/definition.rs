//! Reads definitions of types, which are values of Go's own `wireType` struct.

use std::sync::Arc;

use super::{ReceivedTypes, StructType, WireField, WireKind};
use crate::de::Plans;
use crate::error::{Corruption, Result};
use crate::limits::Limits;
use crate::shape::OpaqueKind;
use crate::wire::Cursor;

impl ReceivedTypes {
    pub(super) fn read_definition(&mut self, cursor: &mut Cursor<'_>, limits: &Limits) -> Result<WireKind> {
        let mut found = None;
        read_fields(cursor, 7, |which, cursor| {
            if found.is_some() {
                return Err(cursor.corrupt(Corruption::BadDefinition));
            }
            found = Some(match which {
                0 => {
                    let (mut elem, mut len) = (0, 0);
                    read_fields(cursor, 3, |field, cursor| match field {
                        0 => read_common(cursor).map(drop),
                        1 => cursor.type_id().map(|id| elem = id),
                        _ => cursor.int().map(|n| len = n),
                    })?;
                    let len = u64::try_from(len).map_err(|_| cursor.corrupt(Corruption::BadDefinition))?;
                    WireKind::Array { elem: self.mention(elem, limits)?, len }
                }
                1 => {
                    let mut elem = 0;
                    read_fields(cursor, 2, |field, cursor| match field {
                        0 => read_common(cursor).map(drop),
                        _ => cursor.type_id().map(|id| elem = id),
                    })?;
                    WireKind::Slice { elem: self.mention(elem, limits)? }
                }
                2 => {
                    let mut name = Arc::default();
                    let mut fields = Vec::new();
                    read_fields(cursor, 2, |field, cursor| {
                        match field {
                            0 => name = read_common(cursor)?,
                            _ => fields = self.read_struct_fields(cursor, limits)?,
                        }
                        Ok(())
                    })?;
                    WireKind::Struct(StructType { name, fields: fields.into(), plans: Plans::default() })
                }
                3 => {
                    let (mut key, mut elem) = (0, 0);
                    read_fields(cursor, 3, |field, cursor| match field {
                        0 => read_common(cursor).map(drop),
                        1 => cursor.type_id().map(|id| key = id),
                        _ => cursor.type_id().map(|id| elem = id),
                    })?;
                    WireKind::Map { key: self.mention(key, limits)?, elem: self.mention(elem, limits)? }
                }
                _ => {
                    let mut name = Arc::default();
                    read_fields(cursor, 1, |_, cursor| read_common(cursor).map(|n| name = n))?;
                    let kind = match which {
                        4 => OpaqueKind::Gob,
                        5 => OpaqueKind::Binary,
                        _ => OpaqueKind::Text,
                    };
                    WireKind::Opaque { kind, name }
                }
            });
            Ok(())
        })?;
        found.ok_or_else(|| cursor.corrupt(Corruption::BadDefinition))
    }

    fn read_struct_fields(&mut self, cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Vec<WireField>> {
        let count = cursor.uint()?;
        if count > cursor.left() as u64 {
            return Err(cursor.corrupt(Corruption::CountExceedsInput { count }));
        }
        let mut fields = Vec::new();
        for _ in 0..count {
            let (mut name, mut id) = (Arc::default(), 0);
            read_fields(cursor, 2, |field, cursor| match field {
                0 => read_name(cursor).map(|n| name = n),
                _ => cursor.type_id().map(|i| id = i),
            })?;
            fields.push(WireField { name, ty: self.mention(id, limits)? });
        }
        // Fields are told apart by their names.
        let mut names: Vec<&str> = fields.iter().map(|field: &WireField| &*field.name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(cursor.corrupt(Corruption::BadDefinition));
        }
        Ok(fields)
    }
}

/// Reads the fields of one of Go's own structs that describe types.
fn read_fields<'b>(
    cursor: &mut Cursor<'b>,
    count: u64,
    mut read: impl FnMut(u64, &mut Cursor<'b>) -> Result<()>,
) -> Result<()> {
    let mut next = 0_u64;
    loop {
        let delta = cursor.uint()?;
        if delta == 0 {
            return Ok(());
        }
        next = next
            .checked_add(delta)
            .filter(|next| *next <= count)
            .ok_or_else(|| cursor.corrupt(Corruption::FieldNumber))?;
        read(next - 1, cursor)?;
    }
}

/// The name from the part that all definitions have in common. The id in there is not the one by which
/// values refer to the type when the type marshals itself.
fn read_common(cursor: &mut Cursor<'_>) -> Result<Arc<str>> {
    let mut name = Arc::default();
    read_fields(cursor, 2, |field, cursor| match field {
        0 => read_name(cursor).map(|n| name = n),
        _ => cursor.int().map(drop),
    })?;
    Ok(name)
}

/// Passes over a definition that was taken in before.
pub(crate) fn skip_definition(cursor: &mut Cursor<'_>) -> Result<()> {
    read_fields(cursor, 7, |which, cursor| {
        read_fields(cursor, 3, |field, cursor| match (field, which) {
            (0, _) => read_common(cursor).map(drop),
            (1, 2) => {
                for _ in 0..cursor.uint()? {
                    read_fields(cursor, 2, |field, cursor| match field {
                        0 => cursor.bytes().map(drop),
                        _ => cursor.uint().map(drop),
                    })?;
                }
                Ok(())
            }
            _ => cursor.uint().map(drop),
        })
    })
}

fn read_name(cursor: &mut Cursor<'_>) -> Result<Arc<str>> {
    Ok(String::from_utf8_lossy(cursor.bytes()?).into())
}

//! How types are described on the wire: the predefined ids and the encoding of definitions.

use crate::shape::OpaqueKind;
use crate::wire::{put_bytes, put_int, put_uint};

/// Predefined type ids.
pub(crate) mod id {
    pub(crate) const BOOL: i32 = 1;
    pub(crate) const INT: i32 = 2;
    pub(crate) const UINT: i32 = 3;
    pub(crate) const FLOAT: i32 = 4;
    pub(crate) const BYTES: i32 = 5;
    pub(crate) const STRING: i32 = 6;
    pub(crate) const COMPLEX: i32 = 7;
    pub(crate) const INTERFACE: i32 = 8;
    /// Ids below are predefined or reserved. (Go before 1.21 started at 65.)
    pub(crate) const FIRST_USER: i32 = 64;
}

/// A definition to be written; ids are those of the encoder's stream.
pub(crate) enum Definition<'d, F> {
    Array {
        elem: i32,
        len: u64,
    },
    Slice {
        elem: i32,
    },
    /// The fields as an iterator of name and id.
    Struct {
        name: &'d str,
        fields: F,
    },
    Map {
        key: i32,
        elem: i32,
    },
    Opaque {
        kind: OpaqueKind,
        name: &'d str,
    },
}

/// Appends the message that defines type `id`.
pub(crate) fn put_definition<'d, F>(out: &mut Vec<u8>, id: i32, definition: Definition<'d, F>)
where
    F: ExactSizeIterator<Item = (&'d str, i32)>,
{
    let mut message = Vec::new();
    put_int(&mut message, -i64::from(id));
    // The number of the one field of Go's `wireType` that is set, then its first field, the common part.
    let common = |message: &mut Vec<u8>, field: u64, name: &str| {
        put_uint(message, field);
        message.push(1);
        if name.is_empty() {
            message.push(2);
        } else {
            message.push(1);
            put_bytes(message, name.as_bytes());
            message.push(1);
        }
        put_int(message, i64::from(id));
        message.push(0);
    };
    match definition {
        Definition::Array { elem, len } => {
            common(&mut message, 1, "");
            put_type_id(&mut message, elem);
            if len > 0 {
                message.push(1);
                put_int(&mut message, len as i64);
            }
        }
        Definition::Slice { elem } => {
            common(&mut message, 2, "");
            put_type_id(&mut message, elem);
        }
        Definition::Struct { name, fields } => {
            common(&mut message, 3, name);
            if fields.len() > 0 {
                message.push(1);
                put_uint(&mut message, fields.len() as u64);
                for (name, id) in fields {
                    message.push(1);
                    put_bytes(&mut message, name.as_bytes());
                    put_type_id(&mut message, id);
                    message.push(0);
                }
            }
        }
        Definition::Map { key, elem } => {
            common(&mut message, 4, "");
            put_type_id(&mut message, key);
            put_type_id(&mut message, elem);
        }
        Definition::Opaque { kind, name } => {
            let field = match kind {
                OpaqueKind::Gob => 5,
                OpaqueKind::Binary => 6,
                OpaqueKind::Text => 7,
            };
            common(&mut message, field, name);
        }
    }
    message.extend_from_slice(&[0, 0]); // ends the specific part and `wireType`
    put_bytes(out, &message);
}

/// The next field, a type id.
fn put_type_id(message: &mut Vec<u8>, id: i32) {
    message.push(1);
    put_int(message, i64::from(id));
}

//! Writes gob bytes by hand, right or wrong, without the encoder under test.

/// Ids of the types that gob knows without a definition.
pub(crate) const BOOL: i64 = 1;
pub(crate) const INT: i64 = 2;
pub(crate) const UINT: i64 = 3;
pub(crate) const BYTES: i64 = 5;
pub(crate) const STRING: i64 = 6;
pub(crate) const INTERFACE: i64 = 8;
/// The first id that Go gives to a type of the user.
pub(crate) const FIRST: i64 = 64;

/// A growing piece of gob.
#[derive(Clone, Default)]
pub(crate) struct Wire(pub(crate) Vec<u8>);

impl Wire {
    pub(crate) fn new() -> Wire {
        Wire::default()
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Wire {
        self.0.extend_from_slice(bytes);
        self
    }

    /// An unsigned integer.
    pub(crate) fn uint(mut self, n: u64) -> Wire {
        if n < 128 {
            self.0.push(n as u8);
        } else {
            let bytes = n.to_be_bytes();
            let significant = &bytes[n.leading_zeros() as usize / 8..];
            self.0.push((significant.len() as u8).wrapping_neg());
            self.0.extend_from_slice(significant);
        }
        self
    }

    /// A signed integer.
    pub(crate) fn int(self, n: i64) -> Wire {
        self.uint((n as u64) << 1 ^ (n >> 63) as u64)
    }

    /// A counted string.
    pub(crate) fn text(self, s: impl AsRef<[u8]>) -> Wire {
        self.uint(s.as_ref().len() as u64).raw(s.as_ref())
    }

    /// A message with this body.
    pub(crate) fn message(self, body: Wire) -> Wire {
        self.uint(body.0.len() as u64).raw(&body.0)
    }

    /// A message that defines `id` by a `wireType` whose only field is number `field` (counted from one).
    fn definition(self, id: i64, field: u64, body: Wire) -> Wire {
        self.message(Wire::new().int(-id).uint(field).raw(&body.0).uint(0))
    }

    /// The same where Go puts it inside a value: the end of the message it is in.
    pub(crate) fn inline_slice_type(self, id: i64, elem: i64) -> Wire {
        let definition = Wire::new().slice_type(id, elem);
        // Without the length of its message, which takes one byte.
        self.raw(&definition.0[1..])
    }

    /// `type id []elem`, with the usual `CommonType` (no name).
    pub(crate) fn slice_type(self, id: i64, elem: i64) -> Wire {
        self.definition(id, 2, common(id).uint(1).int(elem).uint(0))
    }

    /// `type id [len]elem`
    pub(crate) fn array_type(self, id: i64, elem: i64, len: i64) -> Wire {
        self.definition(id, 1, common(id).uint(1).int(elem).uint(1).int(len).uint(0))
    }

    /// `type id map[key]elem`
    pub(crate) fn map_type(self, id: i64, key: i64, elem: i64) -> Wire {
        self.definition(id, 4, common(id).uint(1).int(key).uint(1).int(elem).uint(0))
    }

    /// `type id struct { … }`
    pub(crate) fn struct_type(self, id: i64, fields: &[(&str, i64)]) -> Wire {
        let body = common(id).uint(1).uint(fields.len() as u64);
        let body = fields.iter().fold(body, |b, (name, ty)| b.uint(1).text(name).uint(1).int(*ty).uint(0));
        self.definition(id, 3, body.uint(0))
    }

    /// A value message of a struct type: `body` holds deltas, values and the terminator.
    pub(crate) fn value(self, id: i64, body: Wire) -> Wire {
        self.message(Wire::new().int(id).raw(&body.0))
    }

    /// A value message of any other type: a zero comes before the value.
    pub(crate) fn singleton(self, id: i64, body: Wire) -> Wire {
        self.message(Wire::new().int(id).uint(0).raw(&body.0))
    }
}

/// `CommonType{Id: id}` as the first field of its wire type.
fn common(id: i64) -> Wire {
    Wire::new().uint(1).uint(2).int(id).uint(0)
}

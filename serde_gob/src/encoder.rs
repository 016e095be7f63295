use std::any::TypeId;

use serde::Serialize;

use crate::error::{EncodeError, Error, Result};
use crate::limits::Limits;
use crate::sent::SentTypes;
use crate::ser::{Output, Serializer};
use crate::shape::{GobType, Slot, TypeTable};
use crate::value::{Dynamic, DynamicTypes, TypeKind, write_value};
use crate::wire::{MAX_UINT, put_int, uint_bytes};

/// The sending side of one gob stream. Go: `gob.Encoder`.
///
/// It remembers which types the receiver knows, so keep it as long as the stream. It does no I/O:
/// messages are appended to a `Vec<u8>`.
///
/// ```
/// use serde_gob::{Encoder, GobType};
///
/// #[derive(serde::Serialize, GobType)]
/// #[serde(rename_all = "PascalCase")]
/// struct Point { x: i64, y: i64 }
///
/// let (mut encoder, mut out) = (Encoder::new(), Vec::new());
/// encoder.encode(&Point { x: 22, y: 33 }, &mut out)?;
/// let first = out.len(); // the definition of Point and a value
/// encoder.encode(&Point { x: 22, y: 33 }, &mut out)?;
/// assert_eq!(out.len() - first, 8); // only the value
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    table: TypeTable,
    sent: SentTypes,
    dynamic: DynamicTypes,
    /// The types of the last values, newest first: most streams carry a handful.
    recent: Vec<(TypeId, Slot)>,
    /// Bytes that the length of the last message took: a good guess for the next one.
    length_width: usize,
    limits: Limits,
}

impl Encoder {
    /// An encoder for a stream on which nothing was sent yet.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// An encoder that refuses messages beyond [`Limits::message_size`], values beyond
    /// [`Limits::depth`] and dynamic types beyond [`Limits::types`].
    pub fn with_limits(limits: Limits) -> Self {
        Encoder {
            table: TypeTable::new(),
            sent: SentTypes::new(),
            dynamic: DynamicTypes::default(),
            recent: Vec::new(),
            length_width: 1,
            limits,
        }
    }

    /// Appends the messages of one value to `out`: definitions the receiver does not have, then the
    /// value. Nothing is allocated for a value of a known type unless `out` must grow.
    ///
    /// # Errors
    ///
    /// What cannot be sent: `None` outside of a field, a `Serialize` that does not do what its
    /// [`GobType`] says, a value beyond the limits. Then `out` and the memory of sent types are what
    /// they were before, so that the stream stays usable.
    pub fn encode<T>(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()>
    where
        T: Serialize + GobType + ?Sized,
    {
        let slot = self.slot_of::<T>();
        let id = self.sent.id_of(&self.table, slot.ty);
        self.message(out, id, slot.tag.is_singleton(), |output| {
            value.serialize(Serializer::new(output, slot))
        })
    }

    /// Appends the messages of one dynamic value, as [`encode`](Self::encode) does.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode): a value that is not of its type cannot be sent.
    pub fn encode_dynamic(&mut self, value: &Dynamic, out: &mut Vec<u8>) -> Result<()> {
        let id = match self.dynamic.id_of(&value.ty, &mut self.sent, self.limits.types) {
            Ok(id) => id,
            Err(error) => {
                self.rollback();
                return Err(error);
            }
        };
        let singleton = !matches!(value.ty.kind(), TypeKind::Struct(..));
        self.message(out, id, singleton, |output| write_value(output, &value.ty, &value.value))
    }

    /// Appends the message of a value of type `id`, and before it the definitions that came up.
    #[inline]
    fn message(
        &mut self,
        out: &mut Vec<u8>,
        id: i32,
        singleton: bool,
        write: impl FnOnce(&mut Output<'_>) -> Result<()>,
    ) -> Result<()> {
        let start = out.len();
        // The length goes first and is known last: leave as many bytes as last time.
        let reserved = self.length_width;
        out.extend_from_slice(&[0; MAX_UINT][..reserved]);
        put_int(out, id.into());
        if singleton {
            out.push(0);
        }
        let body = out.len();
        let result =
            write(&mut Output::new(out, &self.table, &mut self.sent, &mut self.dynamic, &self.limits))
                .and_then(|()| if out.len() == body { Err(EncodeError::Nil.into()) } else { Ok(()) })
                .and_then(|()| self.fill_in_length(out, start, reserved));
        if let Err(error) = result {
            out.truncate(start);
            self.rollback();
            return Err(error);
        }
        if !self.sent.definitions.is_empty() {
            replace(out, start, 0, &self.sent.definitions);
        }
        self.sent.commit();
        self.dynamic.commit();
        Ok(())
    }

    fn rollback(&mut self) {
        self.sent.rollback();
        self.dynamic.rollback();
    }

    #[inline]
    fn fill_in_length(&mut self, out: &mut Vec<u8>, start: usize, reserved: usize) -> Result<()> {
        let size = out.len() - start - reserved;
        if size > self.limits.message_size {
            return Err(Error::from(EncodeError::TooBig));
        }
        let (length, width) = uint_bytes(size as u64);
        replace(out, start, reserved, &length[..width]);
        self.length_width = width;
        Ok(())
    }

    #[inline]
    fn slot_of<T: GobType + ?Sized>(&mut self) -> Slot {
        let key = TypeId::of::<T::Key>();
        match self.recent.iter().position(|(known, _)| *known == key) {
            Some(at) => self.recent[at].1,
            None => self.add_slot::<T>(key),
        }
    }

    #[cold]
    fn add_slot<T: GobType + ?Sized>(&mut self, key: TypeId) -> Slot {
        let known = self.table.len();
        let ty = self.table.add::<T>();
        self.table.finish(known);
        let slot = self.table.element_slot(self.table.resolve(ty));
        self.recent.push((key, slot));
        slot
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Replaces `old` bytes at `at` by `new` ones.
pub(crate) fn replace(out: &mut Vec<u8>, at: usize, old: usize, new: &[u8]) {
    let len = out.len();
    if new.len() == old {
        // In place.
    } else if new.len() > old {
        let grown = new.len() - old;
        out.resize(len + grown, 0);
        out.copy_within(at + old..len, at + new.len());
    } else {
        out.copy_within(at + old..len, at + new.len());
        out.truncate(len - (old - new.len()));
    }
    out[at..at + new.len()].copy_from_slice(new);
}

/// The bytes of a stream that holds one value.
///
/// ```
/// assert_eq!(serde_gob::to_vec("abc")?, [6, 12, 0, 3, b'a', b'b', b'c']);
/// # Ok::<(), serde_gob::Error>(())
/// ```
///
/// # Errors
///
/// As [`Encoder::encode`].
pub fn to_vec<T: Serialize + GobType + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Encoder::new().encode(value, &mut out)?;
    Ok(out)
}

use std::any::TypeId;

use serde::Serialize;

use crate::error::{EncodeError, Result};
use crate::limits::Limits;
use crate::sent::SentTypes;
use crate::ser::{Output, Serializer};
use crate::shape::{GobType, TypeRef, TypeTable};
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
    /// The types first encoded, to save the look into the table: most streams carry a handful.
    handful: Vec<(TypeId, TypeRef)>,
    /// Bytes that the length of the last message took: a good guess for the next one.
    length_width: usize,
    limits: Limits,
}

/// Comparing as many types one by one costs as much as the look into the table.
const HANDFUL: usize = 8;

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
            handful: Vec::new(),
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
        let ty = self.type_of::<T>();
        let mut unfinished = Unfinished::begin(self, out);
        let id = unfinished.encoder.sent.id_of(&unfinished.encoder.table, ty);
        let singleton = unfinished.encoder.table.node(ty).slot.tag.is_singleton();
        unfinished.message(id, singleton, |output| {
            let slot = &output.table.node(ty).slot;
            value.serialize(Serializer::new(output, slot))
        })
    }

    /// Appends the messages of one dynamic value, as [`encode`](Self::encode) does.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode): a value that is not of its type cannot be sent.
    pub fn encode_dynamic(&mut self, value: &Dynamic, out: &mut Vec<u8>) -> Result<()> {
        let mut unfinished = Unfinished::begin(self, out);
        let Encoder { dynamic, sent, limits, .. } = &mut *unfinished.encoder;
        let id = dynamic.id_of(&value.ty, sent, limits.types)?;
        let singleton = !matches!(value.ty.kind(), TypeKind::Struct(..));
        unfinished.message(id, singleton, |output| write_value(output, &value.ty, &value.value))
    }

    #[inline]
    fn type_of<T: GobType + ?Sized>(&mut self) -> TypeRef {
        let key = TypeId::of::<T::Key>();
        match self.handful.iter().find(|(known, _)| *known == key) {
            Some((_, ty)) => *ty,
            None => self.add::<T>(key),
        }
    }

    #[cold]
    fn add<T: GobType + ?Sized>(&mut self, key: TypeId) -> TypeRef {
        let known = self.table.len();
        let ty = self.table.add::<T>();
        self.table.finish(known);
        let ty = self.table.resolve(ty);
        if self.handful.len() < HANDFUL {
            self.handful.push((key, ty));
        }
        ty
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// A value that is being written. Unless it is finished, what was written is taken back and the types
/// it defined are forgotten: also when a `Serialize` implementation panics.
struct Unfinished<'e> {
    encoder: &'e mut Encoder,
    out: &'e mut Vec<u8>,
    start: usize,
    finished: bool,
}

impl<'e> Unfinished<'e> {
    #[inline]
    fn begin(encoder: &'e mut Encoder, out: &'e mut Vec<u8>) -> Self {
        let start = out.len();
        Unfinished { encoder, out, start, finished: false }
    }

    /// Writes the message of a value of type `id`, and before it the definitions that came up.
    #[inline]
    fn message(
        &mut self,
        id: i32,
        singleton: bool,
        write: impl for<'o> FnOnce(&mut Output<'o>) -> Result<()>,
    ) -> Result<()> {
        let Encoder { table, sent, dynamic, limits, length_width, .. } = &mut *self.encoder;
        // The length goes first and is known last: leave as many bytes as last time. After the id comes a zero, unless the
        // value is a struct.
        let reserved = *length_width;
        self.out.extend_from_slice(&[0; MAX_UINT]);
        self.out.truncate(self.start + reserved);
        put_int(self.out, id.into());
        if singleton {
            self.out.push(0);
        }
        let body = self.out.len();
        write(&mut Output::new(self.out, table, sent, dynamic, limits))?;
        if self.out.len() == body {
            return Err(EncodeError::Nil.into());
        }

        let size = self.out.len() - self.start - reserved;
        if size > limits.message_size {
            return Err(EncodeError::TooBig.into());
        }
        let (length, width) = uint_bytes(size as u64);
        replace(self.out, self.start, reserved, &length[..width]);
        *length_width = width;
        if !sent.definitions.is_empty() {
            replace(self.out, self.start, 0, &sent.definitions);
        }
        self.finished = true;
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.finished {
            self.encoder.sent.commit();
            self.encoder.dynamic.commit();
        } else {
            self.out.truncate(self.start);
            self.encoder.sent.rollback();
            self.encoder.dynamic.rollback();
        }
    }
}

/// Replaces `old` bytes at `at` by `new` ones.
#[inline]
pub(crate) fn replace(out: &mut Vec<u8>, at: usize, old: usize, new: &[u8]) {
    match new {
        [new] if old == 1 => out[at] = *new,
        _ => replace_many(out, at, old, new),
    }
}

fn replace_many(out: &mut Vec<u8>, at: usize, old: usize, new: &[u8]) {
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

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::Any;
    use crate::shape::{Shape, TypeBuilder};

    /// A struct whose field can be sent, cannot be sent, or panics.
    struct Moody(Result<i64, bool>);

    impl GobType for Moody {
        type Key = Moody;
        fn shape(types: &mut TypeBuilder<'_>) -> Shape {
            let field = types.add::<Any>();
            Shape::structure("Moody", vec![crate::Field::new("X", field)])
        }
    }

    impl Serialize for Moody {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::{Error as _, SerializeStruct as _};
            let mut fields = serializer.serialize_struct("Moody", 1)?;
            let any = Any::from(vec![self.0.unwrap_or_default().to_string()]);
            fields.serialize_field("X", &any)?;
            match self.0 {
                Ok(_) => fields.end(),
                Err(false) => Err(S::Error::custom("not today")),
                Err(true) => panic!("not today"),
            }
        }
    }

    #[test]
    fn a_failed_value_leaves_no_trace() {
        let mut undisturbed = Vec::new();
        Encoder::new().encode(&Moody(Ok(1)), &mut undisturbed).unwrap();

        let (mut encoder, mut out) = (Encoder::new(), b"before".to_vec());
        for panics in [false, true] {
            let result = catch_unwind(AssertUnwindSafe(|| encoder.encode(&Moody(Err(panics)), &mut out)));
            assert_eq!(result.is_err(), panics);
            assert_eq!(out, b"before");
        }
        encoder.encode(&Moody(Ok(1)), &mut out).unwrap();
        // Ids may differ; that everything is defined again shows in the length.
        assert_eq!(out.len() - 6, undisturbed.len());
        let dynamic: Dynamic = crate::from_slice(&out[6..]).unwrap();
        assert_eq!(dynamic, crate::from_slice(&undisturbed).unwrap());
    }

    #[test]
    fn encoders_and_decoders_may_move_between_threads() {
        fn check<T: Send + Sync>() {}
        check::<Encoder>();
        check::<crate::Decoder>();
        check::<crate::Any>();
        check::<crate::Error>();
    }
}

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::opaque::BytesVisitor;
use crate::shape::{GobType, Shape, TypeBuilder};

/// Go's `[]byte`, written and read at once: serde shows a plain `Vec<u8>` byte by byte, which for large values takes
/// longer than everything else.
///
/// In a struct of one's own `#[serde(with = "serde_bytes")]` does the same for a `Vec<u8>`. To decode without a copy take
/// a `&[u8]`.
///
/// ```
/// use serde_gob::Bytes;
///
/// let bytes: Bytes = serde_gob::from_slice(&serde_gob::to_vec(&Bytes::from(vec![1, 2, 3]))?)?;
/// assert_eq!(bytes[..], [1, 2, 3]);
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Bytes(pub Vec<u8>);

impl GobType for Bytes {
    type Key = Bytes;
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::bytes()
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor("bytes")).map(Bytes)
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Deref for Bytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Bytes(bytes.to_vec())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_a_vector_in_all_but_name() {
        let mut bytes = Bytes::from(&[1, 2][..]);
        bytes.push(3);
        assert_eq!(bytes.len(), 3);
        assert_eq!(bytes.as_ref(), [1, 2, 3]);
        assert_eq!(format!("{bytes:?}"), "[1, 2, 3]");
        assert_eq!(Vec::from(bytes), [1, 2, 3]);
    }
}

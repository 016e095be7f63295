//! Payloads of Go types that marshal themselves, and strings of any bytes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::shape::{GobType, OpaqueKind, Shape, TypeBuilder};

// Names of newtype structs by which these types speak to this crate's own deserializer.
pub(crate) const GOB_TOKEN: &str = "$serde_gob::GobBytes";
pub(crate) const BINARY_TOKEN: &str = "$serde_gob::Binary";
pub(crate) const TEXT_TOKEN: &str = "$serde_gob::Text";
pub(crate) const STRING_TOKEN: &str = "$serde_gob::GoString";

/// Lets a visitor take owned bytes from this crate's deserializer, and from others as they have them.
pub(crate) struct BytesVisitor(pub(crate) &'static str);

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_str<E>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }
}

/// Reads the payload of a self-marshalling type, or the bytes of a string.
pub(crate) fn deserialize_payload<'de, D: Deserializer<'de>>(
    deserializer: D,
    token: &'static str,
) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_newtype_struct(token, BytesVisitor("the payload of a gob value"))
}

/// Serializes as bytes.
pub(crate) struct AsBytes<'b>(pub(crate) &'b [u8]);

impl Serialize for AsBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

macro_rules! byte_types {
    ($($(#[$doc:meta])* $ty:ident, $token:ident, $shape:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $ty(pub Vec<u8>);

        /// As text if it is text.
        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match std::str::from_utf8(&self.0) {
                    Ok(text) => write!(f, "{}({text:?})", stringify!($ty)),
                    Err(_) => write!(f, "{}(b\"{}\")", stringify!($ty), self.0.escape_ascii()),
                }
            }
        }

        impl GobType for $ty {
            type Key = $ty;
            fn shape(_: &mut TypeBuilder<'_>) -> Shape {
                $shape
            }
        }

        impl Serialize for $ty {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct($token, &AsBytes(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_payload(deserializer, $token).map($ty)
            }
        }

        impl From<Vec<u8>> for $ty {
            fn from(bytes: Vec<u8>) -> Self {
                $ty(bytes)
            }
        }

        impl AsRef<[u8]> for $ty {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
    )*};
}

byte_types! {
    /// What a Go type's `GobEncode` returned. Empty stands for the zero value, which is not sent as a
    /// field.
    GobBytes, GOB_TOKEN, Shape::opaque(OpaqueKind::Gob, "");

    /// What a Go type's `MarshalBinary` returned. Empty stands for the zero value, which is not sent
    /// as a field.
    Binary, BINARY_TOKEN, Shape::opaque(OpaqueKind::Binary, "");

    /// What a Go type's `MarshalText` returned. Go's own encoder does not use that method, its decoder
    /// takes such values all the same.
    Text, TEXT_TOKEN, Shape::opaque(OpaqueKind::Text, "");

    /// A Go string, which may hold any bytes. A `String` takes only UTF-8.
    GoString, STRING_TOKEN, Shape::string();
}

/// Go's `struct{}`: decodes from any struct and drops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Empty;

impl GobType for Empty {
    type Key = ();
    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        <()>::shape(types)
    }
}

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_struct("struct {}")
    }
}

struct UnitVisitor;

impl<'de> Visitor<'de> for UnitVisitor {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_unit_struct("struct {}", UnitVisitor).map(|()| Empty)
    }
}

/// A nil interface, Go's `new(interface{})`: what net/rpc callers pass where there is nothing to say.
/// Decodes from any value and drops it.
///
/// ```
/// assert_eq!(serde_gob::to_vec(&serde_gob::Nil)?, [3, 0x10, 0, 0]);
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Nil;

impl GobType for Nil {
    type Key = Nil;
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::any()
    }
}

impl Serialize for Nil {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl<'de> Deserialize<'de> for Nil {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_ignored_any(UnitVisitor).map(|()| Nil)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_shown_as_text_and_other_bytes_escaped() {
        assert_eq!(format!("{:?}", GoString(b"eye".to_vec())), r#"GoString("eye")"#);
        assert_eq!(format!("{:?}", GobBytes(vec![0xff, b'a', 0])), r#"GobBytes(b"\xffa\x00")"#);
    }

    /// In another format they are what serde calls bytes, which that may show as text or as numbers.
    #[test]
    fn other_formats_give_bytes_as_text_or_numbers() {
        for (json, expected) in [
            ("[104, 105]", Ok(&b"hi"[..])),
            (r#""hi""#, Ok(b"hi")),
            ("7", Err("invalid type: integer `7`, expected the payload of a gob value at line 1 column 1")),
        ] {
            let read = serde_json::from_str::<GoString>(json).map(|string| string.0);
            assert_eq!(read.map_err(|e| e.to_string()), expected.map(<[u8]>::to_vec).map_err(str::to_owned));
        }
        assert_eq!(serde_json::to_string(&Binary(vec![1, 2])).unwrap(), "[1,2]");
        assert_eq!(GoString::from(vec![1]).as_ref(), [1]);
    }

    #[test]
    fn other_formats_give_nothing_as_their_null() {
        assert_eq!(serde_json::to_string(&(Empty, Nil)).unwrap(), "[null,null]");
        assert_eq!(serde_json::from_str::<(Empty, Nil)>("[null, null]").unwrap(), (Empty, Nil));
        let error = serde_json::from_str::<Empty>("7").unwrap_err().to_string();
        assert!(error.starts_with("invalid type: integer `7`, expected nothing"), "{error}");
    }
}

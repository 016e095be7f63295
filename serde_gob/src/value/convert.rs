//! Dynamic values from and to Rust's types.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Any, Dynamic, Type, Value};
use crate::encoder::Encoder;
use crate::error::Result;
use crate::opaque::GoString;
use crate::shape::GobType;

impl Dynamic {
    /// The value as gob sends it, with its type.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    pub fn of<T: Serialize + GobType + ?Sized>(value: &T) -> Result<Self> {
        crate::from_slice(&crate::to_vec(value)?)
    }

    /// Decodes the value into a Rust type, as if it had just been received.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`](crate::Decoder::decode).
    pub fn get<T: DeserializeOwned>(&self) -> Result<T> {
        let mut bytes = Vec::new();
        Encoder::new().encode_dynamic(self, &mut bytes)?;
        crate::from_slice(&bytes)
    }
}

impl Any {
    /// Go's `int`, which has no Rust type of its own: `i64` is `int64`, and to a Go program that is
    /// another type.
    pub fn int(value: i64) -> Self {
        Any::new("int", Type::int(), Value::Int(value))
    }

    /// Go's `uint`, as [`Any::int`].
    pub fn uint(value: u64) -> Self {
        Any::new("uint", Type::uint(), Value::Uint(value))
    }

    /// An interface that holds a value of a Rust type, which the Go side knows as `name`.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    pub fn of<T: Serialize + GobType + ?Sized>(name: impl Into<String>, value: &T) -> Result<Self> {
        let Dynamic { ty, value } = Dynamic::of(value)?;
        Ok(Any::new(name, ty, value))
    }

    /// Decodes what the interface holds into a Rust type.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`](crate::Decoder::decode); nil decodes only into an `Option`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T> {
        match &self.0 {
            Some(concrete) => concrete.content.get(),
            None => crate::from_slice(&[3, 0x10, 0, 0]),
        }
    }

    /// What it holds, if that is a `bool`.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value()? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// What it holds, if that is a signed integer.
    pub fn as_int(&self) -> Option<i64> {
        match self.value()? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// What it holds, if that is an unsigned integer.
    pub fn as_uint(&self) -> Option<u64> {
        match self.value()? {
            Value::Uint(value) => Some(*value),
            _ => None,
        }
    }

    /// What it holds, if that is a float.
    pub fn as_float(&self) -> Option<f64> {
        match self.value()? {
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// What it holds, if that is a string of UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self.value()? {
            Value::String(text) => std::str::from_utf8(&text.0).ok(),
            _ => None,
        }
    }

    /// What it holds, if that is a `[]byte`.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self.value()? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($ty:ty => $name:literal, $type:ident, |$value:ident| $convert:expr;)*) => {$(
        impl From<$ty> for Any {
            #[doc = concat!("Go's `", $name, "`.")]
            fn from($value: $ty) -> Any {
                Any::new($name, Type::$type(), $convert)
            }
        }
    )*};
}

from! {
    bool => "bool", bool, |value| Value::Bool(value);
    i8 => "int8", int, |value| Value::Int(value.into());
    i16 => "int16", int, |value| Value::Int(value.into());
    i32 => "int32", int, |value| Value::Int(value.into());
    i64 => "int64", int, |value| Value::Int(value);
    isize => "int", int, |value| Value::Int(value as i64);
    u8 => "uint8", uint, |value| Value::Uint(value.into());
    u16 => "uint16", uint, |value| Value::Uint(value.into());
    u32 => "uint32", uint, |value| Value::Uint(value.into());
    u64 => "uint64", uint, |value| Value::Uint(value);
    usize => "uint", uint, |value| Value::Uint(value as u64);
    f32 => "float32", float, |value| Value::Float(value.into());
    f64 => "float64", float, |value| Value::Float(value);
    &str => "string", string, |value| Value::String(GoString(value.into()));
    String => "string", string, |value| Value::String(GoString(value.into()));
    Vec<u8> => "[]uint8", bytes, |value| Value::Bytes(value);
    &[u8] => "[]uint8", bytes, |value| Value::Bytes(value.into());
    Vec<String> => "[]string", slice_of_strings, |value| Value::Slice(
        value.into_iter().map(|text| Value::String(GoString(text.into()))).collect()
    );
    Vec<Any> => "[]interface {}", slice_of_interfaces, |value| Value::Slice(
        value.into_iter().map(Value::Interface).collect()
    );
    BTreeMap<String, Any> => "map[string]interface {}", map_of_interfaces, |value| string_map(value);
    HashMap<String, Any> => "map[string]interface {}", map_of_interfaces, |value| string_map(value);
}

fn string_map(entries: impl IntoIterator<Item = (String, Any)>) -> Value {
    let entry = |(key, any): (String, Any)| (Value::String(GoString(key.into())), Value::Interface(any));
    Value::Map(entries.into_iter().map(entry).collect())
}

/// The types made of predefined ones that are converted to often: one graph each for all.
impl Type {
    fn slice_of_strings() -> Type {
        static TYPE: LazyLock<Type> = LazyLock::new(|| Type::slice(&Type::string()));
        TYPE.clone()
    }

    fn slice_of_interfaces() -> Type {
        static TYPE: LazyLock<Type> = LazyLock::new(|| Type::slice(&Type::interface()));
        TYPE.clone()
    }

    fn map_of_interfaces() -> Type {
        static TYPE: LazyLock<Type> = LazyLock::new(|| Type::map(&Type::string(), &Type::interface()));
        TYPE.clone()
    }
}

impl<T: Into<Any>> From<Option<T>> for Any {
    /// `None` is nil.
    fn from(value: Option<T>) -> Any {
        value.map_or(Any::NIL, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_gives_what_it_holds_as_that_and_as_nothing_else() {
        let show = |any: &Any| {
            let float = any.as_float().map(|float| float.to_string());
            let all = [
                any.as_bool().map(|value| format!("bool {value}")),
                any.as_int().map(|value| format!("int {value}")),
                any.as_uint().map(|value| format!("uint {value}")),
                float.map(|value| format!("float {value}")),
                any.as_str().map(|value| format!("str {value}")),
                any.as_bytes().map(|value| format!("bytes {value:?}")),
            ];
            all.into_iter().flatten().collect::<Vec<_>>().join(", ")
        };
        for (any, name, shown) in [
            (Any::from(true), "bool", "bool true"),
            (Any::from(-7_i8), "int8", "int -7"),
            (Any::from(-700_i16), "int16", "int -700"),
            (Any::from(-70_000_i32), "int32", "int -70000"),
            (Any::from(i64::MIN), "int64", "int -9223372036854775808"),
            (Any::from(-7_isize), "int", "int -7"),
            (Any::int(-8), "int", "int -8"),
            (Any::from(7_u8), "uint8", "uint 7"),
            (Any::from(700_u16), "uint16", "uint 700"),
            (Any::from(70_000_u32), "uint32", "uint 70000"),
            (Any::from(u64::MAX), "uint64", "uint 18446744073709551615"),
            (Any::from(7_usize), "uint", "uint 7"),
            (Any::uint(8), "uint", "uint 8"),
            (Any::from(1.5_f32), "float32", "float 1.5"),
            (Any::from(-2.5), "float64", "float -2.5"),
            (Any::from("a"), "string", "str a"),
            (Any::from("a".to_owned()), "string", "str a"),
            (Any::from(vec![1, 2]), "[]uint8", "bytes [1, 2]"),
            (Any::from(&[3_u8][..]), "[]uint8", "bytes [3]"),
            (Any::from(vec!["a".to_owned()]), "[]string", ""),
            (Any::new("string", Type::string(), Value::String(GoString(vec![0xff]))), "string", ""),
        ] {
            assert_eq!((any.name(), show(&any).as_str()), (Some(name), shown));
            // Go gets what it was told, and gives it back.
            let sent = crate::to_vec(&any).unwrap();
            assert_eq!(crate::from_slice::<Any>(&sent).unwrap(), any, "{name}");
        }
        let nil = Any::from(None::<bool>);
        assert!(nil.is_nil() && show(&nil).is_empty());
        assert_eq!((nil.name(), nil.ty(), nil.value()), (None, None, None));
        assert_eq!(Any::from(Some(true)), Any::from(true));
    }

    #[test]
    fn what_an_interface_holds_is_decoded_as_if_it_had_just_arrived() {
        let any = Any::of("main.List", &vec![1_i64, 2]).unwrap();
        assert_eq!(any.name(), Some("main.List"));
        assert_eq!(any.get::<Vec<i64>>().unwrap(), [1, 2]);
        assert!(any.get::<String>().unwrap_err().is_type_mismatch());
        assert_eq!(Any::NIL.get::<Option<Any>>().unwrap(), None);
        assert!(Any::NIL.get::<i64>().is_err());
        assert_eq!(
            (format!("{:?}", Any::NIL), format!("{:?}", Any::from(true))),
            ("Any::NIL".into(), r#"Any("bool", Bool(true))"#.into())
        );
    }
}

//! For code that is generated for types it does not know.

use std::any::{Any, TypeId};

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};

use crate::bytes::Bytes;

/// A `T` that takes a `Vec<u8>` at once: serde takes it byte by byte, which is twenty times as slow.
pub struct AtOnce<T>(pub T);

impl<'de, T: DeserializeOwned + 'static> Deserialize<'de> for AtOnce<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if TypeId::of::<T>() != TypeId::of::<Vec<u8>>() {
            return T::deserialize(deserializer).map(Self);
        }
        let mut bytes = Some(Vec::from(Bytes::deserialize(deserializer)?));
        let value = (&mut bytes as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take);
        value.map(Self).ok_or_else(|| D::Error::custom("two types have one TypeId"))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{BytesDeserializer, Error};

    use super::*;
    use crate::{from_slice, to_vec};

    #[test]
    fn vector_of_bytes_is_taken_at_once() {
        // Has no way to be taken byte by byte.
        let whole = || BytesDeserializer::<Error>::new(b"abc");
        assert!(Vec::<u8>::deserialize(whole()).is_err());
        assert_eq!(AtOnce::<Vec<u8>>::deserialize(whole()).unwrap().0, b"abc");
    }

    #[test]
    fn every_other_type_is_taken_as_it_is() {
        assert_eq!(from_slice::<AtOnce<String>>(&to_vec("abc").unwrap()).unwrap().0, "abc");
        assert_eq!(from_slice::<AtOnce<Vec<i8>>>(&to_vec(&[1_i8, -1]).unwrap()).unwrap().0, [1, -1]);
    }

    #[test]
    fn errors_name_the_type_itself() {
        let sent = to_vec(&5_i64).unwrap();
        let texts = [
            (from_slice::<AtOnce<String>>(&sent).map(drop), from_slice::<String>(&sent).map(drop)),
            (from_slice::<AtOnce<Vec<u8>>>(&sent).map(drop), from_slice::<Vec<u8>>(&sent).map(drop)),
        ];
        for (wrapped, plain) in texts {
            assert_eq!(wrapped.unwrap_err().to_string(), plain.unwrap_err().to_string());
        }
    }
}

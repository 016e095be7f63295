//! Go's `encoding/gob` for serde.

#[cfg(test)]
extern crate self as serde_gob;

mod big_int;
mod complex;
mod de;
mod decoder;
mod encoder;
mod error;
mod io;
mod limits;
mod opaque;
mod received;
mod scan;
mod sent;
mod ser;
mod shape;
mod stream;
mod time;
mod value;
mod wire;
mod wire_type;

pub use big_int::{BigInt, IntOutOfRange};
pub use complex::Complex;
pub use de::zero;
pub use decoder::{Decoder, from_slice};
pub use encoder::{Encoder, to_vec};
pub use error::{Error, Result};
pub use io::{Reader, Writer};
pub use limits::Limits;
pub use opaque::{Binary, Empty, GoString, GobBytes, Nil, Text};
pub use serde_gob_derive::GobType;
pub use shape::{Field, GobType, OpaqueKind, Shape, TypeBuilder, TypeRef, Variant};
pub use time::{Time, TimeOutOfRange};
pub use value::{Any, Dynamic, Type, TypeKind, Value};

//! Go's [`encoding/gob`](https://pkg.go.dev/encoding/gob) for serde: read and write what Go programs
//! send each other, from net/rpc calls to files.
//!
//! A gob stream has a memory. Types are defined once, under numbers, and values refer to them; so an
//! [`Encoder`] and a [`Decoder`] live as long as their stream. Neither does I/O: one appends bytes to a
//! `Vec<u8>`, the other is fed them in any pieces, so both fit blocking, async and in-memory use.
//!
//! ```text
//!  encode(&Point { x: 22, y: 33 })                               decode::<Point>()
//!        │                                                             ▲
//!        ▼                                                             │
//!  ┌─────────┐  1e 7f 03 01 01 05 "Point" … "X" … "Y" …          ┌─────────┐
//!  │ Encoder │ ─── length │ -64 │ type 64 is Point {X, Y int} ──▶ │ Decoder │  first time only
//!  │         │  07 ff80 01 2c 01 42 00                            │         │
//!  │ sent:   │ ─── length │ 64 │ field +1 = 22 │ +1 = 33 │ end ─▶ │ types:  │  every time
//!  │ 64      │                                                    │ 64      │
//!  └─────────┘                                                    └─────────┘
//! ```
//!
//! # Quick start
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use serde_gob::{Decoder, Encoder, GobType};
//!
//! // Go: type Point struct { X, Y int; Tags map[string]string }
//! #[derive(Serialize, Deserialize, GobType, Debug, PartialEq)]
//! #[serde(rename_all = "PascalCase")]
//! struct Point {
//!     x: i64,
//!     y: i64,
//!     tags: Option<std::collections::BTreeMap<String, String>>,
//! }
//!
//! let point = Point { x: 22, y: 33, tags: None };
//! let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
//! encoder.encode(&point, &mut bytes)?;
//!
//! let mut decoder = Decoder::new();
//! decoder.feed(&bytes);
//! assert_eq!(decoder.decode::<Point>()?, point);
//! # Ok::<(), serde_gob::Error>(())
//! ```
//!
//! For one value there are [`to_vec`] and [`from_slice`], for blocking streams [`Writer`] and
//! [`Reader`].
//!
//! # Why a second derive
//!
//! serde shows an encoder values. Go also sends the types that no value shows, such as that of the
//! elements of an empty slice. [`GobType`] says them; derive it beside `Serialize`. It reads the
//! `#[serde(…)]` attributes with serde's own parser. Decoding needs `Deserialize` alone.
//!
//! Go sees only fields whose names start with an upper-case letter and drops all others without a word;
//! here that is a compile error:
//!
//! ```compile_fail
//! #[derive(serde::Serialize, serde_gob::GobType)]
//! struct Point { x: i64, y: i64 } // Go would drop the field `x`
//! ```
//!
//! `rename_all = "PascalCase"` gives `UserId` where Go mostly has `UserID`: rename such fields one by
//! one.
//!
//! # Types
//!
//! | Go | Rust | Notes |
//! |---|---|---|
//! | `bool`, `string` | `bool`, `String`, `&str` | [`GoString`] takes strings that are not UTF-8 |
//! | `int` … `int64` | `i8` … `i64`, `isize`, `char` | the width is the receiver's; out of range is an error |
//! | `uint` … `uint64` | `u8` … `u64`, `usize` | never mixed with signed ones |
//! | `float32`, `float64` | `f32`, `f64` | |
//! | `complex64`, `complex128` | [`Complex`] | |
//! | `[]byte` | [`Bytes`], `Vec<u8>`, `&[u8]` | `Vec<u8>` is slow unless `#[serde(with = "serde_bytes")]` |
//! | `[]T`, `[N]T` | `Vec<T>` and the like, `[T; N]` | a `Vec` also decodes from an array |
//! | `map[K]V` | `HashMap`, `BTreeMap` | |
//! | struct | struct with `#[derive(GobType)]` | fields match by name, in any order |
//! | `struct{}` | [`Empty`], `()` | `()` decodes from anything |
//! | `*T` | `Option<T>`, `Box<T>` | pointers are not sent, only what they point to |
//! | interface, known set | enum | a variant for each concrete type, see below |
//! | `interface{}`, `any` | [`Any`] | any value with its type |
//! | nil interface | `None`, [`Nil`], [`Any::NIL`] | |
//! | `time.Time`, `*big.Int` | [`Time`], [`BigInt`] | conversions with features `jiff`, `chrono`, `num-bigint` |
//! | `GobEncoder`, `BinaryMarshaler` | [`GobBytes`], [`Binary`] | the payload as it is |
//! | whatever arrives | [`Dynamic`], [`Value`] | with its [`Type`], or without |
//!
//! ## Interfaces
//!
//! A Go interface value travels with the name of its concrete type. The variants of an enum have the
//! names the Go side registers its types under:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use serde_gob::GobType;
//!
//! // Go: gob.Register(Circle{}); gob.RegisterName("shapes.Square", &Square{})
//! #[derive(Serialize, Deserialize, GobType)]
//! enum Shape {
//!     #[serde(rename = "main.Circle")]
//!     Circle(Circle),
//!     #[serde(rename = "shapes.Square", rename_all = "PascalCase")]
//!     Square { side: f64 },
//! }
//!
//! #[derive(Serialize, Deserialize, GobType)]
//! #[serde(rename_all = "PascalCase")]
//! struct Circle { radius: f64 }
//!
//! let bytes = serde_gob::to_vec(&Some(Shape::Square { side: 2.0 }))?; // `None` is nil
//! assert!(matches!(serde_gob::from_slice(&bytes)?, Some(Shape::Square { side: 2.0 })));
//! # Ok::<(), serde_gob::Error>(())
//! ```
//!
//! An enum of unit variants can instead travel as Go's usual constants: `#[gob(int)]`, `#[gob(uint)]`
//! (by position) or `#[gob(string)]` (by name) on the enum.
//!
//! ## Other attributes
//!
//! `#[gob(type = "T")]` on a field whose `serialize_with` hides what it writes says the type;
//! `serde_bytes` is recognised. `#[gob(crate = "path")]` is for crates that re-export this one.
//! `#[gob(unexported)]` allows lower-case names for peers that are not Go.
//!
//! # Zero values
//!
//! Fields that are zero are not sent, and Go has no other notion of "not there":
//!
//! - A field that the sender's type has and that did not come decodes as its zero value; `Option`s as
//!   `None`, so `Some(0)` comes back as `None`.
//! - A field that the sender's type does not have is left to serde: `#[serde(default)]`, `None`, or an
//!   error. [`Decoder::missing_as_zero`] applies Go's rule, which is zero.
//! - Empty slices, strings and `-0.0` count as zero; structs, arrays and empty maps are sent.
//! - `None` inside a slice, array or map cannot be sent, except in the place of an interface.
//!
//! # Errors and hostile input
//!
//! [`Error`] answers questions: is it the peer's bytes, a difference of types, a limit, and can the
//! stream go on. The texts are Go's. Input is never trusted: what a message claims costs nothing before
//! its bytes have arrived, recursion is bounded, and every limit is in [`Limits`].
//!
//! # Features
//!
//! - `jiff`, `chrono`: conversions of [`Time`]; `num-bigint`: of [`BigInt`].
//! - `serde_bytes`: [`GobType`] for that crate's types (its `with` module needs no feature).

#![warn(unreachable_pub)]

#[cfg(test)]
extern crate self as serde_gob;

mod at_once;
mod big_int;
mod bytes;
mod complex;
mod de;
mod decoder;
mod encoder;
mod error;
mod io;
mod limits;
mod numbering;
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
pub use bytes::Bytes;
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

/// For crates with macros of their own.
#[doc(hidden)]
pub mod __private {
    pub use crate::at_once::AtOnce;
    pub use crate::shape::GobType;
    pub use serde_gob_derive::gob_type;
}

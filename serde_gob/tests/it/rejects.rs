//! The 43 inputs that were given to Go's decoder, most of which it refuses, and what happens to them here.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, de::DeserializeOwned};
use serde_gob::{Decoder, Error, GobBytes};

use crate::corpus::golden;
use crate::corpus::types::{AnyValue, Point};
use crate::support::*;

/// What is expected of one input.
enum Verdict {
    /// Refused, in Go's words.
    AsGo,
    /// Refused, in other words; the second says why.
    Refused(&'static str, &'static str),
    /// Accepted; the first is the value, the second why.
    Accepted(&'static str, &'static str),
}

use Verdict::{Accepted, AsGo, Refused};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Narrow {
    #[serde(rename = "X")]
    _x: i8,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Newer {
    #[serde(rename = "Before")]
    _before: i64,
    #[serde(rename = "After")]
    _after: String,
}

/// Two bytes, as the corpus' `Version.GobDecode` wants them.
#[derive(Debug, Deserialize)]
#[serde(try_from = "GobBytes")]
struct Version;

impl TryFrom<GobBytes> for Version {
    type Error = &'static str;
    fn try_from(payload: GobBytes) -> Result<Version, &'static str> {
        if payload.as_ref().len() == 2 { Ok(Version) } else { Err("Version: want two bytes") }
    }
}

/// What Go's `Decode(nil)` does.
struct Discard;

/// How one destination is read.
trait Destination {
    fn read(decoder: &mut Decoder) -> Result<String, Error>;
}

impl Destination for Discard {
    fn read(decoder: &mut Decoder) -> Result<String, Error> {
        decoder.discard().map(|()| "discarded".into())
    }
}

impl<T: DeserializeOwned + Debug> Destination for T {
    fn read(decoder: &mut Decoder) -> Result<String, Error> {
        decoder.decode::<T>().map(|value| format!("{value:?}"))
    }
}

const WIDTH: &str = "the receiver is an `i64`, which is Go's int64";
const PACKAGE: &str = "Go's name for the receiver has its package, ours its module";
const BYTES: &str = "Go compares with 8 GiB, we with the bytes that are there";
const LENGTH: &str = "Go says what is left of the length after it was checked, we say the length";
const KIND: &str = "without the element's type";

type Row = (&'static str, fn(&mut Decoder) -> Result<String, Error>, Verdict);

macro_rules! rejects {
    ($($name:literal: $into:ty => $verdict:expr;)*) => {
        const REJECTS: &[Row] = &[$(($name, <$into as Destination>::read, $verdict)),*];
    };
}

rejects! {
    "truncated_count": Point => AsGo;
    "truncated_type_message": Point => AsGo;
    "type_then_eof": Point => AsGo;
    "truncated_value": Point => AsGo;
    "count_too_wide": Point => AsGo;
    "count_huge": Point => AsGo;
    "count_2g": Point => Refused(
        "gob: size of a message exceeds the limit of 1073741824",
        "the limit is 1 GiB by default",
    );
    "value_uint_too_wide": i64 => Accepted("5", "as Go does: what is left of a message after its value is skipped");
    "int_uint_too_wide": i64 => AsGo;
    "int_short": i64 => AsGo;
    "unknown_type_id": Point => AsGo;
    "unknown_type_id_discard": Discard => Refused(
        "gob: unknown type id or corrupted data",
        "Go finds a type of its own program that has the sender's number",
    );
    "builtin_id_as_struct": Point => Refused(
        "gob: type mismatch in decoder: want struct type types.Point; got non-struct",
        PACKAGE,
    );
    "slice_2g_of_structs": Vec<Point> => Refused(
        "gob: decoding array or slice: length exceeds input size (2147483647 elements)",
        BYTES,
    );
    "duplicate_definition": Point => AsGo;
    "definition_of_low_id": Point => AsGo;
    "extra_bytes_after_definition": Point => AsGo;
    "field_delta_out_of_range": Point => AsGo;
    "field_delta_huge": Point => AsGo;
    "singleton_nonzero_delta": i64 => AsGo;
    "wrong_kind_int_string": i64 => Refused(
        "gob: decoding into local type *int64, received remote type string",
        WIDTH,
    );
    "wrong_sign": i64 => Refused(
        "gob: decoding into local type *int64, received remote type uint",
        WIDTH,
    );
    "wrong_field_type": Point => Refused(
        "gob: wrong type (int64) for received field .X",
        WIDTH,
    );
    "no_common_fields": Point => AsGo;
    "int8_overflow": Narrow => AsGo;
    "uint16_overflow": u16 => AsGo;
    "float32_overflow": f32 => AsGo;
    "array_length_mismatch": [i64; 2] => Refused(
        "gob: decoding into local type *[2]int64, received remote type [3]int",
        WIDTH,
    );
    "string_length_past_end": String => Refused(
        "gob: length exceeds input size (5 bytes)",
        LENGTH,
    );
    "bytes_length_past_end": Vec<u8> => Refused(
        "gob: length exceeds input size (5 bytes)",
        LENGTH,
    );
    "slice_length_past_end": Vec<i64> => Refused(
        "gob: decoding array or slice: length exceeds input size (5 elements)",
        KIND,
    );
    "slice_length_absurd": Vec<i64> => Refused(
        "gob: decoding array or slice: length exceeds input size (4611686018427387903 elements)",
        BYTES,
    );
    "map_length_past_end": BTreeMap<i64, i64> => Refused(
        "gob: decoding array or slice: length exceeds input size (100 elements)",
        "Go reads on until the message ends; EOF is no reason a user could understand",
    );
    "iface_not_registered": Option<AnyValue> => AsGo;
    "iface_into_concrete": i64 => Refused(
        "gob: decoding into local type *int64, received remote type interface",
        WIDTH,
    );
    "concrete_into_iface": Option<AnyValue> => Refused(
        "gob: local interface type *AnyValue can only be decoded from remote interface type; received concrete type int",
        "the receiver is the enum AnyValue",
    );
    "iface_name_too_long": Option<AnyValue> => AsGo;
    "go_cannot_skip_nil_iface": Newer => Accepted(
        "Newer { _before: 1, _after: \"z\" }",
        "the stream is valid, Go misreads it",
    );
    "go_cannot_skip_nested_definition": Newer => Accepted(
        "Newer { _before: 1, _after: \"z\" }",
        "the stream is valid, Go misreads it",
    );
    "skip_type_nesting_10001": Discard => Accepted(
        "discarded",
        "the types hold no interfaces, so the end of the message is the end of the value, and nothing recurses",
    );
    "opaque_decoder_fails": Version => AsGo;
    "opaque_into_plain": Point => Refused(
        "gob: type mismatch in decoder: want struct type types.Point; got non-struct",
        PACKAGE,
    );
    "plain_into_opaque": Version => Refused(
        "gob: decoding into local type *rejects.Version, received remote type Point = struct { X int; Y int; }",
        PACKAGE,
    );
}

#[test]
fn inputs_that_go_refuses_are_refused_or_the_difference_has_a_reason() {
    let golden = golden::load();
    assert_eq!(golden.rejects.len(), 43);
    let mut wrong = String::new();
    for reject in &golden.rejects {
        let row = REJECTS.iter().find(|(name, ..)| *name == reject.name);
        let (name, read, verdict) = row.unwrap_or_else(|| panic!("{} is not in the table", reject.name));
        let got = match read(&mut decoder(&reject.gob)) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.to_string()),
        };
        let expected = match verdict {
            AsGo if reject.go_error.is_empty() => panic!("{name}: Go accepts it"),
            AsGo => Err(reject.go_error.clone()),
            Refused(text, reason) => {
                assert!(!reason.is_empty() && *text != reject.go_error, "{name}: is there a difference?");
                Err((*text).to_owned())
            }
            Accepted(value, reason) => {
                assert!(!reason.is_empty());
                Ok((*value).to_owned())
            }
        };
        if got != expected {
            wrong += &format!("{name}\n  want {expected:?}\n  got  {got:?}\n  go   {:?}\n", reject.go_error);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

//! The receiver's type differs from the sender's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_gob::{Complex, GoString, GobType};

use crate::corpus::types::Point;
use crate::support::*;

macro_rules! structs {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
        #[serde(rename_all = "PascalCase")]
        $(#[$meta])*
        struct $name { $($field: $type),* }
    )*};
}

structs! {
    Abc { a: i64, b: String, c: f64 }
    Cba { c: f64, b: String, a: i64 }
    /// One field more than `Abc`, which Go would leave alone.
    #[serde(default)]
    Abcd { a: i64, b: String, c: f64, d: i64 }
    Strict { a: i64, missing: i64 }
    #[serde(default)]
    Defaulted { a: i64, missing: Option<i64> }
    Rich {
        array: [i64; 3],
        slice: Vec<i64>,
        flag: bool,
        text: String,
        bytes: Vec<u8>,
        nested: Option<Box<Point>>,
        map: BTreeMap<String, Point>,
        float: f64,
        complex: Complex,
        last: i64,
    }
    Last { last: i64 }
}

#[test]
fn fields_match_by_name_in_any_order() {
    let sent = Abc { a: 17, b: "b".into(), c: 1.5 };
    let back: Cba = resend(&sent).unwrap();
    assert_eq!(back, Cba { a: 17, b: "b".into(), c: 1.5 });
}

#[test]
fn a_field_the_sender_lacks_is_left_to_serde() {
    let sent = Abc { a: 17, b: "b".into(), c: 1.5 };
    assert_eq!(resend::<_, Abcd>(&sent).unwrap(), Abcd { a: 17, b: "b".into(), c: 1.5, d: 0 });
    assert_eq!(resend::<_, Defaulted>(&sent).unwrap(), Defaulted { a: 17, missing: None });
    let error = resend::<_, Strict>(&sent).unwrap_err();
    assert!(error.to_string().contains("Missing"), "{error}");
}

#[test]
fn a_field_the_sender_knows_and_omits_is_zero() {
    // Nothing but the type says that `Missing` exists: its value was zero.
    assert_eq!(resend::<_, Strict>(&Strict::default()).unwrap(), Strict::default());
    assert_eq!(resend::<_, Abc>(&Abc::default()).unwrap(), Abc::default());
}

#[test]
fn fields_the_receiver_lacks_are_skipped() {
    let rich = Rich {
        array: [1, 0, 3],
        slice: vec![1, 300],
        flag: true,
        text: "text".into(),
        bytes: bytes(vec![1, 2]),
        nested: Some(Box::new(Point { x: 1, y: 2 })),
        map: BTreeMap::from([("k".into(), Point { x: 3, y: 4 })]),
        float: 0.1,
        complex: Complex::new(1.0, 2.0),
        last: 9,
    };
    assert_eq!(resend::<_, Last>(&rich).unwrap(), Last { last: 9 });
    assert_eq!(resend::<_, Last>(&Rich { last: 9, ..Rich::default() }).unwrap(), Last { last: 9 });
}

#[test]
fn no_field_in_common_is_an_error() {
    let error = resend::<_, Last>(&Point { x: 1, y: 2 }).unwrap_err();
    assert!(error.is_type_mismatch(), "{error}");
    assert_eq!(error.to_string(), "gob: type mismatch: no fields matched compiling decoder for Last");
}

#[test]
fn a_renamed_field_is_another_field() {
    #[derive(Debug, Deserialize)]
    struct Renamed {
        #[serde(rename = "X")]
        horizontal: i64,
    }
    assert_eq!(resend::<_, Renamed>(&Point { x: 7, y: 2 }).unwrap().horizontal, 7);
}

#[test]
fn the_same_name_with_another_type_is_an_error() {
    let error = resend::<_, One<String>>(&One { x: 1_i64 }).unwrap_err();
    assert!(error.is_type_mismatch(), "{error}");
    assert_eq!(error.to_string(), "gob: wrong type (string) for received field One.X");
    let error = resend::<_, One<u64>>(&One { x: 1_i64 }).unwrap_err();
    assert!(error.is_type_mismatch(), "{error}");
    let error = resend::<_, One<Vec<i64>>>(&One { x: vec![String::from("a")] }).unwrap_err();
    assert!(error.is_type_mismatch(), "{error}");
}

#[test]
fn pointers_of_any_depth_interconvert() {
    let plain = One { x: 5_i64 };
    assert_eq!(resend::<_, One<Option<i64>>>(&plain).unwrap().x, Some(5));
    assert_eq!(resend::<_, One<Option<Option<i64>>>>(&plain).unwrap().x, Some(Some(5)));
    assert_eq!(resend::<_, One<Box<Option<Box<i64>>>>>(&plain).unwrap().x, Box::new(Some(Box::new(5))));
    assert_eq!(resend::<_, One<i64>>(&One { x: Some(Box::new(Some(5_i64))) }).unwrap().x, 5);
    assert_eq!(resend::<_, One<Option<i64>>>(&One { x: None::<i64> }).unwrap().x, None);
    assert_eq!(resend::<_, One<i64>>(&One { x: None::<i64> }).unwrap().x, 0);
    assert_eq!(
        resend::<_, Option<Box<Point>>>(&Point { x: 1, y: 0 }).unwrap(),
        Some(Box::new(Point { x: 1, y: 0 }))
    );
    assert_eq!(resend::<_, Point>(&Some(Box::new(Point { x: 1, y: 0 }))).unwrap(), Point { x: 1, y: 0 });
}

#[test]
fn composites_behind_pointers_interconvert() {
    assert_eq!(resend::<_, One<[i64; 2]>>(&One { x: Some(Box::new([1_i64, 2])) }).unwrap().x, [1, 2]);
    assert_eq!(resend::<_, One<Point>>(&One { x: None::<Point> }).unwrap().x, Point { x: 0, y: 0 });
    assert_eq!(resend::<_, One<Option<Vec<i64>>>>(&One { x: vec![1_i64, 2] }).unwrap().x, Some(vec![1, 2]));
    let map = BTreeMap::from([(String::from("k"), 1_i64)]);
    let sent = One { x: Some(Some(map.clone())) };
    assert_eq!(resend::<_, One<BTreeMap<String, i64>>>(&sent).unwrap().x, map);
}

#[test]
fn a_struct_and_anything_else_do_not_interconvert() {
    let point = Point { x: 1, y: 2 };
    assert!(resend::<_, i64>(&point).unwrap_err().is_type_mismatch());
    assert!(resend::<_, Vec<i64>>(&point).unwrap_err().is_type_mismatch());
    assert!(resend::<_, Point>(&1_i64).unwrap_err().is_type_mismatch());
    assert!(resend::<_, Point>(&vec![1_i64, 2]).unwrap_err().is_type_mismatch());
    let map = BTreeMap::from([(String::from("X"), 1_i64)]);
    assert!(resend::<_, Point>(&map).unwrap_err().is_type_mismatch());
}

#[test]
fn a_struct_can_be_read_as_a_map_of_its_fields() {
    // Go refuses; serde asks for a map where a receiver has a flattened field.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Flattened {
        #[serde(rename = "X")]
        x: i64,
        #[serde(flatten)]
        rest: BTreeMap<String, i64>,
    }
    let back: Flattened = resend(&Point { x: 1, y: 2 }).unwrap();
    assert_eq!(back, Flattened { x: 1, rest: BTreeMap::from([("Y".into(), 2)]) });
}

#[test]
fn bytes_and_a_slice_of_integers_do_not_interconvert() {
    assert!(resend::<_, Vec<i64>>(&bytes([1, 200])).unwrap_err().is_type_mismatch());
    assert!(resend::<_, Vec<u8>>(&vec![1_i64, 2]).unwrap_err().is_type_mismatch());
    assert!(resend::<_, serde_bytes::ByteBuf>(&vec![1_i64, 2]).unwrap_err().is_type_mismatch());
    assert!(resend::<_, String>(&bytes([65])).unwrap_err().is_type_mismatch());
}

/// Sends a value in a struct and wants it refused as out of range, with the field's name in the text.
macro_rules! out_of_range {
    ($($sent:expr => $narrow:ty),* $(,)?) => {$(
        let error = resend::<_, One<$narrow>>(&One { x: $sent }).unwrap_err();
        assert!(error.is_value() && !error.is_fatal(), "{} as {}: {error:?}", $sent, stringify!($narrow));
        assert_eq!(error.to_string(), "value for \"X\" out of range");
    )*};
}

#[test]
fn a_number_out_of_range_names_its_field() {
    out_of_range! {
        128_i64 => i8, -129_i64 => i8,
        32_768_i64 => i16, -32_769_i64 => i16,
        1_i64 << 31 => i32, -(1_i64 << 31) - 1 => i32,
        256_u64 => u8, 65_536_u64 => u16, 1_u64 << 32 => u32,
        1e300 => f32, -1e300 => f32,
    }
    for fits in [-128_i64, 127] {
        assert_eq!(i64::from(resend::<_, One<i8>>(&One { x: fits }).unwrap().x), fits);
    }
    assert_eq!(resend::<_, One<f32>>(&One { x: f64::INFINITY }).unwrap().x, f32::INFINITY);
}

#[test]
fn a_top_level_number_out_of_range_names_the_receivers_type() {
    let error = resend::<_, u16>(&65_536_u64).unwrap_err();
    assert_eq!(error.to_string(), "value for \"*uint16\" out of range");
    let error = resend::<_, f32>(&1e300).unwrap_err();
    assert_eq!(error.to_string(), "value for \"*float32\" out of range");
}

#[test]
fn the_senders_type_is_named_when_nothing_fits() {
    let error = resend::<_, bool>(&String::from("s")).unwrap_err();
    assert_eq!(error.to_string(), "gob: decoding into local type *bool, received remote type string");
    let error = resend::<_, i64>(&Point { x: 1, y: 2 }).unwrap_err().to_string();
    assert!(error.contains("*int64") && error.contains("Point = struct { X int; Y int; }"), "{error}");
}

#[test]
fn a_struct_without_fields_takes_any_struct() {
    let sent = encode_all(&[Point { x: 1, y: 2 }, Point { x: 3, y: 4 }]);
    let mut decoder = decoder(&sent);
    assert_eq!(decoder.decode::<NoFields>().unwrap(), NoFields {});
    assert_eq!(decoder.decode::<Point>().unwrap(), Point { x: 3, y: 4 });
    assert!(resend::<_, ()>(&Point { x: 1, y: 2 }).is_ok());
}

#[test]
fn a_slice_that_the_receiver_reads_only_in_part_is_an_error_and_not_the_end_of_the_stream() {
    let sent = encode_all(&[vec![1_i64, 2, 3], vec![4, 5, 6]]);
    let mut decoder = decoder(&sent);
    // serde's impl for arrays stops after two elements.
    let error = decoder.decode::<[i64; 2]>().unwrap_err();
    assert!(!error.is_fatal(), "{error}");
    assert_eq!(decoder.decode::<Vec<i64>>().unwrap(), [4, 5, 6]);
}

#[test]
fn serdes_own_refusal_costs_one_value() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "i64")]
    struct Even;
    impl TryFrom<i64> for Even {
        type Error = &'static str;
        fn try_from(n: i64) -> Result<Even, &'static str> {
            if n % 2 == 0 { Ok(Even) } else { Err("odd") }
        }
    }
    let mut decoder = decoder(&encode_all(&[1_i64, 2]));
    let error = decoder.decode::<Even>().unwrap_err();
    assert!(error.is_value() && !error.is_fatal(), "{error:?}");
    assert_eq!(error.to_string(), "odd");
    decoder.decode::<Even>().unwrap();
}

#[test]
fn numbers_of_different_kinds_do_not_interconvert() {
    assert!(resend::<_, f64>(&1_i64).unwrap_err().is_type_mismatch());
    assert!(resend::<_, i64>(&1.0).unwrap_err().is_type_mismatch());
    assert!(resend::<_, u64>(&1_i64).unwrap_err().is_type_mismatch());
    assert!(resend::<_, i64>(&1_u64).unwrap_err().is_type_mismatch());
    assert!(resend::<_, bool>(&1_i64).unwrap_err().is_type_mismatch());
    assert!(resend::<_, i64>(&true).unwrap_err().is_type_mismatch());
    assert!(resend::<_, f64>(&Complex::new(1.0, 0.0)).unwrap_err().is_type_mismatch());
    assert!(resend::<_, (f64, f64, f64)>(&Complex::new(1.0, 0.0)).unwrap_err().is_type_mismatch());
    assert!(resend::<_, GoString>(&1_i64).unwrap_err().is_type_mismatch());
    assert!(resend::<_, String>(&bytes("s")).unwrap_err().is_type_mismatch());
}

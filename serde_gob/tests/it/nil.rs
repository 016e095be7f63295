//! Go's rules about nil.

use serde::{Deserialize, Serialize};
use serde_gob::{Any, Encoder, GobType};

use crate::corpus::types::{Point, Shape};
use crate::support::*;

/// Asserts that a value cannot be encoded, and that nothing of it stays behind.
#[track_caller]
fn cannot_encode<T: Serialize + GobType>(value: &T) -> String {
    let mut encoder = Encoder::new();
    let mut out = b"before".to_vec();
    let error = encoder.encode(value, &mut out).unwrap_err();
    assert!(error.is_encode(), "{error:?}");
    assert_eq!(out, b"before");
    // The types of the failed value were not remembered as sent.
    out.clear();
    encoder.encode(&Point { x: 1, y: 2 }, &mut out).unwrap();
    assert_eq!(decode::<Point>(&out).unwrap(), Point { x: 1, y: 2 });
    error.to_string()
}

#[test]
fn a_nil_pointer_at_top_level_cannot_be_encoded() {
    assert!(cannot_encode(&None::<i64>).contains("nil"));
    assert!(cannot_encode(&None::<Point>).contains("nil"));
    assert!(cannot_encode(&None::<Box<Point>>).contains("nil"));
    assert!(cannot_encode(&Some(None::<i64>)).contains("nil"));
    assert!(cannot_encode(&None::<Vec<i64>>).contains("nil"));
}

#[test]
fn empty_containers_and_nil_interfaces_at_top_level_can() {
    round_trips(&Vec::<i64>::new());
    round_trips(&std::collections::BTreeMap::<String, i64>::new());
    round_trips(&None::<Shape>);
    round_trips(&Any::NIL);
}

#[test]
fn a_nil_element_cannot_be_encoded() {
    assert!(cannot_encode(&vec![Some(1_i64), None]).contains("nil element"));
    assert!(cannot_encode(&[None::<Point>]).contains("nil element"));
    let map = std::collections::BTreeMap::from([(String::from("k"), None::<i64>)]);
    assert!(cannot_encode(&map).contains("nil element"));
    assert!(cannot_encode(&One { x: vec![Some(Point::default()), None] }).contains("nil element"));
}

#[test]
fn a_nil_pointer_inside_an_interface_cannot_be_encoded() {
    #[derive(Debug, Serialize, Deserialize, GobType)]
    enum Pointer {
        #[serde(rename = "main.Point")]
        Point(Option<Point>),
    }
    let text = cannot_encode(&Pointer::Point(None));
    assert!(text.contains("nil pointer") && text.contains("interface"), "{text}");
    assert!(text.contains("main.Point"), "{text}");
}

#[test]
fn a_failed_value_leaves_the_stream_as_it_was() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.encode(&Point { x: 1, y: 2 }, &mut out).unwrap();
    // A new type, defined before its value fails.
    encoder.encode(&One { x: vec![None::<i64>] }, &mut out).unwrap_err();
    encoder.encode(&Point { x: 3, y: 4 }, &mut out).unwrap();
    encoder.encode(&One { x: vec![Some(5_i64)] }, &mut out).unwrap();
    let mut decoder = decoder(&out);
    assert_eq!(decoder.decode::<Point>().unwrap(), Point { x: 1, y: 2 });
    assert_eq!(decoder.decode::<Point>().unwrap(), Point { x: 3, y: 4 });
    assert_eq!(decoder.decode::<One<Vec<i64>>>().unwrap().x, [5]);
}

#[test]
fn a_type_of_pointers_only_cannot_be_encoded() {
    /// Go's `type R ***R`.
    #[derive(Debug, Serialize, Deserialize, GobType)]
    struct Endless(Option<Box<Endless>>);
    cannot_encode(&Endless(None));
    cannot_encode(&Endless(Some(Box::new(Endless(None)))));
}

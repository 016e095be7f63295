//! Go interface values: enums, `Any`, and what is inside them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_gob::{Any, Complex, Dynamic, GobType, Type, TypeKind, Value};

use crate::corpus::types::{AnyBox, AnyValue, Circle, Drawing, Point, Shape, Square, Wrap};
use crate::support::*;

/// Named Go types of other underlying types behind one interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
enum Squarer {
    #[serde(rename = "main.Int")]
    Int(i64),
    #[serde(rename = "main.Float")]
    Float(f64),
    #[serde(rename = "main.Vector")]
    Vector(Vec<i64>),
    #[serde(rename = "main.Bytes")]
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Item {
    first: Option<Squarer>,
    second: Option<Squarer>,
    nothing: Option<Squarer>,
    list: Vec<Option<Squarer>>,
    name: String,
}

#[test]
fn named_numbers_and_slices_travel_behind_an_interface() {
    round_trips(&Item {
        first: Some(Squarer::Int(7)),
        second: Some(Squarer::Float(0.5)),
        nothing: None,
        list: vec![Some(Squarer::Vector(vec![1, 0, 2])), None, Some(Squarer::Bytes(bytes(vec![1, 2])))],
        name: "end".into(),
    });
}

#[test]
fn every_basic_go_type_keeps_its_name_in_an_interface() {
    macro_rules! basic {
        ($($name:literal: $value:expr),* $(,)?) => {$(
            let sent = encode(&Any::from($value));
            let any: Any = decode(&sent).unwrap();
            assert_eq!(any.name(), Some($name));
            assert_eq!(show(&encode(&any)), show(&sent));
        )*};
    }
    basic! {
        "bool": true, "string": "s",
        "int8": -1_i8, "int16": -1_i16, "int32": -1_i32, "int64": -1_i64, "int": -1_isize,
        "uint8": 1_u8, "uint16": 1_u16, "uint32": 1_u32, "uint64": 1_u64, "uint": 1_usize,
        "float32": 1.5_f32, "float64": 1.5_f64,
        "[]uint8": vec![1_u8],
    }
}

#[test]
fn zeros_are_sent_inside_an_interface() {
    round_trips(&Some(AnyValue::Int(0)));
    round_trips(&Some(AnyValue::Bool(false)));
    round_trips(&Some(AnyValue::String(String::new())));
    round_trips(&Some(AnyValue::Point(Point::default())));
    round_trips(&Some(AnyValue::Complex128(Complex::new(0.0, 0.0))));
}

#[test]
fn a_receiver_without_the_interface_fields_skips_them() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Ends {
        before: i64,
        after: String,
    }
    let mut encoder = serde_gob::Encoder::new();
    let mut out = Vec::new();
    let nested = AnyValue::Box(AnyBox { v: Some(Box::new(AnyValue::Point(Point { x: 3, y: 4 }))) });
    for v in [None, Some(AnyValue::Int(0)), Some(AnyValue::Point(Point { x: 1, y: 2 })), Some(nested)] {
        encoder.encode(&Wrap { before: 1, v, after: "z".into() }, &mut out).unwrap();
    }
    // What was defined inside a skipped value counts.
    encoder.encode(&Point { x: 5, y: 6 }, &mut out).unwrap();
    let mut decoder = decoder(&out);
    for _ in 0..4 {
        assert_eq!(decoder.decode::<Ends>().unwrap(), Ends { before: 1, after: "z".into() });
    }
    assert_eq!(decoder.decode::<Point>().unwrap(), Point { x: 5, y: 6 });
}

#[test]
fn interfaces_nest_in_structs_in_interfaces() {
    let inner = AnyValue::Box(AnyBox { v: Some(Box::new(AnyValue::Point(Point { x: 3, y: 4 }))) });
    round_trips(&Some(AnyValue::Box(AnyBox { v: Some(Box::new(inner)) })));
}

#[test]
fn a_slice_of_interfaces_mixes_types() {
    round_trips(&Drawing {
        title: "d".into(),
        main: None,
        more: vec![Some(Shape::Square(Square { side: 3.0 })), None, Some(Shape::Circle(Circle { r: 1.0 }))],
    });
}

#[test]
fn a_map_of_any_holds_a_slice_of_every_basic_kind() {
    // Go registers all of these itself.
    fn slice<T: Serialize + GobType>(name: &str, elements: Vec<T>) -> (String, Any) {
        (name.to_owned(), Any::of(name, &elements).unwrap())
    }
    let slices: BTreeMap<String, Any> = BTreeMap::from([
        slice("[]int", vec![1_isize, 2]),
        slice("[]int8", vec![1_i8, 2]),
        slice("[]int64", vec![1_i64, 2]),
        slice("[]uint16", vec![1_u16, 2]),
        slice("[]float32", vec![1.5_f32]),
        slice("[]float64", vec![1.5_f64]),
        slice("[]complex128", vec![Complex::new(1.0, -1.0)]),
        slice("[]bool", vec![true, false]),
        slice("[]string", vec![String::from("a")]),
    ]);
    for (name, any) in &slices {
        assert_eq!(any.name(), Some(name.as_str()));
    }
    let sent = encode(&slices);
    let back: BTreeMap<String, Any> = decode(&sent).unwrap();
    assert_eq!(back, slices);
}

#[test]
fn maps_of_any_nest() {
    let inner = BTreeMap::from([(String::from("in"), Any::from(5_i64))]);
    let outer = BTreeMap::from([(String::from("m"), Any::from(inner)), (String::from("nil"), Any::NIL)]);
    let back: BTreeMap<String, Any> = decode(&encode(&outer)).unwrap();
    assert_eq!(back, outer);
}

#[test]
fn a_hundred_interfaces_with_empty_structs_survive() {
    // Their slice announces more elements than its first message has bytes left, because Go splits it.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
    enum Only {
        #[serde(rename = "main.Empty")]
        Empty {},
    }
    round_trips(&One { x: vec![Some(Only::Empty {}); 100] });
}

#[test]
fn a_nil_interface_at_top_level_is_a_value() {
    assert_eq!(show(&encode(&Any::NIL)), "03100000");
    assert_eq!(show(&encode(&None::<Shape>)), "03100000");
    assert_eq!(decode::<Option<Shape>>(&hex("03100000")).unwrap(), None);
    assert!(decode::<Any>(&hex("03100000")).unwrap().is_nil());
    let error = refusal::<Shape>(&hex("03100000"));
    assert!(error.is_type_mismatch() && !error.is_fatal(), "{error:?}");
}

#[test]
fn a_type_nobody_registered_is_refused_by_an_enum_and_taken_by_any() {
    let sent = hex("0a 10 00 03 666f6f 04 02 00 06");
    let error = refusal::<Option<Shape>>(&sent);
    assert_eq!(error.to_string(), "gob: name not registered for interface: \"foo\"");
    assert!(!error.is_fatal());
    let any: Any = decode(&sent).unwrap();
    assert_eq!(any.name(), Some("foo"));
    assert_eq!(show(&encode(&any)), show(&sent));
}

#[test]
fn a_concrete_value_is_no_interface_and_an_interface_is_no_concrete_value() {
    let error = resend::<_, Shape>(&Circle { r: 1.0 }).unwrap_err();
    assert!(error.is_type_mismatch(), "{error}");
    assert!(
        error
            .to_string()
            .contains("can only be decoded from remote interface type; received concrete type Circle"),
        "{error}"
    );
    let error = resend::<_, i64>(&Some(AnyValue::Int(5))).unwrap_err();
    assert_eq!(error.to_string(), "gob: decoding into local type *int64, received remote type interface");
}

#[test]
fn dynamic_values_show_what_is_inside() {
    let any: Any = decode(&encode(&Some(AnyValue::Point(Point { x: 1, y: 0 })))).unwrap();
    assert_eq!(any.name(), Some("goldengob/corpus.Point"));
    let Some(Value::Struct(fields)) = any.value() else { panic!("{any:?}") };
    // What is zero did not travel; the type knows of it.
    assert_eq!(
        fields.iter().map(|(name, value)| (&**name, value)).collect::<Vec<_>>(),
        [("X", &Value::Int(1))]
    );
    let Some(TypeKind::Struct(name, fields)) = any.ty().map(|ty| ty.kind()) else { panic!("{any:?}") };
    assert_eq!((&*name, fields.len()), ("Point", 2));
    assert_eq!(any.get::<Point>().unwrap(), Point { x: 1, y: 0 });
}

#[test]
fn fields_of_a_dynamic_struct_come_in_the_order_of_its_type() {
    let ty = Type::structure("Point", [("X", Type::int()), ("Y", Type::int())]);
    let point = |fields: &[(&str, i64)]| Dynamic {
        ty: ty.clone(),
        value: Value::Struct(fields.iter().map(|(name, n)| ((*name).into(), Value::Int(*n))).collect()),
    };
    assert_eq!(point(&[("X", 1), ("Y", 2)]).get::<Point>().unwrap(), Point { x: 1, y: 2 });
    assert_eq!(point(&[("Y", 2)]).get::<Point>().unwrap(), Point { x: 0, y: 2 });
    for wrong in [&[("Y", 2), ("X", 1)][..], &[("Z", 1)], &[("X", 1), ("X", 2)]] {
        let error = point(wrong).get::<Point>().unwrap_err();
        assert!(error.is_encode(), "{wrong:?}: {error:?}");
    }
}

#[test]
fn a_wide_dynamic_struct_is_written_in_one_pass() {
    // 60,000 fields, all sent: looking each up among all would be billions of comparisons of names.
    use crate::wire::*;
    let names: Vec<String> = (0..60_000).map(|n| format!("Field{n}")).collect();
    let fields: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), INT)).collect();
    let body = Wire::new().raw(&[1, 2].repeat(names.len())).uint(0);
    let stream = Wire::new().struct_type(FIRST, &fields).value(FIRST, body).0;
    let dynamic: Dynamic = decode(&stream).unwrap();
    assert!(encode_dynamic(&dynamic) == stream);
}

#[test]
fn a_value_is_asked_for_what_it_holds_and_for_nothing_else() {
    let table: [(Any, [bool; 6]); 6] = [
        (Any::from(true), [true, false, false, false, false, false]),
        (Any::from(-3_i64), [false, true, false, false, false, false]),
        (Any::from(3_u64), [false, false, true, false, false, false]),
        (Any::from(1.5_f64), [false, false, false, true, false, false]),
        (Any::from("text"), [false, false, false, false, true, false]),
        (Any::from(vec![1_u8, 2]), [false, false, false, false, false, true]),
    ];
    for (any, expected) in table {
        let answers = [
            any.as_bool() == Some(true),
            any.as_int() == Some(-3),
            any.as_uint() == Some(3),
            any.as_float() == Some(1.5),
            any.as_str() == Some("text"),
            any.as_bytes() == Some(&[1, 2]),
        ];
        assert_eq!(answers, expected, "{any:?}");
    }
}

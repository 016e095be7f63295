//! Slices, arrays, maps, structs and recursive types, one value or several to a stream.

use std::collections::{BTreeMap, VecDeque};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_gob::{Complex, Decoder, GobType, Shape, TypeBuilder};

use crate::corpus::types::{List, Ping, Point, Pong, SelfSlice, Tree};
use crate::support::*;

#[test]
fn slices_of_integers_survive_with_elements_of_every_length() {
    round_trips(&vec![0_i8, 1, -1, i8::MIN, i8::MAX]);
    round_trips(&vec![0_i16, 1, -64, 300, i16::MIN, i16::MAX]);
    round_trips(&vec![0_i32, 1, -64, 300, 70_000, i32::MIN, i32::MAX]);
    round_trips(&vec![0_i64, 1, -64, 300, 70_000, i64::MIN, i64::MAX]);
    round_trips(&vec![0_u16, 127, 128, u16::MAX]);
    round_trips(&vec![0_u32, 127, 128, u32::MAX]);
    round_trips(&vec![0_u64, 127, 128, u64::MAX]);
}

#[test]
fn a_slice_of_bytes_is_bytes_however_it_is_declared() {
    let plain = encode(&vec![1_u8, 2, 200]);
    assert_eq!(show(&plain), "060a00030102c8");
    assert_eq!(encode(&[1_u8, 2, 200][..]), plain);
    assert_eq!(encode(&VecDeque::from([1_u8, 2, 200])), plain);
    assert_eq!(decode::<Vec<u8>>(&plain).unwrap(), [1, 2, 200]);
    assert_eq!(decode::<Vec<u8>>(&plain).unwrap(), [1, 2, 200]);
}

#[test]
fn a_second_struct_of_the_same_type_needs_no_definition() {
    let twice = encode_all(&[Point { x: 1, y: 2 }, Point { x: 3, y: 4 }]);
    let once = encode(&Point { x: 1, y: 2 });
    assert_eq!(show(&twice[once.len()..]), "07ff800106010800");
}

#[test]
fn two_types_share_a_stream_and_a_mismatch_costs_one_value() {
    let mut encoder = serde_gob::Encoder::new();
    let mut out = Vec::new();
    encoder.encode(&Point { x: 1, y: 2 }, &mut out).unwrap();
    encoder.encode(&One { x: String::from("s") }, &mut out).unwrap();
    encoder.encode(&Point { x: 3, y: 4 }, &mut out).unwrap();
    encoder.encode(&One { x: String::from("t") }, &mut out).unwrap();
    let mut decoder = decoder(&out);
    assert_eq!(decoder.decode::<Point>().unwrap(), Point { x: 1, y: 2 });
    assert_eq!(decoder.decode::<One<String>>().unwrap().x, "s");
    let mismatch = decoder.decode::<One<String>>().unwrap_err();
    assert!(!mismatch.is_fatal(), "{mismatch}");
    assert_eq!(decoder.decode::<One<String>>().unwrap().x, "t");
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Large {
    ints: BTreeMap<i64, i8>,
    texts: BTreeMap<String, Option<String>>,
    structs: BTreeMap<String, Option<Box<Point>>>,
    struct_keys: BTreeMap<Point, Point>,
    array_keys: BTreeMap<[String; 2], [Option<f64>; 2]>,
    empty: Option<BTreeMap<String, f64>>,
    none: Option<BTreeMap<String, f64>>,
    array: Option<[i64; 4]>,
    slice: Option<Vec<i64>>,
    complex: [Complex; 2],
    bytes: Vec<u8>,
}

#[test]
fn a_struct_with_maps_of_every_flavour_survives() {
    let point = Point { x: 1, y: -2 };
    round_trips(&Large {
        ints: BTreeMap::from([(-1, 1), (i64::MAX, i8::MIN)]),
        texts: BTreeMap::from([("a".into(), Some("b".into())), ("zero".into(), Some(String::new()))]),
        structs: BTreeMap::from([("p".into(), Some(Box::new(point)))]),
        struct_keys: BTreeMap::from([(point, point)]),
        array_keys: BTreeMap::from([(["a".into(), String::new()], [Some(0.0), Some(1.5)])]),
        empty: Some(BTreeMap::new()),
        none: None,
        array: Some([1, 0, 2, 0]),
        slice: Some(vec![3, 0]),
        complex: [Complex::new(1.0, 2.0), Complex::new(0.0, -3.0)],
        bytes: bytes(vec![0, 1, 2]),
    });
    round_trips(&Large::default());
}

#[test]
fn an_empty_map_is_not_an_absent_one() {
    round_trips(&One { x: Some(BTreeMap::<String, i64>::new()) });
    round_trips(&One { x: None::<BTreeMap<String, i64>> });
}

#[test]
fn structs_that_contain_themselves_survive() {
    round_trips(&List { val: 1, next: Some(Box::new(List { val: 2, next: None })) });
    round_trips(&Tree {
        label: "root".into(),
        children: vec![Tree { label: "leaf".into(), children: vec![] }],
    });
    let inner = Ping { n: 2, pong: None };
    round_trips(&Ping { n: 1, pong: Some(Box::new(Pong { s: "s".into(), pings: vec![inner] })) });
}

/// `type T []*U; type U struct { Children T }`
#[derive(Debug, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Branch {
    children: Vec<Option<Branch>>,
}

#[test]
fn mutually_recursive_slices_survive_at_top_level() {
    round_trips(&vec![
        Branch { children: vec![] },
        Branch { children: vec![Some(Branch { children: vec![] })] },
    ]);
}

/// `type T map[string]T`
#[derive(Debug, Default, Serialize, Deserialize, GobType)]
struct SelfMap(BTreeMap<String, SelfMap>);

#[test]
fn recursive_slices_and_maps_survive_at_top_level() {
    round_trips(&SelfSlice(vec![SelfSlice(vec![]), SelfSlice(vec![SelfSlice(vec![])])]));
    let inner = SelfMap(BTreeMap::from([("b".into(), SelfMap::default())]));
    round_trips(&SelfMap(BTreeMap::from([("a".into(), inner), ("c".into(), SelfMap::default())])));
}

#[test]
fn zeros_inside_slices_keep_their_place() {
    round_trips(&One { x: vec![false, true, false] });
    round_trips(&One { x: vec![0_i64, 1, 0] });
    round_trips(&One { x: vec![0.0, 1.5, 0.0] });
    round_trips(&One { x: vec![String::new(), "a".into(), String::new()] });
    round_trips(&One { x: vec![Point::default(), Point { x: 0, y: 1 }, Point::default()] });
    round_trips(&One { x: vec![Vec::new(), vec![1_i64], Vec::new()] });
}

#[test]
fn zeros_are_sent_at_top_level_and_in_arrays() {
    assert_eq!(show(&encode(&0_i64)), "03040000");
    assert_eq!(show(&encode("")), "030c0000");
    round_trips(&[0_i64, 0, 7]);
    round_trips(&One { x: [0_i64; 3] });
    round_trips(&["", "a"].map(String::from));
}

#[test]
fn an_array_of_another_length_is_refused() {
    let three = encode(&[1_i64, 2, 3]);
    let error = refusal::<[i64; 2]>(&three).to_string();
    assert!(error.contains("[3]int"), "{error}");
    refusal::<[i64; 4]>(&three);
    refusal::<One<[i64; 2]>>(&encode(&One { x: [1_i64, 2, 3] }));
}

#[test]
fn a_map_with_nan_keys_keeps_every_entry_and_its_bits() {
    // Rust's maps cannot hold these keys; a list of pairs that serializes as a map can.
    let bits = [f64::NAN.to_bits(), f64::NAN.to_bits() | 1, f64::NAN.to_bits() | 1 << 63];
    let entries: Vec<(f64, i64)> = bits.iter().zip(1..).map(|(b, n)| (f64::from_bits(*b), n)).collect();
    let sent = encode(&NanMap(entries));
    let back: NanMap = decode(&sent).unwrap();
    let back: Vec<(u64, i64)> = back.0.iter().map(|(k, v)| (k.to_bits(), *v)).collect();
    assert_eq!(back, [(bits[0], 1), (bits[1], 2), (bits[2], 3)]);
}

/// A map with its entries in order.
struct NanMap(Vec<(f64, i64)>);

impl GobType for NanMap {
    type Key = NanMap;
    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        let (key, value) = (types.add::<f64>(), types.add::<i64>());
        Shape::map(key, value)
    }
}

impl Serialize for NanMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for NanMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = NanMap;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NanMap, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(NanMap(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[test]
fn ten_decoders_in_turn_read_one_value_each() {
    // Nothing is read past a message: what is left over belongs to the next decoder.
    let streams: Vec<Vec<u8>> = (0..10).map(|n| encode(&Point { x: n, y: -n })).collect();
    let mut rest: &[u8] = &streams.concat();
    for n in 0..10 {
        let mut decoder = Decoder::new();
        let mut used = 0;
        while !decoder.ready().unwrap() {
            decoder.feed(&rest[used..used + 1]);
            used += 1;
        }
        assert_eq!(decoder.decode::<Point>().unwrap(), Point { x: n, y: -n });
        assert_eq!(used, streams[n as usize].len());
        rest = &rest[used..];
    }
    assert!(rest.is_empty());
}

#[test]
fn values_larger_than_gos_allocation_chunk_survive() {
    // Go reads messages in chunks of 10 MiB and grows slices in steps of that size.
    const BEYOND: usize = (10 << 20) + 1234;
    let bytes = bytes((0..BEYOND).map(|n| n as u8).collect::<Vec<_>>());
    assert!(decode::<Vec<u8>>(&encode(&bytes)).unwrap() == bytes);
    let texts = vec![String::from("0123456789"); BEYOND / 11];
    assert!(decode::<Vec<String>>(&encode(&texts)).unwrap() == texts);
    let points: Vec<Point> = (0..200_000).map(|n| Point { x: n, y: 1 << 40 }).collect();
    assert!(decode::<Vec<Point>>(&encode(&points)).unwrap() == points);
}

//! Which Rust types are the same Go type, and what encoders of several threads share: nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_gob::{Encoder, GobType};

use crate::corpus::types::Point;
use crate::support::*;

/// How many bytes a second value takes on a stream that has seen the first.
fn second<A: Serialize + GobType, B: Serialize + GobType>(first: &A, second: &B) -> usize {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.encode(first, &mut out).unwrap();
    let before = out.len();
    encoder.encode(second, &mut out).unwrap();
    out.len() - before
}

#[test]
fn the_same_type_is_defined_once_however_it_is_wrapped() {
    let point = Point { x: 1, y: 2 };
    let alone = second(&point, &point);
    assert_eq!(second(&point, &Box::new(point)), alone);
    assert_eq!(second(&point, &Rc::new(point).as_ref()), alone);
    assert_eq!(second(&point, &Arc::new(point).as_ref()), alone);
    assert_eq!(second(&point, &Some(point)), alone);
    assert_eq!(second(&Some(Box::new(point)), &Cow::Borrowed(&point)), alone);
}

#[test]
fn collections_of_one_element_type_are_one_type() {
    let alone = second(&vec![1_i64], &vec![1_i64]);
    assert_eq!(second(&vec![1_i64], &VecDeque::from([1_i64])), alone);
    assert_eq!(second(&vec![1_i64], &[1_i64].as_slice()), alone);
    let tree = BTreeMap::from([(String::from("k"), 1_i64)]);
    let hash = HashMap::from([(String::from("k"), 1_i64)]);
    assert_eq!(second(&tree, &hash), second(&tree, &tree));
}

#[test]
fn another_length_or_element_is_another_type() {
    let alone = second(&[1_i64], &[1_i64]);
    assert!(second(&[1_i64], &[1_i64, 2]) > alone + 2);
    assert!(second(&[1_i64], &[1_u64]) > alone + 2);
    assert!(second(&[1_i64], &vec![1_i64]) > alone + 2);
}

mod a {
    use super::*;
    #[derive(Debug, PartialEq, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub(crate) struct Args {
        pub(crate) name: String,
    }
}

mod b {
    use super::*;
    #[derive(Debug, PartialEq, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    pub(crate) struct Args {
        pub(crate) count: i64,
        pub(crate) flag: bool,
    }
}

#[test]
fn types_of_one_name_in_two_modules_do_not_collide() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.encode(&a::Args { name: "n".into() }, &mut out).unwrap();
    encoder.encode(&b::Args { count: 5, flag: true }, &mut out).unwrap();
    encoder.encode(&a::Args { name: "m".into() }, &mut out).unwrap();
    let mut decoder = decoder(&out);
    assert_eq!(decoder.decode::<a::Args>().unwrap(), a::Args { name: "n".into() });
    assert_eq!(decoder.decode::<b::Args>().unwrap(), b::Args { count: 5, flag: true });
    assert_eq!(decoder.decode::<a::Args>().unwrap(), a::Args { name: "m".into() });
}

#[test]
fn instances_of_a_generic_struct_are_types_of_their_own() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.encode(&One { x: 1_i64 }, &mut out).unwrap();
    encoder.encode(&One { x: String::from("s") }, &mut out).unwrap();
    encoder.encode(&One { x: vec![One { x: 2_u8 }] }, &mut out).unwrap();
    let mut decoder = decoder(&out);
    assert_eq!(decoder.decode::<One<i64>>().unwrap().x, 1);
    assert_eq!(decoder.decode::<One<String>>().unwrap().x, "s");
    assert_eq!(decoder.decode::<One<Vec<One<u8>>>>().unwrap().x, [One { x: 2 }]);
}

#[test]
fn structs_that_borrow_can_be_sent() {
    #[derive(Serialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    struct Borrowed<'a> {
        name: &'a str,
        parts: &'a [&'a str],
        #[serde(with = "serde_bytes")]
        raw: &'a [u8],
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Owned {
        name: String,
        parts: Vec<String>,
        #[serde(with = "serde_bytes")]
        raw: Vec<u8>,
    }
    let name = String::from("n");
    let sent = encode(&Borrowed { name: &name, parts: &["a", "b"], raw: &[1, 2] });
    let owned: Owned = decode(&sent).unwrap();
    assert_eq!(owned, Owned { name, parts: vec!["a".into(), "b".into()], raw: vec![1, 2] });
}

#[test]
fn ten_threads_meet_a_recursive_type_at_once() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    struct Node {
        next: Option<Box<Node>>,
        values: Vec<One<Vec<Point>>>,
    }
    let node = || Node {
        next: Some(Box::new(Node { next: None, values: vec![] })),
        values: vec![One { x: vec![Point { x: 1, y: 2 }] }],
    };
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(resend::<_, Node>(&node()).unwrap(), node());
                }
            });
        }
    });
}

#[test]
fn encoders_decoders_and_values_can_move_between_threads() {
    fn movable<T: Send>() {}
    movable::<Encoder>();
    movable::<serde_gob::Decoder>();
    movable::<serde_gob::Dynamic>();
    movable::<serde_gob::Any>();
    movable::<serde_gob::Error>();
}

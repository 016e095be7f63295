//! Properties, each over some hundred random inputs.

use proptest::{collection, option, prelude::*};
use serde_gob::{Any, Complex, Decoder, Dynamic, Limits};

use crate::corpus::types::{AnyValue, Base, Point, Scalars, Tree};
use crate::corpus::{self, dump, golden};
use crate::support::*;

fn config(cases: u32) -> ProptestConfig {
    // Failures are printed with their input; files beside the sources would only rot.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn golden_streams() -> Vec<Vec<u8>> {
    golden::load().entries.into_iter().map(|e| e.gob).collect()
}

/// A golden stream with up to eight changed, removed, inserted or doubled bytes.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..8);
    (prop::sample::select(golden_streams()), edits).prop_map(|(mut stream, edits)| {
        for (index, edit, byte) in edits {
            if stream.is_empty() {
                break;
            }
            let at = index.index(stream.len());
            match edit {
                0 => stream[at] = byte,
                1 => drop(stream.remove(at)),
                2 => stream.insert(at, byte),
                _ => stream.insert(at, stream[at]),
            }
        }
        stream
    })
}

/// Everything that can be read from a stream, until an error that does not pass.
fn read_all(mut decoder: Decoder) -> (Vec<Dynamic>, Option<String>) {
    let mut values = Vec::new();
    // Each value, good or bad, takes at least one byte.
    for _ in 0..=decoder.buffered() {
        match decoder.decode::<Dynamic>() {
            Ok(value) => values.push(value),
            Err(error) if error.is_incomplete() || error.is_fatal() => {
                return (values, Some(error.to_string()));
            }
            Err(_) => {}
        }
    }
    panic!("the decoder makes no progress");
}

fn small() -> Limits {
    Limits::default().message_size(1 << 20)
}

fn fed(stream: &[u8]) -> Decoder {
    let mut decoder = Decoder::with_limits(small());
    decoder.feed(stream);
    decoder
}

/// A tree of `Any`s.
fn any_value() -> impl Strategy<Value = Option<AnyValue>> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(AnyValue::Int),
        any::<i32>().prop_map(AnyValue::Int32),
        any::<u8>().prop_map(AnyValue::Uint8),
        any::<bool>().prop_map(AnyValue::Bool),
        any::<f64>().prop_map(AnyValue::Float64),
        ".{0,8}".prop_map(AnyValue::String),
        collection::vec(any::<u8>(), 0..8).prop_map(|b| AnyValue::Bytes(bytes(b))),
        collection::vec(".{0,4}", 0..4).prop_map(AnyValue::Strings),
        (any::<i64>(), any::<i64>()).prop_map(|(x, y)| AnyValue::Point(Point { x, y })),
    ];
    option::of(leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            collection::vec(option::of(inner.clone()), 0..4).prop_map(AnyValue::List),
            collection::btree_map(".{0,4}", option::of(inner), 0..4).prop_map(AnyValue::Map),
        ]
    }))
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = ".{0,6}".prop_map(|label| Tree { label, children: vec![] });
    leaf.prop_recursive(5, 40, 4, |inner| {
        (".{0,6}", collection::vec(inner, 0..4)).prop_map(|(label, children)| Tree { label, children })
    })
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn prop_numbers_survive(i: i64, u: u64, f: f64, s: f32, n: i16, b: u8, c: char) {
        round_trips(&i);
        round_trips(&u);
        round_trips(&f);
        round_trips(&s);
        round_trips(&n);
        round_trips(&b);
        round_trips(&c);
        round_trips(&Complex::new(f, -f));
    }

    #[test]
    fn prop_structs_survive(
        i: isize, u: usize, i8: i8, u16: u16, f32 in -1e30..1e30_f32, text in ".{0,40}", bytes: Vec<u8>,
    ) {
        round_trips(&Scalars { i, u, i8, u16, f32, s: text, bs: bytes, ..Scalars::default() });
    }

    #[test]
    fn prop_collections_survive(
        numbers in collection::vec(any::<i32>(), 0..40),
        bools in collection::vec(any::<bool>(), 0..40),
        texts in collection::vec(".{0,8}", 0..8),
        nested in collection::vec(collection::vec(any::<u16>(), 0..4), 0..8),
        map in collection::btree_map(".{0,4}", collection::vec(any::<u8>(), 0..8), 0..8),
        deep in collection::btree_map(any::<i64>(), collection::btree_map(any::<u8>(), any::<bool>(), 0..4), 0..4),
    ) {
        round_trips(&numbers);
        round_trips(&bools);
        round_trips(&texts);
        round_trips(&nested);
        round_trips(&map);
        round_trips(&deep);
    }

    #[test]
    fn prop_trees_survive(tree in tree()) {
        round_trips(&tree);
    }

    #[test]
    fn prop_interfaces_survive_typed_and_dynamically(value in any_value()) {
        round_trips(&value);
        let typed = encode(&value);
        let dynamic: Any = decode(&typed).unwrap();
        let again = encode(&dynamic);
        let back: Option<AnyValue> = decode(&again).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn prop_any_split_gives_the_same_values(
        stream in prop::sample::select(golden_streams()),
        cuts in collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let (whole, _) = read_all(fed(&stream));
        let mut decoder = Decoder::new();
        let mut values = Vec::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            decoder.feed(&stream[at..cut]);
            at = cut;
            while decoder.ready().unwrap() {
                values.push(decoder.decode::<Dynamic>().unwrap());
            }
        }
        prop_assert_eq!(whole.iter().map(dump).collect::<Vec<_>>(), values.iter().map(dump).collect::<Vec<_>>());
    }

    #[test]
    fn prop_discarding_some_values_leaves_the_others(picks: Vec<bool>, points: Vec<(i64, i64)>) {
        let points: Vec<Point> = points.into_iter().map(|(x, y)| Point { x, y }).collect();
        let mut decoder = decoder(&encode_all(&points));
        for (point, pick) in points.iter().zip(picks.iter().cycle().chain(std::iter::repeat(&true))) {
            if *pick {
                prop_assert_eq!(&decoder.decode::<Point>().unwrap(), point);
            } else {
                decoder.discard().unwrap();
            }
        }
        prop_assert!(decoder.is_idle());
    }
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn prop_mutated_streams_are_values_or_errors(stream in mutated()) {
        let (values, _) = read_all(fed(&stream));
        // What could be read can be written, and means the same.
        for value in values {
            let bytes = encode_dynamic(&value);
            prop_assert_eq!(dump(&decode::<Dynamic>(&bytes).unwrap()), dump(&value));
        }
    }

    #[test]
    fn prop_mutated_streams_split_anywhere_read_alike(stream in mutated(), cut: prop::sample::Index) {
        let whole = read_all(fed(&stream));
        let mut decoder = Decoder::with_limits(small());
        let cut = cut.index(stream.len() + 1);
        decoder.feed(&stream[..cut]);
        let mut values = Vec::new();
        // Ask early: what is known of the value by now must not change what comes of it.
        for _ in 0..=cut {
            match decoder.decode::<Dynamic>() {
                Ok(value) => values.push(value),
                Err(error) if error.is_incomplete() || error.is_fatal() => break,
                Err(_) => {}
            }
        }
        decoder.feed(&stream[cut..]);
        let (rest, error) = read_all(decoder);
        values.extend(rest);
        prop_assert_eq!(values.iter().map(dump).collect::<Vec<_>>(), whole.0.iter().map(dump).collect::<Vec<_>>());
        prop_assert_eq!(error, whole.1);
    }

    #[test]
    fn prop_what_can_be_decoded_can_be_discarded(stream in mutated()) {
        let mut reading = fed(&stream);
        let mut discarding = fed(&stream);
        loop {
            let read = reading.decode::<Dynamic>();
            let discarded = discarding.discard();
            match (read, discarded) {
                (Ok(_), Ok(())) => {}
                (Ok(value), Err(error)) => prop_assert!(false, "{error} for {value:?}"),
                // Discarding may look less closely, and then the two are apart.
                (Err(_), _) => break,
            }
        }
    }

    #[test]
    fn prop_mutated_streams_are_no_panic_for_types(
        stream in mutated(),
        name in prop::sample::select(corpus::values::NAMES),
    ) {
        struct Quiet(Decoder);
        impl corpus::Visit for Quiet {
            fn value<T: serde::Serialize + serde::de::DeserializeOwned + serde_gob::GobType + std::fmt::Debug>(
                &mut self,
                _: T,
            ) {
                let _ = self.0.decode::<T>();
            }
        }
        corpus::values::visit(name, &mut Quiet(fed(&stream)));
    }

    #[test]
    fn prop_noise_is_values_or_errors(stream: Vec<u8>) {
        let (values, _) = read_all(fed(&stream));
        for value in values {
            let bytes = encode_dynamic(&value);
            prop_assert_eq!(dump(&decode::<Dynamic>(&bytes).unwrap()), dump(&value));
        }
        let mut decoder = fed(&stream);
        while decoder.decode::<Base>().is_err_and(|e| !e.is_incomplete() && !e.is_fatal()) {}
    }
}

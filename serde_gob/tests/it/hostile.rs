//! Bytes that no honest peer sends: a typed error, no panic, bounded stack. (Bounded memory: `tests/memory.rs`.)

use std::collections::BTreeMap;

use serde_gob::{Any, Decoder, Dynamic, Error, GoString, Limits, Type, Value};

use crate::corpus::types::{AnyValue, Point, SelfSlice};
use crate::support::*;
use crate::wire::*;

/// The outcome of each way to read one value.
fn every_way(stream: &[u8]) -> [(&'static str, Result<(), Error>); 6] {
    [
        ("discard", decoder(stream).discard()),
        ("dynamic", decode::<Dynamic>(stream).map(drop)),
        ("any", decode::<Any>(stream).map(drop)),
        ("enum", decode::<Option<AnyValue>>(stream).map(drop)),
        ("slice", decode::<Vec<i64>>(stream).map(drop)),
        ("struct", decode::<Point>(stream).map(drop)),
    ]
}

/// Asserts that every way to read the value says that the bytes are corrupt.
#[track_caller]
fn corrupt(stream: &[u8]) {
    for (way, outcome) in every_way(stream) {
        let error = outcome.expect_err(way);
        assert!(error.is_corrupt(), "{way}: {error:?}");
    }
}

/// Discarding a value looks into it only as far as it has to in order to find its end: what is wrong further
/// inside is passed over, and the stream goes on.
#[track_caller]
fn passed_over_or_corrupt(stream: &[u8]) {
    let mut decoder = decoder(stream);
    match decoder.discard() {
        Ok(()) => {
            decoder.feed(&encode(&5_i64));
            assert_eq!(decoder.decode::<i64>().unwrap(), 5);
        }
        Err(error) => assert!(error.is_corrupt(), "{error:?}"),
    }
}

#[test]
fn a_message_length_above_the_limit_is_refused_before_the_message_arrives() {
    for length in [(1 << 30) + 1, 1 << 33, u64::MAX / 2, u64::MAX] {
        let error = decoder(&Wire::new().uint(length).0).ready().unwrap_err();
        assert!(error.is_fatal() && (error.is_limit() || error.is_corrupt()), "{length}: {error:?}");
    }
    let mut small = Decoder::with_limits(Limits::default().message_size(100));
    small.feed(&Wire::new().uint(101).0);
    let error = small.ready().unwrap_err();
    assert!(error.is_limit() && error.is_fatal(), "{error:?}");
}

#[test]
fn a_message_as_large_as_allowed_goes_through_and_one_byte_more_does_not() {
    // Before the text come the type, a zero and its length.
    for (length, fits) in [(97, true), (98, false)] {
        let (limits, text) = (Limits::default().message_size(100), "x".repeat(length));
        let sent = serde_gob::Encoder::with_limits(limits.clone()).encode(&text, &mut Vec::new());
        assert_eq!(sent.map_err(|error| error.is_limit()), if fits { Ok(()) } else { Err(true) });
        let mut decoder = Decoder::with_limits(limits);
        decoder.feed(&encode(&text));
        let read = decoder.decode::<String>().map_err(|error| error.is_limit());
        assert_eq!(read, if fits { Ok(text) } else { Err(true) });
    }
}

#[test]
fn a_type_id_nobody_defined_is_corrupt_every_time() {
    for id in [0, 9, 15, 24, 63, 64, 1000, i64::from(i32::MAX), i64::MAX, i64::MIN + 1] {
        if id == 0 {
            corrupt(&Wire::new().message(Wire::new().int(0).uint(0).uint(0)).0);
        } else if id > 0 {
            corrupt(&Wire::new().singleton(id, Wire::new().uint(0)).0);
        }
    }
}

#[test]
fn type_id_zero_is_corrupt_twice_in_a_row() {
    let zero = Wire::new().message(Wire::new().int(0).uint(0));
    let mut decoder = decoder(&zero.clone().raw(&zero.0).0);
    for _ in 0..2 {
        let error = decoder.decode::<i64>().unwrap_err();
        assert!(error.is_corrupt(), "{error:?}");
        assert_eq!(error.to_string(), "gob: unknown type id or corrupted data");
    }
}

#[test]
fn an_empty_message_is_not_a_panic() {
    for (way, outcome) in every_way(&[0]) {
        assert!(outcome.is_err(), "{way}");
    }
    for (way, outcome) in every_way(&[0, 0, 0]) {
        assert!(outcome.is_err(), "{way}");
    }
}

#[test]
fn a_second_definition_of_a_type_is_refused() {
    let point = encode(&Point { x: 1, y: 2 });
    // A second stream through the same decoder.
    let mut decoder = decoder(&point);
    decoder.decode::<Point>().unwrap();
    decoder.feed(&point);
    let error = decoder.decode::<Point>().unwrap_err();
    assert!(error.is_corrupt(), "{error:?}");
    assert_eq!(error.to_string(), "gob: duplicate type received");
    // The predefined types and those that describe types cannot be defined either.
    for id in [INT, INTERFACE, 16, 23] {
        corrupt(&Wire::new().slice_type(id, INT).0);
    }
}

#[test]
fn a_definition_that_is_no_type_is_corrupt() {
    let define = |body: Wire| Wire::new().message(Wire::new().int(-FIRST).raw(&body.0));
    // Nothing in it.
    corrupt(&define(Wire::new().uint(0)).singleton(FIRST, Wire::new().uint(0)).0);
    // A field number past the end of wireType, and one that overflows.
    corrupt(&define(Wire::new().uint(8).uint(0)).0);
    corrupt(&define(Wire::new().uint(u64::MAX).uint(0)).0);
    // Bytes after it.
    corrupt(&define(Wire::new().raw(&hex("02 01 02 ff80 00 01 04 00 00")).uint(0)).0);
    // Cut short within its message.
    corrupt(&define(Wire::new().raw(&hex("02 01 02 ff80 00 01"))).0);
    // An array of negative length.
    corrupt(&Wire::new().array_type(FIRST, INT, -1).singleton(FIRST, Wire::new().uint(0)).0);
}

#[test]
fn a_type_of_undefined_elements_is_corrupt() {
    corrupt(&Wire::new().slice_type(FIRST, 1000).singleton(FIRST, Wire::new().uint(1).uint(0)).0);
    corrupt(&Wire::new().struct_type(FIRST, &[("X", 1000)]).value(FIRST, Wire::new().uint(1).uint(0)).0);
    corrupt(&Wire::new().map_type(FIRST, STRING, 0).singleton(FIRST, Wire::new().uint(1).text("k")).0);
}

#[test]
fn field_numbers_past_the_end_or_overflowing_are_corrupt() {
    let point = Wire::new().struct_type(FIRST, &[("X", INT), ("Y", INT)]);
    for delta in
        [3, 1000, i32::MAX as u64, u64::from(u32::MAX), (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX]
    {
        let stream = point.clone().value(FIRST, Wire::new().uint(delta).int(1).uint(0)).0;
        for stream in [
            stream,
            // After a good field, so that adding the delta to its number overflows.
            point.clone().value(FIRST, Wire::new().uint(1).int(1).uint(delta).int(1).uint(0)).0,
        ] {
            passed_over_or_corrupt(&stream);
            for error in [refusal::<Dynamic>(&stream), refusal::<Point>(&stream)] {
                assert!(error.is_corrupt(), "{delta}: {error:?}");
                assert_eq!(error.to_string(), "gob: bad data: field numbers out of bounds");
            }
        }
    }
}

#[test]
fn lengths_beyond_the_message_are_corrupt() {
    for length in [2, 100, 1 << 20, 1 << 31, 1 << 33, 1 << 62, u64::MAX] {
        let body = || Wire::new().uint(length).raw(&[1]);
        let text = Wire::new().singleton(STRING, body()).0;
        assert!(refusal::<String>(&text).is_corrupt());
        let bytes = Wire::new().singleton(BYTES, body()).0;
        assert!(refusal::<Vec<u8>>(&bytes).is_corrupt());
        let slice = Wire::new().slice_type(FIRST, INT).singleton(FIRST, body()).0;
        assert!(refusal::<Vec<i64>>(&slice).is_corrupt());
        let map = Wire::new().map_type(FIRST, INT, INT).singleton(FIRST, body()).0;
        assert!(refusal::<BTreeMap<i64, i64>>(&map).is_corrupt());
        let name = Wire::new().singleton(INTERFACE, body()).0;
        assert!(refusal::<Option<AnyValue>>(&name).is_corrupt());
        for stream in [text, bytes, slice, map, name] {
            assert!(refusal::<Dynamic>(&stream).is_corrupt());
            passed_over_or_corrupt(&stream);
        }
    }
}

#[test]
fn an_array_must_have_the_length_of_its_type() {
    for count in [0, 2, 4, 1 << 40] {
        let stream = Wire::new()
            .array_type(FIRST, INT, 3)
            .singleton(FIRST, Wire::new().uint(count).int(1).int(2).int(3).int(4))
            .0;
        passed_over_or_corrupt(&stream);
        for error in [refusal::<Dynamic>(&stream), refusal::<[i64; 3]>(&stream)] {
            assert!(error.is_corrupt(), "{count}: {error:?}");
        }
    }
}

#[test]
fn an_array_type_of_absurd_length_holds_nothing() {
    let stream =
        Wire::new().array_type(FIRST, INT, i64::MAX).singleton(FIRST, Wire::new().uint(u64::MAX >> 1)).0;
    assert!(refusal::<Dynamic>(&stream).is_corrupt());
    passed_over_or_corrupt(&stream);
}

/// `type 64 []65; type 65 []66; …; type 64+n-1 []int` and then a value of `levels` nested slices.
fn chain_of_slices(types: i64, levels: usize) -> Vec<u8> {
    let mut wire = Wire::new();
    for n in 0..types {
        wire = wire.slice_type(FIRST + n, if n == types - 1 { INT } else { FIRST + n + 1 });
    }
    wire.singleton(FIRST, Wire::new().raw(&vec![1; levels]).uint(0)).0
}

/// Runs on a stack of the size that Rust gives a thread, whatever `RUST_MIN_STACK` says.
fn on_a_normal_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("spawns");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_slice_types_does_not_overflow_the_stack() {
    on_a_normal_stack(|| {
        for (way, outcome) in every_way(&chain_of_slices(100_000, 99_999)) {
            let error = outcome.expect_err(way);
            assert!(error.is_limit(), "{way}: {error:?}");
        }
        let limits = Limits::default().types(1 << 20).type_bytes(1 << 30);
        for levels in [0, 99_999] {
            let stream = chain_of_slices(100_000, levels);
            let mut dynamic = Decoder::with_limits(limits.clone());
            let mut discard = Decoder::with_limits(limits.clone());
            let mut typed = Decoder::with_limits(limits.clone());
            dynamic.feed(&stream);
            discard.feed(&stream);
            typed.feed(&stream);
            // Any outcome but a crash; what is deep has to be refused.
            let dynamic = dynamic.decode::<Dynamic>();
            let discarded = discard.discard();
            let typed = typed.decode::<SelfSlice>();
            discarded.unwrap();
            if levels > 0 {
                assert!(dynamic.unwrap_err().is_limit());
                assert!(typed.is_err());
            }
        }
    });
}

#[test]
fn values_are_read_down_to_the_depth_limit_and_no_further() {
    on_a_normal_stack(|| {
        let recursive = |levels: usize| {
            let value = Wire::new().raw(&vec![1; levels - 1]).uint(0);
            Wire::new().slice_type(FIRST, FIRST).singleton(FIRST, value).0
        };
        let deepest = recursive(Limits::DEPTH);
        decode::<Dynamic>(&deepest).unwrap();
        decode::<SelfSlice>(&deepest).unwrap();
        decoder(&deepest).discard().unwrap();
        for levels in [Limits::DEPTH + 1, 1_000_000] {
            let deep = recursive(levels);
            // Nothing is recursive about passing over it.
            decoder(&deep).discard().unwrap();
            for error in [refusal::<Dynamic>(&deep), refusal::<SelfSlice>(&deep)] {
                assert!(error.is_limit() && !error.is_fatal(), "{levels}: {error:?}");
            }
        }
    });
}

#[test]
fn interfaces_in_interfaces_are_read_down_to_the_depth_limit_and_no_further() {
    on_a_normal_stack(|| {
        // interface → []interface{} → interface → …
        let nested = |levels: usize| {
            let mut body = Wire::new().uint(0);
            for _ in 0..levels {
                let inner = Wire::new().uint(0).uint(1).raw(&body.0);
                body = Wire::new().text("L").int(FIRST).uint(inner.0.len() as u64).raw(&inner.0);
            }
            Wire::new().slice_type(FIRST, INTERFACE).singleton(INTERFACE, body).0
        };
        decode::<Dynamic>(&nested(100)).unwrap();
        decoder(&nested(100)).discard().unwrap();
        let deep = nested(2_000);
        for error in [decoder(&deep).discard().unwrap_err(), refusal::<Dynamic>(&deep), refusal::<Any>(&deep)]
        {
            assert!(error.is_limit(), "{error:?}");
        }
    });
}

#[test]
fn a_long_interface_name_is_refused() {
    let named = |length| {
        let content = Wire::new().text(vec![b'A'; length]).int(INT).uint(2).uint(0).int(3);
        Wire::new().singleton(INTERFACE, content).0
    };
    decode::<Any>(&named(1024)).unwrap();
    let error = refusal::<Any>(&named(1025));
    assert!(error.is_corrupt() && error.to_string().contains("name too long (1025 bytes)"), "{error}");
    assert!(decoder(&named(1025)).discard().unwrap_err().is_corrupt());
}

#[test]
fn a_string_that_is_not_utf8_is_refused_by_string_and_kept_by_the_others() {
    let stream = Wire::new().singleton(STRING, Wire::new().text(b"a\xff\xfeb")).0;
    let error = refusal::<String>(&stream);
    assert!(error.is_value() && !error.is_fatal(), "{error:?}");
    let value: Dynamic = decode(&stream).unwrap();
    assert_eq!(show(&encode_dynamic(&value)), show(&stream));
    assert_eq!(decode::<GoString>(&stream).unwrap().as_ref(), b"a\xff\xfeb");
}

#[test]
fn names_that_are_not_utf8_are_no_panic() {
    let field = Wire::new().message(
        // struct { "\xff" int }
        Wire::new().int(-FIRST).raw(&hex("03 01 02 ff80 00 01 01 01 01 ff 01 04 00 00 00")),
    );
    let stream = field.value(FIRST, Wire::new().uint(1).int(5).uint(0)).0;
    for (way, outcome) in every_way(&stream) {
        if let Err(error) = outcome {
            assert!(!error.to_string().is_empty(), "{way}");
        }
    }
    let interface =
        Wire::new().singleton(INTERFACE, Wire::new().text(b"\xff").int(INT).uint(2).uint(0).int(3)).0;
    for (way, outcome) in every_way(&interface) {
        if let Err(error) = outcome {
            assert!(!error.to_string().is_empty(), "{way}");
        }
    }
}

#[test]
fn a_type_with_two_fields_of_one_name_is_corrupt() {
    let fields = [("X", INT), ("Y", STRING), ("X", STRING)];
    corrupt(&Wire::new().struct_type(FIRST, &fields).value(FIRST, Wire::new().uint(1).int(1).uint(0)).0);
}

#[test]
fn a_zero_that_is_sent_all_the_same_is_read() {
    // Go leaves zero fields out; another sender need not.
    let stream = Wire::new()
        .struct_type(FIRST, &[("X", INT), ("Y", INT)])
        .value(FIRST, Wire::new().uint(1).int(22).uint(1).int(0).uint(0))
        .0;
    assert_eq!(decode::<Point>(&stream).unwrap(), Point { x: 22, y: 0 });
    let dynamic: Dynamic = decode(&stream).unwrap();
    assert_eq!(decode::<Point>(&encode_dynamic(&dynamic)).unwrap(), Point { x: 22, y: 0 });
}

#[test]
fn the_announced_length_of_an_interface_is_not_relied_on() {
    // Go ignores it too, when it decodes: a definition inside the value makes it wrong anyway.
    for announced in [0, 1, 2, 3, 1000, u64::MAX] {
        let content = Wire::new().text("int").int(INT).uint(announced).uint(0).int(5);
        let stream = Wire::new().singleton(INTERFACE, content).0;
        assert_eq!(decode::<Any>(&stream).unwrap(), Any::new("int", Type::int(), Value::Int(5)));
        assert_eq!(decode::<Option<AnyValue>>(&stream).unwrap(), Some(AnyValue::Int(5)));
        decoder(&stream).discard().unwrap();
    }
}

#[test]
fn more_types_than_the_limit_are_refused() {
    let mut decoder = Decoder::with_limits(Limits::default().types(3));
    let mut stream = Wire::new();
    for n in 0..3 {
        stream = stream.slice_type(FIRST + n, INT);
    }
    decoder.feed(&stream.clone().singleton(FIRST, Wire::new().uint(0)).0);
    decoder.discard().unwrap();
    decoder.feed(&Wire::new().slice_type(FIRST + 3, INT).0);
    let error = decoder.ready().unwrap_err();
    assert!(error.is_limit(), "{error:?}");
}

/// Where each byte of a stream changes in six ways; Go's test tries 85, and the fuzz targets more.
#[test]
fn no_single_changed_byte_is_a_panic() {
    let streams: Vec<_> = crate::corpus::golden::load()
        .entries
        .into_iter()
        .filter(|e| {
            ["medium", "iface_nested", "iface_map_any_many", "opaque_types", "scalars_full"]
                .contains(&&*e.name)
        })
        .collect();
    assert_eq!(streams.len(), 5);
    for entry in streams {
        for at in 0..entry.gob.len() {
            for change in (0..=255_u8).step_by(51) {
                let mut changed = entry.gob.clone();
                changed[at] ^= change;
                let mut typed = Quiet(decoder(&changed));
                crate::corpus::values::visit(&entry.name, &mut typed);
                let _ = decode::<Dynamic>(&changed);
                let _ = decoder(&changed).discard();
            }
        }
    }
}

/// Decodes each value and ignores what comes out.
struct Quiet(Decoder);

impl crate::corpus::Visit for Quiet {
    fn value<T: serde::Serialize + serde::de::DeserializeOwned + serde_gob::GobType + std::fmt::Debug>(
        &mut self,
        _: T,
    ) {
        let _ = self.0.decode::<T>();
    }
}

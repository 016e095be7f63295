//! How much memory decoding takes: never more than what has arrived calls for.
//!
//! A binary of its own, because it counts every allocation of the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_gob::{Any, Decoder, Dynamic, Encoder, GobType, Limits};

// Shared with the other tests, which need other parts of it.
#[allow(dead_code)]
#[path = "it/wire.rs"]
mod wire;

use wire::*;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What may be allocated whatever arrives: small buffers, tables, and the test harness beside us.
const SMALL: usize = 256 << 10;

/// One test at a time, preparation included: what others allocate would count.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most bytes that `work` held at once beyond what was held before.
fn peak(work: impl FnOnce()) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    work();
    HEAP.peak_usage().saturating_sub(before)
}

/// Asserts a bound for each way to decode `stream`.
#[track_caller]
fn bounded(stream: &[u8], limits: &Limits, most: usize) {
    let decoder = || {
        let mut decoder = Decoder::with_limits(limits.clone());
        decoder.feed(stream);
        decoder
    };
    for (way, used) in [
        ("discard", peak(|| drop(decoder().discard()))),
        ("dynamic", peak(|| drop(decoder().decode::<Dynamic>()))),
        ("any", peak(|| drop(decoder().decode::<Any>()))),
        ("vec", peak(|| drop(decoder().decode::<Vec<i64>>()))),
        ("vec of vecs", peak(|| drop(decoder().decode::<Vec<Vec<String>>>()))),
        ("hash map", peak(|| drop(decoder().decode::<HashMap<i64, i64>>()))),
        ("tree map", peak(|| drop(decoder().decode::<BTreeMap<i64, String>>()))),
        ("string", peak(|| drop(decoder().decode::<String>()))),
        ("bytes", peak(|| drop(decoder().decode::<ByteBuf>()))),
    ] {
        assert!(used <= most, "{way} of {} bytes took {used}, more than {most}", stream.len());
    }
}

#[test]
fn a_map_header_of_23_bytes_allocates_nothing_much() {
    let _alone = alone();
    // Go makes room for all 2^24 entries at once: 577 MiB.
    let stream = Wire::new().map_type(FIRST, INT, INT).singleton(FIRST, Wire::new().uint(1 << 24)).0;
    assert_eq!(stream.len(), 23);
    bounded(&stream, &Limits::default(), SMALL);
}

#[test]
fn counts_beyond_the_message_allocate_nothing_much() {
    let _alone = alone();
    for count in [1 << 10, 1 << 24, 1 << 31, 1 << 40, u64::MAX] {
        let body = || Wire::new().uint(count).raw(&[2]);
        for stream in [
            Wire::new().slice_type(FIRST, INT).singleton(FIRST, body()),
            Wire::new().slice_type(FIRST, FIRST).singleton(FIRST, body()),
            Wire::new().map_type(FIRST, INT, STRING).singleton(FIRST, body()),
            Wire::new().array_type(FIRST, INT, (count >> 1) as i64).singleton(FIRST, body()),
            Wire::new().singleton(STRING, body()),
            Wire::new().singleton(BYTES, body()),
            Wire::new().singleton(INTERFACE, body()),
        ] {
            bounded(&stream.0, &Limits::default(), SMALL);
        }
    }
}

#[test]
fn a_message_length_alone_allocates_nothing_much() {
    let _alone = alone();
    for length in [1 << 20, 1 << 29, Limits::MESSAGE_SIZE as u64, 1 << 40] {
        bounded(&Wire::new().uint(length).raw(&[0; 10]).0, &Limits::default(), SMALL);
    }
}

#[test]
fn a_large_message_is_buffered_as_it_arrives() {
    let _alone = alone();
    let mut decoder = Decoder::new();
    decoder.feed(&Wire::new().uint(1 << 29).0);
    let mut fed = 0;
    for _ in 0..64 {
        let used = peak(|| {
            decoder.feed(&[0; 4096]);
            assert!(!decoder.ready().expect("incomplete"));
        });
        fed += 4096;
        // A growing buffer may double, and holds the old one while it copies.
        assert!(used <= 3 * fed + SMALL, "{used} for {fed} bytes");
    }
}

/// `n` struct types, each with two fields of the next one: 2^n leaves for who expands them.
fn doubling_types(n: i64) -> Wire {
    (0..n).fold(Wire::new(), |wire, level| {
        let next = if level == n - 1 { INT } else { FIRST + level + 1 };
        wire.struct_type(FIRST + level, &[("A", next), ("B", next)])
    })
}

#[test]
fn a_message_of_625_bytes_whose_types_double_allocates_nothing_much() {
    let _alone = alone();
    // Another implementation expands them: 1.1 GB and two seconds for these 625 bytes.
    let plain = doubling_types(24).value(FIRST, Wire::new().uint(0)).0;
    assert!((590..=660).contains(&plain.len()), "{}", plain.len());
    bounded(&plain, &Limits::default(), SMALL);
    let dynamic = doubling_types(24).singleton(INTERFACE, Wire::new().text("T").int(FIRST).uint(1).uint(0)).0;
    bounded(&dynamic, &Limits::default(), SMALL);
}

#[test]
fn doubling_types_can_be_encoded_again() {
    let _alone = alone();
    let stream = doubling_types(24).singleton(INTERFACE, Wire::new().text("T").int(FIRST).uint(1).uint(0)).0;
    let used = peak(|| {
        let mut decoder = Decoder::new();
        decoder.feed(&stream);
        let any: Any = decoder.decode().expect("valid");
        let bytes = serde_gob::to_vec(&any).expect("encodes");
        assert!(bytes.len() < 2 * stream.len(), "{}", bytes.len());
        assert_eq!(any, any.clone());
        drop(format!("{any:?} {:?}", any.ty()));
    });
    assert!(used <= SMALL, "{used}");
}

#[test]
fn a_type_whose_text_would_be_huge_is_cut_short_in_errors() {
    let _alone = alone();
    // Three levels of structs with a thousand fields: a billion fields for who spells them out.
    let wide = |id, next| {
        let names: Vec<String> = (0..1000).map(|n| format!("F{n}")).collect();
        let fields: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), next)).collect();
        Wire::new().struct_type(id, &fields)
    };
    let types = wide(FIRST, FIRST + 1).raw(&wide(FIRST + 1, FIRST + 2).0).raw(&wide(FIRST + 2, INT).0);
    let plain = types.clone().value(FIRST, Wire::new().uint(0)).0;
    bounded(&plain, &Limits::default(), 4 << 20);
    let dynamic = types.singleton(INTERFACE, Wire::new().text("T").int(FIRST).uint(1).uint(0)).0;
    bounded(&dynamic, &Limits::default(), 4 << 20);
    let used = peak(|| {
        let any: Any = serde_gob::from_slice(&dynamic).expect("valid");
        drop(format!("{:?}", any.ty()));
    });
    assert!(used <= 4 << 20, "{used}");
}

#[test]
fn a_map_type_whose_text_doubles_at_each_level_is_cut_short() {
    let _alone = alone();
    let types = |levels: i64| {
        (0..levels).fold(Wire::new(), |wire, level| {
            let next = if level == levels - 1 { STRING } else { FIRST + level + 1 };
            wire.map_type(FIRST + level, next, next)
        })
    };
    let plain = types(40).singleton(FIRST, Wire::new().uint(0)).0;
    bounded(&plain, &Limits::default(), SMALL);
    let dynamic: Dynamic = serde_gob::from_slice(&plain).expect("valid");
    assert!(format!("{:?}", dynamic.ty).len() < 10_000);
}

#[test]
fn types_that_are_cycles_of_coprime_lengths_are_compared_without_trying_all_pairs() {
    let _alone = alone();
    let cycle = |length: i64| {
        let wire =
            (0..length).fold(Wire::new(), |wire, n| wire.slice_type(FIRST + n, FIRST + (n + 1) % length));
        let stream = wire.singleton(FIRST, Wire::new().uint(0)).0;
        serde_gob::from_slice::<Dynamic>(&stream).expect("valid").ty
    };
    let (one, other) = (cycle(2_000), cycle(1_999));
    let used = peak(|| assert_eq!(one, other));
    assert!(used <= 1 << 20, "{used}");
}

#[test]
fn a_table_of_a_million_types_is_refused_at_the_limit() {
    let _alone = alone();
    let mut wire = Wire::new();
    for n in 0..1_000_000 {
        wire = wire.slice_type(FIRST + n, INT);
    }
    let stream = wire.singleton(FIRST, Wire::new().uint(0)).0;
    let used = peak(|| {
        let mut decoder = Decoder::new();
        let mut refused = None;
        for piece in stream.chunks(4096) {
            decoder.feed(piece);
            if let Err(error) = decoder.ready() {
                refused = Some(error);
                break;
            }
        }
        let error = refused.expect("over the limit");
        assert!(error.is_limit(), "{error:?}");
    });
    // 65,536 definitions of 13 bytes, and what is kept of each.
    assert!(used <= 24 << 20, "{used}");
}

#[test]
fn a_type_with_a_million_fields_is_bounded_by_its_bytes() {
    let _alone = alone();
    let fields: Vec<(String, i64)> = (0..1_000_000).map(|n| (format!("F{n}"), INT)).collect();
    let fields: Vec<(&str, i64)> = fields.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
    let stream = Wire::new().struct_type(FIRST, &fields).value(FIRST, Wire::new().uint(0)).0;
    bounded(&stream, &Limits::default(), 16 * stream.len());
}

#[test]
fn definitions_beyond_their_limit_are_refused_before_they_are_kept() {
    let _alone = alone();
    // 12 MB of fields of three bytes each (no name, one type), for a limit of 1 MiB.
    let limits = Limits::default().type_bytes(1 << 20);
    let fields = 4_000_000;
    let body = Wire::new().int(-FIRST).raw(&[3, 1, 2]).int(FIRST).raw(&[0, 1]).uint(fields);
    let body = body.raw(&[2, 4, 0].repeat(fields as usize)).raw(&[0, 0]);
    let stream = Wire::new().message(body).0;
    let used = peak(|| {
        let mut decoder = Decoder::with_limits(limits);
        decoder.feed(&stream);
        let error = decoder.ready().expect_err("over the limit");
        assert!(error.is_limit(), "{error:?}");
    });
    // A field takes 24 bytes, and a vector that grows doubles.
    let most = stream.len() + 32 * (1 << 20);
    assert!(used <= most, "{used} for {} bytes", stream.len());
}

#[test]
fn elements_of_wide_structs_do_not_make_room_for_their_absent_fields() {
    let _alone = alone();
    // Each element is one byte (a terminator), its type has a thousand fields.
    let fields: Vec<String> = (0..1000).map(|n| format!("F{n}")).collect();
    let fields: Vec<(&str, i64)> = fields.iter().map(|name| (name.as_str(), STRING)).collect();
    let body = Wire::new().uint(100_000).raw(&[0; 100_000]);
    let stream =
        Wire::new().struct_type(FIRST, &fields).slice_type(FIRST + 1, FIRST).singleton(FIRST + 1, body).0;
    bounded(&stream, &Limits::default(), 128 * stream.len());
}

#[test]
fn dynamic_values_take_a_bounded_number_of_bytes_per_byte() {
    let _alone = alone();
    let body = |elem: &[u8]| Wire::new().uint(100_000).raw(&elem.repeat(100_000));
    for stream in [
        Wire::new().slice_type(FIRST, BOOL).singleton(FIRST, body(&[1])),
        Wire::new().slice_type(FIRST, STRING).singleton(FIRST, body(&[0])),
        Wire::new().slice_type(FIRST, INTERFACE).singleton(FIRST, body(&[0])),
        Wire::new().slice_type(FIRST, FIRST).singleton(FIRST, body(&[0])),
        Wire::new().map_type(FIRST, UINT, UINT).singleton(FIRST, body(&[1, 1])),
    ] {
        bounded(&stream.0, &Limits::default(), 128 * stream.0.len());
    }
}

#[test]
fn many_interface_values_share_their_type() {
    let _alone = alone();
    // Each names a struct type of 100 fields: the type is held once, not 10,000 times.
    let fields: Vec<String> = (0..100).map(|n| format!("F{n}")).collect();
    let fields: Vec<(&str, i64)> = fields.iter().map(|name| (name.as_str(), INT)).collect();
    let elem = Wire::new().text("T").int(FIRST + 1).uint(1).uint(0);
    let body = Wire::new().uint(10_000).raw(&elem.0.repeat(10_000));
    let stream =
        Wire::new().slice_type(FIRST, INTERFACE).struct_type(FIRST + 1, &fields).singleton(FIRST, body).0;
    bounded(&stream, &Limits::default(), 128 * stream.len());
}

#[derive(Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Header {
    service_method: String,
    seq: u64,
    flags: Vec<bool>,
    score: f64,
}

#[test]
fn nothing_is_allocated_to_encode_a_value_of_a_known_type() {
    let _alone = alone();
    let header =
        Header { service_method: "Plugin.Greet".into(), seq: 300, flags: vec![true, false], score: 0.5 };
    let mut encoder = Encoder::new();
    let mut out = Vec::with_capacity(4096);
    encoder.encode(&header, &mut out).expect("encodes");
    // The harness' own thread allocates now and then; not in each of a hundred runs.
    let least = (0..100).map(|_| {
        out.clear();
        peak(|| encoder.encode(&header, &mut out).expect("encodes"))
    });
    assert_eq!(least.min(), Some(0));
}

#[test]
fn a_long_stream_leaves_nothing_behind() {
    let _alone = alone();
    let header = Header { service_method: "Plugin.Greet".into(), seq: 300, flags: vec![true], score: 0.5 };
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    let mut turn = |decoder: &mut Decoder| {
        out.clear();
        encoder.encode(&header, &mut out).expect("encodes");
        decoder.feed(&out);
        decoder.decode::<Header>().expect("decodes");
    };
    turn(&mut decoder);
    let held = HEAP.current_usage();
    for _ in 0..10_000 {
        turn(&mut decoder);
    }
    let now = HEAP.current_usage();
    assert!(now <= held + SMALL, "{held} bytes became {now}");
}

//! Types that write their own bytes: GobEncoder, BinaryMarshaler, `time.Time`, `*big.Int`.

use serde::{Deserialize, Serialize};
use serde_gob::{BigInt, Binary, GobBytes, GobType, Time};

use crate::corpus::types::{Opaques, Point, Texty, Times};
use crate::support::*;

fn gob(bytes: &[u8]) -> GobBytes {
    GobBytes::from(bytes.to_vec())
}

fn binary(bytes: &[u8]) -> Binary {
    Binary::from(bytes.to_vec())
}

#[test]
fn payloads_survive_in_fields_pointers_slices_arrays_and_maps() {
    round_trips(&Opaques {
        v: gob(&[1, 2]),
        t: binary(b"tok:a"),
        w: Some(gob(&[3])),
        vs: vec![gob(&[5, 6]), gob(&[0])],
        mv: Some([(String::from("k"), binary(b"v"))].into()),
        x: Texty { n: 5 },
    });
    round_trips(&One { x: [gob(&[1]), gob(&[2])] });
    round_trips(&One { x: Some(Box::new([binary(&[1])])) });
}

#[test]
fn payloads_survive_at_top_level() {
    round_trips(&gob(&[7, 8]));
    round_trips(&binary(&[7, 8]));
    round_trips(&Time::default());
    round_trips(&BigInt::from(-5_i64));
}

#[test]
fn value_and_pointer_are_the_same_on_the_wire() {
    let value = One { x: gob(&[1, 2]) };
    let pointer = One { x: Some(Box::new(gob(&[1, 2]))) };
    assert_eq!(show(&encode(&value)), show(&encode(&pointer)));
    assert_eq!(resend::<_, One<Option<GobBytes>>>(&value).unwrap().x, Some(gob(&[1, 2])));
    assert_eq!(resend::<_, One<GobBytes>>(&pointer).unwrap().x, gob(&[1, 2]));
}

#[test]
fn a_self_marshalling_sender_and_a_plain_receiver_do_not_interconvert() {
    assert!(resend::<_, Point>(&gob(&[1])).unwrap_err().is_type_mismatch());
    assert!(resend::<_, i64>(&gob(&[1])).unwrap_err().is_type_mismatch());
    assert!(resend::<_, String>(&binary(b"text")).unwrap_err().is_type_mismatch());
    assert!(resend::<_, One<i64>>(&One { x: gob(&[1]) }).unwrap_err().is_type_mismatch());
    assert!(resend::<_, GobBytes>(&Point { x: 1, y: 2 }).unwrap_err().is_type_mismatch());
    assert!(resend::<_, GobBytes>(&bytes(vec![1])).unwrap_err().is_type_mismatch());
    assert!(resend::<_, Time>(&1_i64).unwrap_err().is_type_mismatch());
}

#[test]
fn the_two_kinds_of_payload_do_not_interconvert() {
    assert!(resend::<_, Binary>(&gob(&[1])).unwrap_err().is_type_mismatch());
    assert!(resend::<_, GobBytes>(&binary(&[1])).unwrap_err().is_type_mismatch());
}

#[test]
fn payloads_the_receiver_lacks_are_skipped() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    struct Stamped {
        at: Time,
        raw: Option<Binary>,
        code: GobBytes,
        x: i64,
    }
    let sent = Stamped { at: Time::default(), raw: None, code: gob(&[0; 300]), x: 5 };
    assert_eq!(resend::<_, One<i64>>(&sent).unwrap().x, 5);
    let sent = Stamped { raw: Some(binary(&[1])), ..sent };
    assert_eq!(resend::<_, One<i64>>(&sent).unwrap().x, 5);
}

#[test]
fn zero_structs_with_times_arrays_and_interfaces_are_handled() {
    // A zero time is omitted in a field and sent in a slice.
    round_trips(&Times::default());
    round_trips(&Times { at: Time::default(), opt: None, list: vec![Time::default()] });
}

#[test]
fn a_payload_its_type_refuses_costs_one_value() {
    // `time.Time` of an unknown version.
    let good = encode(&Time::default());
    let mut bad = good.clone();
    let version = bad.len() - 15;
    assert_eq!(bad[version], 1);
    bad[version] = 9;
    let definition = usize::from(good[0]) + 1;
    bad.extend_from_slice(&good[definition..]);
    let mut decoder = decoder(&bad);
    let error = decoder.decode::<Time>().unwrap_err();
    assert!(error.is_value() && !error.is_fatal(), "{error:?}");
    assert_eq!(decoder.decode::<Time>().unwrap(), Time::default());
}

#[test]
fn net_ip_is_plain_bytes() {
    let address = bytes(vec![10, 0, 0, 1]);
    assert_eq!(show(&encode(&address)), "070a00040a000001");
}

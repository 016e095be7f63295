//! How single numbers, strings and bytes travel.

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::{Complex, GobType};

use crate::support::*;

/// An unsigned integer and its bytes, at every border between byte lengths.
const UNSIGNED: &[(u64, &str)] = &[
    (0, "00"),
    (1, "01"),
    (0x7f, "7f"),
    (0x80, "ff 80"),
    (0xff, "ff ff"),
    (0x100, "fe 01 00"),
    (0xffff, "fe ff ff"),
    (0x1_0000, "fd 01 00 00"),
    (0xff_ffff, "fd ff ff ff"),
    (0x100_0000, "fc 01 00 00 00"),
    (0xffff_ffff, "fc ff ff ff ff"),
    (0x1_0000_0000, "fb 01 00 00 00 00"),
    (0xff_ffff_ffff, "fb ff ff ff ff ff"),
    (0x100_0000_0000, "fa 01 00 00 00 00 00"),
    (0xffff_ffff_ffff, "fa ff ff ff ff ff ff"),
    (0x1_0000_0000_0000, "f9 01 00 00 00 00 00 00"),
    (0xff_ffff_ffff_ffff, "f9 ff ff ff ff ff ff ff"),
    (0x100_0000_0000_0000, "f8 01 00 00 00 00 00 00 00"),
    (1 << 63, "f8 80 00 00 00 00 00 00 00"),
    (u64::MAX, "f8 ff ff ff ff ff ff ff ff"),
];

/// A message of a single value: length, type id, zero, value.
fn single(type_id: u8, value: &str) -> Vec<u8> {
    let value = hex(value);
    let mut message = vec![value.len() as u8 + 2, type_id, 0];
    message.extend(value);
    message
}

#[test]
fn unsigned_integers_take_the_fewest_bytes() {
    for &(number, bytes) in UNSIGNED {
        assert_eq!(show(&encode(&number)), show(&single(6, bytes)), "{number}");
        assert_eq!(decode::<u64>(&single(6, bytes)).unwrap(), number);
    }
}

#[test]
fn wider_forms_than_needed_are_read() {
    for bytes in ["ff 03", "fe 00 03", "fc 00 00 00 03", "f8 00 00 00 00 00 00 00 03"] {
        assert_eq!(decode::<u64>(&single(6, bytes)).unwrap(), 3, "{bytes}");
    }
}

#[test]
fn unsigned_integers_survive_over_the_whole_range() {
    let mut n = 1_u64;
    while n < 1 << 63 {
        for number in [n - 1, n, n + 1] {
            round_trips(&number);
        }
        n += n / 3 + 1;
    }
}

#[test]
fn signed_integers_survive_over_the_whole_range() {
    round_trips(&i64::MIN);
    let mut n = 1_i64;
    while n < 1 << 62 {
        for number in [n, -n, !n] {
            round_trips(&number);
        }
        n += n / 3 + 1;
    }
    round_trips(&i64::MAX);
}

#[test]
fn signed_integers_keep_the_sign_in_the_lowest_bit() {
    for (number, bytes) in [
        (0_i64, "00"),
        (-1, "01"),
        (1, "02"),
        (63, "7e"),
        (64, "ff 80"),
        (-64, "7f"),
        (-65, "ff 81"),
        (-129, "fe 01 01"),
        (i64::MAX, "f8 ff ff ff ff ff ff ff fe"),
        (i64::MIN, "f8 ff ff ff ff ff ff ff ff"),
    ] {
        assert_eq!(show(&encode(&number)), show(&single(4, bytes)), "{number}");
        assert_eq!(decode::<i64>(&single(4, bytes)).unwrap(), number);
    }
}

#[test]
fn floats_are_byte_reversed_bits() {
    for (number, bytes) in [
        (0.0, "00"),
        (1.0, "fe f0 3f"),
        (17.0, "fe 31 40"),
        (-1.5, "fe f8 bf"),
        (f64::INFINITY, "fe f0 7f"),
        (-0.0, "ff 80"),
    ] {
        assert_eq!(show(&encode(&number)), show(&single(8, bytes)), "{number}");
        assert_eq!(decode::<f64>(&single(8, bytes)).unwrap().to_bits(), number.to_bits());
    }
}

/// The value part of `One { x }`: the last message, without length, type id and terminator.
fn field_bytes<T: Serialize + DeserializeOwned + GobType + std::fmt::Debug>(x: T) -> String {
    let one = One { x };
    round_trips(&one);
    let bytes = encode(&one);
    let definition = usize::from(bytes[0]) + 1;
    let value = &bytes[definition..];
    assert_eq!(usize::from(value[0]) + 1, value.len(), "one definition and one value: {}", show(&bytes));
    let type_id = if value[1] < 128 { 1 } else { 1 + usize::from(value[1].wrapping_neg()) };
    assert_eq!(value.last(), Some(&0));
    show(&value[1 + type_id..value.len() - 1])
}

#[test]
fn a_field_is_its_delta_and_its_value() {
    assert_eq!(field_bytes(true), "0101");
    for bytes in
        [field_bytes(6_i8), field_bytes(6_i16), field_bytes(6_i32), field_bytes(6_i64), field_bytes(6_isize)]
    {
        assert_eq!(bytes, "010c");
    }
    for bytes in
        [field_bytes(6_u8), field_bytes(6_u16), field_bytes(6_u32), field_bytes(6_u64), field_bytes(6_usize)]
    {
        assert_eq!(bytes, "0106");
    }
    assert_eq!(field_bytes(17_f32), "01fe3140");
    assert_eq!(field_bytes(17_f64), "01fe3140");
    assert_eq!(field_bytes(Complex::new(17.0, 18.0)), "01fe3140fe3240");
    assert_eq!(field_bytes(bytes("hello")), "010568656c6c6f");
    assert_eq!(field_bytes(String::from("hello")), "010568656c6c6f");
    assert_eq!(field_bytes('c'), "01ffc6");
}

#[test]
fn the_same_bytes_are_read_into_every_width() {
    let signed = encode(&One { x: 6_i64 });
    assert_eq!(decode::<One<i8>>(&signed).unwrap().x, 6);
    assert_eq!(decode::<One<i16>>(&signed).unwrap().x, 6);
    assert_eq!(decode::<One<i32>>(&signed).unwrap().x, 6);
    assert_eq!(decode::<One<isize>>(&signed).unwrap().x, 6);
    let unsigned = encode(&One { x: 6_u64 });
    assert_eq!(decode::<One<u8>>(&unsigned).unwrap().x, 6);
    assert_eq!(decode::<One<u16>>(&unsigned).unwrap().x, 6);
    assert_eq!(decode::<One<u32>>(&unsigned).unwrap().x, 6);
    assert_eq!(decode::<One<usize>>(&unsigned).unwrap().x, 6);
    let float = encode(&One { x: 17_f64 });
    assert_eq!(decode::<One<f32>>(&float).unwrap().x, 17.0);
}

#[test]
fn every_scalar_survives_at_top_level() {
    round_trips(&true);
    round_trips(&false);
    round_trips(&i8::MIN);
    round_trips(&i16::MIN);
    round_trips(&i32::MIN);
    round_trips(&u8::MAX);
    round_trips(&u16::MAX);
    round_trips(&u32::MAX);
    round_trips(&f32::MAX);
    round_trips(&f64::MIN_POSITIVE);
    round_trips(&f64::NAN);
    round_trips(&Complex::new(-0.0, f64::NEG_INFINITY));
    round_trips(&'世');
    round_trips(&String::from("héllo"));
    round_trips(&bytes(vec![0, 255, 128]));
}

//! Bytes arrive in pieces, streams end early, values are discarded.

use serde_gob::{Decoder, Dynamic};

use crate::corpus::golden;
use crate::corpus::types::{AnyValue, Point, Wrap};
use crate::support::*;

/// A value of two messages (a definition inside an interface) after a definition.
fn wrap_then_point() -> Vec<u8> {
    golden::load().entries.into_iter().find(|e| e.name == "iface_nested").expect("in the corpus").gob
}

#[test]
fn every_prefix_of_a_golden_stream_is_incomplete_and_never_corrupt() {
    for entry in golden::load().entries {
        let borders: Vec<usize> = entry
            .parts()
            .iter()
            .scan(0, |end, part| {
                *end += part.len();
                Some(*end)
            })
            .collect();
        for cut in 0..entry.gob.len() {
            let whole = borders.iter().filter(|b| **b <= cut).count();
            let mut values = decoder(&entry.gob[..cut]);
            let mut discards = decoder(&entry.gob[..cut]);
            for _ in 0..whole {
                values.decode::<Dynamic>().unwrap();
                discards.discard().unwrap();
            }
            for mut decoder in [values, discards] {
                assert!(!decoder.ready().unwrap(), "{} cut at {cut}", entry.name);
                let error = decoder.decode::<Dynamic>().unwrap_err();
                assert!(error.is_incomplete() && !error.is_fatal(), "{} cut at {cut}: {error:?}", entry.name);
                // Go's io.EOF at a border between values, io.ErrUnexpectedEOF anywhere else.
                assert_eq!(
                    decoder.is_idle(),
                    cut == 0 || borders.contains(&cut),
                    "{} cut at {cut}",
                    entry.name
                );
            }
        }
    }
}

#[test]
fn golden_streams_decode_alike_in_one_piece_and_byte_by_byte() {
    for entry in golden::load().entries {
        let mut whole = decoder(&entry.gob);
        let mut bytewise = Decoder::new();
        let mut bytes = entry.gob.iter();
        for _ in &entry.values {
            while !bytewise.ready().unwrap() {
                bytewise.feed(&[*bytes.next().expect("a whole value is in the stream")]);
            }
            assert_eq!(
                format!("{:?}", bytewise.decode::<Dynamic>().unwrap()),
                format!("{:?}", whole.decode::<Dynamic>().unwrap()),
                "{}",
                entry.name
            );
        }
        assert!(bytes.next().is_none(), "{}: ready before the last byte", entry.name);
    }
}

#[test]
fn an_incomplete_value_is_decoded_once_the_rest_is_there() {
    let stream = wrap_then_point();
    let mut decoder = Decoder::new();
    for piece in stream.chunks(7) {
        assert!(decoder.decode::<Wrap>().unwrap_err().is_incomplete());
        decoder.feed(piece);
    }
    let wrap: Wrap = decoder.decode().unwrap();
    assert!(matches!(wrap.v, Some(AnyValue::Box(_))), "{wrap:?}");
}

#[test]
fn a_large_value_fed_in_tiny_pieces_is_not_scanned_from_its_start_each_time() {
    // 300,000 bytes one by one: starting over each time would read 45 GB.
    let bytes = bytes(vec![7; 300_000]);
    let mut decoder = Decoder::new();
    for byte in encode(&bytes) {
        assert!(!decoder.ready().unwrap());
        decoder.feed(&[byte]);
    }
    assert!(decoder.decode::<Vec<u8>>().unwrap() == bytes);
}

#[test]
fn a_value_of_many_messages_is_not_scanned_from_its_start_for_each() {
    // Go splits a value at every definition inside it: 20,000 types make 20,001 pieces.
    use crate::wire::*;
    const TYPES: i64 = 20_000;
    let mut stream = Wire::new().slice_type(FIRST, INTERFACE);
    let mut piece = Wire::new().int(FIRST).uint(0).uint(TYPES as u64);
    for n in 1..=TYPES {
        stream = stream.message(piece.text("T").inline_slice_type(FIRST + n, INT));
        // In the next message: the type of the value, its length, and the value.
        piece = Wire::new().int(FIRST + n).uint(3).uint(0).uint(1).int(0);
    }
    let stream = stream.message(piece).0;
    let mut decoder = Decoder::new();
    for piece in stream.chunks(5) {
        assert!(!decoder.ready().unwrap());
        decoder.feed(piece);
    }
    decoder.discard().unwrap();
}

#[test]
fn anything_can_be_discarded_and_the_stream_goes_on() {
    for entry in golden::load().entries {
        let mut decoder = decoder(&entry.gob);
        for _ in &entry.values {
            decoder.discard().unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        }
        assert!(decoder.is_idle(), "{}: bytes are left", entry.name);
        decoder.feed(&encode(&5_i64));
        assert_eq!(decoder.decode::<i64>().unwrap(), 5);
    }
}

#[test]
fn types_defined_by_a_discarded_value_stay_known() {
    let mut decoder = decoder(&encode_all(&[Point { x: 1, y: 2 }, Point { x: 3, y: 4 }]));
    decoder.discard().unwrap();
    assert_eq!(decoder.decode::<Point>().unwrap(), Point { x: 3, y: 4 });
}

#[test]
fn strings_and_bytes_can_be_borrowed_from_the_decoder() {
    let mut decoder = decoder(&encode_all(&["first", "second"]));
    let first: &str = decoder.decode().unwrap();
    assert_eq!(first, "first");
    let second: &str = decoder.decode().unwrap();
    assert_eq!(second, "second");
    decoder.feed(&encode(&bytes(vec![1, 2, 3])));
    let bytes: &[u8] = decoder.decode().unwrap();
    assert_eq!(bytes, [1, 2, 3]);
}

#[test]
fn a_decoder_that_failed_for_good_keeps_its_error() {
    let mut decoder = decoder(&hex("f8 7f ff ff ff ff ff ff ff"));
    let first = decoder.ready().unwrap_err();
    assert!(first.is_fatal(), "{first:?}");
    decoder.feed(&encode(&5_i64));
    let again = decoder.decode::<i64>().unwrap_err();
    assert!(again.is_fatal(), "{again:?}");
    assert_eq!(again.to_string(), first.to_string());
    assert_eq!(decoder.discard().unwrap_err().to_string(), first.to_string());
}

/// Ends each read as it is told.
struct Told<'a>(Vec<std::io::Result<&'a [u8]>>);

impl std::io::Read for Told<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.0.remove(0)?;
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[test]
fn an_interrupted_read_is_repeated_and_any_other_error_returned() {
    use std::io::ErrorKind::{ConnectionReset, Interrupted};
    let told = Told(vec![Ok(&[3, 4]), Err(Interrupted.into()), Ok(&[0, 6]), Err(ConnectionReset.into())]);
    let mut reader = serde_gob::Reader::new(told);
    assert_eq!(reader.decode::<i64>().unwrap(), Some(3));
    let error = reader.decode::<i64>().unwrap_err();
    assert!(error.to_string().contains(&std::io::Error::from(ConnectionReset).to_string()), "{error}");
}

#[test]
fn a_reader_goes_on_where_the_decoder_it_was_given_stands() {
    let mut decoder = Decoder::with_limits(serde_gob::Limits::default().message_size(100));
    decoder.feed(&[3, 4]);
    let rest = [&[0, 6][..], &encode(&[0_u8; 200][..])].concat();
    let mut reader = serde_gob::Reader::with_decoder(&rest[..], decoder);
    assert_eq!(reader.decode::<i64>().unwrap(), Some(3));
    assert!(reader.decode::<Vec<u8>>().unwrap_err().is_limit());
    let (source, decoder) = reader.into_parts();
    assert!(source.is_empty());
    assert!(!decoder.is_idle());
}

#[test]
fn a_reader_passes_over_values_and_tells_the_end_from_a_stream_that_breaks_off() {
    let mut stream = encode_all(&[3_i64, 4]);
    let mut reader = serde_gob::Reader::new(&stream[..]);
    assert!(reader.discard().unwrap());
    assert_eq!(reader.decode::<i64>().unwrap(), Some(4));
    assert!(!reader.discard().unwrap());
    stream.pop();
    let mut reader = serde_gob::Reader::new(&stream[..]);
    assert!(reader.discard().unwrap());
    let error = reader.discard().unwrap_err();
    assert!(error.is_incomplete());
    assert_eq!(error.to_string(), "unexpected EOF");
}

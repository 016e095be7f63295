//! The twelve bytes, value by value.
#![allow(clippy::unwrap_used)]

use muxbroker::Violation;
use muxbroker::yamux::{Flags, FrameType, GoAwayCode, HEADER_LEN, Header};

#[test]
fn numbers_are_those_of_the_protocol() {
    assert_eq!(HEADER_LEN, 12);
    assert_eq!(
        [FrameType::Data, FrameType::WindowUpdate, FrameType::Ping, FrameType::GoAway].map(|t| t as u8),
        [0, 1, 2, 3]
    );
    assert_eq!([Flags::SYN, Flags::ACK, Flags::FIN, Flags::RST].map(|f| f.0), [1, 2, 4, 8]);
    assert_eq!(
        [GoAwayCode::Normal, GoAwayCode::ProtocolError, GoAwayCode::InternalError].map(|c| c as u32),
        [0, 1, 2]
    );
}

#[test]
fn headers_have_these_bytes() {
    let table = [
        (Header::window_update(1, Flags::SYN, 0), [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]),
        (Header::window_update(7, Flags::ACK, 0x0004_0000), [0, 1, 0, 2, 0, 0, 0, 7, 0, 4, 0, 0]),
        (Header::data(0x0102_0304, 69), [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 69]),
        (Header::ping(Flags::SYN, u32::MAX), [0, 2, 0, 1, 0, 0, 0, 0, 255, 255, 255, 255]),
        (Header::go_away(GoAwayCode::ProtocolError), [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (
            Header {
                frame_type: FrameType::WindowUpdate,
                flags: Flags::ACK | Flags::RST,
                stream_id: 1234,
                length: 4321,
            },
            [0, 1, 0, 10, 0, 0, 0x04, 0xd2, 0, 0, 0x10, 0xe1],
        ),
    ];
    for (header, bytes) in table {
        assert_eq!(header.encode(), bytes, "{header:?}");
        assert_eq!(Header::decode(&bytes).unwrap(), header);
    }
}

#[test]
fn unknown_flag_bits_survive() {
    let bytes = [0, 0, 0xff, 0xf0, 0, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(Header::decode(&bytes).unwrap().encode(), bytes);
}

#[test]
fn other_versions_and_types_are_refused_in_gos_words() {
    let version = Header::decode(&[1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]).unwrap_err();
    assert_eq!((version, version.to_string().as_str()), (Violation::Version, "invalid protocol version"));
    let kind = Header::decode(&[0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]).unwrap_err();
    assert_eq!((kind, kind.to_string().as_str()), (Violation::FrameType, "invalid msg type"));
}

#[test]
fn flags_are_printed_by_name() {
    for (flags, text) in [
        (Flags::NONE, "-"),
        (Flags::SYN, "SYN"),
        (Flags::ACK | Flags::RST, "ACK|RST"),
        (Flags(0xf), "SYN|ACK|FIN|RST"),
        (Flags(0x30), "0x30"),
        (Flags(0x24), "FIN|0x20"),
    ] {
        assert_eq!(format!("{flags:?}"), text);
    }
}

#[test]
fn flags_contain_those_whose_bits_are_all_set() {
    let both = Flags::SYN | Flags::FIN;
    assert_eq!(both, Flags(5));
    assert_eq!(both | both, both);
    for (flags, contained) in [
        (Flags::NONE, true),
        (Flags::SYN, true),
        (both, true),
        (Flags::ACK, false),
        (Flags::SYN | Flags::ACK, false),
    ] {
        assert_eq!(both.contains(flags), contained, "{flags:?}");
    }
}

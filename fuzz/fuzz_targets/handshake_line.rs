//! A plugin's handshake line: a typed error or a line that says the same when it is written again.

#![no_main]

// The parser is not public, since nothing but a host has a use for it: its sources are compiled into this target.
#[allow(dead_code)]
#[path = "../../src/error.rs"]
mod error;
#[allow(dead_code, unused_imports)]
#[path = "../../src/handshake/mod.rs"]
mod handshake;
#[allow(dead_code)]
#[path = "../../src/protocol.rs"]
mod protocol;

use error::{Error, ErrorKind, Result};
use handshake::{HandshakeLine, Offer};
use libfuzzer_sys::fuzz_target;
use protocol::Protocol;

fuzz_target!(|input: &[u8]| {
    let Some((choice, line)) = input.split_first() else { return };
    let line = String::from_utf8_lossy(line);
    let protocols: &[Protocol] = match choice % 3 {
        0 => &[Protocol::NetRpc],
        1 => &[Protocol::Grpc],
        _ => &[Protocol::NetRpc, Protocol::Grpc],
    };
    let offer = Offer { versions: &[1, 5], protocols, multiplex: choice & 0x80 != 0 };
    match HandshakeLine::parse(&line, &offer) {
        Ok(said) => {
            assert!(offer.versions.contains(&said.version) && protocols.contains(&said.protocol));
            // A certificate this short is taken for the other things that old plugins print there.
            if said.server_certificate.as_ref().is_none_or(|der| der.len() > 40) {
                let again: Result<HandshakeLine> = HandshakeLine::parse(&said.to_string(), &offer);
                assert_eq!(again.expect("our own line is read"), said);
            }
        }
        Err(error) => {
            let error: Error = error;
            let known = [
                ErrorKind::BadHandshake,
                ErrorKind::CoreVersion,
                ErrorKind::AppVersion,
                ErrorKind::ProtocolNotAllowed,
                ErrorKind::Security,
                ErrorKind::Unsupported,
            ];
            assert!(known.contains(&error.kind()), "{error:?}");
            // Escapes make what is quoted longer, up to ten times.
            assert!(error.to_string().len() <= 10 * line.len() + 2048);
        }
    }
});

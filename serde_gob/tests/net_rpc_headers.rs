//! The bytes Go's net/rpc sends for a first call and its reply.

use serde::{Deserialize, Serialize};
use serde_gob::{Decoder, Empty, Encoder, GobType};

#[derive(Serialize, Deserialize, GobType, Debug, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    service_method: &'a str,
    seq: u64,
}

#[derive(Serialize, Deserialize, GobType, Debug, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Response {
    service_method: String,
    seq: u64,
    error: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn text(s: &str) -> String {
    hex(s.as_bytes())
}

#[test]
fn a_request_has_gos_bytes() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.encode(&Request { service_method: "Control.Ping", seq: 0 }, &mut out).unwrap();
    encoder.encode(&true, &mut out).unwrap();
    let types = format!(
        "2e7f03010107{}01ff80000102010d{}010c000103{}0106000000",
        text("Request"),
        text("ServiceMethod"),
        text("Seq")
    );
    assert_eq!(hex(&out), format!("{types}11ff80010c{}0003020001", text("Control.Ping")));

    out.clear();
    encoder.encode(&Request { service_method: "Control.Ping", seq: 1 }, &mut out).unwrap();
    encoder.encode("kv", &mut out).unwrap();
    assert_eq!(hex(&out), format!("13ff80010c{}010100050c00026b76", text("Control.Ping")));
}

#[test]
fn a_response_has_gos_fields() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    let response = Response { service_method: "Control.Ping".into(), seq: 0, error: String::new() };
    encoder.encode(&response, &mut out).unwrap();
    encoder.encode(&Empty, &mut out).unwrap();
    assert!(hex(&out).ends_with("0aff81030102ff8200000003ff8200"), "{}", hex(&out));

    let mut decoder = Decoder::new();
    for byte in &out {
        decoder.feed(&[*byte]);
    }
    assert_eq!(decoder.decode::<Response>().unwrap(), response);
    decoder.decode::<Empty>().unwrap();
    assert!(decoder.is_idle());
}

#[test]
fn gos_own_reply_is_understood() {
    let reply = format!(
        "3aff8103010108{}01ff82000103010d{}010c000103{}010600010{}{}010c000000",
        text("Response"),
        text("ServiceMethod"),
        text("Seq"),
        "5",
        text("Error")
    );
    let reply = format!("{reply}11ff82010c{}000aff83030102ff8400000003ff8400", text("Control.Ping"));
    let bytes: Vec<u8> =
        (0..reply.len()).step_by(2).map(|i| u8::from_str_radix(&reply[i..i + 2], 16).unwrap()).collect();
    let mut decoder = Decoder::new();
    decoder.feed(&bytes);
    let response: Response = decoder.decode().unwrap();
    assert_eq!(response.service_method, "Control.Ping");
    decoder.discard().unwrap();
    assert!(decoder.is_idle());
}

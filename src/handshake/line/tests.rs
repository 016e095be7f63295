use super::*;
use proptest::prelude::*;

const BOTH: [Protocol; 2] = [Protocol::NetRpc, Protocol::Grpc];

fn offer<'a>() -> Offer<'a> {
    Offer { versions: &[1, 5], protocols: &BOTH, multiplex: false, stdio: None }
}

fn line(version: u32, protocol: Protocol) -> HandshakeLine {
    HandshakeLine {
        version,
        address: Address::Unix("/tmp/plugin1".into()),
        protocol,
        server_certificate: None,
        multiplex: None,
    }
}

#[test]
fn every_historical_form_is_read() {
    let short_extra = "x".repeat(50);
    for (text, expected) in [
        ("1|1|unix|/tmp/plugin1".to_owned(), line(1, Protocol::NetRpc)),
        ("1|5|unix|/tmp/plugin1|netrpc".to_owned(), line(5, Protocol::NetRpc)),
        ("1|5|unix|/tmp/plugin1|grpc|".to_owned(), line(5, Protocol::Grpc)),
        ("  1|5|unix|/tmp/plugin1|grpc|\r\n".to_owned(), line(5, Protocol::Grpc)),
        (format!("1|1|unix|/tmp/plugin1|netrpc|{short_extra}"), line(1, Protocol::NetRpc)),
        (
            "1|1|tcp|127.0.0.1:10000|netrpc|".to_owned(),
            HandshakeLine { address: Address::Tcp("127.0.0.1:10000".into()), ..line(1, Protocol::NetRpc) },
        ),
        (
            "1|1|unix|/tmp/plugin1|grpc||true".to_owned(),
            HandshakeLine { multiplex: Some(true), ..line(1, Protocol::Grpc) },
        ),
    ] {
        assert_eq!(HandshakeLine::parse(&text, &offer()).unwrap(), expected, "{text}");
    }
}

#[test]
fn bad_lines_give_gos_texts_and_a_kind() {
    for (text, kind, expected) in [
        ("lolinvalid", ErrorKind::BadHandshake, "Unrecognized remote plugin message: lolinvalid"),
        (
            "",
            ErrorKind::BadHandshake,
            "Unrecognized remote plugin message: \nFailed to read any lines from plugin's stdout",
        ),
        (
            "x|1|unix|/tmp/p|netrpc",
            ErrorKind::BadHandshake,
            "error parsing core protocol version: strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        (
            "9|1|unix|/tmp/p|netrpc",
            ErrorKind::CoreVersion,
            "incompatible core API version with plugin. Plugin version: 9, Core version: 1",
        ),
        (
            "1|one|unix|/tmp/p|netrpc",
            ErrorKind::BadHandshake,
            "Error parsing protocol version \"one\": strconv.Atoi: parsing \"one\": invalid syntax",
        ),
        (
            "1|7|unix|/tmp/p|netrpc",
            ErrorKind::AppVersion,
            "incompatible API version with plugin. Plugin version: 7, Client versions: [1 5]",
        ),
        (
            "1|-1|unix|/tmp/p|netrpc",
            ErrorKind::AppVersion,
            "incompatible API version with plugin. Plugin version: -1, Client versions: [1 5]",
        ),
        ("1|1|pipe|x|netrpc", ErrorKind::BadHandshake, "unknown address type: pipe"),
        ("1|1|tcp|nonsense|netrpc", ErrorKind::BadHandshake, "address nonsense: missing port in address"),
        (
            "1|1|unix|/tmp/p|carrier-pigeon",
            ErrorKind::ProtocolNotAllowed,
            "unsupported plugin protocol \"carrier-pigeon\". Supported: [netrpc grpc]",
        ),
    ] {
        let error = HandshakeLine::parse(text, &offer()).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(error.to_string().starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn a_transport_outside_the_allowed_list_is_refused() {
    let offer = Offer { protocols: &[Protocol::NetRpc], ..offer() };
    let error = HandshakeLine::parse("1|1|unix|/tmp/p|grpc|", &offer).unwrap_err();
    assert_eq!(error.to_string(), "unsupported plugin protocol \"grpc\". Supported: [netrpc]");
}

#[test]
fn a_long_sixth_field_is_a_certificate_or_an_error() {
    let der: Vec<u8> = (0..=255).collect();
    let good = HandshakeLine { server_certificate: Some(der), ..line(1, Protocol::Grpc) };
    assert_eq!(HandshakeLine::parse(&good.to_string(), &offer()).unwrap(), good);

    let bad = format!("1|1|unix|/tmp/p|grpc|{}", "!".repeat(51));
    let error = HandshakeLine::parse(&bad, &offer()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Security);
    assert!(error.to_string().starts_with("error parsing server cert: "), "{error}");
}

#[test]
fn multiplexing_is_checked_only_when_the_host_wants_it() {
    let wanted = Offer { multiplex: true, ..offer() };
    let refusal = "client requested gRPC broker multiplexing but plugin does not support the feature";
    for (text, expected) in [
        ("1|1|unix|/tmp/p|grpc||true", Ok(Some(true))),
        ("1|1|unix|/tmp/p|grpc||false", Err(refusal)),
        ("1|1|unix|/tmp/p|grpc|", Err(refusal)),
        (
            "1|1|unix|/tmp/p|grpc||banana",
            Err("error parsing \"banana\" as a boolean for gRPC broker multiplexing support"),
        ),
        ("1|1|unix|/tmp/p|netrpc|", Ok(None)),
    ] {
        match (HandshakeLine::parse(text, &wanted), expected) {
            (Ok(line), Ok(multiplex)) => assert_eq!(line.multiplex, multiplex, "{text}"),
            (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{text}: {error}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }
    assert!(HandshakeLine::parse("1|1|unix|/tmp/p|grpc||banana", &offer()).is_ok());
}

#[test]
fn standard_input_and_output_are_the_connection_only_as_the_host_wants_it() {
    use StdioConnection::{IfOffered, Required};
    let (stdio, socket) = ("1|1|stdio|stdio|netrpc|", "1|1|unix|/tmp/p|netrpc|");
    for (wanted, text, expected) in [
        (None, stdio, Err((ErrorKind::BadHandshake, "unknown address type: stdio"))),
        (Some(IfOffered), stdio, Ok(Address::Stdio)),
        (Some(Required), stdio, Ok(Address::Stdio)),
        (Some(Required), "1|1|stdio|stdio|grpc||true", Ok(Address::Stdio)),
        (
            Some(Required),
            "1|1|stdio|stdio|grpc|",
            Err((ErrorKind::BadHandshake, "gRPC over standard input and output has to be multiplexed")),
        ),
        (Some(IfOffered), socket, Ok(Address::Unix("/tmp/p".into()))),
        (Some(Required), socket, Err((ErrorKind::Unsupported, "the plugin listens on unix /tmp/p"))),
    ] {
        let parsed = HandshakeLine::parse(text, &Offer { stdio: wanted, ..offer() });
        match (parsed, expected) {
            (Ok(line), Ok(address)) => assert_eq!(line.address, address, "{wanted:?} {text}"),
            (Err(error), Err((kind, start))) => {
                assert_eq!(error.kind(), kind, "{wanted:?} {text}: {error}");
                assert!(error.to_string().starts_with(start), "{wanted:?} {text}: {error}");
            }
            (got, _) => panic!("{wanted:?} {text}: {got:?}"),
        }
    }
}

#[test]
fn lines_are_written_as_current_go_plugins_write_them() {
    for (line, expected) in [
        (line(1, Protocol::NetRpc), "1|1|unix|/tmp/plugin1|netrpc|"),
        (
            HandshakeLine { multiplex: Some(true), ..line(5, Protocol::Grpc) },
            "1|5|unix|/tmp/plugin1|grpc||true",
        ),
        (
            HandshakeLine { server_certificate: Some(vec![0xfb, 0xff, 0]), ..line(1, Protocol::Grpc) },
            "1|1|unix|/tmp/plugin1|grpc|+/8A",
        ),
    ] {
        assert_eq!(line.to_string(), expected);
    }
}

#[test]
fn an_endless_line_is_quoted_in_part() {
    for (line, quoted) in [
        ("x".repeat(1024), "x".repeat(1024)),
        ("x".repeat(1025), "x".repeat(1024) + " …"),
        // Never a part of a character.
        ("x".to_owned() + &"é".repeat(100_000), "x".to_owned() + &"é".repeat(511) + " …"),
        ("€".repeat(100_000), "€".repeat(341) + " …"),
    ] {
        let error = HandshakeLine::parse(&line, &offer()).unwrap_err();
        assert_eq!(error.to_string(), format!("Unrecognized remote plugin message: {quoted}"));
    }
}

#[test]
fn a_tool_reads_a_line_of_any_version_and_transport() {
    let line: HandshakeLine = "1|77|unix|/tmp/plugin1|grpc|".parse().unwrap();
    assert_eq!((line.version, line.protocol), (77, Protocol::Grpc));
    assert_eq!("1|-1|unix|/tmp/p|grpc|".parse::<HandshakeLine>().unwrap_err().kind(), ErrorKind::AppVersion);
}

proptest! {
    #[test]
    fn prop_any_text_gives_a_line_or_an_error(text in ".{0,200}") {
        let _ = HandshakeLine::parse(&text, &offer());
    }

    #[test]
    fn prop_what_is_written_is_read_back(
        version in 0_u32..10,
        grpc: bool,
        der in proptest::option::of(proptest::collection::vec(any::<u8>(), 64..200)),
        multiplex in proptest::option::of(any::<bool>()),
    ) {
        let protocol = if grpc { Protocol::Grpc } else { Protocol::NetRpc };
        let line = HandshakeLine { server_certificate: der, multiplex, ..line(version, protocol) };
        let versions: Vec<u32> = (0..10).collect();
        let offer = Offer { versions: &versions, protocols: &BOTH, multiplex: false, stdio: None };
        prop_assert_eq!(HandshakeLine::parse(&line.to_string(), &offer).unwrap(), line);
    }
}

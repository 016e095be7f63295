//! The handshake line: `CORE|APP|NETWORK|ADDRESS|PROTOCOL|SERVERCERT[|MULTIPLEX]`.

use super::{Address, CORE_PROTOCOL_VERSION, gotext};
use crate::{Error, ErrorKind, Protocol, Result, StdioConnection};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::{fmt, str::FromStr};

/// Extra data in the sixth field up to this length is not a certificate: plugins of some old versions print
/// other things there, and Go hosts ignore what is not longer.
const MAX_IGNORED_EXTRA: usize = 50;

/// Unknown lines are quoted in errors, a line of 64 KiB is not.
const MAX_QUOTED_LINE: usize = 1024;

/// Go's `base64.RawStdEncoding`.
const CERTIFICATE_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// What a plugin says of itself in the one line that it prints on standard output.
///
/// [`fmt::Display`] writes the line as current Go plugins do, without the line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeLine {
    /// The application version that the plugin chose.
    pub version: u32,
    /// Where it listens.
    pub address: Address,
    /// The transport it speaks.
    pub protocol: Protocol,
    /// The plugin's one-time certificate (DER), if it took part in AutoMTLS.
    pub server_certificate: Option<Vec<u8>>,
    /// Whether all gRPC connections share one socket; `None` if the plugin does not know the question.
    pub multiplex: Option<bool>,
}

/// What the host would accept, to judge a line by.
#[derive(Clone, Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) versions: &'a [u32],
    pub(crate) protocols: &'a [Protocol],
    pub(crate) multiplex: bool,
    /// Whether, and how much, it wants the plugin's standard input and output as the connection.
    pub(crate) stdio: Option<StdioConnection>,
}

impl HandshakeLine {
    /// Reads the first line that a plugin printed and checks it against the host's offer, in the order of Go's
    /// checks and with its texts.
    pub(crate) fn parse(line: &str, offer: &Offer<'_>) -> Result<Self> {
        Self::judged(line, Some(offer))
    }

    fn judged(line: &str, offer: Option<&Offer<'_>>) -> Result<Self> {
        let line = line.trim();
        let parts: Vec<&str> = line.split('|').collect();
        if parts.len() < 4 {
            return Err(Error::new(ErrorKind::BadHandshake, unrecognized(line)));
        }
        let core = gotext::integer(parts[0])
            .map_err(|cause| bad_line(format!("error parsing core protocol version: {cause}")))?;
        if core != i64::from(CORE_PROTOCOL_VERSION) {
            return Err(Error::new(ErrorKind::CoreVersion, core_mismatch(parts[0])));
        }
        let version = offered_version(parts[1], offer.map(|offer| offer.versions))?;
        let address = Address::parse(parts[2], parts[3]).map_err(bad_line)?;
        let allowed = offer.map_or(&[Protocol::NetRpc, Protocol::Grpc][..], |offer| offer.protocols);
        let protocol = allowed_protocol(parts.get(4).copied(), allowed)?;
        let server_certificate = parts.get(5).map_or(Ok(None), |field| certificate(field))?;
        let multiplex = multiplexing(&parts, protocol, offer.is_some_and(|offer| offer.multiplex))?;
        if let Some(offer) = offer {
            check_stdio(offer.stdio, &address, protocol, multiplex)?;
        }
        Ok(Self { version, address, protocol, server_certificate, multiplex })
    }
}

/// Reads a line without a host's offer to judge it by: for tools that look at plugins.
impl FromStr for HandshakeLine {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        Self::judged(line, None)
    }
}

impl fmt::Display for HandshakeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, address, protocol, server_certificate, multiplex } = self;
        let network = address.network();
        write!(f, "{CORE_PROTOCOL_VERSION}|{version}|{network}|{address}|{protocol}|")?;
        if let Some(der) = server_certificate {
            f.write_str(&CERTIFICATE_BASE64.encode(der))?;
        }
        // Hosts before v1.6.0 split into six parts at most and would glue a seventh field to the certificate,
        // so it is printed only to hosts that asked for it.
        if let Some(multiplex) = multiplex {
            write!(f, "|{multiplex}")?;
        }
        Ok(())
    }
}

fn bad_line(text: String) -> Error {
    Error::new(ErrorKind::BadHandshake, text)
}

fn unrecognized(line: &str) -> String {
    let mut end = line.len().min(MAX_QUOTED_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let more = if end < line.len() { " …" } else { "" };
    let mut text = format!("Unrecognized remote plugin message: {}{more}", &line[..end]);
    if line.is_empty() {
        text.push_str("\nFailed to read any lines from plugin's stdout");
    }
    text
}

fn core_mismatch(core: &str) -> String {
    format!(
        "incompatible core API version with plugin. Plugin version: {core}, Core version: {CORE_PROTOCOL_VERSION}\n\n\
         The plugin was built for another generation of the plugin protocol. Build it again with a current \
         version of its library, or tell its author that it needs that."
    )
}

/// Without an offer every version that one could make.
fn offered_version(field: &str, offered: Option<&[u32]>) -> Result<u32> {
    let version = gotext::integer(field)
        .map_err(|cause| bad_line(format!("Error parsing protocol version {field:?}: {cause}")))?;
    let known = u32::try_from(version).ok().filter(|version| offered.is_none_or(|all| all.contains(version)));
    known.ok_or_else(|| {
        let versions: Vec<String> = offered.unwrap_or_default().iter().map(u32::to_string).collect();
        let versions = versions.join(" ");
        let text = format!(
            "incompatible API version with plugin. Plugin version: {version}, Client versions: [{versions}]"
        );
        Error::new(ErrorKind::AppVersion, text)
    })
}

fn allowed_protocol(field: Option<&str>, allowed: &[Protocol]) -> Result<Protocol> {
    // The oldest plugins print four fields and speak net/rpc.
    let field = field.filter(|f| !f.is_empty()).unwrap_or("netrpc");
    field.parse().ok().filter(|p| allowed.contains(p)).ok_or_else(|| {
        let supported: Vec<&str> = allowed.iter().map(|p| p.as_str()).collect();
        let text = format!("unsupported plugin protocol {field:?}. Supported: [{}]", supported.join(" "));
        Error::new(ErrorKind::ProtocolNotAllowed, text)
    })
}

fn certificate(field: &str) -> Result<Option<Vec<u8>>> {
    if field.len() <= MAX_IGNORED_EXTRA {
        return Ok(None);
    }
    match CERTIFICATE_BASE64.decode(field) {
        Ok(der) => Ok(Some(der)),
        Err(cause) => {
            Err(Error::new(ErrorKind::Security, format!("error parsing server cert: {cause}"))
                .with_source(cause))
        }
    }
}

fn multiplexing(parts: &[&str], protocol: Protocol, wanted: bool) -> Result<Option<bool>> {
    let refused = "client requested gRPC broker multiplexing but plugin does not support the feature";
    if protocol != Protocol::Grpc || !wanted {
        return Ok(parts.get(6).and_then(|field| gotext::boolean(field)));
    }
    let Some(field) = parts.get(6) else {
        let advice = "build the plugin with a version of its library that does (go-plugin v1.6.0 or later)";
        return Err(Error::new(ErrorKind::Unsupported, format!("{refused}; {advice}")));
    };
    match gotext::boolean(field) {
        Some(true) => Ok(Some(true)),
        Some(false) => Err(Error::new(ErrorKind::Unsupported, refused)),
        None => Err(bad_line(format!(
            "error parsing {field:?} as a boolean for gRPC broker multiplexing support"
        ))),
    }
}

/// Go has no such connection, and so no text for these.
fn check_stdio(
    wanted: Option<StdioConnection>,
    address: &Address,
    protocol: Protocol,
    multiplex: Option<bool>,
) -> Result<()> {
    match (wanted, address) {
        (None, Address::Stdio) => Err(bad_line(
            "unknown address type: stdio (this host did not ask for standard input and output as the connection)".to_owned(),
        )),
        (Some(StdioConnection::Required), Address::Unix(_) | Address::Tcp(_)) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the plugin listens on {} {address}, and this host requires its standard input and output as the connection: the plugin \
                 has to allow that with `Server::connect_over_stdio`, and plugins on go-plugin cannot",
                address.network()
            ),
        )),
        (Some(_), Address::Stdio) if protocol == Protocol::Grpc && multiplex != Some(true) => Err(bad_line(
            "gRPC over standard input and output has to be multiplexed, and the plugin does not say that it is".to_owned(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

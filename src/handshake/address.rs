//! Where a plugin listens.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Where a plugin listens, as its handshake line says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A Unix stream socket.
    Unix(PathBuf),
    /// `host:port`; the host may be a name.
    Tcp(String),
    /// Nowhere: its standard input and output are the connection. An extension of this crate, for hosts that ask for it with
    /// [`connect_over_stdio`](crate::ClientBuilder::connect_over_stdio).
    Stdio,
}

/// Both fields of the line: Go names the address, not the network, of what it cannot connect to.
const STDIO: &str = "stdio";

impl Address {
    /// Reads the two fields of a handshake line. The error is the text that follows Go's own.
    pub(crate) fn parse(network: &str, address: &str) -> Result<Self, String> {
        match network {
            "unix" => Ok(Self::Unix(address.into())),
            "tcp" => check_host_port(address).map(|()| Self::Tcp(address.to_owned())),
            STDIO => Ok(Self::Stdio),
            // Go names the address here, which helps nobody.
            other => Err(format!("unknown address type: {other}")),
        }
    }

    /// `unix`, `tcp` or `stdio`.
    pub fn network(&self) -> &'static str {
        match self {
            Self::Unix(_) => "unix",
            Self::Tcp(_) => "tcp",
            Self::Stdio => STDIO,
        }
    }

    /// The path, if this is a Unix socket.
    pub fn as_unix(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp(_) | Self::Stdio => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => f.write_str(address),
            Self::Stdio => f.write_str(STDIO),
        }
    }
}

/// Go's `net.SplitHostPort` followed by the port look-up, as far as it needs no name service.
fn check_host_port(address: &str) -> Result<(), String> {
    let fault = |what: &str| Err(format!("address {address}: {what}"));
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let Some((host, after)) = rest.split_once(']') else { return fault("missing ']' in address") };
        let Some(port) = after.strip_prefix(':') else { return fault("missing port in address") };
        (host, port)
    } else {
        let Some((host, port)) = address.rsplit_once(':') else { return fault("missing port in address") };
        if host.contains(':') {
            return fault("too many colons in address");
        }
        (host, port)
    };
    if host.contains(['[', ']']) || port.contains(['[', ']', ':']) {
        return fault("unexpected bracket or colon in address");
    }
    match port.parse::<u16>() {
        Ok(_) => Ok(()),
        Err(_) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => fault("invalid port"),
        Err(_) => Err(format!("lookup tcp/{port}: unknown port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_dialled() {
        for (network, address, expected) in [
            ("unix", "/tmp/plugin1", Ok(Address::Unix("/tmp/plugin1".into()))),
            ("tcp", "127.0.0.1:1234", Ok(Address::Tcp("127.0.0.1:1234".into()))),
            ("tcp", ":1234", Ok(Address::Tcp(":1234".into()))),
            ("tcp", "[::1]:1234", Ok(Address::Tcp("[::1]:1234".into()))),
            ("tcp", "plugin.local:80", Ok(Address::Tcp("plugin.local:80".into()))),
            ("tcp", "nonsense", Err("address nonsense: missing port in address")),
            ("tcp", "::1:80", Err("address ::1:80: too many colons in address")),
            ("tcp", "[::1", Err("address [::1: missing ']' in address")),
            ("tcp", "[::1]80", Err("address [::1]80: missing port in address")),
            ("tcp", "a:99999", Err("address a:99999: invalid port")),
            ("tcp", "a:65536", Err("address a:65536: invalid port")),
            ("tcp", "a[b:80", Err("address a[b:80: unexpected bracket or colon in address")),
            ("tcp", "[::1]:8]0", Err("address [::1]:8]0: unexpected bracket or colon in address")),
            ("tcp", "a:http!", Err("lookup tcp/http!: unknown port")),
            ("tcp", "a:", Err("lookup tcp/: unknown port")),
            ("stdio", "stdio", Ok(Address::Stdio)),
            ("stdio", "", Ok(Address::Stdio)),
            ("udp", "a:1", Err("unknown address type: udp")),
        ] {
            assert_eq!(
                Address::parse(network, address),
                expected.map_err(String::from),
                "{network} {address}"
            );
        }
    }

    #[test]
    fn an_address_is_told_as_its_line_tells_it() {
        for (address, network, text, path) in [
            (Address::Unix("/tmp/p".into()), "unix", "/tmp/p", Some(Path::new("/tmp/p"))),
            (Address::Tcp("[::1]:80".into()), "tcp", "[::1]:80", None),
            (Address::Stdio, "stdio", "stdio", None),
        ] {
            assert_eq!((address.network(), address.to_string().as_str()), (network, text));
            assert_eq!(address.as_unix(), path, "{text}");
            assert_eq!(Address::parse(network, text), Ok(address));
        }
    }
}

//! The transport that a plugin process speaks.

use std::{fmt, str::FromStr};

/// How calls travel. One plugin process speaks one of them; it says which in its handshake line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Go's `net/rpc`: gob messages on yamux streams. Go's `ProtocolNetRPC`.
    NetRpc,
    /// gRPC on HTTP/2. Go's `ProtocolGRPC`.
    Grpc,
}

impl Protocol {
    /// The name in the handshake line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NetRpc => "netrpc",
            Self::Grpc => "grpc",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is neither `netrpc` nor `grpc`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown plugin protocol {0:?}: it is `netrpc` or `grpc`")]
pub struct UnknownProtocol(String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        match text {
            "netrpc" => Ok(Self::NetRpc),
            "grpc" => Ok(Self::Grpc),
            other => Err(UnknownProtocol(other.to_owned())),
        }
    }
}

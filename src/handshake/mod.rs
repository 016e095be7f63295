//! What host and plugin must agree on before the first call: the magic cookie, the versions, and the one
//! line that a plugin prints. All of it is text in, text out; nothing here starts or reads anything.

mod address;
mod gotext;
mod line;

pub use address::Address;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub(crate) use gotext::boolean;
pub use line::HandshakeLine;
pub(crate) use line::Offer;

/// The version of the protocol between host and plugin process itself. Go's `CoreProtocolVersion`.
pub const CORE_PROTOCOL_VERSION: u32 = 1;

/// Names of the environment variables that host and plugin exchange. They are the protocol's own: a host
/// sets them for its plugins, and never hands down those it got from a host above it.
pub mod env {
    /// The lowest TCP port a plugin may listen on.
    pub const MIN_PORT: &str = "PLUGIN_MIN_PORT";
    /// The highest TCP port a plugin may listen on.
    pub const MAX_PORT: &str = "PLUGIN_MAX_PORT";
    /// The application versions that the host offers, separated by commas, in no order.
    pub const PROTOCOL_VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";
    /// `true` if the host wants all gRPC connections multiplexed over one socket.
    pub const MULTIPLEX_GRPC: &str = "PLUGIN_MULTIPLEX_GRPC";
    /// The host's one-time certificate, in PEM.
    pub const CLIENT_CERT: &str = "PLUGIN_CLIENT_CERT";
    /// The group that may use the plugin's Unix socket, by name or number.
    pub const UNIX_SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";
    /// The directory for the plugin's Unix sockets.
    pub const UNIX_SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";
    /// `true` if the host would have the plugin's standard input and output as the connection. An extension of this crate:
    /// go-plugin does not know it.
    pub const CONNECT_STDIO: &str = "PLUGIN_CONNECT_STDIO";

    /// Every variable above: what a child must not inherit from a host that is a plugin itself.
    pub const ALL: [&str; 8] = [
        MIN_PORT,
        MAX_PORT,
        PROTOCOL_VERSIONS,
        MULTIPLEX_GRPC,
        CLIENT_CERT,
        UNIX_SOCKET_GROUP,
        UNIX_SOCKET_DIR,
        CONNECT_STDIO,
    ];
}

/// Whether a plugin's standard input and output have to be the connection to it; see
/// [`ClientBuilder::connect_over_stdio`](crate::ClientBuilder::connect_over_stdio).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StdioConnection {
    /// A plugin that listens on a socket is refused, with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    Required,
    /// A plugin that listens on a socket is connected to there. Its standard input is at its end then.
    IfOffered,
}

/// Tells a plugin apart from a program run by mistake, and one generation of an interface from the next.
/// Go's `HandshakeConfig`. Both sides use the same constant:
///
/// ```
/// use go_plugin::Handshake;
///
/// pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
/// ```
///
/// The cookie is a courtesy to people who start a plugin by hand, not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    pub(crate) version: u32,
    pub(crate) key: &'static str,
    pub(crate) value: &'static str,
}

impl Handshake {
    /// `version` is the application's protocol version (Go's `ProtocolVersion`): raise it when the interfaces
    /// change incompatibly. `key` and `value` name the magic cookie, an environment variable and what it holds.
    pub const fn new(version: u32, key: &'static str, value: &'static str) -> Self {
        Self { version, key, value }
    }

    /// The application's protocol version.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The environment variable that holds the magic cookie.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// The magic cookie.
    pub const fn value(&self) -> &'static str {
        self.value
    }

    /// Go refuses to run with an incomplete cookie as well; anything else would be found much later.
    pub(crate) fn check(&self) -> crate::Result<()> {
        if self.key.is_empty() || self.value.is_empty() {
            return Err(crate::Error::misuse(
                "the handshake needs a magic cookie: give `Handshake::new` a key and a value that are not empty",
            ));
        }
        if self.key.contains(['=', '\0']) {
            return Err(crate::Error::misuse(format!(
                "the magic cookie's key {:?} cannot be an environment variable's name",
                self.key
            )));
        }
        if self.value.contains('\0') {
            return Err(crate::Error::misuse(format!(
                "the magic cookie's value {:?} cannot be in an environment variable",
                self.value
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_needs_a_cookie_that_an_environment_variable_can_hold() {
        for (key, value, fault) in [
            ("BASIC_PLUGIN", "hello", None),
            ("BASIC_PLUGIN", "a=b", None),
            ("", "hello", Some("needs a magic cookie")),
            ("BASIC_PLUGIN", "", Some("needs a magic cookie")),
            ("BASIC=PLUGIN", "hello", Some(r#"key "BASIC=PLUGIN" cannot be"#)),
            ("BASIC\0", "hello", Some("cannot be an environment variable's name")),
            ("BASIC_PLUGIN", "hel\0lo", Some(r#"value "hel\0lo" cannot be in an environment variable"#)),
        ] {
            let handshake = Handshake::new(7, key, value);
            assert_eq!((handshake.version(), handshake.key(), handshake.value()), (7, key, value));
            match (handshake.check(), fault) {
                (Ok(()), None) => {}
                (Err(error), Some(fault)) => assert!(error.to_string().contains(fault), "{error}"),
                (got, _) => panic!("{key:?} {value:?}: {got:?}"),
            }
        }
    }
}

//! The environment a plugin is started with, as a pure function.

use crate::StdioConnection;
use crate::handshake::env::{
    ALL, CLIENT_CERT, CONNECT_STDIO, MAX_PORT, MIN_PORT, MULTIPLEX_GRPC, PROTOCOL_VERSIONS, UNIX_SOCKET_DIR,
    UNIX_SOCKET_GROUP,
};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
};

/// go-plugin's ports where the host names none.
const DEFAULT_PORTS: (u16, u16) = (10_000, 25_000);

/// What a host tells its plugin through the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostEnv<'a> {
    /// Name and value of the magic cookie.
    pub(crate) cookie: (&'a str, &'a str),
    /// First and last TCP port to try; only plugins that listen on TCP look at it. Both zero: 10000 to 25000.
    pub(crate) ports: (u16, u16),
    /// The application versions on offer. The order does not matter.
    pub(crate) versions: &'a [u32],
    /// Asks for one connection for all brokered gRPC servers.
    pub(crate) multiplex: bool,
    /// The host's one-time certificate, PEM.
    pub(crate) client_cert: Option<&'a str>,
    /// Group name or number for the plugin's socket.
    pub(crate) socket_group: Option<&'a str>,
    /// Where the plugin shall put its socket.
    pub(crate) socket_dir: Option<&'a Path>,
    /// Asks for standard input and output as the connection.
    pub(crate) stdio: Option<StdioConnection>,
}

/// What to change in the environment that a command would otherwise get: a value to set, or `None` to remove.
pub(crate) type Changes = BTreeMap<OsString, Option<OsString>>;

/// Computes the changes for one start.
///
/// What wins over what, weakest first: the host's own environment; the entries the user put on the command
/// (`user`, `None` for a removal); what the protocol says. Of the protocol's variables nothing is inherited: what
/// a host that is a plugin itself got of them was meant for it, and would make its children speak TLS or
/// multiplex unasked. An entry of the user's own stands unless the protocol sets the same one.
///
/// Go puts the host's environment *above* the command's entries, so that a plugin cannot be given, say, its own
/// `HTTP_PROXY` (go-plugin#162, and Vault's workaround). `Command::env` means the opposite in Rust, and does here.
pub(crate) fn changes(user: &Changes, host: &HostEnv<'_>) -> Changes {
    let mut changes: Changes = ALL.iter().map(|name| (name.into(), None)).collect();
    changes.extend(user.clone());

    let mut set = |name: &str, value: &OsStr| changes.insert(name.into(), Some(value.to_owned()));
    let (key, value) = host.cookie;
    set(key, value.as_ref());
    let (min, max) = if host.ports == (0, 0) { DEFAULT_PORTS } else { host.ports };
    set(MIN_PORT, min.to_string().as_ref());
    set(MAX_PORT, max.to_string().as_ref());
    let versions: Vec<_> = host.versions.iter().map(u32::to_string).collect();
    set(PROTOCOL_VERSIONS, versions.join(",").as_ref());
    if host.multiplex {
        set(MULTIPLEX_GRPC, "true".as_ref());
    }
    if let Some(pem) = host.client_cert {
        set(CLIENT_CERT, pem.as_ref());
    }
    if let Some(group) = host.socket_group {
        set(UNIX_SOCKET_GROUP, group.as_ref());
    }
    if let Some(dir) = host.socket_dir {
        set(UNIX_SOCKET_DIR, dir.as_ref());
    }
    if host.stdio.is_some() {
        set(CONNECT_STDIO, "true".as_ref());
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> HostEnv<'static> {
        HostEnv { cookie: ("BASIC_PLUGIN", "hello"), versions: &[1, 3], ..HostEnv::default() }
    }

    fn user(entries: &[(&str, Option<&str>)]) -> Changes {
        entries.iter().map(|(k, v)| (k.into(), v.map(Into::into))).collect()
    }

    fn get<'a>(changes: &'a Changes, name: &str) -> Option<Option<&'a str>> {
        changes.get(OsStr::new(name)).map(|v| v.as_deref().and_then(OsStr::to_str))
    }

    #[test]
    fn the_protocol_sets_what_go_sets() {
        let changes = changes(&Changes::new(), &host());
        for (name, value) in [
            ("BASIC_PLUGIN", Some("hello")),
            ("PLUGIN_MIN_PORT", Some("10000")),
            ("PLUGIN_MAX_PORT", Some("25000")),
            ("PLUGIN_PROTOCOL_VERSIONS", Some("1,3")),
            ("PLUGIN_MULTIPLEX_GRPC", None),
            ("PLUGIN_CLIENT_CERT", None),
            ("PLUGIN_UNIX_SOCKET_GROUP", None),
            ("PLUGIN_UNIX_SOCKET_DIR", None),
            ("PLUGIN_CONNECT_STDIO", None),
        ] {
            assert_eq!(get(&changes, name), Some(value), "{name}");
        }
        assert_eq!(changes.len(), 9, "nothing else may change: {changes:?}");
    }

    #[test]
    fn optional_variables_are_set_when_asked_for() {
        let host = HostEnv {
            multiplex: true,
            client_cert: Some("-----BEGIN CERTIFICATE-----\nAA\n"),
            socket_group: Some("wheel"),
            socket_dir: Some(Path::new("/run/plugins")),
            ports: (0, 4000),
            stdio: Some(StdioConnection::Required),
            ..host()
        };
        let changes = changes(&Changes::new(), &host);
        for (name, value) in [
            ("PLUGIN_MIN_PORT", "0"), // one of the two alone leaves the other at zero, as in Go
            ("PLUGIN_MAX_PORT", "4000"),
            ("PLUGIN_MULTIPLEX_GRPC", "true"),
            ("PLUGIN_CLIENT_CERT", "-----BEGIN CERTIFICATE-----\nAA\n"),
            ("PLUGIN_UNIX_SOCKET_GROUP", "wheel"),
            ("PLUGIN_UNIX_SOCKET_DIR", "/run/plugins"),
            ("PLUGIN_CONNECT_STDIO", "true"),
        ] {
            assert_eq!(get(&changes, name), Some(Some(value)), "{name}");
        }
    }

    #[test]
    fn entries_of_the_user_stand_unless_the_protocol_sets_the_same() {
        let user = user(&[
            ("HTTP_PROXY", Some("http://here")),
            ("LANG", None),
            ("BASIC_PLUGIN", Some("other")),
            ("PLUGIN_UNIX_SOCKET_DIR", Some("/own")),
            ("PLUGIN_PROTOCOL_VERSIONS", Some("9")),
        ]);
        let changes = changes(&user, &host());
        for (name, value) in [
            ("HTTP_PROXY", Some("http://here")),
            ("LANG", None),
            ("BASIC_PLUGIN", Some("hello")),
            ("PLUGIN_UNIX_SOCKET_DIR", Some("/own")),
            ("PLUGIN_PROTOCOL_VERSIONS", Some("1,3")),
        ] {
            assert_eq!(get(&changes, name), Some(value), "{name}");
        }
    }
}

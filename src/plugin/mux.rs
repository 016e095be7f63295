//! Several plugins in one program: the host's command names the one that it wants.

use super::Server;
use crate::Result;
use std::{ffi::OsString, io::Write as _, process};

/// What a program exits with that was not started as its hosts do. As in Go.
const NOT_STARTED_BY_A_HOST: i32 = 1;

/// Serves the one of several plugins that the program's only argument names. Go's `plugin.ServeMux`.
///
/// With another number of arguments, or a name that is none of these, it says so on standard error and **exits the process**.
///
/// ```no_run
/// # use go_plugin::{Handshake, Result};
/// # const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     // Hosts run `program greeter` or `program counter`.
///     go_plugin::serve_mux([
///         ("greeter", go_plugin::serve(HANDSHAKE) /* .plugin(…) */),
///         ("counter", go_plugin::serve(HANDSHAKE)),
///     ])
///     .await
/// }
/// ```
///
/// # Errors
/// As [`Server::run`].
pub async fn serve_mux<N: AsRef<str>>(servers: impl IntoIterator<Item = (N, Server)>) -> Result<()> {
    match named(std::env::args_os().skip(1), servers) {
        Ok(server) => server.run().await,
        Err(text) => {
            // Nobody there to read it: nothing to do about that.
            let _ = std::io::stderr().write_all(text.as_bytes());
            process::exit(NOT_STARTED_BY_A_HOST)
        }
    }
}

fn named<N: AsRef<str>>(
    mut arguments: impl Iterator<Item = OsString>,
    servers: impl IntoIterator<Item = (N, Server)>,
) -> std::result::Result<Server, String> {
    let (Some(name), None) = (arguments.next(), arguments.next()) else {
        let text =
            "This program is started by the program whose plugins it has, with the name of one of them.\n";
        return Err(text.to_owned());
    };
    let found = servers.into_iter().find(|(server, _)| name == *server.as_ref());
    found.map(|(_, server)| server).ok_or_else(|| format!("Unknown plugin: {}\n", name.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Handshake, serve};

    #[test]
    fn the_only_argument_names_the_plugin() {
        let servers = || ["a", "b"].map(|name| (name, serve(Handshake::new(1, "KEY", name))));
        let choose = |arguments: &[&str]| named(arguments.iter().map(OsString::from), servers());
        assert!(choose(&["b"]).is_ok());
        assert_eq!(choose(&["c"]).unwrap_err(), "Unknown plugin: c\n");
        for arguments in [&[][..], &["a", "b"]] {
            assert!(choose(arguments).unwrap_err().starts_with("This program is started by"));
        }
    }
}

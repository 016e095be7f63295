//! Tells a start by a host apart from one by a curious user.

use crate::Handshake;
use std::io::Write as _;

/// What a plugin exits with when nobody who knows the cookie started it, as in Go.
const NOT_STARTED_BY_A_HOST: i32 = 1;

/// Whether the process that started this one knows the magic cookie.
pub(super) fn is_set(handshake: &Handshake) -> bool {
    std::env::var_os(handshake.key()).is_some_and(|value| value == handshake.value())
}

/// Explains to a user in a terminal what this program is, and ends the process.
pub(super) fn refuse() -> ! {
    let text = "This binary is a plugin. It is not meant to be run by hand.\n\
                Run the program that uses the plugin: it starts the plugin by itself,\n\
                and finds it where its documentation says that plugins belong.\n";
    // Nobody there to read it: nothing to do about that.
    let _ = std::io::stderr().write_all(text.as_bytes());
    std::process::exit(NOT_STARTED_BY_A_HOST)
}

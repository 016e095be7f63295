//! Several plugins in one program.

use std::process::Command;

use interop_tests::{Peer, go_program, run};

const RUST_MUX: &str = env!("CARGO_BIN_EXE_rust-mux");

#[tokio::test]
async fn a_go_host_names_the_plugin_that_it_wants() {
    for transport in ["netrpc", "grpc"] {
        let host = Peer::spawn(&go_program("hostpeer"), ["-protocols", transport, RUST_MUX, transport]);
        assert_eq!(host.tell("start").await, transport);
        host.tell("dispense").await;
        assert_eq!(host.tell("say gopher").await, "hello gopher");
        host.tell("kill").await;
    }
}

#[tokio::test]
async fn a_name_that_is_none_ends_the_program_with_the_text_of_go() {
    for (arguments, text) in [
        (&["morse"][..], "Unknown plugin: morse\n"),
        (&[], "This program is started by"),
        (&["grpc", "netrpc"], "This"),
    ] {
        let mut command = Command::new(RUST_MUX);
        command.args(arguments);
        let ran = run(command.into(), b"").await;
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr_text().starts_with(text), "{}", ran.stderr_text());
        assert_eq!(ran.stdout_text(), "");
    }
}

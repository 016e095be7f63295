//! Plugins that do not get as far as to serve: what whoever started them is told.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use process_tests::HANDSHAKE;
use std::process::{Command, Output};

/// Starts the `actor` by hand, with the environment entries of `entries` and no others of a host's.
fn start(entries: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actor"));
    command.env_remove(HANDSHAKE.key()).envs(entries.iter().copied()).output().unwrap()
}

#[test]
fn a_plugin_started_by_hand_explains_itself_and_exits_with_one() {
    for entries in [&[][..], &[(HANDSHAKE.key(), "another value")], &[(HANDSHAKE.key(), "")]] {
        let Output { status, stdout, stderr } = start(entries);
        assert_eq!(status.code(), Some(1), "{entries:?}");
        assert!(stdout.is_empty());
        let said = String::from_utf8(stderr).unwrap();
        assert!(said.contains("is a plugin") && said.lines().count() == 3, "{said}");
    }
}

/// Go logs the failure and exits with 0.
#[test]
fn b16_a_plugin_that_cannot_serve_exits_with_a_failure_and_logs_the_reason() {
    for transport in ["netrpc", "grpc"] {
        let cookie = (HANDSHAKE.key(), HANDSHAKE.value());
        let Output { status, stdout, stderr } =
            start(&[cookie, ("ACTOR_TRANSPORT", transport), ("PLUGIN_UNIX_SOCKET_DIR", "/nonexistent")]);
        assert_eq!(status.code(), Some(1));
        assert!(stdout.is_empty(), "no handshake line, and nothing that could be taken for one");
        let said = String::from_utf8(stderr).unwrap();
        let record: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).expect(&said);
        assert_eq!((&record["@level"], &record["@message"]), (&"error".into(), &"plugin init error".into()));
        assert!(record["error"].as_str().unwrap().contains("/nonexistent"), "{said}");
    }
}

//! The checksum of a plugin's executable.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use go_plugin::{Checksum, ErrorKind, Fault, Protocol};
use interop_tests::{go_program, within};
use sha2::{Digest, Sha256, Sha512};

use crate::support::{TRANSPORTS, builder, go_greeter, greet};

#[tokio::test]
async fn a_plugin_with_the_right_checksum_runs() {
    let bytes = fs::read(go_program("greeterplugin")).unwrap();
    for transport in TRANSPORTS {
        for checksum in [
            Checksum::sha256(Sha256::digest(&bytes).to_vec()),
            Checksum::new::<Sha512>(Sha512::digest(&bytes).to_vec()),
        ] {
            let builder = builder().command(go_greeter(transport)).checksum(checksum);
            let client = within("the start", builder.start()).await.unwrap();
            assert_eq!(greet(&client, "gopher").await, "hello gopher");
            within("the kill", client.kill()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_plugin_with_another_checksum_is_not_started() {
    let dir = tempfile::tempdir().unwrap();
    let started = dir.path().join("started");
    let script = dir.path().join("plugin");
    fs::write(&script, format!("#!/bin/sh\ntouch {}\n", started.display())).unwrap();
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let builder = builder().command(script).checksum(Checksum::sha256([7; 32]));
    let error = within("the refusal", builder.start()).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Security, Fault::Security));
    assert_eq!(error.to_string(), "checksums did not match");
    assert!(!started.exists());
}

/// A plugin in a place where others may write runs from a copy in memory.
#[tokio::test]
async fn a_plugin_that_others_can_overwrite_runs_as_it_was_verified() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("greeter");
    fs::copy(go_program("greeterplugin"), &plugin).unwrap();
    fs::set_permissions(&plugin, PermissionsExt::from_mode(0o777)).unwrap();
    let checksum = Checksum::sha256(Sha256::digest(fs::read(&plugin).unwrap()).to_vec());
    for transport in TRANSPORTS {
        let mut command = Command::new(&plugin);
        if transport == Protocol::Grpc {
            command.arg("-grpc");
        }
        let builder = builder().command(command).checksum(checksum.clone());
        let client = within("the start", builder.start()).await.unwrap();
        if cfg!(target_os = "linux") {
            let exe = fs::read_link(format!("/proc/{}/exe", client.id())).unwrap();
            assert!(exe.to_string_lossy().starts_with("/memfd:"), "{}", exe.display());
        }
        assert_eq!(greet(&client, "gopher").await, "hello gopher");
        within("the kill", client.kill()).await.unwrap();
    }
}

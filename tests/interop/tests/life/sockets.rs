//! Where plugins listen and who may connect, as the host wants it.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use go_plugin::{ErrorKind, Protocol, ReattachConfigs};
use interop_tests::{Peer, go_program, within};

use crate::support::{TRANSPORTS, builder, go_greeter, greet, rust_greeter};

fn group() -> u32 {
    rustix::process::getegid().as_raw()
}

fn mode_and_group(path: &Path) -> (u32, u32) {
    let meta = std::fs::metadata(path).unwrap();
    (meta.permissions().mode() & 0o777, meta.gid())
}

#[tokio::test]
async fn plugins_of_both_languages_listen_where_the_host_wants_it_for_the_group_that_it_names() {
    for transport in TRANSPORTS {
        for command in [go_greeter(transport), rust_greeter(transport)] {
            let base = tempfile::tempdir().unwrap();
            let builder = builder()
                .command(command)
                .unix_socket_dir(base.path())
                .unix_socket_group(group().to_string())
                .ports(30_000..=30_005);
            let client = within("the start", builder.start()).await.unwrap();
            let socket = client.handshake_line().address.as_unix().unwrap().to_owned();
            let dir = socket.parent().unwrap();
            assert_eq!(dir.parent(), Some(base.path()));
            assert_eq!((mode_and_group(dir), mode_and_group(&socket)), ((0o770, group()), (0o660, group())));
            assert_eq!(greet(&client, "!env PLUGIN_UNIX_SOCKET_GROUP").await, group().to_string());
            assert_eq!(greet(&client, "!env PLUGIN_MIN_PORT").await, "30000");
            assert_eq!(greet(&client, "!env PLUGIN_MAX_PORT").await, "30005");
            within("the kill", client.kill()).await.unwrap();
            assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
        }
    }
}

#[tokio::test]
async fn a_rust_plugin_gives_its_socket_to_the_group_that_a_go_host_names() {
    for transport in TRANSPORTS {
        let plugin = rust_greeter(transport);
        let mut command = tokio::process::Command::new(go_program("hostpeer"));
        let dir = tempfile::tempdir().unwrap();
        command.env("PLUGIN_UNIX_SOCKET_DIR", dir.path()); // Go passes it on
        command.args(["-protocols", transport.as_str(), "-socket-group", &group().to_string()]);
        command.arg(plugin.get_program()).args(plugin.get_args());
        let host = Peer::spawn_command(command);
        host.tell("start").await;
        let running: ReattachConfigs = host.tell("reattach").await.parse().unwrap();
        let socket = PathBuf::from(running.get("greeter").unwrap().address.to_string());
        assert_eq!(socket.parent(), Some(dir.path()));
        assert_eq!(mode_and_group(&socket), (0o660, group()));
        host.tell("kill").await;
        assert!(!socket.exists());
    }
}

#[tokio::test]
async fn a_place_that_is_no_good_for_sockets_is_refused_before_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("d".repeat(100));
    std::fs::create_dir(&long).unwrap();
    for (base, part) in [
        (long, "leaves no room for the name of a socket"),
        (dir.path().join("absent"), "cannot make a directory for sockets"),
    ] {
        let builder = builder().command(go_greeter(Protocol::NetRpc)).unix_socket_dir(base);
        let error = within("the error", builder.start()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains(part), "{error}");
    }
    let builder = builder().command(go_greeter(Protocol::NetRpc)).unix_socket_group("no such group");
    let error = within("the error", builder.start()).await.unwrap_err();
    assert!(error.to_string().starts_with("failed to find gid from \"no such group\""), "{error}");
}

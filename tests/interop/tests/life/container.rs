//! Plugins in containers, with a stand-in for docker.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
};

use go_plugin::{Client, Container, ErrorKind, Protocol};
use interop_tests::{Collected, go_program, greeter::HANDSHAKE, grpc_peer::PeerPlugin, within};
use tempfile::TempDir;

use crate::support::{TRANSPORTS, builder, greet};

/// A docker that knows some images.
pub struct Docker(TempDir);

impl Docker {
    pub fn new(images: &[(&str, PathBuf)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("docker"), include_str!("docker.sh")).unwrap();
        fs::set_permissions(dir.path().join("docker"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::create_dir(dir.path().join("images")).unwrap();
        for (name, program) in images {
            symlink(program, dir.path().join("images").join(name)).unwrap();
        }
        Self(dir)
    }

    pub fn image(&self, name: &str) -> Container {
        // Where the plugin finds its sockets no host would: the path is relative to the plugin's directory.
        Container::with_engine(self.0.path().join("docker"), name).socket_dir("sockets")
    }

    fn greeter(&self, transport: Protocol) -> Container {
        let image = self.image("greeter");
        if transport == Protocol::Grpc { image.argument("-grpc") } else { image }
    }

    /// The process in the container.
    fn pid(&self, client: &Client) -> u32 {
        let pid = fs::read_to_string(self.0.path().join(client.runner_id()).join("pid"));
        pid.unwrap().trim().parse().unwrap()
    }
}

fn with_greeter() -> Docker {
    Docker::new(&[("greeter", go_program("greeterplugin"))])
}

#[tokio::test]
async fn a_go_plugin_in_a_container_is_called_and_ends_in_good_order() {
    let docker = with_greeter();
    for transport in TRANSPORTS {
        let base = tempfile::tempdir().unwrap();
        let (stdout, stderr) = (Collected::default(), Collected::default());
        let builder = builder()
            .container(docker.greeter(transport))
            .unix_socket_dir(base.path())
            .stdout(stdout.clone())
            .stderr(stderr.clone());
        let client = within("the start", builder.start()).await.unwrap();
        assert_eq!((client.name(), client.id(), client.protocol()), ("greeter", 0, transport));
        assert_eq!(client.reattach_config().unwrap().pid, 0);
        let socket = client.handshake_line().address.as_unix().unwrap().to_owned();
        assert!(socket.starts_with(base.path()) && socket.exists(), "{}", socket.display());

        assert_eq!(greet(&client, "gopher").await, "hello gopher");
        greet(&client, "!lines 1000").await;
        stdout.contains("out 999\n").await;
        stderr.contains("err 999\n").await;
        assert_eq!(stdout.text(), (0..1000).map(|n| format!("out {n}\n")).collect::<String>());
        assert_eq!(greet(&client, "!env PATH").await, "");
        assert_eq!(greet(&client, "!env BASIC_PLUGIN").await, "hello");

        within("the kill", client.kill()).await.unwrap();
        assert_eq!(client.exited().await.unwrap().code(), Some(0));
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "the directory for sockets stayed");
    }
}

#[tokio::test]
async fn brokered_addresses_are_translated_in_both_directions() {
    let docker = Docker::new(&[("peer", go_program("grpcpeer"))]);
    let builder = Client::builder(HANDSHAKE)
        .plugin("peer", PeerPlugin)
        .allowed_protocols([Protocol::Grpc])
        .container(docker.image("peer").argument("-plugin"));
    let client = within("the start", builder.start()).await.unwrap();
    let peer = client.dispense::<PeerPlugin>("peer").await.unwrap();
    for _ in 0..3 {
        assert_eq!(within("the call back", peer.call_back()).await.unwrap(), b"called back");
        assert_eq!(within("the offer", peer.offer()).await.unwrap(), b"offered");
    }
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn a_plugin_that_does_not_quit_has_its_container_removed() {
    let docker = with_greeter();
    for transport in TRANSPORTS {
        let client =
            within("the start", builder().container(docker.greeter(transport)).start()).await.unwrap();
        interop_tests::stop(docker.pid(&client)).await;
        within("the kill", client.kill()).await.unwrap();
        assert_eq!(client.exited().await.unwrap().signal(), Some(9));
    }
}

#[tokio::test]
async fn dropping_the_client_removes_the_container() {
    let docker = with_greeter();
    let client =
        within("the start", builder().container(docker.greeter(Protocol::Grpc)).start()).await.unwrap();
    let proc = Path::new("/proc").join(docker.pid(&client).to_string());
    assert!(proc.exists());
    drop(client);
    within("the end", async {
        while proc.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_container_that_does_not_start_is_diagnosed() {
    let docker = with_greeter();
    let absent = within("the error", builder().container(docker.image("absent")).start()).await.unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::ExitedBeforeHandshake);
    assert_eq!(absent.exit_status().unwrap().code(), Some(125));
    let text = absent.to_string();
    for part in
        ["Unable to find image 'absent' locally", "Image: absent", "Platform: linux/amd64 (current arch"]
    {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    let engine = Container::with_engine("/nonexistent/docker", "greeter");
    let error = within("the error", builder().container(engine).start()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Launch);
    assert!(error.to_string().starts_with("cannot start /nonexistent/docker: "), "{error}");
}

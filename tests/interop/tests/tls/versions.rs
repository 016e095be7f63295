//! Version negotiation with and without TLS, after go-plugin's own tests of it.

use go_plugin::{AutoMtls, ErrorKind, PluginSet};
use interop_tests::{certificates, go_program};

use super::*;

/// A host of these versions for each of our two plugins, in Go and in Rust, with `flags`.
fn hosts(versions: &[u32], allowed: &[Protocol], flags: &[&str]) -> Vec<ClientBuilder> {
    let mut hosts = Vec::new();
    for (program, dashes) in [(go_program("greeterplugin"), "-"), (RUST_GREETER.into(), "--")] {
        let mut command = Command::new(program);
        command.args(flags.iter().map(|flag| match flag.strip_prefix('-') {
            Some(name) => format!("{dashes}{name}"),
            None => (*flag).to_owned(),
        }));
        let mut host = Client::builder(HANDSHAKE).allowed_protocols(allowed.iter().copied()).command(command);
        for version in versions {
            host = host.version(*version, PluginSet::new().plugin("greeter", GreeterPlugin::client()));
        }
        hosts.push(host);
    }
    hosts
}

async fn agrees(host: ClientBuilder, version: u32, protocol: Protocol) {
    let client = start(host).await;
    assert_eq!((client.version(), client.protocol()), (version, protocol));
    assert_eq!(greeter(&client).await.say("gopher").await.unwrap(), "hello gopher");
    client.ping().await.unwrap();
    end(client).await;
}

/// GP-32 and GP-33.
#[tokio::test]
async fn a_versioned_plugin_takes_part_in_auto_mtls_and_its_end_is_seen() {
    for (version, protocol) in [(1, Protocol::NetRpc), (2, Protocol::Grpc)] {
        for host in hosts(&[version], &BOTH, &["-versions"]) {
            let client = start(host.auto_mtls(AutoMtls::Required)).await;
            assert_eq!((client.version(), client.protocol()), (version, protocol));
            let greeter = greeter(&client).await;
            assert_eq!(greeter.say("gopher").await.unwrap(), "hello gopher");
            let exited = tokio::spawn({
                let client = client.clone();
                async move { client.exited().await }
            });
            within("the kill", client.kill()).await.unwrap();
            assert_eq!(within("the exit", exited).await.unwrap().and_then(|status| status.code()), Some(0));
            let error = greeter.say("gopher").await.unwrap_err();
            assert!(error.is_disconnected(), "{error:?}");
        }
    }
}

/// GP-35: the one version in common travels over the transport that the host does not want.
#[tokio::test]
async fn a_common_version_over_a_transport_that_is_not_allowed_is_refused() {
    for host in hosts(&[1], &[Protocol::Grpc], &["-versions"]) {
        let error = within("the refusal", host.start()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProtocolNotAllowed, "{error:?}");
        let text = r#"unsupported plugin protocol "netrpc". Supported: [grpc]"#;
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// GP-36, GP-37 and GP-38: an old host, an old plugin, and two of today.
#[tokio::test]
async fn hosts_and_plugins_of_one_and_of_several_versions_agree() {
    for (offers, flags, version, protocol) in [
        (&[1][..], &["-versions"][..], 1, Protocol::NetRpc),
        (&[1, 2], &["-version", "2"], 2, Protocol::NetRpc),
        (&[1, 2], &["-version", "2", "-grpc"], 2, Protocol::Grpc),
        (&[1, 2], &["-versions"], 2, Protocol::Grpc),
        (&[2], &["-versions"], 2, Protocol::Grpc),
        (&[0, 1, 7], &["-versions"], 1, Protocol::NetRpc),
    ] {
        for host in hosts(offers, &BOTH, flags) {
            agrees(host, version, protocol).await;
        }
        for host in hosts(offers, &BOTH, flags) {
            agrees(host.auto_mtls(AutoMtls::Required), version, protocol).await;
        }
    }
}

/// As upstream has it in GP-36 and GP-37: the versions fit, but one side alone has TLS.
#[tokio::test]
async fn agreed_versions_are_of_no_use_if_one_side_alone_has_tls() {
    let dir = tempfile::tempdir().unwrap();
    certificates::Authority::new("our own").unwrap().issue(dir.path()).unwrap();
    let files = dir.path().to_str().unwrap();
    for (offers, flags) in
        [(&[1][..], &["-versions", "-tls", files][..]), (&[1, 2], &["-version", "2", "-grpc", "-tls", files])]
    {
        for host in hosts(offers, &BOTH, flags) {
            let error = within("the refusal", host.start()).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Security | ErrorKind::Disconnected), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("expects TLS") || text.contains("may expect TLS"), "{text}");
        }
        for host in hosts(offers, &BOTH, flags) {
            let client = start(host.tls_config(certificates::config(dir.path()).unwrap())).await;
            assert_eq!(client.version(), *offers.last().unwrap());
            end(client).await;
        }
    }
}

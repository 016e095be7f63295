//! Own certificates with go-plugin v1.8.0: the `tls_config` of a host, the `tls_provider` of a plugin.

use go_plugin::{AutoMtls, ErrorKind, TlsConfig};
use interop_tests::{
    Peer as GoHost,
    certificates::{Authority, config},
    go_program,
};
use tempfile::TempDir;

use super::*;

/// Certificates of one authority for a host and a plugin, and those of a stranger.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new("our own").unwrap();
        for side in ["host", "plugin"] {
            authority.issue(&dir.path().join(side)).unwrap();
        }
        Authority::new("a stranger").unwrap().issue(&dir.path().join("stranger")).unwrap();
        Self(dir)
    }

    fn of(&self, side: &str) -> String {
        self.0.path().join(side).to_str().unwrap().to_owned()
    }

    fn config(&self, side: &str) -> TlsConfig {
        config(Path::new(&self.of(side))).unwrap()
    }
}

/// Our plugins in both languages, and how each is told to serve gRPC and to take its files.
fn plugins() -> [(std::path::PathBuf, [&'static str; 2]); 2] {
    [(go_program("greeterplugin"), ["-grpc", "-tls"]), (RUST_GREETER.into(), ["--grpc", "--tls"])]
}

/// GP-30 and GP-31.
#[tokio::test]
async fn a_host_with_matching_certificates_calls_and_ends_the_plugin() {
    let files = Files::new();
    let plugin_files = files.of("plugin");
    for (program, [grpc, tls]) in plugins() {
        for protocol in BOTH {
            let mut args = vec![tls, plugin_files.as_str()];
            args.extend((protocol == Protocol::Grpc).then_some(grpc));
            let client = start(greeter_host(&program, &args).tls_config(files.config("host"))).await;
            assert_eq!(client.protocol(), protocol);
            assert!(client.handshake_line().server_certificate.is_none());
            let greeter = greeter(&client).await;
            assert_eq!(greeter.say("gopher").await.unwrap(), "hello gopher");
            client.ping().await.unwrap();
            end(client).await;
        }
    }
}

/// GP-30. Go's plugins close the connection without a word, ours say what they want.
#[tokio::test]
async fn a_host_without_tls_cannot_use_a_plugin_with_it() {
    let files = Files::new();
    let plugin_files = files.of("plugin");
    for (program, [grpc, tls]) in plugins() {
        for extra in [&[][..], &[grpc]] {
            let args = [&[tls, plugin_files.as_str()], extra].concat();
            let error = within("the refusal", greeter_host(&program, &args).start()).await.unwrap_err();
            let (kind, text) = if program == Path::new(RUST_GREETER) {
                (ErrorKind::Security, "expects TLS")
            } else {
                (ErrorKind::Disconnected, "may expect TLS")
            };
            assert_eq!(error.kind(), kind, "{args:?}: {error:?}");
            assert!(error.to_string().contains(text), "{args:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_host_with_tls_cannot_use_a_plugin_without_it() {
    let files = Files::new();
    for (program, [grpc, _]) in plugins() {
        for args in [&[][..], &[grpc]] {
            let host = greeter_host(&program, args).tls_config(files.config("host"));
            let error = within("the refusal", host.start()).await.unwrap_err();
            let text = error.to_string();
            // A plugin that says something first says what it speaks; others close.
            match error.kind() {
                ErrorKind::Security => assert!(text.contains("does not speak TLS"), "{args:?}: {error}"),
                ErrorKind::Disconnected => assert!(text.contains("may not expect TLS"), "{args:?}: {error}"),
                _ => panic!("{args:?}: {error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn certificates_of_a_stranger_are_refused_on_either_side() {
    let files = Files::new();
    for (program, [grpc, tls]) in plugins() {
        for extra in [&[][..], &[grpc]] {
            for (plugin, host, text) in [
                ("stranger", "host", "the other side's certificate is not accepted"),
                // Knows whom it talks to, but has nothing that it would be known by.
                ("plugin", "a stranger who knows the plugin", "does not accept the certificate of this side"),
                ("plugin", "nobody", "demands a certificate"),
            ] {
                let plugin_files = files.of(plugin);
                let args = [&[tls, plugin_files.as_str()], extra].concat();
                let builder = greeter_host(&program, &args).tls_config(host_config(&files, host));
                let error = within("the refusal", builder.start()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Security, "{host} {args:?}: {error:?}");
                assert!(error.to_string().contains(text), "{host} {args:?}: {error}");
            }
        }
    }
}

fn host_config(files: &Files, host: &str) -> TlsConfig {
    use go_plugin::rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    };

    if host == "host" {
        return files.config(host);
    }
    // The one that the plugin knows, unless it is to be another.
    let own = if host == "a client alone" { "host" } else { "stranger" };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.of("host") + "/ca.pem").unwrap()).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    if host == "nobody" {
        return builder.with_no_client_auth().into();
    }
    let chain = vec![CertificateDer::from_pem_file(files.of(own) + "/cert.pem").unwrap()];
    let key = PrivateKeyDer::from_pem_file(files.of(own) + "/key.pem").unwrap();
    builder.with_client_auth_cert(chain, key).unwrap().into()
}

#[tokio::test]
async fn a_go_host_with_its_own_certificates_uses_a_rust_plugin() {
    let files = Files::new();
    let (host_files, plugin_files) = (files.of("host"), files.of("plugin"));
    for protocol in ["netrpc", "grpc"] {
        let mut args =
            vec!["-tls", &host_files, "-protocols", protocol, RUST_GREETER, "--tls", &plugin_files];
        args.extend((protocol == "grpc").then_some("--grpc"));
        let host = GoHost::spawn(&go_program("hostpeer"), args);
        assert_eq!(host.tell("start").await, protocol);
        host.tell("dispense").await;
        assert_eq!(host.tell("say gopher").await, "hello gopher");
        host.tell("kill").await;
        assert_eq!(host.tell("logged failed to exit gracefully").await, "false");
    }
}

#[tokio::test]
async fn brokered_connections_use_the_same_certificates() {
    let files = Files::new();
    let (host_files, plugin_files) = (files.of("host"), files.of("plugin"));
    for multiplex in [false, true] {
        for (program, args) in [
            (go_program("grpcpeer"), &["-plugin", "-tls", &plugin_files][..]),
            (RUST_PEER.into(), &["--tls", &plugin_files]),
        ] {
            let host = peer_host(program, args).multiplex_grpc(multiplex).tls_config(files.config("host"));
            let client = start(host).await;
            let peer = peer(&client).await;
            for _ in 0..3 {
                assert_eq!(within("the call", peer.call_back()).await.unwrap(), b"called back");
                assert_eq!(within("the call", peer.offer()).await.unwrap(), b"offered");
            }
            end(client).await;
        }
        let mut args = vec!["-tls", host_files.as_str()];
        args.extend(multiplex.then_some("-multiplex"));
        args.extend([RUST_PEER, "--tls", &plugin_files]);
        let host = GoHost::spawn(&go_program("grpcpeer"), args);
        host.tell("connect").await;
        for _ in 0..3 {
            assert_eq!(host.tell("callback").await, "called back");
            assert_eq!(host.tell("offer").await, "offered");
        }
        host.tell("kill").await;
    }
}

/// In plain instead would be worse.
#[tokio::test]
async fn a_host_without_a_servers_certificate_does_not_serve_its_plugin() {
    let files = Files::new();
    let plugin_files = files.of("plugin");
    let half = host_config(&files, "a client alone");
    let client = start(peer_host(RUST_PEER, &["--tls", &plugin_files]).tls_config(half)).await;
    let peer = peer(&client).await;
    assert_eq!(within("the call", peer.offer()).await.unwrap(), b"offered");
    let error = within("the refusal", peer.call_back()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error:?}");
    assert!(error.to_string().contains("which `and_server` adds"), "{error}");
    end(client).await;
}

/// A plugin with certificates of its own has no use for the host's.
#[tokio::test]
async fn a_provider_wins_over_the_hosts_auto_mtls() {
    let files = Files::new();
    let plugin_files = files.of("plugin");
    for (program, [grpc, tls]) in plugins() {
        for extra in [&[][..], &[grpc]] {
            let args = [&[tls, plugin_files.as_str()], extra].concat();
            let host = greeter_host(&program, &args).auto_mtls(AutoMtls::Required);
            let error = within("the refusal", host.start()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Security, "{error:?}");
            assert!(error.to_string().contains("did not answer with a certificate"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_plugin_whose_provider_fails_says_why() {
    let host = greeter_host(RUST_GREETER, &["--tls", "/nonexistent"]);
    let error = within("the refusal", host.start()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExitedBeforeHandshake, "{error:?}");
    assert!(error.to_string().contains("plugin tls init: "), "{error}");
}

/// A second host of the running plugin, which the first one tells it about.
#[tokio::test]
async fn a_plugin_with_tls_is_reattached_to_with_tls_alone() {
    let files = Files::new();
    let plugin_files = files.of("plugin");
    for (program, [grpc, tls]) in plugins() {
        for extra in [&[][..], &[grpc]] {
            let args = [&[tls, plugin_files.as_str()], extra].concat();
            let client = start(greeter_host(&program, &args).tls_config(files.config("host"))).await;
            let again = || {
                Client::builder(HANDSHAKE)
                    .plugin("greeter", GreeterPlugin::client())
                    .allowed_protocols(BOTH)
                    .reattach(client.reattach_config().unwrap())
            };
            let error = within("the refusal", again().start()).await.unwrap_err();
            assert!(error.to_string().contains("expect"), "{error}");
            let second = start(again().tls_config(files.config("host"))).await;
            assert_eq!(greeter(&second).await.say("gopher").await.unwrap(), "hello gopher");
            drop(second);
            end(client).await;
        }
    }
}

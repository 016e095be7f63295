//! AutoMTLS with go-plugin v1.8.0.

use go_plugin::{AutoMtls, ErrorKind, Fault, Result};
use interop_tests::{Collected, Peer as GoHost, go_program, logged, record_events};

use super::*;

/// How many connections are brokered at once, in each direction.
const AT_ONCE: usize = 10;

#[tokio::test]
async fn go_and_rust_plugins_answer_a_rust_host_with_a_certificate() {
    for (program, flag) in [(go_program("greeterplugin"), "-grpc"), (RUST_GREETER.into(), "--grpc")] {
        for protocol in BOTH {
            let args = if protocol == Protocol::Grpc { &[flag][..] } else { &[] };
            let stdout = Collected::default();
            let host = greeter_host(&program, args).auto_mtls(AutoMtls::Required).stdout(stdout.clone());
            let client = start(host).await;
            assert_eq!(client.protocol(), protocol);
            assert!(client.handshake_line().server_certificate.is_some());
            // Its certificate is for this one connection.
            assert!(client.reattach_config().is_none());
            let greeter = greeter(&client).await;
            assert_eq!(greeter.say("gopher").await.unwrap(), "hello gopher");
            let asked = greeter.say("!env PLUGIN_CLIENT_CERT").await.unwrap();
            assert!(asked.starts_with("-----BEGIN CERTIFICATE-----"), "{asked}");
            let failed = greeter.say("!fail it is closed").await.unwrap_err();
            assert!(failed.is_remote() && failed.to_string().contains("it is closed"), "{failed:?}");
            greeter.say("!lines 1000").await.unwrap();
            stdout.contains("out 999\n").await;
            client.ping().await.unwrap();
            end(client).await;
        }
    }
}

#[tokio::test]
async fn calls_of_ten_mebibytes_come_back_encrypted() {
    for program in [go_program("greeterplugin"), RUST_GREETER.into()] {
        let client = start(greeter_host(program, &[]).auto_mtls(AutoMtls::Required)).await;
        let name = "x".repeat(10 << 20);
        let said = within("the greeting", greeter(&client).await.say(&name)).await.unwrap();
        assert!(said == format!("hello {name}"));
        end(client).await;
    }
}

#[tokio::test]
async fn a_go_host_drives_a_rust_plugin_encrypted() {
    for protocol in ["netrpc", "grpc"] {
        let mut args = vec!["-auto-mtls", "-protocols", protocol, RUST_GREETER];
        if protocol == "grpc" {
            args.push("--grpc");
        }
        let host = GoHost::spawn(&go_program("hostpeer"), args);
        assert_eq!(host.tell("start").await, protocol);
        host.tell("dispense").await;
        assert_eq!(host.tell("say gopher").await, "hello gopher");
        assert!(host.tell("say !env PLUGIN_CLIENT_CERT").await.contains("BEGIN CERTIFICATE"));
        host.tell("say !stdout a line").await;
        assert_eq!(host.tell("stdout a line").await, "a line");
        host.tell("ping").await;
        host.tell("kill").await;
        assert_eq!(host.tell("exited").await, "true");
        assert_eq!(host.tell("logged failed to exit gracefully").await, "false");
    }
}

/// GP-34 with AutoMTLS.
#[tokio::test]
async fn multiplexing_and_auto_mtls_do_not_get_in_each_others_way() {
    for (program, args) in [(go_program("grpcpeer"), &["-plugin"][..]), (RUST_PEER.into(), &[])] {
        for multiplex in [false, true] {
            for auto in [false, true] {
                let mut host = peer_host(&program, args).multiplex_grpc(multiplex);
                if auto {
                    host = host.auto_mtls(AutoMtls::Required);
                }
                let client = start(host).await;
                let line = client.handshake_line();
                let said = (line.multiplex, line.server_certificate.is_some());
                assert_eq!(said, (multiplex.then_some(true), auto));
                let peer = peer(&client).await;
                for _ in 0..AT_ONCE {
                    assert_eq!(within("the call", peer.call_back()).await.unwrap(), b"called back");
                    assert_eq!(within("the call", peer.offer()).await.unwrap(), b"offered");
                }
                if !multiplex {
                    let calls = futures_util::future::join_all((0..AT_ONCE).map(|_| async {
                        peer.call_back().await.unwrap();
                        peer.offer().await.unwrap();
                    }));
                    within("the calls", calls).await;
                }
                end(client).await;
            }
        }
    }
}

#[tokio::test]
async fn a_go_host_brokers_encrypted_connections_with_a_rust_plugin() {
    for multiplex in [false, true] {
        let flags = ["-auto-mtls", "-multiplex"];
        let flags = if multiplex { &flags[..] } else { &flags[..1] };
        let host = GoHost::spawn(&go_program("grpcpeer"), flags.iter().chain([&RUST_PEER]));
        host.tell("connect").await;
        for _ in 0..AT_ONCE {
            assert_eq!(host.tell("callback").await, "called back");
            assert_eq!(host.tell("offer").await, "offered");
        }
        if !multiplex {
            host.tell(&format!("broker {AT_ONCE}")).await;
        }
        assert_eq!(host.number("echo 5242880").await, 5 << 20);
        host.tell("ping").await;
        host.tell("kill").await;
    }
}

struct Namesake;

#[go_plugin::interface]
impl Helper for Namesake {
    async fn say(&self, name: &str) -> Result<String> {
        Ok(format!("the host says hello {name}"))
    }
}

#[tokio::test]
async fn objects_are_called_back_over_an_encrypted_netrpc_connection() {
    for (program, args) in [(go_program("courierpeer"), &["-plugin"][..]), (RUST_COURIER.into(), &[])] {
        let mut command = Command::new(program);
        command.args(args);
        let builder = Client::builder(HANDSHAKE).plugin("courier", CourierPlugin::client()).command(command);
        let client = start(builder.auto_mtls(AutoMtls::Required)).await;
        let courier = client.dispense::<CourierPlugin>("courier").await.unwrap();
        let said = within("the greeting", courier.relay("gopher", Arc::new(Namesake))).await.unwrap();
        assert_eq!(said, "the host says hello gopher");
        within("the kill", client.kill()).await.unwrap();
    }
    let host = GoHost::spawn(&go_program("courierpeer"), ["-auto-mtls", RUST_COURIER]);
    host.tell("dispense").await;
    assert_eq!(host.tell("relay gopher").await, "the host says hello gopher");
    assert_eq!(host.number("produce 1048576").await, 1 << 20);
    host.tell("kill").await;
}

/// The address is no secret, and who connects to it without the host's key learns nothing and holds nobody up.
#[tokio::test]
async fn nobody_but_the_host_gets_in() {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
    };

    /// How yamux and HTTP/2 begin.
    const OPENINGS: [&[u8]; 2] = [&[0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];

    for (program, flag) in [(go_program("greeterplugin"), "-grpc"), (RUST_GREETER.into(), "--grpc")] {
        for args in [&[][..], &[flag]] {
            let client = start(greeter_host(&program, args).auto_mtls(AutoMtls::Required)).await;
            let path = client.handshake_line().address.as_unix().unwrap();
            let mut silent = Vec::new();
            for _ in 0..20 {
                silent.push(UnixStream::connect(path).await.unwrap());
            }
            for opening in OPENINGS {
                let mut stranger = UnixStream::connect(path).await.unwrap();
                stranger.write_all(opening).await.unwrap();
                let mut said = Vec::new();
                // A reset is an answer too.
                let _ = within("the refusal", stranger.read_to_end(&mut said)).await;
                assert!(said.is_empty() || said.starts_with(&[0x15, 3]), "{args:?}: {said:?}");
            }
            assert_eq!(greeter(&client).await.say("gopher").await.unwrap(), "hello gopher");
            // Go's gRPC server waits for handshakes before it ends.
            if program != Path::new(RUST_GREETER) {
                silent.clear();
            }
            end(client).await;
        }
    }
}

/// What does not pass the host's certificate on to the plugin stands for plugins in other languages, which know nothing
/// of AutoMTLS.
fn unaware(flag: &str) -> ClientBuilder {
    let script = format!("unset PLUGIN_CLIENT_CERT; exec \"$0\" {flag}");
    let program = go_program("greeterplugin");
    greeter_host("sh", &["-c", &script, program.to_str().unwrap()])
}

#[tokio::test]
async fn a_plugin_without_a_certificate_is_refused() {
    for flag in ["", "-grpc"] {
        let error =
            within("the refusal", unaware(flag).auto_mtls(AutoMtls::Required).start()).await.unwrap_err();
        assert_eq!((error.kind(), error.fault()), (ErrorKind::Security, Fault::Security), "{error:?}");
        assert!(error.to_string().contains("did not answer with a certificate"), "{error}");
    }
}

#[tokio::test]
async fn a_plugin_without_a_certificate_is_talked_to_in_plain_if_the_host_allows_it() {
    record_events();
    for flag in ["", "-grpc"] {
        let name = format!("unaware{flag}");
        let client = start(unaware(flag).auto_mtls(AutoMtls::IfOffered).name(&name)).await;
        let warning = logged("go_plugin::tls::host", "its connection is not secured").await;
        assert_eq!(warning.level, tracing::Level::WARN);
        assert_eq!(greeter(&client).await.say("gopher").await.unwrap(), "hello gopher");
        end(client).await;
        // One that can is not talked to in plain.
        let args = if flag.is_empty() { vec![] } else { vec![flag] };
        let aware = greeter_host(go_program("greeterplugin"), &args).auto_mtls(AutoMtls::IfOffered);
        let client = start(aware).await;
        assert!(client.handshake_line().server_certificate.is_some());
        assert_eq!(greeter(&client).await.say("gopher").await.unwrap(), "hello gopher");
        end(client).await;
    }
}

/// The plugin got a certificate from elsewhere, and speaks to its owner alone.
#[tokio::test]
async fn a_certificate_that_the_host_did_not_ask_for_is_an_error() {
    for (program, grpc) in [(go_program("greeterplugin"), "-grpc"), (RUST_GREETER.into(), "--grpc")] {
        for args in [&[][..], &[grpc]] {
            let authority = interop_tests::certificates::Authority::new("another host").unwrap();
            let dir = tempfile::tempdir().unwrap();
            authority.issue(dir.path()).unwrap();
            let mut command = Command::new(&program);
            command.args(args);
            command.env("PLUGIN_CLIENT_CERT", std::fs::read_to_string(dir.path().join("cert.pem")).unwrap());
            let host = greeter_host("", &[]).command(command);
            let error = within("the refusal", host.start()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Security, "{error:?}");
            assert!(error.to_string().contains("this host offered none"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_plugin_says_that_it_cannot_read_the_hosts_certificate() {
    for pem in ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut command = Command::new(RUST_GREETER);
        command.env("PLUGIN_CLIENT_CERT", pem);
        let host = greeter_host("", &[]).command(command);
        let error = within("the refusal", host.start()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ExitedBeforeHandshake, "{error:?}");
        assert_eq!(error.exit_status().and_then(|status| status.code()), Some(1));
        assert!(error.to_string().contains("PLUGIN_CLIENT_CERT holds no certificate"), "{error}");
    }
}

/// It is told so over TLS, or it would not understand: then only a signal is left.
#[tokio::test]
async fn a_refused_plugin_is_asked_to_quit_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("the plugin went before the shell");
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$PLUGIN" -grpc; : > "$MARKER""#]);
    shell.env("PLUGIN", go_program("greeterplugin")).env("MARKER", &marker);
    let host = greeter_host("", &[])
        .command(shell)
        .allowed_protocols([Protocol::NetRpc])
        .auto_mtls(AutoMtls::Required);
    let error = within("the refusal", host.start()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProtocolNotAllowed, "{error:?}");
    assert!(marker.exists());
}

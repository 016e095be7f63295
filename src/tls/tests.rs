//! Good peers, and bad ones that rustls is bent into.

use std::{ffi::OsString, future::Future, io, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, ServerConfig, SupportedProtocolVersion,
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    HostOptions, PluginOptions, Security, TlsConfig,
    certificate::{Identity, from_der, from_pem},
    pinned::pinned,
    security::ACCEPT_LIMIT,
    *,
};
use crate::{Address, HandshakeLine, Protocol, Result};

/// Generous: the machine may be slow and shared.
const LIMIT: Duration = Duration::from_secs(60);

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn identity() -> Identity {
    Identity::generate().unwrap()
}

/// AutoMTLS of a host and its plugin.
pub(crate) fn pair(protocol: Protocol) -> (Security, Security) {
    let (host, plugin) = (identity(), identity());
    let secured = |own: &Identity, peer: &Identity| {
        Security::tls(pinned(own, peer.certificate().clone()).unwrap(), protocol)
    };
    (secured(&host, &plugin), secured(&plugin, &host))
}

/// A host's side of AutoMTLS with a plugin, or the other way round.
fn security(own: &Identity, peer: &Identity) -> Security {
    Security::tls(pinned(own, peer.certificate().clone()).unwrap(), Protocol::Grpc)
}

/// Both ends of a connection do their part; what one end says reaches the other.
async fn talk(client: &Security, server: &Security) -> (Result<()>, Result<()>) {
    let (near, far) = duplex(16 << 10);
    let client = async {
        let mut io = client.connect(near, LIMIT).await?;
        io.write_all(b"ping").await?;
        io.flush().await?;
        let mut answer = [0; 4];
        io.read_exact(&mut answer).await.map_err(|error| cause_of(&error).unwrap_or(error.into()))?;
        assert_eq!(&answer, b"pong");
        Ok(())
    };
    let server = async {
        let mut io = server.accept(far).await?;
        let mut question = [0; 4];
        io.read_exact(&mut question).await?;
        assert_eq!(&question, b"ping");
        io.write_all(b"pong").await?;
        io.flush().await?;
        Ok(())
    };
    tokio::join!(client, server)
}

fn assert_failed(outcome: Result<impl Sized>, kind: ErrorKind, text: &str) {
    let error = outcome.err().unwrap_or_else(|| panic!("no error with {text:?}"));
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(text), "{error}");
}

#[tokio::test]
async fn two_sides_that_know_each_other_talk_whoever_is_the_client() {
    let (host, plugin) = (identity(), identity());
    for (client, server) in [(&host, &plugin), (&plugin, &host)] {
        let (client, server) = talk(&security(client, server), &security(server, client)).await;
        client.unwrap();
        server.unwrap();
    }
}

/// As go-plugin makes them.
#[tokio::test]
async fn a_p521_certificate_that_is_a_ca_is_accepted_in_both_roles() {
    // `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-521 -sha512 -days 36500 -subj /CN=localhost …`
    let certificate = CertificateDer::from_pem_slice(include_bytes!("testdata/p521.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/p521.pem")).unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let theirs = Bent { certified: Arc::new(CertifiedKey::new(vec![certificate.clone()], key)) };
    let ours = identity();
    for version in VERSIONS {
        let security = Security::tls(pinned(&ours, certificate.clone()).unwrap(), Protocol::NetRpc);
        let (near, far) = duplex(16 << 10);
        let accept = async { security.accept(far).await.map(drop) };
        let (accepted, connected) = tokio::join!(accept, theirs.connect(near, version));
        accepted.unwrap();
        connected.unwrap();
        let (near, far) = duplex(16 << 10);
        let connect = async { security.connect(near, LIMIT).await.map(drop) };
        let (connected, accepted) = tokio::join!(connect, theirs.accept(far, version));
        connected.unwrap();
        accepted.unwrap();
    }
}

#[tokio::test]
async fn grpc_negotiates_h2_and_netrpc_nothing() {
    let (ours, theirs) = (identity(), identity());
    for (protocol, expected) in [(Protocol::NetRpc, None), (Protocol::Grpc, Some(b"h2".to_vec()))] {
        let config = pinned(&ours, theirs.certificate().clone()).unwrap();
        let security = Security::tls(config, protocol);
        let (near, far) = duplex(16 << 10);
        let peer = Bent::of(&theirs);
        let negotiated = async {
            let io = peer.acceptor(&TLS13).accept(far).await.unwrap();
            io.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
        };
        let (connected, negotiated) = tokio::join!(security.connect(near, LIMIT), negotiated);
        connected.map(drop).unwrap();
        assert_eq!(negotiated, expected);
    }
}

/// A peer that presents this certificate and signs with that key, and accepts everybody.
struct Bent {
    certified: Arc<CertifiedKey>,
}

impl Bent {
    fn of(identity: &Identity) -> Self {
        Self { certified: identity.certified.clone() }
    }

    /// With the certificate of one and the key of another.
    fn impostor(certificate: &Identity) -> Self {
        let chain = vec![certificate.certificate().clone()];
        Self { certified: Arc::new(CertifiedKey::new(chain, identity().certified.key.clone())) }
    }

    fn acceptor(&self, version: &'static SupportedProtocolVersion) -> TlsAcceptor {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver(Some(self.certified.clone()))));
        config.alpn_protocols = vec![b"h2".to_vec()];
        // A client that is content and goes does not take them.
        config.send_tls13_tickets = 0;
        Arc::new(config).into()
    }

    async fn accept(&self, io: DuplexStream, version: &'static SupportedProtocolVersion) -> io::Result<()> {
        let mut io = self.acceptor(version).accept(io).await?;
        let _ = io.read(&mut [0; 1]).await;
        Ok(())
    }

    async fn connect(&self, io: DuplexStream, version: &'static SupportedProtocolVersion) -> io::Result<()> {
        connect_with(Some(self.certified.clone()), io, version).await
    }
}

async fn connect_with(
    certified: Option<Arc<CertifiedKey>>,
    io: DuplexStream,
    version: &'static SupportedProtocolVersion,
) -> io::Result<()> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_client_cert_resolver(Arc::new(Resolver(certified)));
    let name = ServerName::try_from("localhost").unwrap();
    let mut io = TlsConnector::from(Arc::new(config)).connect(name, io).await?;
    // In TLS 1.3 the refusal of a certificate comes with the first bytes.
    match io.read(&mut [0; 1]).await {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(error),
        _ => Ok(()),
    }
}

#[derive(Debug)]
struct Resolver(Option<Arc<CertifiedKey>>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// The verifier that must not be: what a bad peer of ours uses.
#[derive(Debug)]
struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

const NOT_ANNOUNCED: &str = "not the one that it announced";
const BAD_SIGNATURE: &str = "a signature of the other side is bad";

#[tokio::test]
async fn a_server_with_another_certificate_or_another_key_is_refused() {
    let (ours, theirs) = (identity(), identity());
    for version in VERSIONS {
        for (peer, text) in [(Bent::of(&identity()), NOT_ANNOUNCED), (Bent::impostor(&theirs), BAD_SIGNATURE)]
        {
            let (near, far) = duplex(16 << 10);
            let security = security(&ours, &theirs);
            // Dropped if it is connected, which it should not be: the peer waits for the end.
            let connect = async { security.connect(near, LIMIT).await.map(drop) };
            let (connected, accepted) = tokio::join!(connect, peer.accept(far, version));
            assert_failed(connected, ErrorKind::Security, text);
            accepted.unwrap_err();
        }
    }
}

#[tokio::test]
async fn a_client_with_no_or_another_certificate_or_another_key_is_refused() {
    let (ours, theirs) = (identity(), identity());
    for version in VERSIONS {
        for (peer, text) in [
            (Some(Bent::of(&identity())), NOT_ANNOUNCED),
            (Some(Bent::impostor(&theirs)), BAD_SIGNATURE),
            (None, "presents no certificate"),
        ] {
            let (near, far) = duplex(16 << 10);
            let security = security(&ours, &theirs);
            let client = connect_with(peer.map(|peer| peer.certified), near, version);
            let accept = async { security.accept(far).await.map(drop) };
            let (accepted, connected) = tokio::join!(accept, client);
            assert_failed(accepted, ErrorKind::Security, text);
            connected.unwrap_err();
        }
    }
}

/// In TLS 1.3 it is connected by then.
#[tokio::test]
async fn a_client_learns_that_its_certificate_was_refused() {
    let (host, plugin, other) = (identity(), identity(), identity());
    let (client, server) = talk(&security(&other, &plugin), &security(&plugin, &host)).await;
    assert_failed(server, ErrorKind::Security, NOT_ANNOUNCED);
    assert_failed(client, ErrorKind::Security, "does not accept the certificate of this side");
}

/// Against a peer that does as told with the other end.
async fn meets<F: Future<Output = ()>>(
    security: &Security,
    accepts: bool,
    peer: impl FnOnce(DuplexStream) -> F,
) -> Result<()> {
    let (near, far) = duplex(16 << 10);
    let ours = async {
        match accepts {
            true => security.accept(near).await.map(drop),
            false => security.connect(near, LIMIT).await.map(drop),
        }
    };
    tokio::join!(ours, peer(far)).0
}

#[tokio::test(start_paused = true)]
async fn peers_that_speak_no_tls_or_stop_in_its_middle_are_told_apart_in_time() {
    let (ours, theirs) = (identity(), identity());
    let security = security(&ours, &theirs);
    for accepts in [false, true] {
        for nonsense in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100],
            &[0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
            &[0xff; 4096],
        ] {
            let said = meets(&security, accepts, |mut io| async move {
                io.write_all(nonsense).await.unwrap();
                let _ = io.read_to_end(&mut Vec::new()).await;
            });
            assert_failed(said.await, ErrorKind::Security, "does not speak TLS");
        }
        let closed = meets(&security, accepts, |io| async { drop(io) });
        assert_failed(
            closed.await,
            ErrorKind::Disconnected,
            "closed the connection during the TLS handshake",
        );

        let begin = tokio::time::Instant::now();
        let limit = if accepts { ACCEPT_LIMIT } else { LIMIT };
        let silent = meets(&security, accepts, |io| async move {
            tokio::time::sleep(2 * LIMIT).await;
            drop(io);
        });
        assert_failed(silent.await, ErrorKind::Timeout, "did not finish the TLS handshake");
        assert!(begin.elapsed() >= limit);
    }

    // What a peer says up to here is good.
    for length in [1, 5, 50, 100] {
        for accepts in [false, true] {
            for hangs in [false, true] {
                let begun = begun(accepts, &ours, &theirs).await[..length].to_vec();
                let outcome = meets(&security, accepts, |mut io| async move {
                    io.write_all(&begun).await.unwrap();
                    if hangs {
                        tokio::time::sleep(2 * LIMIT).await;
                    }
                });
                let (kind, text) = match hangs {
                    true => (ErrorKind::Timeout, "did not finish the TLS handshake"),
                    false => (ErrorKind::Disconnected, "closed the connection during the TLS handshake"),
                };
                assert_failed(outcome.await, kind, text);
            }
        }
    }
}

/// The first bytes that a good peer says.
async fn begun(by_client: bool, ours: &Identity, theirs: &Identity) -> Vec<u8> {
    let peer = security(theirs, ours);
    let (near, mut far) = duplex(16 << 10);
    let mut bytes = vec![0; 100];
    if by_client {
        tokio::select! {
            _ = peer.connect(near, LIMIT) => panic!("nobody is there"),
            read = far.read_exact(&mut bytes) => drop(read.unwrap()),
        }
    } else {
        let us = security(ours, theirs);
        let (middle, hello) = duplex(16 << 10);
        let relay = async move {
            let (mut middle, mut hello) = (middle, hello);
            tokio::select! {
                _ = us.connect(&mut middle, LIMIT) => panic!("nobody is there"),
                () = async {
                    let mut said = vec![0; 4096];
                    let n = hello.read(&mut said).await.unwrap();
                    far.write_all(&said[..n]).await.unwrap();
                    far.read_exact(&mut bytes).await.unwrap();
                } => bytes,
            }
        };
        tokio::select! {
            _ = peer.accept(near) => panic!("nobody answers"),
            read = relay => bytes = read,
        }
    }
    bytes
}

#[test]
fn a_host_wants_one_kind_of_tls_and_a_clients_half() {
    let own = || pinned(&identity(), identity().certificate().clone()).unwrap();
    let server = TlsConfig::server(own().server.unwrap());
    for (options, text) in [
        (HostOptions { auto: Some(AutoMtls::Required), own: Some(own()) }, "but not both"),
        (HostOptions { auto: None, own: Some(server) }, "with a rustls `ClientConfig`"),
    ] {
        assert_failed(options.prepare(), ErrorKind::Misuse, text);
    }
    let client = TlsConfig::client(own().client.unwrap());
    let options = PluginOptions { provider: Some(Box::new(|| Ok(client))) };
    assert_failed(options.prepare(None, Protocol::Grpc), ErrorKind::Misuse, "with a rustls `ServerConfig`");
}

fn line(certificate: Option<Vec<u8>>) -> HandshakeLine {
    HandshakeLine {
        version: 1,
        address: Address::Unix("/tmp/plugin1".into()),
        protocol: Protocol::NetRpc,
        server_certificate: certificate,
        multiplex: None,
    }
}

#[test]
fn a_line_fits_what_the_host_asked_for_or_is_refused() {
    let prepare = |auto, own| HostOptions { auto, own }.prepare().unwrap();
    let (plain, own) = (
        prepare(None, None),
        prepare(None, Some(pinned(&identity(), identity().certificate().clone()).unwrap())),
    );
    let required = prepare(Some(AutoMtls::Required), None);
    let offered = prepare(Some(AutoMtls::IfOffered), None);
    let certificate = || Some(identity().certificate().to_vec());
    for (host, certificate, expected) in [
        (&plain, None, Ok(())),
        (&own, None, Ok(())),
        (&required, certificate(), Ok(())),
        (&offered, certificate(), Ok(())),
        (&offered, None, Ok(())),
        (&plain, certificate(), Err("this host offered none")),
        (&own, certificate(), Err("this host offered none")),
        (&required, None, Err("did not answer with a certificate")),
        (&required, Some(vec![0; 600]), Err("error parsing server cert: ")),
        (&offered, Some(vec![0; 600]), Err("error parsing server cert: ")),
    ] {
        match (host.security("greeter", &line(certificate)), expected) {
            (Ok(_), Ok(())) => {}
            (outcome, Err(text)) => assert_failed(outcome, ErrorKind::Security, text),
            (Err(error), Ok(())) => panic!("{error:?}"),
        }
    }
    assert!(required.client_cert().is_some() && offered.client_cert().is_some());
    assert!(plain.client_cert().is_none() && own.client_cert().is_none());
}

#[test]
fn a_plugin_answers_with_a_certificate_exactly_if_its_host_sent_one() {
    let host = identity();
    for (variable, answers) in [(None, false), (Some(""), false), (Some(host.pem.as_str()), true)] {
        let tls = PluginOptions::default().prepare(variable.map(OsString::from), Protocol::Grpc).unwrap();
        assert_eq!(tls.certificate.is_some(), answers, "{variable:?}");
    }
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for variable in ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key] {
        let outcome = PluginOptions::default().prepare(Some(variable.into()), Protocol::Grpc);
        assert_failed(outcome, ErrorKind::Security, "PLUGIN_CLIENT_CERT holds no certificate");
    }
    // What the user provides wins.
    let own = pinned(&host, identity().certificate().clone()).unwrap();
    let options = PluginOptions { provider: Some(Box::new(|| Ok(own))) };
    let tls = options.prepare(Some(host.pem.as_str().into()), Protocol::Grpc).unwrap();
    assert!(tls.certificate.is_none());
}

#[test]
fn a_certificate_survives_the_way_through_environment_and_line() {
    let identity = identity();
    assert_eq!(from_pem(identity.pem.as_bytes()).unwrap(), *identity.certificate());
    assert_eq!(from_der(identity.certificate()).unwrap(), *identity.certificate());
    let said = line(Some(identity.certificate().to_vec())).to_string();
    let read: HandshakeLine = said.parse().unwrap();
    assert_eq!(read.server_certificate.as_deref(), Some(identity.certificate().as_ref()));
}

#[test]
fn a_configuration_shows_no_key() {
    let shown = format!("{:?}", pinned(&identity(), identity().certificate().clone()).unwrap());
    assert_eq!(shown, r#"TlsConfig { client: true, server: true, server_name: DnsName("localhost") }"#);
}

//! Who gets in where connections are secured with TLS, and who does not.

use super::*;
use crate::GrpcChannel;
use tokio_util::sync::CancellationToken;

async fn connect(dialer: &Dialer, security: Security) -> Result<GrpcChannel, Error> {
    attempt(dialer.clone().secured(security), CancellationToken::new()).await
}

async fn echoes(channel: GrpcChannel) {
    let blob = Blob { data: b"hello".to_vec() };
    let echo = within("the echo", PeerClient::new(channel).echo(blob.clone())).await.unwrap();
    assert_eq!(echo.into_inner(), blob);
}

#[tokio::test]
async fn a_stranger_is_refused_and_the_host_still_served() {
    let (dialer, incoming) = wire();
    let secured = Secured::tls();
    let (_plugin, _) = secured_plugin(&Printed::default(), incoming, secured.plugin);
    for (security, text) in
        [(Security::default(), "expects TLS"), (Secured::tls().host, "not the one that it announced")]
    {
        let error = within("the refusal", connect(&dialer, security)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Security, "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
        echoes(connect(&dialer, secured.host.clone()).await.unwrap()).await;
    }
}

/// Neither the plugin nor what it brokers waits for those who say nothing.
#[tokio::test]
async fn connections_in_the_middle_of_tls_hold_nobody_up() {
    let secured = Secured::tls();
    let (dialer, incoming) = wire();
    let (silent, silenced) = mpsc::channel(16);
    let all = tokio_stream::StreamExt::merge(ReceiverStream::new(silenced), incoming);
    let (_plugin, _) = secured_plugin(&Printed::default(), all, secured.plugin);
    let mut held = Vec::new();
    for _ in 0..16 {
        let (near, far) = duplex(1024);
        held.push(near);
        silent.send(Ok(far)).await.unwrap();
    }
    echoes(connect(&dialer, secured.host).await.unwrap()).await;
}

#[cfg(unix)] // elsewhere a stranger has to find the port
#[tokio::test]
async fn a_brokered_socket_is_of_no_use_to_a_stranger() {
    let pair = Pair::secured(Secured::tls()).await;
    let broker = pair.host.broker();
    let served = broker.serve(Peer::new(&broker).server()).unwrap();
    let sockets: Vec<_> =
        std::fs::read_dir(broker.socket_dir().unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
    let [socket] = &sockets[..] else { panic!("{sockets:?}") };
    let stranger = Dialer::to(crate::Address::Unix(socket.clone()), DEADLINE);
    for (security, text) in
        [(Security::default(), "expects TLS"), (Secured::tls().host, "not the one that it announced")]
    {
        let error = within("the refusal", connect(&stranger, security)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Security, "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
    }
    pair.client().call_back(Id { id: served.id() }).await.unwrap();
}

/// A server of the user's own gets what was decrypted.
#[tokio::test]
async fn a_listener_of_the_users_own_is_secured_too() {
    let pair = Pair::secured(Secured::tls()).await;
    let broker = pair.host.broker();
    let id = broker.next_id();
    let listener = broker.accept(id).unwrap();
    let server = tonic::transport::Server::builder().add_service(Peer::new(&broker).server());
    let serving = AbortOnDropHandle::new(tokio::spawn(server.serve_with_incoming(listener)));
    pair.client().call_back(Id { id }).await.unwrap();
    drop(serving);
}

#[tokio::test]
async fn a_lost_connection_is_secured_again_when_it_is_dialled_again() {
    let (dialer, incoming) = wire();
    let secured = Secured::tls();
    let cut = CancellationToken::new();
    let severed = {
        let cut = cut.clone();
        let mut first = true;
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        tokio_stream::StreamExt::map(incoming, move |io: io::Result<DuplexStream>| {
            let cut = if std::mem::take(&mut first) { cut.clone() } else { CancellationToken::new() };
            io.map(|io| crate::grpc::io::Severable::new(io, cut, reset))
        })
    };
    let broker = GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, secured.plugin);
    let peer = Peer::new(&broker);
    let printed = Printed::default();
    let server = PluginServer::new(broker, None, printed.outlet(), |_, services| services.add(peer.server()));
    let _plugin = server.unwrap().start(severed);
    let channel = connect(&dialer, secured.host).await.unwrap();
    echoes(channel.clone()).await;
    cut.cancel();
    // The call that finds it lost may fail.
    let _ = within("the call", PeerClient::new(channel.clone()).echo(Blob::default())).await;
    echoes(channel).await;
}

use super::*;
use crate::GrpcChannel;
use go_plugin_proto::{ConnInfo, conn_info::Knock, grpc_broker_client::GrpcBrokerClient};
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Server;

fn hello() -> Blob {
    Blob { data: b"hello".to_vec() }
}

#[tokio::test]
async fn the_plugin_calls_back_into_the_host() {
    for pair in Pair::each().await {
        let broker = pair.host.broker();
        let served = broker.serve(Peer::new(&broker).server()).unwrap();
        assert_eq!(served.id(), 1);
        let answer = pair.client().call_back(Id { id: served.id() }).await.unwrap();
        assert_eq!(answer.into_inner().data, b"called back");
    }
}

#[tokio::test]
async fn the_host_dials_what_the_plugin_offers() {
    for pair in Pair::each().await {
        for expected in 1..=3 {
            let id = pair.client().offer(Nothing {}).await.unwrap().into_inner().id;
            assert_eq!(id, expected);
            let channel = pair.host.broker().dial(id).await.unwrap();
            assert_eq!(PeerClient::new(channel).echo(hello()).await.unwrap().into_inner(), hello());
        }
    }
}

#[tokio::test]
async fn both_directions_use_one_number_without_confusion() {
    for pair in Pair::each().await {
        let broker = pair.host.broker();
        let served = broker.serve(Peer::new(&broker).server()).unwrap();
        let offered = pair.client().offer(Nothing {}).await.unwrap().into_inner().id;
        assert_eq!(offered, served.id());
        PeerClient::new(broker.dial(offered).await.unwrap()).echo(hello()).await.unwrap();
        pair.client().call_back(Id { id: served.id() }).await.unwrap();
    }
}

#[tokio::test]
async fn many_connections_are_brokered_at_once() {
    for pair in Pair::each().await {
        let broker = pair.host.broker();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (mut client, broker) = (pair.client(), broker.clone());
            calls.spawn(async move {
                let served = broker.serve(Peer::new(&broker).server()).unwrap();
                client.call_back(Id { id: served.id() }).await.unwrap();
                let id = client.offer(Nothing {}).await.unwrap().into_inner().id;
                PeerClient::new(broker.dial(id).await.unwrap()).echo(hello()).await.unwrap();
            });
        }
        while let Some(call) = within("the calls", calls.join_next()).await {
            call.unwrap();
        }
    }
}

#[tokio::test]
async fn a_server_of_the_users_own_can_be_put_under_a_number() {
    for pair in Pair::each().await {
        let broker = pair.host.broker();
        let id = broker.next_id();
        let listener = broker.accept(id).unwrap();
        let server = Server::builder().add_service(Peer::new(&broker).server());
        let serving = tokio::spawn(server.serve_with_incoming(listener));
        pair.client().call_back(Id { id }).await.unwrap();
        // It ends with the connection to the other side.
        let ending = Pair::run(pair.plugin, pair.printed);
        pair.host.shutdown(DEADLINE).await.unwrap();
        ending.await.unwrap();
        within("the server to end", serving).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn dialling_a_number_that_nobody_serves_ends_after_five_seconds() {
    let pair = Pair::new().await;
    let begin = tokio::time::Instant::now();
    let error = pair.host.broker().dial(77).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Timeout, "timeout waiting for connection info")
    );
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[cfg(unix)] // elsewhere it is no file
#[tokio::test]
async fn a_dropped_guard_stops_the_server_and_removes_its_socket() {
    let pair = Pair::new().await;
    let broker = pair.host.broker();
    let served = broker.serve(Peer::new(&broker).server()).unwrap();
    let id = served.id();
    pair.client().call_back(Id { id }).await.unwrap();
    let dir = broker.socket_dir().unwrap();
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    drop(served);
    within("the socket to go", async {
        while std::fs::read_dir(&dir).unwrap().count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    drop(pair); // not the broker: objects that were dispensed keep it
    assert!(!dir.exists());
}

/// A plugin, and a hostile host's end of its broker stream.
async fn hostile_host()
-> (RunningServer, PeerClient<GrpcChannel>, mpsc::Sender<ConnInfo>, Streaming<ConnInfo>) {
    let (dialer, incoming) = wire();
    let (plugin, _) = plugin(&Printed::default(), incoming);
    let channel = connected(dialer).await;
    let (sender, inbound) = broker_stream(&channel).await;
    (plugin, PeerClient::new(channel), sender, inbound)
}

fn at(service_id: u32, network: &str, address: &str) -> ConnInfo {
    ConnInfo { service_id, network: network.into(), address: address.into(), knock: None }
}

#[tokio::test]
async fn a_flood_of_connection_information_is_survived() {
    let (_plugin, mut client, sender, _inbound) = hostile_host().await;
    for id in 0..5_000 {
        sender.send(at(id, "unix", "/nowhere")).await.unwrap();
    }
    client.echo(hello()).await.unwrap();
    // One of the first is there, and leads nowhere.
    let error = Error::from(client.call_back(Id { id: 1 }).await.unwrap_err());
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

#[tokio::test]
async fn information_that_leads_nowhere_fails_the_dial_at_once() {
    let (_plugin, mut client, sender, _inbound) = hostile_host().await;
    for (id, network, address, text) in [
        (1, "carrier pigeon", "loft 3", "unknown address type: carrier pigeon"),
        (2, "unix", "/nowhere/at/all", "/nowhere/at/all"),
        (3, "tcp", "nonsense", "missing port in address"),
        (4, "unix", "", "cannot connect"),
    ] {
        sender.send(at(id, network, address)).await.unwrap();
        let answer = within("the dial", client.call_back(Id { id })).await;
        let error = Error::from(answer.unwrap_err());
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn an_oversized_message_ends_the_stream_and_nothing_else() {
    let (_plugin, mut client, sender, mut inbound) = hostile_host().await;
    sender.send(at(1, "unix", &"x".repeat(1 << 20))).await.unwrap();
    let ended = within("the stream to end", inbound.message()).await;
    assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
    client.echo(hello()).await.unwrap();
}

#[tokio::test]
async fn a_knock_is_ignored_where_nothing_is_multiplexed() {
    let (_plugin, mut client, sender, mut inbound) = hostile_host().await;
    for ack in [false, true] {
        let knock = Some(Knock { knock: true, ack, error: String::new() });
        sender.send(ConnInfo { service_id: 1, knock, ..ConnInfo::default() }).await.unwrap();
    }
    // The plugin's own offer is the next and only thing it says.
    let id = client.offer(Nothing {}).await.unwrap().into_inner().id;
    let info = within("the offer", inbound.message()).await.unwrap().unwrap();
    let network = if crate::net::UNIX_BY_DEFAULT { "unix" } else { "tcp" };
    assert_eq!((info.service_id, info.network.as_str(), info.knock), (id, network, None));
}

/// A broker stream that a host opens on this connection.
async fn broker_stream(channel: &GrpcChannel) -> (mpsc::Sender<ConnInfo>, Streaming<ConnInfo>) {
    let (sender, receiver) = mpsc::channel(16);
    let mut client = GrpcBrokerClient::new(channel.clone());
    (sender, client.start_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner())
}

#[tokio::test]
async fn a_second_broker_stream_of_a_host_takes_over_from_its_first() {
    let (dialer, incoming) = wire();
    let (_plugin, _) = plugin(&Printed::default(), incoming);
    let channel = connected(dialer).await;
    let (_first_sender, mut first) = broker_stream(&channel).await;
    let (_second_sender, mut second) = broker_stream(&channel).await;
    assert_eq!(within("the first to end", first.message()).await.unwrap(), None);
    let id = PeerClient::new(channel.clone()).offer(Nothing {}).await.unwrap().into_inner().id;
    assert_eq!(within("the offer", second.message()).await.unwrap().unwrap().service_id, id);
}

#[tokio::test]
async fn the_broker_streams_of_two_hosts_do_not_disturb_each_other() {
    let (dialer, incoming) = wire();
    let (_plugin, _) = plugin(&Printed::default(), incoming);
    let first = connected(dialer.clone()).await;
    let (first_sender, mut first_told) = broker_stream(&first).await;
    let second = connected(dialer).await;
    let (second_sender, mut second_told) = broker_stream(&second).await;
    let [mut first, mut second] = [first, second].map(PeerClient::new);

    // Each is told of what it asked for, whoever came last.
    for (client, told) in [(&mut first, &mut first_told), (&mut second, &mut second_told)] {
        let id = client.offer(Nothing {}).await.unwrap().into_inner().id;
        assert_eq!(within("the offer", told.message()).await.unwrap().unwrap().service_id, id);
    }
    // What each says under the same number is dialled for it alone.
    for (sender, place) in [(&first_sender, "/nowhere/first"), (&second_sender, "/nowhere/second")] {
        sender.send(at(1, "unix", place)).await.unwrap();
    }
    for (client, place) in [(&mut first, "/nowhere/first"), (&mut second, "/nowhere/second")] {
        let error = Error::from(client.call_back(Id { id: 1 }).await.unwrap_err());
        assert!(error.to_string().contains(place), "{error}");
    }
    // The end of one is not the end of the other.
    drop((second_sender, second_told, second));
    let id = first.offer(Nothing {}).await.unwrap().into_inner().id;
    assert_eq!(within("the offer", first_told.message()).await.unwrap().unwrap().service_id, id);
}

#[tokio::test]
async fn two_hosts_are_called_back_on_the_same_numbers_at_once() {
    let (dialer, incoming) = wire();
    let (_plugin, _) = plugin(&Printed::default(), incoming);
    let mut hosts = Vec::new();
    for _ in 0..2 {
        hosts.push(within("the host", HostConnection::over(dialer.clone(), no_output())).await.unwrap());
    }
    // Nobody has waited until the plugin knows of their streams.
    let calls = hosts.iter().cycle().take(20).map(|host| async {
        let broker = host.broker();
        let served = broker.serve(Peer::new(&broker).server()).unwrap();
        let answer = PeerClient::new(host.channel()).call_back(Id { id: served.id() }).await;
        assert_eq!(answer.unwrap().into_inner().data, b"called back");
    });
    within("the callbacks", futures_util::future::join_all(calls)).await;
    // What is served within a call goes to the host that made it.
    for host in &hosts {
        let id = PeerClient::new(host.channel()).offer(Nothing {}).await.unwrap().into_inner().id;
        let channel = within("the dial", host.broker().dial(id)).await.unwrap();
        PeerClient::new(channel).echo(hello()).await.unwrap();
    }
}

#[tokio::test]
async fn offers_made_before_the_host_listens_reach_it() {
    let (dialer, incoming) = wire();
    let (_plugin, _) = plugin(&Printed::default(), incoming);
    let channel = connected(dialer).await;
    let id = PeerClient::new(channel.clone()).offer(Nothing {}).await.unwrap().into_inner().id;
    let (_sender, receiver) = mpsc::channel(16);
    let mut client = GrpcBrokerClient::new(channel);
    let mut inbound = client.start_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    assert_eq!(within("the offer", inbound.message()).await.unwrap().unwrap().service_id, id);
}

#[tokio::test]
async fn a_closed_broker_says_so_and_its_connections_are_cut() {
    let pair = Pair::new().await;
    let broker = pair.host.broker();
    let served = broker.serve(Peer::new(&broker).server()).unwrap();
    let id = pair.client().offer(Nothing {}).await.unwrap().into_inner().id;
    let mut dialled = PeerClient::new(broker.dial(id).await.unwrap());
    dialled.echo(hello()).await.unwrap();
    let waiting = tokio::spawn({
        let broker = broker.clone();
        async move { broker.dial(99).await }
    });
    tokio::task::yield_now().await;

    broker.close();
    let error = within("the dial", waiting).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Shutdown, "broker closed"));
    assert_eq!(broker.accept(7).unwrap_err().to_string(), "broker closed");
    assert_eq!(broker.serve(Peer::new(&broker).server()).unwrap_err().kind(), ErrorKind::Shutdown);
    let error = Error::from(within("the call", dialled.echo(hello())).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Shutdown, "{error:?}");
    within("the server to stop", served.stop()).await;
}

#[tokio::test]
async fn the_end_of_the_plugin_is_told_to_who_dials_it_and_who_has_dialled_it_before() {
    for pair in Pair::each().await {
        let broker = pair.host.broker();
        let waiting = tokio::spawn({
            let broker = broker.clone();
            async move { broker.dial(99).await }
        });
        tokio::task::yield_now().await;
        drop(pair.plugin);
        for dialled in [within("the dial", waiting).await.unwrap(), within("the next", broker.dial(99)).await]
        {
            assert_eq!(dialled.unwrap_err().kind(), ErrorKind::Disconnected);
        }
        assert_eq!(broker.accept(7).unwrap_err().kind(), ErrorKind::Disconnected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_multiplexed_dial_of_a_number_that_nobody_serves_ends_after_five_seconds() {
    let pair = Pair::multiplexed(Secured::default()).await;
    let begin = tokio::time::Instant::now();
    let error = pair.host.broker().dial(77).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Timeout, "timeout waiting for multiplexing knock handshake on id 77")
    );
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_multiplexed_number_is_served_once_and_again_after_its_end() {
    let pair = Pair::multiplexed(Secured::default()).await;
    let broker = pair.host.broker();
    let serve = || {
        let mut services = broker.services();
        services.add(Peer::new(&broker).server()).unwrap();
        broker.accept_and_serve(7, services)
    };
    let served = serve().unwrap();
    assert_eq!(serve().unwrap_err().kind(), ErrorKind::Misuse);
    pair.client().call_back(Id { id: 7 }).await.unwrap();
    served.stop().await;
    let _served = serve().unwrap();
    pair.client().call_back(Id { id: 7 }).await.unwrap();
}

#[tokio::test]
async fn a_dropped_multiplexed_dial_confuses_no_other() {
    let pair = Pair::multiplexed(Secured::default()).await;
    let broker = pair.host.broker();
    for _ in 0..50 {
        let id = pair.client().offer(Nothing {}).await.unwrap().into_inner().id;
        // Given up at some point between the knock and the connection.
        let dialling = tokio::spawn({
            let broker = broker.clone();
            async move { broker.dial(id).await }
        });
        for _ in 0..id % 12 {
            tokio::task::yield_now().await;
        }
        dialling.abort();
        let other = pair.client().offer(Nothing {}).await.unwrap().into_inner().id;
        let channel = within("the dial", broker.dial(other)).await.unwrap();
        PeerClient::new(channel).echo(hello()).await.unwrap();
    }
}

/// A plugin that multiplexes, and a hostile host's session with it.
async fn hostile_session() -> (RunningServer, muxbroker::Session, GrpcChannel, [AbortOnDropHandle<()>; 1]) {
    let (ours, theirs) = duplex(64 << 10);
    let (sender, streams) = mpsc::channel(16);
    let mux = Mux::new(None);
    let session = muxbroker::Session::server(theirs, muxbroker::Config::default());
    let accepting = mux.clone();
    let accepting = tokio::spawn(async move { accepting.accept(session, Some(sender)).await });
    let broker = GrpcBroker::new(Ways::Multiplexed(mux.clone()), DEFAULT_MESSAGE_LIMIT, Security::default());
    let peer = Peer::new(&broker);
    let plugin = PluginServer::new(broker, Some(mux), Printed::default().outlet(), |_, services| {
        services.add(peer.server())
    });
    let plugin = plugin.unwrap().start(ReceiverStream::new(streams).map(Ok));

    let session = muxbroker::Session::client(ours, muxbroker::Config::default());
    let opening = session.clone();
    let dialer = Dialer::new(move || {
        let session = opening.clone();
        async move { Ok(session.open().await.unwrap()) }
    });
    let channel = connected(dialer).await;
    (plugin, session, channel, [AbortOnDropHandle::new(accepting)])
}

fn knock(service_id: u32, ack: bool) -> ConnInfo {
    let knock = Some(Knock { knock: true, ack, error: String::new() });
    ConnInfo { service_id, knock, ..ConnInfo::default() }
}

#[tokio::test]
async fn b17_knocks_and_streams_for_nobody_stop_nothing() {
    let (_plugin, session, channel, _accepting) = hostile_session().await;
    let (sender, receiver) = mpsc::channel(16);
    let mut client = GrpcBrokerClient::new(channel.clone());
    let _inbound = client.start_stream(ReceiverStream::new(receiver)).await.unwrap();
    for id in 0..5_000 {
        for message in [knock(id, false), knock(id, true), at(id, "unix", "/nowhere")] {
            sender.send(message).await.unwrap();
        }
    }
    // Streams that nobody announced go to the plugin's own server, which has no use for such bytes.
    for _ in 0..50 {
        let mut stray = session.open().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stray, b"not HTTP/2").await.unwrap();
    }
    within("an answer", PeerClient::new(channel).echo(hello())).await.unwrap();
}

#[tokio::test]
async fn a_knock_that_comes_before_its_listener_is_answered_with_it() {
    let (_plugin, _session, channel, _accepting) = hostile_session().await;
    let (sender, receiver) = mpsc::channel(16);
    let mut client = GrpcBrokerClient::new(channel.clone());
    let mut inbound = client.start_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    sender.send(knock(1, false)).await.unwrap();
    let id = PeerClient::new(channel).offer(Nothing {}).await.unwrap().into_inner().id;
    assert_eq!(id, 1);
    assert_eq!(within("the answer", inbound.message()).await.unwrap(), Some(knock(1, true)));
}

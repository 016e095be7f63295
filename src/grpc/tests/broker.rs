use super::*;
use go_plugin_proto::{ConnInfo, conn_info::Knock, grpc_broker_client::GrpcBrokerClient};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Server};

fn hello() -> Blob {
    Blob { data: b"hello".to_vec() }
}

#[tokio::test]
async fn the_plugin_calls_back_into_the_host() {
    let pair = Pair::new().await;
    let broker = pair.host.broker();
    let served = broker.serve(Peer::new(&broker).server()).unwrap();
    assert_eq!(served.id(), 1);
    let answer = pair.client().call_back(Id { id: served.id() }).await.unwrap();
    assert_eq!(answer.into_inner().data, b"called back");
}

#[tokio::test]
async fn the_host_dials_what_the_plugin_offers() {
    let pair = Pair::new().await;
    for expected in 1..=3 {
        let id = pair.client().offer(Nothing {}).await.unwrap().into_inner().id;
        assert_eq!(id, expected);
        let channel = pair.host.broker().dial(id).await.unwrap();
        assert_eq!(PeerClient::new(channel).echo(hello()).await.unwrap().into_inner(), hello());
    }
}

#[tokio::test]
async fn both_directions_use_one_number_without_confusion() {
    let pair = Pair::new().await;
    let broker = pair.host.broker();
    let served = broker.serve(Peer::new(&broker).server()).unwrap();
    let offered = pair.client().offer(Nothing {}).await.unwrap().into_inner().id;
    assert_eq!(offered, served.id());
    PeerClient::new(broker.dial(offered).await.unwrap()).echo(hello()).await.unwrap();
    pair.client().call_back(Id { id: served.id() }).await.unwrap();
}

#[tokio::test]
async fn many_connections_are_brokered_at_once() {
    let pair = Pair::new().await;
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

#[tokio::test]
async fn a_server_of_the_users_own_can_be_put_under_a_number() {
    let pair = Pair::new().await;
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
async fn hostile_host() -> (RunningServer, PeerClient<Channel>, mpsc::Sender<ConnInfo>, Streaming<ConnInfo>) {
    let (dialer, incoming) = wire();
    let (plugin, _) = plugin(&Printed::default(), incoming);
    let channel = dialer.connect(DEADLINE, CancellationToken::new()).await.unwrap();
    let (sender, receiver) = mpsc::channel(16);
    let mut client = GrpcBrokerClient::new(channel.clone());
    let inbound = client.start_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    (plugin, PeerClient::new(channel), sender, inbound)
}

fn at(service_id: u32, network: &str, address: &str) -> ConnInfo {
    ConnInfo { service_id, network: network.into(), address: address.into(), knock: None }
}

#[tokio::test]
async fn a_flood_of_connection_information_is_survived() {
    let (_plugin, mut client, sender, _inbound) = hostile_host().await;
    for id in 0..50_000 {
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
    assert_eq!((info.service_id, info.network.as_str(), info.knock), (id, "unix", None));
}

#[tokio::test]
async fn a_second_broker_stream_takes_over_from_the_first() {
    let (dialer, incoming) = wire();
    let (_plugin, _) = plugin(&Printed::default(), incoming);
    let channel = dialer.connect(DEADLINE, CancellationToken::new()).await.unwrap();
    let stream = || async {
        let (sender, receiver) = mpsc::channel::<ConnInfo>(16);
        let mut client = GrpcBrokerClient::new(channel.clone());
        (sender, client.start_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner())
    };
    let (_first_sender, mut first) = stream().await;
    let (_second_sender, mut second) = stream().await;
    assert_eq!(within("the first to end", first.message()).await.unwrap(), None);
    let id = PeerClient::new(channel.clone()).offer(Nothing {}).await.unwrap().into_inner().id;
    assert_eq!(within("the offer", second.message()).await.unwrap().unwrap().service_id, id);
}

#[tokio::test]
async fn offers_made_before_the_host_listens_reach_it() {
    let (dialer, incoming) = wire();
    let (_plugin, _) = plugin(&Printed::default(), incoming);
    let channel = dialer.connect(DEADLINE, CancellationToken::new()).await.unwrap();
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

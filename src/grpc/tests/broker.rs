use super::*;
use tonic::transport::Server;

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
    pair.host.shutdown(DEADLINE).await.unwrap();
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
    drop(pair);
    drop(broker);
    within("the directory to go", async {
        while dir.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

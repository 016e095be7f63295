//! Go plugins that die in the middle of something other than a call: what the host is told, and that it is told at once.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::Command,
    time::{Duration, Instant},
};

use futures_util::stream;
use go_plugin::{Client, Error, ErrorKind, Protocol, Result, netrpc::ByteStream};
use interop_tests::{
    courier::CourierPlugin,
    go_program,
    greeter::{GreeterPlugin, HANDSHAKE},
    grpc_peer::{
        self, PeerPlugin,
        proto::{Blob, Nothing, peer_client::PeerClient},
    },
    within, write_pattern,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt as _;

use crate::{
    runner::Own,
    support::{builder, go_greeter},
};

/// Until a death is told. What it takes are milliseconds; the rest is for a slow machine.
const AT_ONCE: Duration = Duration::from_secs(20);

/// More than any buffer between the two holds.
const MUCH: usize = 1 << 30;

fn shoot(client: &Client) {
    let pid = Pid::from_raw(client.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

fn is_told_at_once(error: &Error, since: Instant) {
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error:?}");
    assert!(since.elapsed() < AT_ONCE, "it took {:?}: {error:?}", since.elapsed());
}

#[tokio::test]
async fn a_plugin_that_dies_while_it_dispenses_is_told_with_its_status() {
    let mut command = go_greeter(Protocol::NetRpc);
    command.arg("-die-in-dispense");
    let client = within("the start", builder().command(command).start()).await.unwrap();
    let asked = Instant::now();
    let dispensed = within("the error", client.dispense::<GreeterPlugin>("greeter")).await;
    let error = dispensed.err().expect("a dead plugin has dispensed");
    is_told_at_once(&error, asked);
    assert_eq!(error.exit_status().unwrap().code(), Some(9), "{error}");
    assert!(error.to_string().contains("exit status: 9"), "{error}");
    within("the kill", client.kill()).await.unwrap();
}

fn says_that_it_was_shot(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error:?}");
    assert_eq!(error.exit_status().and_then(|status| status.signal()), Some(9), "{error}");
}

/// Not after the five seconds that the other side of a broker is given otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_dials_a_grpc_plugin_that_died_is_told_so_and_who_has_dialled_it_before() {
    for multiplex in [false, true] {
        let (client, peer) = grpc_peer::go_plugin(multiplex).await.unwrap();
        let offered = peer.client().offer(Nothing {}).await.unwrap().into_inner().id;
        let (broker, nobody) = (peer.broker.clone(), u32::MAX);
        let before = tokio::spawn(async move { broker.dial(nobody).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        shoot(&client);
        for dialled in [
            within("the dial before", before).await.unwrap(),
            within("the dial of what was served", peer.broker.dial(offered)).await,
            within("the dial of nothing", peer.broker.dial(nobody)).await,
        ] {
            says_that_it_was_shot(&dialled.unwrap_err());
        }
        says_that_it_was_shot(&peer.broker.accept(peer.broker.next_id()).unwrap_err());
    }
}

/// What runs the plugin removes the directory for the host's sockets with it.
#[tokio::test]
async fn a_broker_says_the_same_of_a_plugin_that_died_under_a_runner() {
    for multiplex in [false, true] {
        let builder = Client::builder(HANDSHAKE)
            .plugin("peer", PeerPlugin)
            .allowed_protocols([Protocol::Grpc])
            .multiplex_grpc(multiplex)
            .runner(|spec| async {
                let mut command = Command::new(go_program("grpcpeer"));
                command.arg("-plugin");
                Ok(Own::new(command, spec))
            });
        let client = within("the start", builder.start()).await.unwrap();
        let peer = within("the peer", client.dispense::<PeerPlugin>("peer")).await.unwrap();
        let pid = client.runner_id().trim_start_matches("own-").parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        within("the exit", client.exited()).await.unwrap();
        says_that_it_was_shot(&peer.broker.accept(peer.broker.next_id()).unwrap_err());
        says_that_it_was_shot(&within("the dial", peer.broker.dial(1)).await.unwrap_err());
    }
}

#[tokio::test]
async fn who_dials_a_net_rpc_plugin_that_died_is_told_so() {
    let (client, courier) = courier().await;
    let mut offered = Vec::new();
    for _ in 0..3 {
        offered.push(within("the offer", courier.produce(10)).await.unwrap());
    }
    shoot(&client);
    let [first, second, third] = offered.try_into().unwrap();
    says_that_it_was_shot(&within("the reader", first.into_reader()).await.err().unwrap());
    says_that_it_was_shot(&within("the writer", second.into_writer()).await.err().unwrap());
    says_that_it_was_shot(&within("the stream", third.into_stream()).await.err().unwrap());
}

async fn courier() -> (Client, std::sync::Arc<dyn interop_tests::courier::Courier>) {
    let mut command = Command::new(go_program("courierpeer"));
    command.arg("-plugin");
    let builder = Client::builder(HANDSHAKE).plugin("courier", CourierPlugin::client()).command(command);
    let client = within("the start", builder.start()).await.unwrap();
    let courier = within("the courier", client.dispense::<CourierPlugin>("courier")).await.unwrap();
    (client, courier)
}

/// Its end must not be taken for that of the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_from_a_net_rpc_plugin_that_died_fails() {
    let (client, courier) = courier().await;
    let produced = within("the stream", courier.produce(MUCH as i64)).await.unwrap();
    let mut reader = produced.into_reader().await.unwrap();
    within("the first bytes", reader.read_exact(&mut [0; 64])).await.unwrap();
    shoot(&client);
    let shot = Instant::now();
    let rest = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) => panic!("a clean end"),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    let error = within("the end", rest).await;
    assert!(shot.elapsed() < AT_ONCE, "{:?}", shot.elapsed());
    // The system may tell of the end or of a reset.
    assert!(
        matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset),
        "{error:?}"
    );
    assert_eq!(within("the exit", client.exited()).await.unwrap().signal(), Some(9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_to_a_net_rpc_plugin_that_died_fails_on_both_of_its_ends() {
    let (client, courier) = courier().await;
    let (mut near, far) = tokio::io::duplex(64 << 10);
    let writing = tokio::spawn(async move { write_pattern(&mut near, 0, MUCH, 64 << 10).await });
    let counting = courier.count(ByteStream::from_reader(far));
    let shooting = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        shoot(&client);
        Instant::now()
    };
    let (counted, shot) = within("the error", async { tokio::join!(counting, shooting) }).await;
    let error: Result<i64> = counted;
    let error = error.unwrap_err();
    is_told_at_once(&error, shot);
    assert_eq!(error.exit_status().unwrap().signal(), Some(9), "{error}");
    within("the writer's end", writing).await.unwrap().unwrap_err();
    assert!(shot.elapsed() < AT_ONCE, "{:?}", shot.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_on_a_brokered_connection_of_a_grpc_plugin_that_died_fails() {
    for multiplex in [false, true] {
        let (client, peer) = grpc_peer::go_plugin(multiplex).await.unwrap();
        let id = peer.client().offer(Nothing {}).await.unwrap().into_inner().id;
        let mut brokered = PeerClient::new(within("the dial", peer.broker.dial(id)).await.unwrap());
        let endless = stream::repeat_with(|| Blob { data: vec![7; 1000] });
        let mut answers = within("the stream", brokered.talk(endless)).await.unwrap().into_inner();
        within("the first answer", answers.message()).await.unwrap().unwrap();
        shoot(&client);
        let shot = Instant::now();
        let rest = async {
            loop {
                match answers.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("a clean end"),
                    Err(status) => return Error::from(status),
                }
            }
        };
        is_told_at_once(&within("the end", rest).await, shot);
    }
}

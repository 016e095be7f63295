//! Streams found by number.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::scripted::client_and_script;
use common::{pair, within};
use muxbroker::yamux::Flags;
use muxbroker::{Config, MuxBroker, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

fn brokers() -> (MuxBroker, MuxBroker) {
    let (client, server) = pair();
    (MuxBroker::new(client), MuxBroker::new(server))
}

async fn assert_joined(a: &mut muxbroker::Stream, b: &mut muxbroker::Stream) {
    a.write_all(b"ping").await.unwrap();
    b.write_all(b"pong").await.unwrap();
    let (mut question, mut answer) = ([0; 4], [0; 4]);
    within(async { tokio::try_join!(b.read_exact(&mut question), a.read_exact(&mut answer)) }).await.unwrap();
    assert_eq!((&question, &answer), (b"ping", b"pong"));
}

#[tokio::test]
async fn ids_start_at_one_on_each_side() {
    let (host, plugin) = brokers();
    assert_eq!((host.next_id(), host.next_id(), plugin.next_id()), (1, 2, 1));
}

#[tokio::test]
async fn dialled_stream_reaches_its_accept_whichever_comes_first_and_whoever_dials() {
    let (host, plugin) = brokers();
    for (acceptor, dialler) in [(&host, &plugin), (&plugin, &host)] {
        for (accept_after, dial_after) in [(0, 50), (50, 0)] {
            let id = acceptor.next_id();
            let (accepted, dialled) = within(async {
                tokio::join!(
                    async {
                        sleep(Duration::from_millis(accept_after)).await;
                        acceptor.accept(id).await
                    },
                    async {
                        sleep(Duration::from_millis(dial_after)).await;
                        dialler.dial(id).await
                    }
                )
            })
            .await;
            assert_joined(&mut accepted.unwrap(), &mut dialled.unwrap()).await;
        }
    }
}

#[tokio::test]
async fn id_travels_as_four_little_endian_bytes_and_comes_back() {
    let (session, mut peer) = client_and_script(Config::default());
    let broker = MuxBroker::new(session);
    let (dialled, ()) = tokio::join!(broker.dial(0x0403_0201), async {
        peer.expect_syn(1).await;
        peer.ack(1).await;
        peer.expect_data(1, &[1, 2, 3, 4]).await;
        peer.send_data(1, Flags::NONE, &[1, 2, 3, 4]).await;
    });
    dialled.unwrap();

    let (accepted, ()) = tokio::join!(broker.accept(7), async {
        peer.expect_fin(1).await;
        peer.send_data(2, Flags::SYN, &[7, 0]).await;
        peer.expect_ack(2).await;
        peer.send_data(2, Flags::NONE, &[0, 0]).await;
        peer.expect_data(2, &[7, 0, 0, 0]).await;
    });
    accepted.unwrap();
}

#[tokio::test]
async fn wrong_answer_to_a_dial_is_an_error_in_gos_words() {
    let (session, mut peer) = client_and_script(Config::default());
    let broker = MuxBroker::new(session);
    let (dialled, ()) = tokio::join!(broker.dial(3), async {
        peer.expect_syn(1).await;
        peer.send_data(1, Flags::ACK, &[4, 0, 0, 0]).await;
    });
    let error = dialled.unwrap_err();
    assert_eq!(error.to_string(), "bad ack: 4 (expected 3)");
    assert!(error.is_not_accepted() && !error.is_timeout());
}

#[tokio::test(start_paused = true)]
async fn accept_gives_up_after_five_seconds() {
    let (host, _plugin) = brokers();
    let before = Instant::now();
    let error = host.accept(1).await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 5);
    assert!(error.is_timeout() && !error.is_session_over());
    assert_eq!(error.to_string(), "timeout waiting for accept");
}

#[tokio::test(start_paused = true)]
async fn dial_of_an_id_nobody_accepts_ends_when_the_other_side_lets_it_go() {
    let (host, plugin) = brokers();
    let before = Instant::now();
    let error = host.dial(99).await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 5);
    assert!(error.is_not_accepted() && !error.is_timeout() && !error.is_session_over());
    assert!(error.to_string().contains("99"), "{error}");
    sleep(Duration::from_secs(1)).await;
    assert_eq!((host.session().num_streams(), plugin.session().num_streams()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn dial_to_a_peer_that_never_answers_has_its_own_deadline() {
    let (session, mut peer) = client_and_script(Config { keepalive_interval: None, ..Config::default() });
    let broker = MuxBroker::new(session);
    let before = Instant::now();
    let error = broker.dial(5).await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 10);
    assert!(error.is_timeout() && error.is_not_accepted());
    peer.expect_syn(1).await;
    peer.expect_data(1, &[5, 0, 0, 0]).await;
    peer.expect_fin(1).await;
}

// go-plugin: two unclaimed dials to one id block its broker for ever, while it holds its lock.
#[tokio::test(start_paused = true)]
async fn two_unclaimed_dials_to_one_id_do_not_block_the_broker() {
    let (host, plugin) = brokers();
    let before = Instant::now();
    let (first, second) = tokio::join!(host.dial(42), host.dial(42));
    assert!(first.unwrap_err().is_not_accepted() && second.unwrap_err().is_not_accepted());
    assert!(before.elapsed() <= Duration::from_secs(6));
    let id = plugin.next_id();
    let (accepted, dialled) = tokio::join!(plugin.accept(id), host.dial(id));
    assert_joined(&mut accepted.unwrap(), &mut dialled.unwrap()).await;
}

#[tokio::test]
async fn second_stream_for_a_parked_id_is_closed_and_the_first_is_served() {
    let (session, mut peer) = client_and_script(Config::default());
    let broker = MuxBroker::new(session);
    for id in [2, 4] {
        peer.send_data(id, Flags::SYN, &[9, 0, 0, 0]).await;
        peer.expect_ack(id).await;
    }
    peer.expect_fin(4).await;
    let accepted = within(broker.accept(9)).await.unwrap();
    assert_eq!(accepted.id(), 2);
    peer.expect_data(2, &[9, 0, 0, 0]).await;
}

// go-plugin: the id is read on the accept loop, so one silent stream stalls all brokering.
#[tokio::test]
async fn stream_that_never_sends_its_id_holds_up_no_other() {
    let (session, mut peer) = client_and_script(Config::default());
    let broker = MuxBroker::new(session);
    for id in (2..100).step_by(2) {
        peer.syn(id).await;
        peer.expect_ack(id).await;
    }
    peer.send_data(100, Flags::SYN, &[1, 0, 0, 0]).await;
    assert_eq!(within(broker.accept(1)).await.unwrap().id(), 100);
}

#[tokio::test(start_paused = true)]
async fn stream_that_never_sends_its_id_is_closed_after_five_seconds() {
    let (session, mut peer) = client_and_script(Config { keepalive_interval: None, ..Config::default() });
    let _broker = MuxBroker::new(session);
    peer.syn(2).await;
    peer.send_data(4, Flags::SYN | Flags::FIN, &[1, 0]).await;
    peer.expect_ack(2).await;
    peer.expect_ack(4).await;
    peer.expect_fin(4).await; // half an id and no more
    let before = Instant::now();
    peer.expect_fin(2).await;
    assert!((4..=5).contains(&before.elapsed().as_secs()));
}

#[tokio::test]
async fn flood_of_unclaimed_streams_is_bounded_and_the_broker_goes_on() {
    let (session, mut peer) = client_and_script(Config::default());
    let broker = MuxBroker::new(session);
    let mut closed = 0;
    for n in 1..=300u32 {
        peer.send_data(2 * n, Flags::SYN, &(1000 + n).to_le_bytes()).await;
        peer.expect_ack(2 * n).await;
        if n > 256 {
            peer.expect_fin(2 * n).await;
            closed += 1;
        }
    }
    assert_eq!(closed, 44);
    // Those that are parked are there.
    assert_eq!(within(broker.accept(1001)).await.unwrap().id(), 2);
}

#[tokio::test]
async fn dropped_accept_leaves_its_place_to_the_next() {
    let (host, plugin) = brokers();
    let id = plugin.next_id();
    assert!(tokio::time::timeout(Duration::from_millis(5), plugin.accept(id)).await.is_err());
    let (accepted, dialled) = within(async { tokio::join!(plugin.accept(id), host.dial(id)) }).await;
    assert_joined(&mut accepted.unwrap(), &mut dialled.unwrap()).await;
}

#[tokio::test]
async fn accept_and_serve_serves_in_the_background_until_its_guard_is_dropped() {
    let (host, plugin) = brokers();
    let serve = |mut stream: muxbroker::Stream| async move {
        let mut question = [0; 1];
        while stream.read_exact(&mut question).await.is_ok() {
            stream.write_all(&[question[0] + 1]).await.unwrap();
        }
    };
    let guard = plugin.accept_and_serve(plugin.next_id(), serve);
    let mut stream = within(host.dial(guard.id())).await.unwrap();
    stream.write_all(&[1]).await.unwrap();
    assert_eq!(within(stream.read_u8()).await.unwrap(), 2);
    drop(guard);
    assert_eq!(within(stream.read(&mut [0; 1])).await.unwrap(), 0, "the server and its stream are gone");

    let guard = plugin.accept_and_serve(plugin.next_id(), serve);
    let stream = within(host.dial(guard.id())).await.unwrap();
    drop(stream);
    within(guard.join()).await.unwrap();

    let id = plugin.accept_and_serve(plugin.next_id(), serve).detach();
    let mut stream = within(host.dial(id)).await.unwrap();
    stream.write_all(&[7]).await.unwrap();
    assert_eq!(within(stream.read_u8()).await.unwrap(), 8);
}

#[tokio::test]
async fn panic_of_a_server_is_told_and_closes_its_stream_only() {
    let (host, plugin) = brokers();
    let guard = plugin.accept_and_serve(plugin.next_id(), |_stream| async { panic!("a bug of the server") });
    let mut stream = within(host.dial(guard.id())).await.unwrap();
    assert_eq!(within(stream.read(&mut [0; 1])).await.unwrap(), 0);
    let error = within(guard.join()).await.unwrap_err();
    assert!(error.to_string().contains("panicked") && !error.is_session_over());
    within(host.session().ping()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn server_that_nobody_dials_ends_by_itself() {
    let (_host, plugin) = brokers();
    let guard = plugin.accept_and_serve(plugin.next_id(), |_| async { panic!("nobody dialled") });
    assert!(guard.join().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn accepts_and_dials_under_way_end_with_the_session() {
    let (session, peer) = client_and_script(Config::default());
    let broker = MuxBroker::new(session);
    let (accept, dial) = (broker.accept(1), broker.dial(2));
    let (accepted, dialled, ()) = within(async {
        tokio::join!(accept, dial, async {
            sleep(Duration::from_millis(20)).await;
            drop(peer);
        })
    })
    .await;
    assert!(accepted.unwrap_err().is_remote_closed());
    assert!(dialled.unwrap_err().is_remote_closed());
    assert!(broker.accept(3).await.unwrap_err().is_session_over());
    assert!(broker.dial(3).await.unwrap_err().is_session_over());
}

#[tokio::test]
async fn broker_does_not_keep_a_session_alive_that_nobody_holds() {
    let (client, server) = pair();
    drop(MuxBroker::new(client));
    assert!(within(server.closed()).await.is_remote_closed());
}

#[tokio::test]
async fn brokered_stream_outlives_its_broker() {
    let (host, plugin) = brokers();
    let (accepted, dialled) = within(async { tokio::join!(plugin.accept(1), host.dial(1)) }).await;
    let (mut accepted, mut dialled) = (accepted.unwrap(), dialled.unwrap());
    drop((host, plugin));
    assert_joined(&mut accepted, &mut dialled).await;
}

#[tokio::test]
async fn broker_takes_over_after_the_fixed_streams() {
    let (client, server): (Session, Session) = pair();
    let mut fixed = Vec::new();
    for _ in 0..3 {
        fixed.push((within(client.open()).await.unwrap(), within(server.accept()).await.unwrap()));
    }
    let (host, plugin) = (MuxBroker::new(client), MuxBroker::new(server));
    let (accepted, dialled) = within(async { tokio::join!(plugin.accept(1), host.dial(1)) }).await;
    assert_eq!((accepted.unwrap().id(), dialled.unwrap().id()), (7, 7));
    for (ours, theirs) in &mut fixed {
        assert_joined(ours, theirs).await;
    }
}

//! Ping and keepalive.

use std::time::Duration;

use interop_tests::{stop, within};
use muxbroker::Config;
use tokio::time::sleep;

use crate::pair::{Pair, Role, in_every_setting};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_ping() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        assert!(pair.session.ping().await.unwrap() > Duration::ZERO);
        assert_ne!(pair.go.tell("ping").await, "0s");
        let (ours, theirs) = tokio::join!(pair.session.ping(), pair.go.tell("ping"));
        assert!(ours.is_ok(), "{ours:?}, Go: {theirs}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keepalives_of_both_sides_are_answered() {
    let config = Config { keepalive_interval: Some(Duration::from_millis(100)), ..Config::default() };
    in_every_setting(&["-keepalive-interval", "100ms"], config, async |pair: Pair| {
        within("keepalives", async {
            while pair.go.number("frames ping+syn").await < 5 || pair.go.number("frames ping+ack").await < 5 {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        pair.check_echo().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pong_does_not_wait_for_a_stream_that_nobody_reads() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (_unread, id) = pair.accept().await;
        let fill = format!("write {id} 256000 100");
        pair.go.tell(&fill).await;
        pair.go.tell("ping").await;
        assert!(pair.session.ping().await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_peer_is_noticed_by_the_keepalive() {
    let config = Config {
        keepalive_interval: Some(Duration::from_millis(200)),
        keepalive_timeout: Some(Duration::from_millis(800)),
        ..Config::default()
    };
    for role in [Role::Client, Role::Server] {
        let pair = Pair::new(role, None, &[], config.clone()).await;
        let (mut stream, _) = pair.open().await;
        stop(pair.go.pid().unwrap()).await;
        let cause = within("the keepalive timeout", pair.session.closed()).await;
        assert!(cause.is_keepalive_timeout(), "{cause:?}");
        let error = tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap_err();
        assert!(muxbroker::Error::from_io(&error).unwrap().is_keepalive_timeout(), "{error:?}");
    }
}

//! The ends of streams and of sessions.

use std::time::Duration;

use interop_tests::{read_pattern, read_pattern_to_end, within, write_pattern};
use muxbroker::{Config, Error, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use crate::pair::{Pair, echo, in_every_setting};

/// What reading a stream ends with. A clean end has no error.
async fn read_error(mut stream: Stream) -> Option<Error> {
    let mut byte = [0];
    match within("the end of the stream", stream.read(&mut byte)).await {
        Ok(n) => {
            assert_eq!(n, 0, "a byte instead of an end");
            None
        }
        Err(e) => Some(Error::from_io(&e).unwrap().clone()),
    }
}

/// Writes until that fails.
async fn write_error(mut stream: Stream) -> Error {
    let failed = async {
        loop {
            if let Err(e) = stream.write_all(b"x").await {
                return e;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let error = within("a write to fail", failed).await;
    Error::from_io(&error).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_a_closed_session_a_dead_process_and_a_local_close_are_told_apart() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (finished, id) = pair.open().await;
        pair.go.tell(&format!("half {id}")).await;
        assert!(read_error(finished).await.is_none());

        let (closed, _) = pair.open().await;
        pair.go.tell("close").await;
        let error = read_error(closed).await.unwrap();
        assert!(error.is_remote_closed() && !error.is_reset(), "{error:?}");
        assert!(pair.session.closed().await.is_remote_closed());
    })
    .await;
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (stream, _) = pair.open().await;
        pair.go.kill().await;
        let error = read_error(stream).await.unwrap();
        assert!(error.is_session_over() && !error.is_reset() && !error.is_local_closed(), "{error:?}");
        assert!(pair.session.open().await.unwrap_err().is_session_over());
        assert!(pair.session.accept().await.unwrap_err().is_session_over());
    })
    .await;
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (stream, _) = pair.open().await;
        pair.session.close().await;
        let error = read_error(stream).await.unwrap();
        assert!(error.is_local_closed(), "{error:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_go_gave_up_is_reset() {
    in_every_setting(&["-close-timeout", "300ms"], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.accept().await;
        pair.go.tell(&format!("half {id}")).await;
        assert_eq!(read_pattern_to_end(&mut stream, 0).await.unwrap(), 0);
        let error = write_error(stream).await;
        assert!(error.is_reset(), "{error:?}");
        pair.check_echo().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_stream_that_go_never_finishes_is_reset_after_our_close_timeout() {
    let config = Config { stream_close_timeout: Some(Duration::from_millis(300)), ..Config::default() };
    in_every_setting(&[], config, async |pair: Pair| {
        let (stream, id) = pair.open().await;
        drop(stream);
        within("the reset", async {
            while pair.go.number("frames window+rst").await + pair.go.number("frames data+rst").await == 0 {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert_eq!(pair.session.num_streams(), 0);
        assert_eq!(
            pair.go.ask(&format!("write {id} 10")).await.unwrap_err(),
            "after 0 bytes: connection reset"
        );
        pair.check_echo().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_our_go_away_go_opens_no_more_and_the_others_live_on() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (stream, id) = pair.accept().await;
        pair.session.go_away();
        pair.session.ping().await.unwrap();
        assert_eq!(pair.go.ask("open").await.unwrap_err(), "remote end is not accepting connections");
        echo(&pair.go, stream, id, 100_000).await;
        pair.check_echo().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_go_away_of_go_we_open_no_more_and_the_others_live_on() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (stream, id) = pair.open().await;
        pair.go.tell("goaway").await;
        pair.session.ping().await.unwrap();
        assert!(pair.session.open().await.unwrap_err().is_go_away());
        echo(&pair.go, stream, id, 100_000).await;
        let (stream, id) = pair.accept().await;
        echo(&pair.go, stream, id, 100_000).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_we_wrote_before_closing_the_session_arrives() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.open().await;
        write_pattern(&mut stream, 0, 200_000, 1000).await.unwrap();
        pair.session.close().await;
        assert_eq!(pair.go.number(&format!("drain {id}")).await, 200_000);
        assert_eq!(pair.go.tell("reason").await, "EOF");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_go_wrote_before_it_closed_the_session_can_be_read() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.accept().await;
        pair.go.tell(&format!("write {id} 200000")).await;
        // Go's writes return when the socket has them, so that they are under way now.
        pair.go.tell("close").await;
        assert!(within("the end", pair.session.closed()).await.is_remote_closed());
        read_pattern(&mut stream, 0, 200_000).await.unwrap();
        assert!(read_error(stream).await.unwrap().is_remote_closed());
    })
    .await;
}

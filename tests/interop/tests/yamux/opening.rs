//! Opening, accepting and refusing streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use interop_tests::{read_pattern, read_pattern_to_end, within, write_pattern};
use muxbroker::{Config, Error};
use tokio::{io::AsyncReadExt, task::JoinSet, time::sleep};

use crate::pair::{Pair, Role, in_every_setting};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_outlives_the_open_timeout_of_go() {
    // Go ends the whole session when an ACK takes longer. Upstream waits 75 s.
    in_every_setting(&["-open-timeout", "500ms"], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.accept().await;
        sleep(Duration::from_millis(1200)).await;
        assert_eq!(pair.go.tell("closed").await, "false");
        write_pattern(&mut stream, 0, 10, 10).await.unwrap();
        assert_eq!(pair.go.number(&format!("read {id} 10")).await, 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_ends_a_session_whose_stream_nobody_accepted() {
    // The counterpart of the test above: it is the ACK that keeps the session alive.
    let pair = Pair::new(Role::Server, None, &["-open-timeout", "500ms"], Config::default()).await;
    pair.go.number("open").await;
    assert_eq!(pair.go.tell("reason").await, "session shutdown");
    assert!(within("the end", pair.session.closed()).await.is_session_over());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_sees_three_streams_though_only_the_first_is_written_to() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let mut control = pair.session.open().await.unwrap();
        let _stdout = pair.session.open().await.unwrap();
        let _stderr = pair.session.open().await.unwrap();
        write_pattern(&mut control, 0, 100, 100).await.unwrap();
        for id in pair.role.ids(3) {
            assert_eq!(pair.go.number("accept").await, u64::from(id));
        }
        assert_eq!(pair.go.number(&format!("read {} 100", control.id())).await, 100);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_open_at_once_with_ids_of_their_own() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        for _ in 0..5 {
            let ((ours, _), (theirs, _)) = tokio::join!(pair.open(), pair.accept());
            assert_ne!(ours.id() % 2, theirs.id() % 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_opens_before_go_accepts_are_delayed_but_not_reset() {
    const STREAMS: usize = 300;
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let opened = Arc::new(AtomicUsize::new(0));
        let mut opening = JoinSet::new();
        for _ in 0..STREAMS {
            let (session, opened) = (pair.session.clone(), Arc::clone(&opened));
            opening.spawn(async move {
                let stream = session.open().await.unwrap();
                opened.fetch_add(1, Ordering::SeqCst);
                stream
            });
        }
        within("256 opens", async {
            while opened.load(Ordering::SeqCst) < 256 {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        sleep(Duration::from_millis(200)).await;
        assert_eq!(opened.load(Ordering::SeqCst), 256, "as many as Go's backlog holds");
        for _ in 0..STREAMS {
            pair.go.number("accept").await;
        }
        // All are open; a sample shows that they carry bytes.
        for mut stream in within("the opens", opening.join_all()).await.into_iter().step_by(25) {
            write_pattern(&mut stream, 0, 10, 10).await.unwrap();
            assert_eq!(pair.go.number(&format!("read {} 10", stream.id())).await, 10);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_streams_of_go_wait_until_we_accept() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let opens = async {
            for _ in 0..300 {
                pair.go.number("open").await;
            }
        };
        let accepts = async {
            sleep(Duration::from_millis(200)).await;
            let mut streams = Vec::new();
            for _ in 0..300 {
                streams.push(within("a stream", pair.session.accept()).await.unwrap());
            }
            streams
        };
        let ((), streams) = tokio::join!(opens, accepts);
        let last = &mut { streams }[299];
        write_pattern(&mut *last, 0, 10, 10).await.unwrap();
        assert_eq!(pair.go.number(&format!("read {} 10", last.id())).await, 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_beyond_our_backlog_are_reset_and_no_others() {
    let config = Config { accept_backlog: 8, ..Config::default() };
    in_every_setting(&[], config, async |pair: Pair| {
        let mut ids = Vec::new();
        for _ in 0..12 {
            ids.push(pair.go.number("open").await);
        }
        for refused in &ids[8..] {
            let error = pair.go.ask(&format!("read {refused} 1")).await.unwrap_err();
            assert_eq!(error, "after 0 bytes: connection reset");
        }
        for id in &ids[..8] {
            let mut stream = pair.session.accept().await.unwrap();
            assert_eq!(u64::from(stream.id()), *id);
            write_pattern(&mut stream, 0, 10, 10).await.unwrap();
            assert_eq!(pair.go.number(&format!("read {id} 10")).await, 10);
        }
        let (_stream, next) = pair.accept().await;
        assert_eq!(u64::from(next), ids[11] + 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_beyond_the_backlog_of_go_read_as_reset() {
    in_every_setting(&["-backlog", "4"], Config::default(), async |pair: Pair| {
        let mut streams = Vec::new();
        for _ in 0..6 {
            streams.push(pair.session.open().await.unwrap());
        }
        for refused in &mut streams[4..] {
            let error = within("the reset", refused.read_u8()).await.unwrap_err();
            assert!(Error::from_io(&error).unwrap().is_reset(), "{error:?}");
        }
        for accepted in &mut streams[..4] {
            assert_eq!(pair.go.number("accept").await, u64::from(accepted.id()));
            pair.go.tell(&format!("write {} 10", accepted.id())).await;
            read_pattern(accepted, 0, 10).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_go_does_not_accept_in_time_is_reset_alone() {
    let config = Config { stream_open_timeout: Some(Duration::from_millis(500)), ..Config::default() };
    in_every_setting(&[], config, async |pair: Pair| {
        let (accepted, id) = pair.open().await;
        let mut unaccepted = pair.session.open().await.unwrap();
        let error = within("the open timeout", unaccepted.read_u8()).await.unwrap_err();
        assert!(Error::from_io(&error).unwrap().is_open_timeout(), "{error:?}");
        crate::pair::echo(&pair.go, accepted, id, 100_000).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_have_ended_leave_nothing_behind() {
    const STREAMS: u64 = 20;
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        for _ in 0..STREAMS {
            pair.check_echo().await;
            let (stream, id) = pair.accept().await;
            drop(stream);
            assert_eq!(pair.go.number(&format!("drain {id}")).await, 0);
            pair.go.tell(&format!("half {id}")).await;
        }
        // A round trip, so that the last FIN has arrived.
        pair.go.tell("ping").await;
        assert_eq!(pair.session.num_streams(), 0);
        assert_eq!(pair.go.number("live").await, 0);
        let fins = pair.go.number("frames window+fin").await + pair.go.number("frames data+fin").await;
        assert_eq!(fins, 2 * STREAMS, "a second FIN on one stream would end the session");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_stream_reads_as_its_end() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.open().await;
        write_pattern(&mut stream, 0, 1000, 1000).await.unwrap();
        drop(stream);
        assert_eq!(pair.go.number(&format!("drain {id}")).await, 1000);
        let (mut stream, id) = pair.accept().await;
        pair.go.tell(&format!("write {id} 1000")).await;
        pair.go.tell(&format!("half {id}")).await;
        assert_eq!(read_pattern_to_end(&mut stream, 0).await.unwrap(), 1000);
    })
    .await;
}

//! Raw brokered streams.

use std::time::Duration;

use interop_tests::{read_pattern, read_pattern_to_end, within, write_pattern};
use muxbroker::Stream;
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::connection::{Connection, Side, on_both_sides};

const MIB: usize = 1 << 20;

/// Both ways through one stream; `handle` is Go's name for it.
async fn check(connection: &Connection, mut stream: Stream, handle: u64) {
    let go = &connection.go;
    let (write, drain) = (format!("write {handle} {MIB}"), format!("drain {handle}"));
    let all = async {
        let ours = async {
            write_pattern(&mut stream, 0, MIB, 100_000).await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let ((), drained) = tokio::join!(ours, go.number(&drain));
        assert_eq!(drained as usize, MIB);
        let theirs = async {
            go.number(&write).await;
            go.tell(&format!("half {handle}")).await;
        };
        let ((), read) = tokio::join!(theirs, read_pattern_to_end(&mut stream, 0));
        assert_eq!(read.unwrap(), MIB);
    };
    within("1 MiB each way", all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_meets_its_accept_whichever_comes_first() {
    const LATER: Duration = Duration::from_millis(300);
    on_both_sides(async |connection: Connection| {
        let (go, broker) = (&connection.go, &connection.broker);
        for (dial_after, accept_after) in [(Duration::ZERO, LATER), (LATER, Duration::ZERO)] {
            let id = broker.next_id();
            let dial = async {
                sleep(dial_after).await;
                go.number(&format!("dial {id}")).await
            };
            let accept = async {
                sleep(accept_after).await;
                broker.accept(id).await.unwrap()
            };
            let (handle, stream) = tokio::join!(dial, accept);
            check(&connection, stream, handle).await;

            let id = go.number("next").await as u32;
            let dial = async {
                sleep(dial_after).await;
                broker.dial(id).await.unwrap()
            };
            let accept = async {
                sleep(accept_after).await;
                go.number(&format!("accept {id}")).await
            };
            let (stream, handle) = tokio::join!(dial, accept);
            check(&connection, stream, handle).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_find_their_ids() {
    on_both_sides(async |connection: Connection| {
        let (go, broker) = (&connection.go, &connection.broker);
        // The ids are met in the opposite order.
        let ids: Vec<u32> = (0..20).map(|_| broker.next_id()).collect();
        let dials = ids.iter().map(|id| async move { go.number(&format!("dial {id}")).await });
        let accepts = ids.iter().rev().map(|id| async move { broker.accept(*id).await.unwrap() });
        let both = async {
            tokio::join!(futures_util::future::join_all(dials), futures_util::future::join_all(accepts))
        };
        let (handles, streams) = within("the streams", both).await;
        for (handle, mut stream) in handles.iter().zip(streams.into_iter().rev()) {
            go.tell(&format!("write {handle} 100")).await;
            read_pattern(&mut stream, 0, 100).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dials_that_nobody_accepts_end_and_stop_nothing() {
    // In Go's broker the second one blocks everything for ever.
    on_both_sides(async |connection: Connection| {
        let (first, second) = tokio::join!(connection.go.ask("dial 77"), connection.go.ask("dial 77"));
        assert_eq!((first, second), (Err("EOF".to_owned()), Err("EOF".to_owned())));
        connection.check_dispense().await;
        let id = connection.broker.next_id();
        let dial = format!("dial {id}");
        let (handle, stream) = tokio::join!(connection.go.number(&dial), connection.broker.accept(id));
        check(&connection, stream.unwrap(), handle).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_dials_that_go_does_not_accept_end() {
    on_both_sides(async |connection: Connection| {
        // Together, as that is what wedges Go's broker.
        let both = async { tokio::join!(connection.broker.dial(77), connection.broker.dial(77)) };
        let (first, second) = within("the dials", both).await;
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert!(error.is_not_accepted(), "{error:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_that_nobody_dials_times_out_as_in_go() {
    let connection = Connection::new(Side::Host).await;
    let (ours, theirs) = tokio::join!(connection.broker.accept(77), connection.go.ask("accept 78"));
    assert_eq!(theirs, Err("timeout waiting for accept".to_owned()));
    let error = ours.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.to_string(), "timeout waiting for accept");
}

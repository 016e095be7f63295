//! Windows, large writes and half-closed streams.

use interop_tests::{read_pattern, read_pattern_to_end, within, write_pattern};
use muxbroker::{Config, Session, Stream};
use tokio::{io::AsyncWriteExt, net::UnixStream, task::JoinSet};

use crate::pair::{Pair, echo, in_every_setting};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_writes_four_mebibytes_at_once() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.accept().await;
        let command = format!("write {id} {}", 4 * MIB);
        let both = async { tokio::join!(pair.go.number(&command), read_pattern(&mut stream, 0, 4 * MIB)) };
        let (written, read) = within("4 MiB from Go", both).await;
        assert_eq!(written as usize, 4 * MIB);
        read.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_write_four_mebibytes_at_once() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.open().await;
        let write = async {
            write_pattern(&mut stream, 0, 4 * MIB, 4 * MIB).await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let command = format!("drain {id}");
        let ((), drained) =
            within("4 MiB to Go", async { tokio::join!(write, pair.go.number(&command)) }).await;
        assert_eq!(drained as usize, 4 * MIB);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_mebibytes_reach_go_after_it_has_half_closed() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.accept().await;
        pair.go.tell(&format!("write {id} 100")).await;
        pair.go.tell(&format!("half {id}")).await;
        assert_eq!(read_pattern_to_end(&mut stream, 0).await.unwrap(), 100);
        let write = async {
            write_pattern(&mut stream, 0, 4 * MIB, MIB).await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let command = format!("drain {id}");
        let ((), drained) =
            within("4 MiB to Go", async { tokio::join!(write, pair.go.number(&command)) }).await;
        assert_eq!(drained as usize, 4 * MIB);
        pair.go.tell("ping").await;
        assert_eq!((pair.session.num_streams(), pair.go.number("live").await), (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_mebibytes_of_go_reach_us_after_we_have_half_closed() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut stream, id) = pair.open().await;
        write_pattern(&mut stream, 0, 100, 100).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(pair.go.number(&format!("drain {id}")).await, 100);
        let write = async {
            pair.go.number(&format!("write {id} {}", 4 * MIB)).await;
            pair.go.tell(&format!("half {id}")).await;
        };
        let ((), read) =
            within("4 MiB from Go", async { tokio::join!(write, read_pattern_to_end(&mut stream, 0)) }).await;
        assert_eq!(read.unwrap(), 4 * MIB);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_we_do_not_read_holds_up_no_other() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut unread, id) = pair.accept().await;
        // In tiny frames, more than the window holds: Go has to stop in between.
        let command = format!("write {id} {MIB} 100");
        let others = async {
            for _ in 0..10 {
                let (stream, id) = pair.open().await;
                echo(&pair.go, stream, id, 200_000).await;
            }
            read_pattern(&mut unread, 0, MIB).await.unwrap();
        };
        let (written, ()) = tokio::join!(pair.go.number(&command), within("the others", others));
        assert_eq!(written as usize, MIB);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_go_does_not_read_holds_up_no_other() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (mut unread, id) = pair.open().await;
        let others = async {
            for _ in 0..10 {
                let (stream, id) = pair.open().await;
                echo(&pair.go, stream, id, 200_000).await;
            }
            pair.go.number(&format!("read {id} {MIB}")).await
        };
        let both = async { tokio::join!(write_pattern(&mut unread, 0, MIB, 100), others) };
        let (written, read) = within("the others", both).await;
        written.unwrap();
        assert_eq!(read as usize, MIB);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_streams_carry_four_mebibytes_there_and_back_at_the_same_time() {
    in_every_setting(&[], Config::default(), async |pair: Pair| {
        let (a, b, c, d) = (pair.open().await, pair.accept().await, pair.open().await, pair.accept().await);
        tokio::join!(
            echo(&pair.go, a.0, a.1, 4 * MIB),
            echo(&pair.go, b.0, b.1, 4 * MIB),
            echo(&pair.go, c.0, c.1, 4 * MIB),
            echo(&pair.go, d.0, d.1, 4 * MIB),
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_duplex_streams_between_two_of_ours_do_not_deadlock() {
    let (one, other) = UnixStream::pair().unwrap();
    let (client, server) =
        (Session::client(one, Config::default()), Session::server(other, Config::default()));
    let mut ends = JoinSet::new();
    for _ in 0..8 {
        let (near, far) = tokio::join!(client.open(), server.accept());
        ends.spawn(duplex(near.unwrap()));
        ends.spawn(duplex(far.unwrap()));
    }
    within("the eight streams", ends.join_all()).await;
}

/// Writes and reads at the same time, the writes larger than any window.
async fn duplex(stream: Stream) {
    let (reader, mut writer) = stream.into_split();
    let write = async {
        write_pattern(&mut writer, 0, 8 * MIB, MIB).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let ((), read) = tokio::join!(write, read_pattern_to_end(reader, 0));
    assert_eq!(read.unwrap(), 8 * MIB);
}

//! Much data, many streams, and streams that nobody reads.
#![allow(clippy::unwrap_used)]

mod common;

use common::{pair, pair_over, pattern, until, within};
use muxbroker::{Config, Session, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

/// Sends `len` bytes of the pattern over one stream in writes of `step` and checks them in reads of `step`.
async fn send_through(client: &Session, server: &Session, len: usize, step: usize) {
    let writing = async {
        let mut stream = client.open().await.unwrap();
        let block = pattern(251 * 1024);
        let mut sent = 0;
        while sent < len {
            let from = sent % 251;
            let n = step.min(len - sent).min(block.len() - from);
            stream.write_all(&block[from..from + n]).await.unwrap();
            sent += n;
        }
    };
    let reading = async {
        let mut stream = server.accept().await.unwrap();
        let mut buffer = vec![0; step];
        let mut got = 0usize;
        loop {
            let n = stream.read(&mut buffer).await.unwrap();
            if n == 0 {
                break;
            }
            for (i, byte) in buffer[..n].iter().enumerate() {
                assert_eq!(*byte, ((got + i) % 251) as u8, "at {}", got + i);
            }
            got += n;
        }
        assert_eq!(got, len);
    };
    within(async { tokio::join!(writing, reading) }).await;
}

#[tokio::test]
async fn one_stream_carries_much_data_in_small_reads() {
    let (client, server) = pair();
    send_through(&client, &server, 16 * 1024 * 1024, 4096).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_carry_the_same_bytes_in_both_roles() {
    let (a, b) = UnixStream::pair().unwrap();
    let (client, server) = (Session::client(a, Config::default()), Session::server(b, Config::default()));
    send_through(&client, &server, 8 * 1024 * 1024, 100_000).await;
    send_through(&server, &client, 8 * 1024 * 1024, 100_000).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (a, b) = tokio::join!(TcpStream::connect(address), listener.accept());
    let client = Session::client(a.unwrap(), Config::default());
    let server = Session::server(b.unwrap().0, Config::default());
    send_through(&client, &server, 8 * 1024 * 1024, 100_000).await;
    send_through(&server, &client, 8 * 1024 * 1024, 100_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_streams_carry_much_data_at_once() {
    const EACH: u64 = 4 * 1024 * 1024;
    let (client, server) = pair();
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (client, server) = (client.clone(), server.clone());
        tasks.spawn(async move {
            let mut stream = server.accept().await.unwrap();
            let mut header = [0; 4];
            stream.read_exact(&mut header).await.unwrap();
            assert_eq!(header, [0, 1, 2, 3]);
            assert_eq!(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap(), EACH);
        });
        tasks.spawn(async move {
            let mut stream = client.open().await.unwrap();
            stream.write_all(&[0, 1, 2, 3]).await.unwrap();
            tokio::io::copy(&mut tokio::io::repeat(9).take(EACH), &mut stream).await.unwrap();
        });
    }
    within(async { while tasks.join_next().await.transpose().unwrap().is_some() {} }).await;
    until(|| client.num_streams() == 0 && server.num_streams() == 0).await;
}

#[tokio::test]
async fn fifty_streams_send_one_way_at_once() {
    let (client, server) = pair();
    let mut tasks = JoinSet::new();
    for n in 0..50u32 {
        let (client, server) = (client.clone(), server.clone());
        tasks.spawn(async move {
            let mut stream = server.accept().await.unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await.unwrap();
            assert_eq!(got.len(), 512 * 100);
            assert!(got.chunks(512).all(|part| part == &got[..512]));
        });
        tasks.spawn(async move {
            let mut stream = client.open().await.unwrap();
            for _ in 0..100 {
                stream.write_all(&[n as u8; 512]).await.unwrap();
            }
        });
    }
    within(async { while tasks.join_next().await.transpose().unwrap().is_some() {} }).await;
}

#[tokio::test]
async fn fifty_streams_ask_and_answer_at_once() {
    let (client, server) = pair();
    let mut tasks = JoinSet::new();
    for n in 0..50u32 {
        let (client, server) = (client.clone(), server.clone());
        tasks.spawn(async move {
            let mut stream = server.accept().await.unwrap();
            let mut buffer = [0; 4];
            while stream.read_exact(&mut buffer).await.is_ok() {
                stream.write_all(&buffer).await.unwrap();
            }
        });
        tasks.spawn(async move {
            let mut stream = client.open().await.unwrap();
            for round in 0..1000u32 {
                let question = (n << 16 | round).to_be_bytes();
                stream.write_all(&question).await.unwrap();
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, question);
            }
        });
    }
    within(async { while tasks.join_next().await.transpose().unwrap().is_some() {} }).await;
}

async fn pump(mut stream: Stream, mut other: Stream) {
    let echo = async {
        let (mut read, mut write) = tokio::io::split(&mut other);
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    };
    let ask = async {
        for n in 0..100u32 {
            stream.write_all(&n.to_be_bytes()).await.unwrap();
            assert_eq!(stream.read_u32().await.unwrap(), n);
        }
        stream.shutdown().await.unwrap();
    };
    tokio::join!(echo, ask);
}

#[tokio::test]
async fn stream_that_nobody_reads_holds_up_no_other() {
    let (client, server) = pair();
    within(async {
        let mut stuck = client.open().await.unwrap();
        let _unread = server.accept().await.unwrap();
        // Tiny writes until the window is used up, as a log that nobody fetches.
        let stuck = tokio::spawn(async move {
            loop {
                stuck.write_all(&[b'l'; 100]).await.unwrap();
            }
        });
        until(|| client.stats().bytes_sent == 256 * 1024).await;
        let ours = client.open().await.unwrap();
        let theirs = server.accept().await.unwrap();
        pump(ours, theirs).await;
        stuck.abort();
    })
    .await;
}

#[tokio::test]
async fn unaccepted_streams_full_of_data_hold_up_no_other() {
    let (client, server) = pair_over(8192, Config::default(), Config::default());
    within(async {
        let mut kept = Vec::new();
        for _ in 0..20 {
            let mut stream = client.open().await.unwrap();
            stream.write_all(&vec![1; 256 * 1024]).await.unwrap();
            kept.push(stream);
        }
        let ours = server.open().await.unwrap();
        let theirs = client.accept().await.unwrap();
        pump(ours, theirs).await;
        for _ in 0..20 {
            let mut stream = server.accept().await.unwrap();
            drop(kept.remove(0));
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await.unwrap();
            assert_eq!(got.len(), 256 * 1024);
        }
    })
    .await;
}

#[tokio::test]
async fn eight_streams_both_ways_over_a_slow_pipe_do_not_deadlock() {
    let (client, server) = pair_over(512, Config::default(), Config::default());
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (from, to) = (from.clone(), to.clone());
            tasks.spawn(async move {
                let mut stream = from.open().await.unwrap();
                stream.write_all(&pattern(300_000)).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut echo = Vec::new();
                stream.read_to_end(&mut echo).await.unwrap();
                assert!(echo == pattern(300_000));
            });
            tasks.spawn(async move {
                let mut stream = to.accept().await.unwrap();
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                stream.write_all(&all).await.unwrap();
            });
        }
    }
    within(async { while tasks.join_next().await.transpose().unwrap().is_some() {} }).await;
}

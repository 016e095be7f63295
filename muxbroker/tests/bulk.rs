//! Much data, many streams, and streams that nobody reads.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{pair, pair_over, pattern, until, within};
use muxbroker::{Config, Session, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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

/// Two sessions joined by a TCP connection.
async fn tcp_pair() -> (Session, Session) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (a, b) = tokio::join!(TcpStream::connect(address), listener.accept());
    (Session::client(a.unwrap(), Config::default()), Session::server(b.unwrap().0, Config::default()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_carries_the_same_bytes_in_both_roles() {
    let (client, server) = tcp_pair().await;
    send_through(&client, &server, 8 * 1024 * 1024, 100_000).await;
    send_through(&server, &client, 8 * 1024 * 1024, 100_000).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unix_sockets_carry_the_same_bytes_in_both_roles() {
    let (a, b) = tokio::net::UnixStream::pair().unwrap();
    let (client, server) = (Session::client(a, Config::default()), Session::server(b, Config::default()));
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

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Uses a stream for a while, gives up in the middle of things, and ends it in one of the ways there are.
async fn use_carelessly(mut stream: Stream, dice: &mut Dice) {
    for _ in 0..dice.roll(6) {
        let patience = Duration::from_micros(dice.roll(3000));
        let mut buffer = vec![0; 1 + dice.roll(100_000) as usize];
        // The other side does as it likes, so a read or write may well fail or wait for ever.
        if dice.roll(2) == 0 {
            let _ = tokio::time::timeout(patience, stream.write_all(&buffer)).await;
        } else {
            let _ = tokio::time::timeout(patience, stream.read(&mut buffer)).await;
        }
    }
    match dice.roll(4) {
        0 => stream.reset(),
        1 => drop(stream.shutdown().await),
        2 => {
            let (read, write) = stream.into_split();
            drop(read);
            tokio::task::yield_now().await;
            drop(write);
        }
        _ => drop(stream),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn careless_use_from_many_tasks_neither_hangs_nor_leaks() {
    let (client, server) = tcp_pair().await;
    let (mut openers, mut acceptors) = (JoinSet::new(), JoinSet::new());
    let done = Arc::new(AtomicBool::new(false));
    for seed in 0..8u64 {
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (from, to, done) = (from.clone(), to.clone(), Arc::clone(&done));
            openers.spawn(async move {
                let mut dice = Dice(0x9e37_79b9 + seed * 2);
                for _ in 0..60 {
                    let stream = from.open().await.unwrap();
                    use_carelessly(stream, &mut dice).await;
                }
            });
            acceptors.spawn(async move {
                let mut dice = Dice(0x9e37_79b9 + seed * 2 + 1);
                loop {
                    match tokio::time::timeout(Duration::from_millis(100), to.accept()).await {
                        Ok(stream) => use_carelessly(stream.unwrap(), &mut dice).await,
                        Err(_) if done.load(Ordering::Relaxed) => return,
                        Err(_) => {}
                    }
                }
            });
        }
    }
    within(async { while openers.join_next().await.transpose().unwrap().is_some() {} }).await;
    done.store(true, Ordering::Relaxed);
    within(async { while acceptors.join_next().await.transpose().unwrap().is_some() {} }).await;
    assert!(client.close_reason().is_none() && server.close_reason().is_none());
    until(|| client.num_streams() == 0 && server.num_streams() == 0).await;
    within(async { tokio::try_join!(client.ping(), server.ping()) }).await.unwrap();
}

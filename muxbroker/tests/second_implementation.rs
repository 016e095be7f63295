//! Against the `yamux` crate (rust-yamux), as the other end, in both roles.
//!
//! It differs from Go's in ways that show here: it opens a stream with its first frame and accepts one with its
//! first frame, so every stream is written before it is expected; it ends the session on a normal go-away; it
//! refuses frames above 1 MiB, while ours are at most 64 KiB.
#![allow(clippy::unwrap_used)]

mod common;

use std::future::poll_fn;

use common::{pattern, until, within};
use futures_util::{AsyncReadExt as _, AsyncWriteExt as _};
use muxbroker::{Config, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::TokioAsyncReadCompatExt;

/// Runs the other implementation in a task: streams it accepts come out, streams to open are asked for.
struct Other {
    accepted: mpsc::UnboundedReceiver<yamux::Stream>,
    open: mpsc::UnboundedSender<oneshot::Sender<yamux::Stream>>,
}

fn other(io: tokio::io::DuplexStream, mode: yamux::Mode) -> Other {
    let mut connection = yamux::Connection::new(io.compat(), yamux::Config::default(), mode);
    let (accepting, accepted) = mpsc::unbounded_channel();
    let (open, mut opening) = mpsc::unbounded_channel::<oneshot::Sender<yamux::Stream>>();
    tokio::spawn(async move {
        let mut wanted = None;
        poll_fn(|cx| {
            loop {
                if wanted.is_none()
                    && let std::task::Poll::Ready(Some(next)) = opening.poll_recv(cx)
                {
                    wanted = Some(next);
                }
                if wanted.is_some()
                    && let std::task::Poll::Ready(Ok(stream)) = connection.poll_new_outbound(cx)
                {
                    let _ = wanted.take().unwrap().send(stream);
                    continue;
                }
                match connection.poll_next_inbound(cx) {
                    std::task::Poll::Ready(Some(Ok(stream))) => {
                        let _ = accepting.send(stream);
                    }
                    std::task::Poll::Ready(_) => return std::task::Poll::Ready(()),
                    std::task::Poll::Pending => return std::task::Poll::Pending,
                }
            }
        })
        .await;
    });
    Other { accepted, open }
}

impl Other {
    async fn open(&self) -> yamux::Stream {
        let (sender, opened) = oneshot::channel();
        self.open.send(sender).unwrap();
        within(opened).await.unwrap()
    }

    async fn accept(&mut self) -> yamux::Stream {
        within(self.accepted.recv()).await.unwrap()
    }
}

fn both_roles() -> [(Session, Other); 2] {
    let (a, b) = tokio::io::duplex(64 * 1024);
    let (c, d) = tokio::io::duplex(64 * 1024);
    [
        (Session::client(a, Config::default()), other(b, yamux::Mode::Server)),
        (Session::server(c, Config::default()), other(d, yamux::Mode::Client)),
    ]
}

#[tokio::test]
async fn our_stream_echoes_through_theirs() {
    for (session, mut other) in both_roles() {
        let mut ours = within(session.open()).await.unwrap();
        let theirs = other.accept().await;
        let echo = tokio::spawn(async move {
            let (mut read, mut write) = theirs.split();
            futures_util::io::copy(&mut read, &mut write).await.unwrap();
            write.close().await.unwrap();
        });
        let data = pattern(4 * 1024 * 1024);
        let (mut read, mut write) = tokio::io::split(&mut ours);
        let mut got = Vec::new();
        within(async {
            tokio::join!(
                async {
                    write.write_all(&data).await.unwrap();
                    write.shutdown().await.unwrap();
                },
                async { read.read_to_end(&mut got).await.unwrap() }
            )
        })
        .await;
        assert!(got == data);
        within(echo).await.unwrap();
        until(|| session.num_streams() == 0).await;
    }
}

#[tokio::test]
async fn their_stream_echoes_through_ours() {
    for (session, other) in both_roles() {
        let mut theirs = other.open().await;
        let echo = tokio::spawn({
            let session = session.clone();
            async move {
                let (mut read, mut write) = session.accept().await.unwrap().into_split();
                tokio::io::copy(&mut read, &mut write).await.unwrap();
            }
        });
        let data = pattern(2 * 1024 * 1024);
        within(async {
            let (mut read, mut write) = (&mut theirs).split();
            let mut got = Vec::new();
            let send = async {
                write.write_all(&data).await.unwrap();
                write.close().await.unwrap();
            };
            tokio::join!(send, async { read.read_to_end(&mut got).await.unwrap() });
            assert!(got == data);
        })
        .await;
        within(echo).await.unwrap();
    }
}

#[tokio::test]
async fn many_streams_ask_and_answer_at_once() {
    for (session, mut other) in both_roles() {
        let answering = tokio::spawn(async move {
            for _ in 0..100 {
                let mut stream = other.accept().await;
                tokio::spawn(async move {
                    let mut question = [0; 4];
                    while stream.read_exact(&mut question).await.is_ok() {
                        stream.write_all(&question).await.unwrap();
                        stream.flush().await.unwrap();
                    }
                    stream.close().await.unwrap();
                });
            }
            other
        });
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..100u32 {
            let session = session.clone();
            asking.spawn(async move {
                let mut stream = session.open().await.unwrap();
                for round in 0..20 {
                    stream.write_u32(n * 100 + round).await.unwrap();
                    assert_eq!(stream.read_u32().await.unwrap(), n * 100 + round);
                }
            });
        }
        within(async { while asking.join_next().await.transpose().unwrap().is_some() {} }).await;
        within(answering).await.unwrap();
    }
}

#[tokio::test]
async fn their_pings_are_answered_and_ours_by_them() {
    for (session, mut other) in both_roles() {
        let mut ours = within(session.open()).await.unwrap();
        ours.write_all(b"x").await.unwrap();
        let _theirs = other.accept().await;
        assert!(within(session.ping()).await.unwrap() > std::time::Duration::ZERO);
    }
}

#[tokio::test]
async fn dropping_their_end_closes_our_streams() {
    for (session, other) in both_roles() {
        let mut theirs = other.open().await;
        theirs.write_all(b"last words").await.unwrap();
        theirs.close().await.unwrap();
        let mut ours = within(session.accept()).await.unwrap();
        let mut got = Vec::new();
        within(ours.read_to_end(&mut got)).await.unwrap();
        assert_eq!(got, b"last words");
    }
}

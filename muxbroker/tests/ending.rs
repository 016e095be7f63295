//! How sessions end: who is told, with what reason, what is still sent and read, and that nothing stays behind.
#![allow(clippy::unwrap_used)]

mod common;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use common::scripted::{client_and_script, client_and_script_over};
use common::{pair, pattern, until, within};
use muxbroker::yamux::Flags;
use muxbroker::{Config, Error, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn everybody_who_waits_is_woken_exactly_once() {
    let (session, mut peer) = client_and_script(Config { accept_backlog: 1, ..Config::default() });
    let stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    let (mut read, mut write) = stream.into_split();
    write.write_all(&vec![0; 256 * 1024]).await.unwrap();
    peer.payload(12 * 4 + 256 * 1024).await;

    let counters: Vec<Arc<Counter>> = (0..6).map(|_| Arc::default()).collect();
    let mut buffer = [0; 16];
    let mut read = Box::pin(async { read.read(&mut buffer).await.map(drop).unwrap_err() });
    let mut write = Box::pin(async { write.write(b"x").await.map(drop).unwrap_err() });
    let mut accept = Box::pin(session.accept());
    let mut open = Box::pin(session.open());
    let mut ping = Box::pin(session.ping());
    let mut closed = Box::pin(session.closed());
    macro_rules! poll_all {
        ($expected:pat) => {{
            let wakers: Vec<_> = counters.iter().map(|c| Arc::clone(c).into()).collect();
            let mut contexts: Vec<_> = wakers.iter().map(Context::from_waker).collect();
            assert!(matches!(read.as_mut().poll(&mut contexts[0]), $expected));
            assert!(matches!(write.as_mut().poll(&mut contexts[1]), $expected));
            assert!(matches!(accept.as_mut().poll(&mut contexts[2]), $expected));
            assert!(matches!(open.as_mut().poll(&mut contexts[3]), $expected));
            assert!(matches!(ping.as_mut().poll(&mut contexts[4]), $expected));
            assert!(matches!(closed.as_mut().poll(&mut contexts[5]), $expected));
        }};
    }
    poll_all!(Poll::Pending);
    drop(peer);
    until(|| session.close_reason().is_some()).await;
    let woken: Vec<_> = counters.iter().map(|c| c.0.load(Ordering::SeqCst)).collect();
    assert_eq!(woken, [1; 6], "read, write, accept, open, ping, closed");
    poll_all!(Poll::Ready(_));
}

#[tokio::test]
async fn the_four_ends_are_four_errors() {
    // Reset of one stream.
    let (_session, mut peer, mut stream) = one_stream().await;
    peer.rst(1).await;
    let reset = read_error(&mut stream).await;
    // The peer closed the session.
    let (_session, peer, mut stream) = one_stream().await;
    drop(peer);
    let closed = read_error(&mut stream).await;
    // The connection broke.
    let (_session, mut peer, mut stream) = one_stream().await;
    peer.io.write_all(&[0, 1, 2]).await.unwrap();
    drop(peer);
    let lost = read_error(&mut stream).await;
    // We closed the session.
    let (session, _peer, mut stream) = one_stream().await;
    session.close().await;
    let local = read_error(&mut stream).await;

    let questions =
        |e: &Error| [e.is_reset(), e.is_remote_closed(), e.is_connection_lost(), e.is_local_closed()];
    assert_eq!(questions(&reset), [true, false, false, false]);
    assert_eq!(questions(&closed), [false, true, false, false]);
    assert_eq!(questions(&lost), [false, false, true, false]);
    assert_eq!(questions(&local), [false, false, false, true]);
    assert_eq!(
        [reset, closed, lost, local].map(|e| e.to_string()),
        ["connection reset", "EOF", "connection lost: unexpected end of file", "session shutdown"]
    );
}

async fn one_stream() -> (Session, common::scripted::Scripted, muxbroker::Stream) {
    let (session, mut peer) = client_and_script(Config::default());
    let stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    peer.ack(1).await;
    (session, peer, stream)
}

async fn read_error(stream: &mut muxbroker::Stream) -> Error {
    let error = within(stream.read(&mut [0; 4])).await.unwrap_err();
    Error::from_io(&error).unwrap().clone()
}

/// A connection whose every read fails after some bytes.
struct Broken(Vec<u8>, io::ErrorKind);

impl tokio::io::AsyncRead for Broken {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(self.1.into()));
        }
        buf.put_slice(&std::mem::take(&mut self.0));
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Broken {
    fn poll_write(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
    fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
    fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn failure_of_the_socket_is_not_taken_for_a_reset_of_the_stream() {
    for (bytes, kind) in [(vec![], io::ErrorKind::TimedOut), (vec![0; 5], io::ErrorKind::ConnectionReset)] {
        let session = Session::client(Broken(bytes, kind), Config::default());
        let end = within(session.closed()).await;
        assert!(end.is_connection_lost() && !end.is_reset() && !end.is_remote_closed(), "{end:?}");
        let source = std::error::Error::source(&end).unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(source.kind(), kind);
        assert_eq!(io::Error::from(end).kind(), kind);
    }
}

// A Unix socket that is closed while it holds unread bytes says "connection reset" to the other end.
#[cfg(unix)]
#[tokio::test]
async fn socket_that_was_closed_with_our_last_frame_unread_is_the_peers_close() {
    let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
    let session = Session::client(ours, Config::default());
    let mut stream = session.open().await.unwrap();
    theirs.readable().await.unwrap();
    theirs.write_all(&muxbroker::yamux::Header::data(1, 4).encode()).await.unwrap();
    theirs.write_all(b"last").await.unwrap();
    drop(theirs);
    let mut got = Vec::new();
    let error = within(stream.read_to_end(&mut got)).await.unwrap_err();
    assert_eq!(got, b"last");
    assert!(Error::from_io(&error).unwrap().is_remote_closed(), "{error:?}");
}

/// A peer that has said its last words and closed, which is noticed by a write that fails.
struct LastWords {
    words: Vec<u8>,
    write_failed: bool,
    reader: Option<std::task::Waker>,
}

impl tokio::io::AsyncRead for LastWords {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.write_failed {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        buf.put_slice(&std::mem::take(&mut self.words));
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for LastWords {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_failed = true;
        self.reader.take().into_iter().for_each(std::task::Waker::wake);
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }
    fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn last_words_of_a_peer_are_read_though_writing_to_it_fails() {
    let mut words = muxbroker::yamux::Header::data(1, 5).encode().to_vec();
    words.extend_from_slice(b"done.");
    let io = LastWords { words, write_failed: false, reader: None };
    let session = Session::client(io, Config::default());
    let mut stream = session.open().await.unwrap();
    let mut got = Vec::new();
    let error = within(stream.read_to_end(&mut got)).await.unwrap_err();
    assert_eq!(got, b"done.");
    assert!(Error::from_io(&error).unwrap().is_remote_closed(), "{error:?}");
    assert!(within(session.closed()).await.is_remote_closed());
}

#[tokio::test(start_paused = true)]
async fn connection_that_cannot_be_written_is_lost_even_if_it_can_be_read() {
    struct Deaf;
    impl tokio::io::AsyncRead for Deaf {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }
    impl tokio::io::AsyncWrite for Deaf {
        fn poll_write(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }
        fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let session = Session::client(Deaf, Config::default());
    let _stream = session.open().await.unwrap();
    let end = session.closed().await;
    assert!(end.is_connection_lost());
    assert_eq!(io::Error::from(end).kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn runtime_that_stops_ends_its_sessions() {
    let stopped = tokio::runtime::Runtime::new().unwrap();
    let (session, peer) = stopped.block_on(async { client_and_script(Config::default()) });
    drop(stopped);
    let other = tokio::runtime::Runtime::new().unwrap();
    other.block_on(async {
        assert!(within(session.closed()).await.is_connection_lost());
        within(session.close()).await;
        assert!(session.open().await.is_err());
    });
    drop(peer);
}

#[tokio::test]
async fn panic_in_the_byte_stream_underneath_ends_the_session() {
    struct Panics;
    impl tokio::io::AsyncRead for Panics {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            panic!("a bug of somebody else")
        }
    }
    impl tokio::io::AsyncWrite for Panics {
        fn poll_write(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
        fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
        fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }
    let session = Session::client(Panics, Config::default());
    assert!(within(session.closed()).await.is_connection_lost());
}

#[test]
fn handles_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Session>();
    check::<muxbroker::Stream>();
    check::<muxbroker::ReadHalf>();
    check::<muxbroker::WriteHalf>();
    check::<muxbroker::MuxBroker>();
    check::<muxbroker::RemoteReader>();
    check::<muxbroker::RemoteWriter>();
    check::<Error>();
}

#[tokio::test]
async fn data_received_before_the_session_ended_can_be_read_then_eof() {
    let (client, server) = pair();
    let data = pattern(256 * 1024);
    let mut ours = within(client.open()).await.unwrap();
    within(ours.write_all(&data)).await.unwrap();
    let mut theirs = within(server.accept()).await.unwrap();
    ours.shutdown().await.unwrap();
    within(client.close()).await;
    assert!(within(server.closed()).await.is_remote_closed());
    let mut got = Vec::new();
    within(theirs.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, data);
    assert_eq!(within(theirs.read(&mut [0; 4])).await.unwrap(), 0);
}

#[tokio::test]
async fn close_sends_what_is_queued() {
    for last_handle in [false, true] {
        let (session, mut peer) = client_and_script_over(1024, Config::default());
        let mut stream = session.open().await.unwrap();
        stream.write_all(&pattern(200_000)).await.unwrap();
        if last_handle {
            drop(stream);
            drop(session);
        } else {
            tokio::spawn(async move {
                session.close().await;
                drop(stream);
            });
        }
        let mut got = Vec::new();
        within(peer.io.read_to_end(&mut got)).await.unwrap();
        // SYN, four data frames and, where the stream was dropped before the session ended, FIN.
        assert_eq!(got.len(), 12 + 4 * 12 + 200_000 + if last_handle { 12 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn close_gives_up_on_a_peer_that_does_not_read() {
    let (session, peer) = client_and_script_over(1024, Config::default());
    let mut stream = session.open().await.unwrap();
    stream.write_all(&pattern(200_000)).await.unwrap();
    let before = tokio::time::Instant::now();
    session.close().await;
    assert_eq!(before.elapsed().as_secs(), 2);
    // A second call, and one from another handle, return at once.
    session.clone().close().await;
    assert_eq!(before.elapsed().as_secs(), 2);
    drop(peer);
}

#[tokio::test]
async fn session_lives_as_long_as_a_handle_or_a_stream() {
    let (client, server) = pair();
    let clone = client.clone();
    let mut ours = within(client.open()).await.unwrap();
    let mut theirs = within(server.accept()).await.unwrap();
    drop(client);
    drop(clone);
    ours.write_all(b"still here").await.unwrap();
    within(theirs.read_exact(&mut [0; 10])).await.unwrap();
    let (read, write) = ours.into_split();
    drop(write);
    assert_eq!(within(theirs.read(&mut [0; 4])).await.unwrap(), 0);
    assert!(server.close_reason().is_none());
    drop(read);
    assert!(within(server.closed()).await.is_remote_closed());
}

#[tokio::test]
async fn tasks_end_with_the_last_handle_even_if_the_peer_stays() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (session, peer) = client_and_script(Config::default());
    let stream = session.open().await.unwrap();
    drop(session);
    drop(stream);
    until(|| tokio::runtime::Handle::current().metrics().num_alive_tasks() == before).await;
    drop(peer);
}

#[tokio::test]
async fn tasks_end_when_the_peer_goes_even_if_handles_stay() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (session, peer) = client_and_script(Config::default());
    let _stream = session.open().await.unwrap();
    drop(peer);
    until(|| tokio::runtime::Handle::current().metrics().num_alive_tasks() == before).await;
    assert!(session.close_reason().unwrap().is_remote_closed());
}

#[tokio::test]
async fn session_that_ended_by_itself_closes_at_once() {
    let (session, peer) = client_and_script(Config::default());
    drop(peer);
    let end = within(session.closed()).await;
    within(session.close()).await;
    assert!(
        end.is_remote_closed() && session.close_reason().unwrap().is_remote_closed(),
        "the first reason stays"
    );
}

#[tokio::test]
async fn frames_after_our_close_are_read_and_forgotten() {
    let (session, mut peer) = client_and_script(Config::default());
    let stream = session.open().await.unwrap();
    peer.expect_syn(1).await;
    within(session.close()).await;
    peer.expect_end().await;
    peer.send_data(1, Flags::NONE, b"late").await;
    drop(stream);
    assert_eq!(session.num_streams(), 0);
}

/// Notes what is asked of the writing half of a connection.
struct Noted {
    io: tokio::io::DuplexStream,
    asked: Arc<std::sync::Mutex<Vec<&'static str>>>,
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked.lock().unwrap().push("write");
        std::pin::Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.asked.lock().unwrap().push("flush");
        std::pin::Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.asked.lock().unwrap().push("shutdown");
        std::pin::Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn what_is_sent_is_flushed_once_and_the_connection_is_shut_down_at_the_end() {
    let (ours, _theirs) = tokio::io::duplex(1024);
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let session = Session::client(Noted { io: ours, asked: Arc::clone(&asked) }, Config::default());
    let mut stream = within(session.open()).await.unwrap();
    until(|| asked.lock().unwrap().len() >= 2).await;
    assert_eq!(*asked.lock().unwrap(), ["write", "flush"]);
    stream.write_all(b"hello").await.unwrap();
    until(|| asked.lock().unwrap().len() >= 4).await;
    assert_eq!(asked.lock().unwrap()[2..], ["write", "flush"]);
    within(session.close()).await;
    assert_eq!(asked.lock().unwrap()[4..], ["shutdown"]);
}

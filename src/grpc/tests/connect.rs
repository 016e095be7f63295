//! The connect check on real sockets. Upstream reports success when nothing listens (go-plugin B14).

use super::*;
use crate::Address;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

async fn open(address: &Address, limit: Duration) -> Result<HostConnection, Error> {
    HostConnection::open(address, HostOptions { limit, ..no_output() }).await
}

/// A TCP listener that treats its connections so.
async fn peer<F, Fut>(treat: F) -> (Address, tokio::task::JoinHandle<()>)
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap().to_string());
    let task = tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            tokio::spawn(treat(io));
        }
    });
    (address, task)
}

#[tokio::test]
async fn b14_nothing_listening_is_an_error_at_connect() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = listener.local_addr().unwrap().to_string();
    drop(listener);
    let stale = dir.path().join("stale");
    #[cfg(unix)]
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    for address in [Address::Unix(dir.path().join("nobody")), Address::Unix(stale), Address::Tcp(free)] {
        let error = open(&address, DEADLINE).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{address}: {error}");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_silent_peer_is_an_error_within_the_limit() {
    let (address, task) = peer(|io| async move {
        let _io = io;
        std::future::pending::<()>().await;
    })
    .await;
    let error = within("the check", open(&address, Duration::from_millis(200))).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    task.abort();
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_is_named() {
    for (says, kind, text) in [
        (&b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"[..], ErrorKind::Protocol, "HTTP/1"),
        (b"220 mail.example.org ESMTP\r\n", ErrorKind::Protocol, "begins with \"220 mail.\""),
        (&[0x15, 3, 1, 0, 2, 2, 70], ErrorKind::Security, "expects TLS"),
        (b"", ErrorKind::Disconnected, "closed the connection before it said anything"),
    ] {
        let (address, task) = peer(move |mut io| async move {
            let mut preface = [0; 24];
            io.read_exact(&mut preface).await.unwrap();
            io.write_all(says).await.unwrap();
        })
        .await;
        let error = within("the check", open(&address, DEADLINE)).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        task.abort();
    }
}

#[tokio::test]
async fn a_peer_that_closes_with_our_bytes_unread_is_an_error() {
    // Closing a socket with unread bytes resets it.
    let (address, task) = peer(|io| async move {
        io.readable().await.unwrap();
        drop(io);
    })
    .await;
    let error = within("the check", open(&address, DEADLINE)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
    assert!(error.to_string().contains("closed the connection before it said anything"), "{error}");
    task.abort();
}

#[tokio::test]
async fn a_peer_that_breaks_off_behind_its_settings_fails_the_call() {
    let (address, task) = peer(|mut io| async move {
        io.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut sink = [0; 1024];
        let _ = io.read(&mut sink).await;
    })
    .await;
    let ping = async {
        let host = open(&address, DEADLINE).await?;
        host.ping(DEADLINE).await
    };
    let error = within("the ping", ping).await.unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    task.abort();
}

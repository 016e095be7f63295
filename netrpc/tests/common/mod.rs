//! What the tests share: pairs of client and server, and a peer that is scripted message by message.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::time::Duration;

use netrpc::{Client, ClientBuilder, Result, Server, serde_gob};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_gob::GobType;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::timeout,
};

/// What no test should take, however slow the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A client and the server it talks to.
pub fn connect(server: &Server) -> (Client, JoinHandle<Result<()>>) {
    connect_with(server, Client::builder())
}

pub fn connect_with(server: &Server, client: ClientBuilder) -> (Client, JoinHandle<Result<()>>) {
    let (here, there) = duplex(64 * 1024);
    (client.build(here), tokio::spawn(server.serve(there)))
}

/// A client, and the peer whose part the test plays.
pub fn client_and_peer(client: ClientBuilder) -> (Client, Peer) {
    let (here, there) = duplex(64 * 1024);
    (client.build(here), Peer::new(there))
}

/// A server, and the peer whose part the test plays.
pub fn server_and_peer(server: &Server) -> (JoinHandle<Result<()>>, Peer) {
    let (here, there) = duplex(64 * 1024);
    (tokio::spawn(server.serve(here)), Peer::new(there))
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase", default)]
pub struct Request {
    pub service_method: String,
    pub seq: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase", default)]
pub struct Response {
    pub service_method: String,
    pub seq: u64,
    pub error: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase", default)]
pub struct CancelArgs {
    pub seq: u64,
}

/// The other end of a stream: it knows gob and the two headers, and nothing of this crate.
pub struct Peer {
    pub io: DuplexStream,
    pub encoder: serde_gob::Encoder,
    pub decoder: serde_gob::Decoder,
}

impl Peer {
    pub fn new(io: DuplexStream) -> Self {
        Self { io, encoder: serde_gob::Encoder::new(), decoder: serde_gob::Decoder::new() }
    }

    pub async fn send<T: Serialize + GobType + ?Sized>(&mut self, value: &T) {
        let mut out = Vec::new();
        self.encoder.encode(value, &mut out).unwrap();
        self.io.write_all(&out).await.unwrap();
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// Reads until a whole value has arrived.
    async fn fill(&mut self) {
        while !self.decoder.ready().unwrap() {
            let mut chunk = [0; 4096];
            let n = timeout(PATIENCE, self.io.read(&mut chunk)).await.unwrap().unwrap();
            assert!(n > 0, "the stream ended");
            self.decoder.feed(&chunk[..n]);
        }
    }

    /// The next value.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> T {
        self.fill().await;
        self.decoder.decode().unwrap()
    }

    /// Passes over the next value.
    pub async fn skip(&mut self) {
        self.fill().await;
        self.decoder.discard().unwrap();
    }

    /// The next request and its argument.
    pub async fn request<A: DeserializeOwned>(&mut self) -> (Request, A) {
        (self.receive().await, self.receive().await)
    }

    pub async fn send_request<A: Serialize + GobType + ?Sized>(&mut self, method: &str, seq: u64, args: &A) {
        self.send(&Request { service_method: method.into(), seq }).await;
        self.send(args).await;
    }

    pub async fn reply<R: Serialize + GobType + ?Sized>(&mut self, to: &Request, value: &R) {
        let service_method = to.service_method.clone();
        self.send(&Response { service_method, seq: to.seq, error: String::new() }).await;
        self.send(value).await;
    }

    pub async fn reply_error(&mut self, to: &Request, error: &str) {
        let service_method = to.service_method.clone();
        self.send(&Response { service_method, seq: to.seq, error: error.into() }).await;
        self.send(&netrpc::Empty).await;
    }

    /// The next reply, which must carry a value.
    pub async fn response<R: DeserializeOwned>(&mut self) -> (Response, R) {
        (self.receive().await, self.receive().await)
    }

    /// The next reply, which must be an error.
    pub async fn error(&mut self) -> Response {
        let (response, _) = self.response::<netrpc::Empty>().await;
        assert_ne!(response.error, "");
        response
    }

    /// Exactly these bytes come next.
    pub async fn expect_raw(&mut self, expected: &[u8], what: &str) {
        let mut got = vec![0; expected.len()];
        timeout(PATIENCE, self.io.read_exact(&mut got)).await.expect(what).expect(what);
        assert_eq!(got, expected, "{what}");
    }

    /// The other side has ended the stream and written nothing more.
    pub async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.io.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert!(rest.is_empty(), "bytes before the end: {rest:02x?}");
    }
}

/// Bytes written as hexadecimal numbers and quoted text.
pub fn bytes(notation: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (i, part) in notation.split('"').enumerate() {
        if i % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<u8> = part.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        for pair in digits.chunks(2) {
            bytes.push(u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
        }
    }
    bytes
}

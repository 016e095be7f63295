//! A peer that says what it is told to say: `send` this frame, `expect` that one.

use std::time::Duration;

use muxbroker::yamux::{Flags, FrameType, GoAwayCode, HEADER_LEN, Header};
use muxbroker::{Config, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::within;

pub struct Scripted {
    pub io: DuplexStream,
}

/// Our client session and a scripted server.
pub fn client_and_script(config: Config) -> (Session, Scripted) {
    client_and_script_over(1024 * 1024, config)
}

pub fn client_and_script_over(capacity: usize, config: Config) -> (Session, Scripted) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    (Session::client(ours, config), Scripted { io: theirs })
}

impl Scripted {
    pub async fn send(&mut self, header: Header) {
        within(self.io.write_all(&header.encode())).await.unwrap();
    }

    pub async fn send_data(&mut self, id: u32, flags: Flags, payload: &[u8]) {
        let header =
            Header { frame_type: FrameType::Data, flags, stream_id: id, length: payload.len() as u32 };
        self.send(header).await;
        within(self.io.write_all(payload)).await.unwrap();
    }

    pub async fn syn(&mut self, id: u32) {
        self.send(Header::window_update(id, Flags::SYN, 0)).await;
    }

    pub async fn ack(&mut self, id: u32) {
        self.send(Header::window_update(id, Flags::ACK, 0)).await;
    }

    pub async fn fin(&mut self, id: u32) {
        self.send(Header::window_update(id, Flags::FIN, 0)).await;
    }

    pub async fn rst(&mut self, id: u32) {
        self.send(Header::window_update(id, Flags::RST, 0)).await;
    }

    /// The next frame's header; payload is left to be read.
    pub async fn next(&mut self) -> Header {
        let mut bytes = [0; HEADER_LEN];
        within(self.io.read_exact(&mut bytes)).await.expect("the session ended before the next frame");
        Header::decode(&bytes).unwrap()
    }

    pub async fn payload(&mut self, len: usize) -> Vec<u8> {
        let mut payload = vec![0; len];
        within(self.io.read_exact(&mut payload)).await.unwrap();
        payload
    }

    #[track_caller]
    pub fn expect(&mut self, header: Header) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let next = self.next().await;
            assert!(next == header, "expected {header:?}, got {next:?} at {place}");
        }
    }

    pub async fn expect_syn(&mut self, id: u32) {
        self.expect(Header::window_update(id, Flags::SYN, 0)).await;
    }

    pub async fn expect_ack(&mut self, id: u32) {
        self.expect(Header::window_update(id, Flags::ACK, 0)).await;
    }

    pub async fn expect_fin(&mut self, id: u32) {
        self.expect(Header::window_update(id, Flags::FIN, 0)).await;
    }

    pub async fn expect_rst(&mut self, id: u32) {
        self.expect(Header::window_update(id, Flags::RST, 0)).await;
    }

    pub async fn expect_data(&mut self, id: u32, payload: &[u8]) {
        self.expect(Header::data(id, payload.len() as u32)).await;
        assert_eq!(self.payload(payload.len()).await, payload);
    }

    /// The session tells that we broke the protocol, and ends.
    pub async fn expect_protocol_error(&mut self) {
        self.expect(Header::go_away(GoAwayCode::ProtocolError)).await;
        self.expect_end().await;
    }

    pub async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        within(self.io.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "frames after the end: {rest:x?}");
    }

    /// Nothing more comes for now. Proven by a ping, whose answer comes in order.
    pub async fn expect_silence(&mut self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.send(Header::ping(Flags::SYN, 0xfeed)).await;
        self.expect(Header::ping(Flags::ACK, 0xfeed)).await;
    }
}

//! What both sides announce bounds what they can be made to hold.

use super::*;
use crate::grpc::{GrpcServices, serve::Serving};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// The largest frame, the window of a stream and the window of the connection that the other side announces.
async fn announced(mut io: impl AsyncRead + Unpin) -> [u32; 3] {
    const SETTINGS: u8 = 4;
    const WINDOW_UPDATE: u8 = 8;
    /// What every connection begins with: RFC 9113, section 6.9.2.
    const FIRST_WINDOW: u32 = 65_535;

    let (mut frame, mut stream, mut connection) = (None, None, None);
    loop {
        if let (Some(frame), Some(stream), Some(connection)) = (frame, stream, connection) {
            return [frame, stream, connection];
        }
        let mut head = [0; 9];
        io.read_exact(&mut head).await.unwrap();
        let mut body = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        io.read_exact(&mut body).await.unwrap();
        match head[3] {
            SETTINGS => {
                for setting in body.chunks_exact(6) {
                    let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
                    match u16::from_be_bytes([setting[0], setting[1]]) {
                        4 => stream = Some(value),
                        5 => frame = Some(value),
                        _ => {}
                    }
                }
            }
            WINDOW_UPDATE if head[5..] == [0; 4] => {
                let more = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
                connection = Some(FIRST_WINDOW + more);
            }
            _ => {}
        }
    }
}

const EXPECTED: [u32; 3] = [1 << 20, 4 << 20, 8 << 20];

#[tokio::test]
async fn a_host_announces_how_much_it_can_hold() {
    let (ours, mut theirs) = duplex(1 << 16);
    let ours = Arc::new(Mutex::new(Some(ours)));
    let dialer = Dialer::new(move || {
        let io = ours.lock().unwrap().take();
        async move { io.ok_or_else(|| Error::msg("it connects once")) }
    });
    theirs.write_all(EMPTY_SETTINGS).await.unwrap();
    let connecting = tokio::spawn(dialer.connect(DEADLINE, CancellationToken::new()));
    let mut preface = [0; 24];
    theirs.read_exact(&mut preface).await.unwrap();
    assert_eq!(preface, PREFACE);
    assert_eq!(within("the settings", announced(&mut theirs)).await, EXPECTED);
    connecting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_plugin_announces_how_much_it_can_hold() {
    let (ours, mut theirs) = duplex(1 << 16);
    let router = GrpcServices::new(DEFAULT_MESSAGE_LIMIT).into_router();
    let incoming = tokio_stream::once(Ok(ours));
    let _serving = Serving::start(router, incoming, CancellationToken::new(), Duration::ZERO);
    theirs.write_all(PREFACE).await.unwrap();
    theirs.write_all(EMPTY_SETTINGS).await.unwrap();
    assert_eq!(within("the settings", announced(&mut theirs)).await, EXPECTED);
}

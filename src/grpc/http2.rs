//! How HTTP/2 is set, on both sides of every connection.
//!
//! They bound what a peer can make this process hold beside the messages that it has accepted: per connection one window of data
//! that nobody has read yet, one frame that has not arrived completely, and what the peer does not read, in the socket's buffer.

use h2::client;
use tonic::transport::Server;

/// The largest frame that the other side may send, in bytes. HTTP/2 begins with 16 KiB, which costs a system call and a wake-up on
/// either side each. A larger one keeps a small message behind it waiting for longer: this one takes well below a millisecond.
/// Go's gRPC neither sends nor accepts more than 16 KiB.
const FRAME: u32 = 1 << 20;

/// How many bytes of one call may be under way, so that a message of a few frames needs no answer while it is being sent.
const STREAM_WINDOW: u32 = 4 << 20;

/// The same of all calls of a connection together: a second large message is not held up by the first.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// How many bytes of headers a server may send with one answer: what hyper accepts.
const HEADERS: u32 = 16 << 10;

/// How many calls may be under way before the server has said how many it takes: the least that servers should take by RFC 9113.
const FIRST_CALLS: usize = 100;

/// How many streams of a server that breaks the protocol are reset one by one before the connection is given up: hyper's.
const MOST_RESETS: usize = 1024;

/// How much of the messages that were handed over may wait for a stream's window before the sender waits, in bytes: hyper's.
const QUEUED: usize = 1 << 20;

pub(super) fn client() -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .max_frame_size(FRAME)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS)
        .initial_max_send_streams(FIRST_CALLS)
        .max_local_error_reset_streams(Some(MOST_RESETS))
        .max_send_buffer_size(QUEUED)
        .enable_push(false);
    builder
}

pub(super) fn server() -> Server {
    Server::builder()
        .max_frame_size(FRAME)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}

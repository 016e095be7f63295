//! How HTTP/2 is set, on both sides of every connection.
//!
//! They bound what a peer can make this process hold beside the messages that it has accepted: per connection one window of data
//! that nobody has read yet, one frame that has not arrived completely, and what the peer does not read, in the socket's buffer.

use tonic::transport::{Endpoint, Server};

/// The largest frame that the other side may send, in bytes. HTTP/2 begins with 16 KiB, which costs a system call and a wake-up on
/// either side each. A larger one keeps a small message behind it waiting for longer: this one takes well below a millisecond.
/// Go's gRPC neither sends nor accepts more than 16 KiB.
const FRAME: u32 = 1 << 20;

/// How many bytes of one call may be under way, so that a message of a few frames needs no answer while it is being sent.
const STREAM_WINDOW: u32 = 4 << 20;

/// The same of all calls of a connection together: a second large message is not held up by the first.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// How much the system may hold of what was sent and not read yet, in bytes: a frame goes out in one step, and not in five with the
/// other side being woken for each. Linux grants twice 208 KiB unless `net.core.wmem_max` says otherwise.
pub(super) const SEND_BUFFER: usize = 1 << 20;

pub(super) fn client(endpoint: Endpoint) -> Endpoint {
    endpoint
        .max_frame_size(FRAME)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}

pub(super) fn server() -> Server {
    Server::builder()
        .max_frame_size(FRAME)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}

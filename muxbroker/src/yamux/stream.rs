//! One stream's life.
//!
//! ```text
//!      open(): SYN sent                       SYN received: in the backlog
//!             │                                        │ accept(): ACK sent
//!             │ may write at once                      │
//!             └────────────────┬───────────────────────┘
//!                              ▼
//!                         both open ──────────── RST either way ────────┐
//!              FIN sent │           │ FIN received                      │
//!                       ▼           ▼                                   ▼
//!               read only           write only                       reset
//!          FIN received │           │ FIN sent                          │
//!                       └─────┬─────┘                                   │
//!                             ▼                                         ▼
//!            off the wire: the id is free, the entry lives on while a handle does
//! ```
//!
//! Dropping the handle sends FIN if that was not done. What still arrives is thrown away and no credit is
//! granted; when the peer has used half a window that way the stream is reset, since the peer would wait for
//! ever otherwise. An RST at once could destroy data of ours that the peer has not read yet (Go's does).

use std::time::Instant;

use super::flow::{ReceiveWindow, SendWindow};
use super::receive_buffer::ReceiveBuffer;
use crate::error::Error;

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: u32,
    pub(crate) send: SendWindow,
    pub(crate) receive: ReceiveWindow,
    pub(crate) buffer: ReceiveBuffer,
    /// We opened it and the peer has not accepted it; holds one of the permits.
    pub(crate) unacked: bool,
    /// When the peer must have accepted it.
    pub(crate) open_deadline: Option<Instant>,
    /// When the peer must have finished it.
    pub(crate) close_deadline: Option<Instant>,
    pub(crate) fin_sent: bool,
    pub(crate) fin_received: bool,
    /// Why the stream ended other than by FIN.
    pub(crate) failed: Option<Error>,
    /// Who uses it on this side.
    pub(crate) owner: Owner,
    /// A reader was told to wait and must be told when that changes.
    pub(crate) read_blocked: bool,
    /// The same for a writer.
    pub(crate) write_blocked: bool,
    /// The writer stands in the output queue's line.
    pub(crate) in_line: bool,
    /// The writer stood there for longer than the write timeout.
    pub(crate) stalled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Waits to be accepted.
    Backlog,
    /// A handle that may read.
    Handle,
    /// A handle whose read half was dropped: what arrives is thrown away but the peer may go on.
    WriteOnly,
    /// Nobody; only the wire still knows it.
    Nobody,
}

impl Stream {
    pub(crate) fn new(id: u32, receive: ReceiveWindow, owner: Owner) -> Self {
        Self {
            id,
            send: SendWindow::new(),
            receive,
            buffer: ReceiveBuffer::default(),
            unacked: false,
            open_deadline: None,
            close_deadline: None,
            fin_sent: false,
            fin_received: false,
            failed: None,
            owner,
            read_blocked: false,
            write_blocked: false,
            in_line: false,
            stalled: false,
        }
    }

    /// Neither side has anything to say on the wire any more.
    pub(crate) fn is_off_the_wire(&self) -> bool {
        self.failed.is_some() || (self.fin_sent && self.fin_received)
    }

    /// Arriving payload is kept for a reader.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.owner, Owner::Backlog | Owner::Handle)
    }
}

//! The yamux protocol without any I/O, task or clock: bytes in, bytes out, time as a parameter.
//!
//! [`Connection`] is the state machine of one session. [`Session`](crate::Session) drives it over a tokio
//! byte stream; a test drives it by hand. Its methods come in five groups:
//!
//! * from the connection: [`receive`](Connection::receive), [`receive_eof`](Connection::receive_eof),
//!   [`receive_error`](Connection::receive_error), [`fail`](Connection::fail);
//! * from the clock: [`handle_timeout`](Connection::handle_timeout);
//! * from the application: `open`, `accept`, `read`, `write`, `finish`, `release`, `ping`, `go_away`, `close`;
//! * to the connection: [`take_output`](Connection::take_output), until it returns false;
//! * to the clock and the application: [`next_timeout`](Connection::next_timeout) and
//!   [`next_event`](Connection::next_event).
//!
//! After any call of the first three groups ask the last two again. Nothing else is to be kept in order.

mod closing;
mod connection;
mod demand;
mod events;
mod flow;
mod header;
mod input;
mod liveness;
mod output;
mod receive_buffer;
mod stream;
mod timers;

pub use connection::{Connection, Role, WriteOutcome};
pub(crate) use demand::Demand;
pub use events::{Event, StreamKey};
pub use header::{Flags, FrameType, GoAwayCode, HEADER_LEN, Header, VERSION};

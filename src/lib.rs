//! HashiCorp's go-plugin for Rust.

mod error;
mod handshake;
pub mod logs;
mod net;
mod protocol;

pub use error::{Error, ErrorKind, Fault, Result};
pub use handshake::{Address, CORE_PROTOCOL_VERSION, Handshake, HandshakeLine, env};
pub use protocol::{Protocol, UnknownProtocol};

//! HashiCorp's go-plugin for Rust.

mod error;
#[cfg(feature = "grpc")]
mod grpc;
mod handshake;
pub mod logs;
mod net;
mod protocol;

pub use error::{Error, ErrorKind, Fault, Result};
#[cfg(feature = "grpc")]
pub use grpc::{DEFAULT_MESSAGE_LIMIT, GrpcChannel, GrpcService, GrpcServices};
pub use handshake::{Address, CORE_PROTOCOL_VERSION, Handshake, HandshakeLine, env};
pub use protocol::{Protocol, UnknownProtocol};

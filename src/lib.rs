//! HashiCorp's go-plugin for Rust.

mod error;
#[cfg(feature = "grpc")]
mod grpc;
mod handshake;
pub mod logs;
mod net;
#[allow(dead_code, unused_imports)] // the client is being built on it
mod process;
mod protocol;
mod sys;

pub use error::{Error, ErrorKind, Fault, Result};
#[cfg(feature = "grpc")]
pub use grpc::{
    DEFAULT_MESSAGE_LIMIT, GrpcBroker, GrpcChannel, GrpcListener, GrpcService, GrpcServices, GrpcStream,
    Served,
};
pub use handshake::{Address, CORE_PROTOCOL_VERSION, Handshake, HandshakeLine, env};
pub use protocol::{Protocol, UnknownProtocol};

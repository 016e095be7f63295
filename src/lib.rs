//! HashiCorp's go-plugin for Rust.

#![warn(unreachable_pub)]
// Without a transport there is neither a host nor a plugin, only what both build on.
#![cfg_attr(not(any(feature = "netrpc", feature = "grpc")), allow(dead_code, unused_imports))]

mod error;
#[cfg(feature = "grpc")]
mod grpc;
mod handshake;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod host;
pub mod logs;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod negotiate;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod net;
#[cfg(feature = "netrpc")]
pub mod netrpc;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod plugin;
mod plugin_trait;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod process;
mod protocol;
mod registry;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod sys;

pub use error::{Error, ErrorKind, Fault, Result};
#[cfg(feature = "netrpc")]
pub use go_plugin_macros::interface;
#[cfg(feature = "grpc")]
pub use grpc::{
    DEFAULT_MESSAGE_LIMIT, GrpcBroker, GrpcChannel, GrpcListener, GrpcService, GrpcServices, GrpcStream,
    Served,
};
pub use handshake::{Address, CORE_PROTOCOL_VERSION, Handshake, HandshakeLine, env};
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use host::{Client, ClientBuilder, PluginCommand};
#[cfg(feature = "netrpc")]
pub use muxbroker::MuxBroker;
#[cfg(feature = "netrpc")]
pub use netrpc::stub::Interface;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use plugin::{Server, serve};
#[cfg(feature = "grpc")]
pub use plugin_trait::GrpcPlugin;
#[cfg(feature = "netrpc")]
pub use plugin_trait::NetRpcPlugin;
pub use plugin_trait::Plugin;
pub use protocol::{Protocol, UnknownProtocol};
pub use registry::PluginSet;
#[cfg(feature = "netrpc")]
pub use serde_gob::GobType;

/// What generated code uses. Not for people: it changes without notice.
#[doc(hidden)]
#[cfg(feature = "netrpc")]
pub mod __private {
    pub use crate::netrpc::stub::*;
}

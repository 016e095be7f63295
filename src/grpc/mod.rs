//! The gRPC transport.

mod broker;
mod channel;
mod check;
mod client;
mod controller;
mod dial;
mod health;
mod host;
mod http2;
mod io;
mod reflection;
mod serve;
mod server;
mod services;
mod status;
mod stdio;
mod version;

pub(crate) use broker::BrokerSlot;
pub use broker::{GrpcBroker, GrpcListener, GrpcStream, Served};
pub(crate) use channel::ChannelSlot;
pub use channel::GrpcChannel;
pub use services::{GrpcService, GrpcServices};

pub(crate) use broker::Sockets;
use broker::{Mux, Ways};
pub(crate) use host::{HostConnection, HostOptions};
pub(crate) use server::PluginServer;
#[cfg(feature = "testing")]
pub(crate) use {dial::Dialer, serve::Serving};

/// The largest message unless the user says otherwise, in bytes: the limit of a Go host, and the largest
/// that Go's gRPC can be set to. A Go plugin accepts 4 MiB unless it was told otherwise.
pub const DEFAULT_MESSAGE_LIMIT: usize = i32::MAX as usize;

#[cfg(test)]
mod tests;

//! The net/rpc half of both sides.
//!
//! `#[go_plugin::interface]` hides all of it; here are the pieces for calls by name, own argument types, callbacks and byte
//! streams beside calls.

mod byte_stream;
mod callback;
mod client;
mod control;
mod host;
#[allow(missing_docs)] // for generated code, hidden
mod map_args;
mod plugin_server;
mod record;
mod scope;
mod serving;
#[allow(missing_docs)] // for generated code, hidden
pub(crate) mod stub;

pub use ::netrpc::{
    Any, Args, CallOptions, ClientBuilder, DispatchError, Empty, Handling, Limits, Methods, Nil, Reply,
    Service,
};
pub use byte_stream::ByteStream;
pub use callback::{Callback, OptionalCallback, connect, serve};
pub use client::RpcClient;
pub(crate) use client::WeakRpcClient;
pub use map_args::Registered;
pub use muxbroker::{MuxBroker, RemoteReader, RemoteWriter, Stream};

pub(crate) use host::HostConnection;
pub(crate) use plugin_server::PluginServer;

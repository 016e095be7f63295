//! HashiCorp's [go-plugin] for Rust: programs extended by plugins that are processes of their own.
//!
//! A **host** starts a **plugin**, reads one handshake line from it and calls it over a local socket, through Go's net/rpc
//! or through gRPC. This crate is both sides, over both transports, and works with the Go programs that exist: a host in Rust drives plugins
//! in Go, a plugin in Rust is loaded by hosts in Go.
//!
//! ```text
//!    host process                                       plugin process
//!  ┌──────────────────────┐   1. starts, cookie in env  ┌───────────────────────┐
//!  │ Client               │ ──────────────────────────► │ serve(HANDSHAKE)      │
//!  │                      │   2. one handshake line     │                       │
//!  │                      │ ◄────────────────────────── │ 1|1|unix|/tmp/p|grpc| │
//!  │ dispense("greeter")  │   3. calls                  │                       │
//!  │  └► Arc<dyn Greeter> │ ◄═════════════════════════► │ impl Greeter          │
//!  └──────────────────────┘  net/rpc: gob on yamux      └───────────────────────┘
//!                            gRPC: HTTP/2
//! ```
//!
//! # A plugin
//!
//! Both sides share a trait; the attribute generates its net/rpc client and server, and `GreeterPlugin`, the type that both sides register.
//!
//! ```no_run
//! # #[cfg(feature = "netrpc")] mod example {
//! use go_plugin::{Handshake, Result};
//!
//! pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
//!
//! #[go_plugin::interface]
//! pub trait Greeter {
//!     async fn greet(&self) -> Result<String>;
//! }
//!
//! struct GreeterHello;
//!
//! #[go_plugin::interface]
//! impl Greeter for GreeterHello {
//!     async fn greet(&self) -> Result<String> {
//!         Ok("Hello!".into())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     go_plugin::serve(HANDSHAKE).plugin("greeter", GreeterPlugin::new(GreeterHello)).await
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! # A host
//!
//! ```no_run
//! # #[cfg(feature = "netrpc")] mod example {
//! # use go_plugin::{Handshake, Result};
//! # pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
//! # #[go_plugin::interface] pub trait Greeter { async fn greet(&self) -> Result<String>; }
//! use go_plugin::Client;
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let client = Client::builder(HANDSHAKE)
//!         .plugin("greeter", GreeterPlugin::client())
//!         .command("./greeter")
//!         .start()
//!         .await?;
//!     let greeter = client.dispense::<GreeterPlugin>("greeter").await?;
//!     println!("{}", greeter.greet().await?);
//!     client.kill().await
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! # The pieces
//!
//! - [`Client`] starts, calls, watches and ends a plugin; [`serve`] is the plugin's whole life.
//! - `#[interface]` (the attribute) defines what crosses the process boundary: arguments and replies are serde types that
//!   also derive `GobType`; an `Arc<dyn Trait>` parameter is a callback, a `ByteStream` flows beside the call.
//! - [`Plugin`] is what both sides register. The attribute writes its net/rpc half; `#[interface(grpc)]` leaves the
//!   gRPC half to a few lines of yours around the code that tonic generated, in an implementation of `GrpcPlugin`.
//! - [`Error`] tells whose fault a failure was, without anybody reading its text.
//! - `ClientBuilder::auto_mtls` encrypts everything between host and plugin, with certificates that both make for the occasion; plugins take
//!   part without being told to. `tls_config` and `tls_provider` are for certificates of your own.
//! - [`discover`] finds plugins by the names of their files; a [`pool`] starts many when they are needed and stops them when they are not.
//! - [`Supervisor`] starts a plugin again after a crash and replaces a running one, under objects that stay valid.
//! - [`logs`] turns a plugin's log into `tracing` events and the other way round.
//!
//! Every call to a dispensed object is a `tracing` span with the target `go_plugin::call` and the fields `plugin`, `method`, `transport` and
//! `outcome`; on the side that serves it, one with the target `go_plugin::serve` and the same fields. [`trace`] says how the two become
//! parent and child.
//!
//! What happens to a process is bounded: starting, pinging, quitting and killing each have a limit, a plugin ends with its host, and nothing
//! (no process, no socket file) is left when the [`Client`] is gone.
//!
//! # Features
//!
//! All additive; the first three are on by default.
//!
//! | Feature | What it adds |
//! |---|---|
//! | `netrpc` | net/rpc, `#[interface]`; without it neither gob nor yamux is compiled |
//! | `grpc` | gRPC; without it neither tonic nor prost is compiled |
//! | `tls` | AutoMTLS and own certificates; without it rustls is not compiled |
//! | `testing` | `testing`: hosts and plugins in one process, plugins that misbehave |
//! | `container` | `Container`: plugins run by docker or podman |
//! | `fetch` | module `fetch`: manifests with semantic versions, plugins from archives over HTTP(S) or in a folder |
//! | `opentelemetry` | the spans of `tracing-opentelemetry` on both sides of a call become one trace, see `trace` |
//! | `metrics` | counts and measures calls with the `metrics` facade: `go_plugin_calls_total`, `go_plugin_call_duration_seconds`; counts what happens to processes: `go_plugin_launches_total` by `outcome`, `go_plugin_restarts_total` (a [`Supervisor`]'s) by `outcome`, `go_plugin_exits_total` by `cause`: `stopped` by this host, `exited` by itself with code 0, `crashed` |
//!
//! [go-plugin]: https://github.com/hashicorp/go-plugin

#![warn(unreachable_pub)]
// Without a transport there is neither a host nor a plugin, only what both build on.
#![cfg_attr(not(any(feature = "netrpc", feature = "grpc")), allow(dead_code, unused_imports))]

#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod calls;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod checksum;
#[cfg(all(feature = "container", unix, any(feature = "netrpc", feature = "grpc")))]
mod container;
mod discover;
mod error;
#[cfg(all(feature = "fetch", any(feature = "netrpc", feature = "grpc")))]
pub mod fetch;
#[cfg(feature = "grpc")]
mod grpc;
mod handshake;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod heap;
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
pub mod pool;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod process;
mod protocol;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod reattach;
mod registry;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod runner;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod supervisor;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod sys;
#[cfg(all(feature = "testing", any(feature = "netrpc", feature = "grpc")))]
pub mod testing;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
mod tls;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub mod trace;

/// For implementations of [`Runner`] and [`AttachedRunner`].
pub use async_trait::async_trait;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use checksum::Checksum;
#[cfg(all(feature = "container", unix, any(feature = "netrpc", feature = "grpc")))]
pub use container::Container;
pub use discover::{Discovered, discover};
pub use error::{Error, ErrorKind, Fault, Result};
#[cfg(feature = "netrpc")]
pub use go_plugin_macros::{GobType, interface};
#[cfg(feature = "grpc")]
pub use grpc::{
    DEFAULT_MESSAGE_LIMIT, GrpcBroker, GrpcChannel, GrpcListener, GrpcService, GrpcServices, GrpcStream,
    Served,
};
pub use handshake::{Address, CORE_PROTOCOL_VERSION, Handshake, HandshakeLine, StdioConnection, env};
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use host::{Client, ClientBuilder, cleanup_clients};
#[cfg(feature = "netrpc")]
pub use muxbroker::MuxBroker;
#[cfg(feature = "netrpc")]
pub use netrpc::stub::Interface;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use plugin::{Server, TestServer, serve, serve_mux};
#[cfg(feature = "grpc")]
pub use plugin_trait::GrpcPlugin;
#[cfg(feature = "netrpc")]
pub use plugin_trait::NetRpcPlugin;
pub use plugin_trait::Plugin;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use process::PluginCommand;
pub use protocol::{Protocol, UnknownProtocol};
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use reattach::{ReattachConfig, ReattachConfigs};
pub use registry::PluginSet;
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use runner::{AttachedRunner, Runner, RunnerOutput, RunnerSpec};
#[cfg(feature = "tls")]
pub use rustls;
/// The versions that plugins state and hosts require.
pub use semver::{Version, VersionReq};
#[cfg(feature = "netrpc")]
pub use serde_gob::{self, __private::GobType};
#[cfg(any(feature = "netrpc", feature = "grpc"))]
pub use supervisor::{Supervisor, SupervisorBuilder};
#[cfg(all(feature = "tls", any(feature = "netrpc", feature = "grpc")))]
pub use tls::{AutoMtls, TlsConfig};

/// What generated code uses. Not for people: it changes without notice.
#[doc(hidden)]
#[cfg(feature = "netrpc")]
pub mod __private {
    pub use crate::netrpc::stub::*;
}

//! HashiCorp's yamux and go-plugin's `MuxBroker` for tokio.
//!
//! Many streams over one connection, compatible with `hashicorp/yamux` v0.1.2 in both roles, and a broker that
//! finds further streams by number, compatible with `hashicorp/go-plugin`.
//!
//! ```text
//!        host                    one connection                     plugin
//!  ┌──────────────┐   frames: SYN, ACK, data, credit, …    ┌──────────────────┐
//!  │   Session    │◀──────────────────────────────────────▶│     Session      │
//!  │   client     │                                        │     server       │
//!  ├──────────────┤                                        ├──────────────────┤
//!  │ Stream 1     │◀═════════════ bytes ══════════════════▶│ Stream 1         │
//!  │ Stream 3, 5… │◀══════════════════════════════════════▶│ Stream 3, 5…     │
//!  ├──────────────┤                                        ├──────────────────┤
//!  │  MuxBroker   │   "accept number 7 of mine" travels    │    MuxBroker     │
//!  │  dial(7)     │   in a call; then a new stream whose   │    accept(7)     │
//!  │  → Stream 9  │══ first four bytes say 7, echoed ═════▶│    → Stream 9    │
//!  └──────────────┘                                        └──────────────────┘
//! ```
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use muxbroker::{Config, MuxBroker, Session};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! let (ours, theirs) = tokio::io::duplex(64 * 1024);
//! let host = Session::client(ours, Config::default());
//! let plugin = Session::server(theirs, Config::default());
//!
//! let mut control = host.open().await?;
//! control.write_all(b"hello").await?;
//! control.shutdown().await?;
//! let mut text = String::new();
//! plugin.accept().await?.read_to_string(&mut text).await?;
//! assert_eq!(text, "hello");
//!
//! let (host, plugin) = (MuxBroker::new(host), MuxBroker::new(plugin));
//! let id = plugin.next_id(); // sent to the host in a call
//! let (accepted, dialled) = tokio::join!(plugin.accept(id), host.dial(id));
//! assert_eq!(accepted?.id(), dialled?.id());
//! # Ok(())
//! # }
//! ```
//!
//! [`yamux`] is the protocol without I/O, for tests, tools and other runtimes; [`recording`] is what crossed a connection, in
//! a file.

#![warn(unreachable_pub)]
#![forbid(unsafe_code)]

mod broker;
mod carry;
mod config;
mod driver;
mod error;
mod outlet;
pub mod recording;
mod session;
mod split;
mod stats;
mod stream;
mod tasks;
pub mod yamux;

pub use broker::{MuxBroker, Serving};
pub use carry::{RemoteReader, RemoteWriter};
pub use config::{Config, INITIAL_WINDOW};
pub use error::{Error, Violation};
pub use session::Session;
pub use stats::Stats;
pub use stream::{ReadHalf, Stream, WriteHalf};

/// The README's example must compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

//! Go's [`net/rpc`](https://pkg.go.dev/net/rpc) for Rust: call methods of Go servers and serve Go clients, over any byte stream.
//!
//! ```text
//!                     request:  header {ServiceMethod, Seq}         body (the argument)
//!   Client::call  ───────────────────────────────────────────────▶  Server::serve ─▶ Service
//!                 ◀───────────────────────────────────────────────                 ◀─ Reply
//!                     response: header {ServiceMethod, Seq, Error}  body (the result)
//! ```
//!
//! Headers and bodies are [gob](serde_gob) values; bodies are any type with serde's traits and [`GobType`](serde_gob::GobType).
//! The stream is anything that implements tokio's `AsyncRead` and `AsyncWrite`: a socket, a pipe, a stream of a multiplexer.
//! Connecting and listening are left to you.
//!
//! ```
//! use netrpc::{Client, Methods, Server, serde_gob::GobType};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, GobType)]
//! #[serde(rename_all = "PascalCase")]
//! struct Args {
//!     a: i64,
//!     b: i64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> netrpc::Result<()> {
//! // Go: rpc.RegisterName("Arith", arith); rpc.ServeConn(conn)
//! let arith = Methods::new()
//!     .method("Multiply", |args: Args| async move { Ok::<_, String>(args.a * args.b) })
//!     .method("Divide", |args: Args| async move { args.a.checked_div(args.b).ok_or("divide by zero") });
//! let server = Server::builder().service("Arith", arith).build()?;
//! let (here, there) = tokio::io::duplex(4096); // in earnest: a socket
//! tokio::spawn(server.serve(there));
//!
//! // Go: rpc.NewClient(conn).Call("Arith.Multiply", args, &product)
//! let client = Client::new(here);
//! let product: i64 = client.call("Arith.Multiply", &Args { a: 7, b: 8 }).await?;
//! assert_eq!(product, 56);
//!
//! let error = client.call::<i64, _>("Arith.Divide", &Args { a: 7, b: 0 }).await.unwrap_err();
//! assert!(error.is_remote());
//! assert_eq!(error.to_string(), "divide by zero");
//! # Ok(())
//! # }
//! ```
//!
//! # Calling
//!
//! A [`Client`] is cheap to clone, and any number of calls may run at once. A call is a future:
//!
//! - Give it a deadline with [`CallOptions::timeout`] or, for all calls, [`ClientBuilder::default_timeout`].
//! - Drop it to give it up. Nothing of it stays behind, and the reply that may still come is skipped.
//! - With [`ClientBuilder::send_cancel`] the peer hears of both, in the form that the Go package
//!   `github.com/keegancsmith/rpc` defines, and stops the handler.
//! - With [`ClientBuilder::send_trace`] its header says which distributed trace it belongs to ([`CallOptions::trace`]); Go's server skips
//!   that, the one of this crate has it in [`Args::trace`].
//! - What can go wrong is in [`Error`], with the texts that Go's client gives: `connection is shut down`, `unexpected EOF`,
//!   `reading body …`, and the server's own.
//!
//! A method that takes `interface{}` and needs nothing is called with [`Nil`] (Go: `new(interface{})`), one that takes or
//! returns `struct{}` with [`Empty`], and values whose type is not known beforehand are [`Any`].
//!
//! # Serving
//!
//! [`Methods`] makes a service of closures; [`Service`] is the trait behind it. Requests of one stream are read in order, their
//! handlers run at once, each as a task, and replies go out as they come. A handler that panics, a reply that cannot be
//! encoded, a method that does not exist: each is an error reply, and the stream lives.
//! [`Server::serve`] returns when the peer ends the stream or [`Server::shutdown`] is called, after the running handlers.
//!
//! # Where this differs from Go
//!
//! | | Go 1.26 | here |
//! |---|---|---|
//! | an argument that cannot be encoded | leaves half a request behind; the next call kills the connection | fails its call alone |
//! | a reply of another type than asked for | shuts the client down | fails its call alone |
//! | a method that does not exist, called with a nil interface | the server never answers, and reads nothing more | the server answers, and so does Go's: our [`Nil`] can be skipped (but not a nil interface at the end of a slice or struct) |
//! | a handler's error with an empty text | is read as success | gets a text |
//! | a reply that cannot be encoded | closes the connection | is an error reply |
//! | a handler that panics | ends the process | is an error reply |
//! | deadlines, cancellation | none | per call |
//! | handlers at once, waiting bytes | unlimited | [bounded](ServerBuilder::max_concurrent), [bounded](ServerBuilder::queue_limit) |
//! | end of the stream | waits for handlers for ever | waits for [a while](ServerBuilder::drain_timeout) |
//!
//! # Limits
//!
//! What a peer can make this side allocate is bounded by [`Limits`] (the size of one message above all), given with
//! [`Gob::with_limits`]; memory is taken as bytes arrive, not as they are announced.
//!
//! # Other codecs
//!
//! Go has `net/rpc/jsonrpc`; here [`Codec`] is what such an encoding implements. Every generic type of this crate has [`Gob`] as
//! its default, so that it need not be written.

#![warn(unreachable_pub)]

mod client;
mod codec;
mod error;
mod gob;
mod incoming;
mod message;
mod outgoing;
mod server;

pub use serde_gob::{self, Any, Empty, Limits, Nil};

pub use crate::{
    client::{CLOSE_TIMEOUT, CallOptions, Client, ClientBuilder, Trace},
    codec::{Codec, CodecError, CodecScope, Decoder, Encoder},
    error::{Error, Result},
    gob::Gob,
    outgoing::DEFAULT_QUEUE_LIMIT,
    server::{
        Args, DEFAULT_DRAIN_TIMEOUT, DEFAULT_MAX_CONCURRENT, DispatchError, Handling, Methods, Reply, Server,
        ServerBuilder, Service,
    },
};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

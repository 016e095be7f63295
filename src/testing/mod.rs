//! Help for tests: a host and a plugin in one process, over real sockets and the real protocol, and plugins that misbehave. Needs the
//! feature `testing`.
//!
//! - [`Pair`] for the code on both sides of an interface: what a plugin set serves is dispensed, over either transport. Go's
//!   `TestPluginRPCConn` and `TestPluginGRPCConn`.
//! - [`FakePlugin`] for the code of a host: it takes the place of a command, so that the start, the kill, a crash and every misbehaviour
//!   can be tested without a program.
//! - [`grpc_channel`] for generated gRPC code alone. Go's `TestGRPCConn`.

mod fake;
#[cfg(feature = "grpc")]
mod grpc;
mod pair;

pub use fake::{FakePlugin, Misbehaviour};
#[cfg(feature = "grpc")]
pub use grpc::{GrpcServed, grpc_channel};
pub use pair::Pair;

//! The plugin side: prove to be started by a host, listen, say where, serve until told to stop.

mod cookie;
mod debugger;
mod host_watch;
mod in_process;
mod mux;
mod over_stdio;
mod server;
mod signals;
mod stdio;
mod test_mode;

#[cfg(feature = "testing")]
pub(crate) use in_process::Asked;
pub use mux::serve_mux;
pub use server::{Server, serve};
#[cfg(feature = "grpc")]
pub(crate) use stdio::Delivery;
#[cfg(all(test, feature = "grpc"))]
pub(crate) use stdio::Printed;
pub(crate) use stdio::{Channel, Outlet, Source};
pub use test_mode::TestServer;

//! Sockets between host and plugin: where a plugin listens, and one connection to it.

mod connection;
#[cfg(feature = "netrpc")]
mod halves;
mod listener;
mod overheard;
mod socket_dir;

pub(crate) use connection::Connection;
#[cfg(feature = "netrpc")]
pub(crate) use halves::Halves;
#[cfg(all(feature = "netrpc", feature = "tls"))]
pub(crate) use halves::{ReadHalf, WriteHalf};
pub(crate) use listener::{ACCEPT_PAUSE, ListenOptions, Listener};
pub(crate) use overheard::Overheard;
pub(crate) use socket_dir::SocketConfig;

//! What connects host and plugin: where a plugin listens, and one connection to it.

mod connection;
#[cfg(feature = "netrpc")]
mod halves;
mod listener;
mod overheard;
mod pipes;
mod socket_dir;
mod unix;

pub(crate) use connection::Connection;
#[cfg(feature = "netrpc")]
pub(crate) use halves::Halves;
pub(crate) use listener::{ACCEPT_PAUSE, ListenOptions, Listener, UNIX_BY_DEFAULT};
pub(crate) use overheard::Overheard;
pub(crate) use pipes::{Pipes, ReadHalf, WriteHalf};
pub(crate) use socket_dir::SocketConfig;

//! Sockets between host and plugin: where a plugin listens, and one connection to it.

mod connection;
mod listener;
mod socket_dir;

pub(crate) use connection::Connection;
pub(crate) use listener::{ACCEPT_PAUSE, ListenOptions, Listener};
pub(crate) use socket_dir::SocketConfig;

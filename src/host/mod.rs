//! The host side: start a plugin, connect to it, dispense objects from it, end it.

mod builder;
mod client;
mod give_up;
mod options;
mod reattach;
mod source;
mod start;
mod transport;

pub use builder::ClientBuilder;
pub use client::Client;
pub use options::PluginCommand;
pub(crate) use options::Writer;

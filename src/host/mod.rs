//! The host side: start a plugin, connect to it, dispense objects from it, end it.

mod anchor;
mod builder;
mod client;
mod give_up;
mod managed;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
mod options;
mod reattach;
mod source;
mod start;
mod transport;
mod version;

pub(crate) use anchor::Anchor;
pub use builder::ClientBuilder;
pub use client::Client;
pub use managed::cleanup_clients;
pub(crate) use options::Writer;

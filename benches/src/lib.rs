//! What is measured, for criterion (`../*.rs`) and for `cargo xtask compare` (`main.rs`).

pub mod data;
pub mod gob;
#[cfg(feature = "grpc")]
pub mod grpc;
pub mod launch;
pub mod measure;
pub mod memory;
pub mod options;
pub mod plugin;
pub mod rpc;
pub mod yamux;

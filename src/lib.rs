//! HashiCorp's go-plugin for Rust.

mod error;

pub use error::{Error, ErrorKind, Fault, Result};

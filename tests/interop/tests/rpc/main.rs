//! Our net/rpc against Go's `net/rpc`, and against `github.com/keegancsmith/rpc` where calls are cancelled.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests are tests

mod cancel;
mod client;
mod server;
mod types;

//! How plugins are started, found again and ended, against Go programs on go-plugin v1.8.0.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests are tests

mod calls;
mod checksum;
mod container;
mod deaths;
mod ending;
mod mux;
mod over_stdio;
mod pool;
mod reattach;
mod runner;
mod sockets;
mod supervisor;
mod support;
mod testing;

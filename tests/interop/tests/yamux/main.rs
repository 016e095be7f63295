//! Our yamux session against `hashicorp/yamux` v0.1.2, as client and as server, with and without delay.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests are tests

mod ends;
mod flow;
mod liveness;
mod opening;
mod pair;

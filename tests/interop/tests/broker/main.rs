//! Our MuxBroker against the one of go-plugin v1.8.0: our plugin side with its host side, and the other way round.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests are tests

mod calls;
mod carrying;
mod connection;
mod streams;

//! Hosts and plugins of different ages, as `docs/compatibility.md` describes, and several plugins at once.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod go_hosts;
mod interfaces;
mod set;
mod versions;

use std::{path::Path, process::Command};

use interop_tests::go_program;

/// The plugin of either language. `args` choose generation and version.
fn plugins(args: &[&str]) -> [Command; 2] {
    let mut go = Command::new(go_program("evolvepeer"));
    go.arg("-plugin").args(args);
    let mut rust = Command::new(rust_plugin());
    rust.args(args);
    [go, rust]
}

fn rust_plugin() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rust-evolve"))
}

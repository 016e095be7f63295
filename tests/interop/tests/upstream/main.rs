//! go-plugin's own example programs, of several releases, and our twins of them: host and plugin in either language.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests are tests

mod counter;
mod greeter;
mod kv;
mod python;
mod streaming;
mod versions;

use interop_tests::{Ran, run};
use std::path::Path;
use tokio::process::Command;

/// Runs a program in `dir`.
async fn in_dir(dir: &Path, program: &Path, args: &[&str], env: &[(&str, &Path)]) -> Ran {
    let mut command = Command::new(program);
    command.args(args).envs(env.iter().copied()).current_dir(dir);
    run(command, b"").await
}

//! `cargo xtask soak`: a long run of a host that treats plugins badly.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};

/// Builds and runs `tests/soak` with `options`, of which the program itself tells.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let status = cargo
        .args(["run", "--quiet", "--package", "soak", "--"])
        .args(options)
        .status()
        .context("cargo run")?;
    ensure!(status.success(), "soak: {status}");
    Ok(())
}

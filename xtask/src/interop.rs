//! `cargo xtask interop`: the tests against Go programs.
#![allow(clippy::print_stdout)] // its answer to whoever runs it

use std::{env, fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const PACKAGE: &str = "interop-tests";

/// The feature that a test needs if the normal run leaves it out.
const SLOW: &str = "slow";

/// Runs them; `slow` adds those that take minutes to build or to run. Says which these are in either case.
pub(crate) fn run(slow: bool) -> Result<()> {
    println!("{}:", if slow { "left out by `cargo test`, run now" } else { "left out, run with --slow" });
    for (name, about) in slow_tests()? {
        println!("  {name:28} {about}");
    }
    let mut test = cargo();
    test.args(["test", "--package", PACKAGE]);
    if slow {
        test.args(["--features", SLOW]);
    }
    let status = test.status().context("cargo test")?;
    ensure!(status.success(), "cargo test: {status}");
    Ok(())
}

/// Name and first line of each test file that needs the feature.
fn slow_tests() -> Result<Vec<(String, String)>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages = list(&metadata["packages"]);
    let package = packages.iter().find(|p| p["name"] == PACKAGE).context("the package is gone")?;
    let mut tests = Vec::new();
    for target in list(&package["targets"]) {
        if list(&target["required-features"]).iter().any(|feature| feature == SLOW) {
            let path = target["src_path"].as_str().context("a target without a source")?;
            let source = fs::read_to_string(path).with_context(|| path.to_owned())?;
            let about = source.lines().next().unwrap_or_default().trim_start_matches("//!").trim();
            tests.push((target["name"].as_str().unwrap_or_default().to_owned(), about.to_owned()));
        }
    }
    Ok(tests)
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

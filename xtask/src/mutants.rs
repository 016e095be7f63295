//! `cargo xtask mutants`: how many deliberate faults the tests notice, part by part.
//!
//! cargo-mutants changes one expression at a time and runs the tests of that part. A mutant that no test minds is a behaviour
//! that nothing shows. All of them take hours; a shard is every N-th, spread over all files.
#![allow(clippy::print_stdout)] // its answer to whoever runs it

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// A part of the project whose mutants are counted together.
struct Part {
    name: &'static str,
    package: &'static str,
    /// Only these files, if not all.
    files: Option<&'static str>,
    /// The tests that are to notice.
    tests: &'static [&'static str],
}

const PARTS: &[Part] = &[
    // Without `ui`, which compiles programs that must not compile.
    Part {
        name: "serde_gob",
        package: "serde_gob",
        files: None,
        tests: &["--lib", "--test", "it", "--test", "memory", "--test", "net_rpc_headers"],
    },
    Part { name: "netrpc", package: "netrpc", files: None, tests: &["--lib", "--tests"] },
    Part { name: "muxbroker", package: "muxbroker", files: None, tests: &["--lib", "--tests"] },
    Part { name: "handshake", package: "go-plugin", files: Some("src/handshake/**"), tests: &["--lib"] },
];

/// After how many seconds a mutant counts as noticed because its tests hang. Unmutated, the slowest of these parts takes 10 on two cores.
const TIMEOUT: &str = "60";

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let (shard, names) = match options {
        ["--shard", shard, names @ ..] => (*shard, names),
        names => ("0/1", names),
    };
    if let Some(unknown) = names.iter().find(|name| !PARTS.iter().any(|part| part.name == **name)) {
        let known: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        bail!("there is no part {unknown}, but {}", known.join(", "));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let installed = Command::new(&cargo).args(["mutants", "--version"]).output().context("cargo")?;
    ensure!(installed.status.success(), "cargo-mutants is missing: cargo install --locked cargo-mutants");

    let mut summary = Vec::new();
    for part in PARTS.iter().filter(|part| names.is_empty() || names.contains(&part.name)) {
        println!("=== {}", part.name);
        let output = root.join("target/mutants").join(part.name);
        fs::create_dir_all(&output).with_context(|| output.display().to_string())?;
        let mut mutants = Command::new(&cargo);
        mutants.current_dir(root).args(["mutants", "--package", part.package, "--timeout", TIMEOUT]);
        mutants.args(["--sharding", "round-robin", "--shard", shard, "--output"]).arg(&output);
        mutants.args(part.files.iter().flat_map(|files| ["--file", files]));
        mutants.arg("--").args(part.tests);
        let status = mutants.status().context("cargo mutants")?;
        ensure!(
            matches!(status.code(), Some(0 | MISSED | TIMED_OUT)),
            "cargo mutants ended with {status}; is the part's own test run green?"
        );
        let outcomes = output.join("mutants.out/outcomes.json");
        let text = fs::read_to_string(&outcomes).with_context(|| outcomes.display().to_string())?;
        summary.push(serde_json::from_str::<Counts>(&text)?.sentence(part.name, shard));
    }
    println!("{}", summary.join("\n"));
    Ok(())
}

/// How cargo-mutants ends when there are mutants that nothing noticed, and when some tests hung.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// What cargo-mutants has counted.
#[derive(Deserialize)]
struct Counts {
    caught: u32,
    timeout: u32,
    missed: u32,
    unviable: u32,
}

impl Counts {
    fn sentence(&self, name: &str, shard: &str) -> String {
        let Self { caught, timeout, missed, unviable } = self;
        let (noticed, all) = (caught + timeout, caught + timeout + missed);
        let share = 100.0 * f64::from(noticed) / f64::from(all.max(1));
        format!(
            "{name}: {noticed} of {all} mutants caught ({share:.0} %; {timeout} of them by a timeout; {unviable} more do not compile; shard {shard})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_those_that_compile() {
        let counts =
            r#"{"caught": 8, "timeout": 1, "missed": 1, "unviable": 4, "success": 0, "outcomes": []}"#;
        let counts: Counts = serde_json::from_str(counts).unwrap();
        assert_eq!(
            counts.sentence("netrpc", "0/8"),
            "netrpc: 9 of 10 mutants caught (90 %; 1 of them by a timeout; 4 more do not compile; shard 0/8)"
        );
    }
}

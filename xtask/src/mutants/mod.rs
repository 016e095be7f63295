//! `cargo xtask mutants`: how many deliberate faults the tests notice, part by part.
//!
//! cargo-mutants changes one expression at a time and runs the tests of that part. A mutant that no test minds is a behaviour
//! that nothing shows. All of them take hours; a shard is every N-th, spread over all files.
#![allow(clippy::print_stdout)] // its answer to whoever runs it

mod sample;

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

pub(crate) use self::sample::Sample;

/// A part of the project whose mutants are counted together.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    package: &'static str,
    /// Which files, if not all, and which features: what they leave out would count as missed.
    selection: &'static [&'static str],
    /// The tests that are to notice.
    tests: &'static [&'static str],
}

pub(crate) const PARTS: &[Part] = &[
    // Without `ui`, which compiles programs that must not compile.
    Part {
        name: "serde_gob",
        package: "serde_gob",
        selection: &["--all-features"],
        tests: &["--lib", "--test", "it", "--test", "memory", "--test", "net_rpc_headers"],
    },
    Part { name: "netrpc", package: "netrpc", selection: &[], tests: &["--lib", "--tests"] },
    Part { name: "muxbroker", package: "muxbroker", selection: &[], tests: &["--lib", "--tests"] },
    // With one transport: both, and TLS, take several times as long to build and know no more of the line.
    Part {
        name: "handshake",
        package: "go-plugin",
        selection: &["--file", "src/handshake/**", "--no-default-features", "--features", "netrpc"],
        tests: &["--lib"],
    },
];

/// A mutant whose tests take so many times as long as the unmutated ones, and at least so many seconds, counts as noticed because they
/// hang. The first measures the machine as it is; the second keeps its hiccups out of tests that take a second or two.
const TIMEOUT: [&str; 4] = ["--timeout-multiplier", "6", "--minimum-test-timeout", "30"];

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

    let (mut summary, mut rows) = (Vec::new(), Vec::new());
    for part in PARTS.iter().filter(|part| names.is_empty() || names.contains(&part.name)) {
        println!("=== {}", part.name);
        let output = root.join("target/mutants").join(part.name);
        fs::create_dir_all(&output).with_context(|| output.display().to_string())?;
        let mut mutants = Command::new(&cargo);
        mutants.current_dir(root).args(["mutants", "--package", part.package]).args(TIMEOUT);
        mutants.args(["--sharding", "round-robin", "--shard", shard, "--output"]).arg(&output);
        mutants.args(part.selection);
        mutants.arg("--").args(part.tests);
        let status = mutants.status().context("cargo mutants")?;
        ensure!(
            matches!(status.code(), Some(0 | MISSED | TIMED_OUT)),
            "cargo mutants ended with {status}; is the part's own test run green?"
        );
        let outcomes = output.join("mutants.out/outcomes.json");
        let text = fs::read_to_string(&outcomes).with_context(|| outcomes.display().to_string())?;
        let counts: Counts = serde_json::from_str(&text)?;
        let sample = counts.sample(part.name, shard);
        summary.push(counts.sentence(&sample));
        rows.push(sample.to_string());
    }
    println!("{}\n\nfor tests/CONFORMANCE.md:\n{}", summary.join("\n"), rows.join("\n"));
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
    fn sample(&self, part: &str, shard: &str) -> Sample {
        let caught = self.caught + self.timeout;
        Sample { part: part.to_owned(), shard: shard.to_owned(), mutants: caught + self.missed, caught }
    }

    fn sentence(&self, sample: &Sample) -> String {
        let (Self { timeout, unviable, .. }, Sample { part, shard, mutants, caught }) = (self, sample);
        format!(
            "{part}: {caught} of {mutants} mutants caught ({} %; {timeout} of them by a timeout; {unviable} more do not compile; shard {shard})",
            sample.share()
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
        let sample = counts.sample("netrpc", "0/8");
        assert_eq!(sample.to_string(), "| netrpc | 0/8 | 10 | 9 | 90 % |");
        assert_eq!(
            counts.sentence(&sample),
            "netrpc: 9 of 10 mutants caught (90 %; 1 of them by a timeout; 4 more do not compile; shard 0/8)"
        );
    }
}

//! Tasks of the workspace: `cargo xtask COMMAND`.

mod codegen;
mod compare;
mod conformance;
mod decode;
mod interop;
mod msrv;
mod mutants;
mod soak;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  codegen [--check]   generate Rust from the .proto files; with --check only compare
  compare [--quick] [--json] [NAME]…
                      measure this project beside Go and other crates: all rows, or those with NAME in their name
  conformance [--results FILE]
                      run all tests and say how much of tests/CONFORMANCE.md they show, or read what a run has printed
  decode [--json] FILE
                      print what `ClientBuilder::record` recorded: frames, broker, calls, values; as JSON an object a line
  interop [--slow]    run the tests against Go programs; with --slow also those that `cargo test` leaves out
  msrv                check that no dependency needs a newer Rust than the crates promise
  mutants [--shard K/N] [PART]…
                      change the code in one place at a time and say which share of the faults the tests notice
  soak [--seconds N | --minutes N] [--seed S]
                      launch, call, kill and lose plugins at random, then look for what is left of them";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["codegen"] => codegen::run(codegen::Mode::Write),
        ["codegen", "--check"] => codegen::run(codegen::Mode::Check),
        ["compare", ref options @ ..] => compare::run(options),
        ["conformance"] => conformance::run(None),
        ["conformance", "--results", file] => conformance::run(Some(file.as_ref())),
        ["decode", file] if file != "--json" => decode::run(file.as_ref(), decode::Format::Text),
        ["decode", "--json", file] => decode::run(file.as_ref(), decode::Format::Json),
        ["interop"] => interop::run(false),
        ["interop", "--slow"] => interop::run(true),
        ["msrv"] => msrv::run(),
        ["mutants", ref options @ ..] => mutants::run(options),
        ["soak", ref options @ ..] => soak::run(options),
        _ => bail!("{USAGE}"),
    }
}

//! Tasks of the workspace: `cargo xtask COMMAND`.

mod codegen;
mod interop;
mod msrv;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  codegen [--check]   generate Rust from the .proto files; with --check only compare
  interop [--slow]    run the tests against Go programs; with --slow also those that `cargo test` leaves out
  msrv                check that no dependency needs a newer Rust than the crates promise";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["codegen"] => codegen::run(codegen::Mode::Write),
        ["codegen", "--check"] => codegen::run(codegen::Mode::Check),
        ["interop"] => interop::run(false),
        ["interop", "--slow"] => interop::run(true),
        ["msrv"] => msrv::run(),
        _ => bail!("{USAGE}"),
    }
}

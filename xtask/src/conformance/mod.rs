//! `cargo xtask conformance`: whether `tests/CONFORMANCE.md` is true.
//!
//! Every row names the tests that show a behaviour. This runs the tests, or reads what a run has printed, and counts
//! the rows whose tests have all passed. A row that names a test that does not exist, or that failed, makes it fail.
//! What `cargo xtask mutants` has found is only printed as it is recorded there: that takes hours.
#![allow(clippy::print_stdout)] // its answer to whoever runs it

mod mutants;
mod results;
mod table;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write, pipe, stdout},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use results::Results;
use table::{Evidence, Row, Table};

/// Where the table is, from the root of the workspace.
const TABLE: &str = "tests/CONFORMANCE.md";

/// A group of rows: how their ids start, how many there must be, and what they are called in the summary. The counts are
/// those of upstream's test suites (60 and 35) and of the defects that are not to be copied.
struct Group {
    prefixes: &'static [&'static str],
    count: Option<usize>,
    called: &'static str,
}

const GROUPS: &[Group] = &[
    Group { prefixes: &["GP", "YM"], count: Some(95), called: "behaviours" },
    Group { prefixes: &["B"], count: Some(20), called: "defects absent" },
    Group { prefixes: &["W"], count: None, called: "wishes" },
];

/// Checks the table against the results in the file `recorded`, or against those of a fresh run.
pub(crate) fn run(recorded: Option<&Path>) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    let text = fs::read_to_string(root.join(TABLE)).context(TABLE)?;
    let table: Table = text.parse()?;
    for group in GROUPS {
        table.check_ids(group.prefixes, group.count)?;
    }
    let mutants = mutants::recorded(&text).context(TABLE)?;
    let results = match recorded {
        Some(path) => fs::read_to_string(path).with_context(|| path.display().to_string())?.lines().collect(),
        None => run_tests(root)?,
    };

    let mut wrong = Vec::new();
    let mut summary = Vec::new();
    for group in GROUPS {
        let rows: Vec<_> = group.prefixes.iter().flat_map(|prefix| table.rows(prefix)).collect();
        wrong.extend(rows.iter().flat_map(|row| contradictions(row, &results)));
        let shown = |row: &&&Row| {
            matches!(row.evidence, Evidence::Tests(_)) && contradictions(row, &results).is_empty()
        };
        let apart = rows.iter().filter(|row| matches!(row.evidence, Evidence::NoCounterpart)).count();
        let apart =
            if apart == 0 { String::new() } else { format!(" ({apart} have no counterpart in Rust)") };
        summary.push(format!(
            "{} of {} {}{apart}",
            rows.iter().filter(shown).count(),
            rows.len(),
            group.called
        ));
    }
    println!("{}\n{mutants}", summary.join(", "));
    if !wrong.is_empty() {
        bail!("{TABLE} is not what the tests show:\n{}", wrong.join("\n"));
    }
    Ok(())
}

/// What the row says and the results do not.
fn contradictions(row: &Row, results: &Results) -> Vec<String> {
    let Evidence::Tests(tests) = &row.evidence else { return Vec::new() };
    tests.iter().filter_map(|test| Some(format!("{}: {test} {}", row.id, results.objection(test)?))).collect()
}

/// Runs all tests, showing what they print.
fn run_tests(root: &Path) -> Result<Results> {
    let (reader, writer) = pipe()?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--workspace", "--no-fail-fast"]).current_dir(root);
    // One pipe for both, so that the names of the binaries, which cargo prints, stand above their tests.
    cargo.stdout(writer.try_clone()?).stderr(writer);
    let mut child = cargo.spawn().context("cargo test")?;
    drop(cargo); // and with it our ends of the pipe
    let mut lines = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(stdout(), "{line}")?;
        lines.push(line);
    }
    child.wait()?; // a failed test is reported by the rows that name it, and by its own output above
    Ok(lines.iter().map(String::as_str).collect())
}

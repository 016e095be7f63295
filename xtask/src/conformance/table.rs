//! The table of behaviours: rows of a Markdown file, `| ID | behaviour | evidence |`.

use std::{collections::BTreeSet, str::FromStr};

use anyhow::{Result, bail, ensure};

/// How evidence starts that is a reason and not a test.
const NO_COUNTERPART: &str = "no counterpart:";
/// How evidence starts that is missing.
const OPEN: &str = "open";

#[derive(Debug)]
pub(super) struct Table(Vec<Row>);

/// One behaviour.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) evidence: Evidence,
}

/// What shows a behaviour.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Tests, each as `BINARY::PATH`; all of them must pass.
    Tests(Vec<String>),
    /// The cell says why Rust or this design has nothing that could be tested.
    NoCounterpart,
    /// Nothing yet.
    Open,
}

impl Table {
    /// The rows whose ids start with `prefix`.
    pub(super) fn rows<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Row> {
        self.0.iter().filter(move |row| row.id.split_once('-').is_some_and(|(start, _)| start == prefix))
    }

    /// Fails unless the ids with each of `prefixes` are numbered from 1 without a gap, `count` in all.
    pub(super) fn check_ids(&self, prefixes: &[&str], count: Option<usize>) -> Result<()> {
        let mut total = 0;
        for prefix in prefixes {
            let ids: BTreeSet<_> = self.rows(prefix).map(|row| row.id.clone()).collect();
            let expected: BTreeSet<_> =
                (1..=self.rows(prefix).count()).map(|n| format!("{prefix}-{n:02}")).collect();
            ensure!(ids == expected, "rows {prefix} are not numbered from 01 without a gap or repetition");
            total += ids.len();
        }
        if let Some(count) = count {
            ensure!(total == count, "there are {total} rows {prefixes:?} instead of {count}");
        }
        Ok(())
    }
}

impl FromStr for Table {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let rows = text.lines().filter(|line| is_row(line)).map(row);
        Ok(Self(rows.collect::<Result<_>>()?))
    }
}

/// Whether a line is a row with an id, such as `| GP-01 | …`, and not a heading or text.
fn is_row(line: &str) -> bool {
    let Some(id) = line.strip_prefix("| ").and_then(|line| line.split_whitespace().next()) else {
        return false;
    };
    id.split_once('-').is_some_and(|(prefix, number)| {
        prefix.chars().all(|c| c.is_ascii_uppercase()) && number.chars().all(|c| c.is_ascii_digit())
    })
}

fn row(line: &str) -> Result<Row> {
    let cells: Vec<_> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
    let [id, behaviour, evidence] = cells[..] else {
        bail!("not a row of three cells: {line}");
    };
    ensure!(!behaviour.is_empty(), "{id} says nothing");
    let evidence = if let Some(reason) = evidence.strip_prefix(NO_COUNTERPART) {
        ensure!(!reason.trim().is_empty(), "{id} has no counterpart and does not say why");
        Evidence::NoCounterpart
    } else if evidence.starts_with(OPEN) {
        Evidence::Open
    } else {
        // Tests stand in backticks; everything between them is for people.
        let tests: Vec<_> =
            evidence.split('`').skip(1).step_by(2).filter(|t| t.contains("::")).map(str::to_owned).collect();
        ensure!(!tests.is_empty(), "{id} names no test, no reason and is not open");
        Evidence::Tests(tests)
    };
    Ok(Row { id: id.to_owned(), evidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_tests_or_a_reason_or_open() {
        let table: Table = "\
# Conformance
| # | Behaviour | Shown by |
|---|---|---|
| GP-01 | four fields | `line::four`, with `Kill` in `end::killed` |
| GP-02 | a race | no counterpart: nothing is shared |
| GP-03 | a wish | open |
"
        .parse()
        .unwrap();
        table.check_ids(&["GP"], Some(3)).unwrap();
        let evidence: Vec<_> = table.rows("GP").map(|row| &row.evidence).collect();
        let tests = Evidence::Tests(vec!["line::four".into(), "end::killed".into()]);
        assert_eq!(evidence, [&tests, &Evidence::NoCounterpart, &Evidence::Open]);
    }

    #[test]
    fn rows_that_say_nothing_are_refused() {
        for row in [
            "| B-01 | text | |",
            "| B-01 | text | see above |",
            "| B-01 | text | no counterpart: |",
            "| B-01 | `a::b` |",
        ] {
            assert!(row.parse::<Table>().is_err(), "{row}");
        }
    }

    #[test]
    fn gaps_repetitions_and_wrong_counts_are_refused() {
        for (ids, count) in [(&["B-01", "B-03"][..], None), (&["B-01", "B-01"], None), (&["B-01"], Some(2))] {
            let text: String = ids.iter().map(|id| format!("| {id} | text | open |\n")).collect();
            assert!(text.parse::<Table>().unwrap().check_ids(&["B"], count).is_err(), "{ids:?}");
        }
    }
}

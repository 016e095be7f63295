//! `cargo xtask compare`: this project, Go and the peers at the same work, one after the other, on one machine.
//!
//! A row is measured in rounds. In each, every contestant runs once, in turn forwards and backwards, and what counts is the
//! ratio within a round: what slows the machine down slows all of them.
#![allow(clippy::print_stdout, clippy::print_stderr)] // its answer, and what it is at

mod budget;
mod figure;
mod grpc_rows;
mod programs;
mod report;
mod rows;
mod transports;

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};

use self::{
    budget::Share,
    programs::{Measured, Programs},
    report::Comparison,
    rows::{Contestant, Row},
};

/// How thoroughly rows are measured.
struct Effort {
    /// How often every contestant of a row runs.
    rounds: usize,
    /// What each measures.
    time: Duration,
    /// How long all rows may take; then the others are as many and as much as that allows.
    limit: Option<Duration>,
}

const FULL: Effort = Effort { rounds: 9, time: Duration::from_millis(400), limit: None };
/// Under a minute, with what the last row may need beyond its share.
const QUICK: Effort =
    Effort { rounds: 3, time: Duration::from_millis(60), limit: Some(Duration::from_secs(50)) };

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let (mut json, mut effort, mut transports, mut filters) = (false, FULL, false, Vec::new());
    for arg in args {
        match *arg {
            "--json" => json = true,
            "--quick" => effort = QUICK,
            "--transports" => transports = true,
            option if option.starts_with('-') => {
                bail!("unknown option {option}; there are --json, --quick and --transports")
            }
            filter => filters.push(filter),
        }
    }
    if transports {
        ensure!(filters.is_empty(), "--transports is a table of its own, without rows to choose");
        return transports::run(&effort, json);
    }
    let rows = rows::all();
    let mut rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| filters.is_empty() || filters.iter().any(|f| row.name.contains(f)))
        .collect();
    ensure!(!rows.is_empty(), "no row has a name with {}", filters.join(" or "));

    let programs = Programs::build(rows.iter().map(|row| row.work))?;
    if !json {
        println!("{}\n\n{}", programs.describe()?, report::HEADING);
    }
    if effort.limit.is_some() {
        // What takes its time, however little is left, goes first: the others share the rest.
        rows.sort_by_key(|row| row.most_rounds);
    }
    let (begin, mut all) = (Instant::now(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let share = Share::new(effort.limit, begin.elapsed(), rows.len() - at);
        let found = measure(row, &programs, &effort, share)?;
        if !json {
            found.iter().for_each(|comparison| println!("{comparison}"));
        }
        all.extend(found);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        println!("\n{}", report::summary(&all));
    }
    Ok(())
}

fn measure(row: &Row, programs: &Programs, effort: &Effort, share: Share) -> Result<Vec<Comparison>> {
    let (begin, contestants) = (Instant::now(), row.contestants());
    let time = share.of_each(contestants.len(), effort.time);
    let rounds = effort.rounds.min(row.most_rounds);
    let mut measured: Vec<(Contestant, Vec<Measured>)> =
        contestants.iter().map(|c| (*c, Vec::new())).collect();
    for round in (0..rounds).take_while(|round| share.has_room(*round, begin.elapsed())) {
        let mut order: Vec<usize> = (0..measured.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let (contestant, results) = &mut measured[at];
            progress(&format!("{}, round {} of {rounds}: {contestant}", row.name, round + 1));
            results.push(programs.measure(row.work, *contestant, time)?);
        }
    }
    progress("");
    let results = |contestant: Contestant| {
        measured.iter().find(|(known, _)| *known == contestant).map_or(&[][..], |(_, results)| results)
    };
    let mut found = Vec::new();
    for runtime in row.runtimes {
        let ours = results(row.ours(*runtime));
        if row.rivals.is_empty() {
            found.extend(row.figures.iter().map(|figure| Comparison::alone(row, *runtime, *figure, ours)));
        }
        for rival in &row.rivals {
            let theirs = results(row.theirs(rival, *runtime));
            for figure in row.figures {
                found.push(Comparison::new(row, *runtime, *figure, rival, ours, theirs));
            }
        }
    }
    Ok(found)
}

/// Says what is being done, where somebody watches.
fn progress(text: &str) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        // Nothing depends on it.
        let _ = write!(out, "\r\x1b[K{text}");
        let _ = out.flush();
    } else if !text.is_empty() {
        eprintln!("{text}");
    }
}

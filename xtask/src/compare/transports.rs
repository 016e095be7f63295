//! `cargo xtask compare --transports`: one host, one trait, the key-value store of `examples/grpc`, over net/rpc and over gRPC.

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    Effort,
    figure::Better,
    programs::{Measured, Programs},
    progress, report,
    rows::{BOTH, Contestant, Language, Runtime},
};

const WORKS: [&str; 2] = ["kv/netrpc", "kv/grpc"];

/// A line of the table: the name of a figure in what the program prints, what it is, its unit.
const LINES: [(&str, &str, &str, Better); 6] = [
    ("p50", "get 64 B", "µs p50", Better::Less),
    ("p99", "get 64 B", "µs p99", Better::Less),
    ("per_second", "get 64 B, 64 callers", "calls/s", Better::More),
    ("cpu", "get 64 B, 64 callers", "CPU µs per call", Better::Less),
    ("mib_per_second", "put and get 1 MiB", "MiB/s", Better::More),
    ("cpu_large", "put and get 1 MiB", "CPU µs per call", Better::Less),
];

/// One figure of both transports.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    unit: &'static str,
    runtime: &'static str,
    /// Medians of the rounds.
    netrpc: f64,
    grpc: f64,
    /// How many times better net/rpc is: the median of the rounds' ratios.
    ratio: f64,
}

pub(super) fn run(effort: &Effort, json: bool) -> Result<()> {
    let programs = Programs::build(WORKS.into_iter())?;
    let mut lines = Vec::new();
    for runtime in BOTH {
        lines.extend(compare(&programs, *runtime, effort)?);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
        return Ok(());
    }
    println!("{}\n", programs.describe()?);
    println!("{:22} {:16} {:15} {:>9} {:>9}  net/rpc is better by", "", "unit", "runtime", "net/rpc", "gRPC");
    for Line { name, unit, runtime, netrpc, grpc, ratio } in lines {
        let (n, g) = (report::digits(netrpc), report::digits(grpc));
        println!("{name:22} {unit:16} {runtime:15} {netrpc:>9.n$} {grpc:>9.g$}  {ratio:.2}");
    }
    Ok(())
}

fn compare(programs: &Programs, runtime: Runtime, effort: &Effort) -> Result<Vec<Line>> {
    let contestant = Contestant { driver: Language::Rust, peer: Language::Rust, by: "ours", runtime };
    let (mut netrpc, mut grpc) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        // In turn forwards and backwards, as the rows are.
        let mut turns = [(WORKS[0], &mut netrpc), (WORKS[1], &mut grpc)];
        if round % 2 == 1 {
            turns.reverse();
        }
        for (work, results) in turns {
            progress(&format!("{work}, {}, round {} of {}", runtime.name(), round + 1, effort.rounds));
            results.push(programs.measure(work, contestant, effort.time)?);
        }
    }
    progress("");
    LINES
        .into_iter()
        .map(|(key, name, unit, better)| {
            let of = |rounds: &[Measured]| -> Result<Vec<f64>> {
                let values = rounds.iter().map(|round| round.get(key).copied());
                values.collect::<Option<_>>().with_context(|| format!("the program printed no {key}"))
            };
            let (netrpc, grpc) = (of(&netrpc)?, of(&grpc)?);
            let ratio = |(n, g): (&f64, &f64)| if better == Better::Less { g / n } else { n / g };
            let ratio = report::median(netrpc.iter().zip(&grpc).map(ratio).collect());
            Ok(Line {
                name,
                unit,
                runtime: runtime.name(),
                netrpc: report::median(netrpc),
                grpc: report::median(grpc),
                ratio,
            })
        })
        .collect()
}

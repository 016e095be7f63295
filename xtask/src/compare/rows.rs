//! The rows of the comparison, and what is aimed at.

use std::fmt;

use super::{
    figure::{BYTES, CALLS, FAN_OUT, Figure, LATENCY, RESIDENT, TIME},
    grpc_rows,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Go,
}

/// Of a program in Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// Nothing asynchronous is measured.
    None,
    MultiThread,
    CurrentThread,
}

impl Runtime {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::MultiThread => "multi-thread",
            Self::CurrentThread => "current-thread",
        }
    }
}

/// Who does the work, and with whom at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contestant {
    pub(crate) driver: Language,
    pub(crate) peer: Language,
    /// The implementation, in a program in Rust.
    pub(crate) by: &'static str,
    pub(crate) runtime: Runtime,
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.driver, self.peer) {
            (Language::Go, Language::Go) => f.write_str("Go"),
            (driver, peer) => write!(f, "{} ({driver:?} → {peer:?}, {})", self.by, self.runtime.name()),
        }
    }
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What the programs are asked for.
    pub(crate) work: &'static str,
    pub(crate) figures: &'static [Figure],
    pub(crate) runtimes: &'static [Runtime],
    pub(crate) rivals: Vec<Rival>,
    /// Rounds beyond this take too long.
    pub(crate) most_rounds: usize,
    driver: Language,
    peer: Language,
}

/// With whom a row compares.
pub(crate) struct Rival {
    /// `go`, `raw` (what lies below) or the name of a crate.
    pub(crate) name: &'static str,
    /// The ratio to reach, for each of the row's runtimes.
    targets: Vec<f64>,
}

const NONE: &[Runtime] = &[Runtime::None];
pub(super) const BOTH: &[Runtime] = &[Runtime::MultiThread, Runtime::CurrentThread];

pub(crate) fn all() -> Vec<Row> {
    let gob = |name, target| row(name, TIME, NONE).go([target]).peer("gobwire");
    let mut rows = vec![
        gob("gob/header/encode", 5.0),
        gob("gob/header/decode", 4.0),
        gob("gob/struct20/encode", 3.5),
        gob("gob/struct20/decode", 3.0),
        // Not in the list of aims: what Rust can do beyond what Go does.
        row("gob/header/decode/borrowed", TIME, NONE).go([4.0]),
        row("gob/struct20/decode/borrowed", TIME, NONE).go([3.0]),
        gob("gob/bytes1m/encode", 2.5),
        gob("gob/bytes1m/decode", 5.0),
        gob("gob/f64x100k/encode", 2.0),
        gob("gob/f64x100k/decode", 3.0),
        row("yamux/throughput/1", BYTES, BOTH).go([2.2; 2]).raw([0.65; 2]).peer("goplugin"),
        row("yamux/throughput/8", BYTES, BOTH).go([1.5; 2]).raw([0.6; 2]).peer("goplugin"),
        row("yamux/throughput/rust-go", BYTES, BOTH)
            .work("yamux/throughput/1")
            .ends(Language::Rust, Language::Go)
            .go([1.4; 2]),
        row("yamux/throughput/go-rust", BYTES, BOTH)
            .work("yamux/throughput/1")
            .ends(Language::Go, Language::Rust)
            .go([1.4; 2]),
        row("yamux/pingpong", LATENCY, BOTH).go([3.0; 2]).raw([1.0 / 1.25; 2]).peer("goplugin"),
        row("netrpc/call64", LATENCY, BOTH).go([1.8, 3.0]).peer("goplugin"),
        row("netrpc/call64/rust-go", LATENCY, BOTH)
            .work("netrpc/call64")
            .ends(Language::Rust, Language::Go)
            .go([1.3; 2])
            .peer("goplugin"),
        row("netrpc/call64/socket", LATENCY, BOTH).go([1.0; 2]).peer("go-netrpc"),
        row("netrpc/calls64x64", CALLS, BOTH).go([2.0, 2.5]).peer("goplugin"),
        row("netrpc/echo1m", LATENCY, BOTH).go([2.5; 2]).peer("goplugin"),
        row("launch/first-call", LATENCY, BOTH).go([3.0; 2]).raw([0.75; 2]).peer("goplugin"),
        row("memory/idle-plugin", RESIDENT, BOTH).go([4.0; 2]).peer("goplugin"),
        row("memory/500-plugins", FAN_OUT, BOTH).go([3.0; 2]).most_rounds(1),
        row("in-process/call64", TIME, NONE),
    ];
    rows.extend(grpc_rows::all());
    rows
}

pub(super) fn row(name: &'static str, figures: &'static [Figure], runtimes: &'static [Runtime]) -> Row {
    Row {
        name,
        work: name,
        figures,
        runtimes,
        rivals: Vec::new(),
        most_rounds: usize::MAX,
        driver: Language::Rust,
        peer: Language::Rust,
    }
}

impl Row {
    pub(super) fn work(self, work: &'static str) -> Self {
        Self { work, ..self }
    }

    pub(super) fn ends(self, driver: Language, peer: Language) -> Self {
        Self { driver, peer, ..self }
    }

    fn most_rounds(self, most_rounds: usize) -> Self {
        Self { most_rounds, ..self }
    }

    pub(super) fn rival<const N: usize>(mut self, name: &'static str, targets: [f64; N]) -> Self {
        self.rivals.push(Rival { name, targets: targets.into() });
        self
    }

    /// Go at both ends.
    pub(super) fn go<const N: usize>(self, targets: [f64; N]) -> Self {
        self.rival("go", targets)
    }

    /// What lies below: the socket, the process.
    fn raw<const N: usize>(self, targets: [f64; N]) -> Self {
        self.rival("raw", targets)
    }

    /// Another crate, which must be slower.
    fn peer(mut self, name: &'static str) -> Self {
        self.rivals.push(Rival { name, targets: vec![1.0; self.runtimes.len()] });
        self
    }

    pub(crate) fn ours(&self, runtime: Runtime) -> Contestant {
        Contestant { driver: self.driver, peer: self.peer, by: "ours", runtime }
    }

    pub(crate) fn theirs(&self, rival: &Rival, runtime: Runtime) -> Contestant {
        match rival.name {
            "go" => {
                Contestant { driver: Language::Go, peer: Language::Go, by: "ours", runtime: Runtime::None }
            }
            by => Contestant { by, ..self.ours(runtime) },
        }
    }

    /// Everybody who must be measured, once.
    pub(crate) fn contestants(&self) -> Vec<Contestant> {
        let mut all = Vec::new();
        for runtime in self.runtimes {
            all.push(self.ours(*runtime));
            all.extend(self.rivals.iter().map(|rival| self.theirs(rival, *runtime)));
        }
        let mut once = Vec::new();
        all.into_iter().for_each(|contestant| {
            if !once.contains(&contestant) {
                once.push(contestant);
            }
        });
        once
    }

    /// What is to be reached against `rival`.
    pub(crate) fn target(&self, rival: &Rival, runtime: Runtime, figure: Figure) -> Option<f64> {
        let at = self.runtimes.iter().position(|known| *known == runtime)?;
        rival.targets.get(at).copied().filter(|_| figure.judged)
    }
}

//! What can be measured about work.

/// A number that the programs print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Its name in what they print.
    pub(crate) key: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// Targets are about this one.
    pub(crate) judged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

impl Figure {
    /// How many times better `ours` is than `theirs`.
    pub(crate) fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self.better {
            Better::Less => theirs / ours,
            Better::More => ours / theirs,
        }
    }
}

const fn less(key: &'static str, unit: &'static str) -> Figure {
    Figure { key, unit, better: Better::Less, judged: false }
}

const fn more(key: &'static str, unit: &'static str) -> Figure {
    Figure { key, unit, better: Better::More, judged: false }
}

const fn judged(figure: Figure) -> Figure {
    Figure { judged: true, ..figure }
}

const CPU: Figure = less("cpu", "CPU s/10⁶ calls");
const P50: Figure = less("p50", "µs p50");
const P99: Figure = less("p99", "µs p99");

/// Of one operation repeated.
pub(crate) const TIME: &[Figure] = &[judged(less("ns", "ns"))];
/// Of single operations.
pub(crate) const LATENCY: &[Figure] = &[judged(P50), P99];
/// Of calls; they count for the processor time.
pub(crate) const CALLS: &[Figure] = &[judged(more("per_second", "calls/s")), CPU];
/// Of bytes; a call is a write of 32 KiB.
pub(crate) const BYTES: &[Figure] = &[judged(more("mib_per_second", "MiB/s")), CPU];
/// Of one process: what is resident, and what of that is its own and not the page cache's.
pub(crate) const RESIDENT: &[Figure] =
    &[judged(less("resident", "MiB RSS")), judged(less("anonymous", "MiB anonymous"))];
/// Of many processes: their shares of memory, and the answers to calls to all of them.
pub(crate) const FAN_OUT: &[Figure] = &[judged(less("share", "MiB PSS")), judged(P99), P50];

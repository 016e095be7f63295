//! Clocks: of time, of processors, of memory. The Go program measures in the same way (`go/measure.go`).

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// What a run found out, by figure: see `xtask/src/compare/figure.rs` for their names and units.
pub type Figures = Vec<(&'static str, f64)>;

/// A batch is long enough for several collections of Go's garbage collector.
const BATCH: Duration = Duration::from_millis(10);

/// Nanoseconds of processor time per operation: the median of batches. What other programs do meanwhile does not count, what
/// Go's garbage collector does on other threads does.
pub fn repeat(time: Duration, mut operation: impl FnMut()) -> Figures {
    let mut batch = |count: u32| {
        let start = process_time();
        (0..count).for_each(|_| operation());
        process_time() - start
    };
    let mut count = 1;
    while batch(count) < BATCH {
        count *= 2;
    }
    let start = Instant::now();
    let mut batches = Vec::new();
    while batches.is_empty() || start.elapsed() < time {
        batches.push(batch(count).as_nanos() as f64 / f64::from(count));
    }
    vec![("ns", quantile(&mut batches, 0.5))]
}

fn process_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    // Neither is ever negative.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Durations of single operations.
#[derive(Default)]
pub struct Latencies(Vec<f64>);

impl Latencies {
    pub fn push(&mut self, since: Instant) {
        self.0.push(since.elapsed().as_nanos() as f64 / 1000.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn figures(mut self) -> Figures {
        vec![("p50", quantile(&mut self.0, 0.5)), ("p99", quantile(&mut self.0, 0.99))]
    }
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

/// Time and processor time of this process and another one.
pub struct Stopwatch {
    other: u32,
    start: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub fn start(other: u32) -> Result<Self> {
        Ok(Self { other, cpu: both(other)?, start: Instant::now() })
    }

    /// `rate` counts `amount` per second, `cpu` is in seconds per million of `calls`.
    pub fn figures(&self, rate: &'static str, amount: f64, calls: f64) -> Result<Figures> {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = (both(self.other)? - self.cpu).as_secs_f64();
        Ok(vec![(rate, amount / seconds), ("cpu", cpu / calls * 1e6)])
    }
}

fn both(other: u32) -> Result<Duration> {
    Ok(cpu(std::process::id())? + cpu(other)?)
}

/// The time that the threads of a process have run; those that have ended do not count.
fn cpu(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the two looks.
        let Ok(line) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanos += line.split(' ').next().context("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// `Rss` of a process, its share of it, `Pss`, or what of it no file is behind, `Anonymous`, in MiB.
pub fn memory(process: u32, kind: &str) -> Result<f64> {
    let table = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = table.lines().find(|line| line.starts_with(kind)).context("no such line in smaps_rollup")?;
    let kib: f64 = line.split_whitespace().nth(1).context("a line without a value")?.parse()?;
    Ok(kib / 1024.0)
}

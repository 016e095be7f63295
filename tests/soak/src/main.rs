//! `soak --seconds N [--seed S]`: a host that launches, calls, kills and loses plugins at random, over both transports, and at the end
//! looks for what is left of them. Prints figures; exits with 1 if anything is left or a plugin did other than expected.
//!
//! `cargo xtask soak` builds and runs it.
#![cfg(target_os = "linux")] // what it counts is in /proc
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

mod census;
mod plugin;
mod round;
/// The interface of the example `bidirectional`: a call, and a call back through the broker.
#[path = "../../../examples/bidirectional/shared.rs"]
mod shared;

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use census::Census;
use round::Kind;
use tokio::{task::JoinSet, time::timeout};

/// The argument that makes this program its own plugin.
const SERVE: &str = "serve-as-plugin";

/// Rounds that run at the same time: more than cores, so that they disturb each other.
const AT_ONCE: usize = 6;

/// How long one round may take. It launches one plugin and makes a few dozen calls, which takes a fraction of a second.
const ROUND: Duration = Duration::from_secs(60);

/// How often progress is shown.
const PROGRESS: Duration = Duration::from_secs(5);

/// What part of the time passes before memory is first measured: allocators and runtimes grow at first.
const WARM_UP: f64 = 0.25;

/// How long what was ended may take to be gone: sockets are removed and threads end just after the last await.
const SETTLE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some(SERVE) => plugin::serve().map_err(Into::into),
        _ => options().and_then(|(time, seed)| soak(time, seed)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<(Duration, u64)> {
    let (mut time, mut seed) = (Duration::from_secs(20), fastrand::u64(..));
    let mut args = env::args().skip(1);
    while let Some(option) = args.next() {
        let value = args.next().with_context(|| format!("{option} needs a value"))?;
        let number =
            value.parse::<u64>().with_context(|| format!("{option} needs a number, not {value:?}"))?;
        match option.as_str() {
            "--seconds" => time = Duration::from_secs(number),
            "--minutes" => time = Duration::from_secs(60 * number),
            "--seed" => seed = number,
            _ => bail!("usage: soak [--seconds N | --minutes N] [--seed S]"),
        }
    }
    Ok((time, seed))
}

#[tokio::main]
async fn soak(time: Duration, seed: u64) -> Result<()> {
    println!("{} seconds, --seed {seed}", time.as_secs());
    let dir = tempfile::tempdir()?;
    let before = Census::take(dir.path())?;
    let start = Instant::now();
    let (done, warm) = rounds(time, seed, dir.path()).await?;
    let took = start.elapsed();
    let after = settled(&before, dir.path()).await?;
    for (kind, count) in &done {
        println!("{count:8} {}", kind.about());
    }
    let rounds: usize = done.values().sum();
    println!(
        "{rounds:8} rounds in {:.1} s, {:.1} a second",
        took.as_secs_f64(),
        rounds as f64 / took.as_secs_f64()
    );
    println!("left: {}", after.beyond(&before));
    println!("memory: {} KiB after the warm-up, {} KiB at the end", warm, after.memory);
    anyhow::ensure!(after.nothing_beyond(&before), "something is left: {}", after.beyond(&before));
    anyhow::ensure!(
        census::is_flat(warm, after.memory),
        "memory has grown from {warm} to {} KiB",
        after.memory
    );
    Ok(())
}

/// Runs rounds until `time` is over, and the last of them to their end. Returns how many of each kind, and the memory after the warm-up.
async fn rounds(time: Duration, seed: u64, dir: &Path) -> Result<(BTreeMap<Kind, usize>, u64)> {
    let mut random = fastrand::Rng::with_seed(seed);
    let start = Instant::now();
    let (mut running, mut done) = (JoinSet::new(), BTreeMap::new());
    let (mut warm, mut shown) = (None, start);
    loop {
        while running.len() < AT_ONCE && start.elapsed() < time {
            let mut round = random.fork();
            let dir = dir.to_owned();
            running.spawn(async move {
                let kind = Kind::any(&mut round);
                let outcome = timeout(ROUND, round::run(kind, &mut round, &dir)).await;
                (kind, outcome.context("hangs").and_then(|outcome| outcome))
            });
        }
        let Some(round) = running.join_next().await else { break };
        let (kind, outcome) = round.context("a round panicked")?;
        outcome.with_context(|| format!("after {:.1} s, {}", start.elapsed().as_secs_f64(), kind.about()))?;
        *done.entry(kind).or_insert(0) += 1;
        if warm.is_none() && start.elapsed() > time.mul_f64(WARM_UP) {
            warm = Some(census::memory()?);
        }
        if shown.elapsed() > PROGRESS {
            shown = Instant::now();
            let rounds: usize = done.values().sum();
            eprintln!("{:4.0} s: {rounds} rounds, {} KiB", start.elapsed().as_secs_f64(), census::memory()?);
        }
    }
    Ok((done, warm.map_or_else(census::memory, Ok)?))
}

/// Counts again until there is no more than `before`, or it is clear that there is.
async fn settled(before: &Census, dir: &Path) -> Result<Census> {
    let start = Instant::now();
    loop {
        let now = Census::take(dir)?;
        if now.nothing_beyond(before) || start.elapsed() > SETTLE {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

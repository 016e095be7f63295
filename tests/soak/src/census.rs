//! What can be left of a plugin, counted.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result};
use tokio::runtime::Handle;

/// How much more memory than after the warm-up is still flat, in KiB: what a few rounds more or less at the same time
/// make, and what the allocator keeps.
const NOISE: u64 = 8 * 1024;

pub(crate) struct Census {
    /// Children of this process, zombies included.
    processes: usize,
    /// Files in the directory where plugins make their sockets.
    files: usize,
    descriptors: usize,
    threads: usize,
    tasks: usize,
    /// Resident, in KiB.
    pub(crate) memory: u64,
}

impl Census {
    /// Counts. `dir` is where plugins make their sockets.
    pub(crate) fn take(dir: &Path) -> Result<Self> {
        Ok(Self {
            processes: children()?,
            files: entries(dir)?,
            // One of them reads the directory.
            descriptors: entries("/proc/self/fd")?,
            threads: entries("/proc/self/task")?,
            tasks: Handle::current().metrics().num_alive_tasks(),
            memory: memory()?,
        })
    }

    /// Whether there is nothing here that was not there `before`.
    pub(crate) fn nothing_beyond(&self, before: &Self) -> bool {
        self.counts().iter().zip(before.counts()).all(|((_, now), (_, then))| *now <= then)
    }

    /// What is here and was not there `before`, for people.
    pub(crate) fn beyond(&self, before: &Self) -> impl fmt::Display {
        let beyond = |((name, now), (_, then)): (&(&str, usize), (&str, usize))| {
            format!("{} {name}", now.saturating_sub(then))
        };
        self.counts().iter().zip(before.counts()).map(beyond).collect::<Vec<_>>().join(", ")
    }

    fn counts(&self) -> [(&'static str, usize); 5] {
        [
            ("processes", self.processes),
            ("files", self.files),
            ("descriptors", self.descriptors),
            // Those of tokio's pool for blocking work come and go by themselves.
            ("threads of plugins", self.threads.saturating_sub(pool_threads())),
            ("tasks", self.tasks),
        ]
    }
}

/// Whether memory at the end is that after the warm-up, both in KiB.
pub(crate) fn is_flat(warm: u64, end: u64) -> bool {
    end <= warm + warm / 10 + NOISE
}

/// Resident memory of this process, in KiB.
pub(crate) fn memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Threads that belong to tokio, by their name.
fn pool_threads() -> usize {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return 0 };
    let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
    threads.flatten().map(name).filter(|name| name.starts_with("tokio")).count()
}

fn entries(dir: impl AsRef<Path>) -> Result<usize> {
    let dir = dir.as_ref();
    Ok(fs::read_dir(dir).with_context(|| dir.display().to_string())?.count())
}

fn children() -> Result<usize> {
    let own = std::process::id().to_string();
    let mut count = 0;
    for process in fs::read_dir("/proc")?.flatten() {
        // Processes come and go meanwhile.
        let Ok(stat) = fs::read_to_string(process.path().join("stat")) else { continue };
        // `PID (NAME) STATE PARENT …`, and the name may hold anything.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        count += usize::from(parent == Some(own.as_str()));
    }
    Ok(count)
}

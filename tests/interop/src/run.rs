//! Running a program to its end.

use std::{future::Future, path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

/// How long a test waits for anything that should happen at once. Generous: the machine may be slow and shared.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What a finished program left.
#[derive(Debug)]
pub struct Ran {
    /// The exit code, or none when a signal ended it.
    pub code: Option<i32>,
    /// Everything written to stdout.
    pub stdout: Vec<u8>,
    /// Everything written to stderr.
    pub stderr: Vec<u8>,
}

impl Ran {
    /// Stdout as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Stderr as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Runs a program with `input` as its stdin and returns what came out. Kills it after [`DEADLINE`].
///
/// # Panics
///
/// When it cannot be started or does not end in time.
pub async fn run(mut command: Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that ends before it has read everything shows in what it printed.
            let _ = stdin.write_all(input).await;
        }
    };
    let ended = async {
        let ((), out, err) = tokio::join!(feed, collect(stdout), collect(stderr));
        (out, err, child.wait().await)
    };
    let (stdout, stderr, status) = within(&format!("{command:?} to end"), ended).await;
    let status = status.unwrap_or_else(|e| panic!("cannot wait for {command:?}: {e}"));
    Ran { code: status.code(), stdout, stderr }
}

/// Waits for `work`, at most [`DEADLINE`].
///
/// # Panics
///
/// With `what` when the time is over.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, work).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} in vain for {what}"),
    }
}

/// Stops a process as SIGSTOP does, and waits until each of its threads has stopped: until then it may still answer.
///
/// # Panics
///
/// When `pid` is no process of ours.
pub async fn stop(pid: u32) {
    kill_process(process(pid), Signal::STOP).unwrap_or_else(|e| panic!("cannot stop process {pid}: {e}"));
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        // Not Linux: there is no way to ask.
        return tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let threads: Vec<_> = threads.flatten().map(|thread| thread.path().join("stat")).collect();
    let stopped = || threads.iter().all(|stat| state(stat).is_none_or(|state| state == 'T'));
    let all = async {
        while !stopped() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the process to stop", all).await;
}

/// Whether a process runs. One that nobody has reaped does not.
///
/// # Panics
///
/// When `pid` is no process id.
pub fn is_running(pid: u32) -> bool {
    // Only Linux tells. There are containers whose first process reaps nobody.
    let dead = state(Path::new(&format!("/proc/{pid}/stat"))) == Some('Z');
    !dead && test_kill_process(process(pid)).is_ok()
}

/// "PID (NAME) STATE …"; the name may hold anything.
fn state(stat: &Path) -> Option<char> {
    std::fs::read_to_string(stat).ok()?.rsplit(") ").next()?.chars().next()
}

fn process(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap_or_else(|| panic!("{pid} is no process id"))
}

async fn collect(pipe: Option<impl AsyncReadExt + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // A read error ends the output as EOF does: the assertion on the content tells.
        let _ = pipe.read_to_end(&mut bytes).await;
    }
    bytes
}

//! A plugin prints and ends: nothing that it printed may be lost, and nothing may hang.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    os::unix::net::UnixListener,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What arrived where.
struct Landed {
    status: ExitStatus,
    synced_stdout: String,
    synced_stderr: String,
    stderr: String,
    stdout_after_line: String,
}

impl Landed {
    /// How often each `line N` arrived, wherever it did.
    fn lines(&self) -> BTreeMap<usize, usize> {
        let mut lines = BTreeMap::new();
        for text in [&self.synced_stdout, &self.synced_stderr, &self.stderr, &self.stdout_after_line] {
            for line in text.lines() {
                if let Some(number) = line.strip_prefix("line ").and_then(|n| n.parse().ok()) {
                    *lines.entry(number).or_default() += 1;
                }
            }
        }
        lines
    }
}

fn run(end: &str, runtime: &str) -> Landed {
    let dir = tempfile::tempdir().unwrap();
    let (sync, gone) = (dir.path().join("sync"), dir.path().join("gone"));
    let listener = UnixListener::bind(&sync).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stdio_child"))
        .args([end, runtime])
        .env("SYNC", &sync)
        .env("GONE", &gone)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    // Several connections where the child redirects twice; the one of this function ends the loop.
    let host = thread::spawn(move || {
        let mut landed = [Vec::new(), Vec::new()];
        loop {
            let (mut from, _) = listener.accept().unwrap();
            let mut head = [0; 5];
            let mut connected = false;
            while from.read_exact(&mut head).is_ok() {
                connected = true;
                if head[0] == b'.' {
                    return landed;
                }
                let length = u32::from_be_bytes(head[1..].try_into().unwrap());
                let to = &mut landed[usize::from(head[0] == b'e')];
                let read = (&mut from).take(length.into()).read_to_end(to).unwrap();
                assert_eq!(read, length as usize, "the last message is cut short");
            }
            let _ = connected;
        }
    });

    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let stderr = child.stderr.take().unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "1|1|unix|/tmp/x|netrpc|\n");
    let readers = if end == "host-gone" {
        drop((stdout, stderr));
        std::fs::write(gone, "").unwrap();
        None
    } else {
        let read = |mut from: Box<dyn Read + Send>| {
            thread::spawn(move || {
                let mut text = Vec::new();
                from.read_to_end(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            })
        };
        Some((read(Box::new(stdout)), read(Box::new(stderr))))
    };
    let status = child.wait().unwrap();
    use std::io::Write;
    std::os::unix::net::UnixStream::connect(&sync).unwrap().write_all(b".0000").unwrap();
    let [synced_stdout, synced_stderr] = host.join().unwrap().map(|text| String::from_utf8(text).unwrap());
    let (stdout_after_line, stderr) = match readers {
        Some((stdout, stderr)) => (stdout.join().unwrap(), stderr.join().unwrap()),
        None => Default::default(),
    };
    Landed { status, synced_stdout, synced_stderr, stderr, stdout_after_line }
}

const RUNTIMES: [&str; 2] = ["current-thread", "multi-thread"];

/// The ends in which the redirection is finished: everything arrives once, and by the protocol.
#[test]
fn a_plugin_that_finishes_delivers_everything_once() {
    for (end, count) in [("finish", 5001), ("unfinished-line", 11), ("panic-in-task", 5001)] {
        for runtime in RUNTIMES {
            let landed = run(end, runtime);
            assert!(landed.status.success(), "{end} {runtime}: {}", landed.status);
            let lines = landed.lines();
            assert_eq!(lines.len(), count, "{end} {runtime}: {}", landed.stderr);
            assert!(lines.values().all(|&times| times == 1), "{end} {runtime}: {lines:?}");
            assert!(!landed.stderr.contains("line "), "{end} {runtime}: {}", landed.stderr);
        }
    }
}

/// The ends in which nobody had time to prepare: everything arrives, somewhere, at least once.
#[test]
fn a_plugin_that_ends_abruptly_loses_nothing() {
    for (end, count, code) in [
        ("return", 5000, 0),
        ("unread", 5000, 0),
        ("exit", 5000, 3),
        ("exit-in-task", 5000, 3),
        ("exit-in-thread", 5000, 3),
        ("panic", 5000, 101),
        ("c", 300, 0),
    ] {
        for runtime in RUNTIMES {
            for _ in 0..3 {
                let landed = run(end, runtime);
                assert_eq!(landed.status.code(), Some(code), "{end} {runtime}: {}", landed.stderr);
                // The host got a beginning, and the log the rest; the piece in between perhaps came twice.
                let printed: String = (0..count).map(|i| format!("line {i}\n")).collect();
                let rest = printed.strip_prefix(&landed.synced_stdout).expect("a beginning");
                assert!(
                    landed.stderr.ends_with(rest),
                    "{end} {runtime}: {rest:?} is not in {:?}",
                    landed.stderr
                );
                assert_eq!(landed.stdout_after_line, "", "{end} {runtime}: the host throws this away");
            }
        }
    }
}

#[test]
fn output_beyond_the_queue_is_logged_and_the_plugin_never_waits() {
    for (end, count) in [("flood", 200_000), ("flood-from-tasks", 80_000)] {
        for runtime in RUNTIMES {
            let landed = run(end, runtime);
            assert!(landed.status.success(), "{end} {runtime}: {}", landed.status);
            // Chunks change their way in the middle of lines; bytes are what must not be lost.
            let bytes = landed.synced_stdout.len() + landed.stderr.len();
            let printed: usize = (0..count).map(|i| format!("line {i}\n").len()).sum();
            assert_eq!(bytes, printed, "{end} {runtime}");
        }
    }
}

#[test]
fn a_panic_is_told_to_the_log() {
    for runtime in RUNTIMES {
        let landed = run("panic", runtime);
        let first = landed.stderr.lines().find(|line| line.starts_with("[ERROR]")).unwrap();
        assert!(first.starts_with("[ERROR] plugin panicked: out of cheese ("), "{first}");
        assert!(landed.stderr.contains("redo from start"), "{}", landed.stderr);
        assert_eq!(landed.synced_stderr, "");
    }
}

#[test]
fn a_child_that_keeps_the_pipes_delays_nothing() {
    for runtime in RUNTIMES {
        let started = Instant::now();
        let landed = run("child", runtime);
        assert!(started.elapsed().as_secs() < 50, "waited for the child");
        assert_eq!(landed.lines().len(), 103);
        let child = landed.synced_stdout.lines().last().unwrap().to_owned();
        Command::new("kill").arg(child).status().unwrap();
    }
}

#[test]
fn children_that_never_stop_printing_do_not_keep_the_plugin() {
    for runtime in RUNTIMES {
        let mut plugin = Command::new(env!("CARGO_BIN_EXE_stdio_child"))
            .args(["flooding-children", runtime])
            .env("SYNC", "/nonexistent")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while plugin.try_wait().unwrap().is_none() {
            if started.elapsed() > Duration::from_secs(30) {
                plugin.kill().unwrap();
                panic!("{runtime}: the plugin hangs in its end");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_redirection_can_follow_another_but_not_join_it() {
    for runtime in RUNTIMES {
        let landed = run("twice", runtime);
        assert!(landed.status.success(), "{}", landed.stderr);
        assert_eq!(landed.lines().len(), 12, "{}", landed.stderr);
        assert_eq!(landed.stderr, "line 10\n", "printed between the two");
    }
}

#[test]
fn printing_after_the_host_is_gone_does_not_panic() {
    for runtime in RUNTIMES {
        let landed = run("host-gone", runtime);
        assert!(landed.status.success(), "{}", landed.status);
        assert_eq!(landed.lines().len(), 10, "the connection outlived the pipes");
    }
}

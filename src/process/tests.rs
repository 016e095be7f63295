//! Shell scripts as plugins: what the process layer alone must get right.
#![allow(clippy::unwrap_used)]

use super::*;
use std::{
    future,
    os::unix::{net::UnixListener, process::ExitStatusExt},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{io::AsyncWriteExt, time::timeout};

/// Far beyond what anything here takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct Collect(Arc<Mutex<(Vec<u8>, bool)>>);

impl Collect {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap().0).into_owned()
    }
}

impl Sink for Collect {
    fn bytes(&mut self, chunk: &[u8]) {
        self.0.lock().unwrap().0.extend_from_slice(chunk);
    }

    fn end(&mut self) {
        self.0.lock().unwrap().1 = true;
    }
}

fn shell(script: &str) -> Launch {
    Launch::new(PluginCommand::shell(script), true, true)
}

async fn start(script: &str) -> (Process, Stdout, Collect) {
    let logs = Collect::default();
    let started = shell(script).start(&HostEnv::default(), logs.clone(), None).await.unwrap();
    (started.process, started.stdout, logs)
}

async fn first_line(script: &str) -> FirstLine {
    let (process, stdout, _) = start(script).await;
    let line = stdout.first_line(LONG).await;
    process.kill_now().await;
    line
}

fn code(code: i32) -> Exit {
    Exit { status: Some(std::process::ExitStatus::from_raw(code << 8)) }
}

fn state(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}

fn is_alive(pid: u32) -> bool {
    let stat = state(pid);
    !stat.is_empty() && !stat.contains(") Z ")
}

async fn gone(pid: u32) {
    timeout(LONG, async {
        while std::fs::exists(format!("/proc/{pid}")).unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the process is still there, or was never reaped");
}

#[tokio::test]
async fn the_first_line_is_handed_out_whatever_follows() {
    for (script, expected) in [
        ("echo '1|2|3'; echo more; exec sleep 60", FirstLine::Line(b"1|2|3".into())),
        ("printf '1|2'; sleep 0.1; echo '|3'; exec sleep 60", FirstLine::Line(b"1|2|3".into())),
        ("echo; exec sleep 60", FirstLine::Line(b"".into())),
        ("printf 'no newline'", FirstLine::Line(b"no newline".into())),
        ("echo late; exit 3", FirstLine::Line(b"late".into())),
        ("printf '\\377\\n'; exec sleep 60", FirstLine::Line(vec![0xff])),
        ("exit 3", FirstLine::Exited(code(3))),
        ("kill -9 $$", FirstLine::Exited(Exit { status: Some(ExitStatusExt::from_raw(9)) })),
        ("exec >&-; exec sleep 60", FirstLine::Closed),
    ] {
        assert_eq!(first_line(script).await, expected, "{script}");
    }
}

#[tokio::test]
async fn an_endless_first_line_is_cut_off() {
    let line = first_line("yes | tr -d '\\n'").await;
    let FirstLine::TooLong(start) = line else { panic!("{line:?}") };
    assert!(start.iter().all(|&byte| byte == b'y') && start.len() == pipes::MAX_LINE + 1);
}

#[tokio::test]
async fn a_line_of_the_greatest_length_passes() {
    let script = format!("head -c {} /dev/zero | tr '\\0' x; echo; exec sleep 60", pipes::MAX_LINE);
    assert_eq!(first_line(&script).await, FirstLine::Line(vec![b'x'; pipes::MAX_LINE]));
}

#[tokio::test]
async fn silence_times_out_and_the_process_can_be_killed() {
    let (process, stdout, _) = start("exec sleep 60").await;
    assert_eq!(stdout.first_line(Duration::from_millis(50)).await, FirstLine::TimedOut);
    assert_eq!(process.kill_now().await, Ended::Killed(Exit { status: Some(ExitStatusExt::from_raw(9)) }));
    gone(process.id()).await;
}

#[tokio::test]
async fn standard_output_is_drained_for_ever() {
    let script = "echo line; head -c 10000000 /dev/zero; echo done >&2; exec sleep 60";
    let (process, stdout, logs) = start(script).await;
    assert_eq!(stdout.first_line(LONG).await, FirstLine::Line(b"line".into()));
    timeout(LONG, async {
        while logs.text() != "done\n" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the plugin hangs in its print");
    drop(process);
}

#[tokio::test]
async fn the_last_words_of_a_plugin_reach_the_log_before_kill_returns() {
    let (process, _, logs) = start("head -c 50000 /dev/zero >&2; echo last >&2; exit 1").await;
    assert_eq!(process.exit().exited().await, code(1));
    assert_eq!(process.kill_now().await, Ended::Already(code(1)));
    assert!(logs.text().ends_with("last\n"));
    assert!(logs.0.lock().unwrap().1, "the sink must be told that it is over");
}

#[tokio::test]
async fn the_last_words_are_at_hand_for_an_error() {
    let launch = shell("echo 'needs a config file' >&2; exit 2");
    let started = launch.start(&HostEnv::default(), Collect::default(), None).await.unwrap();
    started.process.exit().exited().await;
    started.process.kill_now().await;
    assert_eq!(started.last_words.text(), "needs a config file");
}

#[tokio::test]
async fn a_grandchild_with_the_pipes_hides_nothing_and_delays_nothing() {
    let (process, stdout, logs) = start("sleep 60 & echo $! >&2; echo line; wait").await;
    assert_eq!(stdout.first_line(LONG).await, FirstLine::Line(b"line".into()));
    let ended =
        timeout(Duration::from_secs(30), process.kill_now()).await.expect("waited for the grandchild");
    assert!(matches!(ended, Ended::Killed(_) | Ended::Already(_)), "{ended:?}");
    let grandchild: u32 = logs.text().trim().parse().unwrap();
    assert!(is_alive(grandchild));
    Command::new("kill").arg(grandchild.to_string()).status().unwrap();
}

#[tokio::test]
async fn a_plugin_that_takes_the_request_is_not_killed() {
    let (process, stdout, _) = start("trap 'exit 5' USR1; echo ready; while :; do sleep 0.01; done").await;
    stdout.first_line(LONG).await;
    let pid = process.id().to_string();
    let close = async { Command::new("kill").args(["-USR1", &pid]).status().unwrap().success() };
    let limits = KillLimits { close: LONG, exit: LONG, ..KillLimits::default() };
    assert_eq!(process.kill(close, limits).await, Ended::Gracefully(code(5)));
    assert_eq!(process.kill(future::pending(), limits).await, Ended::Already(code(5)));
}

#[tokio::test]
async fn a_plugin_that_ends_before_it_answers_ended_gracefully() {
    let (process, ..) = start("exit 0").await;
    let limits = KillLimits { close: LONG, ..KillLimits::default() };
    let ended = process.kill(future::pending(), limits).await;
    assert!(matches!(ended, Ended::Gracefully(exit) | Ended::Already(exit) if exit == code(0)), "{ended:?}");
}

#[tokio::test]
async fn every_step_of_kill_is_bounded() {
    let short = Duration::from_millis(100);
    let limits = KillLimits { close: short, exit: short, terminate: Some(short), reap: LONG };
    let killed = Ended::Killed(Exit { status: Some(ExitStatusExt::from_raw(9)) });
    let terminated = Ended::Terminated(Exit { status: Some(ExitStatusExt::from_raw(15)) });
    let without = KillLimits { terminate: None, ..limits };
    let stubborn = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
    let stopped = "echo ready; kill -STOP $$";
    let plain = "echo ready; exec sleep 60";
    for (script, limits, answer, expected) in [
        (stubborn, limits, Some(true), killed),
        (stubborn, limits, None, killed),
        (stopped, limits, Some(false), killed),
        (stopped, without, None, killed),
        (plain, limits, None, terminated),
        (plain, without, Some(false), killed),
    ] {
        let (process, stdout, _) = start(script).await;
        stdout.first_line(LONG).await;
        while script == stopped && !state(process.id()).contains(") T ") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let close = async { if let Some(answer) = answer { answer } else { future::pending().await } };
        let ended = timeout(LONG, process.kill(close, limits)).await.unwrap();
        assert_eq!(ended, expected, "{script} {answer:?}");
        gone(process.id()).await;
    }
}

#[tokio::test]
async fn concurrent_kills_all_see_the_end() {
    let (process, ..) = start("exec sleep 60").await;
    let (a, b) = tokio::join!(process.kill_now(), process.kill_now());
    for ended in [a, b] {
        assert!(matches!(ended, Ended::Killed(_) | Ended::Already(_)), "{ended:?}");
    }
}

#[tokio::test]
async fn dropping_ends_and_reaps_the_process() {
    let (process, ..) = start("exec sleep 60").await;
    let (pid, exit) = (process.id(), process.exit().clone());
    drop(process);
    assert_eq!(exit.exited().await.status.unwrap().signal(), Some(9));
    gone(pid).await;
}

#[test]
fn a_runtime_that_shuts_down_leaves_no_zombie() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (process, ..) = runtime.block_on(start("exec sleep 60"));
    let pid = process.id();
    runtime.spawn(async move {
        let _held = process;
        future::pending::<()>().await;
    });
    runtime.shutdown_timeout(LONG);
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    waiting.block_on(gone(pid));
}

#[test]
fn a_plugin_survives_the_thread_and_the_runtime_that_started_it() {
    let on_thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(start("exec sleep 60")).0
    });
    let process = on_thread.join().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(is_alive(process.id()), "the parent-death signal followed the wrong thread");
    drop(process);
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_process() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(": > {}/$$; exec sleep 60", dir.path().display());
    for _ in 0..20 {
        let launch = shell(&script);
        let env = HostEnv::default();
        tokio::select! {
            biased;
            _ = launch.start(&env, Collect::default(), None) => {}
            () = future::ready(()) => {}
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    for file in std::fs::read_dir(&dir).unwrap() {
        gone(file.unwrap().file_name().to_str().unwrap().parse().unwrap()).await;
    }
}

#[tokio::test]
async fn many_processes_at_once_leave_no_thread() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("many");
    std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
    let starting = (0..50).map(|_| {
        let program = program.clone();
        tokio::spawn(async move {
            let command = PluginCommand::new(program).args(["-c", "echo line; exec sleep 60"]);
            let launch = Launch::new(command, true, true);
            let started = launch.start(&HostEnv::default(), Collect::default(), None).await.unwrap();
            assert_eq!(started.stdout.first_line(LONG).await, FirstLine::Line(b"line".into()));
            started.process
        })
    });
    let starting: Vec<_> = starting.collect();
    let mut running = Vec::new();
    for process in starting {
        running.push(process.await.unwrap());
    }
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name == "plugin many\n").count()
    };
    assert_eq!(threads(), 50);
    let pids: Vec<_> = running.iter().map(Process::id).collect();
    drop(running);
    for pid in pids {
        gone(pid).await;
    }
    while threads() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_missing_program_is_reported_by_the_start() {
    let launch = Launch::new("/nonexistent/plugin".into(), true, true);
    let error = launch.start(&HostEnv::default(), Collect::default(), None).await.err().unwrap();
    assert_eq!(error.kind(), crate::ErrorKind::Launch);
    let cause = std::error::Error::source(&error).unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(cause.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_program_that_is_still_being_written_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("plugin");
    std::fs::copy("/bin/sh", &program).unwrap();
    let writer = std::fs::File::options().append(true).open(&program).unwrap();
    let command = PluginCommand::new(&program).args(["-c", "echo started"]);
    let launch = Launch::new(command, true, true);
    let env = HostEnv::default();
    let close = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(writer);
    };
    let (started, ()) = tokio::join!(launch.start(&env, Collect::default(), None), close);
    assert_eq!(started.unwrap().stdout.first_line(LONG).await, FirstLine::Line(b"started".into()));
}

#[tokio::test]
async fn the_environment_arrives() {
    let command = PluginCommand::shell("echo $COOKIE,$OWN,$PLUGIN_PROTOCOL_VERSIONS,$HOME");
    let command = command.env("OWN", "mine").env("PATH", "/usr/bin:/bin");
    let launch = Launch::new(command, false, true);
    let env = HostEnv { cookie: ("COOKIE", "biscuit"), versions: &[2, 5], ..HostEnv::default() };
    let started = launch.start(&env, Collect::default(), None).await.unwrap();
    let line = started.stdout.first_line(LONG).await;
    assert_eq!(line, FirstLine::Line(b"biscuit,mine,2,5,".into()));
}

#[tokio::test]
async fn a_socket_left_behind_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (left, alive, file) = (dir.path().join("left"), dir.path().join("alive"), dir.path().join("file"));
    let replaced = dir.path().join("replaced");
    std::fs::write(&file, "data").unwrap();
    drop(UnixListener::bind(&left).unwrap());
    drop(UnixListener::bind(&replaced).unwrap());
    let _listening = UnixListener::bind(&alive).unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&left, &link).unwrap();

    for path in [&alive, &file, &link, &replaced, &left] {
        let (process, ..) = start("exec sleep 60").await;
        process.owns_socket(path);
        if path == &replaced {
            // Kept, so that the file system cannot give its inode to the new one.
            std::fs::rename(path, dir.path().join("before")).unwrap();
            drop(UnixListener::bind(path).unwrap());
        }
        process.kill_now().await;
        assert_eq!(std::fs::symlink_metadata(path).is_err(), path == &left, "{}", path.display());
    }
}

#[tokio::test]
async fn a_socket_named_after_the_end_is_removed_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("left");
    drop(UnixListener::bind(&path).unwrap());
    let (process, ..) = start("exit 0").await;
    process.exit().exited().await;
    process.owns_socket(&path);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_raw_writer_gets_every_byte() {
    let (mut here, there) = tokio::io::duplex(64);
    let script = "head -c 300000 /dev/zero >&2; echo end >&2";
    let started = shell(script).start(&HostEnv::default(), Collect::default(), Some(Box::new(there))).await;
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut here, &mut bytes).await.unwrap();
    assert_eq!((bytes.len(), bytes.ends_with(b"end\n")), (300_004, true));
    drop(started);
}

#[tokio::test]
async fn a_raw_writer_that_hangs_or_fails_does_not_stop_the_plugin() {
    let (hanging, _never_read) = tokio::io::duplex(1);
    let (failing, other) = tokio::io::duplex(1);
    drop(other);
    for mut writer in [hanging, failing] {
        let _ = writer.write_all(b"x").await;
        let logs = Collect::default();
        let script = "head -c 5000000 /dev/zero >&2; echo end >&2; exit 6";
        let launch = shell(script);
        let started = launch.start(&HostEnv::default(), logs.clone(), Some(Box::new(writer))).await.unwrap();
        let exit =
            timeout(LONG, started.process.exit().exited()).await.expect("the plugin hangs in its print");
        assert_eq!(exit, code(6));
        timeout(LONG, started.process.kill_now()).await.expect("kill waits for the writer");
        assert_eq!(logs.text().len(), 5_000_004);
    }
}

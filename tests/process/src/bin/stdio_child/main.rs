//! Redirects its standard streams as a plugin does, prints, and ends in the way that its first argument names;
//! the second names the runtime. What the redirection delivers goes to the Unix socket in `SYNC`.
//!
//! The redirection is private to the library, so it is compiled in: only without a transport on top can a test tell what
//! it alone must guarantee.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, unsafe_code)]

#[allow(dead_code)]
#[path = "../../../../../src/plugin/host_watch/mod.rs"]
mod host_watch;
#[allow(dead_code)]
#[path = "../../../../../src/plugin/stdio/mod.rs"]
mod stdio;
#[allow(dead_code, unused_imports)]
#[path = "../../../../../src/sys/mod.rs"]
mod sys;

use std::{
    env,
    process::{self, Command},
    thread,
    time::Duration,
};
use stdio::{Channel, Redirect, Source};
use tokio::{io::AsyncWriteExt, net::UnixStream, runtime::Builder};

const GRACE: Duration = Duration::from_secs(5);

fn main() {
    let args: Vec<_> = env::args().skip(1).collect();
    let mut runtime = match args[1].as_str() {
        "current-thread" => Builder::new_current_thread(),
        "multi-thread" => Builder::new_multi_thread(),
        other => panic!("unknown runtime {other}"),
    };
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(run(&args[0]));
}

async fn run(end: &str) {
    let redirect = Redirect::install(None).unwrap();
    redirect.print("1|1|unix|/tmp/x|netrpc|\n").unwrap();
    if end != "unread" {
        deliver(redirect.outlet().source()).await;
    }
    match end {
        "finish" => {
            lines(0..5000);
            eprintln!("line 5000");
            redirect.finish(GRACE).await;
        }
        "unfinished-line" => {
            lines(0..10);
            print!("line 10");
            redirect.finish(GRACE).await;
        }
        "return" | "unread" => lines(0..5000),
        "exit" => {
            lines(0..5000);
            process::exit(3)
        }
        "exit-in-task" => tokio::spawn(async {
            lines(0..5000);
            process::exit(3)
        })
        .await
        .unwrap(),
        "exit-in-thread" => thread::spawn(|| {
            lines(0..5000);
            process::exit(3)
        })
        .join()
        .unwrap(),
        "panic" => {
            lines(0..5000);
            panic!("out of cheese\nredo from start")
        }
        "panic-in-task" => {
            let panicked = tokio::spawn(async { panic!("contained") }).await.is_err();
            lines(0..if panicked { 5000 } else { 0 });
            eprintln!("line 5000");
            redirect.finish(GRACE).await;
        }
        // In C's buffer, which is flushed after every exit handler.
        "c" => (0..300).for_each(|i| {
            // SAFETY: the format takes one int, and gets it.
            unsafe { libc::printf(c"line %d\n".as_ptr(), i) };
        }),
        "child" => {
            lines(0..100);
            let mut child = Command::new("sh");
            child.args(["-c", "for i in 100 101 102; do echo line $i; done; sleep 60 & echo $!"]);
            let output = child.spawn().unwrap().wait().unwrap();
            assert!(output.success());
            redirect.finish(GRACE).await;
        }
        // They end by SIGPIPE when nobody reads any more: after us.
        #[allow(clippy::zombie_processes)]
        "flooding-children" => {
            (0..4).for_each(|_| drop(Command::new("yes").spawn().unwrap()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        "flood" => {
            lines(0..200_000);
            redirect.finish(GRACE).await;
        }
        "flood-from-tasks" => {
            let task = |n: usize| tokio::spawn(async move { lines(n * 20_000..(n + 1) * 20_000) });
            for task in [0, 1, 2, 3].map(task) {
                task.await.unwrap();
            }
            redirect.finish(GRACE).await;
        }
        "twice" => {
            lines(0..10);
            assert!(Redirect::install(None).is_err(), "a second redirection would lose the first");
            redirect.finish(GRACE).await;
            println!("line 10");
            let again = Redirect::install(None).unwrap();
            deliver(again.outlet().source()).await;
            println!("line 11");
            again.finish(GRACE).await;
        }
        "host-gone" => {
            // Both pipes are closed by the other side as soon as it has read the first line.
            while !env::var("GONE").is_ok_and(|path| std::fs::exists(path).unwrap()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            lines(0..10);
            redirect.finish(GRACE).await;
            println!("nobody reads this, and it must not panic");
        }
        other => panic!("unknown way to end: {other}"),
    }
}

fn lines(range: std::ops::Range<usize>) {
    range.for_each(|i| println!("line {i}"));
}

/// The host's side of the protocol, reduced to `channel byte, length, bytes`.
async fn deliver(source: Source) {
    let Ok(mut to) = UnixStream::connect(env::var("SYNC").unwrap()).await else { return };
    tokio::spawn(async move {
        while let Some(chunk) = source.next_any().await {
            let channel = if chunk.channel() == Channel::Stdout { b'o' } else { b'e' };
            let length = u32::try_from(chunk.bytes().len()).unwrap();
            let mut message = vec![channel];
            message.extend(length.to_be_bytes());
            message.extend_from_slice(chunk.bytes());
            if to.write_all(&message).await.is_err() {
                return;
            }
            chunk.done();
        }
    });
}

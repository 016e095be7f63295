//! A plugin that keeps to the rules, built on the library, and does what its host orders.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use go_plugin::{Error, Result};
use process_tests::{Actor, ActorPlugin, HANDSHAKE, NetRpcOnly, traces::Spans};
use std::{
    env,
    path::PathBuf,
    process::{self, Command},
    thread,
    time::Duration,
};
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let mut runtime = match env::args().nth(1).as_deref() {
        Some("current-thread") => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if env::var_os("ACTOR_TRACES").is_some() {
        Spans::install();
    }
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    if let Some(file) = env::var_os("ACTOR_PID_FILE") {
        std::fs::write(file, process::id().to_string())?;
    }
    let outlives = env::var_os("OUTLIVE").is_some();
    let (serve, plugin) = (go_plugin::serve(HANDSHAKE).outlives_host(outlives), ActorPlugin::new(Stage));
    let serve = match env::var("ACTOR_TRANSPORT").as_deref() {
        Ok("netrpc") => serve.plugin("actor", NetRpcOnly(plugin)),
        _ => serve.plugin("actor", plugin),
    };
    let serve = serve.connect_over_stdio(env::var_os("ACTOR_STDIO").is_some());
    let serve = if env::var_os("ACTOR_UNIX").is_some() { serve.listen_unix() } else { serve };
    let served = runtime.block_on(serve.run());
    if let Some(code) = env::var_os("STAY") {
        loop {
            thread::sleep(Duration::from_secs(600));
            assert!(!code.is_empty());
        }
    }
    served
}

struct Stage;

#[go_plugin::interface]
impl Actor for Stage {
    async fn act(&self, order: &str) -> Result<String> {
        let (verb, argument) = order.split_once(' ').unwrap_or((order, ""));
        match verb {
            "env" => return Ok(env::var(argument).unwrap_or_else(|_| "unset".into())),
            "pid" => return Ok(process::id().to_string()),
            "read" => {
                let mut line = String::new();
                std::io::stdin().read_line(&mut line)?;
                return Ok(line);
            }
            "shell" => {
                let status = Command::new("sh").args(["-c", argument]).status()?;
                return Ok(status.to_string());
            }
            "echo" => return Ok(argument.into()),
            "print" => print(argument),
            "print-and-exit" => {
                print(argument);
                process::exit(3)
            }
            "print-and-panic" => {
                print(argument);
                panic!("told to")
            }
            "print-and-abort" => {
                print(argument);
                process::abort()
            }
            "wait" => {
                let _told = Told(argument.into());
                std::future::pending::<()>().await;
            }
            "block" => loop {
                thread::sleep(Duration::from_secs(600));
            },
            "work" => drop(tracing::info_span!("work").entered()),
            "spans" => {
                return Ok(Spans::install().take().iter().map(|span| format!("{span}\n")).collect());
            }
            #[cfg(unix)]
            "ignore-terminate" => {
                use tokio::signal::unix::{SignalKind, signal};
                drop(signal(SignalKind::terminate())?);
            }
            "child" => {
                #[allow(clippy::zombie_processes)] // that is the order
                let child = Command::new("sleep").arg("600").spawn()?;
                return Ok(child.id().to_string());
            }
            other => return Err(Error::msg(format!("what is {other:?}?"))),
        }
        Ok("done".into())
    }
}

/// Makes a file when it is dropped.
struct Told(PathBuf);

impl Drop for Told {
    fn drop(&mut self) {
        std::fs::write(&self.0, "given up").unwrap();
    }
}

fn print(count: &str) {
    (0..count.parse().unwrap()).for_each(|i: usize| println!("line {i}"));
}

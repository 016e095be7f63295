//! A host that its test may kill. The first argument says what to do, the second names the transport, the rest is
//! the plugin's command. Says what it found on standard output, one line each.
//! With `HOST_TERMINAL` it sits at that terminal.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use go_plugin::{Client, Protocol, ReattachConfigs, StdioConnection};
use process_tests::{Actor, ActorPlugin, HANDSHAKE};
use std::{env, future::pending, process::Command, sync::Arc, time::Duration};

#[tokio::main]
async fn main() {
    #[cfg(unix)]
    if let Some(terminal) = env::var_os("HOST_TERMINAL") {
        sit_at(terminal.as_ref()).unwrap();
    }
    let args: Vec<_> = env::args().skip(1).collect();
    let transport = if args[1] == "netrpc" { Protocol::NetRpc } else { Protocol::Grpc };
    let mut command = Command::new(&args[2]);
    command.args(&args[3..]);
    let builder = Client::builder(HANDSHAKE)
        .plugin("actor", ActorPlugin::client())
        .allowed_protocols([transport])
        .outlives_host(["hold-loosely", "leave"].contains(&args[0].as_str()))
        .command(command);
    let builder = match env::var_os("ACTOR_STDIO") {
        Some(_) => builder.connect_over_stdio(StdioConnection::Required),
        None => builder,
    };
    let builder = match env::var_os("HOST_LOG_FILE") {
        Some(file) => builder.log_file(file),
        None => builder,
    };
    let client = builder.start().await.unwrap();
    let actor: Arc<dyn Actor> = client.dispense::<ActorPlugin>("actor").await.unwrap();
    println!("{}", client.id());
    match args[0].as_str() {
        "hold" => pending().await,
        "hold-loosely" => {
            let _ = tokio::time::timeout(Duration::from_millis(100), actor.act("block")).await;
            println!("blocked");
            pending().await
        }
        // For the next host.
        "leave" => {
            let config = client.reattach_config().unwrap();
            println!("{}", ReattachConfigs::from_iter([("actor".to_owned(), config)]));
            client.detach().unwrap();
        }
        // Neither killed nor dropped.
        "exit" => std::process::exit(0),
        "order" => {
            println!("{}", actor.act(&env::var("HOST_ORDER").unwrap()).await.unwrap());
            client.kill().await.unwrap();
        }
        "look-around" => {
            for name in go_plugin::env::ALL {
                println!("{name}={}", actor.act(&format!("env {name}")).await.unwrap());
            }
            println!("OTHER={}", actor.act("env OTHER").await.unwrap());
            println!("INPUT={}", actor.act("read").await.unwrap().trim_end());
            client.kill().await.unwrap();
            println!("{:?}", client.exited().await.map(|status| status.code()));
        }
        other => panic!("unknown order: {other}"),
    }
}

/// Makes the terminal this process's, as a login does: for a session of its own, and as its standard streams.
#[cfg(unix)]
fn sit_at(terminal: &std::path::Path) -> std::io::Result<()> {
    use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
    use std::fs::File;

    rustix::process::setsid()?;
    let terminal = File::options().read(true).write(true).open(terminal)?;
    rustix::process::ioctl_tiocsctty(&terminal)?;
    dup2_stdin(&terminal)?;
    dup2_stdout(&terminal)?;
    Ok(dup2_stderr(&terminal)?)
}

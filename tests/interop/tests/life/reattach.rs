//! Plugins that run already, found again by hosts of both languages.

use std::{path::Path, process::Stdio, time::Duration};

use go_plugin::{
    Address, AttachedRunner, Checksum, Client, ErrorKind, Fault, Handshake, PluginSet, Protocol,
    ReattachConfig, ReattachConfigs, Result, async_trait, serve,
};
use interop_tests::{
    Peer, go_program,
    greeter::{Greeter, GreeterPlugin, HANDSHAKE, NetRpcOnly},
    is_running, within,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::sleep,
};

use crate::support::{TRANSPORTS, builder, go_greeter, go_host_of, greet, rust_greeter};

async fn attach(config: &ReattachConfig) -> Client {
    within("the reattachment", builder().reattach(config.clone()).start()).await.unwrap()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    within(what, async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_host_finds_the_plugin_of_the_first_and_ends_it() {
    for transport in TRANSPORTS {
        let first = within("the start", builder().command(go_greeter(transport)).start()).await.unwrap();
        let config = first.reattach_config().unwrap();
        assert_eq!((config.pid, config.version, config.test), (first.id(), 1, false));

        let second = attach(&config).await;
        assert_eq!(second.reattach_config().as_ref(), Some(&config));
        assert_eq!((second.id(), second.protocol(), second.version()), (first.id(), transport, 1));
        assert_eq!(greet(&second, "gopher").await, "hello gopher");
        second.ping().await.unwrap();
        assert!(!second.has_exited());

        within("the kill", second.kill()).await.unwrap();
        assert!(second.has_exited());
        let status = within("the exit", first.exited()).await.unwrap();
        assert_eq!(status.code(), Some(0), "it was not asked, but killed");
    }
}

#[tokio::test]
async fn a_config_without_a_protocol_means_netrpc() {
    let first = within("the start", builder().command(go_greeter(Protocol::NetRpc)).start()).await.unwrap();
    let json = format!(
        r#"{{"greeter":{{"Pid":{},"Addr":{{"Network":"unix","String":"{}"}}}}}}"#,
        first.id(),
        first.handshake_line().address
    );
    let found: ReattachConfigs = json.parse().unwrap();
    let second = attach(found.get("greeter").unwrap()).await;
    assert_eq!(greet(&second, "gopher").await, "hello gopher");
    within("the kill", second.kill()).await.unwrap();
}

#[tokio::test]
async fn the_plugin_of_a_go_host_is_found_by_the_json_that_go_writes() {
    for transport in TRANSPORTS {
        let plugin = go_greeter(transport);
        let mut args = vec!["-protocols", transport.as_str(), plugin.get_program().to_str().unwrap()];
        if transport == Protocol::Grpc {
            args.push("-grpc");
        }
        let go = Peer::spawn(&go_program("hostpeer"), args);
        go.tell("start").await;
        let running: ReattachConfigs = go.tell("reattach").await.parse().unwrap();
        // Go's hosts lose the version.
        assert_eq!(running.get("greeter").unwrap().version, 0);

        let client = attach(running.get("greeter").unwrap()).await;
        assert_eq!(client.version(), HANDSHAKE.version());
        assert_eq!(greet(&client, "gopher").await, "hello gopher");
        within("the kill", client.kill()).await.unwrap();
        go.tell("log plugin process exited").await;
    }
}

#[tokio::test]
async fn a_go_host_finds_a_rust_plugin_of_a_rust_host_and_ends_it() {
    for transport in TRANSPORTS {
        let first = within("the start", builder().command(rust_greeter(transport)).start()).await.unwrap();
        let go = go_host_of(&first.reattach_config().unwrap());
        go.tell("dispense").await;
        assert_eq!(go.tell("say gopher").await, "hello gopher");
        assert_eq!(greet(&first, "crab").await, "hello crab");
        go.tell("kill").await;
        assert_eq!(go.tell("exited").await, "true");
        let status = within("the exit", first.exited()).await.unwrap();
        assert_eq!(status.code(), Some(0));
    }
}

#[tokio::test]
async fn a_go_plugin_in_test_mode_is_left_alone() {
    for transport in TRANSPORTS {
        let mut command = Command::from(go_greeter(transport));
        let mut plugin = command.arg("-test").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(plugin.stdout.take().unwrap()).lines();
        let line = within("the JSON", lines.next_line()).await.unwrap().unwrap();
        let running: ReattachConfigs = line.parse().unwrap();
        let config = running.get("greeter").unwrap();
        assert_eq!((config.pid, config.version, config.test), (plugin.id().unwrap(), 1, true));

        let client = attach(config).await;
        assert_eq!(greet(&client, "gopher").await, "hello gopher");
        within("the kill", client.kill()).await.unwrap();
        client.ping().await.unwrap();
        assert!(!client.has_exited());

        drop(plugin.stdin.take());
        assert!(within("the end", plugin.wait()).await.unwrap().success());
        within("the exit to be seen", client.exited()).await;
        assert!(client.ping().await.is_err());
    }
}

struct Quiet;

#[go_plugin::interface]
impl Greeter for Quiet {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }

    async fn say(&self, name: &str) -> Result<String> {
        Ok(format!("hello {name}"))
    }
}

#[tokio::test]
async fn a_rust_plugin_in_test_mode_serves_a_go_host_until_it_is_stopped() {
    for transport in TRANSPORTS {
        let server = match transport {
            Protocol::Grpc => serve(HANDSHAKE).plugin("greeter", GreeterPlugin::new(Quiet)),
            Protocol::NetRpc => serve(HANDSHAKE).plugin("greeter", NetRpcOnly(GreeterPlugin::new(Quiet))),
        };
        let server = server.start_test().unwrap();
        let config = server.reattach_config().clone();
        assert_eq!((config.version, config.test, config.pid), (1, true, std::process::id()));

        let go = go_host_of(&config);
        go.tell("dispense").await;
        assert_eq!(go.tell("version").await, "1");
        assert_eq!(go.tell("say gopher").await, "hello gopher");
        go.tell("kill").await;
        assert_eq!(go.tell("say again").await, "hello again");
        within("the stop", server.stop()).await;
        assert!(go.ask("ping").await.is_err());
        assert!(!std::path::Path::new(&config.address.to_string()).exists());
    }
}

#[tokio::test]
async fn a_host_that_knows_no_test_mode_ends_the_serving() {
    for transport in TRANSPORTS {
        let server = match transport {
            Protocol::Grpc => serve(HANDSHAKE).plugin("greeter", GreeterPlugin::new(Quiet)),
            Protocol::NetRpc => serve(HANDSHAKE).plugin("greeter", NetRpcOnly(GreeterPlugin::new(Quiet))),
        };
        let mut server = server.start_test().unwrap();
        let mut config = server.reattach_config().clone();
        // A plugin that asks to be killed by process id: not this one.
        let mut other = Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
        (config.test, config.pid) = (false, other.id().unwrap());
        let client = attach(&config).await;
        within("the kill", client.kill()).await.unwrap();
        within("the end", server.ended()).await;
        assert!(!within("the kill of the process", other.wait()).await.unwrap().success());
    }
}

#[tokio::test]
async fn a_plugin_in_debugger_mode_prints_how_hosts_find_it() {
    for transport in TRANSPORTS {
        let mut command = Command::from(rust_greeter(transport));
        let plugin = command.arg("--debug").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut plugin = plugin.spawn().unwrap();
        let mut lines = BufReader::new(plugin.stdout.take().unwrap()).lines();
        let line = within("the line", lines.next_line()).await.unwrap().unwrap();
        // As a shell reads it.
        let shell =
            Command::new("sh").args(["-c", &format!("{line}; printf %s \"$GREETERS\"")]).output().await;
        let running: ReattachConfigs = String::from_utf8(shell.unwrap().stdout).unwrap().parse().unwrap();
        let config = running.get("the greeter").unwrap();
        assert_eq!((config.protocol, config.test), (transport, true));

        let go = go_host_of(config);
        go.tell("dispense").await;
        assert_eq!(go.tell("say gopher").await, "hello gopher");
        go.tell("kill").await;
        let client = attach(config).await;
        assert_eq!(greet(&client, "crab").await, "hello crab");
        kill_process(Pid::from_raw(plugin.id().unwrap() as i32).unwrap(), Signal::TERM).unwrap();
        assert!(within("the end", plugin.wait()).await.unwrap().success());
    }
}

#[tokio::test]
async fn what_is_gone_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let gone =
        ReattachConfig::new(Protocol::NetRpc, Address::Unix(dir.path().join("gone")), std::process::id());
    let mut test = gone.clone();
    test.test = true;
    // Somebody listens, but the process is another.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut ended = Command::new("true").spawn().unwrap();
    let pid = ended.id().unwrap();
    ended.wait().await.unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap().to_string());
    let other = ReattachConfig::new(Protocol::NetRpc, address, pid);
    for config in [gone, test, other] {
        let error = within("the error", builder().reattach(config).start()).await.unwrap_err();
        assert_eq!(error.to_string(), "reattachment process not found");
        assert_eq!(error.fault(), Fault::Disconnected);
    }
}

#[tokio::test]
async fn options_that_exclude_each_other_are_refused_with_the_texts_of_go() {
    let config = ReattachConfig::new(Protocol::Grpc, Address::Unix("/nonexistent".into()), 1);
    let reattach = || builder().reattach(config.clone());
    for (builder, text) in [
        (builder(), "exactly one of Cmd, or Reattach, or RunnerFunc must be set"),
        (reattach().command("true"), "exactly one of Cmd, or Reattach, or RunnerFunc must be set"),
        (reattach().checksum(Checksum::sha256([0; 32])), "only one of Reattach or SecureConfig can be set"),
        (reattach().multiplex_grpc(true), "gRPC broker multiplexing is not supported with Reattach config"),
    ] {
        let error = within("the error", builder.start()).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Misuse, text));
    }
}

/// What stands for a container's life cycle.
struct Kept(u32);

#[async_trait]
impl AttachedRunner for Kept {
    async fn wait(&self) -> Option<std::process::ExitStatus> {
        while is_running(self.0) {
            sleep(Duration::from_millis(10)).await;
        }
        None
    }

    async fn kill(&self) -> Result<()> {
        kill_process(Pid::from_raw(self.0 as i32).unwrap(), Signal::KILL).map_err(std::io::Error::from)?;
        Ok(())
    }

    fn id(&self) -> String {
        format!("kept-{}", self.0)
    }
}

#[tokio::test]
async fn a_function_finds_what_is_no_process_of_this_system() {
    for transport in TRANSPORTS {
        for stopped in [false, true] {
            let first = within("the start", builder().command(go_greeter(transport)).start()).await.unwrap();
            let (mut config, pid) = (first.reattach_config().unwrap(), first.id());
            config.pid = 0;
            let kept = async move || Ok(Kept(pid));
            let second =
                within("the reattachment", builder().reattach_with(config, kept).start()).await.unwrap();
            assert_eq!((second.id(), second.runner_id()), (0, format!("kept-{pid}")));
            assert_eq!(greet(&second, "gopher").await, "hello gopher");
            if stopped {
                interop_tests::stop(pid).await;
            }
            within("the kill", second.kill()).await.unwrap();
            let status = within("the exit", first.exited()).await.unwrap();
            assert_eq!(status.code(), (!stopped).then_some(0));
        }
    }
}

/// go-plugin#310: Go's hosts dispense nothing then, and their own configs do not say the version.
#[tokio::test]
async fn the_version_of_the_plugin_selects_its_set() {
    const OTHER: Handshake = Handshake::new(7, "BASIC_PLUGIN", "hello");
    let versions = || {
        let set = PluginSet::new().plugin("greeter", GreeterPlugin::client());
        Client::builder(OTHER).allowed_protocols(TRANSPORTS).version(1, set).version(2, PluginSet::new())
    };
    for transport in TRANSPORTS {
        let first = within("the start", versions().command(go_greeter(transport)).start()).await.unwrap();
        let mut config = first.reattach_config().unwrap();
        assert_eq!(config.version, 1);
        let second = within("the reattachment", versions().reattach(config.clone()).start()).await.unwrap();
        assert_eq!(second.version(), 1);
        assert_eq!(greet(&second, "gopher").await, "hello gopher");

        config.version = 3;
        let error = within("the error", versions().reattach(config).start()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AppVersion);
        let text = "incompatible API version with plugin. Plugin version: 3, Client versions: [1 2]";
        assert_eq!(error.to_string(), text);
        within("the kill", first.kill()).await.unwrap();
    }
}

/// A host that is gone as if its process had ended: nobody reads the plugin's pipes any more.
fn host_that_ends(transport: Protocol, log_file: &Path) -> ReattachConfig {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let builder = builder().command(go_greeter(transport)).outlives_host(true).log_file(log_file);
        let client = within("the start", builder.start()).await.unwrap();
        client.detach().unwrap();
        client.reattach_config().unwrap()
    })
}

#[tokio::test]
async fn a_go_plugin_with_a_log_file_logs_on_when_its_host_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    for transport in TRANSPORTS {
        let log = dir.path().join(transport.as_str());
        let file = log.clone();
        let ending = tokio::task::spawn_blocking(move || host_that_ends(transport, &file));
        let config = within("the first host", ending).await.unwrap();
        let next = attach(&config).await;
        for n in 0..3 {
            assert_eq!(greet(&next, &format!("!log warn take care {n}")).await, "done");
            assert_eq!(greet(&next, "gopher").await, "hello gopher");
        }
        within("the kill", next.kill()).await.unwrap();
        let logged = std::fs::read_to_string(&log).unwrap();
        for part in ["about to serve", "take care 0", "take care 2"] {
            assert!(logged.contains(part), "{part} is missing in {logged}");
        }
    }
    let builder = builder().command(go_greeter(Protocol::Grpc)).log_file(dir.path());
    let error = within("the error", builder.start()).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot write the log file"), "{error}");
}

#[tokio::test]
async fn a_detached_plugin_outlives_its_client() {
    for transport in TRANSPORTS {
        for command in [go_greeter(transport), rust_greeter(transport)] {
            let builder = builder().outlives_host(true).command(command);
            let first = within("the start", builder.start()).await.unwrap();
            let (config, exited) = (first.reattach_config().unwrap(), first.clone());
            first.detach().unwrap();
            drop(first);
            drop(exited);
            let second = attach(&config).await;
            assert_eq!(greet(&second, "gopher").await, "hello gopher");
            within("the kill", second.kill()).await.unwrap();
            until("the plugin to end", || !is_running(config.pid)).await;
        }
    }
    let bound = within("the start", builder().command(go_greeter(Protocol::Grpc)).start()).await.unwrap();
    assert_eq!(bound.detach().unwrap_err().kind(), ErrorKind::Misuse);
}

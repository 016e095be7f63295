//! A host in a terminal: what its plugins start there can talk to whoever sits at it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use interop_tests::go_program;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};
use support::{LONG, TRANSPORTS};

/// A terminal, and a host in a session of its own there.
struct Session {
    keyboard: File,
    screen: String,
    host: Child,
}

impl Session {
    /// Has the host's plugin run a script.
    fn run(plugin: &Path, transport: &str, script: &str, over_stdio: bool) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let terminal = ptsname(&master, Vec::new()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
        command
            .args(["order", transport])
            .arg(plugin)
            .arg("multi-thread")
            .env("HOST_TERMINAL", terminal.to_str().unwrap())
            .env("HOST_ORDER", format!("shell {script}"))
            .env("ACTOR_TRANSPORT", transport)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if over_stdio {
            command.env("ACTOR_STDIO", "yes");
        }
        let host = command.spawn().unwrap();
        Self { keyboard: master.into(), screen: String::new(), host }
    }

    /// Waits until the screen shows this.
    fn shows(&mut self, text: &str) {
        let end = Instant::now() + LONG;
        while !self.screen.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            let mut waiting = [PollFd::new(&self.keyboard, PollFlags::IN)];
            assert_ne!(poll(&mut waiting, Some(&left)).unwrap(), 0, "{text:?} never came: {:?}", self.screen);
            let mut buffer = [0; 4096];
            let length = self.keyboard.read(&mut buffer).unwrap_or_else(|error| {
                panic!("the terminal is gone without {text:?}: {error}: {:?}", self.screen)
            });
            self.screen += &String::from_utf8_lossy(&buffer[..length]);
        }
    }

    fn types(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.host.kill();
        let _ = self.host.wait();
    }
}

/// One on this library, and one on go-plugin.
fn plugins() -> [PathBuf; 2] {
    [env!("CARGO_BIN_EXE_actor").into(), go_program("actorplugin")]
}

/// As in Go, where a plugin's standard input is that of its host and nothing changes session or process group.
#[test]
fn what_a_plugin_starts_reads_from_the_hosts_terminal() {
    for plugin in plugins() {
        for transport in TRANSPORTS {
            let script =
                "test -t 0 && echo 'a terminal' >/dev/tty; read -r line; echo \"got $line\" >/dev/tty";
            let mut session = Session::run(&plugin, transport.as_str(), script, false);
            session.shows("a terminal");
            session.types("hello from the keyboard\n");
            session.shows("got hello from the keyboard");
            session.shows("exit status: 0");
            assert!(session.host.wait().unwrap().success());
        }
    }
}

/// As `ssh` and `sudo` do for passwords, wherever their standard streams lead: also when they are the connection.
#[test]
fn what_a_plugin_starts_opens_the_hosts_terminal() {
    let [rust, go] = plugins();
    for (plugin, over_stdio) in [(&rust, false), (&rust, true), (&go, false)] {
        for transport in TRANSPORTS {
            let script = "printf 'password: ' >/dev/tty; stty -echo </dev/tty; echo ready >/dev/tty; read -r line \
                          </dev/tty; stty echo </dev/tty; echo \"its length is ${#line}\" >/dev/tty";
            let mut session = Session::run(plugin, transport.as_str(), script, over_stdio);
            session.shows("password: ready");
            session.types("secret\n");
            session.shows("its length is 6");
            session.shows("exit status: 0");
            assert!(!session.screen.contains("secret"), "{}", session.screen);
            assert!(session.host.wait().unwrap().success());
        }
    }
}

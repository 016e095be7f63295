//! Launches, restarts and ends of plugins as counters of the `metrics` facade.

use super::{Client, ClientBuilder};
use crate::{Fault, Result, process::Exit};
use metrics::SharedString;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// Counts attempts to launch a plugin, by plugin and outcome. Reattaching is none.
const LAUNCHES: &str = "go_plugin_launches_total";

/// Counts attempts of supervisors to start a plugin again after its end, by plugin and outcome. Each is a launch, too.
const RESTARTS: &str = "go_plugin_restarts_total";

/// Counts ends of plugins that had been connected to, by plugin and cause.
const EXITS: &str = "go_plugin_exits_total";

const OK: &str = "ok";
const FAILED: &str = "failed";
const CANCELLED: &str = "cancelled";

/// An attempt to launch a plugin, counted when this is dropped. One whose [`end`](Self::end) nobody told was given up.
pub(super) struct Launching {
    plugin: String,
    outcome: &'static str,
}

impl Launching {
    /// None for what is no launch.
    pub(super) fn begin(builder: &ClientBuilder) -> Option<Self> {
        let program =
            |program| Path::new(program).file_name().map(|name| name.to_string_lossy().into_owned());
        let plugin = match (&builder.name, &builder.command) {
            (Some(name), _) => name.clone(),
            (None, Some(command)) => program(command.program()).unwrap_or_default(),
            (None, None) => String::new(),
        };
        builder.reattach.is_none().then_some(Self { plugin, outcome: CANCELLED })
    }

    pub(super) fn end(mut self, started: &Result<Client>) {
        self.outcome = match started {
            Ok(client) => {
                self.plugin = client.name().to_owned();
                OK
            }
            Err(error) if error.is_timeout() => "timeout",
            Err(error) => failure(error.fault()),
        };
    }
}

impl Drop for Launching {
    fn drop(&mut self) {
        count(LAUNCHES, std::mem::take(&mut self.plugin), "outcome", self.outcome);
    }
}

fn failure(fault: Fault) -> &'static str {
    match fault {
        Fault::Misuse => "misuse",
        Fault::Plugin => "plugin_error",
        Fault::Version => "version_mismatch",
        Fault::Security => "security_error",
        Fault::Protocol => "protocol_error",
        Fault::Disconnected => "disconnected",
        Fault::System => "system_error",
        Fault::Cancelled => CANCELLED,
        Fault::Timeout | Fault::Remote => FAILED,
    }
}

/// Whether this host has begun to end a plugin.
#[derive(Clone, Default)]
pub(super) struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub(super) fn begin(&self) {
        self.0.store(true, Relaxed);
    }
}

/// Counts the end of the process behind `client` when it comes.
pub(super) fn count_exit(client: &Client) {
    let plugin = client.name().to_owned();
    let ending = &client.0.ending;
    let (exit, stopping) = (ending.process.exit().clone(), ending.stopping.clone());
    // Ends with the process, or with the last sight of it.
    tokio::spawn(async move {
        if let Some(exit) = exit.seen().await {
            count(EXITS, plugin, "cause", cause(&stopping, exit));
        }
    });
}

fn cause(stopping: &Stopping, exit: Exit) -> &'static str {
    match exit.status {
        _ if stopping.0.load(Relaxed) => "stopped",
        Some(status) if status.success() => "exited",
        Some(_) => "crashed",
        None => "unknown",
    }
}

/// Counts an attempt to start a plugin again.
pub(crate) fn restarted(plugin: &str, ok: bool) {
    count(RESTARTS, plugin.to_owned(), "outcome", if ok { OK } else { FAILED });
}

fn count(counter: &'static str, plugin: String, label: &'static str, value: &'static str) {
    let labels: [(_, SharedString); 2] = [("plugin", plugin.into()), (label, value.into())];
    metrics::counter!(counter, &labels).increment(1);
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    #[test]
    fn an_end_is_told_from_a_crash() {
        for (stopping, raw, expected) in [
            (true, Some(9), "stopped"),
            (true, None, "stopped"),
            (false, Some(0), "exited"),
            (false, Some(9), "crashed"),
            (false, Some(3 << 8), "crashed"),
            (false, None, "unknown"),
        ] {
            let told = Stopping::default();
            if stopping {
                told.begin();
            }
            let exit = Exit { status: raw.map(ExitStatus::from_raw) };
            assert_eq!(cause(&told, exit), expected, "{stopping} {raw:?}");
        }
    }
}

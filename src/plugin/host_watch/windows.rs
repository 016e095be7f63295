//! The process that started this one is the host, or a wrapper that the host's end has ended. A thread waits for its end.
//!
//! The other end of standard error does not serve here: who holds the one end of a pipe cannot always ask for the other.

use super::LAST_MEASURES;
use crate::sys::windows::Process;
use std::{
    convert::Infallible,
    io, process, thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How often the thread looks whether anybody still watches.
const INTERVAL: Duration = Duration::from_secs(1);

/// It only waits, but at worst the process's exit handlers run on it.
const THREAD_STACK: usize = 256 << 10;

/// The watch ends with its receiver.
pub(super) type Alive = ();

/// There is no polling for the end of a process.
pub(crate) type Sentry = Infallible;

pub(super) fn watch(tell: watch::Sender<bool>) -> io::Result<(Alive, Option<Sentry>)> {
    let host = match Process::parent() {
        Ok(host) => host,
        Err(error) => {
            tracing::debug!(%error, "the host cannot be watched");
            return Ok(((), None));
        }
    };
    let run = move || attend(host.as_ref(), &tell);
    thread::Builder::new().name("plugin host watch".into()).stack_size(THREAD_STACK).spawn(run)?;
    Ok(((), None))
}

/// Ends when nobody watches any more. `None` is a host that has ended before.
fn attend(host: Option<&Process>, tell: &watch::Sender<bool>) {
    while let Some(host) = host
        && !tell.is_closed()
    {
        match host.ended_within(INTERVAL) {
            Ok(false) => {}
            Ok(true) => break,
            Err(error) => return tracing::debug!(%error, "the host cannot be watched any more"),
        }
    }
    tell.send_replace(true);
    let exit = Instant::now() + LAST_MEASURES;
    while !tell.is_closed() {
        if exit <= Instant::now() {
            process::exit(1);
        }
        thread::sleep(INTERVAL.min(exit.saturating_duration_since(Instant::now())));
    }
}

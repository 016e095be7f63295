//! Ctrl-C in a shell reaches a plugin as well as its host; the host alone decides what it means.

use std::io;
use tokio_util::task::AbortOnDropHandle;

/// Swallows interrupts (SIGINT, Ctrl-C events), each with a trace line, as Go's plugins do. Other signals keep their
/// effect. A handler, not "ignore": programs that the plugin starts get the default back.
///
/// The handler stays when the guard is dropped, and with it the effect; only the trace lines end.
/// To be called within a tokio runtime.
pub(crate) fn ignore_interrupts() -> io::Result<AbortOnDropHandle<()>> {
    #[cfg(unix)]
    let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    #[cfg(windows)]
    let mut interrupts = tokio::signal::windows::ctrl_c()?;
    let swallow = async move {
        let mut count = 0_u64;
        while interrupts.recv().await.is_some() {
            count += 1;
            tracing::trace!(count, "plugin received interrupt signal, ignoring");
        }
    };
    Ok(AbortOnDropHandle::new(tokio::spawn(swallow)))
}

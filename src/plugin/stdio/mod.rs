//! A plugin's standard output and standard error, on their way to the host through the protocol.
//!
//! ```text
//! println! ┐                    ┌ thread ─ Queue ─ Source::next ─► stream to the host
//! C printf ├─► descriptor 1 ──► pipe          └─ too full, or never taken ─► the real standard error
//! children ┘
//! ```
//!
//! Nothing printed is lost, short of `abort` and SIGKILL: it goes to the host through the protocol, or to the real
//! standard error, which every host reads as log. What is under delivery when the process ends may arrive by both
//! ways. And nobody who prints ever waits for the host: a task that prints on the only runtime thread would
//! otherwise wait for itself.

#[cfg_attr(not(unix), allow(dead_code))] // nothing is redirected there
mod queue;
#[cfg(unix)]
mod thread;
#[cfg(unix)]
mod unix;

use super::host_watch::Sentry;
use bytes::Bytes;
use queue::Queue;
use std::{
    io,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::{sync::Notify, time::timeout};

/// One of the two standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Stdout,
    Stderr,
}

impl Channel {
    const BOTH: [Self; 2] = [Self::Stdout, Self::Stderr];
}

/// The redirected standard streams of this process. Dropping it ends the redirection; what the host did not take
/// goes to the real standard error.
pub(crate) struct Redirect {
    queues: Arc<Queues>,
    #[cfg(unix)]
    descriptors: Arc<unix::Descriptors>,
}

impl Redirect {
    /// Points descriptors 1 and 2 at pipes that fill the queues. There is one redirection per process at a time. The thread
    /// that empties the pipes stands sentry as well.
    ///
    /// Where descriptors cannot be redirected (Windows) printing keeps its usual ways and the queues stay empty.
    pub(crate) fn install(sentry: Option<Sentry>) -> io::Result<Self> {
        let queues = Arc::<Queues>::default();
        #[cfg(not(unix))]
        let _ = sentry;
        Ok(Self {
            #[cfg(unix)]
            descriptors: unix::Descriptors::install(&queues, sentry)?,
            queues,
        })
    }

    /// Writes to the real standard output: the handshake line, with its newline.
    pub(crate) fn print(&self, line: &str) -> io::Result<()> {
        #[cfg(unix)]
        return self.descriptors.print(line.as_bytes());
        #[cfg(not(unix))]
        {
            io::Write::write_all(&mut io::stdout(), line.as_bytes())?;
            io::Write::flush(&mut io::stdout())
        }
    }

    /// The real standard input and output, for this process alone and not for its children. Whoever reads descriptor 0 is at its
    /// end from now on.
    ///
    /// # Errors
    /// If standard output is also standard error, which logs go to.
    #[cfg(unix)]
    pub(crate) fn take_real(&self) -> io::Result<[std::os::fd::OwnedFd; 2]> {
        self.descriptors.take_real()
    }

    /// Where consumers, that is connected hosts, get their reading ends.
    pub(crate) fn outlet(&self) -> Outlet {
        Outlet(Arc::clone(&self.queues))
    }

    /// Ends the redirection, and lets the consumers deliver what is left, for at most `grace`. After this
    /// [`Source::next`] ends; later prints go to the real standard error.
    pub(crate) async fn finish(self, grace: Duration) {
        #[cfg(unix)]
        self.descriptors.restore_and_drain(grace);
        self.queues.close();
        let _ = timeout(grace, self.queues.delivered()).await;
        // Dropping spills the rest.
    }
}

#[cfg(unix)]
impl Drop for Redirect {
    fn drop(&mut self) {
        self.descriptors.spill();
    }
}

/// The standard streams of a process that is more than a plugin: they stay what they are, and the host hears nothing of
/// them.
#[derive(Default)]
pub(crate) struct Unredirected(Arc<Queues>);

impl Unredirected {
    /// Where connected hosts get their ends, from which nothing comes.
    pub(crate) fn outlet(&self) -> Outlet {
        Outlet(Arc::clone(&self.0))
    }

    /// Ends what the hosts listen to.
    pub(crate) fn finish(&self) {
        self.0.close();
    }
}

/// The two queues, shared by the thread that fills them and the consumers that empty them.
#[derive(Default)]
struct Queues {
    stdout: Mutex<Queue>,
    stderr: Mutex<Queue>,
    /// Something was printed, was delivered, or the queues were closed.
    changed: Notify,
    closed: AtomicBool,
    consumers: AtomicUsize,
}

impl Queues {
    fn of(&self, channel: Channel) -> MutexGuard<'_, Queue> {
        let queue = match channel {
            Channel::Stdout => &self.stdout,
            Channel::Stderr => &self.stderr,
        };
        queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if the queue is full, or will not be emptied any more.
    #[cfg(any(unix, test))]
    fn push(&self, channel: Channel, bytes: &[u8]) -> bool {
        let pushed = !self.closed.load(SeqCst) && self.of(channel).push(bytes);
        self.changed.notify_waiters();
        pushed
    }

    fn close(&self) {
        self.closed.store(true, SeqCst);
        self.changed.notify_waiters();
    }

    /// How many bytes are not delivered.
    fn len(&self) -> usize {
        Channel::BOTH.iter().map(|&channel| self.of(channel).len()).sum()
    }

    fn has_consumers(&self) -> bool {
        self.consumers.load(SeqCst) > 0
    }

    /// Waits until everything is delivered or nobody is left to do it.
    async fn delivered(&self) {
        self.until(|| (self.len() == 0 || !self.has_consumers()).then_some(())).await;
    }

    async fn until<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        loop {
            // Listen first, then look: nothing can slip in between.
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(value) = ready() {
                return value;
            }
            changed.await;
        }
    }
}

/// Makes consumers, and is none: nobody waits for it to take anything.
#[derive(Clone)]
pub(crate) struct Outlet(Arc<Queues>);

impl Outlet {
    /// The reading end of one consumer.
    pub(crate) fn source(&self) -> Source {
        Source::new(&self.0)
    }
}

/// Queues that a test fills, for what reads from an [`Outlet`].
#[cfg(all(test, feature = "grpc"))]
#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<Queues>);

#[cfg(all(test, feature = "grpc"))]
impl Printed {
    pub(crate) fn print(&self, channel: Channel, bytes: impl AsRef<[u8]>) {
        assert!(self.0.push(channel, bytes.as_ref()), "the queue is full");
    }

    pub(crate) fn outlet(&self) -> Outlet {
        Outlet(Arc::clone(&self.0))
    }

    /// What [`Redirect::finish`] does with the queues.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.0.close();
        let _ = timeout(grace, self.0.delivered()).await;
    }

    /// How many bytes are not delivered.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }
}

/// One consumer of the queues. Consumers that read the same channel share its output, each chunk goes to one.
pub(crate) struct Source(Arc<Queues>);

impl Source {
    fn new(queues: &Arc<Queues>) -> Self {
        queues.consumers.fetch_add(1, SeqCst);
        Self(Arc::clone(queues))
    }

    /// The next chunk of one channel; `None` when the redirection has ended and all is taken.
    /// Cancel safe. Waits without a limit: a plugin need not print.
    #[cfg(feature = "netrpc")]
    pub(crate) async fn next(&self, channel: Channel) -> Option<Delivery> {
        self.first_of(&[channel]).await
    }

    /// The next chunk of either channel, else as `next`.
    #[cfg(feature = "grpc")]
    pub(crate) async fn next_any(&self) -> Option<Delivery> {
        self.first_of(&Channel::BOTH).await
    }

    async fn first_of(&self, channels: &[Channel]) -> Option<Delivery> {
        let take = || {
            let closed = self.0.closed.load(SeqCst);
            let found = channels.iter().find_map(|&channel| {
                let chunk = self.0.of(channel).take()?;
                Some(Delivery {
                    queues: Arc::clone(&self.0),
                    channel,
                    number: chunk.number,
                    bytes: chunk.bytes,
                })
            });
            (found.is_some() || closed).then_some(found)
        };
        self.0.until(take).await
    }
}

impl Clone for Source {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.consumers.fetch_sub(1, SeqCst);
        self.0.changed.notify_waiters();
    }
}

/// A chunk of output on its way to the host. Dropped without [`done`](Self::done) it returns to its place.
#[must_use]
pub(crate) struct Delivery {
    queues: Arc<Queues>,
    channel: Channel,
    number: u64,
    bytes: Bytes,
}

impl Delivery {
    #[cfg(feature = "grpc")]
    pub(crate) fn channel(&self) -> Channel {
        self.channel
    }

    /// What was printed, in pieces as the system cut them: not lines, not necessarily UTF-8.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Takes the chunk off the account. To be called when it is with the operating system, or about to be: if the
    /// process exits within 100 ms of this, the chunk goes to the log as well.
    pub(crate) fn done(self) {
        self.queues.of(self.channel).delivered(self.number, Instant::now());
        // Then dropping finds nothing to put back.
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.queues.of(self.channel).undelivered(self.number);
        self.queues.changed.notify_waiters();
    }
}

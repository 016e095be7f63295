//! go-plugin's `MuxBroker`: streams that are found by a number.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use crate::driver::Shared;
use crate::error::{Error, Kind};
use crate::session::{self, Session};
use crate::stream::Stream;

/// How long an accept waits for a stream, and a stream for an accept (go-plugin: 5 s both).
const PAIRING_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a dial waits for its answer. Go waits without a limit; its other side gives up after 5 s, and
/// that answer should arrive first.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams that may wait here unclaimed. As many as yamux lets wait for acceptance; one more is closed at once.
const MAX_PARKED: usize = 256;

/// Streams whose id may be on its way. They hold no data yet, so there may be more of them: a burst of dials must
/// not be taken for an attack.
const MAX_ARRIVING: usize = 1024;

/// Brokers further streams of a session: one side reserves a number with [`next_id`](Self::next_id), sends it to
/// the other by any means, usually as a call's argument, and accepts it; the other dials it.
///
/// Each side has its own numbers: an id belongs to the side that accepts. Either side may do either. Clones are
/// handles on the same broker; with the last one its task ends, while the session lives on.
#[derive(Clone)]
pub struct MuxBroker {
    inner: Arc<Inner>,
}

struct Inner {
    session: Session,
    last_id: AtomicU32,
    slots: Arc<Mutex<Slots>>,
    task: JoinHandle<()>,
}

/// Who waits for whom, by id. Nobody waits while holding the lock.
#[derive(Default)]
struct Slots {
    /// Accepts under way. Several for one id are served in order.
    waiting: HashMap<u32, VecDeque<(u64, oneshot::Sender<Stream>)>>,
    /// Streams nobody has accepted yet, at most one per id, with the time at which they are given up.
    parked: HashMap<u32, Parked>,
    next_ticket: u64,
}

struct Parked {
    stream: Stream,
    until: Instant,
}

impl MuxBroker {
    /// Takes over the session's accepting: call it once the session's fixed streams (go-plugin: control, stdout,
    /// stderr) exist, and do not call [`Session::accept`] any more.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(session: Session) -> Self {
        let slots = Arc::new(Mutex::new(Slots::default()));
        let task = tokio::spawn(run(session.weak(), Arc::downgrade(&slots)));
        Self { inner: Arc::new(Inner { session, last_id: AtomicU32::new(0), slots, task }) }
    }

    /// The session underneath.
    pub fn session(&self) -> &Session {
        &self.inner.session
    }

    /// Reserves a number for [`accept`](Self::accept): 1, 2, 3, … After 2³² it starts again. Go: `NextId`.
    pub fn next_id(&self) -> u32 {
        self.inner.last_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// The stream that the other side dials as `id`, be it earlier or up to 5 s from now. Go: `Accept`.
    ///
    /// # Errors
    /// Nobody dialled in time ([`is_timeout`](Error::is_timeout), "timeout waiting for accept"), or the session
    /// is over.
    ///
    /// # Cancel safety
    /// A dropped future no longer waits; a stream that had just arrived for it is closed.
    pub async fn accept(&self, id: u32) -> Result<Stream, Error> {
        timeout(PAIRING_TIMEOUT, self.accept_unbounded(id))
            .await
            .unwrap_or_else(|_| Err(Error::new(Kind::AcceptTimeout)))
    }

    async fn accept_unbounded(&self, id: u32) -> Result<Stream, Error> {
        let mut stream = match self.claim(id) {
            Claim::Parked(stream) => stream,
            Claim::Waiting { ticket, arrival } => {
                let _guard = WaitGuard { slots: &self.inner.slots, id, ticket };
                let ended = self.inner.session.closed();
                tokio::select! {
                    arrived = arrival => arrived.map_err(|_| Error::new(Kind::LocalClosed))?,
                    end = ended => return Err(end),
                }
            }
        };
        stream.write_all(&id.to_le_bytes()).await.map_err(Error::of_stream)?;
        Ok(stream)
    }

    fn claim(&self, id: u32) -> Claim {
        let mut slots = lock(&self.inner.slots);
        if let Some(parked) = slots.parked.remove(&id) {
            return Claim::Parked(parked.stream);
        }
        let ticket = slots.next_ticket;
        slots.next_ticket += 1;
        let (sender, arrival) = oneshot::channel();
        slots.waiting.entry(id).or_default().push_back((ticket, sender));
        Claim::Waiting { ticket, arrival }
    }

    /// Opens a stream to where the other side accepts `id`. Waits up to 10 s in all. Go: `Dial`, which has no
    /// deadline of its own.
    ///
    /// # Errors
    /// The other side did not accept the id ([`is_not_accepted`](Error::is_not_accepted)), did not answer in time
    /// ([`is_timeout`](Error::is_timeout)), or the stream or session failed.
    ///
    /// # Cancel safety
    /// A dropped future closes the stream it had opened.
    pub async fn dial(&self, id: u32) -> Result<Stream, Error> {
        timeout(DIAL_TIMEOUT, self.dial_unbounded(id))
            .await
            .unwrap_or_else(|_| Err(Error::new(Kind::DialTimeout(id, DIAL_TIMEOUT))))
    }

    async fn dial_unbounded(&self, id: u32) -> Result<Stream, Error> {
        let mut stream = self.inner.session.open().await?;
        stream.write_all(&id.to_le_bytes()).await.map_err(Error::of_stream)?;
        let answer = read_id(&mut stream).await.map_err(|error| {
            // EOF from the stream itself, not from the session: the other side let the stream go.
            let let_go = error.kind() == io::ErrorKind::UnexpectedEof && Error::from_io(&error).is_none();
            if let_go { Error::new(Kind::NotAccepted(id)) } else { Error::of_stream(error) }
        })?;
        if answer != id {
            return Err(Error::new(Kind::BadAck { got: answer, expected: id }));
        }
        Ok(stream)
    }

    /// Accepts `id` in the background and runs `serve` on its stream. What `serve` does is up to it; it ends
    /// with the stream, at the latest when the session does. Go: `AcceptAndServe`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn accept_and_serve<F, Fut>(&self, id: u32, serve: F) -> Serving
    where
        F: FnOnce(Stream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.serve(id, |stream| async {
            serve(stream).await;
            Ok(())
        })
    }

    /// [`accept_and_serve`](Self::accept_and_serve) under a new id.
    pub(crate) fn serve_next<F, Fut>(&self, serve: F) -> Serving
    where
        F: FnOnce(Stream) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.serve(self.next_id(), serve)
    }

    fn serve<F, Fut>(&self, id: u32, serve: F) -> Serving
    where
        F: FnOnce(Stream) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let broker = self.clone();
        let task = tokio::spawn(async move {
            let accepted = broker.accept(id).await;
            // The broker must not be kept alive by what it serves.
            drop(broker);
            match accepted {
                Ok(stream) => serve(stream).await,
                Err(error) => {
                    tracing::error!("muxbroker: failed to accept brokered id {id}: {error}");
                    Err(error)
                }
            }
        });
        Serving { id, task: Some(task) }
    }
}

impl fmt::Debug for MuxBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MuxBroker").field("session", &self.inner.session).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A brokered server that runs in the background; dropping it stops it.
#[must_use = "dropping it stops the server; `detach` lets it run"]
#[derive(Debug)]
pub struct Serving {
    id: u32,
    task: Option<JoinHandle<Result<(), Error>>>,
}

impl Serving {
    /// The broker id that is served.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Lets it run until its stream or the session ends; gives the id, to be sent to the other side.
    pub fn detach(mut self) -> u32 {
        self.task = None;
        self.id
    }

    /// Waits for the end of the server. Has no deadline: a server may run for as long as its session.
    ///
    /// # Errors
    /// Why no stream was accepted, why a carried reader or writer broke off, or that the server panicked.
    ///
    /// # Cancel safety
    /// Dropping the future stops the server.
    pub async fn join(mut self) -> Result<(), Error> {
        match &mut self.task {
            Some(task) => task.await.unwrap_or_else(|_| Err(Error::new(Kind::Panicked))),
            None => Ok(()),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

enum Claim {
    Parked(Stream),
    Waiting { ticket: u64, arrival: oneshot::Receiver<Stream> },
}

/// Takes an accept that is no longer waited for out of its line.
struct WaitGuard<'a> {
    slots: &'a Mutex<Slots>,
    id: u32,
    ticket: u64,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let mut slots = lock(self.slots);
        if let Some(line) = slots.waiting.get_mut(&self.id) {
            line.retain(|(ticket, _)| *ticket != self.ticket);
            if line.is_empty() {
                slots.waiting.remove(&self.id);
            }
        }
    }
}

fn lock(slots: &Mutex<Slots>) -> std::sync::MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read_id(stream: &mut Stream) -> io::Result<u32> {
    let mut id = [0; 4];
    stream.read_exact(&mut id).await?;
    Ok(u32::from_le_bytes(id))
}

/// A stream that was accepted, with its id, or nothing if none came.
async fn identify(mut stream: Stream) -> Option<(u32, Stream)> {
    let id = timeout(PAIRING_TIMEOUT, read_id(&mut stream)).await.ok()?.ok()?;
    Some((id, stream))
}

/// The broker's task: accepts streams, and reads their ids and drops the unclaimed ones beside that, so that no
/// stream holds up another.
async fn run(session: Arc<Shared>, slots: Weak<Mutex<Slots>>) {
    let mut arriving = JoinSet::new();
    loop {
        let next_expiry = slots.upgrade().and_then(|slots| lock(&slots).next_expiry());
        let expiry = async {
            match next_expiry {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let identified = tokio::select! {
            accepted = session::accept(&session) => {
                let Ok(stream) = accepted else { return };
                let id = stream.id();
                let mut identify = Box::pin(identify(stream));
                // The id mostly comes with the stream.
                match std::future::poll_fn(|cx| Poll::Ready(identify.as_mut().poll(cx))).await {
                    Poll::Ready(identified) => identified,
                    Poll::Pending if arriving.len() < MAX_ARRIVING => {
                        arriving.spawn(identify);
                        None
                    }
                    Poll::Pending => {
                        tracing::warn!("muxbroker: too many streams without an id, closing stream {id}");
                        None
                    }
                }
            }
            Some(arrived) = arriving.join_next() => arrived.ok().flatten(),
            () = expiry => None,
        };
        let Some(slots) = slots.upgrade() else { return };
        if let Some((id, stream)) = identified {
            let refused = lock(&slots).deliver(id, stream);
            if let Some((_stream, why)) = refused {
                tracing::warn!("muxbroker: closing a stream for id {id}: {why}");
            }
        }
        let expired = lock(&slots).expire(Instant::now());
        for (id, _stream) in expired {
            tracing::warn!("muxbroker: nobody accepted id {id}, closing its stream");
        }
    }
}

impl Slots {
    /// Hands the stream to an accept that waits for it, or parks it; gives it back with the reason if it can do
    /// neither.
    fn deliver(&mut self, id: u32, mut stream: Stream) -> Option<(Stream, &'static str)> {
        while let Some(line) = self.waiting.get_mut(&id) {
            let Some((_, accept)) = line.pop_front() else {
                self.waiting.remove(&id);
                break;
            };
            match accept.send(stream) {
                Ok(()) => return None,
                Err(unclaimed) => stream = unclaimed,
            }
        }
        if self.parked.contains_key(&id) {
            return Some((stream, "another waits for it, and an id names one stream"));
        }
        if self.parked.len() >= MAX_PARKED {
            return Some((stream, "too many streams wait to be accepted"));
        }
        self.parked.insert(id, Parked { stream, until: Instant::now() + PAIRING_TIMEOUT });
        None
    }

    fn next_expiry(&self) -> Option<Instant> {
        self.parked.values().map(|parked| parked.until).min()
    }

    fn expire(&mut self, now: Instant) -> Vec<(u32, Stream)> {
        self.parked
            .extract_if(|_, parked| parked.until <= now)
            .map(|(id, parked)| (id, parked.stream))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

    #[tokio::test]
    async fn an_accept_that_is_given_up_leaves_nothing_behind() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        let broker = MuxBroker::new(Session::client(ours, crate::Config::default()));
        let waiting = || -> Vec<(u32, Vec<u64>)> {
            let slots = lock(&broker.inner.slots);
            let tickets = |line: &VecDeque<(u64, _)>| line.iter().map(|(ticket, _)| *ticket).collect();
            slots.waiting.iter().map(|(id, line)| (*id, tickets(line))).collect()
        };
        let mut accepts = [0, 1].map(|_| Some(Box::pin(broker.accept(7))));
        for accept in accepts.iter_mut().flatten() {
            assert!(accept.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(waiting(), [(7, vec![0, 1])]);
        accepts[0] = None;
        assert_eq!(waiting(), [(7, vec![1])], "the other still waits");
        accepts[1] = None;
        assert_eq!(waiting(), []);
    }
}

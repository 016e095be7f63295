//! Drives a [`Connection`] over a byte stream: one reader task, one writer task.
//!
//! ```text
//!  Stream, Session, MuxBroker          (any task of the user)
//!        │ with(|core| …)  ▲ wakers
//!        ▼                 │
//!  ┌──── Core (one lock): the state machine, who waits for what ────┐
//!  │ receive ▲                                      │ take_output   │
//!  └─────────┼──────────────────────────────────────┼───────────────┘
//!       reader task ◀── connection ── peer ◀── writer task + timers
//! ```
//!
//! The tasks never wait for each other, so a blocked write stops no read. Both end when the session does: the
//! session ends when the connection fails, when somebody closes it, or when the last handle is dropped; the
//! writer, after it has flushed what is queued, ends the reader.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::yamux::{Connection, Demand, Event, Role, StreamKey};

/// What one read may bring once the peer sends much. Larger reads mean fewer wake-ups; beyond this nothing was
/// gained.
const READ_MAX: usize = 256 * 1024;

/// What one read may bring on a quiet session.
const READ_MIN: usize = 16 * 1024;

/// How long the reader goes on after the end of the session, so that a peer that is still sending reads our
/// last frames and not a connection reset. A peer that reads closes at once.
const LINGER: Duration = Duration::from_millis(500);

/// The tokio clock as the state machine's: it stands still where tests pause it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What the handles and the two tasks of a session share.
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// One permit per stream that may be opened; closed when the session ends.
    pub(crate) opens: Semaphore,
    /// A stream can be accepted, or the session ended.
    pub(crate) acceptable: Notify,
    /// The session ended.
    pub(crate) ended: Notify,
    /// The writer is done: what was queued is sent or lost.
    finished: Notify,
    /// Handles of the user. When none is left the session closes.
    handles: AtomicUsize,
    close_timeout: Duration,
}

/// Everything behind the session's lock.
pub(crate) struct Core {
    pub(crate) conn: Connection,
    pub(crate) wakers: BTreeMap<StreamKey, StreamWakers>,
    pub(crate) pings: BTreeMap<u32, oneshot::Sender<Duration>>,
    /// The writer, while it has nothing to do or waits for the connection.
    writer: Option<Waker>,
    /// It waits for the connection: more output is no reason to wake it.
    writer_blocked: bool,
    /// When the writer's timer fires.
    armed: Option<Instant>,
    finished: bool,
}

#[derive(Default)]
pub(crate) struct StreamWakers {
    pub(crate) read: Option<Waker>,
    pub(crate) write: Option<Waker>,
}

/// Stores `cx`'s waker, unless it is there already. The one it replaces is to be dropped outside of the lock.
pub(crate) fn register(slot: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    if slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        None
    } else {
        slot.replace(cx.waker().clone())
    }
}

impl Shared {
    /// Runs `action` under the lock, then wakes whom it concerns, outside of it.
    pub(crate) fn with<T>(&self, action: impl FnOnce(&mut Core) -> T) -> T {
        let mut woken = Vec::new();
        let result;
        {
            // A panic under the lock is a bug of ours; the session may still be closed.
            let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
            result = action(&mut core);
            self.settle(&mut core, &mut woken);
        }
        for waker in woken {
            waker.wake();
        }
        result
    }

    fn settle(&self, core: &mut Core, woken: &mut Vec<Waker>) {
        let mut ended = false;
        while let Some(event) = core.conn.next_event() {
            match event {
                Event::Readable(key) => {
                    woken.extend(core.wakers.get_mut(&key).and_then(|w| w.read.take()));
                }
                Event::Writable(key) => {
                    woken.extend(core.wakers.get_mut(&key).and_then(|w| w.write.take()));
                }
                Event::Acceptable => self.acceptable.notify_one(),
                Event::OpenPermit => self.opens.add_permits(1),
                Event::Pong { id, rtt } => {
                    if let Some(waiting) = core.pings.remove(&id) {
                        // The caller may have gone; then nobody wants to know.
                        let _ = waiting.send(rtt);
                    }
                }
                Event::PingTimeout { id } => drop(core.pings.remove(&id)),
                Event::Ended => ended = true,
            }
        }
        if ended {
            core.pings.clear();
            self.opens.close();
            self.acceptable.notify_waiters();
            self.ended.notify_waiters();
        }
        let timer_is_late = match (core.conn.next_timeout(), core.armed) {
            (Some(next), Some(armed)) => next < armed,
            (next, armed) => next.is_some() && armed.is_none(),
        };
        if ended || timer_is_late || (core.conn.has_output() && !core.writer_blocked) {
            woken.extend(core.writer.take());
        }
    }

    /// Why the session is over, if it is.
    pub(crate) fn end(&self) -> Option<Error> {
        self.with(|core| core.conn.end().cloned())
    }

    /// The reason the session ended, for a caller who has just learned that it did.
    pub(crate) fn end_or_shutdown(&self) -> Error {
        self.end().unwrap_or_else(|| Error::new(Kind::LocalClosed))
    }

    pub(crate) fn close(&self) {
        self.with(|core| core.conn.close());
    }

    /// Waits until `ready` gives something; `notify` says when to ask again. Nothing is lost when the future is
    /// dropped: `Notify` hands an unused permit on.
    pub(crate) async fn wait_for<T>(&self, notify: &Notify, mut ready: impl FnMut() -> Option<T>) -> T {
        loop {
            let mut notified = pin!(notify.notified());
            notified.as_mut().enable();
            if let Some(result) = ready() {
                return result;
            }
            notified.await;
        }
    }

    /// Waits until everything queued at the end of the session was sent or given up. Bounded by the close
    /// timeout, which the writer keeps.
    pub(crate) async fn finished(&self) {
        self.wait_for(&self.finished, || self.with(|core| core.finished).then_some(())).await;
    }

    fn finish(&self) {
        self.with(|core| core.finished = true);
        self.finished.notify_waiters();
    }

    /// Completes when the session is over, with the reason.
    pub(crate) async fn closed(&self) -> Error {
        self.wait_for(&self.ended, || self.end()).await
    }
}

/// A user's hold on a session; the session closes with the last one.
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    /// A handle on a session whose other handles may all be gone; then it is closed already.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        shared.handles.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close();
        }
    }
}

/// Starts a session over `io` on the current runtime.
pub(crate) fn start<T>(io: T, role: Role, config: Config) -> Handle
where
    T: AsyncRead + AsyncWrite + Send + 'static,
{
    let config = config.clamped();
    let shared = Arc::new(Shared {
        opens: Semaphore::new(config.accept_backlog.min(Semaphore::MAX_PERMITS)),
        acceptable: Notify::new(),
        ended: Notify::new(),
        finished: Notify::new(),
        handles: AtomicUsize::new(0),
        close_timeout: config.close_timeout,
        core: Mutex::new(Core {
            conn: Connection::new(role, config, now()),
            wakers: BTreeMap::new(),
            pings: BTreeMap::new(),
            writer: None,
            writer_blocked: false,
            armed: None,
            finished: false,
        }),
    });
    let handle = Handle::new(&shared);
    let (read, write) = crate::split::split(io);
    let reader = tokio::spawn(read_all(read, Arc::clone(&shared)));
    tokio::spawn(write_all(write, shared, reader));
    handle
}

/// The reader task: hands everything that arrives to the state machine, many frames under one lock.
async fn read_all(mut io: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let guard = EndGuard { shared, last: false };
    let shared = &guard.shared;
    let mut input = BytesMut::new();
    let mut size = READ_MIN;
    let mut demand = Demand::default();
    loop {
        if input.is_empty() && demand.is_exceeded_by(size) {
            size = READ_MIN;
            input = BytesMut::with_capacity(size);
        } else if input.capacity() - input.len() < size / 16 {
            input.reserve(size);
        }
        let room = input.capacity() - input.len();
        match io.read_buf(&mut input).await {
            Ok(0) => return shared.with(|core| core.conn.receive_eof(&input)),
            Ok(n) => {
                demand.note(n);
                if n == room && room >= size / 2 {
                    size = (size * 4).min(READ_MAX);
                }
                let now = now();
                shared.with(|core| core.conn.receive(&mut input, now));
            }
            Err(error) => return shared.with(|core| core.conn.receive_error(&input, error)),
        }
    }
}

/// The writer task: sends what is queued and keeps the timers, until the session is over. Then it ends the
/// reader and the connection.
async fn write_all(mut io: impl AsyncWrite + Unpin, shared: Arc<Shared>, mut reader: JoinHandle<()>) {
    let guard = EndGuard { shared, last: true };
    let shared = &guard.shared;
    let mut writer = Writer { batch: BytesMut::new(), sent: 0, unflushed: false };
    let driven = {
        let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
        std::future::poll_fn(|cx| writer.poll_session(cx, &mut io, shared, timer.as_mut())).await
    };
    if let Err(error) = driven {
        // The peer may have said its last words and closed in good order: they are still to be read, and then
        // it did not break off.
        let _ = tokio::time::timeout(LINGER, shared.closed()).await;
        shared.with(|core| core.conn.fail(error));
    }
    let worth_flushing = shared.end().is_some_and(|end| end.is_local_closed() || end.is_protocol());
    let flush = async {
        if worth_flushing {
            std::future::poll_fn(|cx| writer.poll_flush(cx, &mut io, shared)).await?;
        }
        io.shutdown().await
    };
    // The session is over and its reason known: what goes wrong from here on changes nothing for anybody.
    let _ = tokio::time::timeout(shared.close_timeout, flush).await;
    shared.finish();
    if tokio::time::timeout(LINGER, &mut reader).await.is_err() {
        reader.abort();
    }
}

/// Ends the session if one of its tasks ends in any other way than by its own: a runtime that shuts down, or a
/// panic in the byte stream underneath. Otherwise somebody might wait for ever.
struct EndGuard {
    shared: Arc<Shared>,
    /// This is the writer: nothing is sent after it.
    last: bool,
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.shared.with(|core| core.conn.fail(io::Error::other("the session's task was stopped")));
        if self.last {
            self.shared.finish();
        }
    }
}

/// What the writer does once it has sent all it could.
enum Next {
    Send,
    /// Until it is woken or, if it is `armed`, the timer fires, which is to be moved to `sooner` before.
    Wait {
        sooner: Option<Instant>,
        armed: bool,
    },
    End,
}

struct Writer {
    /// The frames being sent, the first `sent` bytes of which have been.
    batch: BytesMut,
    sent: usize,
    /// Something was written since the last flush of the connection.
    unflushed: bool,
}

impl Writer {
    /// Keeps the timers and sends; ready when the session is over or the connection takes no more.
    fn poll_session(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut (impl AsyncWrite + Unpin),
        shared: &Shared,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Poll::Ready(Err(error)) = self.poll_flush(cx, io, shared) {
                return Poll::Ready(Err(error));
            }
            let blocked = self.sent < self.batch.len();
            let next = shared.with(|core| {
                if core.conn.end().is_some() {
                    return Next::End;
                }
                if core.conn.has_output() && !blocked {
                    return Next::Send;
                }
                core.writer = Some(cx.waker().clone());
                core.writer_blocked = blocked;
                // A timer that fires early does no harm and is cheaper than one that is moved all the time.
                let sooner =
                    core.conn.next_timeout().filter(|next| core.armed.is_none_or(|armed| *next < armed));
                core.armed = sooner.or(core.armed);
                Next::Wait { sooner, armed: core.armed.is_some() }
            });
            match next {
                Next::End => return Poll::Ready(Ok(())),
                Next::Send => continue,
                Next::Wait { sooner, armed } => {
                    if let Some(sooner) = sooner {
                        timer.as_mut().reset(sooner.into());
                    }
                    if !armed || timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
            let now = now();
            shared.with(|core| {
                core.armed = None;
                core.conn.handle_timeout(now);
            });
        }
    }

    /// Sends until the queue is empty and the connection flushed.
    fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut (impl AsyncWrite + Unpin),
        shared: &Shared,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut progressed = false;
            while self.sent < self.batch.len() {
                match Pin::new(&mut *io).poll_write(cx, &self.batch[self.sent..]) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(n)) => self.sent += n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        if progressed {
                            let now = now();
                            shared.with(|core| core.conn.output_progressed(now));
                        }
                        return Poll::Pending;
                    }
                }
                progressed = true;
                self.unflushed = true;
            }
            self.batch.clear();
            self.sent = 0;
            let now = now();
            if !shared.with(|core| core.conn.take_output(&mut self.batch, now)) {
                break;
            }
        }
        if self.unflushed {
            std::task::ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

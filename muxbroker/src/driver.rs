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
//! Small output is sent by the task that queues it, while the writer sleeps (`outlet.rs`).
//!
//! The tasks never wait for each other, so a blocked write stops no read. Both end when the session does: the
//! session ends when the connection fails, when somebody closes it, or when the last handle is dropped; the
//! writer, after it has flushed what is queued, ends the reader.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::config::Config;
use crate::error::Error;
use crate::outlet::{Lent, Outlet, SEND_HERE_MAX};
use crate::split::{Reader, Writer};
use crate::tasks;
use crate::yamux::{Connection, Event, Role, StreamKey};

/// The tokio clock as the state machine's: it stands still where tests pause it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What the handles and the two tasks of a session share.
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// One permit per stream that may be opened; closed when none can be opened any more.
    pub(crate) opens: Semaphore,
    /// A stream can be accepted, or the session ended.
    pub(crate) acceptable: Notify,
    /// The session ended.
    pub(crate) ended: Notify,
    /// The writer has sent a batch.
    pub(crate) sent: Notify,
    /// The writer is done: what was queued is sent or lost.
    finished: Notify,
    /// Handles of the user. When none is left the session closes.
    handles: AtomicUsize,
    pub(crate) close_timeout: Duration,
}

/// Everything behind the session's lock.
pub(crate) struct Core {
    pub(crate) conn: Connection,
    pub(crate) wakers: BTreeMap<StreamKey, StreamWakers>,
    pub(crate) pings: BTreeMap<u32, oneshot::Sender<Duration>>,
    /// The way out, while nobody is sending.
    pub(crate) outlet: Option<Outlet>,
    /// The writer, while it has nothing to do or waits for the connection.
    pub(crate) writer: Option<Waker>,
    /// It waits for the connection: more output is no reason to wake it.
    pub(crate) writer_blocked: bool,
    /// When the writer's timer fires.
    pub(crate) armed: Option<Instant>,
    /// The peer was heard since somebody else than the writer has sent.
    heard: bool,
    finished: bool,
}

/// What came of one action, for those who wait. Told outside of the lock, since who is woken may want it at once.
#[derive(Default)]
struct News {
    /// Something is to be sent here and now.
    sending: Option<Lent>,
    wakers: Vec<Waker>,
    acceptable: usize,
    permits: usize,
    pongs: Vec<(oneshot::Sender<Duration>, Duration)>,
    /// Pings nobody will answer: dropping the sender tells.
    unanswered: Vec<oneshot::Sender<Duration>>,
    go_away: bool,
    ended: bool,
}

impl Core {
    fn news(&mut self) -> News {
        let mut news = News::default();
        while let Some(event) = self.conn.next_event() {
            match event {
                Event::Readable(key) => {
                    news.wakers.extend(self.wakers.get_mut(&key).and_then(|w| w.read.take()));
                }
                Event::Writable(key) => {
                    news.wakers.extend(self.wakers.get_mut(&key).and_then(|w| w.write.take()));
                }
                Event::Acceptable => news.acceptable += 1,
                Event::OpenPermit => news.permits += 1,
                Event::GoAway => news.go_away = true,
                Event::Pong { id, rtt } => {
                    news.pongs.extend(self.pings.remove(&id).map(|waiting| (waiting, rtt)));
                }
                Event::PingTimeout { id } => news.unanswered.extend(self.pings.remove(&id)),
                Event::Ended => news.ended = true,
            }
        }
        if news.ended {
            news.unanswered.extend(std::mem::take(&mut self.pings).into_values());
        }
        let timer_is_late = match (self.conn.next_timeout(), self.armed) {
            (Some(next), Some(armed)) => next < armed,
            (next, armed) => next.is_some() && armed.is_none(),
        };
        let sendable = self.outlet.is_some() && !self.writer_blocked && self.conn.has_output();
        if sendable && !news.ended {
            news.sending = self.lend();
        }
        if news.ended || timer_is_late || (sendable && news.sending.is_none()) {
            news.wakers.extend(self.writer.take());
        }
        news
    }

    /// Lets the running task send, if all is quiet: one time for each that the peer was heard, so that of many tasks with
    /// something to send the first sends and the others leave it to the writer, which sends all at once.
    fn lend(&mut self) -> Option<Lent> {
        if !self.heard || self.conn.stats().queued > SEND_HERE_MAX {
            return None;
        }
        let writer = self.writer.clone()?;
        self.heard = false;
        self.outlet.take().map(|outlet| Lent { outlet, writer })
    }
}

impl News {
    fn tell(self, shared: &Shared) {
        if let Some(sending) = self.sending {
            sending.send(shared);
        }
        for _ in 0..self.acceptable {
            shared.acceptable.notify_one();
        }
        if self.permits > 0 {
            shared.opens.add_permits(self.permits);
        }
        for (waiting, rtt) in self.pongs {
            // The caller may have gone; then nobody wants to know.
            let _ = waiting.send(rtt);
        }
        if self.go_away || self.ended {
            shared.opens.close();
        }
        if self.ended {
            shared.acceptable.notify_waiters();
            shared.ended.notify_waiters();
        }
        for waker in self.wakers {
            waker.wake();
        }
    }
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
    /// Runs `action` under the lock, then tells whom it concerns, outside of it.
    pub(crate) fn with<T>(&self, action: impl FnOnce(&mut Core) -> T) -> T {
        let (result, news) = {
            // A panic under the lock is a bug of ours; the session may still be closed.
            let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
            (action(&mut core), core.news())
        };
        news.tell(self);
        result
    }

    /// Why the session is over, if it is.
    pub(crate) fn end(&self) -> Option<Error> {
        self.with(|core| core.conn.end().cloned())
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

    /// Waits until everything queued now was sent or given up.
    pub(crate) async fn sent(&self) {
        let mark = self.with(|core| core.conn.output_mark());
        let through = || self.with(|core| core.finished || core.conn.is_sent(mark));
        self.wait_for(&self.sent, || through().then_some(())).await;
    }

    /// Takes the outlet back from somebody who has sent, and wakes the writer if that is not all.
    pub(crate) fn bring_back(&self, outlet: Outlet, unfinished: bool) {
        let (writer, _outlet) = self.with(|core| {
            if core.finished {
                return (None, Some(outlet));
            }
            core.writer_blocked = outlet.is_blocked();
            core.outlet = Some(outlet);
            let more = unfinished || core.conn.has_output() || core.conn.end().is_some();
            (if more { core.writer.take() } else { None }, None)
        });
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// Hands over what has arrived.
    pub(crate) fn receive(&self, input: &mut BytesMut) {
        let now = now();
        self.with(|core| {
            core.heard = true;
            core.conn.receive(input, now);
        });
    }

    pub(crate) fn finish(&self) {
        let _outlet = self.with(|core| {
            core.finished = true;
            core.outlet.take()
        });
        self.sent.notify_waiters();
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
    let (read, write) = crate::split::split(io);
    start_halves(read, write, role, config)
}

/// The same over a connection that is split already.
pub(crate) fn start_halves(read: Reader, write: Writer, role: Role, config: Config) -> Handle {
    let config = config.clamped();
    let shared = Arc::new(Shared {
        opens: Semaphore::new(config.accept_backlog.min(Semaphore::MAX_PERMITS)),
        acceptable: Notify::new(),
        ended: Notify::new(),
        sent: Notify::new(),
        finished: Notify::new(),
        handles: AtomicUsize::new(0),
        close_timeout: config.close_timeout,
        core: Mutex::new(Core {
            conn: Connection::new(role, config, now()),
            wakers: BTreeMap::new(),
            pings: BTreeMap::new(),
            outlet: Some(Outlet::new(write)),
            writer: None,
            writer_blocked: false,
            armed: None,
            heard: true,
            finished: false,
        }),
    });
    let handle = Handle::new(&shared);
    let reader = tokio::spawn(tasks::read_all(read, Arc::clone(&shared)));
    tokio::spawn(tasks::write_all(shared, reader));
    handle
}

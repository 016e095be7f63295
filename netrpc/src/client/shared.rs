//! What the callers and the connection's task have in common.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;
use tokio::sync::{Notify, oneshot, watch};

use super::{
    Trace,
    builder::Settings,
    pending::{Pending, Waiter},
};
use crate::{
    codec::{Codec, Encoder, in_scope},
    error::{Error, Kind, Result},
    message::{CANCEL_METHOD, CancelArgs, RequestRef, TracedRequestRef},
    outgoing::Outbox,
};

pub(super) struct Shared<C: Codec> {
    pub(super) settings: Settings,
    queue: Mutex<Queue<C>>,
    /// Locked inside `queue`'s lock, never the other way round.
    pending: Mutex<Pending<C::Decoder>>,
    /// The queue was full and is not any more.
    room: Notify,
    /// The connection's task is gone, and the stream with it.
    finished: watch::Sender<bool>,
}

struct Queue<C: Codec> {
    outbox: Outbox<C>,
    next_seq: u64,
    /// The connection's task, once it has run.
    task: Option<Waker>,
    /// The task found nothing to write. While it is writing it comes back by itself, and what gathers meanwhile goes out at once.
    idle: bool,
    closing: bool,
}

impl<C: Codec> Queue<C> {
    fn wake_task(&mut self) {
        self.idle = false;
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    /// Appends a request and returns its number.
    fn push<A>(&mut self, method: &str, args: &A, trace: Option<&Trace>, settings: &Settings) -> Result<u64>
    where
        A: Serialize + GobType + ?Sized,
    {
        let seq = self.next_seq;
        in_scope(settings.scope.as_deref(), || {
            let body = |encoder: &mut C::Encoder, out: &mut Vec<u8>| encoder.encode(args, out);
            // One type of header for a whole connection: the outbox can take back only the first definition of one.
            if !settings.send_trace {
                return self.outbox.push(&RequestRef { service_method: method, seq }, body);
            }
            let (trace_parent, trace_state) = trace.map_or(("", ""), |trace| (&trace.parent, &trace.state));
            self.outbox
                .push(&TracedRequestRef { service_method: method, seq, trace_parent, trace_state }, body)
        })
        .and_then(|result| result)
        .map_err(|e| Error::new(Kind::Encode(Arc::new(e))))?;
        self.next_seq += 1;
        if self.idle {
            self.wake_task();
        }
        Ok(seq)
    }
}

impl<C: Codec> Shared<C> {
    pub(super) fn new(codec: C, settings: Settings) -> Self {
        Self {
            settings,
            queue: Mutex::new(Queue {
                outbox: Outbox::new(Arc::new(codec)),
                next_seq: 0,
                task: None,
                idle: false,
                closing: false,
            }),
            pending: Mutex::new(Pending::new()),
            room: Notify::new(),
            finished: watch::Sender::new(false),
        }
    }

    // A panic under the locks comes from user code that encodes; `Outbox` notices it by itself.
    fn queue(&self) -> MutexGuard<'_, Queue<C>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending<C::Decoder>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn call<R, A>(&self, method: &str, args: &A, trace: Option<&Trace>) -> Result<R>
    where
        R: DeserializeOwned + Send + 'static,
        A: Serialize + GobType + Sync + ?Sized,
    {
        let (waiter, reply) = oneshot::channel();
        let guard = self.send(method, args, trace, Box::new(waiter)).await?;
        let result = reply.await;
        guard.disarm();
        result.unwrap_or_else(|_| Err(Error::new(Kind::Cancelled)))
    }

    /// Queues a request as soon as there is room for it.
    async fn send<A>(
        &self,
        method: &str,
        args: &A,
        trace: Option<&Trace>,
        waiter: Box<dyn Waiter<C::Decoder>>,
    ) -> Result<CallGuard<'_, C>>
    where
        A: Serialize + GobType + Sync + ?Sized,
    {
        loop {
            let mut room = pin!(self.room.notified());
            {
                let mut queue = self.queue();
                if let Some(reason) = self.pending().ended() {
                    return Err(reason.for_later_calls());
                }
                if queue.outbox.len() < self.settings.queue_limit {
                    let seq = queue.push(method, args, trace, &self.settings)?;
                    self.pending().insert(seq, waiter)?;
                    return Ok(CallGuard { shared: self, seq });
                }
                // Registered under the lock: the writer makes room under it, too, so that this cannot miss it.
                room.as_mut().enable();
            }
            room.await;
        }
    }

    /// Forgets a call whose caller is gone, and tells the peer if it is to know.
    fn abandon(&self, seq: u64) {
        let waiting = self.pending().remove(seq).is_some();
        if waiting && self.settings.send_cancel {
            // Above the queue's limit if need be: each call that got into the queue adds one of these at most.
            // One that cannot be sent changes nothing: the connection has ended, or its scope refuses.
            drop(self.queue().push(CANCEL_METHOD, &CancelArgs { seq }, None, &self.settings));
        }
    }

    /// Takes the waiter of a call that is answered.
    pub(super) fn answered(&self, seq: u64) -> Option<Box<dyn Waiter<C::Decoder>>> {
        self.pending().remove(seq)
    }

    /// Hands what is queued to the connection's task.
    pub(super) fn refill(&self, batch: &mut Vec<u8>, task: &Waker) {
        let mut queue = self.queue();
        if !queue.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            queue.task = Some(task.clone());
        }
        if queue.outbox.len() == 0 {
            queue.idle = true;
            return;
        }
        let full = queue.outbox.len() >= self.settings.queue_limit;
        queue.outbox.take(batch);
        if full {
            self.room.notify_waiters();
        }
    }

    /// Whether something is queued while further callers are at work.
    pub(super) fn more_requests_may_come(&self) -> bool {
        let queue = self.queue();
        // None of those of a connection that has ended: nobody waits for a reply then.
        queue.outbox.len() > 0 && self.waiting() > 1
    }

    /// Whether this side closes the connection.
    pub(super) fn is_closing(&self) -> bool {
        self.queue().closing
    }

    /// Starts closing from this side.
    pub(super) fn close(&self) {
        self.end(&Error::new(Kind::Shutdown));
        let mut queue = self.queue();
        queue.closing = true;
        queue.wake_task();
    }

    /// Ends every waiting call, and those to come. The first reason stays.
    pub(super) fn end(&self, reason: &Error) {
        let waiting = self.pending().end(reason);
        for waiter in waiting {
            waiter.fail(reason.clone());
        }
        self.room.notify_waiters();
    }

    /// How many calls wait for their reply.
    pub(super) fn waiting(&self) -> usize {
        self.pending().len()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.pending().ended().is_some()
    }

    /// The connection's task is gone.
    pub(super) fn finish(&self) {
        self.finished.send_replace(true);
    }

    /// Waits for [`finish`](Self::finish), and returns the reason of the end.
    pub(super) async fn finished(&self) -> Error {
        let mut finished = self.finished.subscribe();
        // The sender is in `self`: this cannot fail.
        drop(finished.wait_for(|finished| *finished).await);
        self.pending().ended().cloned().unwrap_or_else(|| Error::new(Kind::Cancelled))
    }
}

/// Forgets a call when its future is dropped, so that an abandoned call cannot leak its entry.
struct CallGuard<'a, C: Codec> {
    shared: &'a Shared<C>,
    seq: u64,
}

impl<C: Codec> CallGuard<'_, C> {
    /// The call was answered, its entry is gone.
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<C: Codec> Drop for CallGuard<'_, C> {
    fn drop(&mut self) {
        self.shared.abandon(self.seq);
    }
}

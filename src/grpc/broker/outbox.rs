//! What this side has to tell the other: it waits here until the other side's stream takes it.
//!
//! A host has one other side. A plugin may have more than one, each with its stream: a message that is for nobody in particular goes
//! to whoever came last.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::{Error, ErrorKind, Result, grpc::io::ConnectionId};
use go_plugin_proto::ConnInfo;

/// How many messages for one other side may wait for it to open its stream or to read from it. Go makes each
/// sender wait; here they do not, so there must be an end. One message is one brokered connection, and
/// peers open the stream as soon as they connect.
const MAX_WAITING: usize = 1024;

#[derive(Clone, Default)]
pub(super) struct Outbox(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Message>,
    /// Oldest first.
    streams: Vec<Attached>,
    /// Counts the streams.
    last: u64,
    closed: bool,
}

struct Message {
    /// For whom it is, if for somebody in particular.
    to: Option<ConnectionId>,
    info: ConnInfo,
}

struct Attached {
    number: u64,
    to: ConnectionId,
    waker: Option<Waker>,
}

impl Outbox {
    /// Hands a message over, at once or as soon as there is a stream.
    pub(super) fn send(&self, to: Option<ConnectionId>, info: ConnInfo) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(broker_closed());
        }
        // Those who have gone will not open their stream any more.
        state.waiting.retain(|message| message.to.as_ref().is_none_or(ConnectionId::is_open));
        if state.waiting.iter().filter(|message| message.to == to).count() >= MAX_WAITING {
            let text =
                format!("{MAX_WAITING} broker messages wait for the other side, which does not read them");
            return Err(Error::new(ErrorKind::Disconnected, text));
        }
        state.waiting.push_back(Message { to, info });
        state.wake();
        Ok(())
    }

    /// The messages to the other side of this connection as a stream. One before it on the same connection ends.
    pub(super) fn attach(&self, to: ConnectionId) -> Messages {
        let mut state = self.lock();
        state.wake();
        state.streams.retain(|stream| stream.to != to);
        state.last += 1;
        let number = state.last;
        state.streams.push(Attached { number, to, waker: None });
        Messages(Stream { outbox: self.clone(), number })
    }

    /// Ends the streams and fails every later send.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        state.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        self.streams.iter_mut().filter_map(|stream| stream.waker.take()).for_each(Waker::wake);
    }

    /// The first message that a stream may take.
    fn take(&mut self, at: usize) -> Option<ConnInfo> {
        let (stream, latest) = (&self.streams[at], at + 1 == self.streams.len());
        let is_for_it = |message: &Message| message.to.as_ref().map_or(latest, |to| *to == stream.to);
        let first = self.waiting.iter().position(is_for_it)?;
        self.waiting.remove(first).map(|message| message.info)
    }
}

/// What one other side is told. Ends when the outbox is closed or the other side has opened another stream.
pub(super) struct Messages(Stream);

impl Messages {
    /// To [`detach`](Stream::detach) it while it is being read.
    pub(super) fn handle(&self) -> Stream {
        self.0.clone()
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.0.detach();
    }
}

/// One of the outbox's streams.
#[derive(Clone)]
pub(super) struct Stream {
    outbox: Outbox,
    number: u64,
}

impl Stream {
    /// Ends it. What is for nobody in particular goes to the one that came before.
    pub(super) fn detach(&self) {
        let mut state = self.outbox.lock();
        if state.streams.iter().any(|stream| stream.number == self.number) {
            state.wake();
            state.streams.retain(|stream| stream.number != self.number);
        }
    }
}

impl tokio_stream::Stream for Messages {
    type Item = ConnInfo;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ConnInfo>> {
        let Stream { outbox, number } = &self.0;
        let mut state = outbox.lock();
        let at = state.streams.iter().position(|stream| stream.number == *number);
        let Some(at) = at.filter(|_| !state.closed) else { return Poll::Ready(None) };
        match state.take(at) {
            Some(info) => Poll::Ready(Some(info)),
            None => {
                state.streams[at].waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

pub(super) fn broker_closed() -> Error {
    Error::new(ErrorKind::Shutdown, "broker closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::io::Flushes;
    use tokio_stream::StreamExt as _;

    fn info(service_id: u32) -> ConnInfo {
        ConnInfo { service_id, ..ConnInfo::default() }
    }

    #[tokio::test]
    async fn messages_wait_for_the_stream_and_keep_their_order() {
        let outbox = Outbox::default();
        outbox.send(None, info(1)).unwrap();
        outbox.send(None, info(2)).unwrap();
        let mut messages = outbox.attach(ConnectionId::default());
        assert_eq!(messages.next().await, Some(info(1)));
        assert_eq!(messages.next().await, Some(info(2)));
    }

    #[tokio::test]
    async fn a_second_stream_of_the_same_side_takes_over() {
        let outbox = Outbox::default();
        let mut first = outbox.attach(ConnectionId::default());
        let waiting = tokio::spawn(async move { first.next().await });
        tokio::task::yield_now().await;
        let mut second = outbox.attach(ConnectionId::default());
        outbox.send(None, info(1)).unwrap();
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(second.next().await, Some(info(1)));
    }

    #[tokio::test]
    async fn a_detached_stream_ends_and_leaves_messages_for_the_next() {
        let outbox = Outbox::default();
        let mut first = outbox.attach(ConnectionId::default());
        first.handle().detach();
        outbox.send(None, info(1)).unwrap();
        assert_eq!(first.next().await, None);
        assert_eq!(outbox.attach(ConnectionId::default()).next().await, Some(info(1)));
    }

    #[tokio::test]
    async fn closing_ends_the_stream_and_later_sends_say_so() {
        let outbox = Outbox::default();
        let mut messages = outbox.attach(ConnectionId::default());
        outbox.close();
        assert_eq!(messages.next().await, None);
        let error = outbox.send(None, info(1)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Shutdown, "broker closed"));
    }

    #[test]
    fn a_peer_that_never_opens_its_stream_costs_bounded_memory() {
        let outbox = Outbox::default();
        for id in 0..MAX_WAITING {
            outbox.send(None, info(id as u32)).unwrap();
        }
        assert!(outbox.send(None, info(0)).unwrap_err().is_disconnected());
    }

    #[tokio::test]
    async fn each_side_gets_what_is_for_it_and_the_last_what_is_for_nobody() {
        let (outbox, connections) = (Outbox::default(), [Flushes::default(), Flushes::default()]);
        let [a, b] = [connections[0].connection(), connections[1].connection()];
        outbox.send(Some(b.clone()), info(2)).unwrap(); // before it listens
        let mut first = outbox.attach(a.clone());
        let waiting = tokio::spawn(async move { (first.next().await, first) });
        tokio::task::yield_now().await;
        let mut second = outbox.attach(b);
        outbox.send(Some(a), info(1)).unwrap();
        outbox.send(None, info(3)).unwrap();
        let (told, mut first) = waiting.await.unwrap();
        assert_eq!(told, Some(info(1)));
        assert_eq!((second.next().await, second.next().await), (Some(info(2)), Some(info(3))));

        drop(second);
        outbox.send(None, info(4)).unwrap();
        assert_eq!(first.next().await, Some(info(4)));
    }

    #[test]
    fn what_is_for_somebody_who_has_gone_is_dropped() {
        let outbox = Outbox::default();
        for _ in 0..2 * MAX_WAITING {
            let connection = Flushes::default();
            outbox.send(Some(connection.connection()), info(1)).unwrap();
        }
        assert_eq!(outbox.lock().waiting.len(), 1);
    }
}

//! What this side has to tell the other: it waits here until the other side's stream takes it.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use go_plugin_proto::ConnInfo;
use tokio_stream::Stream;

use crate::{Error, ErrorKind, Result};

/// How many messages may wait for the other side to open its stream or to read from it. Go makes each
/// sender wait; here they do not, so there must be an end. One message is one brokered connection, and
/// peers open the stream as soon as they connect.
const MAX_WAITING: usize = 1024;

#[derive(Clone, Default)]
pub(super) struct Outbox(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<ConnInfo>,
    /// Counts the streams; only the last one gets anything.
    stream: u64,
    waker: Option<Waker>,
    closed: bool,
}

impl Outbox {
    /// Hands a message over, at once or as soon as there is a stream.
    pub(super) fn send(&self, info: ConnInfo) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(broker_closed());
        }
        if state.waiting.len() >= MAX_WAITING {
            let text =
                format!("{MAX_WAITING} broker messages wait for the other side, which does not read them");
            return Err(Error::new(ErrorKind::Disconnected, text));
        }
        state.waiting.push_back(info);
        state.wake();
        Ok(())
    }

    /// The messages as a stream. A new one takes over from the one before, which ends: a peer that connects
    /// again must not wait for its lost connection to be noticed.
    pub(super) fn attach(&self) -> Messages {
        let mut state = self.lock();
        state.stream += 1;
        state.wake();
        Messages { outbox: self.clone(), stream: state.stream }
    }

    /// Ends the stream and fails every later send.
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
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Ends when the outbox is closed or another stream has taken over.
pub(super) struct Messages {
    outbox: Outbox,
    stream: u64,
}

impl Messages {
    /// Ends this stream, unless another one has taken over already.
    pub(super) fn detach(&self) {
        let mut state = self.outbox.lock();
        if state.stream == self.stream {
            state.stream += 1;
            state.wake();
        }
    }

    /// A second handle on the same stream, to [`detach`](Self::detach) it while the first is being read.
    pub(super) fn handle(&self) -> Self {
        Self { outbox: self.outbox.clone(), stream: self.stream }
    }
}

impl Stream for Messages {
    type Item = ConnInfo;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ConnInfo>> {
        let mut state = self.outbox.lock();
        if state.closed || state.stream != self.stream {
            return Poll::Ready(None);
        }
        match state.waiting.pop_front() {
            Some(info) => Poll::Ready(Some(info)),
            None => {
                state.waker = Some(cx.waker().clone());
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
    use tokio_stream::StreamExt as _;

    fn info(service_id: u32) -> ConnInfo {
        ConnInfo { service_id, ..ConnInfo::default() }
    }

    #[tokio::test]
    async fn messages_wait_for_the_stream_and_keep_their_order() {
        let outbox = Outbox::default();
        outbox.send(info(1)).unwrap();
        outbox.send(info(2)).unwrap();
        let mut messages = outbox.attach();
        assert_eq!(messages.next().await, Some(info(1)));
        assert_eq!(messages.next().await, Some(info(2)));
    }

    #[tokio::test]
    async fn a_second_stream_takes_over() {
        let outbox = Outbox::default();
        let mut first = outbox.attach();
        let waiting = tokio::spawn(async move { first.next().await });
        tokio::task::yield_now().await;
        let mut second = outbox.attach();
        outbox.send(info(1)).unwrap();
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(second.next().await, Some(info(1)));
    }

    #[tokio::test]
    async fn a_detached_stream_ends_and_leaves_messages_for_the_next() {
        let outbox = Outbox::default();
        let mut first = outbox.attach();
        first.handle().detach();
        outbox.send(info(1)).unwrap();
        assert_eq!(first.next().await, None);
        assert_eq!(outbox.attach().next().await, Some(info(1)));
    }

    #[tokio::test]
    async fn closing_ends_the_stream_and_later_sends_say_so() {
        let outbox = Outbox::default();
        let mut messages = outbox.attach();
        outbox.close();
        assert_eq!(messages.next().await, None);
        let error = outbox.send(info(1)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Shutdown, "broker closed"));
    }

    #[test]
    fn a_peer_that_never_opens_its_stream_costs_bounded_memory() {
        let outbox = Outbox::default();
        for id in 0..MAX_WAITING {
            outbox.send(info(id as u32)).unwrap();
        }
        assert!(outbox.send(info(0)).unwrap_err().is_disconnected());
    }
}

//! What moves the bytes of a connection, in a task of its own.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
};

/// From how many waiting calls on what callers queue is sent together. Fewer are not worth the turn of the runtime that it takes. A
/// plugin written in Go leaves one call waiting all the time, the broker's stream.
const MANY: usize = 4;

/// How many calls wait for the beginning of their answer.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

pub(super) struct OneMore<'a>(&'a Waiting);

impl Waiting {
    pub(super) fn one_more(&self) -> OneMore<'_> {
        self.0.fetch_add(1, Relaxed);
        OneMore(self)
    }

    fn are_many(&self) -> bool {
        self.0.load(Relaxed) >= MANY
    }
}

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// Runs until the connection is over. Where many call at once it lets all go first who can: one system call carries what they say.
pub(super) async fn run(
    connection: impl Future<Output = Result<(), h2::Error>>,
    waiting: Waiting,
) -> Result<(), h2::Error> {
    let mut connection = pin!(connection);
    let mut held_back = false;
    poll_fn(|cx| {
        held_back = !held_back && waiting.are_many();
        if held_back {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        connection.as_mut().poll(cx)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

    #[test]
    fn where_many_call_every_second_turn_is_theirs() {
        for (calls, polled) in [(0, [1, 2, 3, 4]), (MANY - 1, [1, 2, 3, 4]), (MANY, [0, 1, 1, 2])] {
            let (waiting, count) = (Waiting::default(), AtomicUsize::new(0));
            let _calls: Vec<_> = (0..calls).map(|_| waiting.one_more()).collect();
            let connection = poll_fn(|_| {
                count.fetch_add(1, Relaxed);
                Poll::Pending
            });
            let mut driver = pin!(run(connection, waiting.clone()));
            let seen = polled.map(|_| {
                let polled = driver.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending());
                count.load(Relaxed)
            });
            assert_eq!(seen, polled, "{calls} calls");
        }
    }

    #[test]
    fn a_call_that_has_its_answer_waits_no_more() {
        let waiting = Waiting::default();
        let mut calls: Vec<_> = (0..MANY).map(|_| waiting.one_more()).collect();
        assert!(waiting.are_many());
        calls.pop();
        assert!(!waiting.are_many());
    }
}

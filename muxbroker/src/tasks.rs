//! The two tasks of a session.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use crate::driver::{Shared, now};
use crate::outlet::Outlet;
use crate::yamux::Demand;

/// What one read may bring once the peer sends much. Larger reads mean fewer wake-ups, until caches hold them no more: with twice
/// this, one stream moved a quarter to a third less.
const READ_MAX: usize = 128 * 1024;

/// What one read may bring on a quiet session.
const READ_MIN: usize = 16 * 1024;

/// Buffers kept while parts of them are held: with them a session that streams are read from without delay needs no
/// fresh memory. Parts of as many are held when eight streams have their windows full.
const READ_AHEAD: usize = 16;

/// How long the reader goes on after the end of the session, so that a peer that is still sending reads our
/// last frames and not a connection reset. A peer that reads closes at once.
const LINGER: Duration = Duration::from_millis(500);

/// The reader task: hands everything that arrives to the state machine, many frames under one lock.
pub(crate) async fn read_all(mut io: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let guard = EndGuard { shared, last: false };
    let shared = &guard.shared;
    let mut buffers = ReadBuffers::default();
    loop {
        let room = buffers.make_room();
        let input = &mut buffers.input;
        match io.read_buf(input).await {
            Ok(0) => return shared.with(|core| core.conn.receive_eof(input)),
            Ok(n) => {
                shared.receive(input);
                buffers.note(n, room);
            }
            Err(error) => return shared.with(|core| core.conn.receive_error(input, error)),
        }
    }
}

/// Where the reader reads to. Large chunks of it are handed to the streams as they are, so a buffer is not free for the next
/// read before they have been read.
struct ReadBuffers {
    input: BytesMut,
    /// Earlier buffers, parts of which somebody may still hold. Fresh memory for each costs more than what is read into it.
    earlier: Vec<BytesMut>,
    size: usize,
    demand: Demand,
}

impl Default for ReadBuffers {
    fn default() -> Self {
        Self { input: BytesMut::new(), earlier: Vec::new(), size: READ_MIN, demand: Demand::default() }
    }
}

impl ReadBuffers {
    /// Sees to it that there is room for a read, and tells for how much.
    fn make_room(&mut self) -> usize {
        let Self { input, earlier, size, demand } = self;
        if input.is_empty() && demand.is_exceeded_by(*size) {
            *size = READ_MIN;
            *input = BytesMut::with_capacity(*size);
            earlier.clear();
        } else if input.capacity() - input.len() < *size / 16 && !input.try_reclaim(*size) {
            let free = earlier.iter_mut().position(|buffer| buffer.try_reclaim(*size));
            let mut next = free.map_or_else(|| BytesMut::with_capacity(*size), |at| earlier.swap_remove(at));
            // The beginning of a frame's header, at most.
            next.extend_from_slice(input);
            input.clear();
            if earlier.len() < READ_AHEAD {
                earlier.push(std::mem::take(input));
            }
            *input = next;
        }
        input.capacity() - input.len()
    }

    /// Takes note that `n` bytes were read where there was this much room.
    fn note(&mut self, n: usize, room: usize) {
        let full = n == room && room >= self.size / 2;
        // Who fills what was left of a buffer has use for all of it.
        self.demand.note(if full { self.size } else { n });
        if full && self.size < READ_MAX {
            self.size = (self.size * 4).min(READ_MAX);
            self.earlier.clear(); // too small now
        }
    }
}

/// The writer task: sends what is queued and keeps the timers, until the session is over. Then it ends the
/// reader and the connection.
pub(crate) async fn write_all(shared: Arc<Shared>, mut reader: JoinHandle<()>) {
    let guard = EndGuard { shared, last: true };
    let shared = &guard.shared;
    let (mut outlet, driven) = {
        let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
        std::future::poll_fn(|cx| poll_session(cx, shared, timer.as_mut())).await
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
            std::future::poll_fn(|cx| outlet.poll_flush(cx, shared)).await?;
        }
        outlet.shut_down().await
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
    End(Outlet),
}

/// Keeps the timers and sends; ready, with the outlet, when the session is over or the connection takes no more.
fn poll_session(
    cx: &mut Context<'_>,
    shared: &Shared,
    mut timer: Pin<&mut Sleep>,
) -> Poll<(Outlet, io::Result<()>)> {
    loop {
        let mut outlet = shared.with(|core| core.outlet.take());
        if let Some(mut sending) = outlet.take() {
            match sending.poll_flush(cx, shared) {
                Poll::Ready(Err(error)) => return Poll::Ready((sending, Err(error))),
                _ => outlet = Some(sending),
            }
        }
        let next = shared.with(|core| {
            // Without the outlet: somebody else is sending, who brings it back and wakes us if there is more to do.
            if let Some(outlet) = outlet.take() {
                if core.conn.end().is_some() {
                    return Next::End(outlet);
                }
                core.writer_blocked = outlet.is_blocked();
                core.outlet = Some(outlet);
                if core.conn.has_output() && !core.writer_blocked {
                    return Next::Send;
                }
            }
            core.writer = Some(cx.waker().clone());
            // A timer that fires early does no harm and is cheaper than one that is moved all the time.
            let sooner = core.conn.next_timeout().filter(|next| core.armed.is_none_or(|armed| *next < armed));
            core.armed = sooner.or(core.armed);
            Next::Wait { sooner, armed: core.armed.is_some() }
        });
        match next {
            Next::End(outlet) => return Poll::Ready((outlet, Ok(()))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;

    #[test]
    fn reads_grow_while_they_are_full_and_shrink_when_little_comes() {
        let mut buffers = ReadBuffers::default();
        let mut read = |most: usize| {
            let room = buffers.make_room();
            let n = room.min(most);
            buffers.input.extend_from_slice(&vec![0; n]);
            buffers.note(n, room);
            buffers.input.advance(n);
            room
        };
        let rooms: Vec<_> = (0..5).map(|_| read(usize::MAX)).collect();
        assert_eq!(rooms, [16_384, 65_536, 131_072, 131_072, 131_072]);
        // What is read is not moved to the front each time; and one busy moment is not forgotten at once.
        let rooms: Vec<_> = (0..6).map(|_| read(100)).collect();
        assert_eq!(rooms, [131_072, 130_972, 130_872, 130_772, 130_672, 16_384]);
    }

    #[test]
    fn a_read_that_fills_what_little_room_was_left_is_no_reason_for_larger_ones() {
        let mut buffers = ReadBuffers::default();
        for (n, next) in [(10_000, 6384), (6384, 16_384), (8192, 8192), (8192, 65_536)] {
            let room = buffers.make_room();
            buffers.input.extend_from_slice(&vec![0; n]);
            buffers.note(n, room);
            buffers.input.advance(n);
            assert_eq!(buffers.make_room(), next, "after {n} bytes");
        }
    }

    #[test]
    fn a_session_that_fills_its_largest_reads_keeps_the_buffers_that_are_held() {
        let mut buffers = ReadBuffers::default();
        let mut held = Vec::new();
        for _ in 0..10 {
            let room = buffers.make_room();
            buffers.input.extend_from_slice(&vec![0; room]);
            held.push(buffers.input.split().freeze());
            buffers.note(room, room);
        }
        // Seven of that size, and the last smaller one.
        assert_eq!((buffers.size, buffers.earlier.len()), (READ_MAX, 8));
    }

    #[test]
    fn buffers_that_are_held_are_kept_aside_but_not_without_end() {
        let mut buffers = ReadBuffers::default();
        let mut held = Vec::new();
        for _ in 0..READ_AHEAD + 2 {
            let room = buffers.make_room();
            assert!(room >= READ_MIN);
            buffers.input.extend_from_slice(&vec![0; room]);
            // The first bytes of a header, which stay for the next read.
            held.push(buffers.input.split_to(room - 5).freeze());
            assert_eq!(buffers.make_room(), READ_MIN - 5);
            assert_eq!(buffers.input.len(), 5);
            buffers.input.clear();
        }
        assert_eq!(buffers.earlier.len(), READ_AHEAD);
    }
}

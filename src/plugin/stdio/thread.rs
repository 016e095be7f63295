//! The one thread that a plugin has of this library's: it moves what is printed, and looks whether the host is alive.

use super::{
    Sentry,
    unix::{Descriptors, Pipe, lock},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use std::{io, sync::Arc, thread};

/// It reads one chunk and copies it, but at worst the process's exit handlers run on it.
const THREAD_STACK: usize = 256 << 10;

/// Starts it. It ends with the watch and the last writer of either pipe: us, or a grandchild that outlives the redirection.
pub(super) fn start(descriptors: &Arc<Descriptors>, sentry: Option<Sentry>) -> io::Result<()> {
    let descriptors = Arc::clone(descriptors);
    let run = move || descriptors.attend(sentry);
    thread::Builder::new().name("plugin output".into()).stack_size(THREAD_STACK).spawn(run)?;
    Ok(())
}

impl Descriptors {
    fn attend(&self, mut sentry: Option<Sentry>) {
        let mut pipes: Vec<&Pipe> = self.pipes.iter().collect();
        while !pipes.is_empty() || sentry.is_some() {
            let limit = sentry.as_ref().and_then(Sentry::patience);
            let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
            let of_pipes = pipes.iter().map(|pipe| PollFd::new(&pipe.from, PollFlags::IN));
            let mut fds: Vec<_> = of_pipes.chain(sentry.iter().flat_map(Sentry::interest)).collect();
            match poll(&mut fds, limit.as_ref()) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return,
            }
            let found: Vec<_> = fds.iter().map(PollFd::revents).collect();
            let (of_pipes, of_sentry) = found.split_at(pipes.len());
            // The host first: to log what is printed may take long.
            sentry.take_if(|sentry| !sentry.heed(of_sentry));
            let mut events = of_pipes.iter();
            pipes.retain(|pipe| events.next().is_none_or(|events| self.serve(pipe, *events)));
        }
    }

    /// Moves a chunk if there is one. False when every write end of the pipe is closed.
    fn serve(&self, pipe: &Pipe, events: PollFlags) -> bool {
        if events.is_empty() {
            return true;
        }
        let turn = lock(&pipe.reading);
        let filled = pipe.is_filled();
        if filled {
            self.move_chunk(pipe, &turn);
        }
        // Somebody who drains the pipes may have been faster.
        filled || events.contains(PollFlags::IN)
    }
}

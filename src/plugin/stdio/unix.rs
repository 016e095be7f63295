//! Descriptors 1 and 2, and what must still happen when the process is about to end.

use super::{Channel, Queues, Sentry, thread::start};
use crate::sys;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::fstat,
    io::{Errno, ioctl_fionread},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};
use std::{
    fs::File,
    io::{self, PipeReader, PipeWriter, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    panic::{self, PanicHookInfo},
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// One read from a pipe, and so the largest chunk: a quarter of what a pipe holds.
const CHUNK: usize = 16 << 10;

/// How long an ending process waits for a thread of ours that is stuck writing to the real standard error.
const STUCK: Duration = Duration::from_millis(500);

/// How long an ending process lets consumers go on, as long as they get anywhere.
const LAST_DELIVERIES: Duration = Duration::from_secs(1);

/// A consumer that has not finished a chunk within this is taken for dead: its runtime thread may be the one
/// that called `exit`.
const NO_PROGRESS: Duration = Duration::from_millis(50);

/// The redirection in force. For the exit handler and the panic hook, which nobody can hand anything to.
static CURRENT: Mutex<Option<Arc<Descriptors>>> = Mutex::new(None);

pub(super) struct Descriptors {
    queues: Arc<Queues>,
    stdout: OwnedFd,
    stderr: OwnedFd,
    pub(super) pipes: [Pipe; 2],
    /// The write ends, while descriptors 1 and 2 are to point at them.
    in_force: Mutex<Option<[PipeWriter; 2]>>,
}

pub(super) struct Pipe {
    channel: Channel,
    pub(super) from: PipeReader,
    /// Held from before bytes are read until they are queued or written: an empty pipe and nobody's turn mean
    /// that nothing is on its way.
    pub(super) reading: Mutex<()>,
}

impl Descriptors {
    pub(super) fn install(queues: &Arc<Queues>, sentry: Option<Sentry>) -> io::Result<Arc<Self>> {
        let mut current = lock(&CURRENT);
        if current.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "this process already serves plugins and has redirected its standard streams",
            ));
        }
        let (from_stdout, to_stdout) = io::pipe()?;
        let (from_stderr, to_stderr) = io::pipe()?;
        let pipe = |channel, from| Pipe { channel, from, reading: Mutex::default() };
        let descriptors = Arc::new(Self {
            queues: Arc::clone(queues),
            stdout: io::stdout().as_fd().try_clone_to_owned()?,
            stderr: io::stderr().as_fd().try_clone_to_owned()?,
            pipes: [pipe(Channel::Stdout, from_stdout), pipe(Channel::Stderr, from_stderr)],
            in_force: Mutex::new(None),
        });
        start(&descriptors, sentry)?;
        dup2_stdout(&to_stdout)?;
        if let Err(error) = dup2_stderr(&to_stderr) {
            dup2_stdout(&descriptors.stdout)?;
            return Err(error.into());
        }
        *lock(&descriptors.in_force) = Some([to_stdout, to_stderr]);
        *current = Some(Arc::clone(&descriptors));
        drop(current);
        install_hooks();
        Ok(descriptors)
    }

    pub(super) fn print(&self, bytes: &[u8]) -> io::Result<()> {
        write_all(self.stdout.as_fd(), bytes)
    }

    pub(super) fn take_real(&self) -> io::Result<[OwnedFd; 2]> {
        let [out, err] = [fstat(&self.stdout)?, fstat(&self.stderr)?];
        if (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino) {
            return Err(io::Error::other("standard output is also standard error, which logs go to"));
        }
        let real = [io::stdin().as_fd().try_clone_to_owned()?, self.stdout.try_clone()?];
        dup2_stdin(File::open("/dev/null")?)?;
        Ok(real)
    }

    /// Points descriptors 1 and 2 at the real standard error, and moves what is in the pipes into the queues.
    pub(super) fn restore_and_drain(&self, limit: Duration) {
        flush_stdout();
        self.restore();
        self.drain(limit);
    }

    /// Ends the redirection; what the queues still hold goes to the real standard error.
    pub(super) fn spill(&self) {
        self.restore();
        self.drain(STUCK);
        self.queues.close();
        for channel in Channel::BOTH {
            let left = self.queues.of(channel).drain();
            left.iter().for_each(|bytes| self.log(bytes));
        }
        lock(&CURRENT).take_if(|current| std::ptr::eq(Arc::as_ptr(current), self));
    }

    fn restore(&self) {
        let mut in_force = lock(&self.in_force);
        if in_force.is_none() {
            return;
        }
        let point_at = |target: BorrowedFd<'_>| {
            let _ = dup2_stdout(target);
            let _ = dup2_stderr(target);
        };
        // `println!` panics on a closed pipe, so if the host is gone, later prints go nowhere.
        match File::options().write(true).open("/dev/null") {
            Ok(null) if is_broken(self.stderr.as_fd()) => point_at(null.as_fd()),
            _ => point_at(self.stderr.as_fd()),
        }
        *in_force = None;
    }

    /// Queues, or logs, all that is in the pipes by now; `limit` is for a child process that fills them all the time.
    fn drain(&self, limit: Duration) {
        let end = Instant::now() + limit;
        for pipe in &self.pipes {
            while pipe.is_filled() && Instant::now() < end {
                match pipe.reading.try_lock() {
                    Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
                    Ok(turn) => self.move_chunk(pipe, &turn),
                    Err(TryLockError::Poisoned(turn)) => self.move_chunk(pipe, &turn.into_inner()),
                }
            }
            // Empty, but the thread may hold the last chunk in its hands.
            while let Err(TryLockError::WouldBlock) = pipe.reading.try_lock()
                && Instant::now() < end
            {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Reads once. Whoever holds the turn has seen that there are bytes, so this does not block.
    pub(super) fn move_chunk(&self, pipe: &Pipe, _turn: &MutexGuard<'_, ()>) {
        let mut buffer = [0; CHUNK];
        if let Ok(length) = rustix::io::read(&pipe.from, &mut buffer[..])
            && !self.queues.push(pipe.channel, &buffer[..length])
        {
            self.log(&buffer[..length]);
        }
    }

    /// To the real standard error. With nobody at the other end there is nobody to tell.
    fn log(&self, bytes: &[u8]) {
        let _ = write_all(self.stderr.as_fd(), bytes);
    }

    /// The process ends in a moment, unasked: `exit` was called or `main` returned.
    fn exiting(&self) {
        self.restore();
        self.drain(STUCK);
        let start = Instant::now();
        let (mut left, mut progress) = (self.queues.len(), start);
        while left > 0
            && self.queues.has_consumers()
            && start.elapsed() < LAST_DELIVERIES
            && progress.elapsed() < NO_PROGRESS
        {
            thread::sleep(Duration::from_millis(1));
            let now = self.queues.len();
            if now != left {
                (left, progress) = (now, Instant::now());
            }
        }
        let now = Instant::now();
        for channel in Channel::BOTH {
            let recent = self.queues.of(channel).recent(now);
            recent.iter().for_each(|bytes| self.log(bytes));
        }
        self.spill();
    }

    /// A panic's text must not depend on anyone delivering it: it goes to the real standard error.
    fn panicking(&self, info: &PanicHookInfo<'_>, previous: impl FnOnce()) {
        if lock(&self.in_force).is_some() {
            let _ = dup2_stderr(&self.stderr);
        }
        self.log(headline(info).as_bytes());
        previous();
        if let Some([_, to_stderr]) = &*lock(&self.in_force) {
            let _ = dup2_stderr(to_stderr);
        }
        if cfg!(panic = "abort") {
            self.spill();
        }
    }
}

impl Pipe {
    pub(super) fn is_filled(&self) -> bool {
        ioctl_fionread(&self.from).is_ok_and(|length| length > 0)
    }
}

/// Hosts show unmarked lines, and so what Rust prints, at debug level. Go's own mark, `panic: `, would turn all
/// that follows into errors, but here a plugin may live on after a panic.
fn headline(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or(payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("not a text");
    let text = text.lines().next().unwrap_or_default();
    info.location().map_or_else(
        || format!("[ERROR] plugin panicked: {text}\n"),
        |place| format!("[ERROR] plugin panicked: {text} ({place})\n"),
    )
}

fn install_hooks() {
    static HOOKS: Once = Once::new();
    extern "C" fn at_exit() {
        if let Some(descriptors) = current() {
            descriptors.exiting();
        }
    }
    HOOKS.call_once(|| {
        sys::at_exit(at_exit);
        if thread::panicking() {
            return; // the hook cannot be changed now
        }
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| match current() {
            Some(descriptors) => descriptors.panicking(info, || previous(info)),
            None => previous(info),
        }));
    });
}

/// Never waits: a hook may run in the middle of anything.
fn current() -> Option<Arc<Descriptors>> {
    match CURRENT.try_lock() {
        Ok(current) => current.clone(),
        Err(TryLockError::Poisoned(current)) => current.into_inner().clone(),
        Err(TryLockError::WouldBlock) => None,
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All that the thread of [`flush_stdout`] needs.
const FLUSH_STACK: usize = 128 << 10;

/// Sends an unfinished line on its way. If someone keeps standard output locked it stays in Rust's buffer, which
/// is flushed when the process ends.
fn flush_stdout() {
    let (done, wait) = mpsc::channel();
    let flush = move || {
        let _ = io::stdout().flush();
        let _ = done.send(());
    };
    if thread::Builder::new().stack_size(FLUSH_STACK).spawn(flush).is_ok() {
        let _ = wait.recv_timeout(STUCK);
    }
}

/// Writes everything, even to a descriptor that the host has made non-blocking.
fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => drop(poll_one(to, PollFlags::OUT, None)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether nobody reads from the other end any more.
fn is_broken(to: BorrowedFd<'_>) -> bool {
    poll_one(to, PollFlags::OUT, Some(&Timespec::default())).is_some_and(|e| e.contains(PollFlags::ERR))
}

fn poll_one(fd: BorrowedFd<'_>, interest: PollFlags, limit: Option<&Timespec>) -> Option<PollFlags> {
    let mut fds = [PollFd::new(&fd, interest)];
    loop {
        match poll(&mut fds, limit) {
            Ok(_) => return Some(fds[0].revents()),
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

//! The pipes from a child, to be read by tasks.

#[cfg(unix)]
pub(super) use unix::{stderr, stdout};
#[cfg(windows)]
pub(super) use windows::{open as stderr, open as stdout};

#[cfg(unix)]
mod unix {
    use std::{io, process};
    use tokio::process::{ChildStderr, ChildStdout};

    pub(in super::super) fn stdout(pipe: process::ChildStdout) -> io::Result<ChildStdout> {
        ChildStdout::from_std(pipe)
    }

    pub(in super::super) fn stderr(pipe: process::ChildStderr) -> io::Result<ChildStderr> {
        ChildStderr::from_std(pipe)
    }
}

/// tokio reads such pipes on its threads for blocking work, and its runtime waits for those when it ends: a host that leaves a plugin
/// behind would last as long as that. So they are read on threads of our own, which nobody waits for.
#[cfg(windows)]
mod windows {
    use std::{
        io::{self, Read},
        pin::Pin,
        task::{Context, Poll, ready},
        thread,
    };
    use tokio::{
        io::{AsyncRead, ReadBuf},
        sync::mpsc,
    };

    /// One read. What a thread reads ahead is twice this, one waiting and one in its hands.
    const CHUNK: usize = 8 << 10;

    /// It only reads.
    const THREAD_STACK: usize = 128 << 10;

    /// The end that tasks read.
    pub(in super::super) struct Reader {
        chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
        chunk: Vec<u8>,
        /// How much of it has been handed out.
        taken: usize,
    }

    /// The thread ends with the last writer of the pipe, or with what it reads after the reader is gone.
    pub(in super::super) fn open(pipe: impl Read + Send + 'static) -> io::Result<Reader> {
        let (sender, chunks) = mpsc::channel(1);
        let thread = thread::Builder::new().name("plugin output".into()).stack_size(THREAD_STACK);
        thread.spawn(move || read(pipe, &sender))?;
        Ok(Reader { chunks, chunk: Vec::new(), taken: 0 })
    }

    fn read(mut pipe: impl Read, to: &mpsc::Sender<io::Result<Vec<u8>>>) {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = pipe.read(&mut buffer).map(|length| buffer[..length].to_vec());
            let over = !matches!(&read, Ok(chunk) if !chunk.is_empty());
            if to.blocking_send(read).is_err() || over {
                return;
            }
        }
    }

    impl AsyncRead for Reader {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.taken == self.chunk.len() {
                self.chunk = ready!(self.chunks.poll_recv(cx)).transpose()?.unwrap_or_default();
                self.taken = 0;
            }
            let left = &self.chunk[self.taken..];
            let length = left.len().min(buf.remaining());
            buf.put_slice(&left[..length]);
            self.taken += length;
            Poll::Ready(Ok(()))
        }
    }
}

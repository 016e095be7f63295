//! A plugin's standard input and output, on their way from the tasks that read a plugin's output to the connection.

use crate::net::{Pipes, ReadHalf, WriteHalf};
use std::io::Cursor;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::oneshot,
};

/// What may become the connection once the handshake line has come. Dropping it closes the plugin's standard input and has its
/// standard output read and thrown away.
pub(crate) struct Handover {
    stdin: WriteHalf,
    ask: oneshot::Sender<oneshot::Sender<ReadHalf>>,
}

/// The end that has standard output.
pub(super) struct Asked(oneshot::Receiver<oneshot::Sender<ReadHalf>>);

impl Handover {
    pub(super) fn new(stdin: WriteHalf) -> (Self, Asked) {
        let (ask, asked) = oneshot::channel();
        (Self { stdin, ask }, Asked(asked))
    }

    /// The connection; `None` if standard output has ended already. To be called after the handshake line.
    pub(crate) async fn take(self) -> Option<Pipes> {
        let (to, stdout) = oneshot::channel();
        self.ask.send(to).ok()?;
        Some(Pipes::new(stdout.await.ok()?, self.stdin))
    }
}

impl Asked {
    /// Waits until it is decided what standard output is for, which takes the host no time, and gives it away, with what
    /// was `read` of it beyond the line. Gives it back if it is not wanted.
    pub(super) async fn give<R>(self, read: Vec<u8>, from: R) -> Option<R>
    where
        R: AsyncRead + Send + Unpin + 'static,
    {
        match self.0.await {
            Ok(to) => {
                let _ = to.send(Box::new(Cursor::new(read).chain(from)));
                None
            }
            Err(_) => Some(from),
        }
    }
}

//! What a plugin says first: who expects TLS tells by that.

use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, ReadBuf};

/// A byte stream that remembers how what it read began.
pub(super) struct Overheard<IO> {
    io: IO,
    heard: Heard,
}

/// How it began, once it has.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<OnceLock<[u8; 2]>>);

impl Heard {
    /// Whether anything was said at all.
    pub(super) fn anything(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether it was the refusal of somebody who expects TLS: a record of an alert, of any version.
    pub(super) fn tls_alert(&self) -> bool {
        self.0.get() == Some(&[0x15, 3])
    }
}

impl<IO> Overheard<IO> {
    pub(super) fn new(io: IO) -> (Self, Heard) {
        let heard = Heard::default();
        (Self { io, heard: heard.clone() }, heard)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Overheard<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if let ([first, rest @ ..], false) = (&buf.filled()[before..], self.heard.anything()) {
            let _ = self.heard.0.set([*first, rest.first().copied().unwrap_or_default()]);
        }
        read
    }
}

//! Recording what crosses a connection.

use crate::{Error, ErrorKind, Result};
use muxbroker::recording::{self, Side, piece_header};
use std::{
    fs::File,
    io::{self, BufWriter, IoSlice, Write},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, ready},
    thread,
    time::SystemTime,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Bytes that may wait for the disk, in memory. Beyond it the recording ends: with a gap it could not be read.
const QUEUE_LIMIT: usize = 64 << 20;

/// A file to record into.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
}

impl RecordFile {
    /// Creates the file, or empties it. Only its owner can read it: calls carry secrets.
    pub(super) async fn create(path: &Path) -> Result<Self> {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        match options.open(path).await {
            Ok(file) => Ok(Self { path: path.to_owned(), file: file.into_std().await }),
            Err(error) => {
                let text = format!("cannot record into {}: {error}", path.display());
                Err(Error::new(ErrorKind::Io, text).with_source(error))
            }
        }
    }

    /// Starts the thread that writes: files have no other way not to make a task wait.
    fn start(self) -> Result<(Tape, Recording)> {
        let (pieces, received) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let done = CancellationToken::new();
        let (waits, guard) = (Arc::clone(&waiting), done.clone().drop_guard());
        let write = move || {
            let _guard = guard;
            if let Err(error) = write(self.file, received, &waits) {
                warn!(path = %self.path.display(), %error, "the recording of a plugin's connection ends here");
            }
        };
        thread::Builder::new().name("go-plugin record".into()).spawn(write)?;
        Ok((Tape { pieces, waiting }, Recording(done)))
    }
}

/// Ends when nobody can send any more, or with the first error.
fn write(file: File, pieces: mpsc::Receiver<Piece>, waiting: &AtomicUsize) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    file.write_all(recording::MAGIC)?;
    loop {
        let next = match pieces.try_recv() {
            Ok(piece) => Ok(piece),
            Err(_) => {
                // A host that crashes leaves what it did so far.
                file.flush()?;
                pieces.recv()
            }
        };
        let Ok(Piece { from, at, bytes }) = next else { return Ok(()) };
        // What a system call moves is far below 4 GiB; what is not ends the recording.
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        file.write_all(&piece_header(from, at, length))?;
        file.write_all(&bytes)?;
        waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
    }
}

/// A recording under way.
#[derive(Debug)]
pub(super) struct Recording(CancellationToken);

impl Recording {
    /// Waits until everything is in the file. The connection must be gone.
    pub(super) async fn finished(&self) {
        self.0.cancelled().await;
    }
}

type Piece = recording::Piece;

/// Where pieces go.
struct Tape {
    pieces: mpsc::Sender<Piece>,
    waiting: Arc<AtomicUsize>,
}

impl Tape {
    /// False when the recording has ended.
    fn add(&self, from: Side, bytes: Vec<u8>) -> bool {
        let waiting = self.waiting.fetch_add(bytes.len(), Ordering::Relaxed);
        if waiting + bytes.len() > QUEUE_LIMIT {
            warn!(waiting, "the disk does not keep up: the recording of a plugin's connection ends here");
            return false;
        }
        self.pieces.send(Piece { from, at: SystemTime::now(), bytes }).is_ok()
    }
}

/// A connection of a host that is recorded.
///
/// The session's two tasks share it under a lock, which is what keeps the pieces in order: nothing can be read, and recorded,
/// between a write and its piece.
pub(super) struct Recorded<T> {
    io: T,
    /// `None` when the recording has ended early.
    tape: Option<Tape>,
}

impl<T> Recorded<T> {
    /// Records into `file`.
    pub(super) fn new(io: T, file: RecordFile) -> Result<(Self, Recording)> {
        let (tape, recording) = file.start()?;
        Ok((Self { io, tape: Some(tape) }, recording))
    }

    fn add(&mut self, from: Side, bytes: impl FnOnce() -> Vec<u8>) {
        if self.tape.as_ref().is_some_and(|tape| !tape.add(from, bytes())) {
            self.tape = None;
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Recorded<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let read = &buf.filled()[before..];
        if !read.is_empty() {
            this.add(Side::Plugin, || read.to_vec());
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Recorded<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, bytes))?;
        this.add(Side::Host, || bytes[..written].to_vec());
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write_vectored(cx, slices))?;
        this.add(Side::Host, || {
            let mut bytes = Vec::with_capacity(written);
            for slice in slices {
                bytes.extend_from_slice(&slice[..slice.len().min(written - bytes.len())]);
            }
            bytes
        });
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muxbroker::recording::Pieces;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn recorded(
        path: &Path,
    ) -> (Recorded<tokio::io::DuplexStream>, tokio::io::DuplexStream, Recording) {
        let (ours, theirs) = tokio::io::duplex(16);
        let (io, recording) = Recorded::new(ours, RecordFile::create(path).await.unwrap()).unwrap();
        (io, theirs, recording)
    }

    #[tokio::test]
    async fn both_directions_are_recorded_as_they_were_moved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("connection");
        let (mut io, mut peer, recording) = recorded(&path).await;
        io.write_all(b"question").await.unwrap();
        peer.write_all(b"answer").await.unwrap();
        io.read_exact(&mut [0; 2]).await.unwrap();
        io.read_exact(&mut [0; 4]).await.unwrap();
        // More than the other side has room for: what is recorded is what went through.
        let slices = [IoSlice::new(b"0123"), IoSlice::new(b"456789")];
        let written = io.write_vectored(&slices).await.unwrap();
        drop(io);
        recording.finished().await;

        let pieces: Vec<_> =
            Pieces::new(File::open(&path).unwrap()).unwrap().collect::<io::Result<_>>().unwrap();
        let read: Vec<_> = pieces.iter().map(|piece| (piece.from, &piece.bytes[..])).collect();
        let rest = &b"0123456789"[..written];
        let expected = [
            (Side::Host, &b"question"[..]),
            (Side::Plugin, b"an"),
            (Side::Plugin, b"swer"),
            (Side::Host, rest),
        ];
        assert_eq!(read, expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_made_is_an_error_that_names_it() {
        let error = RecordFile::create(Path::new("/nowhere/connection")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().starts_with("cannot record into /nowhere/connection: "), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_ends_the_recording_and_not_the_connection() {
        let (mut io, mut peer, recording) = recorded(Path::new("/dev/full")).await;
        // The thread notices when it flushes; from then on nothing is kept.
        recording.finished().await;
        for _ in 0..3 {
            io.write_all(b"question").await.unwrap();
            peer.read_exact(&mut [0; 8]).await.unwrap();
        }
        assert!(io.tape.is_none());
    }

    #[test]
    fn a_disk_that_does_not_keep_up_ends_the_recording() {
        let (pieces, received) = mpsc::channel();
        let tape = Tape { pieces, waiting: Arc::default() };
        let half = || vec![0; QUEUE_LIMIT / 2];
        assert!(tape.add(Side::Host, half()) && tape.add(Side::Plugin, half()));
        assert!(!tape.add(Side::Host, vec![0]));
        drop(received);
    }
}

//! Bytes whose values follow from their offsets, as in `tests/interop/go/internal/stream`.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

fn byte(offset: usize) -> u8 {
    (offset ^ offset >> 8 ^ offset >> 16) as u8
}

/// Writes the bytes from offset `at` on, `size` of them, in writes of at most `chunk`.
///
/// # Errors
///
/// Those of the writer.
pub async fn write_pattern(
    mut to: impl AsyncWrite + Unpin,
    at: usize,
    size: usize,
    chunk: usize,
) -> std::io::Result<()> {
    let mut done = 0;
    while done < size {
        let bytes: Vec<u8> = (done..size.min(done + chunk)).map(|i| byte(at + i)).collect();
        to.write_all(&bytes).await?;
        done += bytes.len();
    }
    to.flush().await
}

/// Reads exactly `size` bytes, which must be those from offset `at` on.
///
/// # Errors
///
/// Those of the reader.
///
/// # Panics
///
/// When a byte has another value.
pub async fn read_pattern(from: impl AsyncRead + Unpin, at: usize, size: usize) -> std::io::Result<()> {
    let read = read_pattern_to_end(from.take(size as u64), at).await?;
    if read == size { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads to the end; the bytes must be those from offset `at` on. Returns how many there were.
///
/// # Errors
///
/// Those of the reader.
///
/// # Panics
///
/// When a byte has another value.
pub async fn read_pattern_to_end(mut from: impl AsyncRead + Unpin, at: usize) -> std::io::Result<usize> {
    let mut buffer = vec![0; 64 << 10];
    let mut done = 0;
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            return Ok(done);
        }
        for (i, got) in buffer[..n].iter().enumerate() {
            let offset = at + done + i;
            assert_eq!(*got, byte(offset), "byte {offset} of the stream");
        }
        done += n;
    }
}

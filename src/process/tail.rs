//! The last words of a plugin, for the error that says why it did not start.

use super::Sink;
use std::sync::{Arc, Mutex, PoisonError};

/// How much is kept: some twenty lines, enough for a usage message or the top of a Go panic.
const KEPT: usize = 2 << 10;

/// The end of what a plugin wrote on standard error.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    fn push(&self, chunk: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk = &chunk[chunk.len().saturating_sub(KEPT)..];
        let surplus = (kept.len() + chunk.len()).saturating_sub(KEPT);
        kept.drain(..surplus);
        kept.extend_from_slice(chunk);
    }

    /// The text, without a first line that was cut and without surrounding white space; empty if there is none.
    pub(crate) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut =
            if kept.len() < KEPT { 0 } else { kept.iter().position(|&b| b == b'\n').map_or(0, |i| i + 1) };
        String::from_utf8_lossy(&kept[cut..]).trim().to_owned()
    }
}

/// A sink that keeps the end of what it passes on.
pub(super) struct Remembering<S> {
    pub(super) sink: S,
    pub(super) tail: Tail,
}

impl<S: Sink> Sink for Remembering<S> {
    fn bytes(&mut self, chunk: &[u8]) {
        self.tail.push(chunk);
        self.sink.bytes(chunk);
    }

    fn end(&mut self) {
        self.sink.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_starts_with_a_whole_line() {
        let long_line = "x".repeat(3 * KEPT);
        for (chunks, expected) in [
            (vec![], String::new()),
            (vec!["usage: plugin\n"], "usage: plugin".into()),
            (vec!["one\n", "two", "\n\n"], "one\ntwo".into()),
            (vec![&long_line, "\nlast\n"], "last".into()),
            (vec![&long_line], "x".repeat(KEPT)),
        ] {
            let tail = Tail::default();
            chunks.iter().for_each(|chunk| tail.push(chunk.as_bytes()));
            assert_eq!(tail.text(), expected);
        }
    }
}

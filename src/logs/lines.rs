//! Splits a stream of bytes into lines without ever holding more than one buffer of it.

/// The buffer that Go's host reads a plugin's stderr with (`PluginLogBufferSize`): 64 KiB.
pub const DEFAULT_LINE_BUFFER: usize = 64 * 1024;

/// What [`LineSplitter`] hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line as it was written, without its `\n` or `\r\n`.
    Whole(&'a [u8]),
    /// A part of a line that is longer than the buffer. The last part of such a line is a fragment too.
    Fragment(&'a [u8]),
}

impl<'a> Line<'a> {
    /// The bytes, whole or not.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Whole(bytes) | Self::Fragment(bytes) => bytes,
        }
    }
}

/// Bytes in, lines out. Pure: no I/O, no text decoding; memory is bounded by the buffer.
#[derive(Debug)]
pub struct LineSplitter {
    /// The start of a line whose end has not arrived; shorter than `limit`, plus a `\r` held back.
    pending: Vec<u8>,
    limit: usize,
    /// Fragments of the current line went out already.
    continued: bool,
}

impl Default for LineSplitter {
    fn default() -> Self {
        Self::new(DEFAULT_LINE_BUFFER)
    }
}

impl LineSplitter {
    /// A splitter for lines of up to `limit` bytes, terminator included; longer ones come as fragments of at most
    /// that size. Go's smallest buffer is 16 bytes, and so is ours.
    pub fn new(limit: usize) -> Self {
        Self { pending: Vec::new(), limit: limit.max(16), continued: false }
    }

    /// Takes the next bytes and hands every line that they complete to `each`.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while !bytes.is_empty() {
            let room = self.limit - self.pending.len();
            let window = &bytes[..bytes.len().min(room)];
            if let Some(end) = memchr_newline(window) {
                let (line, rest) = (&window[..end], &bytes[end + 1..]);
                self.end_line(line, &mut each);
                bytes = rest;
            } else if window.len() == room {
                self.overflow(window, &mut each);
                bytes = &bytes[room..];
            } else {
                self.pending.extend_from_slice(window);
                return;
            }
        }
    }

    /// The stream has ended: what is left without a terminator is a line too.
    pub fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if !self.pending.is_empty() {
            let line = std::mem::take(&mut self.pending);
            each(self.wrap(&line));
        }
        self.continued = false;
    }

    fn wrap<'a>(&self, line: &'a [u8]) -> Line<'a> {
        if self.continued { Line::Fragment(line) } else { Line::Whole(line) }
    }

    fn end_line(&mut self, tail: &[u8], each: &mut impl FnMut(Line<'_>)) {
        if self.pending.is_empty() {
            each(self.wrap(tail.strip_suffix(b"\r").unwrap_or(tail)));
        } else {
            self.pending.extend_from_slice(tail);
            let line = self.pending.strip_suffix(b"\r").unwrap_or(&self.pending);
            each(self.wrap(line));
            self.pending.clear();
        }
        self.continued = false;
    }

    /// A full buffer without a newline. A `\r` at its end may belong to the terminator, so it waits for what follows.
    fn overflow(&mut self, window: &[u8], each: &mut impl FnMut(Line<'_>)) {
        self.continued = true;
        self.pending.extend_from_slice(window);
        let held_back = self.pending.ends_with(b"\r");
        let part = self.pending.strip_suffix(b"\r").unwrap_or(&self.pending);
        each(Line::Fragment(part));
        self.pending.clear();
        if held_back {
            self.pending.push(b'\r');
        }
    }
}

fn memchr_newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(limit: usize, chunks: &[&[u8]]) -> Vec<(bool, String)> {
        let mut splitter = LineSplitter::new(limit);
        let mut lines = Vec::new();
        let mut take = |line: Line<'_>| {
            let whole = matches!(line, Line::Whole(_));
            lines.push((whole, String::from_utf8_lossy(line.bytes()).into_owned()));
        };
        for chunk in chunks {
            splitter.feed(chunk, &mut take);
        }
        splitter.finish(&mut take);
        lines
    }

    #[test]
    fn lines_are_what_stands_between_newlines() {
        let table: &[(&[&[u8]], &[&str])] = &[
            (&[b""], &[]),
            (&[b"a\n"], &["a"]),
            (&[b"a\r\nb\n"], &["a", "b"]),
            (&[b"\n\n"], &["", ""]),
            (&[b"a", b"b\nc"], &["ab", "c"]),
            (&[b"a\r", b"\n"], &["a"]),
            (&[b"a\rb\n"], &["a\rb"]),
            (&[b"no newline at the end\r"], &["no newline at the end\r"]),
        ];
        for (chunks, expected) in table {
            let lines = split(64, chunks);
            let expected: Vec<_> = expected.iter().map(|text| (true, (*text).to_owned())).collect();
            assert_eq!(lines, expected, "{chunks:?}");
        }
    }

    #[test]
    fn a_line_longer_than_the_buffer_comes_in_fragments() {
        let lines = split(16, &[b"0123456789abcdef0123456789\nnext\n"]);
        let expected = [(false, "0123456789abcdef"), (false, "0123456789"), (true, "next")]
            .map(|(w, t)| (w, t.to_owned()));
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_carriage_return_at_the_edge_of_the_buffer_belongs_to_the_terminator() {
        let lines = split(16, &[b"0123456789abcde\r\nnext\n"]);
        let expected =
            [(false, "0123456789abcde"), (false, ""), (true, "next")].map(|(w, t)| (w, t.to_owned()));
        assert_eq!(lines, expected);
    }

    #[test]
    fn ten_megabytes_without_a_newline_never_fill_more_than_the_buffer() {
        let mut splitter = LineSplitter::default();
        let (mut total, mut largest) = (0, 0);
        let chunk = [b'x'; 10_000];
        for _ in 0..1000 {
            splitter.feed(&chunk, |line| {
                assert!(matches!(line, Line::Fragment(_)));
                total += line.bytes().len();
                largest = largest.max(line.bytes().len());
            });
            assert!(splitter.pending.capacity() <= 2 * DEFAULT_LINE_BUFFER);
        }
        splitter.feed(b"\n", |line| total += line.bytes().len());
        assert_eq!((total, largest), (10_000_000, DEFAULT_LINE_BUFFER));
    }

    proptest! {
        #[test]
        fn prop_nothing_is_lost_and_chunks_do_not_matter(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(0usize..200, 0..6),
            limit in 16usize..40,
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let whole = split(limit, &[&text]);
            prop_assert_eq!(&split(limit, &chunks), &whole);
            let kept: usize = text.iter().filter(|byte| **byte != b'\n').count();
            let mut seen = 0;
            let mut splitter = LineSplitter::new(limit);
            let mut count = |line: Line<'_>| seen += line.bytes().len();
            splitter.feed(&text, &mut count);
            splitter.finish(&mut count);
            let crlf = text.windows(2).filter(|pair| *pair == b"\r\n").count();
            prop_assert_eq!(seen, kept - crlf);
        }
    }
}

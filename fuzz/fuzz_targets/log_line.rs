//! A plugin's stderr: nothing is lost, however it is cut, and every line gives an entry.

#![no_main]

use go_plugin::logs::{EntryParser, Line, LineSplitter};
use libfuzzer_sys::fuzz_target;

/// The lines of a stream that arrives in two pieces.
fn lines(limit: usize, pieces: [&[u8]; 2]) -> Vec<(bool, Vec<u8>)> {
    let mut splitter = LineSplitter::new(limit);
    let mut lines = Vec::new();
    let mut take = |line: Line<'_>| lines.push((matches!(line, Line::Whole(_)), line.bytes().to_vec()));
    for piece in pieces {
        splitter.feed(piece, &mut take);
    }
    splitter.finish(&mut take);
    lines
}

fuzz_target!(|input: &[u8]| {
    let [cut, limit, stream @ ..] = input else { return };
    let (cut, limit) = (usize::from(*cut).min(stream.len()), 16 + usize::from(*limit));
    let whole = lines(limit, [stream, b""]);
    assert_eq!(whole, lines(limit, [&stream[..cut], &stream[cut..]]));

    let bytes = |part: &[u8]| part.iter().filter(|b| !b"\r\n".contains(b)).count();
    assert_eq!(whole.iter().map(|(_, line)| bytes(line)).sum::<usize>(), bytes(stream));

    let mut parser = EntryParser::new();
    for (is_whole, line) in &whole {
        assert!(line.len() <= limit);
        let entry = parser.parse(if *is_whole { Line::Whole(line) } else { Line::Fragment(line) });
        // Bytes that are not UTF-8 become U+FFFD, which takes three; JSON may be longer than what it was read from
        // only by its escapes.
        assert!(entry.message.len() <= 6 * line.len());
        assert!(entry.fields.is_empty() || entry.fields.last().is_some_and(|(key, _)| key == "timestamp"));
    }
});

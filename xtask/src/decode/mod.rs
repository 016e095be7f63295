//! `cargo xtask decode`: what crossed a connection, frame by frame and call by call.
//!
//! Four steps, each a module: a recording is split into frames ([`frames`]), the bytes of each stream are sorted by what the stream is
//! for ([`streams`]), net/rpc's are read as calls ([`messages`]), and what comes of it is printed ([`event`], [`value`]).
//! Nothing in a recording is trusted: what cannot be read is an event that says why, and an error in the end.

mod event;
mod frames;
mod messages;
mod streams;
mod value;

use std::{
    fs::File,
    io::{BufReader, BufWriter, Read, Write, stdout},
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail};
use event::{Event, Line};
use frames::{Frames, Part};
use muxbroker::recording::{Piece, Pieces, Side};
use streams::Streams;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A line for people.
    Text,
    /// An object a line.
    Json,
}

pub(crate) fn run(file: &Path, format: Format) -> Result<()> {
    let source = File::open(file).with_context(|| file.display().to_string())?;
    decode(BufReader::new(source), BufWriter::new(stdout().lock()), format)
}

/// Prints everything up to where the recording ends or cannot be read.
pub(crate) fn decode(source: impl Read, sink: impl Write, format: Format) -> Result<()> {
    let mut printer = Printer { sink, format, start: None, broken: Vec::new() };
    let mut sides = [Frames::default(), Frames::default()];
    let mut streams = Streams::default();
    for piece in Pieces::new(source)? {
        let Piece { from, at, bytes } = match piece {
            Ok(piece) => piece,
            Err(error) => {
                printer.broken.push(error.to_string());
                break;
            }
        };
        let mut rest = &bytes[..];
        while let Some(part) = sides[from as usize].next(&mut rest) {
            let mut print = |event: Event<'_>| printer.print(from, at, event);
            match part {
                Part::Frame(header) => {
                    print(Event::Frame(header))?;
                    streams.frame(from, header, &mut print)?;
                }
                Part::Payload(stream, bytes) => streams.payload(from, stream, bytes, &mut print)?,
                Part::Broken(why) => print(Event::Broken { stream: None, why })?,
            }
        }
    }
    let end = printer.start.map_or(SystemTime::UNIX_EPOCH, |(_, last)| last);
    streams.finish(|from, event: Event<'_>| printer.print(from, end, event))?;
    printer.finish()
}

struct Printer<W> {
    sink: W,
    format: Format,
    /// The times of the first and of the latest piece.
    start: Option<(SystemTime, SystemTime)>,
    broken: Vec<String>,
}

impl<W: Write> Printer<W> {
    fn print(&mut self, from: Side, at: SystemTime, event: Event<'_>) -> Result<()> {
        let (start, _) = *self.start.get_or_insert((at, at));
        self.start = Some((start, at));
        if let Event::Broken { stream, why } = &event {
            let side = if from == Side::Host { "host" } else { "plugin" };
            let place = stream.map(|id| format!(", on stream {id}")).unwrap_or_default();
            self.broken.push(format!("from the {side}{place}: {why}"));
        }
        // A clock may have been set back.
        let since = at.duration_since(start).unwrap_or(Duration::ZERO);
        let line = Line { from, at, since, event };
        match self.format {
            Format::Text => writeln!(self.sink, "{line}")?,
            Format::Json => writeln!(self.sink, "{}", line.to_json())?,
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.sink.flush()?;
        match &self.broken[..] {
            [] => Ok(()),
            [first] => bail!("not all of it can be read: {first}"),
            [first, more @ ..] => bail!("not all of it can be read: {first} (and {} more)", more.len()),
        }
    }
}

//! One input, from its bytes to rows, skips and dead letters.
//!
//! In: an [`Input`] or a reader, and [`IngestOptions`]. Out: rows in chunks and dead letters to an [`IngestSink`], and
//! the count of the source. Owns: the order of the steps and the count.
//! Law FLOW-1: records read = decoded + dead-lettered + skipped. Law FLOW-3: secrets go before anything sees a record.

use std::io::{self, Read};
use std::ops::ControlFlow;

use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventTime};

use crate::crew::{Crew, Source};
use crate::formats::Formats;
use crate::frame::{Frame, Frames};
use crate::input::{Input, InputError, Place};
use crate::label::SourceRule;
use crate::open::{self, Counters, Fault, Promised};
use crate::parallel;
use crate::redact::FingerprintKey;
use crate::run::{Piece, Run};
use crate::text;

/// Most rows of one chunk: their columns about fit a second-level cache while they are written, and a part of an input that a
/// thread reads has no more. The store copies nothing of batches as large as this.
pub const CHUNK_ROWS: usize = 1_024;
/// Records between two reports of progress: often enough for a smooth bar, rarely enough not to show in a profile.
const PROGRESS_RECORDS: u64 = 1_024;

/// How inputs are read.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// The formats that are known.
    pub formats: Formats,
    /// Labels by location; the first rule that matches decides.
    pub sources: Vec<SourceRule>,
    /// The key that secrets are fingerprinted with.
    pub key: FingerprintKey,
}

/// Where rows and dead letters go.
pub trait IngestSink {
    /// Takes at most [`CHUNK_ROWS`] rows; breaking ends the reading of this input.
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()>;
    /// Takes a record that could not be read.
    fn dead_letter(&mut self, letter: DeadLetter);
    /// Hears how many stored bytes and records of this input have been read.
    fn progress(&mut self, stored_bytes: u64, records: u64);
}

/// The account of one input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceRead {
    /// What became of its records.
    pub count: SourceCount,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Earliest event time.
    pub from: Option<EventTime>,
    /// Latest event time.
    pub to: Option<EventTime>,
}

/// Reads one input to its end.
pub fn read_input(
    input: &Input,
    options: &IngestOptions,
    sink: &mut dyn IngestSink,
) -> Result<SourceRead, InputError> {
    read_place(input, options, None, sink).map(|finished| finished.read)
}

/// Reads bytes from anywhere as if `name` were their file.
pub fn read_bytes(
    name: &str,
    bytes: impl Read,
    options: &IngestOptions,
    sink: &mut dyn IngestSink,
) -> Result<SourceRead, InputError> {
    let finished = read_stream(name, bytes, options, None, sink);
    finished.map(|finished| finished.read).map_err(|error| InputError::io(name, &error))
}

/// An input that is not read any more.
pub(crate) struct Finished {
    pub(crate) read: SourceRead,
    /// The sink wanted no more: the account is not that of the whole.
    pub(crate) was_stopped: bool,
}

/// Reads one source to its end, with the help of others.
pub(crate) fn read_source(
    source: &Source<'_>,
    options: &IngestOptions,
    crew: &Crew<'_>,
    sink: &mut dyn IngestSink,
) -> Result<Finished, InputError> {
    match source {
        Source::Input(input) => read_place(input, options, Some(crew), sink),
        Source::BuiltIn(name, bytes) => {
            read_stream(name, *bytes, options, Some(crew), sink).map_err(|error| InputError::io(name, &error))
        }
    }
}

fn read_place(
    input: &Input,
    options: &IngestOptions,
    crew: Option<&Crew<'_>>,
    sink: &mut dyn IngestSink,
) -> Result<Finished, InputError> {
    let refused = |error| InputError::io(&input.location, &error);
    let read = match &input.place {
        Place::Stdin => read_stream(&input.location, io::stdin().lock(), options, crew, sink),
        Place::File(path) => {
            let file = std::fs::File::open(path).map_err(refused)?;
            let bytes = file.metadata().map_err(refused)?.len();
            read_stream(&input.location, Promised::new(file, bytes), options, crew, sink)
        }
    };
    read.map_err(refused)
}

/// Which paths a record may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paths {
    /// The fast one where it is plain.
    Both,
    /// Only the strict one.
    StrictOnly,
    /// For benchmarks: on the fast path, neither screening nor identity nor raw text.
    ColumnsOnly,
}

pub(crate) fn read_stream(
    location: &str,
    bytes: impl Read,
    options: &IngestOptions,
    crew: Option<&Crew<'_>>,
    sink: &mut dyn IngestSink,
) -> io::Result<Finished> {
    read_run(Run::new(location, options, sink), bytes, crew)
}

/// Reads a stream to its end.
pub(crate) fn read_run(mut run: Run<'_>, bytes: impl Read, crew: Option<&Crew<'_>>) -> io::Result<Finished> {
    let (mut reader, counters) = open::open(bytes)?;
    match head_refusal(&mut *reader) {
        Ok(None) => match crew {
            Some(crew) => parallel::read(reader, &counters, &mut run, crew),
            None => read_frames(&mut Frames::behind(0, reader), &counters, &mut run),
        },
        Ok(Some((fault, head))) => {
            run.refuse(&Piece { line: 1, ..Piece::of(&head) }, fault.reason, fault.detail)
        }
        Err(error) => fail(&error, (Vec::new(), 1), &mut run),
    }
    let was_stopped = !run.goes_on();
    Ok(Finished { read: run.finish(&counters), was_stopped })
}

/// Why a stream is not read at all, judged by its head; also gives the head.
fn head_refusal(reader: &mut dyn io::BufRead) -> io::Result<Option<(Fault, Vec<u8>)>> {
    let head = reader.fill_buf()?;
    let head = head.get(..text::SAMPLE_BYTES).unwrap_or(head);
    Ok(refusal(head).map(|fault| (fault, head.to_vec())))
}

/// Why bytes that begin like this are not read.
pub(crate) fn refusal(head: &[u8]) -> Option<Fault> {
    let head = head.get(..text::SAMPLE_BYTES).unwrap_or(head);
    let fault = |reason, detail: &str| Some(Fault { reason, detail: detail.to_owned() });
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => fault("utf-16", "UTF-16 text; convert it to UTF-8 first"),
        head if text::is_binary(head) => {
            fault("binary-file", "mostly control characters or bytes that are no UTF-8")
        }
        _ => None,
    }
}

pub(crate) fn read_frames<R: Read>(frames: &mut Frames<R>, counters: &Counters, run: &mut Run<'_>) {
    let mut reported = 0;
    while run.goes_on() {
        let mut passed = (0, 0);
        if run.may_go_fast()
            && let Some((lines, number)) = frames.whole_lines()
        {
            passed = run.lines(lines, number);
            frames.advance(passed.0, passed.1);
        }
        if passed == (0, 0) && !next_frame(frames, run) {
            return;
        }
        if run.records() >= reported + PROGRESS_RECORDS {
            reported = run.records();
            run.report(counters);
        }
    }
}

/// Reads one frame; false at the end.
fn next_frame<R: Read>(frames: &mut Frames<R>, run: &mut Run<'_>) -> bool {
    match frames.next() {
        Ok(Some(Frame::Document { bytes, line })) => run.document(&bytes, line),
        Ok(Some(Frame::Refused(refused))) => {
            let piece = Piece { bytes: &refused.head, length: refused.length, line: refused.line };
            run.refuse(&piece, refused.reason, refused.detail);
        }
        Ok(None) => return false,
        Err(error) => {
            fail(&error, frames.cut_short(), run);
            return false;
        }
    }
    true
}

/// The stream ended early: one dead letter says so, with what was read of the unfinished line.
fn fail(error: &io::Error, (head, line): (Vec<u8>, u64), run: &mut Run<'_>) {
    let Fault { reason, detail } = Fault::of(error);
    run.refuse(&Piece { line, ..Piece::of(&head) }, reason, detail);
}

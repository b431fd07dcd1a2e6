//! Reading a part of an input on its own, and taking what came of it into the reading of the whole.
//!
//! In: a part, and what the reader of the whole knows that matters for it ([`Start`]). Out: an [`Outcome`], or the news
//! that the whole would have read the part otherwise. Owns: what one record can know of those before it.
//! Law: what is taken in is what reading in one piece gives, byte for byte; in doubt it is not taken in.

use std::ops::ControlFlow;

use offbound_schemas::EventBatch;
use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;

use super::{Reader, Run, State};
use crate::csv;
use crate::divide::Part;
use crate::frame::Frames;
use crate::open::Counters;
use crate::pipeline::{IngestOptions, IngestSink, read_frames};
use crate::recognise::Recogniser;

/// What the records before a part say about those in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    recogniser: Recogniser,
    csv: csv::Stream,
}

/// What came of a part.
pub(crate) struct Outcome {
    start: Start,
    state: State,
    /// What the part says about the columns of the next.
    csv: csv::Stream,
    batches: Vec<EventBatch>,
    letters: Vec<DeadLetter>,
    /// Nothing in the part reaches into the next one.
    is_closed: bool,
    /// Not everything that came of it is here.
    is_cut: bool,
}

/// Why a part has to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unlike {
    /// Something in it reaches into the next one, which has to be read with it.
    Open,
    /// Records before it matter for it, or it gives more than can be kept.
    Otherwise,
}

/// Dead letters that are kept of a part, at most: one that has more is read in the one place where they go out at once.
const MAX_LETTERS: usize = 4_096;

/// Keeps what a part gives until it is known to be right.
#[derive(Default)]
struct Kept {
    batches: Vec<EventBatch>,
    letters: Vec<DeadLetter>,
    /// There was more than is kept.
    is_cut: bool,
}

impl IngestSink for Kept {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        self.batches.push(rows);
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        self.is_cut |= self.letters.len() >= MAX_LETTERS;
        if !self.is_cut {
            self.letters.push(letter);
        }
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// Reads a part as if everything before it had left nothing but `start`.
pub(crate) fn read_part(part: &Part, start: &Start, location: &str, options: &IngestOptions) -> Outcome {
    let mut kept = Kept::default();
    let mut run = Run::new(location, options, &mut kept);
    run.reader.state.recogniser = start.recogniser.clone();
    run.reader.unfold.csv = start.csv.clone();
    let mut frames = Frames::behind(part.lines_before, part.bytes.as_slice());
    read_frames(&mut frames, &Counters::default(), &mut run);
    let is_closed = !frames.ended_open() && run.start().is_some();
    let Run { sink, reader } = run;
    let Reader { mut state, unfold, .. } = *reader;
    state.outbox.flush(sink);
    let Kept { batches, letters, is_cut } = kept;
    Outcome { start: start.clone(), state, csv: unfold.csv, batches, letters, is_closed, is_cut }
}

impl Run<'_> {
    /// What the records so far say about the next; none when that cannot be said in short.
    pub(crate) fn start(&self) -> Option<Start> {
        let State { redactor, decoders, recogniser, .. } = &self.reader.state;
        let knows_nothing = self.reader.unfold.is_idle()
            && redactor.is_idle()
            && decoders.values().all(|decoder| decoder.decode.is_stateless());
        knows_nothing.then(|| Start { recogniser: recogniser.clone(), csv: self.reader.unfold.csv.clone() })
    }

    /// Takes in what came of the next part, unless reading it here would have given something else.
    pub(crate) fn take_in(&mut self, outcome: Outcome) -> Result<(), Unlike> {
        let Outcome { start, state, csv, batches, letters, is_closed, is_cut } = outcome;
        if !is_closed {
            return Err(Unlike::Open);
        }
        if is_cut || self.start() != Some(start) || !self.reader.state.occurrences.follow(&state.occurrences)
        {
            return Err(Unlike::Otherwise);
        }
        self.reader.state.recogniser = state.recogniser;
        self.reader.unfold.csv = csv;
        for (index, decoder) in state.decoders {
            let records = decoder.records;
            let known =
                self.reader.state.decoders.entry(index).or_insert(super::Decoder { records: 0, ..decoder });
            known.records += records;
        }
        self.reader.state.drift.take_in(state.drift);
        add(&mut self.reader.state.read.count, state.read.count);
        letters.into_iter().for_each(|letter| self.sink.dead_letter(letter));
        self.reader.state.outbox.pass_on(&state.outbox, batches, self.sink);
        Ok(())
    }
}

/// Adds up two accounts of one source.
pub(crate) fn add(count: &mut SourceCount, part: SourceCount) {
    count.read += part.read;
    count.decoded += part.decoded;
    part.skipped.into_iter().for_each(|(name, number)| *count.skipped.entry(name).or_default() += number);
    for (reason, number) in part.dead_lettered {
        *count.dead_lettered.entry(reason).or_default() += number;
    }
}

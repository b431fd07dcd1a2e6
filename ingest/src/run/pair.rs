//! Two readings of the same bytes side by side, for very many inputs.
//!
//! In: inputs, one after the other. Out: nothing, or a panic that says where fast and strict differ, and on which input.
//! Owns: what makes it quick: both readings go on over [`BATCH_INPUTS`] inputs, and their rows are compared as columns
//! at the end of each batch; accounts are compared after each input. An input finds the fast path open, and twins,
//! pods and unfinished events of the inputs before it.
//! Law FLOW-2: fast ≡ strict in every column, dead letter and count.

use std::ops::ControlFlow;

use arrow::array::RecordBatch;
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;

use super::{FAST_RECORDS, Paused, Run};
use crate::formats::Formats;
use crate::frame::Frames;
use crate::fuzzing::{differential, sample};
use crate::open::Counters;
use crate::pipeline::{IngestOptions, IngestSink, Paths, read_frames};
use crate::recognise::Recogniser;
use crate::redact::FingerprintKey;

/// Inputs of a batch: enough that beginning and comparing cost little beside reading, few enough to find the one input
/// that made a difference.
const BATCH_INPUTS: usize = 64;

/// What one reading gave.
#[derive(Debug, Default, PartialEq)]
struct Out {
    /// Of each batch its three tables.
    batches: Vec<[RecordBatch; 3]>,
    letters: Vec<DeadLetter>,
}

impl IngestSink for Out {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        let EventBatch { host_events, identity_assertions, placements } = rows;
        self.batches.push([host_events, identity_assertions, placements]);
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        self.letters.push(letter);
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// One reading, and what it gave so far.
struct Side {
    paused: Paused,
    /// What is known of the stream behind the sample, which opens the fast path.
    open: Recogniser,
    out: Out,
}

impl Side {
    fn new(sample: &str, options: &IngestOptions, paths: Paths) -> Self {
        let mut out = Out::default();
        let mut run = Run::new("input", options, &mut out).with_paths(paths);
        read(&mut run, &[sample.as_bytes(), b"\n"].concat());
        let open = run.reader.state.recogniser.clone();
        Self { paused: run.pause(), open, out }
    }
}

/// Reads `lines`, behind a first line, as a file is read. Lines are read where they lie on both paths: a file's buffer
/// for each input would cost more than the reading.
fn read(run: &mut Run<'_>, lines: &[u8]) {
    let (bytes, count) = run.lines(lines, 2);
    if let Some(rest) = lines.get(bytes..).filter(|rest| !rest.is_empty()) {
        read_frames(&mut Frames::behind(1 + count, rest), &Counters::default(), run);
    }
}

/// Both readings, of inputs of one format.
pub struct Pair {
    format: &'static str,
    sample: &'static str,
    options: IngestOptions,
    /// Of the batch at hand.
    inputs: Vec<Vec<u8>>,
    sides: Option<(Side, Side)>,
    account: Account,
}

/// How much has been read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Inputs.
    pub inputs: u64,
    /// Records in them, on either path.
    pub records: u64,
    /// Those that the fast path took.
    pub fast: u64,
}

impl Pair {
    /// A pair for the format with this id.
    #[must_use]
    pub fn new(format: &'static str) -> Self {
        let options = IngestOptions {
            formats: Formats::default(),
            sources: Vec::new(),
            key: FingerprintKey::for_tests(),
        };
        Self {
            format,
            sample: sample(format),
            options,
            inputs: Vec::new(),
            sides: None,
            account: Account::default(),
        }
    }

    /// How much has been read so far.
    #[must_use]
    pub fn account(&self) -> Account {
        self.account
    }

    /// Reads one input on both paths.
    ///
    /// # Panics
    /// When they differ, at the latest at the end of its batch.
    pub fn read(&mut self, input: &[u8]) {
        let (fast, strict) = self.sides.take().unwrap_or_else(|| self.begin());
        self.inputs.push([input, b"\n"].concat());
        let lines = self.inputs.last().map_or(input, Vec::as_slice);
        let (mut out, mut other_out) = (fast.out, strict.out);
        let (mut run, mut other) = (fast.paused.go_on(&mut out), strict.paused.go_on(&mut other_out));
        for (run, open) in [(&mut run, &fast.open), (&mut other, &strict.open)] {
            run.reader.state.recogniser.clone_from(open);
        }
        let before = (run.records(), FAST_RECORDS.get());
        read(&mut run, lines);
        self.account.fast += FAST_RECORDS.get() - before.1;
        self.account.records += run.records() - before.0;
        self.account.inputs += 1;
        read(&mut other, lines);
        let is_equal = run.reader.state.read == other.reader.state.read;
        let goes_on = is_equal && self.inputs.len() < BATCH_INPUTS && run.reader.state.redactor.is_idle();
        let (paused, other) = (run.pause(), other.pause());
        let fast = Side { paused, open: fast.open, out };
        self.sides = Some((fast, Side { paused: other, open: strict.open, out: other_out }));
        if !goes_on {
            self.finish();
        }
    }

    /// Ends the batch at hand.
    ///
    /// # Panics
    /// When the paths differ.
    pub fn finish(&mut self) {
        let Some((mut fast, mut strict)) = self.sides.take() else { return };
        let ends = (
            fast.paused.go_on(&mut fast.out).finish(&Counters::default()),
            strict.paused.go_on(&mut strict.out).finish(&Counters::default()),
        );
        if ends.0 != ends.1 || fast.out != strict.out {
            self.blame();
        }
        self.inputs.clear();
    }

    fn begin(&self) -> (Side, Side) {
        let side = |paths| Side::new(self.sample, &self.options, paths);
        (side(Paths::Both), side(Paths::StrictOnly))
    }

    /// Names the input on which the paths differ.
    ///
    /// # Panics
    /// Always.
    fn blame(&self) {
        for input in &self.inputs {
            differential(self.format, input);
        }
        differential(self.format, &self.inputs.concat());
        let inputs: Vec<String> = self.inputs.iter().map(|input| input.escape_ascii().to_string()).collect();
        assert!(inputs.is_empty(), "fast and strict differ, though only over all of: {inputs:#?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(format: &'static str, inputs: &[&str]) -> Account {
        let mut pair = Pair::new(format);
        for _ in 0..BATCH_INPUTS {
            inputs.iter().for_each(|input| pair.read(input.as_bytes()));
        }
        pair.account()
    }

    /// Scenario: the samples of all fast formats over several batches, with another format's record and an unfinished
    /// document between them. Guarantees: both paths agree, and the fast one is open for each input anew.
    #[test]
    fn each_input_finds_the_fast_path_open() {
        let other = r#"{"log":"x","stream":"stdout","time":"2026-03-01T10:00:00Z"}"#;
        for fast in crate::fast::FAST {
            let sample = fast.sample;
            let Account { inputs, records, fast: taken } =
                account(fast.id, &[sample, other, "{\"open\":", sample]);
            assert_eq!(inputs, 4 * BATCH_INPUTS as u64);
            assert!(records >= inputs, "{records} records of {}", fast.id);
            assert_eq!(taken, 2 * BATCH_INPUTS as u64, "{}", fast.id);
        }
    }

    /// Scenario: a pair whose readings do not see the same. Guarantees: it is noticed.
    #[test]
    #[should_panic(expected = "fast and strict differ")]
    fn differences_are_noticed() {
        let mut pair = Pair::new("envoy");
        pair.read(b"{}");
        let (_, strict) = pair.sides.as_mut().expect("a batch is open");
        strict.out.letters.clear();
        (0..BATCH_INPUTS).for_each(|_| pair.read(b""));
    }
}

//! Plain records of JSON, straight into the columns.
//!
//! In: a line of a stream, and the formats that the stream has had. Out: rows in the columns, or the news that the strict
//! path has to read the line. Owns: which fast decoder is tried: that of the last record's format first, then those of the
//! others, since no other format knows anything of a record that one of them takes.
//! Law FLOW-2: fast ≡ strict, byte for byte, in every column, and in which format the next record is taken for.

use super::{Decoder, FAST_RECORDS, State};
use crate::fast::{Fast, Fate, Line, MAX_SLOTS, Slot, Strict, Walker, content_of};
use crate::pipeline::{IngestSink, Paths};
use crate::redact::Clean;

/// A record that fits the shape of a format.
#[derive(Clone, Copy)]
struct Walked<'s, 'r> {
    /// Of the format.
    index: usize,
    fast: &'static Fast,
    slots: &'s [Slot<'r>],
    text: &'r str,
    /// Whether there are blanks between its tokens.
    spaced: bool,
    /// Of its line, or of its message.
    number: u64,
    /// Where its secrets are replaced: the hash of its content as it came.
    content: Option<[u8; 32]>,
}

impl State {
    /// Whether the format of some record of this stream has a fast decoder.
    pub(super) fn has_fast(&self) -> bool {
        self.paths != Paths::StrictOnly && self.decoders.values().any(|decoder| decoder.fast.is_some())
    }

    /// The fast decoder of the last record's format, or the only one, where no other format could be surer of the records
    /// that it takes.
    fn fast(&self) -> Option<(usize, &'static Fast)> {
        let (index, confidence) = self.expected()?;
        let decoder = self.decoders.get(&index)?;
        decoder.fast.filter(|fast| confidence <= fast.confidence).map(|fast| (index, fast))
    }

    /// The format that the next record is taken for first, and how sure it has to be.
    pub(super) fn expected(&self) -> Option<(usize, u8)> {
        self.labelling.format.map(|index| (index, 0)).or_else(|| self.recogniser.last())
    }

    /// The formats that this stream has besides, where they are recognised and no mapping may be meant.
    pub(super) fn others(&self) -> impl Iterator<Item = (usize, &Decoder)> {
        let is_open = self.labelling.format.is_none() && !self.formats.has_mappings();
        let expected = self.expected().filter(|_| is_open);
        let last = expected.map(|(index, _)| index);
        let others = self.decoders.iter().filter(move |(index, _)| last.is_some_and(|last| last != **index));
        others.map(|(index, decoder)| (*index, decoder))
    }

    /// Reads one plain record at the walker's place; gives the place behind its line.
    pub(super) fn fast_line(
        &mut self,
        walker: &Walker<'_>,
        number: u64,
        sink: &mut dyn IngestSink,
    ) -> Option<usize> {
        // A mapping may be meant by any record of JSON, and is asked before.
        let is_alone = self.labelling.format.is_some() || !self.formats.has_mappings();
        if self.paths == Paths::StrictOnly || !is_alone || !walker.is_at_object() {
            return None;
        }
        let key = walker.first_key()?;
        let mut slots = [Slot::Absent; MAX_SLOTS];
        let mut at = walker.clone();
        let mut is_tried = false;
        let mut fits = |fast: &Fast| {
            if !fast.shape.may_begin_with(key) {
                return false;
            }
            if std::mem::replace(&mut is_tried, true) {
                at = walker.clone();
                slots = [Slot::Absent; MAX_SLOTS];
            }
            at.object(fast.shape, &mut slots).is_some()
        };
        let last = self.fast().filter(|(_, fast)| fits(fast));
        let fitting = last.or_else(|| {
            let mut others = self.others().filter_map(|(index, other)| Some((index, other.fast?)));
            others.find(|(_, fast)| fits(fast))
        });
        let (index, fast) = fitting?;
        let end = at.line_end()?;
        let walked = Walked {
            index,
            fast,
            slots: slots.get(..fast.slots)?,
            text: at.text_from(walker.at())?,
            spaced: at.spaced(),
            number: self.place.number(number),
            content: None,
        };
        let fate = match self.read_walked(&walked, sink) {
            Ok(fate) => fate,
            Err(clean) => self.read_clean(clean?, &walked, sink)?,
        };
        self.decoders.get_mut(&index)?.records += 1;
        self.recognised(index, fast.confidence);
        self.count(fate);
        Some(end)
    }

    /// Reads a record; where it is not plain, gives what it is without its secrets, if that is why.
    fn read_walked(
        &mut self,
        walked: &Walked<'_, '_>,
        sink: &mut dyn IngestSink,
    ) -> Result<Fate, Option<Clean>> {
        let decoder = self.decoders.get_mut(&walked.index).ok_or(None)?;
        let mut line = Line {
            text: walked.text,
            spaced: walked.spaced,
            number: walked.number,
            bare: self.paths == Paths::ColumnsOnly,
            identity: self.formats.get(walked.index).ok_or(None)?.identity(),
            content: walked.content,
            clean: None,
            label: &decoder.label,
            pods: decoder.decode.seen_pods(),
            scratch: &mut self.scratch,
            redactor: &mut self.redactor,
            occurrences: &mut self.occurrences,
            outbox: &mut self.outbox,
            sink,
        };
        (walked.fast.read)(walked.slots, &mut line).map_err(|Strict| line.clean.take())
    }

    /// Reads a record whose secrets are replaced, where it is as plain as it was with them. What it was as it came gives
    /// its identity.
    fn read_clean(&mut self, clean: Clean, came: &Walked<'_, '_>, sink: &mut dyn IngestSink) -> Option<Fate> {
        let mut marks = std::mem::take(&mut self.marks);
        marks.read(clean.text.as_bytes());
        let mut slots = [Slot::Absent; MAX_SLOTS];
        let mut walker = Walker::new(&clean.text, &marks, 0);
        let is_plain =
            walker.object(came.fast.shape, &mut slots).is_some() && walker.at() == clean.text.len();
        let walked = Walked {
            slots: slots.get(..came.fast.slots)?,
            text: &clean.text,
            spaced: walker.spaced(),
            content: Some(content_of(came.text, came.spaced)),
            ..*came
        };
        let fate = if is_plain { self.read_walked(&walked, sink).ok() } else { None };
        self.marks = marks;
        if fate.is_some() {
            self.redactor.has_passed(clean);
        }
        fate
    }

    /// A record was of this format, as sure as it can be.
    pub(super) fn recognised(&mut self, index: usize, confidence: u8) {
        if self.labelling.format.is_none() {
            self.recogniser.knew(index, confidence);
        }
    }

    /// Counts a record of the fast path.
    pub(super) fn count(&mut self, fate: Fate) {
        FAST_RECORDS.with(|count| count.set(count.get() + 1));
        match fate {
            Fate::Decoded => {
                self.read.count.read += 1;
                self.read.count.decoded += 1;
            }
            Fate::Skipped(name) => self.skip(name),
        }
    }
}

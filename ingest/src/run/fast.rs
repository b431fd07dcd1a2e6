//! Plain records of JSON, straight into the columns.
//!
//! In: a line of a stream, and the formats that the stream has had. Out: rows in the columns, or the news that the strict
//! path has to read the line. Owns: which fast decoder is tried: that of the last record's format first, then those of the
//! others, since no other format knows anything of a record that one of them takes.
//! Law FLOW-2: fast ≡ strict, byte for byte, in every column, and in which format the next record is taken for.

use super::{Decoder, FAST_RECORDS, State};
use crate::fast::{Fast, Fate, Line, MAX_SLOTS, Slot, Walker};
use crate::pipeline::{IngestSink, Paths};

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
        let decoder = self.decoders.get_mut(&index)?;
        let mut line = Line {
            text: at.text_from(walker.at())?,
            spaced: at.spaced(),
            number: self.place.number(number),
            bare: self.paths == Paths::ColumnsOnly,
            identity: self.formats.get(index)?.identity(),
            label: &decoder.label,
            pods: decoder.decode.seen_pods(),
            scratch: &mut self.scratch,
            redactor: &mut self.redactor,
            occurrences: &mut self.occurrences,
            outbox: &mut self.outbox,
            sink,
        };
        let fate = (fast.read)(slots.get(..fast.slots)?, &mut line).ok()?;
        decoder.records += 1;
        self.recognised(index, fast.confidence);
        self.count(fate);
        Some(end)
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

//! Plain lines of a text format, straight to their decoder.
//!
//! In: a line of a stream whose format is known. Out: rows, or the news that the strict path has to read the line.
//! Owns: what is left out: the beginning of the line rules out JSON and envelopes, the decoder itself recognises what it
//! takes, and its rows do not have the identity of the line. Secrets are looked for as ever.
//! Law FLOW-2: fast ≡ strict, byte for byte, in every column.

use offbound_schemas::EventId;

use super::State;
use crate::decode::{Envelope, Record};
use crate::fast::{self, PlainText};
use crate::pipeline::{IngestSink, Paths};

impl State {
    /// The way to read plain lines of this stream's format, where no other format could be surer of them.
    pub(super) fn plain_text(&self) -> Option<(usize, &'static PlainText)> {
        let recognised = || self.recogniser.last();
        let (index, confidence) = self.labelling.format.map(|index| (index, 0)).or_else(recognised)?;
        let format = self.formats.get(index)?;
        let plain = fast::text_of_format(format.id()).filter(|plain| confidence <= plain.confidence)?;
        let may = self.paths != Paths::StrictOnly && self.decoders.contains_key(&index);
        may.then_some((index, plain))
    }

    /// Reads a line without its break, if it is plain.
    pub(super) fn plain_line(&mut self, line: &str, number: u64, sink: &mut dyn IngestSink) -> bool {
        let Some((index, plain)) = self.plain_text() else { return false };
        if !plain.beginnings.iter().any(|beginning| line.starts_with(beginning)) {
            return false;
        }
        let Some(decoder) = self.decoders.get_mut(&index) else { return false };
        let record = Record {
            text: line,
            json: None,
            envelope: &Envelope::default(),
            source: &decoder.label,
            location: self.scratch.place(self.place.number(number)),
            event_id: EventId::default(),
        };
        let (redactor, is_bare) = (&mut self.redactor, self.paths == Paths::ColumnsOnly);
        let mut is_clean = || is_bare || redactor.is_clean(line);
        let Some(fate) = decoder.decode.decode_plain(&record, &mut is_clean, &mut self.rows) else {
            return false;
        };
        decoder.records += 1;
        self.occurrences.pass();
        self.count(fate);
        self.take_rows(sink);
        true
    }
}

//! Plain lines of a text format, straight to their decoder.
//!
//! In: a line of a stream whose format is known. Out: rows, or the news that the strict path has to read the line.
//! Owns: what is left out: the beginning of the line rules out JSON and envelopes, the decoder itself recognises what it
//! takes, and its rows do not have the identity of the line. Secrets are looked for as ever.
//! Law FLOW-2: fast ≡ strict, byte for byte, in every column.

use offbound_schemas::EventId;

use super::State;
use crate::decode::{Envelope, Record};
use crate::fast::PlainText;
use crate::pipeline::{IngestSink, Paths};

impl State {
    /// Whether the format of some record of this stream is one whose plain lines are read without recognition.
    pub(super) fn has_plain(&self) -> bool {
        self.paths != Paths::StrictOnly && self.decoders.values().any(|decoder| decoder.plain.is_some())
    }

    /// The format that a line is plain in: that of the last record, where no other could be surer, or another of the
    /// stream's.
    fn plain_format(&self, line: &str) -> Option<(usize, &'static PlainText)> {
        let (index, confidence) = self.expected()?;
        let is_plain =
            |plain: &&'static PlainText| plain.beginnings.iter().any(|beginning| line.starts_with(beginning));
        let expected = self.decoders.get(&index).and_then(|decoder| decoder.plain);
        if let Some(plain) = expected.filter(is_plain) {
            return (confidence <= plain.confidence).then_some((index, plain));
        }
        let mut others = self.others().filter_map(|(index, other)| Some((index, other.plain?)));
        others.find(|(_, plain)| is_plain(plain))
    }

    /// Reads a line without its break, if it is plain.
    pub(super) fn plain_line(&mut self, line: &str, number: u64, sink: &mut dyn IngestSink) -> bool {
        let plain = if self.paths == Paths::StrictOnly { None } else { self.plain_format(line) };
        let Some((index, plain)) = plain else { return false };
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
        self.recognised(index, plain.confidence);
        self.occurrences.pass();
        self.count(fate);
        self.take_rows(sink);
        true
    }
}

//! Reading of messages: values that come one by one, each with an offset, from a partition that has no end.
//!
//! In: the value of one message. Out: what its records give, with `topic/partition/offset` as their place.
//! Owns: what a message may be (a record, lines, a document, any of them compressed; nothing at all), and up to which
//! message everything is out ([`Mark`]). A message that is no text is one dead letter, and the next one is read.

use std::sync::Arc;

use offbound_schemas::EventBuilder;

use super::turns::Offered;
use super::{Paused, Piece, Place, Run};
use crate::decode::Held;
use crate::frame::{self, Frames, MAX_LINE_BYTES};
use crate::identity::Occurrences;
use crate::label::Labelling;
use crate::open::{self, Counters, Fault};
use crate::pipeline::{IngestOptions, IngestSink, read_frames, refusal};

/// Skip of a message without a value: it says that its key is gone.
const TOMBSTONE: &str = "tombstone";

/// Which records a partition has.
#[derive(Debug, Clone)]
pub(crate) struct Partition<'t> {
    pub(crate) topic: &'t Arc<str>,
    pub(crate) partition: i32,
    /// Id of the format that all of them have.
    pub(crate) format: Option<&'t str>,
    /// Instance, for labels.
    pub(crate) instance: Option<&'t str>,
}

impl Paused {
    /// A reading of a partition of which nothing is read yet.
    pub(crate) fn of_partition(partition: &Partition<'_>, options: &IngestOptions) -> Self {
        let Partition { topic, partition, format, instance } = *partition;
        let place = Place {
            location: format!("{topic}/{partition}").into(),
            source: Arc::clone(topic),
            stem: Arc::clone(topic),
            offset: Some(0),
        };
        let index = format.and_then(|id| options.formats.position(id));
        let labelling = Labelling::new(index, instance.map(str::to_owned));
        let mut nobody = Nobody;
        Run::of(place, labelling, options, &mut nobody).pause()
    }
}

/// Hears nothing, while nothing is read.
struct Nobody;

impl IngestSink for Nobody {
    fn rows(&mut self, _rows: offbound_schemas::EventBatch) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, _letter: offbound_schemas::table::DeadLetter) {}

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// How much had been begun, by everybody who may hold something back, when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    unfold: u64,
    /// By index of the format, those that have begun anything.
    decoders: Vec<(usize, u64)>,
}

impl Run<'_> {
    /// Reads one message.
    pub(super) fn message(&mut self, (value, offset): Offered<'_>) {
        self.reader.state.place.offset = Some(offset);
        match value {
            None => self.reader.state.skip(TOMBSTONE),
            Some([]) => {
                let detail = "a message with an empty value holds no record".to_owned();
                self.refuse(&Piece::of(&[]), "empty-message", detail);
            }
            Some(value) if value.trim_ascii().is_empty() => self.reader.state.skip("blank"),
            Some(value) => self.value(value),
        }
    }

    fn value(&mut self, value: &[u8]) {
        if open::is_compressed(value) {
            return self.compressed(value);
        }
        if std::str::from_utf8(value).is_err()
            && let Some(fault) = refusal(value)
        {
            let head = value.get(..crate::text::SAMPLE_BYTES).unwrap_or(value);
            let piece = Piece { length: value.len() as u64, ..Piece::of(head) };
            return self.refuse(&piece, fault.reason, fault.detail);
        }
        let line = value.strip_suffix(b"\n").unwrap_or(value);
        let is_line = line.len() <= MAX_LINE_BYTES && memchr::memchr(b'\n', line).is_none();
        if !is_line || line.starts_with(b"\xef\xbb\xbf") {
            return read_frames(&mut Frames::behind(0, value), &Counters::default(), self);
        }
        if self.may_go_fast() && self.fast_line(line) {
            return;
        }
        if frame::stands_alone(line) {
            self.document(line.strip_suffix(b"\r").unwrap_or(line), 1);
        } else {
            read_frames(&mut Frames::behind(0, value), &Counters::default(), self);
        }
    }

    /// Reads one line on the fast path, which wants its break; says whether that was all of it.
    fn fast_line(&mut self, line: &[u8]) -> bool {
        let mut text = std::mem::take(&mut self.reader.line);
        text.clear();
        text.extend_from_slice(line);
        text.push(b'\n');
        let (bytes, _lines) = self.lines(&text, 1);
        let is_read = bytes == text.len();
        self.reader.line = text;
        is_read
    }

    fn compressed(&mut self, value: &[u8]) {
        match open::open(value) {
            Ok((reader, counters)) => read_frames(&mut Frames::behind(0, reader), &counters, self),
            Err(error) => {
                let Fault { reason, detail } = Fault::of(&error);
                self.refuse(&Piece::of(value), reason, detail);
            }
        }
    }

    /// Uses the numbers of equal records of the whole topic while its messages are read here; used again, gives them
    /// back.
    pub(crate) fn swap_occurrences(&mut self, topic: &mut Occurrences) {
        std::mem::swap(&mut self.reader.state.occurrences, topic);
    }

    /// Gathers rows behind those of other partitions while messages are read here; used again, gives all of them back.
    pub(crate) fn swap_rows(&mut self, others: (&mut Box<EventBuilder>, &mut usize)) {
        self.reader.state.outbox.swap(others);
    }

    /// Sends the rows that are gathered; nothing that is held back.
    #[cfg(test)]
    pub(crate) fn flush(&mut self) {
        self.reader.state.outbox.flush(self.sink);
    }

    /// Remembers what has been begun so far.
    pub(crate) fn mark(&self) -> Mark {
        let decoders = self.reader.state.decoders.iter();
        let begun = decoders.map(|(index, decoder)| (*index, decoder.decode.held().begun));
        Mark {
            unfold: self.reader.unfold.held().begun,
            decoders: begun.filter(|(_, begun)| *begun > 0).collect(),
        }
    }

    /// Whether everything that had been begun then is out.
    pub(crate) fn is_settled(&self, mark: &Mark) -> bool {
        let Mark { unfold, decoders } = mark;
        let known = &self.reader.state.decoders;
        let is_out = |(index, begun): &(usize, u64)| {
            known.get(index).is_some_and(|decoder| {
                let Held { settled, begun: _ } = decoder.decode.held();
                settled >= *begun
            })
        };
        self.reader.unfold.held().settled >= *unfold && decoders.iter().all(is_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FingerprintKey;
    use crate::fuzzing::{Collector, check_count};

    fn options() -> IngestOptions {
        let formats = crate::Formats::default();
        IngestOptions { formats, sources: Vec::new(), key: FingerprintKey::for_tests() }
    }

    fn read(values: &[Option<&[u8]>]) -> (Collector, offbound_schemas::record::SourceCount) {
        read_as(None, values)
    }

    fn read_as(
        format: Option<&str>,
        values: &[Option<&[u8]>],
    ) -> (Collector, offbound_schemas::record::SourceCount) {
        let options = options();
        let topic = Arc::from("audit");
        let partition = Partition { topic: &topic, partition: 3, format, instance: None };
        let mut out = Collector::default();
        let mut run = Paused::of_partition(&partition, &options).go_on(&mut out);
        (0..).zip(values).for_each(|(offset, value)| run.message((*value, offset)));
        run.settle();
        let count = run.take_read().count;
        drop(run);
        check_count(&count, &out);
        (out, count)
    }

    /// Scenario: one record in three messages, each an event of its own, refused under a wrong format, and all read again from
    /// their dead letters. Guarantees: each row has the place of its message, and the id that it has when read rightly.
    #[test]
    fn letters_keep_their_place() {
        let envoy = crate::decode::FORMATS.iter().find(|format| format.id == "envoy");
        let sample =
            envoy.and_then(|format| format.sample.lines().next()).expect("Envoy is a format").as_bytes();
        let messages = [Some(sample); 3];
        let (wrong, _) = read_as(Some("keycloak"), &messages);
        let places: Vec<&str> = wrong.letters.iter().map(|letter| letter.location.as_str()).collect();
        assert_eq!(places, ["audit/3/0", "audit/3/1", "audit/3/2"]);
        let (mut out, options) = (Collector::default(), options());
        let mut reader = crate::LetterReader::new("audit", &options, &mut out);
        wrong.letters.iter().for_each(|letter| reader.read(letter));
        let count = reader.finish().count;
        assert_eq!((count.location.as_str(), count.read), ("audit", 3));
        let (expected, _) = read(&messages);
        let ids: std::collections::BTreeSet<_> = expected.event_ids().into_iter().collect();
        assert_eq!(ids.len(), 3);
        assert_eq!(out, expected);
    }

    /// Scenario: messages that hold no record, noise, and other encodings, between two sound ones. Guarantees: each is a
    /// named skip or one dead letter with its place; the sound ones are read.
    #[test]
    fn poison() {
        let sound = br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"u"},"stageTimestamp":"2026-03-01T10:00:00.000000Z","requestReceivedTimestamp":"2026-03-01T10:00:00.000000Z"}"#;
        let noise: Vec<u8> =
            (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let utf16: Vec<u8> = "\u{feff}{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cut_gzip = [0x1f, 0x8b, 8, 0, 0];
        let values: [Option<&[u8]>; 9] = [
            Some(sound),
            None,
            Some(b""),
            Some(b" \n"),
            Some(&noise),
            Some(&utf16),
            Some(&cut_gzip),
            Some(b"what is this"),
            Some(sound),
        ];
        let (out, count) = read(&values);
        let letters: Vec<(&str, &str)> =
            out.letters.iter().map(|letter| (letter.reason.as_str(), letter.location.as_str())).collect();
        let expected = [
            ("empty-message", "audit/3/2"),
            ("binary-file", "audit/3/4"),
            ("utf-16", "audit/3/5"),
            ("truncated-gzip", "audit/3/6"),
            ("unknown-format", "audit/3/7"),
        ];
        assert_eq!(letters, expected);
        assert!(out.letters.iter().all(|letter| letter.source == "audit"));
        assert_eq!((count.location.as_str(), count.read), ("audit", 9));
        assert_eq!(count.skipped.keys().collect::<Vec<_>>(), ["blank", "tombstone"]);
        let places: Vec<&str> =
            out.rows.identity_assertions.iter().map(|row| row.location.as_str()).collect();
        assert_eq!(places, ["audit/3/0", "audit/3/8"]);
    }
}

//! One record on the fast path: what its decoder sees of it, and where its rows go.
//!
//! In: the text of a record and the state of its stream. Out: rows in the columns.
//! Owns: the order of the steps: a decoder first makes sure that it knows everything it will write; then
//! [`Line::commit`] proves the record free of secrets and gives its identity; from then on nothing can fail.
//! A record that has secrets is walked and read a second time, without them.

use offbound_schemas::table::identity_assertions::Builder;
use offbound_schemas::{EventId, EventTime};

use super::Fate;
use super::slot::Strict;
use crate::decode::{Envelope, Identity, MAX_RAW_BYTES, Record, Seen, SeenPods, cut, row_id};
use crate::identity::{Occurrences, content_hash, hash};
use crate::outbox::Outbox;
use crate::pipeline::IngestSink;
use crate::redact::{Clean, Redactor};
use crate::run::SECRET_REDACTED;

/// Text under construction, kept from record to record.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// For the `unmapped` column.
    pub(crate) unmapped: String,
    /// For texts that are put together.
    pub(crate) first: String,
    location: String,
    path_bytes: usize,
}

impl Scratch {
    /// Scratch for the records of one input, whose places begin with `prefix`.
    pub(crate) fn of(prefix: &str) -> Self {
        Self { path_bytes: prefix.len(), location: prefix.to_owned(), ..Self::default() }
    }

    /// The prefix and the number of a line.
    pub(crate) fn place(&mut self, line: u64) -> &str {
        self.location.truncate(self.path_bytes);
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        let mut rest = line;
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            first = at;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let digits = digits.get(first..).unwrap_or_default();
        self.location.push_str(std::str::from_utf8(digits).unwrap_or_default());
        &self.location
    }
}

/// Writes a row of assertions; the text is for what is put together.
type Write<'w> = dyn Fn(&mut Builder, usize, &mut String) + 'w;

/// A record, and the state of the stream that it is from.
pub(crate) struct Line<'a, 'r> {
    pub(crate) text: &'r str,
    /// Whether there are blanks between its tokens.
    pub(crate) spaced: bool,
    pub(crate) number: u64,
    /// Only decode: see [`crate::pipeline::Paths::ColumnsOnly`].
    pub(crate) bare: bool,
    pub(crate) identity: Identity,
    /// Of a record whose secrets are replaced: the hash of its content as it came.
    pub(crate) content: Option<[u8; 32]>,
    /// The record without the secrets that were found in it.
    pub(crate) clean: Option<Clean>,
    pub(crate) label: &'a str,
    /// What the stream's decoder stated of pods, if it does.
    pub(crate) pods: Option<&'a mut SeenPods>,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) redactor: &'a mut Redactor,
    pub(crate) occurrences: &'a mut Occurrences,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) sink: &'a mut dyn IngestSink,
}

/// The hash of a record's content; whether there are blanks between its tokens.
pub(crate) fn content_of(text: &str, spaced: bool) -> [u8; 32] {
    if spaced { content_hash(text, true, false) } else { hash(text) }
}

impl Line<'_, '_> {
    /// The record's identity, if it is sure to hold no secret. After this the record must be read to its end.
    #[inline]
    pub(crate) fn commit(&mut self) -> Result<EventId, Strict> {
        if self.bare {
            return Ok(EventId::default());
        }
        let content = match self.content {
            Some(content) => content,
            None => {
                self.clean = self.redactor.clean(self.text);
                if self.clean.is_some() {
                    return Err(Strict);
                }
                content_of(self.text, self.spaced)
            }
        };
        self.scratch.place(self.number);
        Ok(self.occurrences.event_id(self.identity, &content, &[self.label, ""]))
    }

    /// What the remarks of its assertions end with.
    #[inline]
    pub(crate) fn remark(&self) -> Option<&'static str> {
        self.content.map(|_| SECRET_REDACTED)
    }

    /// Writes an assertion: `unmapped` gives the text of that column and may still refuse, `write` cannot fail.
    #[inline]
    pub(crate) fn assertion(
        &mut self,
        event_time: EventTime,
        unmapped: impl for<'t> FnOnce(&'t mut String) -> Result<Option<&'t str>, Strict>,
        write: impl FnOnce(&mut Builder, usize, &mut String),
    ) -> Result<Fate, Strict> {
        self.assertions(event_time, unmapped, write, None)
    }

    /// The same, and a second assertion of the record, which has no text in the column of what is unmapped.
    #[inline]
    pub(crate) fn assertions(
        &mut self,
        event_time: EventTime,
        unmapped: impl for<'t> FnOnce(&'t mut String) -> Result<Option<&'t str>, Strict>,
        write: impl FnOnce(&mut Builder, usize, &mut String),
        second: Option<&Write<'_>>,
    ) -> Result<Fate, Strict> {
        let mut text = std::mem::take(&mut self.scratch.unmapped);
        let done = unmapped(&mut text).and_then(|text| Ok((self.commit()?, text))).map(|(event_id, text)| {
            let row = self.begin_assertion(event_id, event_time);
            let columns = &mut self.outbox.columns.identity_assertions;
            write(columns, row, &mut self.scratch.first);
            if let Some(text) = text {
                columns.unmapped.put_text(row, text);
            }
            self.end_assertion(row, event_time);
            if let Some(second) = second {
                let row = self.begin_assertion(row_id(event_id, 1), event_time);
                second(&mut self.outbox.columns.identity_assertions, row, &mut self.scratch.first);
                self.end_assertion(row, event_time);
            }
            Fate::Decoded
        });
        self.scratch.unmapped = text;
        done
    }

    /// Begins an assertion: its identity, moment, source, place and raw text.
    #[inline]
    fn begin_assertion(&mut self, event_id: EventId, event_time: EventTime) -> usize {
        let columns = &mut self.outbox.columns.identity_assertions;
        let row = columns.row();
        columns.event_id.put(row, &event_id);
        columns.event_time.put(row, &event_time);
        columns.source.put_text(row, self.label);
        columns.location.put_text(row, &self.scratch.location);
        if !self.bare {
            columns.raw.put_text(row, cut(self.text, MAX_RAW_BYTES));
        }
        row
    }

    /// Begins a host event: its identity, moment, source, place and raw text.
    #[inline]
    pub(crate) fn begin_host_event(&mut self, event_id: EventId, event_time: EventTime) -> usize {
        let columns = &mut self.outbox.columns.host_events;
        let row = columns.row();
        columns.event_id.put(row, &event_id);
        columns.event_time.put(row, &event_time);
        columns.source.put_text(row, self.label);
        columns.location.put_text(row, &self.scratch.location);
        if !self.bare {
            columns.raw.put_text(row, cut(self.text, MAX_RAW_BYTES));
        }
        row
    }

    /// Ends a host event, and states where its pod is, unless that was stated before.
    #[inline]
    pub(crate) fn end_host_event(&mut self, seen: &Seen<'_>) {
        self.outbox.columns.host_events.end_row();
        let (event_id, event_time) = seen.event;
        self.outbox.added(event_time, self.sink);
        let Some(pods) = self.pods.as_deref_mut() else { return };
        let record = Record {
            text: self.text,
            json: None,
            envelope: &Envelope::default(),
            source: self.label,
            location: &self.scratch.location,
            event_id,
        };
        if let Some(placement) = pods.state_seen(&record, seen) {
            self.outbox.columns.placements.append(&placement);
            self.outbox.added(event_time, self.sink);
        }
    }

    /// Ends an assertion of that moment. Decoders put [`Line::remark`] behind remarks of their own.
    #[inline]
    fn end_assertion(&mut self, row: usize, event_time: EventTime) {
        let remark = self.remark();
        let remarks = &mut self.outbox.columns.identity_assertions.trust_flags;
        if let Some(remark) = remark.filter(|_| !remarks.is_set(row)) {
            remarks.put_texts(row, [remark]);
        }
        self.outbox.columns.identity_assertions.end_row();
        self.outbox.added(event_time, self.sink);
    }
}

//! The state of reading one input: decoders, identities, rows on their way out, the count.
//!
//! In: documents and refusals, in order. Out: rows, dead letters, the count. Owns: one decoder per format.
//! Each record is counted exactly once, at the moment its fate is known (law FLOW-1).

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventId, EventRows};
use serde_json::Value;

use crate::decode::{Decode, Envelope, Record, Verdict, cut};
use crate::drift::{Drift, Known};
use crate::fast::{Fast, Marks, PlainText, Scratch, Walker, of_format, text_of_format};
use crate::formats::Formats;
use crate::frame;
use crate::identity::{Occurrences, content_hash};
use crate::json;
use crate::label::{Labelling, stem};
use crate::open::Counters;
use crate::outbox::Outbox;
use crate::pipeline::{IngestOptions, IngestSink, Paths, SourceRead};
use crate::recognise::{self, Recogniser};
use crate::redact::Redactor;
use crate::text;
use crate::unfold::{Leaf, Unfold};

pub(crate) mod again;
#[cfg(feature = "kafka")]
pub(crate) mod message;
pub(crate) mod pair;
pub(crate) mod part;
#[cfg(feature = "kafka")]
pub(crate) mod turns;

use again::Kept;

/// Longest text kept of a dead letter, in bytes.
pub const MAX_LETTER_BYTES: usize = 65_536;
/// Longest detail of a dead letter, in bytes: a few lines on a screen.
const MAX_DETAIL_BYTES: usize = 1_024;
/// Longest end of a cut text that is dropped as part of a torn word, in bytes: longer than any prefix of a secret by
/// which it is known.
const MAX_TORN_BYTES: usize = 512;
/// The version that dead letters name.
pub const PARSER: &str = concat!("offbound-ingest ", env!("CARGO_PKG_VERSION"));
/// Remark on assertions whose record held a secret.
pub(crate) const SECRET_REDACTED: &str = "secret-redacted";
/// Remark on assertions whose record held bytes that are no UTF-8.
const INVALID_UTF8: &str = "invalid-utf8";

mod fast;
mod plain;

thread_local! {
    /// Records that took the fast path in this thread, for those who look into it.
    pub(crate) static FAST_RECORDS: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that could not be read.
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) length: u64,
    pub(crate) line: u64,
}

impl<'a> Piece<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, length: bytes.len() as u64, line: 1 }
    }
}

/// Reading of one input.
pub(crate) struct Run<'a> {
    sink: &'a mut dyn IngestSink,
    reader: Box<Reader>,
}

/// All that one record can know of those before it, and what came of them.
struct Reader {
    unfold: Unfold,
    state: State,
    marks: Marks,
    /// A line with its break, where a message came without.
    #[cfg(feature = "kafka")]
    line: Vec<u8>,
    /// The format of the last message whose beginning did not tell one.
    #[cfg(feature = "kafka")]
    aside: Option<(usize, u8)>,
}

/// A reading that waits for more.
pub(crate) struct Paused(Box<Reader>);

impl Paused {
    /// Goes on.
    pub(crate) fn go_on(self, sink: &mut dyn IngestSink) -> Run<'_> {
        Run { sink, reader: self.0 }
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(location: &str, options: &IngestOptions, sink: &'a mut dyn IngestSink) -> Self {
        Self::of(Place::file(location), Labelling::of(location, &options.sources), options, sink)
    }

    /// Reading of records at some place.
    fn of(place: Place, labelling: Labelling, options: &IngestOptions, sink: &'a mut dyn IngestSink) -> Self {
        let state = State {
            formats: options.formats.clone(),
            scratch: Scratch::of(&place.prefix()),
            place,
            labelling,
            redactor: Redactor::new(options.key.clone()),
            recogniser: Recogniser::default(),
            occurrences: Occurrences::default(),
            decoders: BTreeMap::new(),
            rows: EventRows::default(),
            drift: Drift::default(),
            outbox: Outbox::default(),
            marks: Marks::default(),
            paths: Paths::Both,
            read: SourceRead::default(),
        };
        let unfold = Unfold::of_format(options.formats.clone(), state.labelling.format);
        let reader = Reader {
            unfold,
            state,
            marks: Marks::default(),
            #[cfg(feature = "kafka")]
            line: Vec::new(),
            #[cfg(feature = "kafka")]
            aside: None,
        };
        Self { sink, reader: Box::new(reader) }
    }

    /// The same, with other paths for its records.
    pub(crate) fn with_paths(mut self, paths: Paths) -> Self {
        self.reader.state.paths = paths;
        self
    }

    /// Waits for more.
    pub(crate) fn pause(self) -> Paused {
        Paused(self.reader)
    }

    /// Whether the sink still wants rows.
    pub(crate) fn goes_on(&self) -> bool {
        !self.reader.state.outbox.stopped
    }

    /// Where the input is.
    pub(crate) fn location(&self) -> &Arc<str> {
        &self.reader.state.place.location
    }

    /// Records read so far.
    pub(crate) fn records(&self) -> u64 {
        self.reader.state.read.count.read
    }

    /// Tells the sink how far it is.
    pub(crate) fn report(&mut self, counters: &Counters) {
        self.sink.progress(counters.stored(), self.records());
    }

    /// Reads all records of one document.
    pub(crate) fn document(&mut self, bytes: &[u8], line: u64) {
        let text = text::decode(bytes);
        let Self { sink, reader } = self;
        let Reader { unfold, state, .. } = &mut **reader;
        unfold.document(&text.text, line, &mut |leaf| state.leaf(leaf, text.escaped, *sink));
    }

    /// Whether the records of this stream are of a format that has a fast path.
    pub(crate) fn may_go_fast(&self) -> bool {
        self.reader.state.has_fast() || self.reader.state.has_plain()
    }

    /// Reads whole lines where they lie, up to one that is no document by itself. Gives the bytes and lines read.
    pub(crate) fn lines(&mut self, bytes: &[u8], number: u64) -> (usize, u64) {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => whole_valid_lines(bytes, error.valid_up_to()),
        };
        // Without an index nothing is taken for a plain record of JSON.
        self.reader.marks.read(if self.reader.state.has_fast() { text.as_bytes() } else { &[] });
        let (mut at, mut lines) = (0, 0);
        while at < text.len() && self.goes_on() {
            let Some(end) = self.line(text, at, number + lines) else { break };
            at = end;
            lines += 1;
        }
        (at, lines)
    }

    /// Reads the line at `at`; gives the place behind it, or nothing where it may go on in the next line.
    fn line(&mut self, text: &str, at: usize, number: u64) -> Option<usize> {
        let walker = Walker::new(text, &self.reader.marks, at);
        if let Some(end) = self.reader.state.fast_line(&walker, number, self.sink) {
            return Some(end);
        }
        let rest = text.get(at..)?;
        let length = memchr::memchr(b'\n', rest.as_bytes())?;
        let line = rest.get(..length)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if self.reader.state.plain_line(line, number, self.sink) {
            return Some(at + length + 1);
        }
        if !frame::stands_alone(line.as_bytes()) {
            return None;
        }
        if !line.as_bytes().trim_ascii().is_empty() {
            self.document(line.as_bytes(), number);
        }
        Some(at + length + 1)
    }

    /// Counts and reports something that is not read.
    pub(crate) fn refuse(&mut self, piece: &Piece<'_>, reason: &'static str, detail: String) {
        let text = text::decode(piece.bytes).text;
        let letter = Letter { length: piece.length, ..Letter::of(&text, piece.line, reason, detail) };
        let letter = self.reader.state.redacted(letter, piece.length > piece.bytes.len() as u64);
        self.reader.state.dead_letter(letter, self.sink);
    }

    /// Ends the input: pieces and gathered rows come out, the count is complete.
    pub(crate) fn finish(mut self, counters: &Counters) -> SourceRead {
        self.settle();
        self.report(counters);
        let mut read = self.take_read();
        read.bytes = counters.plain();
        read
    }

    /// Everything that is held back comes out, and gathered rows; reading may go on.
    pub(crate) fn settle(&mut self) {
        let Self { sink, reader } = self;
        let Reader { unfold, state, .. } = &mut **reader;
        unfold.finish(&mut |leaf| state.leaf(leaf, false, *sink));
        state.finish_decoders(*sink);
    }

    /// The account since the last time; its bytes are not known here.
    pub(crate) fn take_read(&mut self) -> SourceRead {
        let State { read, outbox, drift, decoders, place, .. } = &mut self.reader.state;
        let mut read = std::mem::take(read);
        (read.from, read.to) = outbox.take_times();
        read.count.unmapped = std::mem::take(drift).into_counts();
        read.count.location = place.source.to_string();
        read.count.format = main_format(decoders);
        read
    }
}

/// A record that could not be read, on its way out.
struct Letter<'t> {
    text: Cow<'t, str>,
    length: u64,
    line: u64,
    reason: &'static str,
    detail: String,
    label: Option<String>,
    /// What it takes to read it again; none where the record is not there as a whole.
    kept: Option<Kept>,
}

impl<'t> Letter<'t> {
    fn of(text: &'t str, line: u64, reason: &'static str, detail: String) -> Self {
        Self { text: text.into(), length: text.len() as u64, line, reason, detail, label: None, kept: None }
    }
}

/// A text that was cut, up to its last whole word.
fn without_torn_word(text: &str) -> &str {
    let least = text.floor_char_boundary(text.len().saturating_sub(MAX_TORN_BYTES));
    let is_separator = |c: char| c.is_whitespace() || "\"'\\,;:{}[]()<>".contains(c);
    let end = text.get(least..).and_then(|tail| tail.rfind(is_separator)).map_or(least, |at| least + at);
    text.get(..end).unwrap_or(text)
}

/// Where records are.
struct Place {
    /// File, or topic and partition.
    location: Arc<str>,
    /// What its account is called: file, or topic.
    source: Arc<str>,
    /// What stands for a label where no format is known.
    stem: Arc<str>,
    /// Offset of the message that the records at hand are in; none in a file.
    offset: Option<u64>,
}

impl Place {
    fn file(location: &str) -> Self {
        let location: Arc<str> = location.into();
        Self { source: Arc::clone(&location), stem: stem(&location).into(), location, offset: None }
    }

    /// Of a message: `topic/partition/offset`; none where the text is no such thing.
    fn message(location: &str) -> Option<Self> {
        let (partition, offset) = location.rsplit_once('/')?;
        let (topic, _number) = partition.rsplit_once('/')?;
        let offset = Some(offset.parse().ok()?);
        Some(Self { location: partition.into(), source: topic.into(), stem: topic.into(), offset })
    }

    /// What stands before the number of a record.
    fn prefix(&self) -> String {
        let separator = if self.offset.is_some() { '/' } else { ':' };
        format!("{}{separator}", self.location)
    }

    /// The number that a record on this line has here.
    fn number(&self, line: u64) -> u64 {
        self.offset.unwrap_or(line)
    }

    /// `path:line`, or `topic/partition/offset`.
    fn of_line(&self, line: u64) -> String {
        format!("{}{}", self.prefix(), self.number(line))
    }
}

struct State {
    formats: Formats,
    place: Place,
    labelling: Labelling,
    redactor: Redactor,
    recogniser: Recogniser,
    occurrences: Occurrences,
    /// By index of the format.
    decoders: BTreeMap<usize, Decoder>,
    /// What the decoder of the record at hand makes.
    rows: EventRows,
    drift: Drift,
    outbox: Outbox,
    scratch: Scratch,
    /// Of the text of a record whose secrets are replaced.
    marks: Marks,
    paths: Paths,
    read: SourceRead,
}

struct Decoder {
    decode: Box<dyn Decode>,
    fast: Option<&'static Fast>,
    plain: Option<&'static PlainText>,
    known: Known,
    label: String,
    records: u64,
}

/// A record on its way to its decoder.
struct Ready<'a> {
    text: &'a str,
    json: Option<&'a Value>,
    envelope: &'a Envelope,
    content: [u8; 32],
    /// Whether it was JSON before its secrets were replaced.
    is_json: bool,
    line: u64,
    flags: Vec<&'static str>,
}

impl State {
    fn leaf(&mut self, leaf: Leaf<'_>, escaped: bool, sink: &mut dyn IngestSink) {
        match leaf {
            Leaf::Skipped(name) => self.skip(name),
            Leaf::Refused { text, reject, envelope, line } => {
                let content = content_hash(&text, false, escaped);
                let letter = self.redacted(Letter::of(&text, line, reject.reason, reject.detail), false);
                let replaced = letter.text != text;
                let kept = Kept { content, envelope, is_json: false, replaced, escaped };
                self.dead_letter(Letter { kept: Some(kept), ..letter }, sink);
            }
            Leaf::Record { text, json, envelope, line } => {
                let content = content_hash(&text, json.is_some(), escaped);
                let clean = self.redactor.redact(&text);
                let is_json = json.is_some();
                let json =
                    if clean.count == 0 { json } else { json.and_then(|_| json::parse(&clean.text).ok()) };
                let flags = [(clean.count > 0, SECRET_REDACTED), (escaped, INVALID_UTF8)];
                let flags = flags.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag)).collect();
                let ready = Ready {
                    text: &clean.text,
                    json: json.as_ref(),
                    envelope: &envelope,
                    content,
                    is_json,
                    line,
                    flags,
                };
                self.record(&ready, sink);
            }
        }
    }

    fn record(&mut self, ready: &Ready<'_>, sink: &mut dyn IngestSink) {
        let location = self.place.of_line(ready.line);
        let Ready { text, json, envelope, .. } = *ready;
        let mut record =
            Record { text, json, envelope, source: "", location: &location, event_id: EventId::default() };
        let index = self.labelling.format.or_else(|| self.recogniser.recognise(&self.formats, &record));
        let Some((index, format)) =
            index.and_then(|index| self.formats.get(index).map(|format| (index, format)))
        else {
            if recognise::is_comment(&record) {
                return self.skip("comment");
            }
            let detail = format!("no known format: {}", recognise::describe(&record));
            let letter = Letter::of(text, ready.line, "unknown-format", detail);
            return self.dead_letter(Letter { kept: Some(Kept::of(ready)), ..letter }, sink);
        };
        let labelling = &self.labelling;
        let decoder = self.decoders.entry(index).or_insert_with(|| Decoder {
            decode: format.decoder(),
            fast: of_format(format.id()),
            plain: text_of_format(format.id()),
            known: Known::of(format),
            label: labelling.label(format),
            records: 0,
        });
        decoder.records += 1;
        let stream = [decoder.label.as_str(), envelope.host.as_deref().unwrap_or_default()];
        record.event_id = self.occurrences.event_id(format.identity(), &ready.content, &stream);
        record.source = &decoder.label;
        let before = self.rows.identity_assertions.len();
        let verdict = decoder.decode.decode(&record, &mut self.rows);
        for assertion in self.rows.identity_assertions.iter_mut().skip(before) {
            ready.flags.iter().for_each(|flag| assertion.trust_flags.push((*flag).to_owned()));
        }
        match decoder.known {
            Known::Keys(keys) => json.iter().for_each(|json| self.drift.keep(keys, json, &mut self.rows)),
            Known::Spoken => self.drift.count(&mut self.rows),
        }
        self.settle(verdict, ready, index, sink);
        self.take_rows(sink);
    }

    fn settle(&mut self, verdict: Verdict, ready: &Ready<'_>, index: usize, sink: &mut dyn IngestSink) {
        match verdict {
            Verdict::Decoded => {
                self.read.count.read += 1;
                self.read.count.decoded += 1;
            }
            Verdict::Skipped(name) => self.skip(name),
            Verdict::Rejected(reject) => {
                let label = self.decoders.get(&index).map(|decoder| decoder.label.clone());
                let letter = Letter::of(ready.text, ready.line, reject.reason, reject.detail);
                self.dead_letter(Letter { label, kept: Some(Kept::of(ready)), ..letter }, sink);
            }
        }
    }

    fn skip(&mut self, name: &'static str) {
        self.read.count.read += 1;
        *self.read.count.skipped.entry(name.to_owned()).or_default() += 1;
    }

    /// A letter without the secrets of a record that was refused before they could be replaced.
    fn redacted<'t>(&mut self, letter: Letter<'t>, is_cut: bool) -> Letter<'t> {
        let detail = self.redactor.redact(&letter.detail).text.into_owned();
        let clean = self.redactor.redact(&letter.text).text.into_owned();
        // Too little of a secret may be left at a cut to know it by.
        let text = if is_cut { without_torn_word(&clean).to_owned() } else { clean };
        Letter { text: text.into(), detail, ..letter }
    }

    /// Counts a record that could not be read, and passes it on. Its secrets are replaced already.
    fn dead_letter(&mut self, letter: Letter<'_>, sink: &mut dyn IngestSink) {
        let Letter { text, length, line, reason, detail, label, kept } = letter;
        let kept = kept.filter(|_| text.len() <= MAX_LETTER_BYTES);
        let (content, context) =
            kept.map(|kept| kept.written(&mut self.redactor.aside())).unwrap_or_default();
        self.read.count.read += 1;
        *self.read.count.dead_lettered.entry(reason.to_owned()).or_default() += 1;
        let location = self.place.of_line(line);
        sink.dead_letter(DeadLetter {
            event_id: EventId::of(&[text.as_bytes(), location.as_bytes()]),
            source: label.unwrap_or_else(|| self.place.stem.to_string()),
            location,
            reason: reason.to_owned(),
            detail: cut(&detail, MAX_DETAIL_BYTES).to_owned(),
            parser: PARSER.to_owned(),
            length,
            bytes: cut(&text, MAX_LETTER_BYTES).to_owned(),
            content,
            context,
        });
    }

    fn finish_decoders(&mut self, sink: &mut dyn IngestSink) {
        for decoder in self.decoders.values_mut() {
            decoder.decode.finish(&mut self.rows);
        }
        self.take_rows(sink);
        self.outbox.flush(sink);
    }

    /// Puts what a decoder made into the columns.
    fn take_rows(&mut self, sink: &mut dyn IngestSink) {
        let EventRows { host_events, identity_assertions, placements } = &mut self.rows;
        for row in host_events.iter() {
            self.outbox.columns.host_events.append(row);
            self.outbox.added(row.event_time, sink);
        }
        for row in identity_assertions.iter() {
            self.outbox.columns.identity_assertions.append(row);
            self.outbox.added(row.event_time, sink);
        }
        for row in placements.iter() {
            self.outbox.columns.placements.append(row);
            self.outbox.added(row.event_time, sink);
        }
        host_events.clear();
        identity_assertions.clear();
        placements.clear();
    }
}

/// The whole lines among the first `valid` bytes, which are UTF-8.
fn whole_valid_lines(bytes: &[u8], valid: usize) -> &str {
    let valid = bytes.get(..valid).unwrap_or_default();
    let length = memchr::memrchr(b'\n', valid).map_or(0, |last| last + 1);
    valid.get(..length).and_then(|lines| std::str::from_utf8(lines).ok()).unwrap_or_default()
}

/// The format that most records have; the earlier one in the list where two have as many.
fn main_format(decoders: &BTreeMap<usize, Decoder>) -> String {
    let most = decoders.values().map(|decoder| decoder.records).max();
    let found = decoders.values().find(|decoder| Some(decoder.records) == most);
    found.map_or_else(|| "unknown".to_owned(), |decoder| decoder.label.clone())
}

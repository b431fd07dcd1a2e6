//! A document to its records: lists taken apart, envelopes peeled, cut lines joined.
//!
//! In: the text of a document and its line. Out: a [`Leaf`] per record. Owns: when to stop peeling, and the pieces of
//! lines that a container runtime cut. A record that a format surely knows, and knows better than what would be left
//! of it, is never taken for an envelope.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::csv::{self, Item};
use crate::decode::{CUT_MARK, Envelope, Inside, Reject};
use crate::envelope::{self, MAX_ENVELOPES, Outer, Payload, octets};
use crate::formats::Formats;
use crate::frame::MAX_LINE_BYTES;
use crate::{json, list, recognise};

/// Most lists inside each other in one envelope: an array of OTLP exports, with resources, with scopes, with records, is four.
const MAX_LISTS: usize = 4;
/// Most levels of envelopes and lists that are looked through to tell a record from its wrapping.
const MAX_LEVELS: usize = MAX_ENVELOPES + MAX_LISTS;
/// Streams whose pieces are joined at a time: two of each container whose log is interleaved with others.
const MAX_STREAMS: usize = 64;
/// Most bytes of all pieces that wait: as much as eight of the longest records.
const MAX_PIECES_BYTES: usize = 8 * MAX_LINE_BYTES;

/// The layer of records of CSV, which become JSON.
pub(crate) const CSV_LAYER: &str = "csv";

/// One record, or what stands for one in the count.
pub(crate) enum Leaf<'a> {
    /// A record to be recognised and decoded.
    Record {
        /// Its text.
        text: Cow<'a, str>,
        /// The same as JSON.
        json: Option<Value>,
        /// What was around it.
        envelope: Envelope,
        /// Line that it starts on.
        line: u64,
    },
    /// A record that cannot be read.
    Refused {
        /// Its text.
        text: Cow<'a, str>,
        /// Why not.
        reject: Reject,
        /// What was around it.
        envelope: Envelope,
        /// Line that it starts on.
        line: u64,
    },
    /// Something that holds no record, by name.
    Skipped(&'static str),
}

/// Takes documents apart; keeps the pieces of cut lines in between.
pub(crate) struct Unfold {
    formats: Formats,
    pub(crate) csv: csv::Stream,
    pieces: BTreeMap<String, Pieces>,
    inside: Inside,
    /// Number of the record of CSV that is open.
    open_csv: Option<u64>,
}

/// The pieces of one line so far.
struct Pieces {
    number: u64,
    text: String,
    envelope: Envelope,
    line: u64,
}

/// How far inside a document a text is.
#[derive(Clone, Copy, Default)]
struct Depth {
    envelopes: usize,
    lists: usize,
}

impl Unfold {
    pub(crate) fn new(formats: Formats) -> Self {
        Self::of_format(formats, None)
    }

    /// For documents whose records all have the format `forced`, where that was said beforehand.
    pub(crate) fn of_format(formats: Formats, forced: Option<usize>) -> Self {
        Self {
            formats,
            csv: csv::Stream::new(forced),
            pieces: BTreeMap::new(),
            inside: Inside::default(),
            open_csv: None,
        }
    }

    /// Gives every record of a document to `leaf`.
    pub(crate) fn document(&mut self, text: &str, line: u64, leaf: &mut dyn FnMut(Leaf<'_>)) {
        match self.csv.take(text, line, &self.formats) {
            Some(items) => {
                items.into_iter().for_each(|item| leaf(of_csv(item)));
                self.note_csv();
            }
            None => self.unfold(text, line, Envelope::default(), Depth::default(), leaf),
        }
    }

    /// Gives every record of a text that was taken out of its envelopes before, at `line`, to `leaf`.
    pub(crate) fn payload_of(
        &mut self,
        envelope: &Envelope,
        text: &str,
        line: u64,
        leaf: &mut dyn FnMut(Leaf<'_>),
    ) {
        let envelope = envelope.clone();
        if envelope.layers.contains(&CSV_LAYER) {
            // A record of CSV is nothing but what it is.
            let json = json::parse(text).ok();
            return leaf(Leaf::Record { text: text.into(), json, envelope, line });
        }
        let envelopes = envelope.layers.iter().filter(|layer| !list::LAYERS.contains(layer)).count();
        let depth = Depth { envelopes, lists: 0 };
        self.unfold(text, line, envelope, depth, leaf);
    }

    /// Whether no cut line and no open record of CSV waits for its other pieces.
    pub(crate) fn is_idle(&self) -> bool {
        self.pieces.is_empty() && self.csv.is_idle()
    }

    /// Takes notice of whether a record of CSV is open.
    fn note_csv(&mut self) {
        match (self.csv.is_idle(), self.open_csv) {
            (false, None) => self.open_csv = Some(self.inside.begin()),
            (true, Some(number)) => {
                self.inside.end(number);
                self.open_csv = None;
            }
            _ => {}
        }
    }

    /// Cut lines and open records of CSV that wait for their other pieces.
    #[cfg(feature = "kafka")]
    pub(crate) fn held(&self) -> crate::decode::Held {
        self.inside.held()
    }

    /// The stream has ended: what was cut comes out as far as it is there.
    pub(crate) fn finish(&mut self, leaf: &mut dyn FnMut(Leaf<'_>)) {
        self.csv.finish().into_iter().for_each(|item| leaf(of_csv(item)));
        self.note_csv();
        // What comes out of a piece may be a piece itself; each time one envelope less is left.
        while !self.pieces.is_empty() {
            for (_stream, Pieces { number, text, envelope, line }) in std::mem::take(&mut self.pieces) {
                self.inside.end(number);
                self.payload_of(&envelope, &text, line, leaf);
            }
        }
    }

    fn unfold(
        &mut self,
        text: &str,
        line: u64,
        around: Envelope,
        depth: Depth,
        leaf: &mut dyn FnMut(Leaf<'_>),
    ) {
        if let Some(frames) = octets::frames(text) {
            frames.into_iter().for_each(|frame| self.unfold(frame, line, around.clone(), depth, leaf));
            return;
        }
        if let Some(split) = list::split(text, &around) {
            return self.elements(text, split, line, depth, leaf);
        }
        if text.len() > MAX_LINE_BYTES {
            let detail = format!("{} bytes; a record has at most {MAX_LINE_BYTES}", text.len());
            return leaf(Leaf::Refused {
                text: text.into(),
                reject: Reject { reason: "too-long", detail },
                envelope: around,
                line,
            });
        }
        let json = match read_json(text) {
            Ok(json) => json,
            Err(reject) if is_cut_but_known(&self.formats, text, &reject, &around) => {
                return leaf(Leaf::Record { text: text.into(), json: None, envelope: around, line });
            }
            Err(reject) => return leaf(Leaf::Refused { text: text.into(), reject, envelope: around, line }),
        };
        let outer = Outer { text, json: json.as_ref() };
        match envelope::peel(&outer, &around) {
            Some((payload, inner)) if !is_own(&self.formats, &outer, &around, &payload, &inner) => {
                if depth.envelopes >= MAX_ENVELOPES {
                    return leaf(too_many(text, line, around, ("envelopes", MAX_ENVELOPES)));
                }
                self.payload(payload, line, inner, depth, leaf);
            }
            _ => leaf(Leaf::Record { text: text.into(), json, envelope: around, line }),
        }
    }

    fn elements(
        &mut self,
        text: &str,
        split: list::List<'_>,
        line: u64,
        depth: Depth,
        leaf: &mut dyn FnMut(Leaf<'_>),
    ) {
        if split.elements.is_empty() && split.rest.is_none() {
            return leaf(Leaf::Skipped("empty-list"));
        }
        if depth.lists >= MAX_LISTS {
            return leaf(too_many(text, line, split.envelope, ("lists", MAX_LISTS)));
        }
        let depth = Depth { lists: depth.lists + 1, ..depth };
        for (text, lines_before) in split.elements {
            self.unfold(text, line + lines_before, split.envelope.clone(), depth, leaf);
        }
        if let Some((rest, lines_before)) = split.rest {
            let detail = "the list is cut or damaged from here on".to_owned();
            let reject = Reject { reason: "truncated-json", detail };
            let envelope = split.envelope;
            leaf(Leaf::Refused { text: rest.into(), reject, envelope, line: line + lines_before });
        }
    }

    fn payload(
        &mut self,
        payload: Payload,
        line: u64,
        envelope: Envelope,
        depth: Depth,
        leaf: &mut dyn FnMut(Leaf<'_>),
    ) {
        let depth = Depth { envelopes: depth.envelopes + 1, lists: 0 };
        let Some(piece) = payload.piece.filter(|piece| !(piece.is_last && self.pieces.is_empty())) else {
            return self.inner(&payload.text, line, envelope, depth, leaf);
        };
        let stream = stream_of(&envelope, &piece.stream);
        let begun = self.pieces.remove(&stream);
        let is_new = begun.is_none();
        let mut joined = match begun {
            Some(begun) => begun,
            None => Pieces { number: self.inside.begin(), text: String::new(), envelope, line },
        };
        joined.text.push_str(&payload.text);
        let is_full = joined.text.len() > MAX_LINE_BYTES || (is_new && !self.has_room(joined.text.len()));
        if piece.is_last || is_full {
            self.inside.end(joined.number);
            return self.inner(&joined.text, joined.line, joined.envelope, depth, leaf);
        }
        self.pieces.insert(stream, joined);
    }

    /// Whether one more cut line may wait.
    fn has_room(&self, length: usize) -> bool {
        let waiting: usize = self.pieces.values().map(|pieces| pieces.text.len()).sum();
        self.pieces.len() < MAX_STREAMS && waiting + length <= MAX_PIECES_BYTES
    }

    fn inner(
        &mut self,
        text: &str,
        line: u64,
        envelope: Envelope,
        depth: Depth,
        leaf: &mut dyn FnMut(Leaf<'_>),
    ) {
        let text = text.trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() {
            leaf(Leaf::Skipped("blank"))
        } else {
            self.unfold(text, line, envelope, depth, leaf)
        }
    }
}

/// The refusal of a record that is wrapped once too often.
fn too_many<'a>(text: &'a str, line: u64, envelope: Envelope, (what, most): (&str, usize)) -> Leaf<'a> {
    let detail = format!("more than {most} {what} around one record");
    let reject = Reject { reason: "too-many-envelopes", detail };
    Leaf::Refused { text: text.into(), reject, envelope, line }
}

/// What tells the pieces of one stream from those of others.
fn stream_of(envelope: &Envelope, stream: &str) -> String {
    let Envelope { host, origin, program, stream: of_shipper, .. } = envelope;
    let parts = [host, origin, program, of_shipper].map(|part| part.as_deref().unwrap_or_default());
    format!("{}\u{0}{stream}", parts.join("\u{0}"))
}

/// Some log services cut records and say so; a format that surely knows such a record reads what is left of it.
fn is_cut_but_known(formats: &Formats, text: &str, reject: &Reject, around: &Envelope) -> bool {
    matches!(reject.reason, "truncated-json" | "bad-json")
        && text.contains(CUT_MARK)
        && recognise::confidence(formats, text, None, around) >= recognise::SURE_CONFIDENCE
}

/// One item of a stream of CSV.
fn of_csv(item: Item) -> Leaf<'static> {
    match item {
        Item::Header => Leaf::Skipped("csv-header"),
        Item::Record(record, line) => {
            let envelope = Envelope { layers: vec![CSV_LAYER], ..Envelope::default() };
            Leaf::Record { text: record.to_string().into(), json: Some(record), envelope, line }
        }
        Item::Bad(text, line, detail) => {
            let reject = Reject { reason: "bad-csv", detail };
            Leaf::Refused { text: text.into(), reject, envelope: Envelope::default(), line }
        }
    }
}

/// Whether a record that looks like an envelope is a record of its own all the same.
fn is_own(
    formats: &Formats,
    outer: &Outer<'_>,
    around: &Envelope,
    payload: &Payload,
    inner: &Envelope,
) -> bool {
    let own = recognise::confidence(formats, outer.text, outer.json, around);
    let is_part = payload.piece.as_ref().is_some_and(|piece| !piece.is_last);
    own >= recognise::SURE_CONFIDENCE
        && !is_part
        && surest(formats, &payload.text, inner, (own, MAX_LEVELS)) < own
}

/// How surely some format knows a text, or what is wrapped in it: a format may know a line by words that stand in the
/// innermost record. Looks no further than to `enough`, and so many levels deep.
fn surest(formats: &Formats, text: &str, around: &Envelope, (enough, levels): (u8, usize)) -> u8 {
    let json = json::parse(text).ok();
    let own = recognise::confidence(formats, text, json.as_ref(), around);
    if own >= enough || levels == 0 {
        return own;
    }
    let further = (enough, levels - 1);
    let inside = match list::split(text, around) {
        Some(split) => {
            split.elements.first().map(|(first, _)| surest(formats, first, &split.envelope, further))
        }
        None => {
            let peeled = envelope::peel(&Outer { text, json: json.as_ref() }, around);
            peeled.map(|(payload, inner)| surest(formats, &payload.text, &inner, further))
        }
    };
    own.max(inside.unwrap_or_default())
}

/// The JSON of a text that begins like JSON. An object must be JSON; a bracket may also begin a plain line.
fn read_json(text: &str) -> Result<Option<Value>, Reject> {
    let start = text.trim_start();
    if !start.starts_with(['{', '[']) {
        return Ok(None);
    }
    match json::parse(text) {
        Ok(value) => Ok(Some(value)),
        Err(reject) if start.starts_with('{') || reject.reason == "too-deep" => Err(reject),
        Err(reject) if reject.reason == "truncated-json" && start.starts_with("[{") => Err(reject),
        Err(_) => Ok(None),
    }
}

//! A document to its records: lists taken apart, envelopes peeled, cut lines joined.
//!
//! In: the text of a document and its line. Out: a [`Leaf`] per record. Owns: when to stop peeling, and the pieces of
//! lines that a container runtime cut. A record that a format surely knows, and knows better than what would be left
//! of it, is never taken for an envelope.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::csv::{self, Item};
use crate::decode::{CUT_MARK, Envelope, Reject};
use crate::envelope::{self, MAX_ENVELOPES, Outer, Payload};
use crate::formats::Formats;
use crate::frame::MAX_LINE_BYTES;
use crate::{json, list, recognise};

/// Most lists inside each other: a CloudWatch subscription with a list in each message is two.
const MAX_LISTS: usize = 3;
/// Streams whose pieces are joined at a time; runtimes have two.
const MAX_STREAMS: usize = 8;

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
}

/// The pieces of one line so far.
struct Pieces {
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
        Self { formats, csv: csv::Stream::new(forced), pieces: BTreeMap::new() }
    }

    /// Gives every record of a document to `leaf`.
    pub(crate) fn document(&mut self, text: &str, line: u64, leaf: &mut dyn FnMut(Leaf<'_>)) {
        match self.csv.take(text, line, &self.formats) {
            Some(items) => items.into_iter().for_each(|item| leaf(of_csv(item))),
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
        let depth = Depth { envelopes: envelope.layers.len(), lists: 0 };
        self.unfold(text, line, envelope, depth, leaf);
    }

    /// Whether no cut line and no open record of CSV waits for its other pieces.
    pub(crate) fn is_idle(&self) -> bool {
        self.pieces.is_empty() && self.csv.is_idle()
    }

    /// The stream has ended: what was cut comes out as far as it is there.
    pub(crate) fn finish(&mut self, leaf: &mut dyn FnMut(Leaf<'_>)) {
        self.csv.finish().into_iter().for_each(|item| leaf(of_csv(item)));
        for (_stream, Pieces { text, envelope, line }) in std::mem::take(&mut self.pieces) {
            self.payload_of(&envelope, &text, line, leaf);
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
        let split = if depth.lists < MAX_LISTS { list::split(text, &around) } else { None };
        if let Some(split) = split {
            return self.elements(split, line, depth, leaf);
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
        let may_peel = depth.envelopes < MAX_ENVELOPES;
        let peeled = if may_peel { envelope::peel(&outer, &around) } else { None };
        match peeled {
            Some((payload, inner)) if !is_own(&self.formats, &outer, &around, &payload, &inner) => {
                self.payload(payload, line, inner, depth, leaf);
            }
            _ => leaf(Leaf::Record { text: text.into(), json, envelope: around, line }),
        }
    }

    fn elements(&mut self, split: list::List<'_>, line: u64, depth: Depth, leaf: &mut dyn FnMut(Leaf<'_>)) {
        if split.elements.is_empty() && split.rest.is_none() {
            return leaf(Leaf::Skipped("empty-list"));
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
        let depth = Depth { envelopes: depth.envelopes + 1, ..depth };
        let Some(piece) = payload.piece else {
            return self.inner(&payload.text, line, envelope, depth, leaf);
        };
        let begun = self.pieces.remove(&piece.stream);
        let is_new = begun.is_none();
        let mut joined = begun.unwrap_or(Pieces { text: String::new(), envelope, line });
        joined.text.push_str(&payload.text);
        let is_full = joined.text.len() > MAX_LINE_BYTES || (is_new && self.pieces.len() >= MAX_STREAMS);
        if piece.is_last || is_full {
            return self.inner(&joined.text, joined.line, joined.envelope, depth, leaf);
        }
        self.pieces.insert(piece.stream, joined);
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
    own >= recognise::SURE_CONFIDENCE && !is_part && {
        let json = json::parse(&payload.text).ok();
        recognise::confidence(formats, &payload.text, json.as_ref(), inner) < own
    }
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

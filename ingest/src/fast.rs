//! The fast path: plain records straight from text into columns.
//!
//! In: whole lines of a stream whose format is known. Out: rows in the columns, or nothing, and then the strict path
//! reads the record. Owns: the list [`FAST`] of formats that have one; each is one file beside its strict decoder.
//! A fast decoder knows the plain records of its format and nothing else: a closed set of keys, compact JSON, no
//! envelope; of a record that holds a secret it reads what is left when that is replaced.
//! Law FLOW-2: fast ≡ strict, byte for byte, in every column.

mod grow;
pub(crate) mod line;
mod marks;
mod rewrite;
mod silent;
mod slot;
mod unmapped;
mod walk;

pub(crate) use line::{Line, Scratch, content_of};
pub(crate) use marks::{Marks, word as mark_word};
pub(crate) use slot::{Slot, Strict};
pub(crate) use unmapped::Unmapped;
pub(crate) use walk::{Member, Shape, Walker, inside, is_same, keep, parts, skip};

use crate::decode;

/// Most slots of a format.
pub(crate) const MAX_SLOTS: usize = 96;

/// The fast decoder of one format.
pub(crate) struct Fast {
    /// Id of the format.
    pub(crate) id: &'static str,
    /// A record that it reads.
    pub(crate) sample: &'static str,
    /// The highest confidence of the format's `sniff` in a record of JSON, which every record that is taken here has too. No
    /// other format that reads other records than these knows anything of such a record: one that does would have to be asked
    /// first.
    pub(crate) confidence: u8,
    /// The keys of its records.
    pub(crate) shape: &'static Shape,
    /// Number of slots that the shape fills.
    pub(crate) slots: usize,
    /// Reads one record.
    pub(crate) read: fn(&[Slot<'_>], &mut Line<'_, '_>) -> Result<Fate, Strict>,
}

/// A format of plain text whose decoder reads its plain lines without recognition: see [`crate::decode::Decode`].
pub(crate) struct PlainText {
    /// Id of the format.
    pub(crate) id: &'static str,
    /// The highest confidence of the format's `sniff`, which every line that is taken has too. No other format knows
    /// anything of such a line.
    pub(crate) confidence: u8,
    /// How its lines begin: so that they are no JSON, and no envelope fits.
    pub(crate) beginnings: &'static [&'static str],
}

/// Every format of plain text with a fast path.
const TEXTS: &[PlainText] = &[decode::PLAIN_LINUX_AUDIT];

/// The way to read plain lines of the format with this id, if there is one.
pub(crate) fn text_of_format(id: &str) -> Option<&'static PlainText> {
    TEXTS.iter().find(|text| text.id == id)
}

/// What became of a record on the fast path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its rows are in the columns.
    Decoded,
    /// It is left out on purpose, under this name.
    Skipped(&'static str),
}

/// Every fast decoder.
pub(crate) const FAST: &[Fast] = &[
    decode::FAST_K8S_AUDIT,
    decode::FAST_CLOUDTRAIL,
    decode::FAST_ENVOY,
    decode::FAST_TETRAGON,
    decode::FAST_FALCO,
    decode::FAST_SPIRE_SERVER,
    decode::FAST_SPIRE_AGENT,
];

/// Ids of all formats that have a fast path.
pub fn ids() -> impl Iterator<Item = &'static str> {
    FAST.iter().map(|fast| fast.id).chain(TEXTS.iter().map(|text| text.id))
}

/// The fast decoder of the format with this id, if it has one.
pub(crate) fn of_format(id: &str) -> Option<&'static Fast> {
    FAST.iter().find(|fast| fast.id == id)
}

//! Bytes of logs to rows of the event tables.
//!
//! In: files, folders, globs, standard input. Out: rows, dead letters, counts that add up.
//! Owns: framing, envelopes, redaction, recognition, decoding. Leaves to others: storing, judging.
//! Law FLOW-1: records read = decoded + dead-lettered + skipped, per source.
//!
//! The flow, in order: [`input`] finds, `open` decompresses, `frame` cuts into documents, `unfold` takes lists and
//! envelopes apart, [`redact`] replaces secrets, `recognise` names the format, [`decode`] makes rows. Plain records of
//! formats that have one take the `fast` path from lines to columns; law FLOW-2 holds both paths equal.

mod chunk;
mod crew;
mod csv;
mod cut;
pub mod decode;
mod divide;
mod drift;
mod envelope;
mod fast;
mod formats;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod hex;
mod identity;
pub mod input;
mod json;
#[cfg(feature = "kafka")]
pub mod kafka;
mod key;
pub mod label;
mod list;
mod mapping;
mod open;
mod outbox;
mod parallel;
pub mod pipeline;
mod recognise;
pub mod redact;
mod run;
mod text;
mod unfold;

pub use crew::{MAX_READERS, Source, read_all};
pub use cut::{Content, Cut, cut, plain, records_of};
pub use drift::MAX_UNMAPPED_NAMES;
pub use formats::{FormatRef, Formats, TwinMappings};
pub use frame::{MAX_DOCUMENT_BYTES, MAX_LINE_BYTES};
pub use identity::OCCURRENCE_WINDOW;
pub use input::{Input, InputError, expand};
pub use json::MAX_DEPTH;
pub use key::KeyFinder;
pub use label::{SourceRule, SourceRuleError};
pub use mapping::Mapping;
pub use open::{MAX_PLAIN_BYTES, MAX_RATIO, RATIO_GRACE_BYTES};
pub use pipeline::{CHUNK_ROWS, IngestOptions, IngestSink, SourceRead, read_bytes, read_input};
pub use recognise::MIN_CONFIDENCE;
pub use redact::FingerprintKey;
pub use run::again::LetterReader;
pub use run::{MAX_LETTER_BYTES, PARSER};

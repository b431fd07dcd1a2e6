//! Bytes of logs to rows of the event tables.
//!
//! In: files, folders, globs, standard input. Out: rows, dead letters, counts that add up.
//! Owns: framing, envelopes, redaction, recognition, decoding. Leaves to others: storing, judging.
//! Law FLOW-1: records read = decoded + dead-lettered + skipped, per source.

pub mod decode;
pub mod redact;

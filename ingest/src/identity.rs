//! The identity of a record: equal bytes are the same event, or as many as there are occurrences.
//!
//! In: the payload inside all envelopes, before secrets are replaced (only its hash is kept). Out: an [`EventId`].
//! Owns: canonical bytes and occurrence numbers. JSON counts as it was written, without the blanks between its tokens:
//! spacing and the wrapper that a record came in make no difference. Path and line never do.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use ahash::RandomState;
use offbound_schemas::EventId;
use sha2::{Digest as _, Sha256};

use crate::decode::Identity;

/// Records within which equal bytes are counted. Formats that need it have times of a second; a host that writes
/// 65,536 records between two equal ones has left that second.
pub const OCCURRENCE_WINDOW: usize = 65_536;

/// What is hashed before the text, so that no text is taken for anything else that is hashed.
const DOMAIN: &[u8] = b"offbound.record/1\0";

/// The same for text in which bytes that are no UTF-8 are escaped: the same letters may stand in another record as they are.
const ESCAPED_DOMAIN: &[u8] = b"offbound.record/1/escaped\0";

/// Hash of what a record says; `escaped` where bytes of its document were no UTF-8.
pub(crate) fn content_hash(text: &str, is_json: bool, escaped: bool) -> [u8; 32] {
    let canonical = if is_json { compact(text) } else { Cow::Borrowed(text.trim_end()) };
    if escaped && canonical.contains("\\x") {
        return Sha256::new_with_prefix(ESCAPED_DOMAIN).chain_update(&*canonical).finalize().into();
    }
    hash(&canonical)
}

/// Hash of a record that is in canonical form: SHA-256, for which processors have instructions that make it faster
/// than BLAKE3 on texts as short as a record.
pub(crate) fn hash(canonical: &str) -> [u8; 32] {
    Sha256::new_with_prefix(DOMAIN).chain_update(canonical).finalize().into()
}

/// JSON without the blanks between its tokens.
fn compact(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut compacted = String::new();
    let (mut kept_from, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b' ' | b'\t' | b'\n' | b'\r' => {
                compacted.push_str(json.get(kept_from..at).unwrap_or_default());
                at += 1;
                kept_from = at;
            }
            _ => at += 1,
        }
    }
    if kept_from == 0 {
        return Cow::Borrowed(json);
    }
    compacted.push_str(json.get(kept_from..).unwrap_or_default());
    Cow::Owned(compacted)
}

/// The place behind the closing quote of the string whose inside starts at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if bytes.get(at - 1) == Some(&b'"') {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// The first half of a hash: as many bits as an identity has.
fn cut(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// Numbers the occurrences of equal records in one stream.
#[derive(Debug, Default)]
pub(crate) struct Occurrences {
    /// Keyed at random, and never told in its order.
    counts: HashMap<[u8; 16], Occurrence, RandomState>,
    /// Records in the order in which they came, oldest first.
    window: VecDeque<[u8; 16]>,
    seen: u64,
}

#[derive(Debug)]
struct Occurrence {
    count: u64,
    last_seen: u64,
}

impl Occurrences {
    /// Identity of the next record with this content; `stream` is the label and host that it came from.
    pub(crate) fn event_id(&mut self, identity: Identity, content: &[u8; 32], stream: &[&str; 2]) -> EventId {
        match identity {
            Identity::Bytes => EventId(cut(content)),
            Identity::BytesAndOccurrence => {
                let [label, host] = stream;
                let first = EventId::of(&[content, label.as_bytes(), host.as_bytes()]);
                let number = self.number(first.0);
                if number == 0 { first } else { EventId::of(&[&first.0, &number.to_le_bytes()]) }
            }
        }
    }

    /// Takes in the records of a later stretch that were numbered on their own; says no, and changes nothing, where
    /// records before it count for their numbers.
    pub(crate) fn follow(&mut self, stretch: &Self) -> bool {
        let is_whole = stretch.seen == stretch.window.len() as u64;
        if !is_whole || stretch.window.iter().any(|key| self.counts.contains_key(key)) {
            return false;
        }
        for key in &stretch.window {
            self.number(*key);
        }
        true
    }

    /// A record went by whose rows have an identity of another kind.
    pub(crate) fn pass(&mut self) {
        self.seen += 1;
        self.window.push_back([0; 16]);
        self.forget_oldest();
    }

    fn number(&mut self, key: [u8; 16]) -> u64 {
        self.seen += 1;
        self.window.push_back(key);
        let seen = self.seen;
        let entry = self.counts.entry(key).or_insert(Occurrence { count: 0, last_seen: seen });
        let number = entry.count;
        entry.count += 1;
        entry.last_seen = seen;
        self.forget_oldest();
        number
    }

    fn forget_oldest(&mut self) {
        if self.window.len() <= OCCURRENCE_WINDOW {
            return;
        }
        let oldest = self.window.pop_front().unwrap_or_default();
        let horizon = self.seen.saturating_sub(OCCURRENCE_WINDOW as u64);
        if self.counts.get(&oldest).is_some_and(|entry| entry.last_seen <= horizon) {
            self.counts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(occurrences: &mut Occurrences, identity: Identity, text: &str) -> EventId {
        let is_json = crate::json::parse(text).is_ok();
        occurrences.event_id(identity, &content_hash(text, is_json, false), &["label", "n1"])
    }

    /// Scenario: one JSON record, spaced in several ways. Guarantees: one identity; other text has another, and blanks
    /// inside strings count.
    #[test]
    fn json_counts_without_its_blanks() {
        let mut seen = Occurrences::default();
        let first = id(&mut seen, Identity::Bytes, r#"{"a":1,"b":" \" x"}"#);
        assert_eq!(id(&mut seen, Identity::Bytes, "{ \"a\": 1,\n\t\"b\": \" \\\" x\" }\r"), first);
        for other in [r#"{"a":2,"b":" \" x"}"#, r#"{"a":1,"b":" \"x"}"#, r#"{"b":" \" x","a":1}"#] {
            assert_ne!(id(&mut seen, Identity::Bytes, other), first, "{other}");
        }
    }

    /// Scenario: equal lines in one stream. Guarantees: each is an event of its own, the same ones when read again,
    /// and the memory for it is bounded.
    #[test]
    fn occurrences_are_numbered() {
        let read = || {
            let mut seen = Occurrences::default();
            ["a", "a", "b", "a"].map(|line| id(&mut seen, Identity::BytesAndOccurrence, line))
        };
        let ids = read();
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(read(), ids);

        let mut seen = Occurrences::default();
        for line in 0..OCCURRENCE_WINDOW * 2 {
            id(&mut seen, Identity::BytesAndOccurrence, &line.to_string());
        }
        assert!(seen.counts.len() <= OCCURRENCE_WINDOW);
    }
}

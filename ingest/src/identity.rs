//! The identity of a record: equal bytes are the same event, or as many as there are occurrences.
//!
//! In: the payload inside all envelopes, before secrets are replaced (only its hash is kept). Out: an [`EventId`].
//! Owns: canonical bytes and occurrence numbers. JSON counts by its value: spacing, key order and the wrapper it
//! came in make no difference. Path and line never do.

use std::collections::{BTreeMap, VecDeque};

use offbound_schemas::EventId;
use serde_json::Value;

use crate::decode::Identity;

/// Records within which equal bytes are counted. Formats that need it have times of a second; a host that writes
/// 65,536 records between two equal ones has left that second.
pub const OCCURRENCE_WINDOW: usize = 65_536;

/// Hash of what a record says.
pub(crate) fn content_hash(text: &str, json: Option<&Value>) -> [u8; 32] {
    let Some(value) = json else { return *blake3::hash(text.trim_end().as_bytes()).as_bytes() };
    let mut canonical = Vec::with_capacity(text.len());
    let written = serde_json::to_writer(&mut canonical, value);
    written.expect("a JSON value can always be written, and memory takes it");
    *blake3::hash(&canonical).as_bytes()
}

/// Numbers the occurrences of equal records in one stream.
#[derive(Debug, Default)]
pub(crate) struct Occurrences {
    counts: BTreeMap<[u8; 16], Occurrence>,
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
            Identity::Bytes => EventId::of(&[content]),
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
        let json = crate::json::parse(text).ok();
        occurrences.event_id(identity, &content_hash(text, json.as_ref()), &["label", "n1"])
    }

    /// Scenario: one JSON record in several spellings. Guarantees: one identity; another value has another.
    #[test]
    fn json_counts_by_value() {
        let mut seen = Occurrences::default();
        let first = id(&mut seen, Identity::Bytes, r#"{"a":1,"b":"x"}"#);
        assert_eq!(id(&mut seen, Identity::Bytes, "{ \"b\": \"x\",\n \"a\": 1 }"), first);
        assert_ne!(id(&mut seen, Identity::Bytes, r#"{"a":2,"b":"x"}"#), first);
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

//! Places in the topic of findings: up to where a broker has taken what was told.
//!
//! In: reports of brokers; what the last commit wrote of them. Out: the same, as text for the store. Owns: that text.
//! Law: whatever was told before a point of the stream and lies below its places is in that point, so that only what lies
//! above them may be unknown to the store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The first offsets of a topic that nobody has reported yet, by partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Places {
    topic: String,
    next: BTreeMap<i32, i64>,
}

impl Places {
    /// What a stream's store calls them.
    pub(crate) const KEY: &str = "told";

    pub(crate) fn new(topic: &str, next: BTreeMap<i32, i64>) -> Self {
        Self { topic: topic.to_owned(), next }
    }

    /// As they were stored; none where the text is not theirs, or tells of another topic.
    pub(crate) fn parse(text: &str, topic: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|places: &Self| places.topic == topic)
    }

    /// For the store.
    pub(crate) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// The place in a partition.
    pub(crate) fn of(&self, partition: i32) -> Option<i64> {
        self.next.get(&partition).copied()
    }

    /// The same, or further where `other` is.
    pub(crate) fn advance(&mut self, other: &Self) {
        for (partition, next) in &other.next {
            self.reach(*partition, *next);
        }
    }

    /// A broker has taken the message at this offset; of other topics nothing is kept.
    pub(crate) fn taken(&mut self, topic: &str, partition: i32, offset: i64) {
        if topic == self.topic {
            self.reach(partition, offset.saturating_add(1));
        }
    }

    fn reach(&mut self, partition: i32, next: i64) {
        let known = self.next.entry(partition).or_default();
        *known = next.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: reports out of order for two partitions; the text is read again; another topic is asked for.
    /// Guarantees: places go forward only, survive the store, and say nothing of other topics.
    #[test]
    fn places_go_forward_and_survive() {
        let mut places = Places::new("findings", BTreeMap::from([(0, 5)]));
        places.taken("findings", 0, 7);
        places.taken("findings", 0, 6);
        places.taken("findings", 1, 0);
        places.taken("other", 3, 9);
        let text = places.text().expect("numbers and a name");
        assert_eq!(Places::parse(&text, "findings"), Some(places.clone()));
        assert_eq!((Places::parse(&text, "other"), Places::parse("no places", "findings")), (None, None));
        places.advance(&Places::new("findings", BTreeMap::from([(0, 3), (2, 4)])));
        let at: Vec<_> = (0..4).map(|partition| places.of(partition)).collect();
        assert_eq!(at, [Some(8), Some(1), Some(4), None]);
    }
}

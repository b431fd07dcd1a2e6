//! Under way: which items of the outbox brokers have, or are being given.
//!
//! In: numbers that are sent, taken, refused, and gone from the outbox. Out: whether to send one; which ones were taken.
//! Owns: the memory of it. Law: nothing is sent again between the moment at which a broker has it and the one at which the
//! outbox has let go of it; what was refused may be sent again.

use std::collections::BTreeSet;

/// Numbers of items that are not to be sent now.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// Sent, and still in the outbox.
    sent: BTreeSet<u64>,
    /// Those of them that brokers have, since somebody asked.
    taken: Vec<u64>,
}

impl UnderWay {
    /// Whether to send an item: it is not under way already.
    pub(super) fn begins(&mut self, number: u64) -> bool {
        self.sent.insert(number)
    }

    /// A broker has it, or nobody wants it any more.
    pub(super) fn taken(&mut self, number: u64) {
        self.taken.push(number);
    }

    /// It was not taken.
    pub(super) fn refused(&mut self, number: u64) {
        self.sent.remove(&number);
    }

    /// What brokers have taken since the last call: the outbox may let go of it.
    pub(super) fn take_taken(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.taken)
    }

    /// The outbox has let go of these.
    pub(super) fn gone(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.sent.remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: an item is sent; a broker takes it just after it was asked what brokers have, and the outbox is read again
    /// before and after it lets go; another one is refused. Guarantees: the first is sent once, the other again.
    #[test]
    fn what_a_broker_has_is_not_sent_again() {
        let mut under_way = UnderWay::default();
        assert!(under_way.begins(1) && under_way.begins(2));
        assert!(under_way.take_taken().is_empty());
        under_way.taken(1);
        under_way.refused(2);
        assert!(!under_way.begins(1), "it is still in the outbox, and a broker has it");
        assert!(under_way.begins(2));
        assert_eq!(under_way.take_taken(), [1]);
        assert!(!under_way.begins(1), "the outbox has not let go of it yet");
        under_way.gone(&[1]);
        assert!(!under_way.begins(2));
        assert!(under_way.begins(1), "a number that is there again is another item");
    }
}

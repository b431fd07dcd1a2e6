//! The ledger of one file: how far the broker has everything.
//!
//! In: messages in the order of the file, each with the place behind it; their acknowledgements in any order.
//! Out: the place below which nothing is missing. Decides, touches nothing.
//! Law: the place never passes a message that was not taken; it never goes back.

use std::collections::VecDeque;

/// One message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    end: u64,
    is_done: bool,
}

/// What of a file is on its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Number of the first message in `waiting`.
    first: u64,
    waiting: VecDeque<Sent>,
    place: u64,
}

impl Ledger {
    /// A file of which the broker has everything before `place`.
    pub(crate) fn at(place: u64) -> Self {
        Self { place, ..Self::default() }
    }

    /// The number of a message that was handed over, behind which the file goes on at `end`.
    pub(crate) fn sent(&mut self, end: u64) -> u64 {
        self.waiting.push_back(Sent { end, is_done: false });
        self.first + self.waiting.len() as u64 - 1
    }

    /// Everything before `end` that is not in a message needs no answer.
    pub(crate) fn passed(&mut self, end: u64) {
        let number = self.sent(end);
        self.done(number);
    }

    /// The broker has a message, or will never have it.
    pub(crate) fn done(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(sent) = index.and_then(|index| self.waiting.get_mut(index)) {
            sent.is_done = true;
        }
        while let Some(sent) = self.waiting.pop_front_if(|sent| sent.is_done) {
            self.first += 1;
            self.place = self.place.max(sent.end);
        }
    }

    /// The place below which nothing is missing.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(order: &[u64], expected: &[u64]) {
        let mut ledger = Ledger::at(100);
        for end in [110, 120, 130] {
            ledger.sent(end);
        }
        let places: Vec<u64> = order
            .iter()
            .map(|number| {
                ledger.done(*number);
                ledger.place()
            })
            .collect();
        assert_eq!(places, expected, "{order:?}");
    }

    /// Scenario: acknowledgements in any order, doubled, or of nobody. Guarantees: the place stops before the first
    /// message that is missing, and never goes back.
    #[test]
    fn the_place_passes_nothing_that_is_missing() {
        check(&[0, 1, 2], &[110, 120, 130]);
        check(&[2, 1, 0], &[100, 100, 130]);
        check(&[1, 0, 0, 2], &[100, 120, 120, 130]);
        check(&[7, 0], &[100, 110]);
    }

    /// Scenario: blank lines between messages. Guarantees: they wait for the messages before them, and only for those.
    #[test]
    fn what_needs_no_answer_waits_for_what_is_before_it() {
        let mut ledger = Ledger::at(0);
        ledger.passed(5);
        assert_eq!((ledger.place(), ledger.is_idle()), (5, true));
        let number = ledger.sent(10);
        ledger.passed(11);
        assert_eq!((ledger.place(), ledger.is_idle()), (5, false));
        ledger.done(number);
        assert_eq!((ledger.place(), ledger.is_idle()), (11, true));
    }
}

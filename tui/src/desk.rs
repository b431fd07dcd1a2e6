//! What has been asked and not yet answered, or answered and still good.
//!
//! In: the questions that the screen has now. Out: those that must be asked. Owns: generations.
//! Law: an answer counts only if it belongs to the newest question of its slot; nothing is asked twice.

use std::collections::BTreeMap;

use crate::question::{Question, Slot};

/// How a slot stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// Asked.
    Waiting,
    /// Answered.
    Ready,
    /// There is no answer, and why.
    Failed(String),
}

#[derive(Debug, Clone)]
struct Entry {
    question: Question,
    generation: u64,
    status: Status,
}

/// The desk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    entries: BTreeMap<Slot, Entry>,
    last_generation: u64,
}

impl Desk {
    /// The question with its generation, if it must be asked.
    pub(crate) fn want(&mut self, question: Question) -> Option<(u64, Question)> {
        let slot = question.slot();
        if self.entries.get(&slot).is_some_and(|entry| entry.question.covers(&question)) {
            return None;
        }
        self.last_generation += 1;
        let generation = self.last_generation;
        let entry = Entry { question: question.clone(), generation, status: Status::Waiting };
        self.entries.insert(slot, entry);
        Some((generation, question))
    }

    /// Whether an answer still counts; if so it is noted.
    pub(crate) fn accept(&mut self, slot: Slot, generation: u64, failure: Option<String>) -> bool {
        match self.entries.get_mut(&slot) {
            Some(entry) if entry.generation == generation => {
                entry.status = failure.map_or(Status::Ready, Status::Failed);
                true
            }
            _ => false,
        }
    }

    /// Forgets every answer, so that all is asked anew; but not what was told to be done, which is done once.
    pub(crate) fn forget(&mut self) {
        self.entries.retain(|slot, _| matches!(slot, Slot::Statement | Slot::AnswerRows | Slot::Export));
    }

    /// Forgets the answer of one slot.
    pub(crate) fn forget_slot(&mut self, slot: Slot) {
        self.entries.remove(&slot);
    }

    /// How a slot stands; nothing when it was never asked.
    pub(crate) fn status(&self, slot: Slot) -> Option<&Status> {
        self.entries.get(&slot).map(|entry| &entry.status)
    }

    /// Questions without answer.
    pub(crate) fn outstanding(&self) -> usize {
        self.entries.values().filter(|entry| entry.status == Status::Waiting).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offbound_schemas::EventId;

    /// Scenario: a question is replaced before its answer comes. Guarantees: the stale answer is dropped.
    #[test]
    fn stale_answers_are_dropped() {
        let mut desk = Desk::default();
        let first = desk.want(Question::Record(EventId([1; 16]))).map(|(generation, _)| generation);
        let second = desk.want(Question::Record(EventId([2; 16]))).map(|(generation, _)| generation);
        assert_eq!((first, second), (Some(1), Some(2)));
        assert!(!desk.accept(Slot::Record, 1, None));
        assert_eq!(desk.outstanding(), 1);
        assert!(desk.accept(Slot::Record, 2, None));
        assert_eq!(desk.outstanding(), 0);
        assert!(desk.want(Question::Record(EventId([2; 16]))).is_none());
    }
}

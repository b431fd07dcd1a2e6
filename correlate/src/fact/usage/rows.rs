//! What is each use's own, by its place.
//!
//! In: what a use does not share with others. Out: the same back.
//! Owns: the columns: what neighbours have alike takes little room, and the id of a record takes all of its own.
//! Law: every use comes back as it was put.

use offbound_schemas::{EventId, EventTime};

use crate::chunks::Chunks;
use crate::names::Id;
use crate::numbers::Numbers;

/// What a row takes beside its numbers: the id of a record, and its share of what is told of columns.
const BYTES_EACH: usize = size_of::<EventId>() + 1;

/// What is a use's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) credential: Option<Id>,
    pub(super) manner: u32,
    /// Lower half of the line of its first record.
    pub(super) line: u32,
    /// One more than the place of what is known of its repetitions, or zero.
    pub(super) again: u32,
    pub(super) time: EventTime,
    pub(super) id: EventId,
}

/// What is the own of all uses.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Told from the place of the use: where credentials are used once each, both grow with every new one.
    credentials: Numbers,
    manners: Numbers,
    lines: Numbers,
    again: Numbers,
    times: Numbers,
    ids: Chunks<EventId>,
}

impl Rows {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Logical size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.len() * BYTES_EACH + self.columns().into_iter().map(Numbers::bytes).sum::<usize>()
    }

    /// Logical size of one of them.
    pub(super) fn bytes_of(&self, place: usize) -> usize {
        BYTES_EACH + self.columns().into_iter().map(|column| column.bytes_of(place)).sum::<usize>()
    }

    fn columns(&self) -> [&Numbers; 5] {
        let Self { credentials, manners, lines, again, times, ids: _ } = self;
        [credentials, manners, lines, again, times]
    }

    /// What the use at `place` has of its own.
    pub(super) fn get(&self, place: usize) -> Option<Row> {
        Some(Row {
            id: *self.ids.get(place)?,
            credential: self.credential(place),
            manner: self.manners.unsigned(place).unwrap_or_default(),
            line: self.lines.unsigned(place).unwrap_or_default(),
            again: self.again(place),
            time: EventTime(self.times.get(place)),
        })
    }

    /// The credential that was shown.
    pub(super) fn credential(&self, place: usize) -> Option<Id> {
        Id::at(self.credentials.get(place), place)
    }

    /// One more than the place of what is known of the repetitions of a use, or zero.
    pub(super) fn again(&self, place: usize) -> u32 {
        self.again.unsigned(place).unwrap_or_default()
    }

    /// Tells where what is known of them is.
    pub(super) fn set_again(&mut self, place: usize, again: u32) {
        self.again.set(place, i64::from(again));
    }

    /// Adds one.
    pub(super) fn push(&mut self, row: &Row) {
        let Row { credential, manner, line, again, time, id } = *row;
        self.credentials.push(Id::told_from(credential, self.len()));
        self.manners.push(i64::from(manner));
        self.lines.push(i64::from(line));
        self.again.push(i64::from(again));
        self.times.push(time.0);
        self.ids.push(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: uses of credentials that are known and of none, some of them repeated later. Guarantees: each is as it was
    /// put, and the size is that of all of them.
    #[test]
    fn what_is_put_comes_back() {
        let mut names = crate::names::Names::default();
        let mut row = |number: u32| Row {
            credential: (!number.is_multiple_of(4)).then(|| names.id(&(number / 2).to_string())),
            manner: number % 7,
            line: number * 1_000,
            again: 0,
            time: EventTime(i64::from(number) * 1_000_001),
            id: EventId::of(&[&number.to_le_bytes()]),
        };
        let mut all: Vec<Row> = (0..3_000).map(&mut row).collect();
        let mut rows = Rows::default();
        all.iter().for_each(|row| rows.push(row));
        for (again, place) in [(1, 2_000), (2, 3), (3, 2_999)] {
            all[place].again = again;
            rows.set_again(place, again);
        }
        assert_eq!((0..=all.len()).filter_map(|place| rows.get(place)).collect::<Vec<_>>(), all);
        assert_eq!(rows.bytes(), (0..all.len()).map(|place| rows.bytes_of(place)).sum::<usize>());
        assert_eq!((rows.len(), rows.again(3)), (3_000, 2));
    }
}

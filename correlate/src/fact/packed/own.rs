//! What is each credential's own, by its place.
//!
//! In: what is a credential's own. Out: the same back.
//! Owns: the columns: what neighbours have alike takes little room, and the id of a record takes all of its own.
//! Law: every credential comes back as it was put.

use offbound_schemas::{EventId, EventTime};

use super::Packed;
use crate::chunks::Chunks;
use crate::names::{Id, Name};
use crate::numbers::{NONE, Numbers};

/// What a row takes beside its numbers: the id of a record, and its share of what is told of columns.
const BYTES_EACH: usize = size_of::<EventId>() + 1;

/// What is the own of all credentials.
#[derive(Debug, Clone, Default)]
pub(in crate::fact) struct Owns {
    /// Told from the place of the credential: both grow with every new one.
    names: Numbers,
    profiles: Numbers,
    rare: Numbers,
    first_addresses: Numbers,
    iats: Numbers,
    lives: Numbers,
    times: Numbers,
    lines: Numbers,
    ids: Chunks<EventId>,
}

impl Owns {
    /// How many there are.
    pub(in crate::fact) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Logical size in bytes.
    pub(in crate::fact) fn bytes(&self) -> usize {
        self.len() * BYTES_EACH + self.columns().into_iter().map(Numbers::bytes).sum::<usize>()
    }

    /// Logical size of one of them.
    pub(in crate::fact) fn bytes_of(&self, place: usize) -> usize {
        BYTES_EACH + self.columns().into_iter().map(|column| column.bytes_of(place)).sum::<usize>()
    }

    fn columns(&self) -> [&Numbers; 8] {
        let Self { names, profiles, rare, first_addresses, iats, lives, times, lines, ids: _ } = self;
        [names, profiles, rare, first_addresses, iats, lives, times, lines]
    }

    fn columns_mut(&mut self) -> ([&mut Numbers; 8], &mut Chunks<EventId>) {
        let Self { names, profiles, rare, first_addresses, iats, lives, times, lines, ids } = self;
        ([names, profiles, rare, first_addresses, iats, lives, times, lines], ids)
    }

    /// What the credential at `place` has of its own.
    pub(in crate::fact) fn get(&self, place: usize) -> Option<Packed> {
        let id = *self.ids.get(place)?;
        let time = |column: &Numbers| Some(column.get(place)).filter(|time| *time != NONE);
        Some(Packed {
            name: Id::at(self.names.get(place), place),
            profile: self.profiles.unsigned(place),
            rare: self.rare(place),
            first_address: Name::at(self.first_addresses.get(place), 0),
            iat: time(&self.iats).map(EventTime),
            life: time(&self.lives),
            time: EventTime(self.times.get(place)),
            id,
            line: self.lines.unsigned(place),
        })
    }

    /// One more than the place of what is rare of a credential, or zero.
    pub(in crate::fact) fn rare(&self, place: usize) -> u32 {
        self.rare.unsigned(place).unwrap_or_default()
    }

    /// Adds one.
    pub(in crate::fact) fn push(&mut self, own: &Packed) {
        let numbers = numbers(own, self.len());
        let (columns, ids) = self.columns_mut();
        for (column, number) in columns.into_iter().zip(numbers) {
            column.push(number);
        }
        ids.push(own.id);
    }

    /// Puts another in the place of one.
    pub(in crate::fact) fn set(&mut self, place: usize, own: &Packed) {
        let numbers = numbers(own, place);
        let (columns, ids) = self.columns_mut();
        for (column, number) in columns.into_iter().zip(numbers) {
            column.set(place, number);
        }
        if let Some(id) = ids.get_mut(place) {
            *id = own.id;
        }
    }
}

/// In the order of the columns.
fn numbers(own: &Packed, place: usize) -> [i64; 8] {
    let Packed { name, profile, rare, first_address, iat, life, time, id: _, line } = own;
    [
        Id::told_from(*name, place),
        profile.map_or(NONE, i64::from),
        i64::from(*rare),
        Name::told_from(*first_address, 0),
        iat.map_or(NONE, |iat| iat.0),
        life.unwrap_or(NONE),
        time.0,
        line.map_or(NONE, i64::from),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: credentials of which much, little or nothing is known, one of them put in the place of another. Guarantees:
    /// each is as it was put, and the size is that of all of them.
    #[test]
    fn what_is_put_comes_back() {
        let mut names = crate::names::Names::default();
        let mut own = |number: u32| Packed {
            name: Some(names.id(&number.to_string())),
            profile: (!number.is_multiple_of(7)).then_some(number % 7),
            rare: number / 1_500,
            first_address: number.is_multiple_of(3).then(|| names.name("198.51.100.9")),
            iat: (!number.is_multiple_of(5)).then_some(EventTime(i64::from(number) * 1_000_000_000)),
            life: (!number.is_multiple_of(11)).then_some(3_600_000_000_000),
            time: EventTime(i64::from(number) * 1_000_001),
            id: EventId::of(&[&number.to_le_bytes()]),
            line: (!number.is_multiple_of(13)).then_some(number * 1_000),
        };
        let mut all: Vec<Packed> = (0..3_000).map(&mut own).collect();
        all.push(Packed::NOTHING);
        let mut owns = Owns::default();
        all.iter().for_each(|own| owns.push(own));
        all[5] = own(1_000_000);
        owns.set(5, &all[5]);
        assert_eq!((0..=all.len()).filter_map(|place| owns.get(place)).collect::<Vec<_>>(), all);
        assert_eq!(owns.bytes(), (0..all.len()).map(|place| owns.bytes_of(place)).sum::<usize>());
        assert_eq!((owns.len(), owns.rare(2_999)), (3_001, 1));
    }
}

//! The members of one object whose names say nothing, by name.
//!
//! In: names in the order in which they stand. Out: whether each is there for the first time.
//! Owns: how many are held. Law: the strict path refuses a record that has one key with two values, so that a name
//! that comes again, and one for which there is no room, makes the record irregular.

/// Most members of one object whose names say nothing; an object with more is irregular.
const MAX_SILENT: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Silent<'a> {
    names: [&'a str; MAX_SILENT],
    count: usize,
}

impl<'a> Silent<'a> {
    /// Takes a name that was not there before, while there is room.
    pub(super) fn is_first(&mut self, name: &'a str) -> bool {
        let is_known = self.names.iter().take(self.count).any(|earlier| *earlier == name);
        let Some(place) = self.names.get_mut(self.count).filter(|_| !is_known) else { return false };
        *place = name;
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: as many names as there is room for, one that comes again, one too many. Guarantees: only the first are taken.
    #[test]
    fn room_is_bounded() {
        let names: Vec<String> = (0..=MAX_SILENT).map(|number| number.to_string()).collect();
        let mut silent = Silent::default();
        for name in names.iter().take(MAX_SILENT) {
            assert!(silent.is_first(name) && !silent.is_first(name));
        }
        assert!(names.iter().all(|name| !silent.is_first(name)));
    }
}

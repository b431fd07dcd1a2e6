//! A long list in parts: growing it moves no more than one part.
//!
//! In: values. Out: the same by their places. Owns: the parts. Law: a full part takes what its values take, and no more.

/// Values of a part: a power of two, so that a full one has no room to spare.
const PART: usize = 1_024;

/// Values one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Chunks<T> {
    parts: Vec<Vec<T>>,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { parts: Vec::new() }
    }
}

impl<T> Chunks<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.parts.last().map_or(0, |last| (self.parts.len() - 1) * PART + last.len())
    }

    /// The value at `place`.
    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.parts.get(place / PART)?.get(place % PART)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.parts.get_mut(place / PART)?.get_mut(place % PART)
    }

    /// Adds one at the end.
    pub(crate) fn push(&mut self, value: T) {
        match self.parts.last_mut().filter(|last| last.len() < PART) {
            Some(last) => last.push(value),
            None => self.parts.push(vec![value]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: more values than two parts take. Guarantees: each is at its place, and can be changed there.
    #[test]
    fn values_stay_in_place() {
        let mut list = Chunks::default();
        (0..2 * PART + 3).for_each(|value| list.push(value));
        assert_eq!(list.len(), 2 * PART + 3);
        assert!((0..list.len()).all(|place| list.get(place) == Some(&place)));
        if let Some(value) = list.get_mut(PART) {
            *value = 0;
        }
        assert_eq!((list.get(PART), list.get(2 * PART + 3)), (Some(&0), None));
    }
}

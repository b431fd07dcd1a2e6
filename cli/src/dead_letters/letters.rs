//! The dead letters of a store one after the other, input by input.
//!
//! In: a store and a filter. Out: letters. Owns: the place reached, and the page that is held.
//! Bound: one page of [`PAGE_LETTERS`] letters, each at most 64 KiB.

use std::collections::VecDeque;

use offbound_schemas::table::DeadLetter;
use offbound_store::{LetterFilter, LetterPlace, Store, StoreError};

/// Letters held at a time: 16 MiB of them at most, and few enough questions to the database.
const PAGE_LETTERS: usize = 256;

/// A walk over dead letters.
pub(super) struct Letters<'a> {
    store: &'a Store,
    filter: &'a LetterFilter,
    reached: Option<LetterPlace>,
    page: VecDeque<(LetterPlace, DeadLetter)>,
}

impl<'a> Letters<'a> {
    pub(super) fn new(store: &'a Store, filter: &'a LetterFilter) -> Self {
        Self { store, filter, reached: None, page: VecDeque::new() }
    }

    /// The input that the next letter is of; none at the end.
    pub(super) fn input(&mut self) -> Result<Option<&str>, StoreError> {
        if self.page.is_empty() {
            let page = self.store.dead_letters_by_input(self.filter, self.reached.as_ref(), PAGE_LETTERS)?;
            self.page = page.into();
        }
        Ok(self.page.front().map(|(place, _)| place.input.as_str()))
    }

    /// The next letter.
    pub(super) fn next(&mut self) -> Result<Option<DeadLetter>, StoreError> {
        self.input()?;
        let Some((place, letter)) = self.page.pop_front() else { return Ok(None) };
        self.reached = Some(place);
        Ok(Some(letter))
    }
}

//! Dead letters, from the store's database.
//!
//! In: a narrowing. Out: letters, input by input. Bound: a page of letters at a time, however many there are.
//! Owns: the connection that holds the moment of a question. Law: it is locked for a page at a time, and never while
//! somebody waits for rows to be taken: a question may read one table twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use offbound_schemas::table::DeadLetter;
use offbound_schemas::table::dead_letters::{column, to_batch};
use offbound_store::{LetterFilter, RowOrder, Store};

use super::{Rows, Take};
use crate::exit::Failure;
use crate::hunt::pushdown::Narrowing;

/// Letters of one batch, each at most 64 KiB.
const BATCH_LETTERS: usize = 64;

/// The dead letters of a store.
#[derive(Debug)]
pub(super) struct DeadLetters {
    store: Arc<Mutex<Store>>,
}

impl DeadLetters {
    pub(super) fn new(store: &Arc<Mutex<Store>>) -> Self {
        Self { store: Arc::clone(store) }
    }
}

impl Rows for DeadLetters {
    fn read(
        &self,
        _columns: &[&str],
        narrowing: &Narrowing,
        _order: RowOrder,
        take: Take<'_>,
    ) -> Result<(), Failure> {
        let text_of = |column| narrowing.text_of(column).map(str::to_owned);
        let filter = LetterFilter { reason: text_of(column::reason), source: text_of(column::source) };
        let mut reached = None;
        loop {
            let page = lock(&self.store).dead_letters_by_input(&filter, reached.as_ref(), BATCH_LETTERS)?;
            let Some((place, _)) = page.last() else { return Ok(()) };
            reached = Some(place.clone());
            let letters: Vec<DeadLetter> = page.into_iter().map(|(_, letter)| letter).collect();
            if take(to_batch(&letters)).is_break() {
                return Ok(());
            }
        }
    }
}

pub(super) fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Dead letters, from the store's database.
//!
//! In: a narrowing. Out: letters, input by input. Bound: a page of letters at a time, however many there are.

use std::path::PathBuf;

use offbound_schemas::table::dead_letters::{column, to_batch};
use offbound_store::{LetterFilter, RowOrder, Store};

use super::{Rows, Take};
use crate::dead_letters::letters::Letters;
use crate::exit::Failure;
use crate::hunt::Sources;
use crate::hunt::pushdown::Narrowing;

/// Letters of one batch, each at most 64 KiB.
const BATCH_LETTERS: usize = 64;

/// The dead letters of a store.
#[derive(Debug)]
pub(super) struct DeadLetters {
    folder: PathBuf,
}

impl DeadLetters {
    pub(super) fn new(sources: &Sources) -> Result<Self, Failure> {
        let folder = sources.folder()?.clone();
        Store::open(&folder)?;
        Ok(Self { folder })
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
        let store = Store::open(&self.folder)?;
        let text_of = |column| narrowing.text_of(column).map(str::to_owned);
        let filter = LetterFilter { reason: text_of(column::reason), source: text_of(column::source) };
        let mut letters = Letters::new(&store, &filter);
        loop {
            let mut page = Vec::new();
            while page.len() < BATCH_LETTERS
                && let Some(letter) = letters.next()?
            {
                page.push(letter);
            }
            if page.is_empty() || take(to_batch(&page)).is_break() {
                return Ok(());
            }
        }
    }
}

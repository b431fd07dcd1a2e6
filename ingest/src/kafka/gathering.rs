//! Rows of all partitions, gathered until they are delivered together.
//!
//! In: rows of messages, as their readers decode them. Out: batches. Owns: the columns that readers share, one after the
//! other: at a few records per partition and turn, a batch for each would cost more than all that is done with its rows.
//! Law: rows are handed over before, or together with, the offsets behind them; never after.

use std::ops::ControlFlow;

use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventBuilder};

use crate::pipeline::IngestSink;
use crate::run::{Paused, Run};

/// Most dead letters of one message, and of one delivery of a partition: a message of a million bad lines would fill the
/// memory. The count has all of them, and one more letter says how many are left out and where they are.
pub(super) const MAX_LETTERS: usize = 4_096;

/// Rows that are gathered.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    columns: Box<EventBuilder>,
    /// How many rows the columns have.
    rows: usize,
    /// Batches that are full.
    full: Vec<EventBatch>,
}

/// Dead letters of one partition.
#[derive(Debug, Default)]
pub(super) struct Letters {
    pub(super) kept: Vec<DeadLetter>,
    pub(super) left_out: u64,
}

/// Takes what comes of messages, until they are delivered.
struct Taker<'t> {
    full: &'t mut Vec<EventBatch>,
    letters: &'t mut Letters,
}

impl IngestSink for Taker<'_> {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        self.full.push(rows);
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        if self.letters.kept.len() < MAX_LETTERS {
            self.letters.kept.push(letter);
        } else {
            self.letters.left_out += 1;
        }
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

impl Gathering {
    /// How many batches are full.
    pub(super) fn full(&self) -> usize {
        self.full.len()
    }

    /// Lets a reader go on for a while, with its rows behind those that are here.
    pub(super) fn during<T>(
        &mut self,
        letters: &mut Letters,
        paused: Paused,
        read: impl FnOnce(&mut Run<'_>) -> T,
    ) -> (Paused, T) {
        let Self { columns, rows, full } = self;
        let mut taker = Taker { full, letters };
        let mut run = paused.go_on(&mut taker);
        run.swap_rows((columns, rows));
        let answer = read(&mut run);
        run.swap_rows((columns, rows));
        (run.pause(), answer)
    }

    /// Takes out what there is: batches, of which the last may have no rows.
    pub(super) fn take(&mut self) -> (Vec<EventBatch>, EventBatch) {
        self.rows = 0;
        (std::mem::take(&mut self.full), self.columns.finish())
    }
}

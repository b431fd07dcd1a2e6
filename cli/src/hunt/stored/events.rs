//! Events, from the store's segments.
//!
//! In: columns and a narrowing. Out: rows of one event table, each once, by (event time, event id) where order is asked
//! for. Owns: how a large scan is shared among threads. Leaves to `store` what can be left unread.
//! Law: every scan, and every part of one, sees the same moment, also while somebody writes.

use offbound_store::{EventTable, RowOrder, ScanFilter, Share, Snapshot};

use super::{Rows, Take};
use crate::exit::Failure;
use crate::hunt::pushdown::Narrowing;
use crate::hunt::session;

/// Fewest rows of a table that are worth a second thread.
const ROWS_OF_A_PART: u64 = 100_000;
/// The same where values are looked for: most of a table is left unread then.
const ROWS_TO_LOOK_THROUGH: u64 = 1_000_000;

/// One event table of a store.
#[derive(Debug)]
pub(super) struct Events {
    table: EventTable,
    snapshot: Snapshot,
    rows: u64,
}

impl Events {
    pub(super) fn new(table: EventTable, snapshot: &Snapshot) -> Self {
        let contents = snapshot.contents().into_iter().find(|contents| contents.table == table);
        Self { table, snapshot: snapshot.clone(), rows: contents.map_or(0, |contents| contents.rows) }
    }
}

impl Rows for Events {
    /// A share for each thread, where there is enough to share.
    fn parts(&self, narrowing: &Narrowing) -> Vec<Narrowing> {
        let least = if narrowing.equals.is_empty() { ROWS_OF_A_PART } else { ROWS_TO_LOOK_THROUGH };
        let worth = usize::try_from(self.rows / least).unwrap_or(usize::MAX);
        let of = session::threads().min(worth).max(1);
        (0..of).map(|number| Narrowing { share: Share { number, of }, ..narrowing.clone() }).collect()
    }

    fn read(
        &self,
        columns: &[&str],
        narrowing: &Narrowing,
        order: RowOrder,
        take: Take<'_>,
    ) -> Result<(), Failure> {
        let Narrowing { from, until, equals, likes, share } = narrowing.clone();
        let filter = ScanFilter { from, to: until, equals, likes, share };
        self.snapshot.scan_table(self.table, columns, &filter, order, take)?;
        Ok(())
    }
}

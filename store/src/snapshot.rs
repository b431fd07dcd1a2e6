//! The event tables as they were committed at one moment, for as many readers as like.
//!
//! In: the manifest's entries of that moment. Out: all events in order, rows of one table, what the tables hold.
//! Owns: the list of segments. Bound: their files stay for [`crate::options::RETIRED_COMMITS`] commits after they were
//! replaced; a reader that takes longer is told that one is gone. Law: what is committed later is never seen.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use offbound_schemas::EventBatch;

use crate::columns::complete;
use crate::entity_filters::Index;
use crate::folder::Folder;
use crate::manifest::{self, Entry};
use crate::merge::Merge;
use crate::scan::Wanted;
use crate::{Columns, EventTable, RowOrder, ScanFilter, ScanStats, StoreError, TableContents, scan};

/// Event tables at one moment. Copies are of the same moment, and may be read on several threads at once.
#[derive(Debug, Clone)]
pub struct Snapshot {
    folder: Folder,
    entries: Arc<[Entry]>,
    index: Index,
}

impl Snapshot {
    pub(crate) fn new(folder: &Folder, entries: Vec<Entry>, index: Index) -> Self {
        Self { folder: folder.clone(), entries: entries.into(), index }
    }

    /// What the event tables held.
    #[must_use]
    pub fn contents(&self) -> Vec<TableContents> {
        manifest::contents(&self.entries)
    }

    /// Gives every event to `take`, each once, in canonical order (event time, event id) over all three tables, at most
    /// `max_rows` at a time: every row of a batch comes after every row of the batch before it.
    ///
    /// Columns that are not read are blank (null, empty, zero), so that the views of `schemas` work on every batch.
    /// Memory is bounded, whatever the size of the store: see the module `merge`.
    pub fn scan_in_order<E: From<StoreError>>(
        &self,
        columns: &Columns,
        max_rows: usize,
        mut take: impl FnMut(EventBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let read = columns.narrowed();
        let mut merge = Merge::new(&self.folder, self.entries.to_vec(), &read, max_rows);
        while let Some(batch) = merge.next_batch()? {
            take(whole(&batch)?)?;
        }
        Ok(())
    }

    /// Gives `take` the columns of that name, in that order, of every row of `table` that passes the filter: each event
    /// once, in the order that is asked for, until `take` breaks off.
    ///
    /// Only segments and row groups that may hold such rows are read. Stretches of time that touch (`to` of one is `from`
    /// of the next) share no row.
    pub fn scan_table(
        &self,
        table: EventTable,
        columns: &[&str],
        rows: &ScanFilter,
        order: RowOrder,
        take: impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<ScanStats, StoreError> {
        let wanted = Wanted { table, columns, rows };
        scan::scan((&self.folder, &self.index), self.entries.to_vec(), wanted, order, take)
    }
}

/// Rows with all columns of their tables, blank where they were not read.
fn whole(batch: &EventBatch) -> Result<EventBatch, StoreError> {
    let complete = |table: EventTable| complete(table, &table.schema(), table.of(batch));
    Ok(EventBatch {
        host_events: complete(EventTable::HostEvents)?,
        identity_assertions: complete(EventTable::IdentityAssertions)?,
        placements: complete(EventTable::Placements)?,
    })
}

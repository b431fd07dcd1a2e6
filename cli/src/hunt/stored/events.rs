//! Events, from the store's segments.
//!
//! In: columns and a narrowing. Out: rows of one event table, each once, by (event time, event id).
//! Leaves to `store` what can be left unread. Law: a scan sees what was committed when it began, also while somebody
//! writes.

use std::path::PathBuf;

use offbound_store::{EventTable, ScanFilter, Store};

use super::{Rows, Take};
use crate::exit::Failure;
use crate::hunt::Sources;
use crate::hunt::pushdown::Narrowing;

/// One event table of a store.
#[derive(Debug)]
pub(super) struct Events {
    table: EventTable,
    folder: PathBuf,
}

impl Events {
    pub(super) fn new(table: EventTable, sources: &Sources) -> Result<Self, Failure> {
        let folder = sources.folder()?.clone();
        // Opened here too, so that a folder that is no store is told before anything is planned.
        Store::open(&folder)?;
        Ok(Self { table, folder })
    }
}

impl Rows for Events {
    fn read(&self, columns: &[&str], narrowing: &Narrowing, take: Take<'_>) -> Result<(), Failure> {
        let Narrowing { from, until, equals } = narrowing.clone();
        let filter = ScanFilter { from, to: until, equals };
        Store::open(&self.folder)?.scan_table(self.table, columns, &filter, take)?;
        Ok(())
    }
}

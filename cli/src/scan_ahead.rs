//! The store read ahead of whoever folds: decoding segments on one core while another folds.
//!
//! In: a store. Out: its events, in canonical order, a batch at a time.
//! Owns: the thread that scans. Bound: [`BATCHES_AHEAD`] batches wait between the two.
//! Law: the batches are those of the store's own scan, in the same order.

use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;

use offbound_correlate::folded_columns;
use offbound_schemas::EventBatch;
use offbound_store::{Columns, SCAN_ROWS, Store, StoreError};

use crate::exit::Failure;

/// Batches (of [`SCAN_ROWS`] rows) that wait to be folded: one in hand, one ready; more would only fill memory.
const BATCHES_AHEAD: usize = 2;

/// Why a scan ended early.
enum Halt {
    Store(StoreError),
    /// Nobody takes batches any more.
    Left,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The columns that folding reads.
pub(crate) fn folded() -> Columns {
    Columns::those(|table| folded_columns(table.name()))
}

/// Gives every committed event to `take`, in canonical order, with the columns that folding needs.
pub(crate) fn scan_ahead(
    store: &Store,
    take: impl FnMut(EventBatch) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let reader = store.snapshot()?;
    thread::scope(|scope| {
        let (ready, batches) = sync_channel(BATCHES_AHEAD);
        let scan = move || {
            reader.scan_in_order(&folded(), SCAN_ROWS, |batch| ready.send(batch).map_err(|_gone| Halt::Left))
        };
        let scan = thread::Builder::new().name("scan".to_owned()).spawn_scoped(scope, scan);
        let scan =
            scan.map_err(|error| Failure::could_not(format!("cannot start a thread to read: {error}")))?;
        let taken = batches.into_iter().try_for_each(take);
        match scan.join().unwrap_or_else(|panic| resume_unwind(panic)) {
            Err(Halt::Store(error)) => taken.and(Err(error.into())),
            Ok(()) | Err(Halt::Left) => taken,
        }
    })
}

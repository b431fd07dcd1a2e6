//! Events, from the store's segments.
//!
//! In: columns and a narrowing. Out: rows of one event table, each once, by (event time, event id).
//! Owns: the size of batches. Law: a scan sees what was committed when it began, also while somebody writes.

use std::path::PathBuf;

use arrow::array::{Datum, RecordBatch, Scalar, TimestampNanosecondArray};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::{gt_eq, lt};
use arrow::error::ArrowError;
use offbound_schemas::EventTime;
use offbound_schemas::table::host_events::column;
use offbound_store::{Columns, EventTable, Store, StoreError};

use super::{Rows, Take};
use crate::exit::Failure;
use crate::hunt::Sources;
use crate::hunt::bounds::{BATCH_ROWS, BATCH_ROWS_WITH_TEXT};
use crate::hunt::pushdown::Narrowing;
use crate::hunt::tables::Table;
use crate::judge::Window;

/// One event table of a store.
#[derive(Debug)]
pub(super) struct Events {
    table: EventTable,
    folder: PathBuf,
    window: Window,
}

impl Events {
    pub(super) fn new(table: EventTable, sources: &Sources) -> Result<Self, Failure> {
        let folder = sources.folder()?.clone();
        // Opened here too, so that a folder that is no store is told before anything is planned.
        Store::open(&folder)?;
        Ok(Self { table, folder, window: sources.window })
    }
}

/// Why a scan ended early.
enum Stop {
    Enough,
    Store(StoreError),
    Rows(ArrowError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Rows for Events {
    fn read(&self, columns: &[&str], narrowing: &Narrowing, take: Take<'_>) -> Result<(), Failure> {
        let store = Store::open(&self.folder)?;
        let with_text = [column::raw, column::unmapped].iter().any(|text| columns.contains(text));
        let rows = if with_text { BATCH_ROWS_WITH_TEXT } else { BATCH_ROWS };
        let left_out: Vec<&str> = every_column().filter(|name| !columns.contains(name)).collect();
        let scanned = store.scan_in_order(&Columns::without(&left_out), rows, |batch| {
            let batch = self.inside(self.table.of(&batch)).map_err(Stop::Rows)?;
            if batch.num_rows() > 0 && take(batch).is_break() { Err(Stop::Enough) } else { Ok(()) }
        });
        match scanned {
            Ok(()) | Err(Stop::Enough) => Ok(()),
            Err(Stop::Store(error)) => Err(error.into()),
            Err(Stop::Rows(error)) => Err(Failure::could_not(format!("cannot read stored rows: {error}"))),
        }
    }
}

impl Events {
    /// The rows that `--since` and `--until` ask for; these are no condition of the query, so nobody else drops the rest.
    fn inside(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let Window { since, until } = self.window;
        let mut inside = batch.clone();
        if let (Some(since), Some(times)) = (since, inside.column_by_name(column::event_time)) {
            inside = filter_record_batch(&inside, &gt_eq(times, &moment(since))?)?;
        }
        if let (Some(until), Some(times)) = (until, inside.column_by_name(column::event_time)) {
            inside = filter_record_batch(&inside, &lt(times, &moment(until))?)?;
        }
        Ok(inside)
    }
}

/// Every column name of every event table.
fn every_column() -> impl Iterator<Item = &'static str> {
    let tables = EventTable::ALL.into_iter().filter_map(|table| Table::named(table.name()).ok());
    tables.flat_map(|table| (table.spec.columns)().into_iter().map(|column| column.name))
}

fn moment(time: EventTime) -> impl Datum {
    Scalar::new(TimestampNanosecondArray::from(vec![time.0]).with_timezone("UTC"))
}

//! Rows of one table on their way to a segment.
//!
//! In: batches in any order. Out: the same rows sorted in canonical order, each event once.
//! Owns: when there are enough rows for a segment. Law: how rows were cut into batches leaves no trace.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{BatchCoalescer, interleave_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::columns::complete;
use crate::event_table::RowKeys;
use crate::{EventTable, Options, StoreError};

/// Batches of at least this many rows are kept as they came; smaller ones are copied together, because an
/// Arrow batch of few rows holds far more memory than its rows need.
const SMALL_BATCH_ROWS: usize = 1_024;

/// Rows that wait for their segment.
#[derive(Debug)]
pub(crate) struct Pending {
    table: EventTable,
    /// Of what is kept.
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    small: BatchCoalescer,
    rows: usize,
    bytes: usize,
}

impl Pending {
    /// Nothing yet; of what comes, the columns of `schema` are kept.
    pub(crate) fn new(table: EventTable, schema: SchemaRef, options: &Options) -> Self {
        let small = BatchCoalescer::new(Arc::clone(&schema), options.row_group_rows)
            .with_biggest_coalesce_batch_size(Some(SMALL_BATCH_ROWS));
        Self { table, schema, batches: Vec::new(), small, rows: 0, bytes: 0 }
    }

    /// Adds rows, after checking that they are rows of this table.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.table.check(&self.schema, batch)?;
        // Most batches have their columns in the table's order, and are kept as they are.
        let is_kept_whole = Arc::ptr_eq(&self.schema, batch.schema_ref());
        let kept = if is_kept_whole { batch.clone() } else { complete(self.table, &self.schema, batch)? };
        self.rows += kept.num_rows();
        self.small.push_batch(kept).map_err(StoreError::rows("gather", self.table.name()))?;
        self.take_completed();
        Ok(())
    }

    fn take_completed(&mut self) {
        while let Some(batch) = self.small.next_completed_batch() {
            self.bytes += batch.get_array_memory_size();
            self.batches.push(batch);
        }
    }

    /// Whether there are enough rows for a segment.
    pub(crate) fn is_full(&self, options: &Options) -> bool {
        self.rows >= options.segment_rows || self.bytes + self.small.size() >= options.segment_bytes
    }

    /// Takes all rows out; none when there are none.
    pub(crate) fn take(&mut self) -> Result<Option<Gathered>, StoreError> {
        self.small.finish_buffered_batch().map_err(StoreError::rows("gather", self.table.name()))?;
        self.take_completed();
        (self.rows, self.bytes) = (0, 0);
        let batches = std::mem::take(&mut self.batches);
        Ok((!batches.is_empty()).then_some(Gathered { table: self.table, batches }))
    }
}

/// Rows of one table, at least one, in the order in which they came. A clone shares them.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    table: EventTable,
    batches: Vec<RecordBatch>,
}

impl Gathered {
    /// The same in canonical order, each event once.
    pub(crate) fn sort(self) -> Result<SortedRows, StoreError> {
        SortedRows::new(self.table, self.batches)
    }
}

/// Rows of one table in canonical order, each event once.
#[derive(Debug)]
pub(crate) struct SortedRows {
    batches: Vec<RecordBatch>,
    /// Batch and row, in order.
    order: Vec<(usize, usize)>,
    table: EventTable,
}

/// What a row is sorted by, and where it is.
type SortKey = (i64, [u8; 16], usize, usize);

impl SortedRows {
    fn new(table: EventTable, batches: Vec<RecordBatch>) -> Result<Self, StoreError> {
        let keys = batches.iter().map(|batch| RowKeys::new(table, batch)).collect::<Result<Vec<_>, _>>()?;
        let of_batch = |(batch, keys): (usize, &RowKeys)| {
            let keys = keys.clone();
            (0..keys.len()).map(move |row| (keys.time(row), keys.id(row), batch, row))
        };
        let mut rows: Vec<SortKey> = keys.iter().enumerate().flat_map(of_batch).collect();
        let place = |key: &SortKey| keys.get(key.2).map(|keys| keys.place(key.3));
        // Logs come nearly sorted, and the stable sort is quick on runs.
        rows.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| place(a).cmp(&place(b))));
        rows.dedup_by(|later, first| (later.0, later.1) == (first.0, first.1));
        let order: Vec<_> = rows.iter().map(|key| (key.2, key.3)).collect();
        Ok(Self { batches, order, table })
    }

    /// The columns that the rows have.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.batches.first().map_or_else(|| self.table.schema(), RecordBatch::schema)
    }

    /// The rows in order, at most `rows` at once.
    pub(crate) fn chunks(&self, rows: usize) -> impl Iterator<Item = Result<RecordBatch, StoreError>> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        self.order
            .chunks(rows.max(1))
            .map(move |order| gather(&batches, order).map_err(StoreError::rows("sort", self.table.name())))
    }
}

/// The rows named by `order`; no copy where they lie together.
fn gather(batches: &[&RecordBatch], order: &[(usize, usize)]) -> Result<RecordBatch, ArrowError> {
    let together = order.iter().zip(order.iter().skip(1)).all(|(a, b)| (a.0, a.1 + 1) == *b);
    match (order.first(), order.first().and_then(|first| batches.get(first.0))) {
        (Some(first), Some(batch)) if together => Ok(batch.slice(first.1, order.len())),
        _ => interleave_record_batch(batches, order),
    }
}

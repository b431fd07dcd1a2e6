//! Rows of one table on their way to a segment.
//!
//! In: batches in any order. Out: the same rows sorted in canonical order, each event once.
//! Owns: when there are enough rows for a segment. Law: how rows were cut into batches leaves no trace.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::compute::interleave;
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use offbound_schemas::EventTime;

use crate::columns::complete;
use crate::event_table::RowKeys;
use crate::small::{Blanks, SMALL_ROWS, SmallBatches, is_blank};
use crate::{EventTable, Options, StoreError};

/// What a text or a blob takes besides its bytes.
const VIEW_BYTES: usize = 16;

/// Rows that wait for their segment.
#[derive(Debug)]
pub(crate) struct Pending {
    table: EventTable,
    /// Of what is kept.
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    small: SmallBatches,
    rows: usize,
    bytes: usize,
    /// Where the memory of `batches` begins that was counted: columns without values share theirs. It is held for as long.
    counted: BTreeSet<usize>,
    /// Bytes of the rows that are in `small`, without the room that is made for others.
    small_bytes: usize,
}

impl Pending {
    /// Nothing yet; of what comes, the columns of `schema` are kept.
    pub(crate) fn new(table: EventTable, schema: SchemaRef) -> Self {
        let small = SmallBatches::new(Arc::clone(&schema));
        Self {
            table,
            schema,
            batches: Vec::new(),
            small,
            rows: 0,
            bytes: 0,
            counted: BTreeSet::new(),
            small_bytes: 0,
        }
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
        if kept.num_rows() > SMALL_ROWS {
            self.hold(kept);
            return Ok(());
        }
        self.small_bytes += bytes_of(&kept);
        let made = self.small.push(kept).map_err(StoreError::rows("gather", self.table.name()))?;
        if let Some(made) = made {
            self.small_bytes = 0;
            self.hold(made);
        }
        Ok(())
    }

    fn hold(&mut self, batch: RecordBatch) {
        self.bytes +=
            batch.columns().iter().map(|column| count(&column.to_data(), &mut self.counted)).sum::<usize>();
        self.batches.push(batch);
    }

    /// Whether there are enough rows for a segment.
    pub(crate) fn is_full(&self, options: &Options) -> bool {
        self.rows >= options.segment_rows || self.bytes + self.small_bytes >= options.segment_bytes
    }

    /// Takes all rows out; none when there are none.
    pub(crate) fn take(&mut self) -> Result<Option<Gathered>, StoreError> {
        let rest = self.small.take().map_err(StoreError::rows("gather", self.table.name()))?;
        self.batches.extend(rest);
        (self.rows, self.bytes, self.small_bytes) = (0, 0, 0);
        self.counted.clear();
        let batches = std::mem::take(&mut self.batches);
        Ok((!batches.is_empty()).then_some(Gathered { table: self.table, batches }))
    }
}

/// Bytes of memory that a column holds, without what was counted before.
fn count(column: &ArrayData, counted: &mut BTreeSet<usize>) -> usize {
    let nulls = column.nulls().map(|nulls| nulls.buffer());
    let own = column.buffers().iter().chain(nulls);
    let new = own.filter(|buffer| counted.insert(buffer.data_ptr().addr().get())).map(Buffer::capacity);
    let bytes: usize = new.sum();
    bytes + column.child_data().iter().map(|child| count(child, counted)).sum::<usize>()
}

/// Bytes of the rows of a batch, without memory that they hold beyond themselves.
fn bytes_of(batch: &RecordBatch) -> usize {
    let of_column = |column: &ArrayRef| {
        // Without values it shares its memory.
        if column.null_count() == column.len() {
            return 0;
        }
        if let Some(texts) = column.as_string_view_opt() {
            return texts.len() * VIEW_BYTES + texts.total_buffer_bytes_used();
        }
        if let Some(blobs) = column.as_binary_view_opt() {
            return blobs.len() * VIEW_BYTES + blobs.total_buffer_bytes_used();
        }
        column.to_data().get_slice_memory_size().unwrap_or_default()
    };
    batch.columns().iter().map(of_column).sum()
}

/// Rows of one table, at least one, in the order in which they came. A clone shares them.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    table: EventTable,
    batches: Vec<RecordBatch>,
}

impl Gathered {
    /// The earliest and the latest of its events.
    pub(crate) fn span(&self) -> Result<(EventTime, EventTime), StoreError> {
        let (mut from, mut to) = (EventTime::MAX, EventTime::MIN);
        for batch in &self.batches {
            let keys = RowKeys::new(self.table, batch)?;
            for time in (0..keys.len()).map(|row| EventTime(keys.time(row))) {
                (from, to) = (from.min(time), to.max(time));
            }
        }
        Ok((from, to))
    }

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
        let mut gathering = Gathering::new(&self.batches, self.schema());
        self.order
            .chunks(rows.max(1))
            .map(move |order| gathering.rows(order).map_err(StoreError::rows("sort", self.table.name())))
    }
}

/// Puts rows of several batches together, column by column.
struct Gathering<'b> {
    batches: &'b [RecordBatch],
    schema: SchemaRef,
    /// Of each column the parts; none where it has no values, as most columns of most segments.
    parts: Vec<Option<Vec<&'b dyn Array>>>,
    blanks: Blanks,
}

impl<'b> Gathering<'b> {
    fn new(batches: &'b [RecordBatch], schema: SchemaRef) -> Self {
        let parts_of = |place: usize, field: &Field| {
            let mut columns = batches.iter().map(|batch| batch.column(place));
            let has_values = columns.clone().any(|column| !is_blank(field, column));
            has_values.then(|| columns.by_ref().map(AsRef::as_ref).collect())
        };
        let parts = schema.fields().iter().enumerate().map(|(place, field)| parts_of(place, field)).collect();
        Self { batches, schema, parts, blanks: Blanks::default() }
    }

    /// The rows named by `order`; no copy where they lie together.
    fn rows(&mut self, order: &[(usize, usize)]) -> Result<RecordBatch, ArrowError> {
        let together = order.iter().zip(order.iter().skip(1)).all(|(a, b)| (a.0, a.1 + 1) == *b);
        if let Some((first, row)) = order.first()
            && let Some(batch) = self.batches.get(*first).filter(|_| together)
        {
            return Ok(batch.slice(*row, order.len()));
        }
        let columns = self.schema.fields().iter().zip(&self.parts).map(|(field, parts)| match parts {
            Some(parts) => interleave(parts, order),
            None => Ok(self.blanks.of(field, order.len())),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

#[cfg(test)]
mod tests {
    use offbound_schemas::table::HostEvent;
    use offbound_schemas::{EventBatch, EventId, EventRows};

    use super::*;

    const BYTES: usize = 1024 * 1024;

    fn batch(number: u64) -> EventBatch {
        let row = |row: u64| HostEvent {
            event_id: EventId::of(&[&number.to_le_bytes(), &row.to_le_bytes()]),
            raw: "what a sensor wrote ".repeat(50),
            ..HostEvent::default()
        };
        EventRows { host_events: (0..20).map(row).collect(), ..EventRows::default() }.to_batch()
    }

    /// Scenario: a thousand batches of twenty rows, as a stream gets them, with a bound of a megabyte for a segment.
    /// Guarantees: what makes a segment full are the bytes of its rows, not the room that was made for others; no row is lost.
    #[test]
    fn few_rows_are_no_segment() {
        let options = Options { segment_bytes: BYTES, ..Options::default() };
        let mut pending = Pending::new(EventTable::HostEvents, EventTable::HostEvents.schema());
        let (mut segments, mut rows) = (Vec::new(), 0);
        for number in 0..1_000 {
            pending.push(&batch(number).host_events).expect("rows of the table");
            rows += 20;
            if pending.is_full(&options) {
                let gathered = pending.take().expect("sound rows").expect("there are some");
                segments.push(gathered.batches.iter().map(RecordBatch::num_rows).sum::<usize>());
                rows -= segments.last().copied().unwrap_or_default();
            }
        }
        let left = pending
            .take()
            .expect("sound rows")
            .map_or(0, |rest| rest.batches.iter().map(RecordBatch::num_rows).sum());
        assert_eq!(rows, left);
        let least = BYTES / 4 / 1_000;
        assert!(
            !segments.is_empty() && segments.iter().all(|rows| (least..=1_100).contains(rows)),
            "{segments:?}"
        );
    }

    /// Scenario: the same batch twice, most of whose columns have no value, then one of the same rows that shares nothing.
    /// Guarantees: memory counts once; each batch counts for what it alone holds.
    #[test]
    fn shared_memory_counts_once() {
        let mut pending = Pending::new(EventTable::HostEvents, EventTable::HostEvents.schema());
        let rows = |number: u64| {
            let row =
                |row: u64| HostEvent { event_id: EventId::of(&[&row.to_le_bytes()]), ..HostEvent::default() };
            (number * 1_000..(number + 1) * 1_000).map(row).collect::<Vec<_>>()
        };
        let mut builder = offbound_schemas::table::host_events::Builder::default();
        let mut batch = |number| {
            rows(number).iter().for_each(|row| builder.append(row));
            builder.finish()
        };
        let (first, second) = (batch(0), batch(1));
        let mut bytes = Vec::new();
        for batch in [&first, &first, &second] {
            pending.push(batch).expect("rows of the table");
            bytes.push(pending.bytes);
        }
        let [once, twice, both] = bytes[..] else { unreachable!() };
        assert!(once > 0 && once == twice, "{once} {twice}");
        // The second batch has the absent columns of the first, and ids and texts of its own.
        assert!(twice < both && both - twice < once, "{twice} {both}");
    }
}

//! Some rows of one event table: those of a stretch of time, with these values in these columns.
//!
//! In: the manifest's entries, wanted columns, a filter. Out: batches of these columns, in canonical order, each event
//! once. Owns: what can be left unread: segments and row groups by time and by their bloom filters.
//! Bound: memory as in a scan of everything (see `merge`). Law: what is left unread holds no row that is asked for.

use std::ops::ControlFlow;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, Scalar, StringViewArray, TimestampNanosecondArray,
};
use arrow::compute::kernels::cmp::{eq, gt_eq, lt};
use arrow::compute::{and, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use offbound_schemas::{EventTime, cell_text};

use crate::columns::Columns;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::merge::Merge;
use crate::options::FILTERED_ROWS;
use crate::segment_rows::OpenSegment;
use crate::{EventTable, StoreError};

/// Which rows of a table. Without anything it is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanFilter {
    /// At or after this moment.
    pub from: Option<EventTime>,
    /// Before this moment.
    pub to: Option<EventTime>,
    /// Columns that hold exactly this text, all of them. Credentials, hosts, pods and workloads are found without
    /// reading every segment.
    pub equals: Vec<(String, String)>,
}

/// What a scan had to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Segments of the table.
    pub segments: u64,
    /// Segments that were left unread.
    pub skipped: u64,
    /// Row groups that were read, if the scan was not ended before.
    pub row_groups: u64,
    /// Rows that were given.
    pub rows: u64,
}

/// A filter whose columns are known to be there.
#[derive(Debug, Clone)]
pub(crate) struct RowFilter {
    table: EventTable,
    from: Option<EventTime>,
    to: Option<EventTime>,
    equals: Vec<(String, String)>,
}

impl RowFilter {
    fn new(table: EventTable, filter: &ScanFilter) -> Self {
        let ScanFilter { from, to, equals } = filter.clone();
        Self { table, from, to, equals }
    }

    /// Whether a stretch of time, its ends included, may hold such a row.
    pub(crate) fn meets(&self, first: EventTime, last: EventTime) -> bool {
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first < to)
    }

    /// Values that a row group must hold.
    pub(crate) fn equals(&self) -> &[(String, String)] {
        &self.equals
    }

    /// The columns that [`RowFilter::keeps`] looks at. Source and location are not among them: copies of an event
    /// differ there, and are compared with each other first.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let time = self.table.key_columns().event_time;
        let texts =
            self.equals.iter().map(|(column, _)| column.as_str()).filter(|column| !self.is_place(column));
        let bounded = self.from.is_some() || self.to.is_some();
        bounded.then_some(time).into_iter().chain(texts).collect()
    }

    fn is_place(&self, column: &str) -> bool {
        let keys = self.table.key_columns();
        [keys.source, keys.location].contains(&column)
    }

    /// Which rows are asked for, as far as their columns are there.
    pub(crate) fn keeps(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let mut kept = BooleanArray::from(vec![true; batch.num_rows()]);
        if let Some(times) = batch.column_by_name(self.table.key_columns().event_time) {
            let at = |time: EventTime| {
                Scalar::new(TimestampNanosecondArray::from(vec![time.0]).with_timezone("UTC"))
            };
            if let Some(from) = self.from {
                kept = and(&kept, &gt_eq(times, &at(from))?)?;
            }
            if let Some(to) = self.to {
                kept = and(&kept, &lt(times, &at(to))?)?;
            }
        }
        for (column, text) in &self.equals {
            if let Some(array) = batch.column_by_name(column) {
                kept = and(&kept, &holds(array, text)?)?;
            }
        }
        Ok(kept)
    }
}

/// Which cells are exactly this text.
fn holds(array: &ArrayRef, text: &str) -> Result<BooleanArray, ArrowError> {
    if *array.data_type() == DataType::Utf8View {
        let found = eq(array, &Scalar::new(StringViewArray::from(vec![text])))?;
        return Ok(found.iter().map(|cell| Some(cell == Some(true))).collect());
    }
    Ok((0..array.len()).map(|row| Some(cell_text(array, row).as_deref() == Some(text))).collect())
}

/// Gives `take` the wanted columns of every row that is asked for, until it breaks off.
pub(crate) fn scan(
    folder: &Folder,
    entries: Vec<Entry>,
    table: EventTable,
    names: &[&str],
    filter: &ScanFilter,
    mut take: impl FnMut(RecordBatch) -> ControlFlow<()>,
) -> Result<ScanStats, StoreError> {
    let schema = table.schema();
    let known = |name: &&str| schema.column_with_name(name).is_none();
    let filtered: Vec<&str> = filter.equals.iter().map(|(column, _)| column.as_str()).collect();
    if let Some(column) = names.iter().chain(&filtered).copied().find(known) {
        return Err(StoreError::NoColumn { table: table.name(), column: column.to_owned() });
    }
    let filter = RowFilter::new(table, filter);
    let mut stats = ScanStats::default();
    let mut chosen = Vec::new();
    for entry in entries.into_iter().filter(|entry| entry.table == table) {
        stats.segments += 1;
        let row_groups = if filter.meets(entry.from, entry.to) {
            OpenSegment::peek(folder, &entry)?.row_groups_for(&filter)?.len() as u64
        } else {
            0
        };
        stats.row_groups += row_groups;
        if row_groups > 0 { chosen.push(entry) } else { stats.skipped += 1 }
    }
    let places: Vec<&str> = filtered.iter().copied().filter(|column| filter.is_place(column)).collect();
    let columns = Columns::only(table, &[names, &places].concat());
    let mut merge = Merge::filtered(folder, chosen, &columns, FILTERED_ROWS, Some(&filter));
    while let Some(batch) = merge.next_batch()? {
        let batch = asked_for(&filter, table, names, table.of(&batch), !places.is_empty())?;
        stats.rows += batch.num_rows() as u64;
        if batch.num_rows() > 0 && take(batch).is_break() {
            break;
        }
    }
    Ok(stats)
}

/// The wanted columns, in the order in which they were named; filtered anew where that could not be done before.
fn asked_for(
    filter: &RowFilter,
    table: EventTable,
    names: &[&str],
    batch: &RecordBatch,
    anew: bool,
) -> Result<RecordBatch, StoreError> {
    let failed = StoreError::rows("filter", table.name());
    let kept = if anew {
        filter_record_batch(batch, &filter.keeps(batch).map_err(&failed)?).map_err(&failed)?
    } else {
        batch.clone()
    };
    let schema = kept.schema();
    let places = names.iter().filter_map(|name| schema.column_with_name(name).map(|(index, _)| index));
    kept.project(&places.collect::<Vec<_>>()).map_err(failed)
}

//! Some rows of one event table: those of a stretch of time, with these values in these columns.
//!
//! In: the manifest's entries, wanted columns, a filter. Out: batches of these columns, each event once. Owns: what can be
//! left unread: segments by time and by the entity index, row groups by time and by their bloom filters.
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
use crate::database::Database;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::merge::Merge;
use crate::options::FILTERED_ROWS;
use crate::unordered::Stretches;
use crate::{EventTable, StoreError, entity_filters};

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

/// In which order a scan gives its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// By event time and event id.
    Canonical,
    /// As it is quickest: what is counted or grouped needs no order.
    Any,
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

    /// The columns that [`RowFilter::keeps`] looks at in a segment of this stretch of time, its ends included. Source and
    /// location are not among them: copies of an event differ there, and are compared with each other first.
    pub(crate) fn columns(&self, first: EventTime, last: EventTime) -> Vec<&str> {
        let time = self.table.key_columns().event_time;
        let texts =
            self.equals.iter().map(|(column, _)| column.as_str()).filter(|column| !self.is_place(column));
        let is_cut = self.from.is_some_and(|from| first < from) || self.to.is_some_and(|to| last >= to);
        is_cut.then_some(time).into_iter().chain(texts).collect()
    }

    /// Columns of the filter that tell copies apart: they are looked at once it is known which copy is kept.
    fn places(&self) -> Vec<&str> {
        self.equals.iter().map(|(column, _)| column.as_str()).filter(|column| self.is_place(column)).collect()
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
    (folder, database): (&Folder, &Database),
    entries: Vec<Entry>,
    wanted: Wanted<'_>,
    order: RowOrder,
    mut take: impl FnMut(RecordBatch) -> ControlFlow<()>,
) -> Result<ScanStats, StoreError> {
    let filter = wanted.filter()?;
    let table = wanted.table;
    let excluded = entity_filters::excluded(database, table, &filter.equals)?;
    let may_hold = |entry: &Entry| filter.meets(entry.from, entry.to) && !excluded.contains(&entry.seq);
    let of_table = entries.into_iter().filter(|entry| entry.table == table);
    let (chosen, left): (Vec<Entry>, Vec<Entry>) = of_table.partition(may_hold);
    let mut stats = ScanStats {
        segments: (chosen.len() + left.len()) as u64,
        skipped: left.len() as u64,
        ..ScanStats::default()
    };
    let places = filter.places();
    let columns = Columns::only(table, &[wanted.columns, &places].concat());
    let mut give = |batch: &RecordBatch, stats: &mut ScanStats| -> Result<ControlFlow<()>, StoreError> {
        let batch = wanted.out_of(batch, &filter)?;
        stats.rows += batch.num_rows() as u64;
        Ok(if batch.num_rows() == 0 { ControlFlow::Continue(()) } else { take(batch) })
    };
    match order {
        RowOrder::Canonical => {
            let mut merge = Merge::filtered(folder, chosen, &columns, FILTERED_ROWS, Some(&filter));
            while let Some(batch) = merge.next_batch()? {
                if give(table.of(&batch), &mut stats)?.is_break() {
                    break;
                }
            }
            (stats.row_groups, stats.skipped) = (merge.row_groups, stats.skipped + merge.unread);
        }
        RowOrder::Any => {
            let mut stretches = Stretches::new(folder, chosen, table, &columns, &filter);
            while let Some(batch) = stretches.next_batch()? {
                if give(&batch, &mut stats)?.is_break() {
                    break;
                }
            }
            (stats.row_groups, stats.skipped) = (stretches.row_groups, stats.skipped + stretches.unread);
        }
    }
    Ok(stats)
}

/// Which columns of which rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) table: EventTable,
    pub(crate) columns: &'a [&'a str],
    pub(crate) rows: &'a ScanFilter,
}

impl Wanted<'_> {
    /// The filter, whose columns and those that are wanted are there.
    fn filter(&self) -> Result<RowFilter, StoreError> {
        let Self { table, columns, rows } = *self;
        let schema = table.schema();
        let absent = |name: &&str| schema.column_with_name(name).is_none();
        let filtered = rows.equals.iter().map(|(column, _)| column.as_str());
        match columns.iter().copied().chain(filtered).find(absent) {
            Some(column) => Err(StoreError::NoColumn { table: table.name(), column: column.to_owned() }),
            None => Ok(RowFilter::new(table, rows)),
        }
    }

    /// The wanted columns, in the order in which they were named; filtered anew where that could not be done before.
    fn out_of(&self, batch: &RecordBatch, filter: &RowFilter) -> Result<RecordBatch, StoreError> {
        let failed = StoreError::rows("filter", self.table.name());
        let kept = if filter.places().is_empty() {
            batch.clone()
        } else {
            filter_record_batch(batch, &filter.keeps(batch).map_err(&failed)?).map_err(&failed)?
        };
        let schema = kept.schema();
        let places =
            self.columns.iter().filter_map(|name| schema.column_with_name(name).map(|(index, _)| index));
        kept.project(&places.collect::<Vec<_>>()).map_err(failed)
    }
}

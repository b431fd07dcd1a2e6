//! Some rows of one event table: those of a stretch of time, with these values in these columns.
//!
//! In: the manifest's entries, wanted columns, a filter. Out: batches of these columns, each event once. Owns: what can be
//! left unread: segments by time and by the entity index, row groups by time and by their bloom filters.
//! Bound: memory as in a scan of everything (see `merge`). Law: what is left unread holds no row that is asked for.

use std::ops::ControlFlow;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, RecordBatch, Scalar, StringViewArray,
    TimestampNanosecondArray,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::{eq, gt_eq, lt};
use arrow::compute::{and, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use offbound_schemas::{EventTime, cell_text};

use crate::alone::Alone;
use crate::columns::Columns;
use crate::entity_filters::Index;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::merge::Merge;
use crate::options::FILTERED_ROWS;
use crate::unordered::Stretches;
use crate::{EventTable, Like, Share, StoreError, copies, entity_filters};

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
    /// Patterns that columns are like, all of them.
    pub likes: Vec<Like>,
    /// One of several shares of these rows; without anything it is all of them.
    pub share: Share,
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
    likes: Vec<Like>,
}

impl RowFilter {
    pub(crate) fn new(table: EventTable, filter: &ScanFilter) -> Self {
        let ScanFilter { from, to, equals, likes, share: _ } = filter.clone();
        Self { table, from, to, equals, likes }
    }

    /// The same for a stretch of time.
    fn within(&self, (from, to): (Option<EventTime>, Option<EventTime>)) -> Self {
        let to = [self.to, to].into_iter().flatten().min();
        Self { from: self.from.max(from), to, ..self.clone() }
    }

    /// Whether a stretch of time, its ends included, may hold such a row.
    pub(crate) fn meets(&self, first: EventTime, last: EventTime) -> bool {
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first < to)
    }

    /// Values that a row group must hold.
    pub(crate) fn equals(&self) -> &[(String, String)] {
        &self.equals
    }

    /// Which of these texts a row may have in a column.
    pub(crate) fn marks(&self, column: &str, values: &StringViewArray) -> Result<Vec<bool>, ArrowError> {
        let mut marks = vec![true; values.len()];
        for (_, text) in self.equals.iter().filter(|(name, _)| name == column) {
            let same = values.iter().map(|value| value == Some(text));
            marks.iter_mut().zip(same).for_each(|(mark, same)| *mark &= same);
        }
        for like in self.likes.iter().filter(|like| like.column == column) {
            let like = like.look_at(values)?;
            marks.iter_mut().zip(like.values()).for_each(|(mark, like)| *mark &= like);
        }
        Ok(marks)
    }

    /// Whether it keeps every row of a segment of this stretch of time, its ends included.
    pub(crate) fn passes_all(&self, first: EventTime, last: EventTime) -> bool {
        self.texts().next().is_none() && self.columns(first, last).is_empty()
    }

    /// The columns that [`RowFilter::keeps`] looks at in a segment of this stretch of time, its ends included. Source and
    /// location are not among them: copies of an event differ there, and are compared with each other first.
    pub(crate) fn columns(&self, first: EventTime, last: EventTime) -> Vec<&str> {
        let time = self.table.key_columns().event_time;
        let texts = self.texts().filter(|column| !self.is_place(column));
        let is_cut = self.from.is_some_and(|from| first < from) || self.to.is_some_and(|to| last >= to);
        is_cut.then_some(time).into_iter().chain(texts).collect()
    }

    /// Columns of the filter that tell copies apart: they are looked at once it is known which copy is kept.
    fn places(&self) -> Vec<&str> {
        self.texts().filter(|column| self.is_place(column)).collect()
    }

    /// The columns of which the text matters.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let equals = self.equals.iter().map(|(column, _)| column.as_str());
        equals.chain(self.likes.iter().map(|like| like.column.as_str()))
    }

    fn is_place(&self, column: &str) -> bool {
        let keys = self.table.key_columns();
        [keys.source, keys.location].contains(&column)
    }

    /// Which rows are asked for, as far as their columns are there.
    pub(crate) fn keeps(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let mut kept = BooleanArray::new(BooleanBuffer::new_set(batch.num_rows()), None);
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
        for like in &self.likes {
            let texts = batch.column_by_name(&like.column).and_then(|array| array.as_string_view_opt());
            if let Some(texts) = texts {
                kept = and(&kept, &like.keeps(texts)?)?;
            }
        }
        Ok(kept)
    }
}

/// Which cells are exactly this text; null counts as no.
fn holds(array: &ArrayRef, text: &str) -> Result<BooleanArray, ArrowError> {
    if *array.data_type() == DataType::Utf8View {
        return eq(array, &Scalar::new(StringViewArray::from(vec![text])));
    }
    Ok((0..array.len()).map(|row| Some(cell_text(array, row).as_deref() == Some(text))).collect())
}

/// Gives `take` the wanted columns of every row that is asked for, until it breaks off.
pub(crate) fn scan(
    (folder, index): (&Folder, &Index),
    entries: Vec<Entry>,
    wanted: Wanted<'_>,
    order: RowOrder,
    mut take: impl FnMut(RecordBatch) -> ControlFlow<()>,
) -> Result<ScanStats, StoreError> {
    let filter = wanted.filter()?;
    let table = wanted.table;
    let mut stats = ScanStats::default();
    let chosen = Chosen::of((folder, index), entries, wanted, (&filter, order), &mut stats)?;
    let places = filter.places();
    let names = [wanted.columns, &places].concat();
    let mut give = |batch: &RecordBatch, stats: &mut ScanStats| -> Result<ControlFlow<()>, StoreError> {
        let batch = wanted.out_of(batch, &filter)?;
        stats.rows += batch.num_rows() as u64;
        Ok(if batch.num_rows() == 0 { ControlFlow::Continue(()) } else { take(batch) })
    };
    let columns = Columns::bare(table, &names);
    let mut alone = Alone::new(folder, chosen.alone, table, &columns, &filter);
    let mut flow = ControlFlow::Continue(());
    while flow.is_continue()
        && let Some(batch) = alone.next_batch()?
    {
        flow = give(&batch, &mut stats)?;
    }
    stats.count(alone.row_groups, alone.unread);
    let (columns, filter) = (Columns::only(table, &names), &chosen.filter);
    if order == RowOrder::Canonical {
        let mut merge = Merge::filtered(folder, chosen.together, &columns, FILTERED_ROWS, Some(filter));
        while flow.is_continue()
            && let Some(batch) = merge.next_batch()?
        {
            flow = give(table.of(&batch), &mut stats)?;
        }
        stats.count(merge.row_groups, merge.unread);
    } else {
        let mut stretches = Stretches::new(folder, chosen.together, table, &columns, filter);
        while flow.is_continue()
            && let Some(batch) = stretches.next_batch()?
        {
            flow = give(&batch, &mut stats)?;
        }
        stats.count(stretches.row_groups, stretches.unread);
    }
    Ok(stats)
}

impl ScanStats {
    fn count(&mut self, row_groups: u64, unread: u64) {
        self.row_groups += row_groups;
        self.skipped += unread;
    }
}

/// Segments that may hold a row that is asked for.
struct Chosen {
    /// Those that are read one by one, in any order.
    alone: Vec<Entry>,
    /// Those that are read side by side, and of which rows.
    together: Vec<Entry>,
    filter: RowFilter,
}

impl Chosen {
    fn of(
        asked: (&Folder, &Index),
        entries: Vec<Entry>,
        wanted: Wanted<'_>,
        (filter, order): (&RowFilter, RowOrder),
        stats: &mut ScanStats,
    ) -> Result<Self, StoreError> {
        let of_table = entries.into_iter().filter(|entry| entry.table == wanted.table);
        let (met, left): (Vec<Entry>, Vec<Entry>) =
            of_table.partition(|entry| filter.meets(entry.from, entry.to));
        let (alone, together) = match order {
            RowOrder::Canonical => (Vec::new(), met),
            RowOrder::Any => copies::alone(met),
        };
        // Shared out before the index is asked: it may be another at the next share's time.
        let share = wanted.rows.share;
        let filter = filter.within(share.of_time(&together));
        let mut chosen = Self { alone: share.of_segments(alone), together, filter };
        let met = chosen.alone.iter().chain(&chosen.together);
        let excluded = entity_filters::excluded(asked, met, &chosen.filter.equals)?;
        stats.segments = (chosen.alone.len() + chosen.together.len() + left.len()) as u64;
        chosen.alone.retain(|entry| !excluded.contains(&entry.seq));
        let filter = &chosen.filter;
        chosen.together.retain(|entry| filter.meets(entry.from, entry.to) && !excluded.contains(&entry.seq));
        stats.skipped = stats.segments - (chosen.alone.len() + chosen.together.len()) as u64;
        Ok(chosen)
    }
}

/// Which columns of which rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) table: EventTable,
    pub(crate) columns: &'a [&'a str],
    pub(crate) rows: &'a ScanFilter,
}

impl Wanted<'_> {
    /// The filter, whose columns and those that are wanted are there; patterns are for texts.
    fn filter(&self) -> Result<RowFilter, StoreError> {
        let Self { table, columns, rows } = *self;
        let schema = table.schema();
        let absent = |name: &&str| schema.column_with_name(name).is_none();
        let is_other = |like: &&Like| match schema.field_with_name(&like.column) {
            Ok(field) => *field.data_type() != DataType::Utf8View,
            Err(_absent) => true,
        };
        let equal = rows.equals.iter().map(|(column, _)| column.as_str()).filter(absent);
        let like = rows.likes.iter().filter(is_other).map(|like| like.column.as_str());
        match columns.iter().copied().filter(absent).chain(equal).chain(like).next() {
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

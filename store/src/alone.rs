//! Rows of segments that share no event with each other, one segment after the other.
//!
//! In: segments of one table, wanted columns, a filter. Out: batches of these columns, in order within a segment.
//! Owns: what need not be read where nothing is a copy: keys, and whole segments of which the rows are counted only.
//! Bound: one segment is open, with one batch of its rows. Law: every row is given once.

use arrow::array::{RecordBatch, RecordBatchOptions};

use crate::columns::Columns;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::options::FILTERED_ROWS;
use crate::scan::RowFilter;
use crate::segment_rows::{OpenSegment, SegmentRows};
use crate::text_rows::{Given, Opened, TextRows, TextScan};
use crate::{EventTable, StoreError};

/// Rows without any column that are given at once.
const COUNTED_ROWS: u64 = 65_536;

/// A segment that is being read.
enum Open {
    Rows(SegmentRows),
    Texts(Box<TextRows>),
}

/// A scan of some segments of one table.
pub(crate) struct Alone<'a> {
    folder: &'a Folder,
    table: EventTable,
    columns: &'a Columns,
    filter: &'a RowFilter,
    /// Rows of segments of which nothing else is asked.
    counted: u64,
    waiting: std::vec::IntoIter<Entry>,
    open: Option<Open>,
    /// Where only texts are asked for.
    texts: Option<TextScan<'a>>,
    /// Row groups that are read, of the segments opened so far.
    pub(crate) row_groups: u64,
    /// Segments that are not read, or hold no row that is asked for.
    pub(crate) unread: u64,
}

impl<'a> Alone<'a> {
    /// The scan of those segments, which are all of that table.
    pub(crate) fn new(
        folder: &'a Folder,
        entries: Vec<Entry>,
        table: EventTable,
        columns: &'a Columns,
        filter: &'a RowFilter,
    ) -> Self {
        let without_columns = columns.schema(table).fields().is_empty();
        let is_counted = |entry: &Entry| without_columns && filter.passes_all(entry.from, entry.to);
        let (counted, read): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_counted);
        Self {
            folder,
            table,
            columns,
            filter,
            counted: counted.iter().map(|entry| entry.rows).sum(),
            waiting: read.into_iter(),
            open: None,
            texts: TextScan::new(table, columns.schema(table), filter),
            row_groups: 0,
            unread: counted.len() as u64,
        }
    }

    /// The next batch; none at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            if self.counted >= COUNTED_ROWS {
                return self.some_counted().map(Some);
            }
            match self.next_given()? {
                Some(Given::Rows(batch)) if batch.num_columns() == 0 => {
                    self.counted += batch.num_rows() as u64
                }
                Some(Given::Rows(batch)) if batch.num_rows() > 0 => return Ok(Some(batch)),
                Some(Given::Rows(_)) => {}
                Some(Given::Count(rows)) => self.counted += rows,
                None => match self.waiting.next() {
                    Some(entry) => self.open(&entry)?,
                    None if self.counted > 0 => return self.some_counted().map(Some),
                    None => return Ok(None),
                },
            }
        }
    }

    /// What the open segment gives next; none at its end.
    fn next_given(&mut self) -> Result<Option<Given>, StoreError> {
        let given = match (&mut self.open, &mut self.texts) {
            (Some(Open::Rows(rows)), _) => rows.next()?.map(Given::Rows),
            (Some(Open::Texts(rows)), Some(texts)) => texts.next(rows)?,
            _ => None,
        };
        if given.is_none() {
            self.open = None;
        }
        Ok(given)
    }

    fn open(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let opened =
            self.texts.as_mut().map_or(Ok(Opened::Otherwise), |texts| texts.open(self.folder, entry));
        let (groups, open) = match opened? {
            Opened::Rows(groups, rows) => (groups, Some(Open::Texts(rows))),
            Opened::Nothing => (0, None),
            Opened::Otherwise => {
                let (folder, columns, filter) = (self.folder, self.columns, self.filter);
                let (groups, rows) = OpenSegment::begin(folder, entry, columns, FILTERED_ROWS, Some(filter))?;
                (groups, rows.map(Open::Rows))
            }
        };
        self.row_groups += groups as u64;
        self.unread += u64::from(open.is_none());
        self.open = open;
        Ok(())
    }

    fn some_counted(&mut self) -> Result<RecordBatch, StoreError> {
        let rows = self.counted.min(COUNTED_ROWS);
        self.counted -= rows;
        let options = RecordBatchOptions::new().with_row_count(usize::try_from(rows).ok());
        RecordBatch::try_new_with_options(self.columns.schema(self.table), Vec::new(), &options)
            .map_err(StoreError::rows("count", self.table.name()))
    }
}

//! Rows of one event table in no order: what is counted or grouped needs no merge.
//!
//! In: segments of one table, wanted columns, a filter. Out: batches of these columns, each event once.
//! Owns: the finding of copies. Rows are looked at a stretch at a time: of every open segment those up to a key that all
//! of them have reached, so that the copies of an event lie in one stretch.
//! Bound: decoded rows as in a merge, and a hash for each row of a stretch.
//! Law: a stretch without copies goes out as it lies; of copies the one with the smallest place is kept, as in a merge.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::compute::{BatchCoalescer, interleave_record_batch};

use crate::columns::Columns;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::merge::{Cursor, read_rows};
use crate::options::FILTERED_ROWS;
use crate::scan::RowFilter;
use crate::segment_rows::OpenSegment;
use crate::{EventTable, StoreError};

/// Slices of at least this many rows go out as they lie; smaller ones are copied together.
const SMALL_SLICE_ROWS: usize = FILTERED_ROWS / 4;

/// The place of a row in canonical order.
type Key = (i64, [u8; 16]);

/// A scan of some segments of one table, a stretch at a time.
pub(crate) struct Stretches<'a> {
    folder: &'a Folder,
    table: EventTable,
    columns: &'a Columns,
    filter: &'a RowFilter,
    read_rows: usize,
    /// Segments that are not open yet, the latest first.
    waiting: Vec<Entry>,
    cursors: Vec<Cursor>,
    together: BatchCoalescer,
    copies: Copies,
    ended: bool,
    /// Row groups that are read, of the segments opened so far.
    pub(crate) row_groups: u64,
    /// Segments among them that hold no row that is asked for.
    pub(crate) unread: u64,
}

impl<'a> Stretches<'a> {
    /// The scan of those segments, which are all of that table.
    pub(crate) fn new(
        folder: &'a Folder,
        mut entries: Vec<Entry>,
        table: EventTable,
        columns: &'a Columns,
        filter: &'a RowFilter,
    ) -> Self {
        let read_rows = read_rows(&entries, columns);
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.from, entry.seq)));
        let together = BatchCoalescer::new(columns.schema(table), FILTERED_ROWS)
            .with_biggest_coalesce_batch_size(Some(SMALL_SLICE_ROWS));
        Self {
            folder,
            table,
            columns,
            filter,
            read_rows,
            waiting: entries,
            cursors: Vec::new(),
            together,
            copies: Copies::default(),
            ended: false,
            row_groups: 0,
            unread: 0,
        }
    }

    /// The next batch; none at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let failed = StoreError::rows("gather", self.table.name());
        loop {
            if let Some(batch) = self.together.next_completed_batch() {
                return Ok(Some(batch));
            }
            if self.ended {
                return Ok(None);
            }
            for slice in self.next_stretch()? {
                self.together.push_batch(slice).map_err(&failed)?;
            }
            if self.cursors.is_empty() && self.waiting.is_empty() {
                self.ended = true;
                self.together.finish_buffered_batch().map_err(&failed)?;
            }
        }
    }

    /// The rows of the next stretch; it is empty where a segment that was opened holds none.
    fn next_stretch(&mut self) -> Result<Vec<RecordBatch>, StoreError> {
        if self.cursors.is_empty() {
            self.open_next()?;
        }
        while let (Some(reached), Some(next)) = (self.reached(), self.waiting.last())
            && next.from.0 <= reached.0
        {
            self.open_next()?;
        }
        let Some(reached) = self.reached() else { return Ok(Vec::new()) };
        let ranges: Vec<Range<usize>> = self.cursors.iter().map(|cursor| up_to(cursor, reached)).collect();
        let rows = if self.copies.are_among(&self.cursors, &ranges) {
            self.without_copies(&ranges).map_err(StoreError::rows("gather", self.table.name()))?
        } else {
            let slice =
                |(cursor, range): (&Cursor, &Range<usize>)| cursor.batch.slice(range.start, range.len());
            self.cursors.iter().zip(&ranges).filter(|(_, range)| !range.is_empty()).map(slice).collect()
        };
        self.advance(&ranges)?;
        Ok(rows)
    }

    fn open_next(&mut self) -> Result<(), StoreError> {
        let Some(entry) = self.waiting.pop() else { return Ok(()) };
        let (groups, rows) =
            OpenSegment::begin(self.folder, &entry, self.columns, self.read_rows, Some(self.filter))?;
        self.row_groups += groups as u64;
        self.unread += u64::from(rows.is_none());
        if let Some(cursor) = rows.map_or(Ok(None), Cursor::at_next)? {
            self.cursors.push(cursor);
        }
        Ok(())
    }

    /// The last key up to which the rows of every open segment are decoded.
    fn reached(&self) -> Option<Key> {
        self.cursors.iter().map(|cursor| key(cursor, cursor.keys.len().saturating_sub(1))).min()
    }

    /// The rows of these ranges in canonical order, of each event the copy with the smallest place.
    fn without_copies(&self, ranges: &[Range<usize>]) -> Result<Vec<RecordBatch>, arrow::error::ArrowError> {
        let of_cursor = |(source, (cursor, range)): (usize, (&'_ Cursor, &Range<usize>))| {
            let keys = cursor.keys.clone();
            range.clone().map(move |row| ((keys.time(row), keys.id(row)), source, row))
        };
        let cursors = self.cursors.iter().zip(ranges).enumerate();
        let mut rows: Vec<(Key, usize, usize)> = cursors.flat_map(of_cursor).collect();
        let place = |(_, source, row): &(Key, usize, usize)| {
            self.cursors.get(*source).map(|cursor| cursor.keys.place(*row))
        };
        rows.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| place(a).cmp(&place(b))));
        rows.dedup_by_key(|row| row.0);
        let sources: Vec<&RecordBatch> = self.cursors.iter().map(|cursor| &cursor.batch).collect();
        let order: Vec<(usize, usize)> = rows.iter().map(|(_, source, row)| (*source, *row)).collect();
        interleave_record_batch(&sources, &order).map(|batch| vec![batch])
    }

    /// Moves each segment on behind its range, and to its next rows where these end.
    fn advance(&mut self, ranges: &[Range<usize>]) -> Result<(), StoreError> {
        let cursors = std::mem::take(&mut self.cursors);
        for (mut cursor, range) in cursors.into_iter().zip(ranges) {
            cursor.row = range.end;
            let next =
                if cursor.row < cursor.keys.len() { Some(cursor) } else { Cursor::at_next(cursor.rows)? };
            self.cursors.extend(next);
        }
        Ok(())
    }
}

fn key(cursor: &Cursor, row: usize) -> Key {
    (cursor.keys.time(row), cursor.keys.id(row))
}

/// The rows of a cursor that were not given yet, up to a key.
fn up_to(cursor: &Cursor, reached: Key) -> Range<usize> {
    let (mut low, mut high) = (cursor.row, cursor.keys.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if key(cursor, middle) <= reached { low = middle + 1 } else { high = middle }
    }
    cursor.row..low
}

/// A set of parts of ids, used again for each stretch.
#[derive(Debug, Default)]
struct Copies {
    /// Zero where nothing stands; half of it stays free at least.
    slots: Vec<u64>,
}

impl Copies {
    /// Whether an event may stand twice in these ranges. Ids are hashes: half of one tells them apart, and should two
    /// events share it, their stretch is put in order for nothing.
    fn are_among(&mut self, cursors: &[Cursor], ranges: &[Range<usize>]) -> bool {
        if ranges.iter().filter(|range| !range.is_empty()).count() < 2 {
            return false;
        }
        let rows: usize = ranges.iter().map(Range::len).sum();
        let size = (2 * rows).next_power_of_two();
        self.slots.clear();
        self.slots.resize(size, 0);
        let ids = cursors
            .iter()
            .zip(ranges)
            .flat_map(|(cursor, range)| range.clone().map(|row| u128::from_le_bytes(cursor.keys.id(row))));
        ids.into_iter().any(|id| !self.insert(id))
    }

    /// Whether the id was not there.
    #[allow(clippy::cast_possible_truncation, reason = "some bits of an id are meant")]
    fn insert(&mut self, id: u128) -> bool {
        let part = ((id as u64) ^ ((id >> 64) as u64)).max(1);
        let mask = self.slots.len() - 1;
        let mut place = part as usize & mask;
        while let Some(slot) = self.slots.get_mut(place) {
            match *slot {
                0 => {
                    *slot = part;
                    return true;
                }
                known if known == part => return false,
                _ => place = (place + 1) & mask,
            }
        }
        false
    }
}

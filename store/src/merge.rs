//! All committed events in canonical order, in bounded memory.
//!
//! In: the manifest's entries. Out: batches such that no row of a later batch comes before one of an earlier.
//! Owns: the merge. Each table's segments are sorted; the merge takes the smallest head again and again.
//! Bound: a segment is opened when the merge reaches its first event and dropped after its last. All open
//! segments share [`HELD_ROWS`] decoded rows; besides, each holds its footer and one page of each column.
//! Law: the same events give the same rows, whatever the order and the cutting in which they were appended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::SchemaRef;
use offbound_schemas::EventBatch;

use crate::columns::Columns;
use crate::event_table::RowKeys;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::options::{HELD_ROWS, HELD_ROWS_WITH_TEXT};
use crate::overlap::deepest;
use crate::scan::RowFilter;
use crate::segment_rows::{OpenSegment, SegmentRows};
use crate::{EventTable, StoreError};

/// Up to so many runs, slices are joined; with more, single rows are picked, which costs less per run.
const MAX_JOINED_RUNS: usize = 64;

/// Fewest rows that are decoded at once, however many segments are open: less would cost more than it saves.
const MIN_READ_ROWS: usize = 64;
/// Most rows that are decoded at once.
const MAX_READ_ROWS: usize = 8_192;

/// The place of a row in canonical order; a segment that is not open yet stands before its first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time: i64,
    id: Option<[u8; 16]>,
    table: EventTable,
}

/// A segment's head in the merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    key: Key,
    slot: usize,
}

/// The merge of all segments.
pub(crate) struct Merge<'a> {
    folder: &'a Folder,
    entries: Vec<Entry>,
    columns: &'a Columns,
    heads: BinaryHeap<Reverse<Head>>,
    cursors: Vec<Option<Cursor>>,
    output: [Output; 3],
    read_rows: usize,
    max_rows: usize,
    rows: usize,
    filter: Option<&'a RowFilter>,
    /// Row groups that are read, of the segments opened so far.
    pub(crate) row_groups: u64,
    /// Segments among them that hold no row that is asked for.
    pub(crate) unread: u64,
}

impl<'a> Merge<'a> {
    /// The merge of all rows.
    pub(crate) fn new(
        folder: &'a Folder,
        entries: Vec<Entry>,
        columns: &'a Columns,
        max_rows: usize,
    ) -> Self {
        Self::filtered(folder, entries, columns, max_rows, None)
    }

    /// The merge of the rows that pass the filter.
    pub(crate) fn filtered(
        folder: &'a Folder,
        entries: Vec<Entry>,
        columns: &'a Columns,
        max_rows: usize,
        filter: Option<&'a RowFilter>,
    ) -> Self {
        let head = |(slot, entry): (usize, &Entry)| {
            Reverse(Head { key: Key { time: entry.from.0, id: None, table: entry.table }, slot })
        };
        let heads = entries.iter().enumerate().map(head).collect();
        let cursors = entries.iter().map(|_| None).collect();
        let output = EventTable::ALL.map(|table| Output::new(table, columns.schema(table)));
        let read_rows = read_rows(&entries, columns);
        Self {
            folder,
            entries,
            columns,
            heads,
            cursors,
            output,
            read_rows,
            max_rows: max_rows.max(1),
            rows: 0,
            filter,
            row_groups: 0,
            unread: 0,
        }
    }

    /// The next batch; none at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<EventBatch>, StoreError> {
        while self.rows < self.max_rows && self.step()? {}
        if self.rows == 0 {
            return Ok(None);
        }
        self.rows = 0;
        for cursor in self.cursors.iter_mut().flatten() {
            cursor.output_source = None;
        }
        let [host_events, identity_assertions, placements] = &mut self.output;
        Ok(Some(EventBatch {
            host_events: host_events.take()?,
            identity_assertions: identity_assertions.take()?,
            placements: placements.take()?,
        }))
    }

    /// Opens the segment at the head, or takes the run of rows there; false at the end.
    fn step(&mut self) -> Result<bool, StoreError> {
        let Some(Reverse(head)) = self.heads.pop() else { return Ok(false) };
        if head.key.id.is_none() {
            self.open(head.slot)?;
            return Ok(true);
        }
        let slot = self.settle_copies(head)?;
        let limit = self.heads.peek().map(|Reverse(head)| head.key);
        let room = self.max_rows - self.rows;
        let Some(cursor) = self.cursors.get_mut(slot).and_then(Option::as_mut) else { return Ok(true) };
        let run = cursor.run(limit, room);
        self.rows += run.len();
        if let Some(output) = self.output.get_mut(cursor.rows.table as usize) {
            output.add(cursor, run.start, run.end);
        }
        self.advance(slot, run.end)?;
        Ok(true)
    }

    fn open(&mut self, slot: usize) -> Result<(), StoreError> {
        let Some(entry) = self.entries.get(slot) else { return Ok(()) };
        let (groups, rows) =
            OpenSegment::begin(self.folder, entry, self.columns, self.read_rows, self.filter)?;
        self.row_groups += groups as u64;
        self.unread += u64::from(rows.is_none());
        let cursor = rows.map_or(Ok(None), Cursor::at_next)?;
        self.put_back(slot, cursor);
        Ok(())
    }

    /// Of several copies of the event at `head`, keeps the one with the smallest place; returns its slot.
    fn settle_copies(&mut self, head: Head) -> Result<usize, StoreError> {
        let mut kept = head.slot;
        while self.heads.peek().is_some_and(|Reverse(other)| other.key == head.key) {
            let Some(Reverse(other)) = self.heads.pop() else { break };
            let dropped = if self.place(other.slot) < self.place(kept) {
                std::mem::replace(&mut kept, other.slot)
            } else {
                other.slot
            };
            let row = self.cursors.get(dropped).and_then(Option::as_ref).map_or(0, |cursor| cursor.row);
            self.advance(dropped, row + 1)?;
        }
        Ok(kept)
    }

    fn place(&self, slot: usize) -> Option<(&str, &str)> {
        let cursor = self.cursors.get(slot)?.as_ref()?;
        Some(cursor.keys.place(cursor.row))
    }

    /// Moves a cursor on to `row`, and to its next rows where these end.
    fn advance(&mut self, slot: usize, row: usize) -> Result<(), StoreError> {
        let Some(mut cursor) = self.cursors.get_mut(slot).and_then(Option::take) else { return Ok(()) };
        cursor.row = row;
        let next = if row < cursor.keys.len() { Some(cursor) } else { Cursor::at_next(cursor.rows)? };
        self.put_back(slot, next);
        Ok(())
    }

    fn put_back(&mut self, slot: usize, cursor: Option<Cursor>) {
        if let Some(cursor) = &cursor {
            self.heads.push(Reverse(Head { key: cursor.key(cursor.row), slot }));
        }
        if let Some(place) = self.cursors.get_mut(slot) {
            *place = cursor;
        }
    }
}

/// Rows that are decoded at once from each segment, so that all that are open at the same time hold no more than may be.
pub(crate) fn read_rows(entries: &[Entry], columns: &Columns) -> usize {
    let open = deepest(entries).map_or(1, |deepest| deepest.depth);
    let held = if columns.with_text() { HELD_ROWS_WITH_TEXT } else { HELD_ROWS };
    (held / open).clamp(MIN_READ_ROWS, MAX_READ_ROWS)
}

/// Where a scan stands in one segment.
pub(crate) struct Cursor {
    pub(crate) rows: SegmentRows,
    pub(crate) batch: RecordBatch,
    pub(crate) keys: RowKeys,
    pub(crate) row: usize,
    /// Number of `batch` among the sources of the batch that is being put together.
    output_source: Option<usize>,
}

impl Cursor {
    /// A cursor at the next rows of a segment; none at its end.
    pub(crate) fn at_next(mut rows: SegmentRows) -> Result<Option<Self>, StoreError> {
        while let Some(batch) = rows.next()? {
            if batch.num_rows() > 0 {
                let keys = RowKeys::new(rows.table, &batch)?;
                return Ok(Some(Self { rows, batch, keys, row: 0, output_source: None }));
            }
        }
        Ok(None)
    }

    fn key(&self, row: usize) -> Key {
        Key { time: self.keys.time(row), id: Some(self.keys.id(row)), table: self.rows.table }
    }

    /// The rows from here that come before `limit`, at most `room` of them.
    fn run(&self, limit: Option<Key>, room: usize) -> std::ops::Range<usize> {
        let most = self.keys.len().min(self.row.saturating_add(room));
        let end = match limit {
            None => most,
            Some(limit) if self.key(most - 1) < limit => most,
            Some(limit) => (self.row + 1..most).find(|row| self.key(*row) >= limit).unwrap_or(most),
        };
        self.row..end.max(self.row + 1).min(self.keys.len())
    }
}

/// Rows of one table for the batch that is being put together.
#[derive(Debug)]
struct Output {
    table: EventTable,
    schema: SchemaRef,
    sources: Vec<RecordBatch>,
    /// Source, first row, row after the last.
    runs: Vec<(usize, usize, usize)>,
}

impl Output {
    fn new(table: EventTable, schema: SchemaRef) -> Self {
        Self { table, schema, sources: Vec::new(), runs: Vec::new() }
    }

    fn add(&mut self, cursor: &mut Cursor, from: usize, to: usize) {
        let source = *cursor.output_source.get_or_insert_with(|| {
            self.sources.push(cursor.batch.clone());
            self.sources.len() - 1
        });
        match self.runs.last_mut() {
            Some(last) if last.0 == source && last.2 == from => last.2 = to,
            _ => self.runs.push((source, from, to)),
        }
    }

    /// The rows as one batch.
    fn take(&mut self) -> Result<RecordBatch, StoreError> {
        let (sources, runs) = (std::mem::take(&mut self.sources), std::mem::take(&mut self.runs));
        let slice =
            |run: &(usize, usize, usize)| sources.get(run.0).map(|source| source.slice(run.1, run.2 - run.1));
        let failed = StoreError::rows("merge", self.table.name());
        if let [run] = runs.as_slice()
            && let Some(batch) = slice(run)
        {
            return Ok(batch);
        }
        if runs.len() <= MAX_JOINED_RUNS {
            let slices: Vec<RecordBatch> = runs.iter().filter_map(slice).collect();
            return concat_batches(&self.schema, &slices).map_err(failed);
        }
        let sources: Vec<&RecordBatch> = sources.iter().collect();
        let rows: Vec<(usize, usize)> =
            runs.iter().flat_map(|(source, from, to)| (*from..*to).map(|row| (*source, row))).collect();
        interleave_record_batch(&sources, &rows).map_err(failed)
    }
}

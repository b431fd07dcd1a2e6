//! One stored record, for a reader.
//!
//! In: event ids. Out: where each record is, its columns as text, and the record's own text.
//! Owns: the search by event id (bloom filters first). Law: of several copies, the one that a scan gives.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use offbound_schemas::{EventId, EventTime, cell_text};

use crate::columns::Columns;
use crate::event_table::RowKeys;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::segment_rows::OpenSegment;
use crate::{EventTable, StoreError};

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its identity.
    pub event_id: EventId,
    /// When it happened.
    pub event_time: EventTime,
    /// Table that it is in.
    pub table: EventTable,
    /// Source label.
    pub source: String,
    /// Where the record is.
    pub location: String,
    /// Columns that say something, in the table's order; lists are JSON arrays.
    pub columns: Vec<(String, String)>,
    /// The record's own text; empty when the store was written without.
    pub raw: String,
}

/// Finds the records of `ids`. Of segments that hold none little more than the footer is read.
pub(crate) fn find(
    folder: &Folder,
    entries: &[Entry],
    ids: &[EventId],
) -> Result<BTreeMap<EventId, StoredRecord>, StoreError> {
    let mut found = BTreeMap::new();
    for entry in entries {
        let segment = OpenSegment::open(folder, entry)?;
        for row_group in 0..segment.row_groups() {
            let wanted = segment.may_hold(row_group, ids)?;
            if !wanted.is_empty() {
                search(&segment, row_group, &wanted, &mut found)?;
            }
        }
    }
    Ok(found)
}

fn search(
    segment: &OpenSegment,
    row_group: usize,
    wanted: &[EventId],
    found: &mut BTreeMap<EventId, StoredRecord>,
) -> Result<(), StoreError> {
    let mut rows = segment.some_rows(&Columns::keys(), row_group, 0, usize::MAX)?;
    let Some(batch) = rows.next()? else { return Ok(()) };
    let keys = RowKeys::new(segment.table, &batch)?;
    for row in 0..keys.len() {
        let id = EventId(keys.id(row));
        if !wanted.contains(&id) {
            continue;
        }
        let known = found.get(&id).map(|record| (record.location.as_str(), record.source.as_str()));
        if known.is_none_or(|known| keys.place(row) < known)
            && let Some(whole) = segment.some_rows(&Columns::all(), row_group, row, 1)?.next()?
        {
            found.insert(id, stored_record(segment.table, &whole, &RowKeys::new(segment.table, &whole)?, 0));
        }
    }
    Ok(())
}

fn stored_record(table: EventTable, batch: &RecordBatch, keys: &RowKeys, row: usize) -> StoredRecord {
    let names = table.key_columns();
    let (location, source) = keys.place(row);
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.filter_map(|(field, array)| Some((field.name().clone(), cell_text(array, row)?)));
    let (raw, columns): (Vec<_>, Vec<_>) = columns.partition(|(name, _)| name == names.raw);
    StoredRecord {
        event_id: EventId(keys.id(row)),
        event_time: EventTime(keys.time(row)),
        table,
        source: source.to_owned(),
        location: location.to_owned(),
        columns,
        raw: raw.into_iter().map(|(_, text)| text).collect(),
    }
}

//! Made-up rows: every cell is a function of its row's key and column, so that any row can be checked anywhere.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Int64Array, ListBuilder, RecordBatch, StringViewArray,
    StringViewBuilder, TimestampNanosecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field};
use offbound_schemas::EventBatch;
use offbound_schemas::table::host_events::column;
use offbound_store::{EventTable, Options};

/// One row: its table, event time, event id and place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) time: i64,
    pub(crate) id: u16,
    pub(crate) table: EventTable,
    pub(crate) place: u8,
}

impl Row {
    pub(crate) fn new(table: EventTable, time: i64, id: u16) -> Self {
        Self { time, id, table, place: 0 }
    }

    pub(crate) fn event_id(&self) -> [u8; 16] {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&self.id.to_be_bytes());
        id
    }

    pub(crate) fn location(&self) -> String {
        format!("day-{}.log:{}", self.place, self.id)
    }
}

/// The rows of one table as a batch with every column filled.
pub(crate) fn table_batch(table: EventTable, rows: &[Row]) -> RecordBatch {
    let mine: Vec<&Row> = rows.iter().filter(|row| row.table == table).collect();
    let schema = table.schema();
    let arrays =
        schema.fields().iter().enumerate().map(|(index, field)| cells(field, index, &mine)).collect();
    RecordBatch::try_new(schema, arrays).expect("cells have their column's type")
}

/// The rows of all tables.
pub(crate) fn batch(rows: &[Row]) -> EventBatch {
    let [host_events, identity_assertions, placements] =
        EventTable::ALL.map(|table| table_batch(table, rows));
    EventBatch { host_events, identity_assertions, placements }
}

fn cells(field: &Field, index: usize, rows: &[&Row]) -> ArrayRef {
    let seed = |row: &&Row| u64::from(row.id).wrapping_mul(2_654_435_761).wrapping_add(index as u64 * 97);
    let filled = |row: &&Row| !(field.is_nullable() && seed(row) % 3 == 0);
    let seeds = || rows.iter().map(|row| filled(row).then(|| seed(row)));
    let text = |row: &&Row| filled(row).then(|| text(field.name(), row, seed(row)));
    match field.data_type() {
        DataType::FixedSizeBinary(_) => {
            let ids = rows.iter().map(|row| row.event_id());
            Arc::new(
                FixedSizeBinaryArray::try_from_iter(ids)
                    .unwrap_or_else(|_| FixedSizeBinaryArray::new_null(16, 0)),
            )
        }
        DataType::Timestamp(..) if field.name() == column::event_time => Arc::new(
            TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.time)).with_timezone("UTC"),
        ),
        DataType::Timestamp(..) => Arc::new(
            seeds()
                .map(|seed| seed.map(|seed| seed as i64))
                .collect::<TimestampNanosecondArray>()
                .with_timezone("UTC"),
        ),
        DataType::Utf8View => Arc::new(rows.iter().map(text).collect::<StringViewArray>()),
        DataType::Boolean => {
            Arc::new(seeds().map(|seed| seed.map(|seed| seed % 2 == 0)).collect::<BooleanArray>())
        }
        DataType::UInt16 => {
            Arc::new(seeds().map(|seed| seed.map(|seed| seed as u16)).collect::<UInt16Array>())
        }
        DataType::UInt32 => {
            Arc::new(seeds().map(|seed| seed.map(|seed| seed as u32)).collect::<UInt32Array>())
        }
        DataType::UInt64 => {
            Arc::new(seeds().map(|seed| seed.map(|seed| seed << 40)).collect::<UInt64Array>())
        }
        DataType::Int64 => {
            Arc::new(seeds().map(|seed| seed.map(|seed| -(seed as i64))).collect::<Int64Array>())
        }
        DataType::List(item) => {
            let mut lists = ListBuilder::new(StringViewBuilder::new()).with_field(Arc::clone(item));
            for row in rows {
                (0..seed(row) % 4)
                    .for_each(|part| lists.values().append_value(format!("item {part} of {}", row.id)));
                lists.append(true);
            }
            Arc::new(lists.finish())
        }
        other => unreachable!("no event table has a column of type {other}"),
    }
}

fn text(name: &str, row: &Row, seed: u64) -> String {
    if name == column::location {
        return row.location();
    }
    // Short texts lie inside a view, long ones beside it.
    if seed.is_multiple_of(2) {
        format!("{seed}")
    } else {
        format!("{name} of the row with number {}, longer than a view", row.id)
    }
}

/// Options so small that a few rows make many segments.
pub(crate) fn tiny(segment_rows: usize, row_group_rows: usize) -> Options {
    Options { segment_rows, row_group_rows, durable: false, ..Options::default() }
}

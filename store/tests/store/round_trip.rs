//! Every column of every event table survives the disk.

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use offbound_schemas::EventBatch;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_store::{Columns, EventTable, Options, Store, StoreError, Writer};

use crate::rows::{Row, batch, table_batch, tiny};

fn all_rows(count: u16) -> Vec<Row> {
    let row = |(table, id)| Row::new(table, i64::from(id) * 1_000, id);
    (0..count).flat_map(|id| EventTable::ALL.map(|table| (table, id))).map(row).collect()
}

fn scan(store: &Store, columns: &Columns) -> Result<Vec<EventBatch>, StoreError> {
    let mut batches = Vec::new();
    store.scan_in_order(columns, 100, |batch| {
        batches.push(batch);
        Ok::<(), StoreError>(())
    })?;
    Ok(batches)
}

fn joined(table: EventTable, batches: &[EventBatch]) -> RecordBatch {
    let parts: Vec<&RecordBatch> = batches.iter().map(|batch| table.of(batch)).collect();
    concat_batches(&table.schema(), parts).expect("parts of one table")
}

/// Scenario: rows with every column filled (and every nullable column sometimes null), in three tables, several
/// segments and row groups. Guarantees: a scan gives the very same cells, and the views of `schemas` read them.
#[test]
fn every_column_survives() -> Result<(), StoreError> {
    let rows = all_rows(60);
    let mut writer = Writer::temporary(tiny(25, 10))?;
    for part in rows.chunks(17) {
        writer.append(&batch(part))?;
    }
    writer.flush()?;
    let batches = scan(writer.store(), &Columns::all())?;
    for table in EventTable::ALL {
        assert_eq!(joined(table, &batches), table_batch(table, &rows), "{}", table.name());
    }
    for batch in &batches {
        host_events::View::new(&batch.host_events)?;
        identity_assertions::View::new(&batch.identity_assertions)?;
        placements::View::new(&batch.placements)?;
    }
    Ok(())
}

/// Scenario: a scan without text. Guarantees: `raw` is empty and `unmapped` null, every other cell is as written,
/// and the views still read the batch.
#[test]
fn folding_leaves_out_the_records_text() -> Result<(), StoreError> {
    let options = Options { segment_rows: 25, ..Options::default() };
    check_blank(Writer::temporary(options)?, &Columns::without_text())
}

/// Scenario: a store that was told not to keep the records' text, nor filters. Guarantees: the same, even when all is read.
#[test]
fn a_store_without_raw_keeps_the_rest() -> Result<(), StoreError> {
    let options = Options { segment_rows: 25, indexed: false, ..Options::default() };
    check_blank(Writer::temporary(options)?.keeping(&Columns::without_text()), &Columns::all())
}

/// Scenario: a scan that leaves out columns of every type. Guarantees: they are blank and the views read them.
#[test]
fn any_column_can_be_left_out() -> Result<(), StoreError> {
    let rows = all_rows(5);
    let mut writer = Writer::temporary(Options::default())?;
    writer.append(&batch(&rows))?;
    writer.flush()?;
    let names: Vec<&str> = host_events::columns().iter().map(|column| column.name).collect();
    for batch in scan(writer.store(), &Columns::without(&names))? {
        let view = host_events::View::new(&batch.host_events)?;
        for row in 0..view.len() {
            assert!(view.location(row).starts_with("day-0"), "what locates a row is always read");
            assert_eq!((view.host(row), view.uid(row), view.target_is_credential(row)), (None, None, false));
            assert_eq!((view.args(row), view.raw(row)), (Vec::new(), ""));
        }
    }
    Ok(())
}

fn check_blank(mut writer: Writer, columns: &Columns) -> Result<(), StoreError> {
    let rows = all_rows(40);
    writer.append(&batch(&rows))?;
    writer.flush()?;
    let batches = scan(writer.store(), columns)?;
    let (found, written) =
        (joined(EventTable::HostEvents, &batches), table_batch(EventTable::HostEvents, &rows));
    for (field, (found_column, written_column)) in
        written.schema().fields().iter().zip(found.columns().iter().zip(written.columns()))
    {
        let name = field.name().as_str();
        if ![host_events::column::raw, host_events::column::unmapped].contains(&name) {
            assert_eq!(found_column, written_column, "{name}");
        }
    }
    let view = host_events::View::new(&found)?;
    assert_eq!(view.len(), 40);
    assert!((0..view.len()).all(|row| view.raw(row).is_empty() && view.unmapped(row).is_none()));
    assert_eq!(found.column(0).null_count(), 0);
    Ok(())
}

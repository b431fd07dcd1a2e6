//! Some rows of one table: the same as reading all of them and looking.

use std::error::Error;
use std::ops::ControlFlow;

use arrow::array::{AsArray, RecordBatch};
use offbound_schemas::table::{host_events, identity_assertions};
use offbound_schemas::{EventTime, cell_text};
use offbound_store::{EventTable, Options, RowOrder, ScanFilter, ScanStats, Store, StoreError, Writer};
use rusqlite::Connection;

use crate::rows::{Row, batch, table_batch, tiny};

const TABLE: EventTable = EventTable::HostEvents;

/// The batches of a scan in canonical order, and what it read; one in any order gives the same rows and reads the same.
fn scan(
    store: &Store,
    columns: &[&str],
    filter: &ScanFilter,
) -> Result<(Vec<RecordBatch>, ScanStats), StoreError> {
    let (ordered, stats) = scan_by(store, columns, filter, RowOrder::Canonical)?;
    let (any, same) = scan_by(store, columns, filter, RowOrder::Any)?;
    assert_eq!(stats, same, "{filter:?}");
    assert_eq!(lines(&ordered), lines(&any), "{filter:?}");
    Ok((ordered, stats))
}

fn scan_by(
    store: &Store,
    columns: &[&str],
    filter: &ScanFilter,
    order: RowOrder,
) -> Result<(Vec<RecordBatch>, ScanStats), StoreError> {
    let mut batches = Vec::new();
    let stats = store.scan_table(TABLE, columns, filter, order, |batch| {
        batches.push(batch);
        ControlFlow::Continue(())
    })?;
    Ok((batches, stats))
}

/// The rows as text, in an order that does not depend on how they came.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let cell = |batch: &RecordBatch, column: usize, row: usize| cell_text(batch.column(column), row);
    let line = |batch: &RecordBatch, row: usize| {
        (0..batch.num_columns()).map(|column| format!("{:?}", cell(batch, column, row))).collect::<String>()
    };
    let rows = |batch: &RecordBatch| (0..batch.num_rows()).map(|row| line(batch, row)).collect::<Vec<_>>();
    let mut lines: Vec<String> = batches.iter().flat_map(rows).collect();
    lines.sort();
    lines
}

fn texts(batches: &[RecordBatch], column: usize) -> Vec<Option<String>> {
    let arrays = batches.iter().map(|batch| batch.column(column).as_string_view());
    arrays.flat_map(|array| array.iter().map(|cell| cell.map(str::to_owned))).collect()
}

fn equals(column: &str, value: &str) -> ScanFilter {
    ScanFilter { equals: vec![(column.to_owned(), value.to_owned())], ..ScanFilter::default() }
}

/// A store of 120 host events, one each moment, in segments that hardly overlap, with the first 30 read twice, and
/// with rows of another table.
fn some_store() -> Result<(Writer, Vec<Row>), StoreError> {
    let rows: Vec<Row> = (0..120).map(|id| Row::new(TABLE, i64::from(id), id)).collect();
    let others: Vec<Row> =
        rows.iter().map(|row| Row { table: EventTable::Placements, ..row.clone() }).collect();
    let mut writer = Writer::temporary(tiny(20, 5))?;
    rows.chunks(10).chain(others.chunks(60)).try_for_each(|rows| writer.append(&batch(rows)))?;
    writer.flush()?;
    let copies: Vec<Row> = rows[..30].iter().map(|row| Row { place: 1, ..row.clone() }).collect();
    writer.append(&batch(&copies))?;
    writer.flush()?;
    Ok((writer, rows))
}

/// Scenario: columns in an order of one's own, stretches of time that touch. Guarantees:
/// each event once, in order, with the cells that were written; segments outside the stretch stay unread.
#[test]
fn stretches_of_time() -> Result<(), StoreError> {
    let (writer, rows) = some_store()?;
    let whole = table_batch(TABLE, &rows);
    let columns = [host_events::column::workload, host_events::column::host];
    let expected: Vec<_> = columns
        .iter()
        .map(|name| {
            texts(
                &[whole.project(&[whole.schema().index_of(name).expect("a column")]).expect("a projection")],
                0,
            )
        })
        .collect();
    for (from, to) in
        [(None, None), (None, Some(17)), (Some(17), Some(60)), (Some(60), None), (Some(7), Some(7))]
    {
        let filter = ScanFilter { from: from.map(EventTime), to: to.map(EventTime), ..ScanFilter::default() };
        let (batches, stats) = scan(writer.store(), &columns, &filter)?;
        let span = usize::try_from(from.unwrap_or(0)).expect("small")
            ..usize::try_from(to.unwrap_or(120)).expect("small");
        for (column, expected) in expected.iter().enumerate() {
            assert_eq!(texts(&batches, column), expected[span.clone()], "{filter:?}");
        }
        assert_eq!(stats.rows, span.len() as u64);
        assert!(stats.segments >= 7 && (stats.skipped > 0) == (span.len() < 120), "{filter:?} {stats:?}");
    }
    Ok(())
}

/// Scenario: every value of an entity column, of another column, of the place (where copies differ), of two columns at
/// once, and values that are not there. Guarantees: the rows that a look at all of them gives; for an entity hardly
/// anything else is read.
#[test]
fn values_of_columns() -> Result<(), StoreError> {
    let (writer, rows) = some_store()?;
    let whole = table_batch(TABLE, &rows);
    let location = host_events::column::location;
    for name in [host_events::column::host, host_events::column::target_path, location] {
        let cells = texts(
            &[whole.project(&[whole.schema().index_of(name).expect("a column")]).expect("a projection")],
            0,
        );
        for value in cells.iter().step_by(7).flatten() {
            let (batches, stats) = scan(writer.store(), &[location, name], &equals(name, value))?;
            let expected: Vec<Option<String>> = rows
                .iter()
                .zip(&cells)
                .filter(|(_, cell)| cell.as_ref() == Some(value))
                .map(|(row, _)| Some(row.location()))
                .collect();
            assert_eq!(texts(&batches, 0), expected, "{name} = {value}");
            assert!(batches.iter().all(|batch| batch.num_columns() == 2));
            let is_entity = name == host_events::column::host;
            assert!(!is_entity || stats.row_groups <= 3, "{name} = {value}: {stats:?}");
        }
    }
    let both = ScanFilter {
        equals: vec![(location.to_owned(), "day-1.log:3".to_owned())],
        from: Some(EventTime(0)),
        ..ScanFilter::default()
    };
    assert_eq!(scan(writer.store(), &[location], &both)?.1.rows, 0, "of two copies the other one is kept");
    let absent = equals(host_events::column::host, "nobody");
    let (none, stats) = scan(writer.store(), &[location], &absent)?;
    assert_eq!((none.len(), stats.segments, stats.rows), (0, stats.skipped, 0));
    Ok(())
}

/// Scenario: columns that are not there, wanted or filtered by. Guarantees: each is refused by name.
#[test]
fn unknown_columns_are_refused() -> Result<(), StoreError> {
    let (writer, _) = some_store()?;
    let foreign = identity_assertions::column::credential_id;
    let cases = [
        scan(writer.store(), &["no such column"], &ScanFilter::default()),
        scan(writer.store(), &[host_events::column::host], &equals(foreign, "x")),
    ];
    for (refused, name) in cases.into_iter().zip(["no such column", foreign]) {
        let refused = refused.map(|(_, stats)| stats).expect_err("the table has no such column").to_string();
        assert!(refused.contains(name) && refused.contains("host_events"), "{refused}");
    }
    Ok(())
}

/// Scenario: more rows than one batch holds, and a receiver that has enough after the first. Guarantees: it gets no
/// more, and all rows when it goes on.
#[test]
fn a_scan_can_be_ended() -> Result<(), StoreError> {
    let rows: Vec<Row> = (0..9_000).map(|id| Row::new(TABLE, i64::from(id), id)).collect();
    let mut writer = Writer::temporary(Options { durable: false, ..Options::default() })?;
    writer.append(&batch(&rows))?;
    writer.flush()?;
    for (answer, expected) in [(ControlFlow::Break(()), 1), (ControlFlow::Continue(()), 2)] {
        let (mut calls, mut given) = (0, 0);
        let columns = [host_events::column::host];
        let order = RowOrder::Canonical;
        let stats = writer.store().scan_table(TABLE, &columns, &ScanFilter::default(), order, |batch| {
            calls += 1;
            given += batch.num_rows() as u64;
            answer
        })?;
        assert_eq!((calls, stats.rows), (expected, given));
        assert_eq!(given == 9_000, expected == 2, "{given}");
    }
    Ok(())
}

/// Scenario: segments that were merged; then filters of the entity index that were changed, and that are gone.
/// Guarantees: an index for each segment that is there and for no other; every value is found as before; a changed filter
/// is refused, one that is gone excludes nothing and is noticed by a check.
#[test]
fn the_entity_index_follows_its_segments() -> Result<(), Box<dyn Error>> {
    let (mut writer, rows) = some_store()?;
    writer.compact()?;
    writer.store().verify()?;
    let column = host_events::column::host;
    let whole = table_batch(TABLE, &rows);
    let hosts = texts(&[whole.project(&[whole.schema().index_of(column)?])?], 0);
    let host = hosts.iter().flatten().next().ok_or("a row has a host")?;
    let of_host = hosts.iter().filter(|cell| cell.as_ref() == Some(host)).count() as u64;
    assert_eq!(scan(writer.store(), &[column], &equals(column, host))?.1.rows, of_host);
    let (_, stats) = scan(writer.store(), &[column], &equals(column, "nobody"))?;
    assert_eq!((stats.skipped, stats.row_groups), (stats.segments, 0));
    let database = Connection::open(writer.store().path().join("offbound.db"))?;
    let mine = format!("key LIKE 'host_events {column} %'");
    let count = format!("SELECT count(*) FROM segment_filters WHERE {mine}");
    assert_eq!(database.query_row(&count, [], |row| row.get::<_, i64>(0))?, i64::try_from(stats.segments)?);
    let change = format!("UPDATE segment_filters SET record = record || 'A' WHERE {mine}");
    assert_eq!(database.execute(&change, [])? as u64, stats.segments);
    let refused = scan(writer.store(), &[column], &equals(column, host)).expect_err("the index was changed");
    assert!(refused.to_string().contains("segment_filters"), "{refused}");
    database.execute(&format!("DELETE FROM segment_filters WHERE {mine}"), [])?;
    assert_eq!(scan(writer.store(), &[column], &equals(column, host))?.1.rows, of_host);
    assert!(writer.store().verify().is_err());
    Ok(())
}

//! Texts that are read by their dictionaries are those that the readers of footers give.

use std::fs;

use arrow::array::{Array as _, AsArray as _};
use offbound_schemas::table::host_events::{column, to_batch};
use offbound_schemas::table::{HostEvent, identity_assertions, placements};
use offbound_schemas::{EventBatch, EventId, hash_id};

use super::*;
use crate::columns::Columns;
use crate::segment_rows::OpenSegment;
use crate::{Like, Options, Packing, ScanFilter, Writer};

const TABLE: EventTable = EventTable::HostEvents;
const ROWS: usize = 7_000;

/// Texts that repeat, texts that do not and are too long for a dictionary, none at all, some that are absent.
fn events() -> Vec<HostEvent> {
    let event = |row: usize| HostEvent {
        event_id: EventId(hash_id("test", &[&row.to_le_bytes()])),
        event_time: offbound_schemas::EventTime(row as i64),
        source: "falco".to_owned(),
        location: format!("day.log:{row}"),
        host: (row % 11 != 3).then(|| format!("n{}", row / 900)),
        comm: (row >= 5_000).then(|| "root".to_owned()),
        cmd_line: (!row.is_multiple_of(7)).then(|| format!("{row} {}", "a long command line ".repeat(40))),
        ..HostEvent::default()
    };
    (0..ROWS).map(event).collect()
}

fn written(packing: Packing) -> (tempfile::TempDir, Writer) {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let options = Options { fresh: packing, row_group_rows: 3_000, durable: false, ..Options::default() };
    let mut writer = Writer::create(&dir.path().join("store"), options).expect("a store can be made");
    let (identity_assertions, placements) = (identity_assertions::to_batch(&[]), placements::to_batch(&[]));
    let batch = EventBatch { host_events: to_batch(&events()), identity_assertions, placements };
    writer.append(&batch).expect("rows of the tables");
    writer.flush().expect("it can be written");
    (dir, writer)
}

/// Cells by row; rows without columns are counted.
fn cells(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let cell = |array: &ArrayRef, row: usize| {
        let texts = array.as_string_view();
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let of_row = |row: usize| batch.columns().iter().map(|array| cell(array, row)).collect();
    (0..batch.num_rows()).map(of_row).collect()
}

type Cells = Vec<Vec<Option<String>>>;

fn by_texts(writer: &Writer, names: &[&str], filter: &RowFilter) -> Result<(usize, Cells), StoreError> {
    let schema = Columns::bare(TABLE, names).schema(TABLE);
    let mut scan = TextScan::new(TABLE, schema, filter).expect("they are texts");
    let (mut groups, mut found) = (0, Vec::new());
    for entry in writer.entries() {
        let (count, mut rows) = match scan.open(writer.folder(), entry)? {
            Opened::Otherwise => panic!("the segment has a directory"),
            Opened::Nothing => continue,
            Opened::Rows(count, rows) => (count, rows),
        };
        groups += count;
        while let Some(given) = scan.next(&mut rows)? {
            match given {
                Given::Count(rows) => found.resize(found.len() + rows as usize, Vec::new()),
                Given::Rows(batch) => found.extend(cells(&batch)),
            }
        }
    }
    Ok((groups, found))
}

fn by_footers(writer: &Writer, names: &[&str], filter: &RowFilter) -> (usize, Cells) {
    let columns = Columns::bare(TABLE, names);
    let (mut groups, mut found) = (0, Vec::new());
    for entry in writer.entries() {
        let opened = OpenSegment::begin(writer.folder(), entry, &columns, 1_000, Some(filter));
        let (count, rows) = opened.expect("a segment");
        groups += count;
        let Some(mut rows) = rows else { continue };
        while let Some(batch) = rows.next().expect("rows") {
            found.extend(cells(&batch));
        }
    }
    (groups, found)
}

fn filters() -> Vec<RowFilter> {
    let equals = |column: &str, text: &str| ScanFilter {
        equals: vec![(column.to_owned(), text.to_owned())],
        ..ScanFilter::default()
    };
    let like = |column: &str, pattern: &str, negated: bool| ScanFilter {
        likes: vec![Like {
            column: column.to_owned(),
            pattern: pattern.to_owned(),
            negated,
            ignores_case: false,
        }],
        ..ScanFilter::default()
    };
    let both =
        ScanFilter { likes: like(column::cmd_line, "%5 a%", false).likes, ..equals(column::host, "n4") };
    let filters = [
        ScanFilter::default(),
        equals(column::host, "n4"),
        equals(column::host, "n99"),
        equals(column::comm, "root"),
        like(column::cmd_line, "69%", false),
        like(column::cmd_line, "%9 a%", true),
        like(column::host, "n%", true),
        both,
    ];
    filters.iter().map(|filter| RowFilter::new(TABLE, filter)).collect()
}

/// Scenario: segments of either packing; columns whose texts repeat, do not, are absent in some rows or in all; filters
/// of one column, of two, that let nothing pass and everything. Guarantees: the rows and row groups that the readers of
/// footers give, in their order.
#[test]
fn rows_are_those_of_the_footers_readers() {
    for packing in [Packing::Quick, Packing::Dense] {
        let (_dir, writer) = written(packing);
        assert_eq!(writer.entries().len(), 1, "one segment of three row groups");
        for filter in filters() {
            for names in [
                &[][..],
                &[column::host],
                &[column::location, column::source],
                &[column::host, column::comm, column::exe, column::cmd_line],
            ] {
                let found = by_texts(&writer, names, &filter).expect("a segment");
                let expected = by_footers(&writer, names, &filter);
                assert_eq!(found.0, expected.0, "{packing:?} {names:?} {filter:?}");
                assert!(found.1 == expected.1, "{packing:?} {names:?} {filter:?}");
            }
        }
        let all = RowFilter::new(TABLE, &ScanFilter::default());
        assert_eq!(by_texts(&writer, &[], &all).expect("a segment").1.len(), ROWS);
    }
}

/// Scenario: a segment of which one byte is another, anywhere. Guarantees: it is refused as damaged, or the byte was not
/// read and the rows are as they were.
#[test]
fn changed_bytes_are_refused() {
    let (_dir, writer) = written(Packing::Dense);
    let entry = writer.entries().first().expect("a segment");
    let path = writer.folder().segment(entry.seq, TABLE.name());
    let whole = fs::read(&path).expect("the segment");
    let all = RowFilter::new(TABLE, &ScanFilter::default());
    let names = [column::host, column::cmd_line];
    let expected = by_footers(&writer, &names, &all).1;
    let mut refused = 0;
    for at in (0..whole.len()).step_by(whole.len() / 61) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&path, &changed).expect("it can be changed");
        match by_texts(&writer, &names, &all) {
            Ok((_, found)) => assert!(found == expected, "{at}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "{at}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 5, "{refused}");
}

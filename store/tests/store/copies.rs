//! Copies of events: whatever a store knows of its segments, a scan gives what a look at all of its files gives.
//! Long form: `OFFBOUND_ROUNDS=200 cargo test -p offbound-store --test store copies`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use offbound_schemas::EventTime;
use offbound_schemas::table::host_events::column;
use offbound_store::{
    EventTable, Like, Options, RowOrder, ScanFilter, ScanStats, Share, Store, StoreError, Writer,
};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::journal;
use crate::live::nothing;
use crate::made_up::summary;
use crate::rows::{Row, batch, tiny};

const TABLE: EventTable = EventTable::HostEvents;
/// What is compared, in the order of [`Event`].
const COLUMNS: [&str; 4] = [column::event_time, column::event_id, column::location, column::host];

/// Time, id, location, host.
type Event = (i64, Vec<u8>, String, Option<String>);

fn events(batch: &RecordBatch) -> Vec<Event> {
    let [time, id, location, host] =
        COLUMNS.map(|name| batch.column_by_name(name).expect("it was asked for"));
    let times = time.as_primitive::<TimestampNanosecondType>();
    let (ids, locations, hosts) =
        (id.as_fixed_size_binary(), location.as_string_view(), host.as_string_view());
    let event = |row: usize| {
        let host = hosts.iter().nth(row).flatten().map(str::to_owned);
        (times.value(row), ids.value(row).to_vec(), locations.value(row).to_owned(), host)
    };
    (0..batch.num_rows()).map(event).collect()
}

/// The segments that are the store, by the manifest.
fn live(dir: &Path) -> BTreeSet<u64> {
    let database = Connection::open(dir.join("offbound.db")).expect("a database");
    let query = "SELECT seq, replaces, change FROM segments WHERE table_name = 'host_events'";
    let mut statement = database.prepare(query).expect("a manifest");
    let entry = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    };
    let entries: Vec<(i64, String, String)> =
        statement.query_map([], entry).expect("entries").map(|entry| entry.expect("an entry")).collect();
    let gone = |text: &String| {
        text.split_whitespace().map(|seq| seq.parse().expect("a number")).collect::<Vec<u64>>()
    };
    let gone: BTreeSet<u64> = entries.iter().flat_map(|(_, replaces, _)| gone(replaces)).collect();
    let rows = entries.iter().filter(|(_, _, change)| change == "rows").map(|(seq, _, _)| seq.unsigned_abs());
    rows.filter(|seq| !gone.contains(seq)).collect()
}

/// Every event of the segments' files, of its copies the one with the smallest location.
fn naive(dir: &Path) -> Vec<Event> {
    let mut events_by_key: BTreeMap<(i64, Vec<u8>), Event> = BTreeMap::new();
    for seq in live(dir) {
        let path = dir.join("segments").join(format!("{seq:08}-host_events.parquet"));
        let file = File::open(path).expect("a segment that is named is there");
        let types = ArrowReaderOptions::new().with_schema(TABLE.schema());
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, types);
        let reader = reader.and_then(|builder| builder.build());
        for batch in reader.expect("a segment is Parquet") {
            for event in events(&batch.expect("rows")) {
                let kept = events_by_key.entry((event.0, event.1.clone())).or_insert_with(|| event.clone());
                *kept = std::mem::replace(kept, event.clone()).min(event);
            }
        }
    }
    events_by_key.into_values().collect()
}

/// The rows of a scan in all of its shares, and what the shares read together.
fn scanned(
    store: &Store,
    columns: &[&str],
    filter: &ScanFilter,
    (order, of): (RowOrder, usize),
) -> Result<(Vec<RecordBatch>, ScanStats), StoreError> {
    let (mut batches, mut sum) = (Vec::new(), ScanStats::default());
    for number in 0..of {
        let filter = ScanFilter { share: Share { number, of }, ..filter.clone() };
        let stats = store.scan_table(TABLE, columns, &filter, order, |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
        sum.rows += stats.rows;
        sum.row_groups += stats.row_groups;
    }
    Ok((batches, sum))
}

fn equals(column: &str, text: &str) -> ScanFilter {
    ScanFilter { equals: vec![(column.to_owned(), text.to_owned())], ..ScanFilter::default() }
}

fn like(column: &str, pattern: &str) -> ScanFilter {
    let (column, pattern) = (column.to_owned(), pattern.to_owned());
    let likes = vec![Like { column, pattern, negated: false, ignores_case: false }];
    ScanFilter { likes, ..ScanFilter::default() }
}

/// For patterns that end with `%`.
fn is_like(text: &str, pattern: &str) -> bool {
    let pattern = pattern.strip_suffix('%').expect("a pattern of these tests");
    pattern.strip_prefix('%').map_or_else(|| text.starts_with(pattern), |part| text.contains(part))
}

/// Host and location of each row, sorted.
fn texts(batches: &[RecordBatch]) -> Vec<(Option<String>, String)> {
    let of_batch = |batch: &RecordBatch| {
        let (hosts, locations) = (batch.column(0).as_string_view(), batch.column(1).as_string_view());
        let cell = |cell: Option<&str>| cell.map(str::to_owned);
        let pairs = hosts.iter().zip(locations).map(|(host, location)| (cell(host), cell(location)));
        pairs.map(|(host, location)| (host, location.unwrap_or_default())).collect::<Vec<_>>()
    };
    let mut texts: Vec<_> = batches.iter().flat_map(of_batch).collect();
    texts.sort();
    texts
}

fn texts_of(events: &[Event]) -> Vec<(Option<String>, String)> {
    let mut texts: Vec<_> = events.iter().map(|event| (event.3.clone(), event.2.clone())).collect();
    texts.sort();
    texts
}

/// Asks for everything, a stretch of time, a host and a location, themselves and by a pattern, in either order and several shares.
fn check(store: &Store) -> Result<(), StoreError> {
    let all = naive(store.path());
    let mut filters = vec![
        ScanFilter::default(),
        ScanFilter { from: Some(EventTime(3)), to: Some(EventTime(9)), ..ScanFilter::default() },
    ];
    filters.extend(all.first().map(|event| equals(column::location, &event.2)));
    filters.extend(all.iter().find_map(|event| event.3.as_ref()).map(|host| equals(column::host, host)));
    filters.extend([like(column::host, "%7%"), like(column::location, "day-1%")]);
    for filter in &filters {
        let asked = |event: &&Event| {
            let text =
                |name: &str| if name == column::host { event.3.as_deref() } else { Some(event.2.as_str()) };
            filter.from.is_none_or(|from| event.0 >= from.0)
                && filter.to.is_none_or(|to| event.0 < to.0)
                && filter.equals.iter().all(|(name, value)| text(name) == Some(value))
                && filter
                    .likes
                    .iter()
                    .all(|like| text(&like.column).is_some_and(|text| is_like(text, &like.pattern)))
        };
        let expected: Vec<Event> = all.iter().filter(asked).cloned().collect();
        for how in [(RowOrder::Canonical, 2), (RowOrder::Any, 1), (RowOrder::Any, 3)] {
            let (batches, stats) = scanned(store, &COLUMNS, filter, how)?;
            let mut found: Vec<Event> = batches.iter().flat_map(events).collect();
            found.sort();
            assert_eq!(found, expected, "{filter:?} {how:?}");
            assert_eq!(stats.rows, expected.len() as u64);
            let (batches, _) = scanned(store, &[column::host, column::location], filter, how)?;
            assert_eq!(texts(&batches), texts_of(&expected), "texts: {filter:?} {how:?}");
            let (_, counted) = scanned(store, &[], filter, how)?;
            assert_eq!(counted.rows, expected.len() as u64, "counted: {filter:?} {how:?}");
        }
    }
    Ok(())
}

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    /// Rows are added.
    Append(Vec<Row>),
    Flush,
    /// A stream commits, and merges beside.
    Stream,
    Reopen,
    Compact,
    /// A segment is damaged, and put aside.
    Damage(usize),
}

fn row() -> impl Strategy<Value = Row> {
    (0_i64..12, 0_u16..30, 0_u8..3).prop_map(|(time, id, place)| Row { time, id, table: TABLE, place })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(row(), 1..30).prop_map(Step::Append),
        2 => Just(Step::Flush),
        4 => Just(Step::Stream),
        1 => Just(Step::Reopen),
        1 => Just(Step::Compact),
        1 => (0_usize..8).prop_map(Step::Damage),
    ]
}

fn damage(dir: &Path, number: usize) {
    let segments = live(dir);
    let Some(seq) = segments.iter().nth(number % segments.len().max(1)) else { return };
    let path = dir.join("segments").join(format!("{seq:08}-host_events.parquet"));
    let mut bytes = fs::read(&path).expect("a segment can be read");
    bytes[40] ^= 1;
    fs::write(&path, bytes).expect("a segment can be written");
}

fn take(writer: Writer, step: &Step, dir: &Path, options: Options) -> Result<Writer, StoreError> {
    let mut writer = writer;
    match step {
        Step::Append(rows) => rows.chunks(7).try_for_each(|rows| writer.append(&batch(rows)))?,
        Step::Flush => writer.flush()?,
        Step::Stream => drop(writer.commit_stream(&nothing(&summary(1)))?),
        Step::Compact => drop(writer.compact()?),
        Step::Reopen => {
            writer.flush()?;
            drop(writer);
            writer = Writer::create(dir, options)?;
        }
        Step::Damage(number) => {
            writer.flush()?;
            damage(dir, *number);
            writer.quarantine_damaged()?;
        }
    }
    Ok(writer)
}

fn cases() -> u32 {
    u32::try_from(journal::setting("OFFBOUND_ROUNDS", 8)).unwrap_or(u32::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: rows with many copies, in any order; commits, merges beside them and at once, segments that are put aside,
    /// writers that end; segments that are compared with all there are, a few or none. Guarantees: every scan gives what
    /// a naive reader of the same files gives, each event once, with the same copy kept; counts are the same.
    #[test]
    fn a_scan_is_what_a_naive_reader_gives(
        steps in prop::collection::vec(step(), 1..30),
        (segment_rows, encoders, compared) in (5_usize..40, 1_usize..4, prop::sample::select(vec![0, 1, 99])),
    ) {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let options = Options { encoders, compared, max_overlap: 4, ..tiny(segment_rows, 5) };
        let mut writer = Writer::create(home.path(), options)?;
        for step in &steps {
            writer = take(writer, step, home.path(), options)?;
        }
        writer.flush()?;
        check(writer.store())?;
    }
}

/// Rows with ids of their own, one each moment.
fn rows(ids: std::ops::Range<u16>) -> Vec<Row> {
    ids.map(|id| Row::new(TABLE, i64::from(id), id)).collect()
}

/// Row groups that are read to count all rows.
fn read_to_count(writer: &Writer) -> Result<(u64, u64), StoreError> {
    let (_, stats) = scanned(writer.store(), &[], &ScanFilter::default(), (RowOrder::Any, 1))?;
    Ok((stats.rows, stats.row_groups))
}

/// Scenario: segments that lie across each other in time and share nothing, written side by side, by two writers, merged;
/// then one event of one of them once more. Guarantees: nothing is read to count the rows before, and only the segments
/// with that event afterwards, also when one of them was merged with others.
#[test]
fn segments_without_copies_are_counted_only() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let options = Options { encoders: 3, ..tiny(20, 5) };
    let mut writer = Writer::create(home.path(), options)?;
    let (even, odd): (Vec<Row>, Vec<Row>) = rows(0..200).into_iter().partition(|row| row.id % 2 == 0);
    even.chunks(10).try_for_each(|rows| writer.append(&batch(rows)))?;
    writer.flush()?;
    drop(writer);
    let mut writer = Writer::create(home.path(), options)?;
    odd.chunks(10).try_for_each(|rows| writer.append(&batch(rows)))?;
    writer.flush()?;
    assert_eq!(read_to_count(&writer)?, (200, 0));
    writer.append(&batch(&[Row { place: 1, ..even[7].clone() }]))?;
    writer.flush()?;
    let (number, row_groups) = read_to_count(&writer)?;
    assert!(number == 200 && (2..=5).contains(&row_groups), "{number} rows of {row_groups} row groups");
    writer.append(&batch(&rows(200..201)))?;
    writer.flush()?;
    assert_eq!(writer.compact()?.segments, 2, "the one with the copy, and another small one");
    let (number, row_groups) = read_to_count(&writer)?;
    assert!(
        number == 201 && (2..=8).contains(&row_groups),
        "{number} rows of {row_groups} row groups, of 41"
    );
    Ok(())
}

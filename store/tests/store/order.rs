//! Canonical order: sorted by (time, id) over all tables, each event once, however it was cut and delivered.

use std::collections::BTreeMap;

use offbound_schemas::EventBatch;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_store::{Columns, EventTable, Options, StoreError, Writer};
use proptest::prelude::*;

use crate::rows::{Row, batch, tiny};

/// Time, id, table and location: what a scan is judged by.
type Seen = (i64, [u8; 16], EventTable, String);

macro_rules! seen {
    ($module:ident, $batch:expr, $table:expr, $into:expr) => {
        let view = $module::View::new($batch).expect("a scan gives whole batches");
        let rows = 0..view.len();
        $into.extend(rows.map(|row| {
            (view.event_time(row).0, view.event_id(row).0, $table, view.location(row).to_owned())
        }));
    };
}

/// The rows of a batch by table, each table in the order given.
fn seen(batch: &EventBatch) -> Vec<Seen> {
    let mut seen = Vec::new();
    seen!(host_events, &batch.host_events, EventTable::HostEvents, seen);
    seen!(identity_assertions, &batch.identity_assertions, EventTable::IdentityAssertions, seen);
    seen!(placements, &batch.placements, EventTable::Placements, seen);
    seen
}

/// What a scan must give: each event once, with its smallest place.
fn expected(rows: &[Row]) -> Vec<Seen> {
    let mut events: BTreeMap<(i64, [u8; 16], EventTable), String> = BTreeMap::new();
    for row in rows {
        let place = events.entry((row.time, row.event_id(), row.table)).or_insert_with(|| row.location());
        *place = std::mem::take(place).min(row.location());
    }
    events.into_iter().map(|((time, id, table), place)| (time, id, table, place)).collect()
}

/// The bounds that a case tries.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    segment_rows: usize,
    row_group_rows: usize,
    max_overlap: usize,
    max_rows: usize,
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (5_usize..60, 2_usize..12, 2_usize..6, 1_usize..30).prop_map(
        |(segment_rows, row_group_rows, max_overlap, max_rows)| Bounds {
            segment_rows,
            row_group_rows,
            max_overlap,
            max_rows,
        },
    )
}

fn check(rows: &[Row], cuts: &[usize], bounds: Bounds) -> Result<(), StoreError> {
    let Bounds { segment_rows, row_group_rows, max_overlap, max_rows } = bounds;
    let mut writer = Writer::temporary(Options { max_overlap, ..tiny(segment_rows, row_group_rows) })?;
    let mut rest = rows;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (part, later) = rest.split_at((*cut).min(rest.len()));
        writer.append(&batch(part))?;
        rest = later;
    }
    writer.flush()?;
    let mut all: Vec<Seen> = Vec::new();
    writer.store().scan_in_order(&Columns::without_text(), max_rows, |batch| {
        assert!((1..=max_rows).contains(&batch.num_rows()), "a batch of {} rows", batch.num_rows());
        for table in EventTable::ALL {
            let mine: Vec<Seen> = seen(&batch).into_iter().filter(|row| row.2 == table).collect();
            assert!(mine.is_sorted(), "the rows of a table are in order");
        }
        let mut rows = seen(&batch);
        rows.sort();
        all.extend(rows);
        Ok::<(), StoreError>(())
    })?;
    assert_eq!(all, expected(rows));
    Ok(())
}

fn row() -> impl Strategy<Value = Row> {
    let table = prop::sample::select(EventTable::ALL.to_vec());
    (table, -3_i64..12, 0_u16..9, 0_u8..3).prop_map(|(table, time, id, place)| Row { time, id, table, place })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: random rows with many equal times and copies, cut into random batches, with segments and row
    /// groups of a few rows and merging of segments. Guarantees: a scan gives exactly the sorted rows, each event once.
    #[test]
    fn a_scan_is_sorted_and_unique(
        rows in prop::collection::vec(row(), 0..80),
        cuts in prop::collection::vec(5_usize..40, 1..6),
        bounds in bounds(),
    ) {
        check(&rows, &cuts, bounds)?;
    }
}

/// Scenario: a store that already holds a replay is given the same logs again, and some more. Guarantees: every
/// event is there once.
#[test]
fn reading_again_adds_nothing() -> Result<(), StoreError> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let rows: Vec<Row> = (0..50).map(|id| Row::new(EventTable::HostEvents, i64::from(id % 7), id)).collect();
    for count in [30, 50, 50] {
        let mut writer = Writer::create(folder.path(), tiny(16, 4))?;
        writer.append(&batch(&rows[..count]))?;
        writer.flush()?;
    }
    let mut found = 0;
    offbound_store::Store::open(folder.path())?.scan_in_order(&Columns::without_text(), 1_000, |batch| {
        found += batch.num_rows();
        Ok::<(), StoreError>(())
    })?;
    assert_eq!(found, 50);
    Ok(())
}

//! The order of a commit: a file counts only when the manifest says so.

use std::fs;

use offbound_store::{Columns, EventTable, Options, Store, StoreError, Writer};

use crate::rows::{Row, batch, tiny};

fn rows(ids: std::ops::Range<u16>) -> Vec<Row> {
    ids.map(|id| Row::new(EventTable::IdentityAssertions, i64::from(id), id)).collect()
}

fn count(store: &Store) -> Result<usize, StoreError> {
    let mut count = 0;
    store.scan_in_order(&Columns::without_text(), 7, |batch| {
        count += batch.num_rows();
        Ok::<(), StoreError>(())
    })?;
    Ok(count)
}

/// Scenario: a writer died before naming its file, another after naming it but before the manifest row.
/// Guarantees: readers see neither file, the next writer sweeps both away and goes on; nothing else is touched.
#[test]
fn uncommitted_files_are_ignored_then_swept() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Writer::create(home.path(), tiny(1_000, 100))?;
    writer.append(&batch(&rows(0..10)))?;
    writer.flush()?;
    drop(writer);
    let segments = home.path().join("segments");
    let left = [
        segments.join("00000002-identity_assertions.parquet"),
        segments.join("00000002-placements.parquet.tmp"),
    ];
    left.iter().for_each(|path| fs::write(path, "half a file").expect("a file can be written"));
    let foreign =
        [segments.join("notes.txt"), segments.join("mine.parquet"), segments.join("x-placements.parquet")];
    foreign.iter().for_each(|path| fs::write(path, "keep me").expect("a file can be written"));
    assert_eq!(count(&Store::open(home.path())?)?, 10);

    let mut writer = Writer::create(home.path(), tiny(1_000, 100))?;
    assert!(left.iter().all(|path| !path.exists()));
    assert!(foreign.iter().all(|path| path.exists()));
    writer.append(&batch(&rows(10..15)))?;
    writer.flush()?;
    assert_eq!((count(writer.store())?, writer.store().verify()?), (15, 2));
    Ok(())
}

/// Scenario: rows are added without a flush, and the writer ends. Guarantees: the store is as it was before.
#[test]
fn nothing_is_half_committed() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Store::create(home.path())?;
    writer.append(&batch(&rows(0..10)))?;
    drop(writer);
    assert_eq!(count(&Store::open(home.path())?)?, 0);
    Ok(())
}

/// Scenario: a batch that lacks a column. Guarantees: it is refused by name, and the store still works.
#[test]
fn a_batch_of_another_shape_is_refused() -> Result<(), StoreError> {
    let mut writer = Writer::temporary(tiny(1_000, 100))?;
    let mut short = batch(&rows(0..3));
    short.identity_assertions.remove_column(5);
    let refused = writer.append(&short).expect_err("a column is missing").to_string();
    assert!(refused.contains("recorder_host"), "{refused}");
    writer.append(&batch(&rows(0..3)))?;
    writer.flush()?;
    assert_eq!(count(writer.store())?, 3);
    Ok(())
}

/// Scenario: many segments that all hold the same time, a reader at work, then another writer. Guarantees: no more
/// than the bound overlap after a flush, a scan gives the same rows, a reader that began before still can read, and
/// the files that were replaced go away.
#[test]
fn overlapping_segments_are_merged() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let options = Options { max_overlap: 3, ..tiny(4, 2) };
    let mut writer = Writer::create(home.path(), Options { max_overlap: 10, ..options })?;
    // Every tenth id together: each segment spans nearly the whole time.
    for first in 0..10 {
        let spread: Vec<Row> = rows(0..40).into_iter().filter(|row| row.id % 10 == first).collect();
        writer.append(&batch(&spread))?;
    }
    writer.flush()?;
    drop(writer);
    let mut writer = Writer::create(home.path(), options)?;
    let table =
        |store: &Store| Ok::<_, StoreError>(store.contents()?[EventTable::IdentityAssertions as usize]);
    let before = table(writer.store())?;
    let mut seen = 0;
    Store::open(home.path())?.scan_in_order(&Columns::all(), 1, |batch| {
        if seen == 0 {
            writer.flush()?;
        }
        seen += batch.num_rows();
        Ok::<(), StoreError>(())
    })?;
    let after = table(writer.store())?;
    assert_eq!((before.segments, before.rows, seen), (10, 40, 40));
    assert!(after.segments <= 3 && after.rows == 40, "{after:?}");
    assert_eq!(after.span, before.span);
    assert_eq!((count(writer.store())?, writer.store().verify()?), (40, after.segments));
    drop(writer);
    let files = || fs::read_dir(home.path().join("segments")).expect("segments can be listed").count() as u64;
    assert!(files() > after.segments);
    drop(Writer::create(home.path(), options)?);
    assert_eq!(files(), after.segments);
    assert_eq!(count(&Store::open(home.path())?)?, 40);
    Ok(())
}

/// Scenario: the segment folder goes away under the writer, and comes back. Guarantees: the flush fails, and the
/// writer never acknowledges anything again; a new writer goes on from what was committed.
#[test]
fn a_writer_that_failed_acknowledges_nothing() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let segments = home.path().join("segments");
    let away = home.path().join("segments-away");
    let mut writer = Writer::create(home.path(), tiny(10, 5))?;
    writer.append(&batch(&rows(0..10)))?;
    writer.flush()?;
    fs::rename(&segments, &away).expect("a folder can be moved");
    writer.append(&batch(&rows(10..20)))?;
    assert!(writer.flush().is_err());
    fs::rename(&away, &segments).expect("a folder can be moved");
    assert!(matches!(writer.flush(), Err(StoreError::Broken(_))));
    assert!(matches!(writer.append(&batch(&rows(20..21))), Err(StoreError::Broken(_))));
    drop(writer);
    let mut writer = Writer::create(home.path(), tiny(10, 5))?;
    writer.append(&batch(&rows(10..20)))?;
    writer.flush()?;
    assert_eq!(count(writer.store())?, 20);
    Ok(())
}

/// Scenario: many small segments of different sizes, several written at once, and a writer that ends in their middle.
/// Guarantees: every count of encoders gives the same rows and a chain that holds; what was not flushed leaves the
/// store readable, and the next writer goes on.
#[test]
fn segments_written_side_by_side_are_committed_in_order() -> Result<(), StoreError> {
    for encoders in [0, 1, 2, 7] {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let options = Options { encoders, ..tiny(5, 3) };
        let mut writer = Writer::create(home.path(), options)?;
        for first in 0..20_u16 {
            writer.append(&batch(&rows(first * 10..first * 10 + 1 + first % 10)))?;
        }
        writer.flush()?;
        let expected = (0..20).map(|first| 1 + first % 10).sum::<usize>();
        assert_eq!(count(writer.store())?, expected, "{encoders} encoders");
        (200..210).try_for_each(|id| writer.append(&batch(&rows(id * 5..id * 5 + 5))))?;
        drop(writer);
        let segments = Store::open(home.path())?.verify()?;
        let mut writer = Writer::create(home.path(), options)?;
        writer.append(&batch(&rows(2_000..2_005)))?;
        writer.flush()?;
        assert_eq!(writer.store().verify()?, segments + 1, "{encoders} encoders");
    }
    Ok(())
}

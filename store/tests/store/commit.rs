//! The order of a commit: a file counts only when the manifest says so.

use std::fs;

use offbound_store::{Columns, EventTable, Store, StoreError, Writer};

use crate::rows::{Row, batch, tiny};

fn rows(ids: std::ops::Range<u16>) -> Vec<Row> {
    ids.map(|id| Row::new(EventTable::IdentityAssertions, i64::from(id), id)).collect()
}

fn count(store: &Store) -> Result<usize, StoreError> {
    let mut count = 0;
    store.scan_in_order(&Columns::for_folding(), 7, |batch| {
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
    fs::write(segments.join("notes.txt"), "keep me").expect("a file can be written");
    assert_eq!(count(&Store::open(home.path())?)?, 10);

    let mut writer = Writer::create(home.path(), tiny(1_000, 100))?;
    assert!(left.iter().all(|path| !path.exists()));
    assert!(segments.join("notes.txt").exists());
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

//! Whatever happens to a stored byte is noticed, and the segment is named.

use std::fs;
use std::path::{Path, PathBuf};

use offbound_store::{Columns, EventTable, Store, StoreError, Writer};

use crate::rows::{Row, batch, tiny};

fn store_with_segments() -> Result<(tempfile::TempDir, Vec<PathBuf>), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Writer::create(home.path(), tiny(20, 5))?;
    let rows: Vec<Row> = (0..60).map(|id| Row::new(EventTable::HostEvents, i64::from(id), id)).collect();
    rows.chunks(20).try_for_each(|rows| writer.append(&batch(rows)))?;
    writer.flush()?;
    let list = fs::read_dir(home.path().join("segments")).expect("segments can be listed");
    let mut segments: Vec<PathBuf> = list.flatten().map(|entry| entry.path()).collect();
    segments.sort();
    assert_eq!(segments.len(), 3);
    Ok((home, segments))
}

fn read_all(dir: &Path) -> Result<usize, StoreError> {
    let mut rows = 0;
    Store::open(dir)?.scan_in_order(&Columns::all(), 10, |batch| {
        rows += batch.num_rows();
        Ok::<(), StoreError>(())
    })?;
    Ok(rows)
}

/// Harms the second segment and expects both the scan and the verification to name it.
fn check(harm: impl Fn(&Path)) -> Result<(), StoreError> {
    let (home, segments) = store_with_segments()?;
    assert_eq!((read_all(home.path())?, Store::open(home.path())?.verify()?), (60, 3));
    harm(&segments[1]);
    let name = segments[1].file_name().and_then(|name| name.to_str()).expect("a segment has a plain name");
    for refused in [read_all(home.path()).map(|_| ()), Store::open(home.path())?.verify().map(|_| ())] {
        let refused = refused.expect_err("the segment was harmed");
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
    Ok(())
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a segment can be read");
    change(&mut bytes);
    fs::write(path, bytes).expect("a segment can be written");
}

/// Scenario: a segment cut at several places. Guarantees: the error names it.
#[test]
fn a_cut_segment_is_named() -> Result<(), StoreError> {
    [0, 1, 100, 2_000]
        .into_iter()
        .try_for_each(|length| check(|path| rewrite(path, |bytes| bytes.truncate(length))))
}

/// Scenario: one bit flipped, at several places. Guarantees: the error names the segment.
#[test]
fn a_flipped_bit_is_named() -> Result<(), StoreError> {
    [0, 50, 3_000, 9_000].into_iter().try_for_each(|at| check(|path| rewrite(path, |bytes| bytes[at] ^= 1)))
}

/// Scenario: a segment removed, and one replaced by a link to a copy of itself. Guarantees: the error names it.
#[test]
fn a_missing_or_linked_segment_is_named() -> Result<(), StoreError> {
    check(|path| fs::remove_file(path).expect("a segment can be removed"))?;
    check(|path| {
        let copy = path.with_extension("copy");
        fs::rename(path, &copy).expect("a segment can be moved");
        std::os::unix::fs::symlink(&copy, path).expect("a link can be made");
    })
}

/// Scenario: manifest rows changed or removed behind the store's back. Guarantees: the chain tells where.
#[test]
fn a_changed_manifest_is_noticed() -> Result<(), StoreError> {
    for (change, expected_seq) in [
        ("UPDATE segments SET to_time = 5 WHERE seq = 2", 2),
        ("DELETE FROM segments WHERE seq = 1", 2),
        ("DELETE FROM segments WHERE seq = 3", 3),
    ] {
        let (home, _) = store_with_segments()?;
        let database =
            rusqlite::Connection::open(home.path().join("offbound.db")).expect("the database opens");
        assert_eq!(database.execute(change, []).expect("the change is possible"), 1);
        drop(database);
        match Store::open(home.path())?.verify() {
            Err(StoreError::Manifest { seq, .. }) => assert_eq!(seq, expected_seq, "{change}"),
            other => assert!(other.is_err(), "{change} went unnoticed"),
        }
    }
    Ok(())
}

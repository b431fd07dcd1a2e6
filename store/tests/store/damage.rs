//! Whatever happens to a stored byte is noticed, and the segment is named.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use offbound_schemas::table::host_events::column;
use offbound_store::{Columns, EventTable, Options, RowOrder, ScanFilter, Store, StoreError, Writer};

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

/// The hosts that a store tells of, and nothing else of it.
fn hosts(dir: &Path) -> Result<Vec<String>, StoreError> {
    let (mut found, all) = (Vec::new(), ScanFilter::default());
    Store::open(dir)?.scan_table(EventTable::HostEvents, &[column::host], &all, RowOrder::Any, |rows| {
        found.push(format!("{:?}", rows.column(0)));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Scenario: a segment of many blocks, one byte changed in each half of a block, one after the other; a scan of one column.
/// Guarantees: it gives what it gave or names the damaged segment, and does not look at most of the file; a check of the
/// whole store notices each.
#[test]
fn a_changed_byte_is_refused_where_it_is_read() -> Result<(), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Writer::create(home.path(), Options::default())?;
    let rows: Vec<Row> = (0..2_000).map(|id| Row::new(EventTable::HostEvents, i64::from(id), id)).collect();
    writer.append(&batch(&rows))?;
    writer.flush()?;
    drop(writer);
    let list = fs::read_dir(home.path().join("segments")).expect("segments can be listed");
    let segment = list.flatten().next().expect("there is one").path();
    let (size, expected) = (fs::read(&segment).expect("it can be read").len(), hosts(home.path())?);
    let (mut read, mut unread) = (0, 0);
    for at in (0..size).step_by(8 * 1024) {
        let flip = || rewrite(&segment, |bytes| bytes[at] ^= 1);
        flip();
        match hosts(home.path()) {
            Err(StoreError::Damaged { path, .. }) => {
                assert_eq!(path.file_name(), segment.file_name());
                read += 1;
            }
            other => {
                assert_eq!(other?, expected, "byte {at}: silently wrong");
                unread += 1;
            }
        }
        let checked = Store::open(home.path())?.verify();
        assert!(matches!(checked, Err(StoreError::Damaged { .. })), "byte {at}: {checked:?}");
        flip();
    }
    assert!(read > 0 && unread > 4 * read, "{read} of {} places were read", read + unread);
    Ok(())
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

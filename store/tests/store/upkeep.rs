//! Merging, retention, quarantine and the lock: what keeps a store in order while it is used.

use std::fs;
use std::path::{Path, PathBuf};

use offbound_schemas::EventTime;
use offbound_schemas::table::host_events::column;
use offbound_store::{EventTable, Options, Packing, Retention, Store, StoreError, Writer};
use parquet::basic::Compression;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::journal::{append, commit, durable, files, whole_stretches};
use crate::live::scanned;
use crate::made_up::{gap, summary};
use crate::rows::{Row, batch, tiny};

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Segments of a few rows, which do not wait for the disk.
fn quick() -> Options {
    Options { durable: false, ..durable() }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("segments"))
}

/// Scenario: many small commits, with a reader that looks after each. Guarantees: small segments are merged beside the
/// writer, so that few are left; every look sees whole stretches; what was replaced goes with the next writer.
#[test]
fn small_segments_are_merged_beside_the_writer() -> Result<(), StoreError> {
    let home = home();
    let mut writer = Writer::create(home.path(), quick())?;
    let reader = Store::open(home.path())?;
    for number in 0..48 {
        append(&mut writer, number)?;
        commit(&mut writer, number)?;
        if number % 6 == 0 {
            assert_eq!(scanned(&reader)?, (usize::from(number) + 1) * 12);
        }
        // The thread that merges is given time; without any it is only later.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(whole_stretches(&writer), Ok(48));
    drop(writer);
    let mut writer = Writer::create(home.path(), quick())?;
    let there = writer.store().verify()?;
    assert!(there <= 40, "{there} segments of 48 commits");
    assert_eq!(segments(home.path()).len() as u64, there);
    let removed = writer.compact()?;
    let after = writer.store().verify()?;
    assert!(after <= 3 && removed.segments > 0, "{after} segments, {removed:?}");
    assert_eq!(segments(home.path()).len() as u64, after, "their files are gone at once");
    assert_eq!(whole_stretches(&writer), Ok(48));
    assert_eq!(writer.compact()?.segments, 0, "nothing is left to do");
    drop(writer);
    // The manifest was shortened: it still holds, and goes on.
    let mut writer = Writer::create(home.path(), quick())?;
    append(&mut writer, 48)?;
    commit(&mut writer, 48)?;
    assert_eq!(whole_stretches(&writer), Ok(49));
    assert_eq!(writer.store().verify()?, after + 1);
    Ok(())
}

fn rows(ids: std::ops::Range<u16>) -> Vec<Row> {
    ids.map(|id| Row::new(EventTable::HostEvents, i64::from(id), id)).collect()
}

/// Ten segments of ten rows, one row each moment.
fn ten_segments(dir: &Path) -> Result<Writer, StoreError> {
    let mut writer = Writer::create(dir, tiny(10, 5))?;
    (0..10).try_for_each(|part| {
        writer.append(&batch(&rows(part * 10..part * 10 + 10)))?;
        writer.flush()
    })?;
    assert_eq!(segments(dir).len(), 10);
    Ok(writer)
}

/// How the source labels of each segment are compressed: times and ids never are.
fn packing_of(dir: &Path) -> Vec<Compression> {
    let of = |path: &PathBuf| {
        let file = fs::File::open(path).expect("a segment can be opened");
        let reader = SerializedFileReader::new(file).expect("a segment is Parquet");
        let columns = reader.metadata().row_group(0).columns();
        let labels = columns.iter().find(|chunk| chunk.column_path().string() == column::source);
        labels.expect("every table has source labels").compression()
    };
    segments(dir).iter().map(of).collect()
}

/// Scenario: a store that packs new rows quickly, four small segments, then all of them in one; the same with new rows packed
/// densely. Guarantees: small ones are packed as was asked for, what has ordinary size is dense, and all rows are there.
#[test]
fn new_rows_are_packed_as_is_asked_for() -> Result<(), StoreError> {
    for (fresh, is_quick) in [(Packing::Quick, true), (Packing::Dense, false)] {
        let home = home();
        let mut writer = Writer::create(home.path(), Options { fresh, ..tiny(40, 20) })?;
        for part in 0..4 {
            writer.append(&batch(&rows(part * 10..part * 10 + 10)))?;
            writer.flush()?;
        }
        let packed = packing_of(home.path());
        assert_eq!(packed.len(), 4);
        assert!(packed.iter().all(|packing| (*packing == Compression::LZ4_RAW) == is_quick), "{packed:?}");
        writer.compact()?;
        let packed = packing_of(home.path());
        assert!(matches!(packed.as_slice(), [Compression::ZSTD(_)]), "{packed:?}");
        assert_eq!(scanned(writer.store())?, 40);
    }
    Ok(())
}

/// Scenario: bounds of age, of size, of both, and none. Guarantees: whole segments go, the oldest first, and no more than
/// that; files go too; the chain still holds, for the next writer as well.
#[test]
fn old_segments_go() -> Result<(), StoreError> {
    let bytes = {
        let home = home();
        let writer = ten_segments(home.path())?;
        writer.store().contents()?.iter().map(|table| table.bytes).sum::<u64>()
    };
    let cases = [
        (None, None, 100),
        (Some(EventTime(0)), None, 100),
        (Some(EventTime(25)), None, 80),
        (Some(EventTime(1_000)), None, 0),
        (None, Some(bytes), 100),
        (None, Some(bytes / 2), 50),
        (Some(EventTime(80)), Some(bytes / 2), 20),
        (None, Some(0), 0),
    ];
    for (keep_from, max_bytes, left) in cases {
        let home = home();
        let mut writer = ten_segments(home.path())?;
        let removed = writer.retain(&Retention { keep_from, max_bytes })?;
        // Segments differ a little in size.
        let found = scanned(writer.store())?;
        assert!(found == left || (max_bytes.is_some() && found.abs_diff(left) <= 10), "{found} of {left}");
        assert_eq!(removed.rows + found as u64, 100);
        assert_eq!(segments(home.path()).len() * 10, found);
        drop(writer);
        let mut writer = Writer::create(home.path(), tiny(10, 5))?;
        writer.append(&batch(&rows(200..210)))?;
        writer.flush()?;
        assert_eq!((scanned(writer.store())?, writer.store().verify()?), (found + 10, found as u64 / 10 + 1));
    }
    Ok(())
}

/// Scenario: three segments harmed in three ways (a flipped bit, a cut end, taken away), then a check, a new writer, and
/// another judgement. Guarantees: each is named, put aside once, with a gap that stays; the rest is read as before.
#[test]
fn damaged_segments_are_put_aside() -> Result<(), StoreError> {
    let home = home();
    drop(ten_segments(home.path())?);
    let paths = segments(home.path());
    let rewrite = |path: &Path, change: fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).expect("a segment can be read");
        change(&mut bytes);
        fs::write(path, bytes).expect("a segment can be written");
    };
    rewrite(&paths[2], |bytes| bytes[100] ^= 4);
    rewrite(&paths[4], |bytes| bytes.truncate(50));
    fs::remove_file(&paths[6]).expect("a segment can be removed");
    let checked = Store::open(home.path())?.check()?;
    let named = |part: &str| checked.problems.iter().any(|problem| problem.to_string().contains(part));
    assert_eq!((checked.segments, checked.problems.len()), (10, 3), "{:?}", checked.problems);
    assert!(["00000003-", "00000005-", "00000007-"].into_iter().all(named), "{:?}", checked.problems);

    // Lengths are looked at when a writer opens; every byte only when it is asked for.
    let mut writer = Writer::create(home.path(), tiny(10, 5))?;
    assert_eq!(writer.store().gaps()?.len(), 2);
    let aside = writer.quarantine_damaged()?;
    let names: Vec<&str> = aside.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["00000003-host_events"]);
    assert_eq!(writer.quarantine_damaged()?, []);
    writer.commit_results(&[], &[], &[gap(None)], &summary(1))?;
    let gaps = writer.store().gaps()?;
    let own = |found: &&offbound_schemas::record::Gap| found.source == "offbound";
    assert_eq!(
        (gaps.len(), gaps.iter().filter(own).map(|gap| gap.lost).collect::<Vec<_>>()),
        (4, vec![Some(10); 3])
    );
    assert!(gaps.iter().any(|gap| gap.from == EventTime(20) && gap.to == EventTime(29)), "{gaps:?}");
    assert_eq!((scanned(writer.store())?, writer.store().verify()?), (70, 7));
    assert_eq!(files(&home.path().join("quarantine")).len(), 2);
    drop(writer);
    // The logs are read again: what was lost is there again.
    let mut writer = Writer::create(home.path(), tiny(10, 5))?;
    writer.append(&batch(&rows(0..100)))?;
    writer.flush()?;
    assert_eq!(scanned(writer.store())?, 100);
    writer.store().verify().map(|_segments| ())
}

/// Scenario: a segment that is damaged while a stream runs, among those that are merged. Guarantees: the stream goes on,
/// the segment is put aside with its gap, the other rows stay.
#[test]
fn damage_does_not_stop_a_stream() -> Result<(), StoreError> {
    let home = home();
    let mut writer = Writer::create(home.path(), quick())?;
    for number in 0..12 {
        append(&mut writer, number)?;
        commit(&mut writer, number)?;
    }
    let path = segments(home.path()).swap_remove(5);
    let mut bytes = fs::read(&path).expect("a segment can be read");
    bytes[200] ^= 1;
    fs::write(&path, bytes).expect("a segment can be written");
    for number in 12..40 {
        append(&mut writer, number)?;
        commit(&mut writer, number)?;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let gaps = writer.store().gaps()?;
    assert_eq!(gaps.iter().map(|gap| gap.lost).collect::<Vec<_>>(), [Some(12)]);
    assert_eq!(scanned(writer.store())?, 39 * 12);
    writer.store().verify().map(|_segments| ())
}

/// Scenario: a second writer. Guarantees: it is told who writes, on which host, and since when.
#[test]
fn the_holder_of_the_lock_is_named() -> Result<(), StoreError> {
    let home = home();
    let _first = Store::create(home.path())?;
    let refused = Store::create(home.path()).expect_err("the first writer is at work").to_string();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let expected = format!("process {} on {} since 20", std::process::id(), host.trim());
    assert!(host.is_empty() || refused.contains(&expected), "{refused}");
    Ok(())
}

//! Who may read, who may write, and what is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use offbound_store::{EventTable, Options, Store, StoreError, Writer};

use crate::rows::{Row, batch};

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn some_rows() -> Vec<Row> {
    (0..20).map(|id| Row::new(EventTable::Placements, i64::from(id), id)).collect()
}

/// Every path below `folder`, and itself.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a store can be listed").flatten() {
        if entry.path().is_dir() { found.extend(tree(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

/// Scenario: a store in a folder that was there with open permissions, while it is written and after.
/// Guarantees: folders have mode 0700 and files 0600.
#[test]
fn only_the_owner_may_look() -> Result<(), StoreError> {
    let home = home();
    let dir = home.path().join("store");
    fs::create_dir(&dir).expect("a folder can be made");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("permissions can be set");
    let mut writer = Store::create(&dir)?;
    writer.append(&batch(&some_rows()))?;
    writer.flush()?;
    let check = || {
        let paths = tree(&dir);
        assert!(paths.len() >= 5, "{paths:?}");
        for path in paths {
            let found = fs::metadata(&path).expect("the path was listed");
            let expected = if found.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(found.permissions().mode() & 0o7777, expected, "{}", path.display());
        }
    };
    check();
    drop(writer);
    check();
    Ok(())
}

/// Scenario: a second writer while the first is at work, then after it. Guarantees: it is refused with the name of
/// the process that holds the lock, then let in; readers are let in at any time.
#[test]
fn one_writer_at_a_time() -> Result<(), StoreError> {
    let home = home();
    let mut first = Store::create(home.path())?;
    first.append(&batch(&some_rows()))?;
    let refused = Store::create(home.path()).expect_err("the first writer is at work");
    assert!(refused.is_temporary(), "{refused}");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    let reader = Store::open(home.path())?;
    let rows = |store: &Store| Ok::<u64, StoreError>(store.contents()?.iter().map(|table| table.rows).sum());
    assert_eq!(rows(&reader)?, 0, "what was not flushed is not there");
    first.flush()?;
    assert_eq!(rows(&reader)?, 20);
    drop(first);
    drop(Store::create(home.path())?);
    assert_eq!(rows(&reader)?, 20);
    Ok(())
}

/// Scenario: places that are no store. Guarantees: each is refused with what was found, and left as it was.
#[test]
fn other_folders_are_refused() {
    let home = home();
    let foreign = home.path().join("foreign");
    fs::create_dir(&foreign).expect("a folder can be made");
    fs::write(foreign.join("notes.txt"), "keep me").expect("a file can be written");
    let file = home.path().join("file");
    fs::write(&file, "x").expect("a file can be written");
    let damaged = home.path().join("damaged");
    fs::create_dir(&damaged).expect("a folder can be made");
    fs::write(damaged.join("offbound.db"), "this is not a database, although it has its name")
        .expect("a file can be written");
    let linked = home.path().join("linked");
    fs::create_dir(&linked).expect("a folder can be made");
    symlink(&file, linked.join("offbound.db")).expect("a link can be made");
    for (path, words) in [
        (&foreign, "notes.txt"),
        (&file, "not a folder"),
        (&damaged, "cannot"),
        (&linked, "not a plain file"),
    ] {
        let refused = Store::create(path).expect_err("it is no store").to_string();
        assert!(refused.contains(words), "{refused}");
    }
    assert_eq!(fs::read_to_string(foreign.join("notes.txt")).expect("it is still there"), "keep me");
    assert_eq!(fs::read_to_string(&file).expect("it is still there"), "x");
}

/// Scenario: reading where nothing is, and where something else is. Guarantees: the error says so, and nothing is made.
#[test]
fn reading_makes_nothing() {
    let home = home();
    let absent = home.path().join("absent");
    assert!(matches!(Store::open(&absent), Err(StoreError::Missing(_))));
    assert!(matches!(Store::open(home.path()), Err(StoreError::Missing(_))));
    fs::write(home.path().join("notes.txt"), "x").expect("a file can be written");
    assert!(matches!(Store::open(home.path()), Err(StoreError::NotAStore { .. })));
    assert!(!absent.exists());
    assert_eq!(tree(home.path()).len(), 2);
}

/// Scenario: a temporary store. Guarantees: it is private while it lives, and gone afterwards.
#[test]
fn a_temporary_store_goes_away() -> Result<(), StoreError> {
    let writer = Writer::temporary(Options::default())?;
    let path = writer.store().path().to_owned();
    let mode = fs::metadata(&path).expect("the folder is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    drop(writer);
    assert!(!path.exists());
    Ok(())
}

/// Scenario: a screen reads in a thread of its own. Guarantees: store and writer may move between threads.
#[test]
fn a_store_may_move_to_another_thread() -> Result<(), StoreError> {
    let mut writer = Writer::temporary(Options::default())?;
    writer.append(&batch(&some_rows()))?;
    let store = std::thread::scope(|scope| {
        let flushed = scope.spawn(move || writer.flush().map(|()| writer)).join();
        flushed.expect("the thread does not panic")
    })?;
    assert_eq!(store.store().contents()?.iter().map(|table| table.rows).sum::<u64>(), 20);
    Ok(())
}

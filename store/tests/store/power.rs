//! Power cuts: whatever a disk may hold at a moment, a store opens with everything that was acknowledged.
//!
//! Notes are kept of what was synced, and the states that a file system may leave are built from them. Real file systems
//! are cut in `power_disk`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Result as IoResult;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use offbound_store::{Side, Step, Steps, StoreError, Writer};

use crate::journal::{append, commit, durable, recover};

const SEGMENTS: &str = "segments";
const DATABASE: [&str; 2] = ["offbound.db", "offbound.db-wal"];

/// What surely survives.
#[derive(Debug, Default)]
struct Disk {
    /// Contents of files that were synced, by inode.
    contents: BTreeMap<u64, Vec<u8>>,
    /// Names in the segment folder when it was last synced.
    names: BTreeMap<PathBuf, u64>,
    /// The database as the last commit left it.
    database: BTreeMap<&'static str, Vec<u8>>,
    /// The first problem that a state showed.
    problem: Option<String>,
    states: usize,
}

/// Keeps notes of a store's disk, and tries states of it at every step.
#[derive(Debug)]
struct Notes {
    home: PathBuf,
    left_out: Option<Step>,
    acknowledged: AtomicU16,
    disk: Mutex<Disk>,
}

impl Steps for Notes {
    fn at(&self, step: Step, side: Side, path: &Path) -> IoResult<()> {
        let mut disk = self.disk.lock().expect("nobody panics while taking notes");
        if side == Side::After && self.left_out != Some(step) {
            match step {
                Step::SyncSegment => {
                    disk.contents.insert(fs::metadata(path)?.ino(), fs::read(path)?);
                }
                Step::SyncFolder => disk.names = names(&self.home.join(SEGMENTS)),
                Step::Commit => disk.database = database(&self.home),
                _ => {}
            }
        }
        for with_names in [false, true] {
            if disk.problem.is_none() {
                disk.states += 1;
                let tried = self.cut(&disk, with_names);
                disk.problem = tried.err().map(|problem| format!("{side:?} {step:?}: {problem}"));
            }
        }
        Ok(())
    }

    fn leaves_out(&self, step: Step) -> bool {
        self.left_out == Some(step)
    }
}

fn names(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let entries = fs::read_dir(folder).expect("segments can be listed").flatten();
    entries.map(|entry| (entry.file_name().into(), entry.metadata().map_or(0, |found| found.ino()))).collect()
}

fn database(home: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    DATABASE.into_iter().filter_map(|name| Some((name, fs::read(home.join(name)).ok()?))).collect()
}

impl Notes {
    /// Cuts the power now: what was synced is there; what was not is empty, and its name is there or not.
    fn cut(&self, disk: &Disk, with_names: bool) -> Result<u16, String> {
        let state = tempfile::tempdir().expect("a temporary folder can be made");
        let segments = state.path().join(SEGMENTS);
        fs::create_dir(&segments).expect("a folder can be made");
        let names = if with_names { names(&self.home.join(SEGMENTS)) } else { disk.names.clone() };
        for (name, inode) in &names {
            let content = disk.contents.get(inode).cloned().unwrap_or_default();
            fs::write(segments.join(name), content).expect("a file can be written");
        }
        for (name, content) in &disk.database {
            fs::write(state.path().join(name), content).expect("a file can be written");
        }
        recover(state.path(), self.acknowledged.load(Ordering::SeqCst))
    }
}

/// Writes a few stretches and tries states of the disk at every step; gives the first problem, and how many were tried.
fn run(left_out: Option<Step>) -> Result<(Option<String>, usize), StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    // The tables are there before the notes begin.
    drop(Writer::create(home.path(), durable())?);
    let disk = Mutex::new(Disk { database: database(home.path()), ..Disk::default() });
    let (path, acknowledged) = (home.path().to_owned(), AtomicU16::new(0));
    let notes = Arc::new(Notes { home: path, left_out, acknowledged, disk });
    let mut writer = Writer::create_watched(home.path(), durable(), notes.clone())?;
    for number in 0..3 {
        append(&mut writer, number)?;
        commit(&mut writer, number)?;
        notes.acknowledged.store(number + 1, Ordering::SeqCst);
    }
    drop(writer);
    let disk = notes.disk.lock().expect("nobody panics while taking notes");
    Ok((disk.problem.clone(), disk.states))
}

/// Scenario: the power is cut before and after each step of three commits, with names that were not synced there or not.
/// Guarantees: the store opens, and everything acknowledged is in it, once.
#[test]
fn what_was_acknowledged_survives_a_cut() -> Result<(), StoreError> {
    let (problem, states) = run(None)?;
    assert_eq!(problem, None);
    assert!(states >= 3 * 2 * 2 * Step::ALL.len(), "{states}");
    Ok(())
}

/// Scenario: the same with each wait for the disk left out in turn. Guarantees: the test above would notice, for each.
#[test]
fn a_wait_that_is_left_out_is_noticed() -> Result<(), StoreError> {
    for step in [Step::SyncSegment, Step::SyncFolder, Step::Commit] {
        let (problem, _states) = run(Some(step))?;
        assert!(problem.is_some(), "{step:?} can be left out, and no state tells");
    }
    Ok(())
}

//! Every bit of a small store, and every length of its files.
//!
//! The short form takes some by a seed. Long form, all of them:
//! `OFFBOUND_FLIPS=all cargo test --release -p offbound-store --test store flips -- --nocapture`; a number takes so many
//! of each file.

use std::fs;
use std::path::Path;

use offbound_schemas::EventId;
use offbound_store::{LetterFilter, Store, StoreError, Writer};

use crate::journal::{self, Dice, append, commit, copy, durable, files, setting};
use crate::live::scanned;
use crate::rows::Row;

/// Everything that a store answers, as one text.
fn answers(dir: &Path) -> Result<String, StoreError> {
    let store = Store::open(dir)?;
    let id = EventId(Row::new(offbound_store::EventTable::HostEvents, 3, 3).event_id());
    let parts = [
        format!("{:?}", store.contents()?),
        format!("{:?}", scanned(&store)?),
        format!("{:?}", store.record(id)?),
        format!("{:?}", store.conclusions()?),
        format!("{:?}", store.offsets()?),
        format!("{:?} {:?}", store.version()?, store.watermark()?),
        format!("{:?} {:?}", store.outbox_len()?, store.dead_letters(0, 100)?),
        format!("{:?}", store.dead_letter_counts(&LetterFilter::default())?),
    ];
    Ok(parts.join("\n"))
}

/// Whether the harm is noticed: by a check, or by the answers themselves.
fn is_noticed(dir: &Path) -> bool {
    Store::open(dir).and_then(|store| store.verify()).is_err()
}

/// A small store with two stretches, closed.
fn small_store() -> Result<tempfile::TempDir, StoreError> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut writer = Writer::create(home.path(), durable())?;
    for number in 0..2 {
        append(&mut writer, number)?;
        commit(&mut writer, number)?;
    }
    drop(writer);
    Ok(home)
}

/// A copy of a store whose files are harmed, one at a time.
struct Copy {
    folder: tempfile::TempDir,
    /// What the store answers while it is sound.
    expected: String,
}

impl Copy {
    fn of(home: &Path) -> Result<Self, StoreError> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        copy(home, folder.path());
        let expected = answers(folder.path())?;
        Ok(Self { folder, expected })
    }

    /// Harms a file, and mends it afterwards. Says whether the harm is noticed; if not, it must change no answer.
    fn harm(&self, path: &Path, what: &str, harm: impl FnOnce(&mut Vec<u8>)) -> bool {
        let target = self.folder.path().join(path);
        let whole = fs::read(&target).expect("a file can be read");
        let mut bytes = whole.clone();
        harm(&mut bytes);
        fs::write(&target, bytes).expect("a file can be written");
        let noticed = is_noticed(self.folder.path());
        if !noticed {
            let found = answers(self.folder.path());
            assert_eq!(
                found.ok().as_ref(),
                Some(&self.expected),
                "{} {what}: silently wrong",
                path.display()
            );
        }
        for companion in ["offbound.db-wal", "offbound.db-shm"] {
            // A reader of a harmed database may leave them behind.
            fs::remove_file(self.folder.path().join(companion)).ok();
        }
        fs::write(&target, whole).expect("a file can be written");
        noticed
    }
}

/// The files of a store, as paths in it.
fn names(home: &Path) -> Vec<std::path::PathBuf> {
    let name = |path: std::path::PathBuf| path.strip_prefix(home).map(Path::to_owned);
    files(home).into_iter().map(name).collect::<Result<_, _>>().expect("files of the store lie in it")
}

/// The places to try: all of them, or some by the seed.
fn places(all: usize, some: u64, dice: &mut Dice) -> Vec<usize> {
    let wish = std::env::var("OFFBOUND_FLIPS").ok();
    if wish.as_deref() == Some("all") {
        return (0..all).collect();
    }
    let some = wish.and_then(|number| number.parse().ok()).unwrap_or(some);
    (0..some).map(|_| usize::try_from(dice.roll(all as u64)).unwrap_or_default()).collect()
}

/// Scenario: one bit flipped, in segments and in the database. Guarantees: it is noticed, or no answer changes; in a
/// segment it is always noticed; nothing panics.
#[test]
fn a_flipped_bit_is_never_silently_wrong() -> Result<(), StoreError> {
    let (home, seed) = (small_store()?, setting("OFFBOUND_SEED", 1));
    let (mut dice, store) = (Dice(seed), Copy::of(home.path())?);
    for path in names(home.path()) {
        let size = fs::metadata(home.path().join(&path))
            .map_or(0, |found| usize::try_from(found.len()).unwrap_or_default());
        let is_segment = path.extension().is_some_and(|suffix| suffix == "parquet");
        let (mut tried, mut noticed) = (0, 0);
        for place in places(size * 8, if is_segment { 10 } else { 60 }, &mut dice) {
            let (at, bit) = (place / 8, place % 8);
            let flip = |bytes: &mut Vec<u8>| bytes[at] ^= 1 << bit;
            let seen = store.harm(&path, &format!("bit {bit} of byte {at}, seed {seed}"), flip);
            assert!(seen || !is_segment, "{} bit {bit} of byte {at} goes unnoticed", path.display());
            (tried, noticed) = (tried + 1, noticed + u64::from(seen));
        }
        println!("{}: {tried} bits, {noticed} noticed, the others change no answer", path.display());
    }
    Ok(())
}

/// Scenario: files cut at every length, or at some by the seed, and emptied. Guarantees: as above; segments and database
/// never pass for whole.
#[test]
fn a_cut_file_is_never_silently_wrong() -> Result<(), StoreError> {
    let (home, seed) = (small_store()?, setting("OFFBOUND_SEED", 1));
    let (mut dice, store) = (Dice(seed), Copy::of(home.path())?);
    for path in names(home.path()).into_iter().filter(|path| !path.ends_with("lock")) {
        let size = fs::metadata(home.path().join(&path))
            .map_or(0, |found| usize::try_from(found.len()).unwrap_or_default());
        for length in places(size, 12, &mut dice).into_iter().chain([0, size.saturating_sub(1)]) {
            let cut = |bytes: &mut Vec<u8>| bytes.truncate(length);
            let seen = store.harm(&path, &format!("cut at {length}, seed {seed}"), cut);
            assert!(seen || size == 0, "{} cut at {length} goes unnoticed", path.display());
        }
    }
    assert_eq!(journal::next(&Store::open(home.path())?)?, 2, "the store itself was left alone");
    Ok(())
}

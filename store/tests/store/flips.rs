//! Every bit of a small store, and every length of its files.
//!
//! The short form takes bits by a seed. Long form, all of them:
//! `OFFBOUND_FLIPS=all cargo test -p offbound-store --test store flips -- --nocapture`.

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

/// Harms one file of a copy and expects the harm to be noticed, or to change no answer.
fn check(home: &Path, path: &Path, what: &str, harm: impl FnOnce(&mut Vec<u8>)) -> bool {
    let state = tempfile::tempdir().expect("a temporary folder can be made");
    copy(home, state.path());
    let target = state.path().join(path.strip_prefix(home).expect("it lies in the store"));
    let mut bytes = fs::read(&target).expect("a file can be read");
    harm(&mut bytes);
    fs::write(&target, bytes).expect("a file can be written");
    let noticed = is_noticed(state.path());
    if !noticed {
        let (expected, found) = (answers(home).expect("the store is sound"), answers(state.path()));
        assert_eq!(found.ok().as_ref(), Some(&expected), "{} {what}: silently wrong", path.display());
    }
    noticed
}

/// The places to try: all of them, or some by the seed.
fn places(all: usize, some: u64, dice: &mut Dice) -> Vec<usize> {
    if std::env::var("OFFBOUND_FLIPS").is_ok_and(|word| word == "all") {
        return (0..all).collect();
    }
    (0..some).map(|_| usize::try_from(dice.roll(all as u64)).unwrap_or_default()).collect()
}

/// Scenario: one bit flipped, in segments and in the database. Guarantees: it is noticed, or no answer changes; in a
/// segment it is always noticed; nothing panics.
#[test]
fn a_flipped_bit_is_never_silently_wrong() -> Result<(), StoreError> {
    let (home, seed) = (small_store()?, setting("OFFBOUND_SEED", 1));
    let mut dice = Dice(seed);
    for path in files(home.path()) {
        let size = fs::metadata(&path).map_or(0, |found| usize::try_from(found.len()).unwrap_or_default());
        let is_segment = path.extension().is_some_and(|suffix| suffix == "parquet");
        let (mut tried, mut noticed) = (0, 0);
        for place in places(size * 8, if is_segment { 10 } else { 60 }, &mut dice) {
            let (at, bit) = (place / 8, place % 8);
            let flip = |bytes: &mut Vec<u8>| bytes[at] ^= 1 << bit;
            let seen = check(home.path(), &path, &format!("bit {bit} of byte {at}, seed {seed}"), flip);
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
    let mut dice = Dice(seed);
    for path in files(home.path()).into_iter().filter(|path| !path.ends_with("lock")) {
        let size = fs::metadata(&path).map_or(0, |found| usize::try_from(found.len()).unwrap_or_default());
        for length in places(size, 12, &mut dice).into_iter().chain([0, size.saturating_sub(1)]) {
            let cut = |bytes: &mut Vec<u8>| bytes.truncate(length);
            let seen = check(home.path(), &path, &format!("cut at {length}, seed {seed}"), cut);
            assert!(seen || size == 0, "{} cut at {length} goes unnoticed", path.display());
        }
    }
    assert_eq!(journal::next(&Store::open(home.path())?)?, 2, "the store itself was left alone");
    Ok(())
}

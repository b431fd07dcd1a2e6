//! A stream whose stretches can be counted: what is in the store says exactly how many were committed.
//!
//! Stretch number n holds [`ROWS`] host events, one dead letter, one finding, one item of the outbox and the offset
//! after its last event. Owns: the check that nothing acknowledged is missing, nothing is there twice, nothing is
//! there in part.

use std::ops::Range;
use std::path::{Path, PathBuf};

use offbound_store::{
    Committed, EventTable, Options, OutboxItem, OutboxKind, PartitionOffset, Store, StoreError, StreamCommit,
    Writer,
};

use crate::live::{item, nothing, offset, scanned};
use crate::made_up::{finding, letter, summary};
use crate::rows::{Row, batch, tiny};

/// Events of one stretch.
pub(crate) const ROWS: u16 = 12;
/// Stretches that fit into one store: row ids are 16 bits wide, and findings are told apart by 8.
pub(crate) const MOST: u16 = 250;

/// Segments of a few rows, waiting for the disk.
pub(crate) fn durable() -> Options {
    Options { durable: true, ..tiny(usize::from(ROWS) * 40, 8) }
}

fn stretch(number: u16) -> Range<u16> {
    number * ROWS..(number + 1) * ROWS
}

/// Adds the rows and the letter of a stretch.
pub(crate) fn append(writer: &mut Writer, number: u16) -> Result<(), StoreError> {
    let row = |id| Row::new(EventTable::HostEvents, i64::from(id), id);
    let rows: Vec<Row> = stretch(number).map(row).collect();
    writer.append(&batch(&rows))?;
    writer.append_dead_letters(&[letter(u64::from(number))])
}

/// Commits a stretch that was added.
pub(crate) fn commit(writer: &mut Writer, number: u16) -> Result<Committed, StoreError> {
    let number_byte = u8::try_from(number).expect("no more stretches than findings");
    let offsets: [PartitionOffset; 1] = [offset("events", 0, i64::from(number + 1) * i64::from(ROWS))];
    let told: [OutboxItem; 1] = [item(OutboxKind::Finding, &number.to_string())];
    let account = summary(u64::from(number));
    writer.commit_stream(&StreamCommit {
        made_anew: &[],
        offsets: &offsets,
        findings: &[finding(number_byte)],
        outbox: &told,
        ..nothing(&account)
    })
}

/// The number of the stretch to go on with.
pub(crate) fn next(store: &Store) -> Result<u16, StoreError> {
    let offsets = store.offsets()?;
    let next = offsets.first().map_or(0, |offset| offset.next / i64::from(ROWS));
    Ok(u16::try_from(next).expect("a small number"))
}

/// How many stretches are there; what is there must be whole, and nothing twice.
#[allow(clippy::panic, reason = "the caller says what it did when this fails")]
pub(crate) fn whole_stretches(writer: &Writer) -> Result<u16, String> {
    let read = |error: StoreError| format!("the store cannot be read: {error}");
    let store = writer.store();
    let count = next(store).map_err(read)?;
    let expected = usize::from(count);
    let rows = scanned(store).map_err(read)?;
    let found = [
        rows / usize::from(ROWS),
        rows.div_ceil(usize::from(ROWS)),
        usize::try_from(store.dead_letter_count().map_err(read)?).unwrap_or(usize::MAX),
        store.findings().map_err(read)?.len(),
        writer.outbox(usize::MAX).map_err(read)?.len(),
    ];
    if found.iter().any(|found| *found != expected) {
        return Err(format!("{expected} stretches by offset; rows, letters, findings, outbox say {found:?}"));
    }
    store.verify().map_err(|error| format!("{expected} stretches, and {error}"))?;
    Ok(count)
}

/// Opens a store after a crash and checks it: between `acknowledged` and one more stretch are there. Returns how many.
pub(crate) fn recover(dir: &Path, acknowledged: u16) -> Result<u16, String> {
    let writer = Writer::create(dir, durable()).map_err(|error| format!("it cannot be opened: {error}"))?;
    let found = whole_stretches(&writer)?;
    if (acknowledged..=acknowledged + 1).contains(&found) {
        return Ok(found);
    }
    Err(format!("{acknowledged} stretches were acknowledged, {found} are there"))
}

/// A small generator of numbers; equal seeds give equal numbers.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides.max(1)
    }
}

/// A number from the environment, such as the rounds or the seed of a long run.
pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Every plain file below `folder`, with its path from there.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a store can be listed").flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Copies a store that nobody writes.
pub(crate) fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).expect("it was listed there"));
        let parent = target.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(parent).expect("a folder can be made");
        std::fs::copy(&path, &target).expect("a file can be copied");
    }
}

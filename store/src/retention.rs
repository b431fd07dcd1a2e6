//! Letting go of old events: by age, and by the size that a store may have.
//!
//! In: bounds. Out: segments that are no longer part of the store, and an entry of the manifest that says so.
//! Owns: the choice of what goes. Law: the oldest goes first, whole segments only, and never a conclusion.

use offbound_schemas::EventTime;

use crate::manifest::{Entry, Kind};
use crate::{StoreError, Writer};

/// What a store may keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Events before this moment may go.
    pub keep_from: Option<EventTime>,
    /// Bytes that all segments together may have.
    pub max_bytes: Option<u64>,
}

/// What was let go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Segments.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Removed {
    pub(crate) fn of(entries: &[Entry]) -> Self {
        Self {
            segments: entries.len() as u64,
            rows: entries.iter().map(|entry| entry.rows).sum(),
            bytes: entries.iter().map(|entry| entry.bytes).sum(),
        }
    }
}

impl Writer {
    /// Commits what was added, then lets go of the oldest segments that the bounds do not allow, and of their files. A
    /// reader that is at work on them is told that they are gone.
    pub fn retain(&mut self, retention: &Retention) -> Result<Removed, StoreError> {
        self.flush()?;
        let expired = choose(self.entries(), retention);
        self.remove(Kind::Expired, &expired)?;
        self.remove_files(&expired)?;
        Ok(Removed::of(&expired))
    }
}

/// The segments that go.
fn choose(entries: &[Entry], retention: &Retention) -> Vec<Entry> {
    let Retention { keep_from, max_bytes } = *retention;
    let mut oldest: Vec<&Entry> = entries.iter().collect();
    oldest.sort_by_key(|entry| (entry.to, entry.seq));
    let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let goes = |entry: &&&Entry| {
        let is_old = keep_from.is_some_and(|from| entry.to < from);
        let goes = is_old || max_bytes.is_some_and(|most| bytes > most);
        bytes -= if goes { entry.bytes } else { 0 };
        goes
    };
    oldest.iter().take_while(goes).map(|entry| (*entry).clone()).collect()
}

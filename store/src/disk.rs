//! How much room a store takes.
//!
//! In: its folder. Out: bytes of its parts. Law: what cannot be looked at is an error, not nothing.

use crate::{Store, StoreError};

/// Bytes on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// The database, with what it has not folded in yet.
    pub database: u64,
    /// The segment folder: segments, those that were replaced and not removed yet, and those on their way.
    pub segments: u64,
    /// Damaged segments that were put aside.
    pub quarantine: u64,
}

impl DiskUse {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.database + self.segments + self.quarantine
    }
}

impl Store {
    /// How much room the store takes.
    pub fn disk_use(&self) -> Result<DiskUse, StoreError> {
        self.folder.disk_use()
    }
}

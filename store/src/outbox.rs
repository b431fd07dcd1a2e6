//! What other systems are still to be told, in the order in which it was committed.
//!
//! In: items of a commit. Out: the same, oldest first, until they are done. Owns: the table `outbox`.
//! Law: an item stands here from the commit that made it until somebody says that it was delivered.

use crate::StoreError;
use crate::change::Change;
use crate::database::Database;
use crate::records::{OUTBOX, Record};

/// Items that one read of the outbox gives at most, so that a slow receiver never fills memory.
pub const MAX_OUTBOX_ITEMS_PER_READ: usize = 1_000;

/// What an item of the outbox is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutboxKind {
    /// A finding.
    Finding,
    /// An incident.
    Incident,
    /// A gap.
    Gap,
    /// A dead letter.
    DeadLetter,
}

impl OutboxKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Finding, Self::Incident, Self::Gap, Self::DeadLetter];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Incident => "incident",
            Self::Gap => "gap",
            Self::DeadLetter => "dead_letter",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// What it is about.
    pub kind: OutboxKind,
    /// The key under which it is sent: the record's id.
    pub key: String,
    /// What is sent.
    pub payload: String,
}

impl OutboxItem {
    /// The kind first: it has no blank.
    fn stored_key(&self) -> String {
        format!("{} {}", self.kind.name(), self.key)
    }
}

pub(crate) fn put(change: &Change<'_>, items: &[OutboxItem]) -> rusqlite::Result<()> {
    let keys: Vec<String> = items.iter().map(OutboxItem::stored_key).collect();
    OUTBOX.append(change, keys.iter().zip(items).map(|(key, item)| (key.as_str(), item.payload.as_str())))
}

/// The oldest items.
pub(crate) fn read(database: &Database, limit: usize) -> Result<Vec<(u64, OutboxItem)>, StoreError> {
    let records = OUTBOX.first(database, limit.min(MAX_OUTBOX_ITEMS_PER_READ))?;
    let item = |Record { position, key, text }: Record| {
        let parts = key.split_once(' ');
        let kind = parts.and_then(|(kind, key)| Some((OutboxKind::named(kind)?, key.to_owned())));
        let (kind, key) = kind.ok_or_else(|| database.damaged("an item of the outbox has no kind"))?;
        Ok((position.cast_unsigned(), OutboxItem { kind, key, payload: text }))
    };
    records.into_iter().map(item).collect()
}

/// Removes items that were delivered, as part of a transaction.
pub(crate) fn remove(change: &Change<'_>, numbers: &[u64]) -> rusqlite::Result<()> {
    let positions: Vec<i64> = numbers.iter().map(|number| number.cast_signed()).collect();
    OUTBOX.remove_positions(change, &positions)
}

pub(crate) fn len(database: &Database) -> Result<u64, StoreError> {
    OUTBOX.count(database)
}

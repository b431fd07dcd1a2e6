//! What other systems are still to be told, in the order in which it was committed.
//!
//! In: items of a commit. Out: the same, oldest first, until they are done. Owns: the table `outbox`.
//! Law: an item stands here from the commit that made it until somebody says that it was delivered.

use rusqlite::Transaction;

use crate::StoreError;
use crate::database::Database;

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

pub(crate) fn put(transaction: &Transaction<'_>, items: &[OutboxItem]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare("INSERT INTO outbox (kind, key, payload) VALUES (?1, ?2, ?3)")?;
    for OutboxItem { kind, key, payload } in items {
        statement.execute((kind.name(), key, payload))?;
    }
    Ok(())
}

/// The oldest items.
pub(crate) fn read(database: &Database, limit: usize) -> Result<Vec<(u64, OutboxItem)>, StoreError> {
    let refused = database.refused("read the outbox");
    let limit = i64::try_from(limit.min(MAX_OUTBOX_ITEMS_PER_READ)).unwrap_or(i64::MAX);
    let select = "SELECT seq, kind, key, payload FROM outbox ORDER BY seq LIMIT ?1";
    let mut statement = database.connection().prepare(select).map_err(&refused)?;
    let mut rows = statement.query([limit]).map_err(&refused)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().map_err(&refused)? {
        let (seq, name): (i64, String) = (row.get(0).map_err(&refused)?, row.get(1).map_err(&refused)?);
        let kind = OutboxKind::named(&name).ok_or_else(|| database.damaged("outbox", &name))?;
        let (key, payload) = (row.get(2).map_err(&refused)?, row.get(3).map_err(&refused)?);
        items.push((seq.cast_unsigned(), OutboxItem { kind, key, payload }));
    }
    Ok(items)
}

/// Removes items that were delivered, as part of a transaction.
pub(crate) fn remove(transaction: &Transaction<'_>, seqs: &[u64]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare("DELETE FROM outbox WHERE seq = ?1")?;
    seqs.iter().try_for_each(|seq| statement.execute([seq.cast_signed()]).map(|_| ()))
}

pub(crate) fn len(database: &Database) -> Result<u64, StoreError> {
    let count =
        database.connection().query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0));
    count.map(i64::cast_unsigned).map_err(database.refused("count the outbox"))
}

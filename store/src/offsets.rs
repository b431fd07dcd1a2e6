//! How far each partition of a topic has been processed.
//!
//! In: the first offset that is not processed yet, of each partition. Out: the same. Owns: the table `offsets`.
//! Law: an offset never goes backwards; whoever tries has lost its place, and is refused.

use rusqlite::Transaction;

use crate::StoreError;
use crate::database::Database;

/// How far a partition has been processed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that is not processed yet.
    pub next: i64,
}

pub(crate) fn read(database: &Database) -> Result<Vec<PartitionOffset>, StoreError> {
    let refused = database.refused("read offsets");
    let select = "SELECT topic, partition, next FROM offsets ORDER BY topic, partition";
    let mut statement = database.connection().prepare(select).map_err(&refused)?;
    let offsets = statement.query_map([], |row| {
        Ok(PartitionOffset { topic: row.get(0)?, partition: row.get(1)?, next: row.get(2)? })
    });
    offsets.map_err(&refused)?.collect::<rusqlite::Result<_>>().map_err(&refused)
}

/// Refuses offsets that lie before those that are committed.
pub(crate) fn refuse_going_back(database: &Database, offsets: &[PartitionOffset]) -> Result<(), StoreError> {
    let committed = read(database)?;
    for PartitionOffset { topic, partition, next } in offsets {
        let same = |other: &&PartitionOffset| other.topic == *topic && other.partition == *partition;
        if let Some(known) = committed.iter().find(same)
            && known.next > *next
        {
            return Err(StoreError::Backwards {
                topic: topic.clone(),
                partition: *partition,
                next: *next,
                committed: known.next,
            });
        }
    }
    Ok(())
}

pub(crate) fn put(transaction: &Transaction<'_>, offsets: &[PartitionOffset]) -> rusqlite::Result<()> {
    let insert = "INSERT INTO offsets (topic, partition, next) VALUES (?1, ?2, ?3)
                  ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next";
    let mut statement = transaction.prepare(insert)?;
    for PartitionOffset { topic, partition, next } in offsets {
        statement.execute((topic, partition, next))?;
    }
    Ok(())
}

//! How far each partition of a topic has been processed.
//!
//! In: the first offset that is not processed yet, of each partition. Out: the same. Owns: the table `offsets`.
//! Law: an offset never goes backwards; whoever tries has lost its place, and is refused.

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::change::Change;
use crate::conclusions::{from_json, to_json};
use crate::database::Database;
use crate::records::OFFSETS;

const KIND: &str = "offset";

/// How far a partition has been processed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that is not processed yet.
    pub next: i64,
}

impl PartitionOffset {
    /// Partition first: it cannot hold what ends it.
    fn key(&self) -> String {
        format!("{}:{}", self.partition, self.topic)
    }
}

/// By topic and partition.
pub(crate) fn read(database: &Database) -> Result<Vec<PartitionOffset>, StoreError> {
    let records = OFFSETS.all(database)?;
    let offsets = records.iter().map(|record| from_json(KIND, &record.text));
    let mut offsets = offsets.collect::<Result<Vec<PartitionOffset>, _>>()?;
    offsets.sort();
    Ok(offsets)
}

/// Offsets as they are stored; refused where one lies before what is committed, but in a partition that was made anew.
pub(crate) fn rows(
    database: &Database,
    offsets: &[PartitionOffset],
    made_anew: &[(String, i32)],
) -> Result<Vec<(String, String)>, StoreError> {
    let mut rows = Vec::new();
    for offset in offsets {
        let key = offset.key();
        let is_new =
            made_anew.iter().any(|(topic, number)| *topic == offset.topic && *number == offset.partition);
        let committed = if is_new { Vec::new() } else { OFFSETS.of_key(database, &key)? };
        for record in committed {
            refuse_going_back(offset, &from_json(KIND, &record.text)?)?;
        }
        let text = to_json(KIND, &key, offset)?;
        rows.push((key, text));
    }
    Ok(rows)
}

fn refuse_going_back(offset: &PartitionOffset, committed: &PartitionOffset) -> Result<(), StoreError> {
    if offset.next >= committed.next {
        return Ok(());
    }
    let PartitionOffset { topic, partition, next } = offset.clone();
    Err(StoreError::Backwards { topic, partition, next, committed: committed.next })
}

pub(crate) fn put(change: &Change<'_>, rows: &[(String, String)]) -> rusqlite::Result<()> {
    OFFSETS.put(change, rows.iter().map(|(key, text)| (key.as_str(), text.as_str()))).map(|_changed| ())
}

//! The entity index: which segments may hold a credential, host, pod or workload, told without opening any.
//!
//! In: the entity columns of a segment's rows. Out: a filter for each, in the database; segments that certainly hold
//! nothing that is asked for. Owns: the table `segment_filters`.
//! Law: a filter that is missing excludes nothing; one that was changed is refused.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{AsArray as _, RecordBatch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use twox_hash::XxHash64;

use crate::change::Change;
use crate::database::Database;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::records::SEGMENT_FILTERS;
use crate::{EventTable, Options, StoreError};

/// Share of absent values for which a filter says "perhaps": one needless segment in a hundred costs less than filters
/// of twice the size, of which all are read.
const FALSE_POSITIVES: f64 = 0.01;

/// The filter of one column of one segment, as it is stored.
pub(crate) type EntityFilter = (&'static str, String);

/// Gathers what the filters of a segment are made of.
pub(crate) struct Gathering(Vec<(&'static str, Sbbf)>);

impl Gathering {
    /// Nothing yet; large enough for a segment of ordinary size. No filters where nothing will be looked for.
    pub(crate) fn new(table: EventTable, options: &Options) -> Result<Self, ParquetError> {
        if !options.indexed {
            return Ok(Self(Vec::new()));
        }
        let rows = options.segment_rows.max(1) as u64;
        let empty = |name: &&'static str| Ok((*name, Sbbf::new_with_ndv_fpp(rows, FALSE_POSITIVES)?));
        table.entity_columns().iter().map(empty).collect::<Result<_, _>>().map(Self)
    }

    /// Adds rows.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        for (name, filter) in &mut self.0 {
            let cells = batch.column_by_name(name).and_then(|column| column.as_string_view_opt());
            // Logs repeat themselves: a value that stands in the row before is there already.
            let mut before = None;
            for cell in cells.into_iter().flat_map(|cells| cells.iter()).flatten() {
                if before != Some(cell) {
                    filter.insert(cell);
                    before = Some(cell);
                }
            }
        }
    }

    /// The filters, as small as what they hold allows.
    pub(crate) fn finish(self) -> Result<Vec<EntityFilter>, ParquetError> {
        let stored = |(name, mut filter): (&'static str, Sbbf)| {
            filter.fold_to_target_fpp(FALSE_POSITIVES);
            let mut bytes = Vec::new();
            filter.write_bitset(&mut bytes)?;
            Ok((name, STANDARD_NO_PAD.encode(&bytes)))
        };
        self.0.into_iter().map(stored).collect()
    }
}

/// Stores the filters of new segments, and removes those of segments that they replace, as part of a transaction.
pub(crate) fn put(change: &Change<'_>, entries: &[Entry]) -> rusqlite::Result<()> {
    for entry in entries {
        let gone = entry.replaces.iter().flat_map(|seq| {
            entry.table.entity_columns().iter().map(move |column| key(entry.table, column, *seq))
        });
        SEGMENT_FILTERS.remove(change, &gone.collect::<Vec<_>>())?;
        let came: Vec<(String, &str)> = entry
            .filters
            .iter()
            .map(|(column, text)| (key(entry.table, column, entry.seq), text.as_str()))
            .collect();
        SEGMENT_FILTERS.put(change, came.iter().map(|(key, text)| (key.as_str(), *text)))?;
    }
    Ok(())
}

/// The connection through which the index is asked: opened by the first who asks where there is none, and kept. It holds no
/// moment: what the index says of a segment never changes, so it may be read at a later one than the manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index(Arc<Mutex<Option<Database>>>);

impl Index {
    /// Asked through a connection that is there.
    pub(crate) fn of(database: Database) -> Self {
        Self(Arc::new(Mutex::new(Some(database))))
    }

    fn ask<T>(
        &self,
        folder: &Folder,
        question: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let database = known.take().map_or_else(|| Database::open_to_read_again(folder), Ok)?;
        question(known.insert(database))
    }
}

/// The numbers of those segments that certainly hold no row with all of these values.
pub(crate) fn excluded<'e>(
    (folder, index): (&Folder, &Index),
    entries: impl Iterator<Item = &'e Entry> + Clone,
    equals: &[(String, String)],
) -> Result<BTreeSet<u64>, StoreError> {
    let mut excluded = BTreeSet::new();
    let is_indexed =
        |column: &str| EventTable::ALL.iter().any(|table| table.entity_columns().contains(&column));
    if !equals.iter().any(|(column, _)| is_indexed(column)) {
        return Ok(excluded);
    }
    index.ask(folder, |database| {
        // One transaction, so that the database's locks are taken once.
        database.snapshot(|| {
            for (column, text) in equals {
                let filters = entries.clone().filter_map(|entry| {
                    let column = entry.table.entity_columns().iter().find(|name| *name == column)?;
                    Some(Stored { seq: entry.seq, key: key(entry.table, column, entry.seq) })
                });
                let hash = XxHash64::oneshot(SEED, text.as_bytes());
                SEGMENT_FILTERS.each_of_keys(database, filters, |filter, stored| {
                    if block_of(stored, hash).is_some_and(|block| !block.check(text.as_str())) {
                        excluded.insert(filter.seq);
                    }
                })?;
            }
            Ok(())
        })
    })?;
    Ok(excluded)
}

/// Where the filter of a segment is.
struct Stored {
    seq: u64,
    key: String,
}

impl AsRef<str> for Stored {
    fn as_ref(&self) -> &str {
        &self.key
    }
}

fn key(table: EventTable, column: &str, seq: u64) -> String {
    format!("{} {column} {seq}", table.name())
}

/// Bytes of a block: a filter is made of such, and a value is marked in one of them.
const BLOCK_BYTES: usize = 32;
/// What values are hashed with, as Parquet has it.
const SEED: u64 = 0;

/// The block of a stored filter in which the value with that hash is marked, as a filter of one block; the others are not
/// looked at. None where the text is no Base64 of whole blocks.
fn block_of(text: &str, hash: u64) -> Option<Sbbf> {
    let bytes = text.len() / 4 * 3 + text.len() % 4 * 3 / 4;
    if bytes == 0 || !bytes.is_multiple_of(BLOCK_BYTES) {
        return None;
    }
    let place = (u128::from(hash >> 32) * (bytes / BLOCK_BYTES) as u128) >> 32;
    let from = usize::try_from(place).ok()?.checked_mul(BLOCK_BYTES)?;
    // Four characters are three bytes; what stands around the block comes with it.
    let (first, end) = (from / 3, (from + BLOCK_BYTES).div_ceil(3));
    let around = STANDARD_NO_PAD.decode(text.get(first * 4..(end * 4).min(text.len()))?).ok()?;
    around.get(from - first * 3..)?.get(..BLOCK_BYTES).map(Sbbf::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: filters of many sizes, as they are stored, and values that they hold and do not; texts that are no filters.
    /// Guarantees: the one block answers as the whole filter does; nothing comes of the others.
    #[test]
    fn one_block_answers_for_its_filter() {
        for values in [1_usize, 20, 300, 5_000] {
            let mut filter = Sbbf::new_with_ndv_fpp(values as u64, FALSE_POSITIVES).expect("a filter");
            let value = |number: usize| format!("JTI={number}");
            (0..values).for_each(|number| filter.insert(value(number).as_str()));
            let mut bytes = Vec::new();
            filter.write_bitset(&mut bytes).expect("it is in memory");
            let stored = STANDARD_NO_PAD.encode(&bytes);
            for number in 0..2 * values {
                let value = value(number);
                let block = block_of(&stored, XxHash64::oneshot(SEED, value.as_bytes()));
                let answer = block.expect("a filter").check(value.as_str());
                assert_eq!(answer, filter.check(value.as_str()), "{values} {number}");
                assert!(answer || number >= values, "{values} {number}");
            }
        }
        for text in ["", "AAAA", &"?".repeat(43), &"é".repeat(32)] {
            assert!(block_of(text, 7).is_none(), "{text:?}");
        }
    }
}

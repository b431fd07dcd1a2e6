//! The entity index: which segments may hold a credential, host, pod or workload, told without opening any.
//!
//! In: the entity columns of a segment's rows. Out: a filter for each, in the database; segments that certainly hold
//! nothing that is asked for. Owns: the table `segment_filters`.
//! Law: a filter that is missing excludes nothing; one that was changed is refused.

use std::collections::BTreeSet;

use arrow::array::{AsArray as _, RecordBatch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;

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

/// The numbers of those segments that certainly hold no row with all of these values.
pub(crate) fn excluded<'e>(
    folder: &Folder,
    entries: impl Iterator<Item = &'e Entry> + Clone,
    equals: &[(String, String)],
) -> Result<BTreeSet<u64>, StoreError> {
    let mut excluded = BTreeSet::new();
    let is_indexed =
        |column: &str| EventTable::ALL.iter().any(|table| table.entity_columns().contains(&column));
    if !equals.iter().any(|(column, _)| is_indexed(column)) {
        return Ok(excluded);
    }
    // What the index says of a segment never changes, so it may be read at a later moment than the manifest.
    let database = Database::open_to_read(folder)?;
    for (column, text) in equals {
        let filters = entries.clone().filter_map(|entry| {
            let column = entry.table.entity_columns().iter().find(|name| *name == column)?;
            Some(Stored { seq: entry.seq, key: key(entry.table, column, entry.seq) })
        });
        SEGMENT_FILTERS.each_of_keys(&database, filters, |filter, stored| {
            if from_text(stored).is_some_and(|bytes| !Sbbf::new(&bytes).check(text.as_str())) {
                excluded.insert(filter.seq);
            }
        })?;
    }
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

/// The bytes; none where this is no Base64 of whole blocks of a filter.
fn from_text(text: &str) -> Option<Vec<u8>> {
    const BLOCK_BYTES: usize = 32;
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    (!bytes.is_empty() && bytes.len().is_multiple_of(BLOCK_BYTES)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: bytes as text and back; texts that are none. Guarantees: the same bytes; nothing from the others.
    #[test]
    fn filters_are_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_text(&STANDARD_NO_PAD.encode(&bytes)), Some(bytes));
        for text in ["", "AAAA", &"?".repeat(64), &"é".repeat(32)] {
            assert_eq!(from_text(text), None, "{text:?}");
        }
    }
}

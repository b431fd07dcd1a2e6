//! The account of each source: read = decoded + skipped + dead-lettered (law FLOW-1).
//!
//! In: counts from ingest. Out: the same, by location. Owns: the table `sources`.
//! Law: the later count of a location replaces the earlier one.

use offbound_schemas::record::SourceCount;

use crate::StoreError;
use crate::conclusions::{from_json, records, to_json};
use crate::database::Database;

const KIND: &str = "source count";

pub(crate) fn commit(database: &mut Database, sources: &[SourceCount]) -> Result<(), StoreError> {
    let to_row = |source: &SourceCount| {
        let record = to_json(KIND, &source.location, source)?;
        Ok((source.location.clone(), source.format.clone(), record))
    };
    let rows = sources.iter().map(to_row).collect::<Result<Vec<_>, StoreError>>()?;
    let insert = "INSERT INTO sources (location, format, record) VALUES (?1, ?2, ?3)
                  ON CONFLICT (location) DO UPDATE SET format = excluded.format, record = excluded.record";
    database.transact("commit source counts", |transaction| {
        let mut statement = transaction.prepare(insert)?;
        rows.iter().try_for_each(|row| statement.execute((&row.0, &row.1, &row.2)).map(|_| ()))
    })
}

pub(crate) fn read(database: &Database) -> Result<Vec<SourceCount>, StoreError> {
    let texts = records(database, "SELECT record FROM sources ORDER BY location", [])?;
    texts.iter().map(|text| from_json(KIND, text)).collect()
}

//! Checking a whole store: everything that is wrong with it, not only the first thing.
//!
//! In: a store. Out: each damaged segment by name, each table whose rows are not those that were written.
//! Owns: what is checked. Law STORE-2: any change to a stored byte that could change an answer is listed here.

use crate::options::MAX_PROBLEMS;
use crate::records::TABLES;
use crate::{Store, StoreError, dead_letters, manifest, sealed};

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// Segments that were checked.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, at most a thousand things; nothing with a sound store.
    pub problems: Vec<StoreError>,
}

impl Store {
    /// Checks every byte of every segment, the manifest's chain and every row of the database.
    pub fn check(&self) -> Result<Checked, StoreError> {
        let mut checked = Checked { segments: 0, bytes: 0, problems: self.check_tables()? };
        let entries = match manifest::read(&self.database, &self.folder) {
            Ok(manifest) => manifest.entries,
            Err(error) => {
                checked.problems.push(error);
                Vec::new()
            }
        };
        for entry in &entries {
            let path = self.folder.segment(entry.seq, entry.table.name());
            checked.segments += 1;
            checked.bytes += entry.bytes;
            match sealed::check(path, entry) {
                Err(error) if checked.problems.len() < MAX_PROBLEMS => checked.problems.push(error),
                _ => {}
            }
        }
        Ok(checked)
    }

    /// Checks the manifest's chain, every byte of every segment and every row of the database; returns how many segments
    /// there are, or the first problem.
    pub fn verify(&self) -> Result<u64, StoreError> {
        let Checked { segments, bytes: _, problems } = self.check()?;
        problems.into_iter().next().map_or(Ok(segments), Err)
    }

    fn check_tables(&self) -> Result<Vec<StoreError>, StoreError> {
        let of_sqlite = self.database.problems(MAX_PROBLEMS)?;
        let mut problems: Vec<StoreError> =
            of_sqlite.iter().map(|problem| self.database.damaged(problem)).collect();
        let tables = TABLES.into_iter().map(|table| table.check_all(&self.database, |_record| ()));
        problems.extend(tables.filter_map(Result::err));
        problems.extend(dead_letters::check(&self.database).err());
        Ok(problems)
    }
}

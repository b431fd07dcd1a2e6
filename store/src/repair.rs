//! Damaged segments: they are found, put aside, and the rest goes on.
//!
//! In: a writer. Out: what was damaged; its file in the folder `quarantine`, an entry of the manifest that says so, and
//! a gap where its rows were. Owns: what becomes of damage. Law: no row of a damaged segment is shown, and none goes
//! missing unsaid.

use std::path::Path;

use offbound_schemas::record::Gap;

use crate::conclusions;
use crate::manifest::{Entry, Kind};
use crate::sealed::{check, check_length};
use crate::{StoreError, Writer};

/// Begins the key of every gap that the store itself recorded.
pub(crate) const OWN_GAP: &str = "store:";
/// Source label of those gaps.
const SOURCE: &str = "offbound";

/// A segment that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Name of its file.
    pub name: String,
    /// What was wrong with it.
    pub problem: String,
    /// The gap that it leaves.
    pub gap: Gap,
}

impl Writer {
    /// Commits what was added, then checks every byte of every segment and puts damaged ones aside.
    pub fn quarantine_damaged(&mut self) -> Result<Vec<Quarantined>, StoreError> {
        self.flush()?;
        let entries = self.entries().to_vec();
        self.put_damaged_aside(&entries)
    }

    /// Checks every byte of these segments and puts damaged ones aside.
    pub(crate) fn put_damaged_aside(&mut self, entries: &[Entry]) -> Result<Vec<Quarantined>, StoreError> {
        self.put_aside(entries, |entry, path| check(path.to_owned(), entry))
    }

    /// Puts aside segments that are missing or have another length: what can be seen without reading them.
    pub(crate) fn put_cut_aside(&mut self) -> Result<Vec<Quarantined>, StoreError> {
        let entries = self.entries().to_vec();
        self.put_aside(&entries, |entry, path| check_length(path, entry.bytes))
    }

    fn put_aside(
        &mut self,
        entries: &[Entry],
        check: impl Fn(&Entry, &Path) -> Result<(), StoreError>,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let mut aside = Vec::new();
        for entry in entries {
            let path = self.folder().segment(entry.seq, entry.table.name());
            match check(entry, &path) {
                Err(StoreError::Damaged { problem, .. }) => aside.push(self.put_one_aside(entry, problem)?),
                other => other?,
            }
        }
        Ok(aside)
    }

    fn put_one_aside(&mut self, entry: &Entry, problem: String) -> Result<Quarantined, StoreError> {
        let name = format!("{:08}-{}", entry.seq, entry.table.name());
        let gap = Gap {
            record_type: "gap".to_owned(),
            schema: "offbound.gap/1".to_owned(),
            source: SOURCE.to_owned(),
            scope: format!("segment {name}"),
            from: entry.from,
            to: entry.to,
            lost: Some(entry.rows),
            reason: format!("a stored segment is damaged: {problem}"),
        };
        let row = [(format!("{OWN_GAP}{name}"), conclusions::gap_text(&gap)?)];
        // The file goes first: should the power fail in between, the next writer finds the segment missing.
        self.folder().quarantine_segment(entry.seq, entry.table.name())?;
        self.remove_saying(Kind::Damaged, std::slice::from_ref(entry), |change| {
            conclusions::put_gaps(change, &row)
        })?;
        tracing::error!(segment = name, problem, rows = entry.rows, "put a damaged segment aside");
        Ok(Quarantined { name, problem, gap })
    }
}

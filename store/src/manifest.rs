//! The manifest: which segments are committed, in which order, with which content.
//!
//! In: a segment that has its final name. Out: its entry, chained to the one before it.
//! Owns: the table `segments`. Law STORE-2: an entry that was changed, taken away or put in breaks the chain.

use offbound_schemas::EventTime;
use rusqlite::{Row, Transaction};

use crate::database::Database;
use crate::digest::Digest;
use crate::folder::Folder;
use crate::{EventTable, StoreError};

/// One committed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) table: EventTable,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) from: EventTime,
    pub(crate) to: EventTime,
    pub(crate) digest: Digest,
    /// Segments whose rows this one holds; they are no longer part of the store.
    pub(crate) replaces: Vec<u64>,
    pub(crate) chain: Digest,
}

/// What the store holds of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableContents {
    /// The table.
    pub table: EventTable,
    /// Committed segments.
    pub segments: u64,
    /// Rows in them; an event that was read twice may count twice.
    pub rows: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Earliest and latest event time; none without rows.
    pub span: Option<(EventTime, EventTime)>,
}

impl Entry {
    /// This entry's link: it depends on every field and on every entry before it.
    pub(crate) fn link(&self, previous: &Digest) -> Digest {
        let Self { seq, table, rows, bytes, from, to, digest, replaces, chain: _ } = self;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"offbound.store.segment/1").update(previous);
        for number in [*seq, *rows, *bytes, from.0.cast_unsigned(), to.0.cast_unsigned()] {
            hasher.update(&number.to_le_bytes());
        }
        for number in replaces {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&(replaces.len() as u64).to_le_bytes()).update(digest).update(table.name().as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// Stands for the link of an entry that is not committed yet.
pub(crate) const UNLINKED: Digest = [0; 32];

/// The manifest as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Segments that are part of the store, in the order in which they were committed.
    pub(crate) entries: Vec<Entry>,
    /// Number of the last segment that was ever committed.
    pub(crate) last_seq: u64,
    /// Link of that segment.
    pub(crate) chain: Digest,
}

/// Reads the manifest and checks its chain.
pub(crate) fn read(database: &Database, folder: &Folder) -> Result<Manifest, StoreError> {
    let refused = database.refused("read the manifest");
    let select = "SELECT seq, table_name, rows, bytes, from_time, to_time, digest, replaces, chain
                  FROM segments ORDER BY seq";
    let mut statement = database.connection().prepare(select).map_err(&refused)?;
    let mut rows = statement.query([]).map_err(&refused)?;
    let mut manifest = Manifest { entries: Vec::new(), last_seq: 0, chain: [0; 32] };
    while let Some(row) = rows.next().map_err(&refused)? {
        let expected_seq = manifest.last_seq + 1;
        let entry = entry(row).map_err(&refused)?;
        let linked = |entry: &Entry| entry.seq == expected_seq && entry.chain == entry.link(&manifest.chain);
        let Some(entry) = entry.filter(linked) else {
            return Err(StoreError::Manifest { path: folder.path().to_owned(), seq: expected_seq });
        };
        manifest.add(entry);
    }
    Ok(manifest)
}

impl Manifest {
    /// Chains entries to the manifest and to each other, in their order.
    pub(crate) fn link(&self, entries: &mut [Entry]) {
        let mut chain = self.chain;
        for entry in entries {
            entry.chain = entry.link(&chain);
            chain = entry.chain;
        }
    }

    /// Takes in a committed segment, and lets go of those that it replaces.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.last_seq = entry.seq;
        self.chain = entry.chain;
        if !entry.replaces.is_empty() {
            self.entries.retain(|old| !entry.replaces.contains(&old.seq));
        }
        self.entries.push(entry);
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let (table, replaces): (String, String) = (row.get(1)?, row.get(7)?);
    let (Some(table), Some(replaces)) = (EventTable::named(&table), parse_numbers(&replaces)) else {
        return Ok(None);
    };
    Ok(Some(Entry {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        table,
        rows: row.get::<_, i64>(2)?.cast_unsigned(),
        bytes: row.get::<_, i64>(3)?.cast_unsigned(),
        from: EventTime(row.get(4)?),
        to: EventTime(row.get(5)?),
        digest: row.get(6)?,
        replaces,
        chain: row.get(8)?,
    }))
}

/// Numbers separated by blanks.
fn parse_numbers(text: &str) -> Option<Vec<u64>> {
    text.split_ascii_whitespace().map(|number| number.parse().ok()).collect()
}

fn print_numbers(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

/// Names segments, as part of a transaction: once that is through they are part of the store, and those that they
/// replace are not.
pub(crate) fn put(transaction: &Transaction<'_>, entries: &[Entry]) -> rusqlite::Result<()> {
    let insert =
        "INSERT INTO segments (seq, table_name, rows, bytes, from_time, to_time, digest, replaces, chain)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let mut statement = transaction.prepare(insert)?;
    for Entry { seq, table, rows, bytes, from, to, digest, replaces, chain } in entries {
        let numbers = (seq.cast_signed(), rows.cast_signed(), bytes.cast_signed());
        let replaces = print_numbers(replaces);
        let values = (numbers.0, table.name(), numbers.1, numbers.2, from.0, to.0, digest, replaces, chain);
        statement.execute(values)?;
    }
    Ok(())
}

/// What the entries hold, per table.
pub(crate) fn contents(entries: &[Entry]) -> Vec<TableContents> {
    let of_table = |table| {
        let mine = || entries.iter().filter(move |entry| entry.table == table);
        let from = mine().map(|entry| entry.from).min();
        TableContents {
            table,
            segments: mine().count() as u64,
            rows: mine().map(|entry| entry.rows).sum(),
            bytes: mine().map(|entry| entry.bytes).sum(),
            span: from.zip(mine().map(|entry| entry.to).max()),
        }
    };
    EventTable::ALL.into_iter().map(of_table).collect()
}

//! The manifest: which segments are committed, in which order, with which content.
//!
//! In: a segment that has its final name. Out: its entry, chained to the one before it.
//! Owns: the table `segments`. Law STORE-2: an entry that was changed, taken away or put in breaks the chain.

use offbound_schemas::EventTime;
use rusqlite::{Row, Statement};

use crate::change::Change;
use crate::database::Database;
use crate::digest::Digest;
use crate::entity_filters::EntityFilter;
use crate::folder::Folder;
use crate::{EventTable, StoreError, entity_filters, meta};

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It adds a segment, perhaps in place of others.
    Rows,
    /// It lets go of segments that were older or larger than was to be kept.
    Expired,
    /// It lets go of segments that are damaged; their files are in quarantine.
    Damaged,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Rows, Self::Expired, Self::Damaged];

    fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Expired => "expired",
            Self::Damaged => "damaged",
        }
    }
}

/// One change of the store's segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) kind: Kind,
    pub(crate) table: EventTable,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) from: EventTime,
    pub(crate) to: EventTime,
    /// Where the file's tail begins: its footer, in which the digests of all before it stand.
    pub(crate) tail_at: u64,
    /// Digest of the tail.
    pub(crate) digest: Digest,
    /// Segments that are no longer part of the store: this one holds their rows, or nobody does.
    pub(crate) replaces: Vec<u64>,
    /// Earlier segments that may hold some of its events too. All others of the table that were part of the store when it
    /// was committed hold none of them: that was looked at.
    pub(crate) copied_in: Vec<u64>,
    pub(crate) chain: Digest,
    /// The segment's part of the entity index, until it is committed.
    pub(crate) filters: Vec<EntityFilter>,
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
    /// An entry that lets go of segments of a table.
    pub(crate) fn removal(kind: Kind, seq: u64, table: EventTable, replaces: Vec<u64>) -> Self {
        let (from, to) = (EventTime::default(), EventTime::default());
        Self {
            seq,
            kind,
            table,
            rows: 0,
            bytes: 0,
            from,
            to,
            tail_at: 0,
            digest: UNLINKED,
            replaces,
            copied_in: Vec::new(),
            chain: UNLINKED,
            filters: Vec::new(),
        }
    }

    /// This entry's link: it depends on every field and on every entry before it.
    pub(crate) fn link(&self, previous: &Digest) -> Digest {
        let Self {
            seq,
            kind,
            table,
            rows,
            bytes,
            from,
            to,
            tail_at,
            digest,
            replaces,
            copied_in,
            chain: _,
            filters: _,
        } = self;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"offbound.store.segment/4").update(previous).update(kind.name().as_bytes());
        for number in [*seq, *rows, *bytes, *tail_at, from.0.cast_unsigned(), to.0.cast_unsigned()] {
            hasher.update(&number.to_le_bytes());
        }
        for numbers in [replaces, copied_in] {
            for number in numbers {
                hasher.update(&number.to_le_bytes());
            }
            hasher.update(&(numbers.len() as u64).to_le_bytes());
        }
        hasher.update(digest).update(table.name().as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// Entries of the past that are kept before the manifest is shortened: reading them takes a few milliseconds.
const MAX_HISTORY: usize = 4_096;

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
    /// Entries that are stored, with those that are no longer part of the store.
    pub(crate) length: usize,
}

/// Reads the manifest and checks its chain.
pub(crate) fn read(database: &Database, folder: &Folder) -> Result<Manifest, StoreError> {
    database.snapshot(|| {
        let base = meta::read(database, meta::BASE)?;
        let head = meta::read(database, meta::HEAD)?;
        let broken = |seq| StoreError::Manifest { path: folder.path().to_owned(), seq };
        let base = base.as_deref().map_or(Some(UNLINKED), parse_digest).ok_or_else(|| broken(0))?;
        let mut manifest = read_entries(database, base).and_then(|manifest| manifest.map_err(broken))?;
        let Some(head) = head else {
            return if manifest.last_seq == 0 { Ok(manifest) } else { Err(broken(1)) };
        };
        let (last_seq, chain) = parse_head(&head).ok_or_else(|| broken(manifest.last_seq + 1))?;
        if chain != manifest.chain || last_seq < manifest.last_seq {
            return Err(broken(manifest.last_seq + 1));
        }
        manifest.last_seq = last_seq;
        Ok(manifest)
    })
}

/// The entries after `base`; the number of the first one that does not continue the chain.
fn read_entries(database: &Database, base: Digest) -> Result<Result<Manifest, u64>, StoreError> {
    let refused = database.refused("read the manifest");
    let select = format!("SELECT {COLUMNS} FROM segments ORDER BY seq");
    let mut statement = database.connection().prepare(&select).map_err(&refused)?;
    let mut rows = statement.query([]).map_err(&refused)?;
    let mut manifest = Manifest { entries: Vec::new(), last_seq: 0, chain: base, length: 0 };
    while let Some(row) = rows.next().map_err(&refused)? {
        let linked =
            |entry: &Entry| entry.seq > manifest.last_seq && entry.chain == entry.link(&manifest.chain);
        match entry(row).map_err(&refused)? {
            Some(entry) if linked(&entry) => manifest.add(entry),
            Some(entry) => return Ok(Err(entry.seq)),
            None => return Ok(Err(manifest.last_seq + 1)),
        }
    }
    Ok(Ok(manifest))
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
    pub(crate) fn add(&mut self, mut entry: Entry) {
        entry.filters.clear();
        self.last_seq = entry.seq;
        self.length += 1;
        self.chain = entry.chain;
        if !entry.replaces.is_empty() {
            self.entries.retain(|old| !entry.replaces.contains(&old.seq));
        }
        if entry.kind == Kind::Rows {
            self.entries.push(entry);
        }
    }

    /// Whether something is stored that is no longer part of the store.
    pub(crate) fn has_history(&self) -> bool {
        self.length > self.entries.len()
    }

    /// Whether most of what is stored is history: reading it would take ever longer.
    pub(crate) fn is_mostly_history(&self) -> bool {
        self.length > MAX_HISTORY + 2 * self.entries.len()
    }

    /// The same segments, chained anew from where the chain stands now; and that place.
    pub(crate) fn shortened(&self) -> (Self, Digest) {
        let base =
            *blake3::Hasher::new().update(b"offbound.store.base/1").update(&self.chain).finalize().as_bytes();
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            // What these took the place of is history too, and so are copies in what has gone.
            entry.replaces.clear();
            entry.copied_in.retain(|seq| self.entries.iter().any(|kept| kept.seq == *seq));
        }
        let begun = Self { entries: Vec::new(), last_seq: 0, chain: base, length: 0 };
        begun.link(&mut entries);
        let chain = entries.last().map_or(base, |last| last.chain);
        (Self { length: entries.len(), entries, last_seq: self.last_seq, chain }, base)
    }
}

/// Puts a shortened manifest in place of the one that is stored, as part of a transaction.
pub(crate) fn replace(change: &Change<'_>, shortened: &Manifest, base: &Digest) -> rusqlite::Result<()> {
    change.execute_batch("DELETE FROM segments")?;
    put(change, &shortened.entries)?;
    meta::put(change, meta::BASE, &digest_text(base))?;
    meta::put(change, meta::HEAD, &head(shortened.last_seq, &shortened.chain))
}

fn digest_text(digest: &Digest) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}

fn parse_digest(text: &str) -> Option<Digest> {
    blake3::Hash::from_hex(text).ok().map(|hash| *hash.as_bytes())
}

fn parse_head(text: &str) -> Option<(u64, Digest)> {
    let (seq, chain) = text.split_once(' ')?;
    Some((seq.parse().ok()?, parse_digest(chain)?))
}

fn head(seq: u64, chain: &Digest) -> String {
    format!("{seq} {}", digest_text(chain))
}

/// Columns of an entry, in the order of [`entry`].
const COLUMNS: &str =
    "seq, change, table_name, rows, bytes, from_time, to_time, digest, replaces, chain, tail_at, copied_in";

/// None where a cell cannot be what was written.
fn entry(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let text = |column| row.get_ref(column).and_then(|cell| Ok(cell.as_str()?));
    let [kind, table, replaces, copied_in] = [text(1)?, text(2)?, text(8)?, text(11)?];
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let (Some(kind), Some(table), Some(replaces), Some(copied_in)) =
        (kind, EventTable::named(table), parse_numbers(replaces), parse_numbers(copied_in))
    else {
        return Ok(None);
    };
    let (Ok(digest), Ok(chain)) = (row.get(7), row.get(9)) else { return Ok(None) };
    Ok(Some(Entry {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        kind,
        table,
        rows: row.get::<_, i64>(3)?.cast_unsigned(),
        bytes: row.get::<_, i64>(4)?.cast_unsigned(),
        from: EventTime(row.get(5)?),
        to: EventTime(row.get(6)?),
        tail_at: row.get::<_, i64>(10)?.cast_unsigned(),
        digest,
        replaces,
        copied_in,
        chain,
        filters: Vec::new(),
    }))
}

/// Numbers separated by blanks.
fn parse_numbers(text: &str) -> Option<Vec<u64>> {
    text.split_ascii_whitespace().map(|number| number.parse().ok()).collect()
}

fn print_numbers(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

/// Adds entries, as part of a transaction: once that is through, segments are part of the store, and those that they
/// replace are not.
pub(crate) fn put(change: &Change<'_>, entries: &[Entry]) -> rusqlite::Result<()> {
    let insert = format!(
        "INSERT INTO segments ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    );
    let mut insert = change.prepare(&insert)?;
    for entry in entries {
        put_one(&mut insert, entry)?;
    }
    entity_filters::put(change, entries)?;
    match entries.last() {
        Some(last) => meta::put(change, meta::HEAD, &head(last.seq, &last.chain)),
        None => Ok(()),
    }
}

fn put_one(insert: &mut Statement<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let Entry {
        seq,
        kind,
        table,
        rows,
        bytes,
        from,
        to,
        tail_at,
        digest,
        replaces,
        copied_in,
        chain,
        filters: _,
    } = entry;
    let [seq, rows, bytes, tail_at] = [seq, rows, bytes, tail_at].map(|number| number.cast_signed());
    let (kind, table) = (kind.name(), table.name());
    let (replaces, copied_in) = (print_numbers(replaces), print_numbers(copied_in));
    insert.execute((
        seq, kind, table, rows, bytes, from.0, to.0, digest, replaces, chain, tail_at, copied_in,
    ))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a manifest of a few segments after many merges. Guarantees: it counts as history once there is enough of
    /// it; shortened, it has the same segments in a chain that holds, begins elsewhere, and goes on with later numbers.
    #[test]
    fn history_is_forgotten() {
        let mut manifest = Manifest { entries: Vec::new(), last_seq: 0, chain: UNLINKED, length: 0 };
        let table = EventTable::Placements;
        while !manifest.is_mostly_history() {
            let seq = manifest.last_seq + 1;
            let replaces = if seq > 3 { vec![seq - 1] } else { Vec::new() };
            let mut added = [Entry { kind: Kind::Rows, ..Entry::removal(Kind::Rows, seq, table, replaces) }];
            manifest.link(&mut added);
            added.into_iter().for_each(|entry| manifest.add(entry));
        }
        assert_eq!((manifest.entries.len(), manifest.length), (3, MAX_HISTORY + 7));
        let (shortened, base) = manifest.shortened();
        let seqs = |manifest: &Manifest| manifest.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>();
        assert_eq!((seqs(&shortened), shortened.last_seq), (seqs(&manifest), manifest.last_seq));
        assert!(!shortened.is_mostly_history() && base != manifest.chain);
        let mut chain = base;
        for entry in &shortened.entries {
            assert_eq!(entry.chain, entry.link(&chain));
            chain = entry.chain;
        }
        assert_eq!(chain, shortened.chain);
    }
}

//! Canonical order: events as they come, folded as if they had come sorted.
//!
//! In: batches in any order, cut anyhow, with repetitions; a watermark. Out: rows before the watermark,
//! sorted by (event time, event id), each event once.
//! Owns: the rows that wait for the watermark, and the count of late ones.
//! Law STREAM-1..3: what comes out depends on the set of events only.

mod held;
mod packed;

use std::collections::BTreeMap;

use arrow::error::ArrowError;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventBatch, EventId, EventTime, SchemaError};

use held::Batches;

use crate::keyed::{HashSet, Recent};

/// Width of a stretch of event time whose rows wait together: a watermark takes whole stretches, and looks at the rows
/// of one only.
const STRETCH_NANOS: i64 = 250_000_000;
/// Ids of folded events that are remembered, to tell a late event from one delivered again.
const RECENT_EVENTS: usize = 65_536;

/// Which event table a row is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EventTable {
    HostEvents,
    IdentityAssertions,
    Placements,
}

/// One row that waits, by the order in which it will be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiting {
    pub(crate) time: EventTime,
    pub(crate) id: EventId,
    pub(crate) table: EventTable,
    pub(crate) batch: usize,
    pub(crate) row: usize,
}

/// Rows that wait for the watermark.
#[derive(Debug)]
pub(crate) struct CanonicalOrder {
    batches: Batches,
    /// Rows that wait, by their stretch of event time.
    stretches: BTreeMap<i64, Vec<Waiting>>,
    waiting: usize,
    /// Events that wait, where somebody reads ahead of the watermark and must not read one twice.
    waiting_ids: Option<HashSet<(EventId, EventTable)>>,
    watermark: Option<EventTime>,
    recent: Recent<EventId>,
    late: u64,
}

impl CanonicalOrder {
    /// An order of which so many rows wait as they came; the others are packed.
    pub(crate) fn new(most_loose: usize) -> Self {
        Self {
            batches: Batches::new(most_loose),
            stretches: BTreeMap::new(),
            waiting: 0,
            waiting_ids: None,
            watermark: None,
            recent: Recent::new(RECENT_EVENTS),
            late: 0,
        }
    }

    /// The same for rows that are also read when they come, each once.
    pub(crate) fn read_ahead(most_loose: usize) -> Self {
        Self { waiting_ids: Some(HashSet::default()), ..Self::new(most_loose) }
    }

    /// Takes a batch in; its rows wait. Gives those rows that did not come before, as far as that is known.
    pub(crate) fn push(&mut self, batch: &EventBatch) -> Result<Vec<Waiting>, SchemaError> {
        let index = self.batches.next();
        let mut fresh = Vec::with_capacity(batch.num_rows());
        let hosts = host_events::View::new(&batch.host_events)?;
        let at = |row| (hosts.event_time(row), hosts.event_id(row));
        self.wait(EventTable::HostEvents, index, hosts.len(), at, &mut fresh);
        let uses = identity_assertions::View::new(&batch.identity_assertions)?;
        let at = |row| (uses.event_time(row), uses.event_id(row));
        self.wait(EventTable::IdentityAssertions, index, uses.len(), at, &mut fresh);
        let places = placements::View::new(&batch.placements)?;
        let at = |row| (places.event_time(row), places.event_id(row));
        self.wait(EventTable::Placements, index, places.len(), at, &mut fresh);
        for row in &fresh {
            self.stretches.entry(stretch(row.time)).or_default().push(*row);
        }
        self.waiting += fresh.len();
        if !fresh.is_empty() {
            self.batches.hold(batch, fresh.len());
        }
        Ok(fresh)
    }

    fn wait(
        &mut self,
        table: EventTable,
        batch: usize,
        rows: usize,
        at: impl Fn(usize) -> (EventTime, EventId),
        fresh: &mut Vec<Waiting>,
    ) {
        for row in 0..rows {
            let (time, id) = at(row);
            let late = self.watermark.is_some_and(|watermark| time < watermark);
            if late && self.recent.contains(&id) {
                continue;
            }
            if self.waiting_ids.as_mut().is_some_and(|ids| !ids.insert((id, table))) {
                continue;
            }
            self.late += u64::from(late);
            fresh.push(Waiting { time, id, table, batch, row });
        }
    }

    /// Rows strictly before `watermark` (all of them for `None`), in canonical order, each event once.
    pub(crate) fn seal(&mut self, watermark: Option<EventTime>) -> Vec<Waiting> {
        let mut due = self.take_before(watermark);
        due.sort_unstable();
        due.dedup_by(|later, kept| {
            let again = (later.id, later.table) == (kept.id, kept.table);
            if again {
                self.batches.release(later.batch);
            }
            again
        });
        due.retain(|row| {
            let again = self.recent.contains(&row.id);
            if again {
                self.batches.release(row.batch);
            }
            !again
        });
        for row in &due {
            self.recent.insert(row.id);
            if let Some(ids) = &mut self.waiting_ids {
                ids.remove(&(row.id, row.table));
            }
        }
        self.watermark = self.watermark.max(watermark);
        due
    }

    /// Takes out the rows before `watermark`, all of them for `None`, in any order.
    fn take_before(&mut self, watermark: Option<EventTime>) -> Vec<Waiting> {
        let whole = match watermark {
            None => std::mem::take(&mut self.stretches),
            Some(watermark) => {
                let rest = self.stretches.split_off(&stretch(watermark));
                std::mem::replace(&mut self.stretches, rest)
            }
        };
        let mut due: Vec<Waiting> = whole.into_values().flatten().collect();
        if let Some(watermark) = watermark
            && let Some(last) = self.stretches.get_mut(&stretch(watermark))
        {
            due.extend(last.extract_if(.., |row| row.time < watermark));
            if last.is_empty() {
                self.stretches.remove(&stretch(watermark));
            }
        }
        self.waiting -= due.len();
        due
    }

    /// Makes sure that these rows are found: some of them may be packed.
    pub(crate) fn open(&mut self, rows: &[Waiting]) -> Result<(), ArrowError> {
        self.batches.open(rows)
    }

    /// Packs what came and need not be loose, now that nobody reads it for a while.
    pub(crate) fn pack(&mut self) {
        self.batches.pack();
    }

    /// Lets go of what was opened, and waits on.
    pub(crate) fn close(&mut self) {
        self.batches.close();
    }

    /// Where a row is: the number of its batch, the batch, and its place in its table there.
    pub(crate) fn find(&self, row: &Waiting) -> Option<(usize, &EventBatch, usize)> {
        self.batches.find(row)
    }

    /// Lets go of batches of which no row waits any more: these rows were folded.
    pub(crate) fn release(&mut self, folded: &[Waiting]) {
        for row in folded {
            self.batches.release(row.batch);
        }
    }

    /// Before which moment everything was folded.
    pub(crate) fn watermark(&self) -> Option<EventTime> {
        self.watermark
    }

    /// All rows that wait, in canonical order.
    pub(crate) fn all(&self) -> Vec<Waiting> {
        let mut rows: Vec<Waiting> = self.stretches.values().flatten().copied().collect();
        rows.sort_unstable();
        rows
    }

    /// How many rows wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many events came after the watermark had passed them.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }
}

/// The number of the stretch that a moment lies in.
fn stretch(time: EventTime) -> i64 {
    time.0.div_euclid(STRETCH_NANOS)
}

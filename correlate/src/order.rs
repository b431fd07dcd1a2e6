//! Canonical order: events as they come, folded as if they had come sorted.
//!
//! In: batches in any order, cut anyhow, with repetitions; a watermark. Out: rows before the watermark,
//! sorted by (event time, event id), each event once.
//! Owns: the rows that wait for the watermark, and the count of late ones.
//! Law STREAM-1..3: what comes out depends on the set of events only.

use std::collections::{HashSet, VecDeque};

use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventBatch, EventId, EventTime, SchemaError};

/// Ids of folded events that are remembered, to tell a late event from one delivered again.
const RECENT_EVENTS: usize = 65_536;

/// Which event table a row is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Debug, Default)]
pub(crate) struct CanonicalOrder {
    batches: Vec<Option<EventBatch>>,
    waiting: Vec<Waiting>,
    watermark: Option<EventTime>,
    recent: HashSet<EventId>,
    recent_order: VecDeque<EventId>,
    late: u64,
}

impl CanonicalOrder {
    /// Takes a batch in; its rows wait.
    pub(crate) fn push(&mut self, batch: &EventBatch) -> Result<(), SchemaError> {
        let index = self.batches.len();
        let before = self.waiting.len();
        let hosts = host_events::View::new(&batch.host_events)?;
        self.wait(EventTable::HostEvents, index, hosts.len(), |row| {
            (hosts.event_time(row), hosts.event_id(row))
        });
        let uses = identity_assertions::View::new(&batch.identity_assertions)?;
        let at = |row| (uses.event_time(row), uses.event_id(row));
        self.wait(EventTable::IdentityAssertions, index, uses.len(), at);
        let places = placements::View::new(&batch.placements)?;
        self.wait(EventTable::Placements, index, places.len(), |row| {
            (places.event_time(row), places.event_id(row))
        });
        if self.waiting.len() > before {
            self.batches.push(Some(batch.clone()));
        }
        Ok(())
    }

    fn wait(
        &mut self,
        table: EventTable,
        batch: usize,
        rows: usize,
        at: impl Fn(usize) -> (EventTime, EventId),
    ) {
        for row in 0..rows {
            let (time, id) = at(row);
            if self.watermark.is_some_and(|watermark| time < watermark) {
                if self.recent.contains(&id) {
                    continue;
                }
                self.late += 1;
            }
            self.waiting.push(Waiting { time, id, table, batch, row });
        }
    }

    /// Rows strictly before `watermark` (all of them for `None`), in canonical order, each event once.
    pub(crate) fn seal(&mut self, watermark: Option<EventTime>) -> Vec<Waiting> {
        let ready = |row: &Waiting| watermark.is_none_or(|watermark| row.time < watermark);
        let (mut due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(ready);
        self.waiting = rest;
        due.sort_unstable();
        due.dedup_by_key(|row| (row.id, row.table));
        due.retain(|row| !self.recent.contains(&row.id));
        for row in &due {
            self.remember(row.id);
        }
        self.watermark = self.watermark.max(watermark);
        due
    }

    fn remember(&mut self, id: EventId) {
        if self.recent.insert(id) {
            self.recent_order.push_back(id);
        }
        if self.recent_order.len() > RECENT_EVENTS
            && let Some(oldest) = self.recent_order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }

    /// The batch that a row is in.
    pub(crate) fn batch(&self, index: usize) -> Option<&EventBatch> {
        self.batches.get(index).and_then(Option::as_ref)
    }

    /// Lets go of batches of which no row waits any more.
    pub(crate) fn release(&mut self) {
        let waited: HashSet<usize> = self.waiting.iter().map(|row| row.batch).collect();
        for (index, batch) in self.batches.iter_mut().enumerate() {
            if !waited.contains(&index) {
                *batch = None;
            }
        }
        if self.waiting.is_empty() {
            self.batches.clear();
        }
    }

    /// How many events came after the watermark had passed them.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }
}

//! Gathers the records of an event, which arrive interleaved with those of others.
//!
//! In: records. Out: rows of events that are complete, in order of (time, serial) on each host.
//! Owns: when an event is complete. auditd never writes the end-of-event record to its file, and no other record is
//! always last, so an event closes when the host's log time has moved on by [`HOLD_NANOS`] and [`SETTLE_RECORDS`] more of its
//! records have come (in a quiet log the next event is far away, and still its neighbour), or at the end of the stream;
//! older ones first, so that what is learnt about processes does not depend on the interleaving.
//! `finish` may be called at any quiet moment: later records of an event that was closed early are late, not lost.
//! Collectors that put events together themselves come in by [`Assembler::take_whole`], for they too write out of order.
//! Law: same records, any interleaving within [`HOLD_NANOS`], same rows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use offbound_schemas::table::HostEvent;
use offbound_schemas::{EventId, EventRows, EventTime};

use super::event;
use super::header::AuditRecord;
use super::host_state::HostState;
use super::statement;
use crate::decode::{Held, Inside, Record};

/// How far log time moves on before an event closes: records of one event are written within milliseconds, and a
/// busy dispatcher delays some by a second or so.
const HOLD_NANOS: i64 = 2_000_000_000;
/// Records of the host that come after an event's last one before it closes: so far apart do neighbours change places.
const SETTLE_RECORDS: u64 = 16;
/// A step back in log time that is no disorder but another clock or another part of the log.
const STEP_BACK_NANOS: i64 = 3_600_000_000_000;
/// Most events open at once: two seconds of a host with 4,000 events a second.
const MAX_OPEN_EVENTS: usize = 8192;
/// Most bytes of memory of open events: twice what the longest argument list takes.
const MAX_OPEN_BYTES: usize = 10 * 1024 * 1024;
/// Most records of one event: the longest argument list takes a few hundred.
const MAX_EVENT_RECORDS: usize = 1024;
/// Most bytes of text of one event: the longest argument list has 2 MiB, and twice that in hex.
const MAX_EVENT_BYTES: usize = 5 * 1024 * 1024;
/// Closed events that are remembered, to tell late records and repeated ones.
const MAX_CLOSED_EVENTS: usize = 8192;
/// Most hosts whose state is kept: hosts behind one stream.
const MAX_HOSTS: usize = 1024;

/// Host (empty when unknown), time, serial.
type Key = (Arc<str>, EventTime, u32);

struct Open {
    number: u64,
    /// On its own, since the map keeps room for more entries than it has.
    template: Box<HostEvent>,
    records: Vec<AuditRecord>,
    /// Bytes of text of its records.
    bytes: usize,
    /// Bytes of memory that it takes, about.
    memory: usize,
    /// The host's log when a record last arrived.
    touched: Progress,
}

/// How far a host's log is.
#[derive(Debug, Clone, Copy)]
struct Progress {
    time: EventTime,
    records: u64,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Taken {
    /// It is part of a row.
    Gathered,
    /// It is in its event already.
    Duplicate,
    /// Its event was closed, and it adds no decision.
    Late,
    /// Its event has too many records.
    TooLarge,
}

/// Open events of a stream, and what is known about its hosts.
pub(in crate::decode) struct Assembler {
    /// Format whose records these are: part of the identity of rows.
    format: &'static str,
    open: BTreeMap<Key, Open>,
    inside: Inside,
    /// Bytes of memory of all open events, about.
    memory: usize,
    clocks: BTreeMap<Arc<str>, Progress>,
    hosts: BTreeMap<Arc<str>, HostState>,
    /// The host of the last record.
    last_host: Arc<str>,
    closed: HashMap<Key, Vec<u64>>,
    closed_order: VecDeque<Key>,
    /// Keyed at random, so that nobody can write two records that are taken for one.
    hasher: RandomState,
}

impl Assembler {
    /// Nothing open yet.
    pub(in crate::decode) fn new(format: &'static str) -> Self {
        Self {
            format,
            open: BTreeMap::new(),
            inside: Inside::default(),
            memory: 0,
            clocks: BTreeMap::new(),
            hosts: BTreeMap::new(),
            last_host: Arc::default(),
            closed: HashMap::new(),
            closed_order: VecDeque::new(),
            hasher: RandomState::new(),
        }
    }

    /// What a record is known by within its event: the same line through another transport differs before its body.
    fn mark(&self, audit: &AuditRecord) -> u64 {
        self.hasher.hash_one((&audit.kind, audit.body()))
    }

    /// Takes one record; rows of events that it completes go to `rows`.
    pub(super) fn take(&mut self, record: &Record<'_>, audit: AuditRecord, rows: &mut EventRows) -> Taken {
        let named = audit.node.as_deref().or(record.envelope.host.as_deref());
        let is_named = named.is_some();
        let host = self.host(named.unwrap_or_default());
        let key = (Arc::clone(&host), audit.stamp.time, audit.stamp.serial);
        // The text of a line is in its record.
        let raw = if audit.line().is_some() { "" } else { record.text };
        let template = || HostEvent {
            host: is_named.then(|| host.to_string()),
            ..Record { text: raw, ..record.clone() }.host_event(key.1)
        };
        if self.closed.contains_key(&key) {
            return self.after_close(&template(), &key, audit, rows);
        }
        let clock = self.advance(&key, rows);
        let taken = self.gather(template, key.clone(), audit, clock);
        self.close_behind(&key.0, clock, rows);
        taken
    }

    /// The name of a host, shared with what is known of it: records of one host come in a row.
    fn host(&mut self, name: &str) -> Arc<str> {
        if *self.last_host != *name {
            let known = self.clocks.get_key_value(name).map(|(known, _)| Arc::clone(known));
            self.last_host = known.unwrap_or_else(|| name.into());
        }
        Arc::clone(&self.last_host)
    }

    /// Takes records of one event; `template` holds what the record that they came in says about the event as a whole.
    pub(in crate::decode) fn take_whole(
        &mut self,
        template: HostEvent,
        records: Vec<AuditRecord>,
        rows: &mut EventRows,
    ) -> Taken {
        let Some(stamp) = records.first().map(|audit| audit.stamp.clone()) else { return Taken::Duplicate };
        let host = self.host(template.host.as_deref().unwrap_or_default());
        let key = (Arc::clone(&host), stamp.time, stamp.serial);
        if self.closed.contains_key(&key) {
            let each = records.into_iter().map(|audit| self.after_close(&template, &key, audit, rows));
            return each.fold(Taken::Duplicate, Taken::or);
        }
        let clock = self.advance(&key, rows);
        let mut taken = Taken::Duplicate;
        for audit in records {
            taken = taken.or(self.gather(|| template.clone(), key.clone(), audit, clock));
        }
        self.close_behind(&host, clock, rows);
        taken
    }

    /// Closes what is complete, and the oldest of what is too much.
    fn close_behind(&mut self, host: &Arc<str>, clock: Progress, rows: &mut EventRows) {
        self.close_due(host, clock, rows);
        while self.open.len() > MAX_OPEN_EVENTS || self.memory > MAX_OPEN_BYTES {
            self.close_first(rows);
        }
    }

    fn after_close(
        &mut self,
        template: &HostEvent,
        key: &Key,
        audit: AuditRecord,
        rows: &mut EventRows,
    ) -> Taken {
        let id = self.mark(&audit);
        let Some(known) = self.closed.get_mut(key) else { return Taken::Late };
        if known.contains(&id) {
            return Taken::Duplicate;
        }
        if known.len() < MAX_EVENT_RECORDS {
            known.push(id);
        }
        late(self.format, template, audit, self.hosts.get_mut(&key.0), rows)
    }

    /// Events that are not closed.
    pub(in crate::decode) fn held(&self) -> Held {
        self.inside.held()
    }

    /// Closes everything.
    pub(in crate::decode) fn finish(&mut self, rows: &mut EventRows) {
        while !self.open.is_empty() {
            self.close_first(rows);
        }
    }

    /// Moves the host's log time on; a large step back closes what is open, and begins anew.
    /// A record of an event that is still open is no step back, however long ago that event was.
    fn advance(&mut self, key: &Key, rows: &mut EventRows) -> Progress {
        let (host, time) = (&key.0, key.1);
        let known = self.clocks.get(host).copied().unwrap_or(Progress { time, records: 0 });
        let time = if known.time.nanos_since(time) > STEP_BACK_NANOS && !self.open.contains_key(key) {
            while let Some(key) = self.first_of(host) {
                self.close(&key, rows);
            }
            time
        } else {
            known.time.max(time)
        };
        let clock = Progress { time, records: known.records + 1 };
        if let Some(known) = self.clocks.get_mut(host) {
            *known = clock;
            return clock;
        }
        if self.clocks.len() >= MAX_HOSTS {
            self.clocks.pop_first();
        }
        self.clocks.insert(Arc::clone(host), clock);
        clock
    }

    fn gather(
        &mut self,
        template: impl FnOnce() -> HostEvent,
        key: Key,
        audit: AuditRecord,
        clock: Progress,
    ) -> Taken {
        let (total, inside) = (&mut self.memory, &mut self.inside);
        let open = self.open.entry(key).or_insert_with(|| {
            let template = Box::new(template());
            let memory = size_of::<HostEvent>() + 2 * size_of::<(Key, Open)>() + template.raw.len();
            *total += memory;
            Open { number: inside.begin(), template, records: Vec::new(), bytes: 0, memory, touched: clock }
        });
        open.touched = clock;
        if open.records.iter().any(|known| known.kind == audit.kind && known.body() == audit.body()) {
            return Taken::Duplicate;
        }
        if open.records.len() >= MAX_EVENT_RECORDS || open.bytes + audit.size() > MAX_EVENT_BYTES {
            return Taken::TooLarge;
        }
        open.bytes += audit.size();
        open.memory += audit.memory();
        self.memory += audit.memory();
        open.records.push(audit);
        Taken::Gathered
    }

    fn first_of(&self, host: &Arc<str>) -> Option<Key> {
        let from = (Arc::clone(host), EventTime::MIN, 0);
        self.open.range(from..).next().map(|(key, _)| key.clone()).filter(|key| key.0 == *host)
    }

    fn close_due(&mut self, host: &Arc<str>, clock: Progress, rows: &mut EventRows) {
        let from = (Arc::clone(host), EventTime::MIN, 0);
        while let Some((key, open)) = self.open.range(&from..).next().filter(|(key, _)| key.0 == *host) {
            let quiet = clock.time.nanos_since(key.1.max(open.touched.time)) > HOLD_NANOS;
            if !quiet || clock.records - open.touched.records < SETTLE_RECORDS {
                return;
            }
            let key = key.clone();
            self.close(&key, rows);
        }
    }

    fn close_first(&mut self, rows: &mut EventRows) {
        if let Some(key) = self.open.keys().next().cloned() {
            self.close(&key, rows);
        }
    }

    fn close(&mut self, key: &Key, rows: &mut EventRows) {
        let Some(Open { number, template, records, memory, .. }) = self.open.remove(key) else { return };
        self.inside.end(number);
        self.memory = self.memory.saturating_sub(memory);
        let marks = records.iter().map(|audit| self.mark(audit)).collect();
        self.remember(key, marks);
        if self.hosts.len() >= MAX_HOSTS && !self.hosts.contains_key(&key.0) {
            self.hosts.pop_first();
        }
        let state = self.hosts.entry(Arc::clone(&key.0)).or_default();
        rows.host_events.extend(event::rows(self.format, *template, records, state));
    }

    fn remember(&mut self, key: &Key, marks: Vec<u64>) {
        while self.closed_order.len() >= MAX_CLOSED_EVENTS {
            let Some(oldest) = self.closed_order.pop_front() else { break };
            self.closed.remove(&oldest);
        }
        self.closed_order.push_back(key.clone());
        self.closed.insert(key.clone(), marks);
    }
}

/// A record of a closed event: a decision still gives a row, tied to the event by its stamp; the rest is counted.
fn late(
    format: &'static str,
    template: &HostEvent,
    audit: AuditRecord,
    state: Option<&mut HostState>,
    rows: &mut EventRows,
) -> Taken {
    let mut base = template.clone();
    base.native_id = Some(audit.stamp.text.clone());
    base.event_id = EventId::of(&[
        format.as_bytes(),
        template.host.as_deref().unwrap_or_default().as_bytes(),
        audit.stamp.text.as_bytes(),
        b"late",
        audit.kind.as_bytes(),
        audit.body().as_bytes(),
    ]);
    match statement::of(&audit, &base, None) {
        Some(statement) if statement.is_decision => {
            let mut row = statement.row;
            if let Some(state) = state {
                state.place(&mut row);
            }
            rows.host_events.push(row);
            Taken::Gathered
        }
        _ => Taken::Late,
    }
}

impl Taken {
    /// What became of two records together: what gave a row counts before what did not.
    fn or(self, other: Self) -> Self {
        let weight = |taken: &Self| match taken {
            Self::Gathered => 3,
            Self::TooLarge => 2,
            Self::Late => 1,
            Self::Duplicate => 0,
        };
        std::cmp::max_by_key(self, other, weight)
    }
}

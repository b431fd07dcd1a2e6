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
use std::sync::Arc;

use ahash::RandomState;
use offbound_schemas::table::HostEvent;
use offbound_schemas::{EventId, EventRows, EventTime};

use super::event;
use super::header::{AuditRecord, Moment};
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
/// Records that room is made for at first: most events have no more.
const USUAL_RECORDS: usize = 6;
/// Most bytes of text of one event: the longest argument list has 2 MiB, and twice that in hex.
const MAX_EVENT_BYTES: usize = 5 * 1024 * 1024;
/// Closed events that are remembered, to tell late records and repeated ones.
const MAX_CLOSED_EVENTS: usize = 8192;
/// Most hosts whose state is kept: hosts behind one stream.
const MAX_HOSTS: usize = 1024;

struct Open {
    number: u64,
    template: Template,
    records: Vec<AuditRecord>,
    /// Bytes of text of its records.
    bytes: usize,
    /// Bytes of memory that it takes, about.
    memory: usize,
    /// The host's log when a record last arrived.
    touched: Progress,
}

/// What the record with which an event began says about the event as a whole.
enum Template {
    /// It is a line of its own.
    Line(Origin),
    /// A collector put the event together. On its own, since the map keeps room for more entries than it has.
    Whole(Box<HostEvent>),
}

/// Where a line is from.
struct Origin {
    source: Arc<str>,
    location: String,
    boot_id: Option<String>,
    /// Whether the host is named.
    is_named: bool,
}

impl Template {
    /// The row of an event of that host and moment, as far as this says.
    fn row(self, host: &str, time: EventTime) -> HostEvent {
        match self {
            Self::Whole(row) => *row,
            Self::Line(Origin { source, location, boot_id, is_named }) => HostEvent {
                event_time: time,
                source: source.to_string(),
                location,
                host: is_named.then(|| host.to_owned()),
                boot_id,
                ..HostEvent::default()
            },
        }
    }

    /// Bytes of memory beside its own and that of the row.
    fn memory(&self) -> usize {
        match self {
            Self::Whole(row) => row.raw.len(),
            Self::Line(origin) => origin.location.len(),
        }
    }
}

/// How far a host's log is.
#[derive(Debug, Clone, Copy)]
struct Progress {
    time: EventTime,
    records: u64,
}

impl Progress {
    /// The log is at a record of this moment.
    fn passed(clock: &mut Option<Self>, time: EventTime) -> Self {
        let known = clock.unwrap_or(Self { time, records: 0 });
        *clock.insert(Self { time: known.time.max(time), records: known.records + 1 })
    }
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
    hosts: Hosts,
    books: Books,
    /// The source of the last event: all lines of a stream have one.
    last_source: Arc<str>,
}

/// The logs of all hosts.
struct Hosts {
    /// Of the host that no record names.
    nameless: HostLog,
    /// By name.
    named: BTreeMap<Arc<str>, HostLog>,
}

/// What all hosts of a stream have together.
struct Books {
    /// Format whose records these are: part of the identity of rows.
    format: &'static str,
    inside: Inside,
    /// Open events.
    open: usize,
    /// Bytes of memory of all open events, about.
    memory: usize,
    closed_order: VecDeque<(Arc<str>, Moment)>,
    /// Keyed at random, so that nobody can write two records that are taken for one.
    hasher: RandomState,
}

/// The log of one host.
struct HostLog {
    name: Arc<str>,
    clock: Option<Progress>,
    open: BTreeMap<Moment, Open>,
    /// Marks of the records of closed events; keyed at random, and never told in its order.
    closed: HashMap<Moment, Vec<u64>, RandomState>,
    state: HostState,
}

impl Assembler {
    /// Nothing open yet.
    pub(in crate::decode) fn new(format: &'static str) -> Self {
        let books = Books {
            format,
            inside: Inside::default(),
            open: 0,
            memory: 0,
            closed_order: VecDeque::new(),
            hasher: RandomState::new(),
        };
        let hosts = Hosts { nameless: HostLog::new(Arc::default()), named: BTreeMap::new() };
        Self { hosts, books, last_source: Arc::default() }
    }

    /// Takes one line; rows of events that it completes go to `rows`.
    pub(super) fn take(
        &mut self,
        record: &Record<'_>,
        mut audit: AuditRecord,
        rows: &mut EventRows,
    ) -> Taken {
        let node = audit.node.take();
        let named = node.as_deref().or(record.envelope.host.as_deref());
        if *self.last_source != *record.source {
            self.last_source = record.source.into();
        }
        let Self { hosts, books, last_source } = self;
        let template = || {
            Template::Line(Origin {
                source: Arc::clone(last_source),
                location: record.location.to_owned(),
                boot_id: record.envelope.boot_id.clone(),
                is_named: named.is_some(),
            })
        };
        let (name, key) = (named.unwrap_or_default(), audit.moment);
        let host = hosts.of_name(name, books, rows);
        let taken = if let Some(open) = host.open_event(key) {
            open.gather(audit, books)
        } else if host.closed.contains_key(&key) {
            host.after_close(&template().row(name, key.0), key, &audit, books, rows)
        } else {
            host.step_back(key.0, books, rows);
            host.begin(key, template(), books).gather(audit, books)
        };
        host.close_due(books, rows);
        self.keep_bounds(rows);
        taken
    }

    /// Takes records of one event; `template` holds what the record that they came in says about the event as a whole.
    pub(in crate::decode) fn take_whole(
        &mut self,
        template: HostEvent,
        records: Vec<AuditRecord>,
        rows: &mut EventRows,
    ) -> Taken {
        let Some(key) = records.first().map(|audit| audit.moment) else { return Taken::Duplicate };
        let Self { hosts, books, .. } = self;
        let host = hosts.of_name(template.host.as_deref().unwrap_or_default(), books, rows);
        let open = if let Some(open) = host.open_event(key) {
            open
        } else if host.closed.contains_key(&key) {
            let each = records.iter().map(|audit| host.after_close(&template, key, audit, books, rows));
            return each.fold(Taken::Duplicate, Taken::or);
        } else {
            host.step_back(key.0, books, rows);
            host.begin(key, Template::Whole(Box::new(template)), books)
        };
        let taken = records.into_iter().map(|audit| open.gather(audit, books));
        let taken = taken.fold(Taken::Duplicate, Taken::or);
        host.close_due(books, rows);
        self.keep_bounds(rows);
        taken
    }

    /// Closes the oldest of what is too much, and forgets what was closed long ago.
    fn keep_bounds(&mut self, rows: &mut EventRows) {
        let Self { hosts, books, .. } = self;
        while (books.open > MAX_OPEN_EVENTS || books.memory > MAX_OPEN_BYTES)
            && let Some(host) = hosts.all().find(|host| !host.open.is_empty())
        {
            host.close_first(books, rows);
        }
        while books.closed_order.len() > MAX_CLOSED_EVENTS
            && let Some((host, oldest)) = books.closed_order.pop_front()
        {
            hosts.known(&host).and_then(|host| host.closed.remove(&oldest));
        }
    }

    /// Events that are not closed.
    pub(in crate::decode) fn held(&self) -> Held {
        self.books.inside.held()
    }

    /// Closes everything.
    pub(in crate::decode) fn finish(&mut self, rows: &mut EventRows) {
        self.hosts.all().for_each(|host| host.close_all(&mut self.books, rows));
        self.keep_bounds(rows);
    }
}

impl Hosts {
    fn all(&mut self) -> impl Iterator<Item = &mut HostLog> {
        std::iter::once(&mut self.nameless).chain(self.named.values_mut())
    }

    fn known(&mut self, name: &str) -> Option<&mut HostLog> {
        if name.is_empty() { Some(&mut self.nameless) } else { self.named.get_mut(name) }
    }

    /// The log of a host, begun now if it is new. Where there are too many, another is ended and forgotten.
    fn of_name(&mut self, name: &str, books: &mut Books, rows: &mut EventRows) -> &mut HostLog {
        if name.is_empty() {
            return &mut self.nameless;
        }
        if !self.named.contains_key(name) {
            if self.named.len() >= MAX_HOSTS
                && let Some((_, mut first)) = self.named.pop_first()
            {
                first.close_all(books, rows);
            }
            let name: Arc<str> = name.into();
            self.named.insert(Arc::clone(&name), HostLog::new(name));
        }
        self.named.get_mut(name).unwrap_or(&mut self.nameless)
    }
}

impl Books {
    /// What a record is known by within its event: the same line through another transport differs before its body.
    fn mark(&self, audit: &AuditRecord) -> u64 {
        self.hasher.hash_one((&audit.kind, audit.body()))
    }
}

impl HostLog {
    fn new(name: Arc<str>) -> Self {
        let state = HostState::default();
        Self { name, clock: None, open: BTreeMap::new(), closed: HashMap::default(), state }
    }

    /// The event of that moment, if it is open: a record of it has come.
    fn open_event(&mut self, key: Moment) -> Option<&mut Open> {
        let open = self.open.get_mut(&key)?;
        open.touched = Progress::passed(&mut self.clock, key.0);
        Some(open)
    }

    /// Begins an event: a record of it has come.
    fn begin(&mut self, key: Moment, template: Template, books: &mut Books) -> &mut Open {
        let touched = Progress::passed(&mut self.clock, key.0);
        // With the row that it becomes: at the end of a stream those of all open events are made at once.
        let memory = 2 * size_of::<(Moment, Open)>() + size_of::<HostEvent>() + template.memory();
        let memory = memory + USUAL_RECORDS * size_of::<AuditRecord>();
        books.memory += memory;
        books.open += 1;
        let records = Vec::with_capacity(USUAL_RECORDS);
        let open = Open { number: books.inside.begin(), template, records, bytes: 0, memory, touched };
        self.open.entry(key).insert_entry(open).into_mut()
    }

    /// A large step back in log time, to an event that is not open, closes what is open and begins anew. A record of an
    /// event that is open is no step back, however long ago that event was.
    fn step_back(&mut self, time: EventTime, books: &mut Books, rows: &mut EventRows) {
        if self.clock.is_some_and(|clock| clock.time.nanos_since(time) > STEP_BACK_NANOS) {
            self.close_all(books, rows);
            self.clock = self.clock.map(|clock| Progress { time, ..clock });
        }
    }

    fn after_close(
        &mut self,
        template: &HostEvent,
        key: Moment,
        audit: &AuditRecord,
        books: &Books,
        rows: &mut EventRows,
    ) -> Taken {
        let id = books.mark(audit);
        let Some(known) = self.closed.get_mut(&key) else { return Taken::Late };
        if known.contains(&id) {
            return Taken::Duplicate;
        }
        if known.len() < MAX_EVENT_RECORDS {
            known.push(id);
        }
        late(books.format, template, audit, &mut self.state, rows)
    }

    fn close_due(&mut self, books: &mut Books, rows: &mut EventRows) {
        while let (Some(clock), Some((key, open))) = (self.clock, self.open.first_key_value()) {
            let quiet = clock.time.nanos_since(key.0.max(open.touched.time)) > HOLD_NANOS;
            if !quiet || clock.records - open.touched.records < SETTLE_RECORDS {
                return;
            }
            self.close_first(books, rows);
        }
    }

    fn close_all(&mut self, books: &mut Books, rows: &mut EventRows) {
        while !self.open.is_empty() {
            self.close_first(books, rows);
        }
    }

    fn close_first(&mut self, books: &mut Books, rows: &mut EventRows) {
        let Some((key, Open { number, template, records, memory, .. })) = self.open.pop_first() else {
            return;
        };
        books.inside.end(number);
        books.memory = books.memory.saturating_sub(memory);
        books.open = books.open.saturating_sub(1);
        self.closed.insert(key, records.iter().map(|audit| books.mark(audit)).collect());
        books.closed_order.push_back((Arc::clone(&self.name), key));
        let template = template.row(&self.name, key.0);
        event::rows(books.format, template, records, &mut self.state, &mut rows.host_events);
    }
}

impl Open {
    /// Takes a record of the event.
    fn gather(&mut self, audit: AuditRecord, books: &mut Books) -> Taken {
        if self.records.iter().any(|known| known.kind == audit.kind && known.body() == audit.body()) {
            return Taken::Duplicate;
        }
        if self.records.len() >= MAX_EVENT_RECORDS || self.bytes + audit.size() > MAX_EVENT_BYTES {
            return Taken::TooLarge;
        }
        // A list that grows has room for twice as many.
        let is_usual = self.records.len() < USUAL_RECORDS;
        let memory = audit.memory() + if is_usual { 0 } else { 2 * size_of::<AuditRecord>() };
        self.bytes += audit.size();
        self.memory += memory;
        books.memory += memory;
        self.records.push(audit);
        Taken::Gathered
    }
}

/// A record of a closed event: a decision still gives a row, tied to the event by its stamp; the rest is counted.
fn late(
    format: &'static str,
    template: &HostEvent,
    audit: &AuditRecord,
    state: &mut HostState,
    rows: &mut EventRows,
) -> Taken {
    let mut base = template.clone();
    base.native_id = Some(audit.stamp_text().to_owned());
    base.event_id = EventId::of(&[
        format.as_bytes(),
        template.host.as_deref().unwrap_or_default().as_bytes(),
        audit.stamp_text().as_bytes(),
        b"late",
        audit.kind.as_bytes(),
        audit.body().as_bytes(),
    ]);
    match statement::of(audit, &base, None) {
        Some(statement) if statement.is_decision => {
            let mut row = statement.row;
            state.place(&mut row);
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

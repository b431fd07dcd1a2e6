//! Rows: everything that facts hold, one after the other, with its holder, its time and its size.
//!
//! In: facts, what stands on them. Out: rows with their fate. Owns: when a row is too old, and which rows a standing
//! judgement rests on. Law: sizes are logical, and a text is charged to the first row that needs it.

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::PlacementKind;

use super::holder::{Ground, Holder, Holders, Part, Who};
use super::share::{self, Item};
use crate::bounds::MEMORY_NANOS;
use crate::fact::Facts;
use crate::fact::binding::Held;
use crate::fact::coverage::{Kind, Subject};
use crate::fact::keep::{Charge, Moves, Once};
use crate::fact::lineage::{PROCESS_BYTES, Process};
use crate::fact::placement::{Placements, Stay};
use crate::names::{Id, Name, Named, Needed};
use crate::standing::Unit;

/// Which table a row is in, in the order in which texts are charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    Uses,
    Bindings,
    Signals,
    Placements,
    Coverage,
    Lineage,
    Remembered,
}

impl Table {
    pub(super) const ALL: &[Self] = &[
        Self::Uses,
        Self::Bindings,
        Self::Signals,
        Self::Placements,
        Self::Coverage,
        Self::Lineage,
        Self::Remembered,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Uses => "uses",
            Self::Bindings => "bindings",
            Self::Signals => "signals",
            Self::Placements => "placements",
            Self::Coverage => "coverage",
            Self::Lineage => "lineage",
            Self::Remembered => "remembered",
        }
    }
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays, if there is room.
    Free,
    /// Something stands on it.
    Pinned,
    /// It is too old.
    Expired,
    /// There was no room.
    GivenUp,
}

impl Fate {
    pub(super) fn stays(self) -> bool {
        matches!(self, Self::Free | Self::Pinned)
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) table: Table,
    pub(super) place: usize,
    pub(super) holder: u32,
    /// When it was last heard of.
    time: EventTime,
    bytes: usize,
    pub(super) fate: Fate,
}

/// All rows.
#[derive(Debug, Default)]
pub(super) struct Listing {
    rows: Vec<Row>,
    /// Where the rows of each table begin.
    starts: [usize; 8],
    holders: Holders,
    subjects: Vec<Subject>,
    processes: Vec<(Name, Process)>,
    workloads: Vec<String>,
}

impl Listing {
    pub(super) fn new(facts: &Facts, ground: &Ground<'_>) -> Self {
        let mut listing = Self {
            subjects: facts.coverage.sorted().into_iter().map(|(subject, _)| subject).collect(),
            processes: facts.lineage.all().map(|(key, process)| (key, *process)).collect(),
            workloads: facts.past.edges.sorted().into_iter().map(|(name, _)| name.to_owned()).collect(),
            ..Self::default()
        };
        let shown = listing.add_uses(facts, ground);
        for (held, (shown_by, used)) in facts.bindings.iter().zip(shown) {
            let is_issued = held.issue.or(held.claim).is_some();
            let holder = ground.of_binding(&held, shown_by);
            listing.add_part((Table::Bindings, is_issued), holder, last_of(&held).max(used));
        }
        for sign in facts.signals.all() {
            listing.add(Table::Signals, ground.of_sign(sign), sign.last.time);
        }
        for stay in facts.placements.stays() {
            let time = stay.end.unwrap_or(stay.witness.time).max(stay.witness.time);
            listing.add(Table::Placements, ground.of_stay(stay), time);
        }
        for (subject, stretches) in facts.coverage.sorted() {
            let time = stretches.last().map_or(EventTime::MIN, |part| part.to);
            listing.add(Table::Coverage, ground.of_subject(subject), time);
        }
        for (_, process) in facts.lineage.all() {
            listing.add(Table::Lineage, ground.of_process(process), process.seen);
        }
        for (workload, past) in facts.past.edges.sorted() {
            let holder = match facts.names.known(workload) {
                Some(name) => ground.of_workload(workload, name),
                None => (Who::Nobody, None),
            };
            listing.add(Table::Remembered, holder, past.seen);
        }
        listing
    }

    /// Adds the uses; gives for each credential who showed it first, and when it was last shown.
    fn add_uses(&mut self, facts: &Facts, ground: &Ground<'_>) -> Vec<(Option<Holder>, EventTime)> {
        let mut shown = vec![(None, EventTime::MIN); facts.bindings.len()];
        for usage in facts.uses.iter() {
            let holder = ground.of_use(&facts.names, &usage);
            self.add(Table::Uses, holder, usage.last.time);
            let credential = usage.key.credential.and_then(|name| facts.bindings.place(name));
            if let Some((by, last)) = credential.and_then(|place| shown.get_mut(place)) {
                by.get_or_insert(holder);
                *last = (*last).max(usage.last.time);
            }
        }
        shown
    }

    fn add(&mut self, table: Table, holder: Holder, time: EventTime) {
        self.add_part((table, false), holder, time);
    }

    fn add_part(&mut self, part: Part, holder: Holder, time: EventTime) {
        let (table, holder) = (part.0, self.holders.number(holder, part));
        let next = table as usize + 1;
        let place = self.rows.len() - self.starts.get(table as usize).copied().unwrap_or_default();
        self.rows.push(Row { table, place, holder, time, bytes: 0, fate: Fate::Free });
        // Tables come one after the other: all later ones begin behind this row.
        for start in self.starts.iter_mut().skip(next) {
            *start = self.rows.len();
        }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The group of each holder.
    pub(super) fn holders(&self) -> &[u32] {
        self.holders.groups()
    }

    pub(super) fn who(&self, holder: u32) -> Who {
        self.holders.who(holder)
    }

    fn of_table(&mut self, table: Table) -> &mut [Row] {
        let start = self.starts.get(table as usize).copied().unwrap_or_default();
        let end = self.starts.get(table as usize + 1).copied().unwrap_or(self.rows.len());
        self.rows.get_mut(start..end).unwrap_or_default()
    }

    /// Marks a row; tells whether it was not marked before.
    fn pin_row(&mut self, table: Table, place: usize) -> bool {
        let row = self.of_table(table).get_mut(place);
        row.is_some_and(|row| std::mem::replace(&mut row.fate, Fate::Pinned) != Fate::Pinned)
    }

    /// Marks the rows that something stands on.
    pub(super) fn pin(&mut self, facts: &mut Facts, standing: &[Unit]) {
        let mut needed = Needed::none(&facts.names);
        for unit in standing {
            unit.signs.iter().for_each(|place| {
                self.pin_row(Table::Signals, *place);
            });
            // Most uses are those of several findings and of their incident.
            let uses = unit.uses.iter().filter(|place| self.pin_row(Table::Uses, **place));
            let shown: Vec<Id> = uses.filter_map(|place| facts.uses.credential(*place)).collect();
            let named = unit.credentials.iter().filter_map(|id| facts.names.known_id(id));
            let places = shown.into_iter().chain(named).filter_map(|name| facts.bindings.place(name));
            places.for_each(|place| {
                self.pin_row(Table::Bindings, place);
            });
            let hosts = unit.hosts.iter().filter_map(|host| facts.names.known(host));
            hosts.for_each(|host| {
                needed.mark(host);
            });
            for workload in &unit.workloads {
                if let Ok(place) = self.workloads.binary_search(workload) {
                    self.pin_row(Table::Remembered, place);
                }
            }
        }
        self.mark_names(facts, &mut needed);
        for (place, stay) in facts.placements.stays().iter().enumerate() {
            if is_needed(stay, &needed) {
                self.pin_row(Table::Placements, place);
            }
        }
        for (place, subject) in self.subjects.clone().into_iter().enumerate() {
            if subject.kind == Kind::Host && needed.is_marked(subject.scope) {
                self.pin_row(Table::Coverage, place);
            }
        }
    }

    /// The names of pinned rows: the stays that they tell of are needed with them.
    fn mark_names(&mut self, facts: &mut Facts, needed: &mut Needed) {
        let mut mark = |name: &mut Name| {
            needed.mark(*name);
        };
        for row in self.rows.iter().filter(|row| row.fate == Fate::Pinned) {
            match row.table {
                Table::Uses => facts.uses.get(row.place).each_name(&mut mark),
                Table::Bindings => facts.bindings.at(row.place).each_name(&mut mark),
                Table::Signals => each_of(facts.signals.all_mut(), row.place, &mut mark),
                _ => {}
            }
        }
    }

    /// Takes out what is too old.
    pub(super) fn expire(&mut self, facts: &mut Facts, horizon: EventTime) {
        let now = facts.end.unwrap_or(EventTime::MIN);
        for row in self.rows.iter().filter(|row| row.table == Table::Coverage && row.fate == Fate::Free) {
            if let Some(subject) = self.subjects.get(row.place) {
                facts.coverage.trim(*subject, horizon);
            }
        }
        for row in self.rows.iter_mut().filter(|row| row.fate == Fate::Free) {
            let lasts = match row.table {
                Table::Bindings => facts.bindings.at(row.place).is_some_and(|held| is_valid(&held, now)),
                Table::Placements => {
                    facts.placements.stays().get(row.place).is_some_and(|stay| stay.end.is_none())
                }
                _ => false,
            };
            let horizon = match row.table {
                Table::Remembered => horizon.plus_nanos(-MEMORY_NANOS),
                _ => horizon,
            };
            if row.time < horizon && !lasts {
                row.fate = Fate::Expired;
            }
        }
        for (place, held) in facts.bindings.iter().enumerate() {
            // The place of a credential that turned out to be another one.
            if held.id.is_none()
                && let Some(row) = self.of_table(Table::Bindings).get_mut(place)
            {
                row.fate = Fate::Expired;
            }
        }
    }

    /// Measures every row that stays; gives the size of all of them.
    pub(super) fn measure(&mut self, facts: &mut Facts) -> usize {
        let names = std::mem::take(&mut facts.names);
        let mut charge = Charge::none(&names);
        let (mut manners, mut profiles) = (Once::of(facts.uses.shared()), Once::of(facts.bindings.shared()));
        for row in self.rows.iter_mut().filter(|row| row.fate.stays()) {
            row.bytes = match row.table {
                Table::Uses => {
                    let own = facts.uses.bytes_of(row.place, &mut |manner| manners.first(manner));
                    own + charge.of(&names, &mut facts.uses.get(row.place))
                }
                Table::Bindings => {
                    let own = facts.bindings.bytes_of(row.place, &mut |profile| profiles.first(profile));
                    own + charge.of(&names, &mut facts.bindings.at(row.place))
                }
                Table::Signals => facts
                    .signals
                    .all_mut()
                    .get_mut(row.place)
                    .map_or(0, |sign| sign.bytes() + charge.of(&names, sign)),
                Table::Placements => facts
                    .placements
                    .stays_mut()
                    .get_mut(row.place)
                    .map_or(0, |stay| Placements::bytes_of(stay) + charge.of(&names, stay)),
                Table::Coverage => self
                    .subjects
                    .get_mut(row.place)
                    .map_or(0, |subject| facts.coverage.bytes_of(*subject) + charge.of(&names, subject)),
                Table::Lineage => self.processes.get_mut(row.place).map_or(0, |(key, process)| {
                    PROCESS_BYTES + charge.of(&names, key) + charge.of(&names, process)
                }),
                Table::Remembered => self
                    .workloads
                    .get(row.place)
                    .map_or(0, |workload| facts.past.edges.measure(workload, |past| charge.of(&names, past))),
            };
        }
        facts.names = names;
        self.rows.iter().filter(|row| row.fate.stays()).map(|row| row.bytes).sum()
    }

    /// Gives up rows that nothing stands on, until so many bytes are free; tells how many rows went.
    pub(super) fn give_up(&mut self, excess: usize) -> usize {
        let staying: Vec<usize> = (0..self.rows.len())
            .filter(|place| self.rows.get(*place).is_some_and(|row| row.fate.stays()))
            .collect();
        let items: Vec<Item> =
            staying.iter().filter_map(|place| Some(self.rows.get(*place)?.item())).collect();
        let chosen = share::choose(&items, self.holders.groups(), excess);
        for place in &chosen {
            if let Some(row) = staying.get(*place).and_then(|place| self.rows.get_mut(*place)) {
                row.fate = Fate::GivenUp;
            }
        }
        chosen.len()
    }

    /// A judgement as something that may be given up with all its rows.
    pub(super) fn item_of(&self, unit: &Unit) -> Item {
        let uses = unit.uses.iter().filter_map(|place| self.row(Table::Uses, *place));
        let signs = unit.signs.iter().filter_map(|place| self.row(Table::Signals, *place));
        let rows: Vec<&Row> = uses.chain(signs).collect();
        Item {
            holder: rows.first().map_or(0, |row| row.holder),
            time: unit.until,
            bytes: rows.iter().map(|row| row.bytes).sum::<usize>().max(1),
            is_free: true,
        }
    }

    fn row(&self, table: Table, place: usize) -> Option<&Row> {
        let start = self.starts.get(table as usize)?;
        self.rows.get(start + place).filter(|row| row.table == table)
    }

    /// Gives up the rows of some judgements, but for those that others stand on.
    pub(super) fn release(&mut self, facts: &mut Facts, standing: &[Unit], given: &[Unit]) {
        for row in self.rows.iter_mut().filter(|row| row.fate == Fate::Pinned) {
            row.fate = Fate::Free;
        }
        self.pin(facts, standing);
        for unit in given {
            let uses = unit.uses.iter().map(|place| (Table::Uses, *place));
            let signs = unit.signs.iter().map(|place| (Table::Signals, *place));
            for (table, place) in uses.chain(signs) {
                if let Some(row) = self.of_table(table).get_mut(place).filter(|row| row.fate == Fate::Free) {
                    row.fate = Fate::GivenUp;
                }
            }
        }
    }

    /// Where the rows of a table go.
    pub(super) fn moves(&self, table: Table, stays: impl Fn(Fate) -> bool) -> Moves {
        let of_table = self.rows.iter().filter(|row| row.table == table);
        Moves::of(&of_table.map(|row| stays(row.fate)).collect::<Vec<bool>>())
    }

    /// The first and the last moment that a row speaks of.
    pub(super) fn span(&self, facts: &Facts, row: &Row) -> (EventTime, EventTime) {
        let first = match row.table {
            Table::Uses => facts.uses.get(row.place).map(|usage| usage.first.time),
            Table::Bindings => facts.bindings.at(row.place).map(|held| first_of(&held)),
            Table::Signals => facts.signals.all().get(row.place).map(|sign| sign.first.time),
            Table::Placements => {
                facts.placements.stays().get(row.place).map(|stay| stay.start.unwrap_or(stay.witness.time))
            }
            Table::Coverage => {
                self.subjects.get(row.place).and_then(|subject| facts.coverage.begin(*subject))
            }
            Table::Lineage | Table::Remembered => None,
        };
        (first.unwrap_or(row.time).min(row.time), row.time)
    }

    /// Until when a stay lasts, if it is known to end.
    pub(super) fn stay_until(&self, facts: &Facts, row: &Row) -> EventTime {
        let stay = facts.placements.stays().get(row.place);
        stay.and_then(|stay| stay.end).unwrap_or(EventTime::MAX)
    }
}

impl Row {
    fn item(&self) -> Item {
        Item { holder: self.holder, time: self.time, bytes: self.bytes, is_free: self.fate == Fate::Free }
    }
}

fn each_of(rows: &mut [impl Named], place: usize, visit: &mut impl FnMut(&mut Name)) {
    if let Some(row) = rows.get_mut(place) {
        row.each_name(visit);
    }
}

/// When a credential was last heard of, but for its uses.
fn last_of(held: &Held) -> EventTime {
    let told = [held.issue, held.claim].into_iter().flatten().map(|witness| witness.time);
    told.chain(held.revoked_at()).chain(held.iat).fold(EventTime::MIN, EventTime::max)
}

fn first_of(held: &Held) -> EventTime {
    let told = [held.issue, held.claim].into_iter().flatten().map(|witness| witness.time);
    told.chain(held.iat).fold(EventTime::MAX, EventTime::min)
}

/// Whether a credential may still be used after `now`, as far as its end is known.
fn is_valid(held: &Held, now: EventTime) -> bool {
    held.revoked.is_none() && held.exp.is_some_and(|end| end >= now)
}

/// Whether a stay tells where something needed was.
fn is_needed(stay: &Stay, needed: &Needed) -> bool {
    let marked = |name: &Name| needed.is_marked(*name);
    match stay.kind {
        PlacementKind::Agent | PlacementKind::Entry => stay.workload.iter().any(marked),
        PlacementKind::Host => stay.host.iter().chain(&stay.host_uid).any(marked),
        PlacementKind::Pod => stay.pod_uid.iter().chain(&stay.addresses).any(marked),
    }
}

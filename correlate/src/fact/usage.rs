//! Uses: a credential presented, repeated presentations folded into one row a minute.
//!
//! In: assertions that present or check a credential. Out: uses with first, last and count.
//! Owns: the key by which uses are the same. Leaves to `matching` whether a use is where it belongs.
//! Law: the window is aligned to the clock of the events, so that no batch boundary can move it. A call that both sides
//! recorded is the use that the called side told of.

mod rows;

use hashbrown::HashTable;
use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::{AddrQuality, DISAGREES_WITH_LOOKUP, Decision, Enforcement, Phase};

use super::copies::{Copies, Copy};
use super::destination::Destination;
use super::evidence::{Origin, Witness};
use super::keep::Moves;
use super::operations::Operations;
use super::sensitive::action_is_sensitive;
use super::shared::Shared;
use super::sides::{Call, Sides};
use crate::environment::Environment;
use crate::keyed::{HashMap, RandomState};
use crate::names::{Id, Name, Named, Names, Renaming};
use rows::{Row, Rows};

/// Uses that agree in everything else and fall into the same window are one row.
const WINDOW_NANOS: i64 = 60 * 1_000_000_000;

/// What is kept of a record of the caller's own proxy.
const SENT_BYTES: usize = size_of::<(usize, Witness)>();

/// What makes two uses the same row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) credential: Option<Id>,
    pub(crate) subject: Option<Name>,
    pub(crate) presenter: Option<Name>,
    pub(crate) address: Option<Name>,
    pub(crate) quality: AddrQuality,
    /// Claimed addresses, joined by commas.
    pub(crate) chain: Option<Name>,
    /// The recorder's own word on who the peer was, where it contradicts the identity shown.
    pub(crate) lookup: Option<Name>,
    pub(crate) destination: Name,
    /// Kept apart only where it matters: sensitive actions and refusals.
    pub(crate) action: Option<Name>,
    pub(crate) decision: Decision,
    pub(crate) enforcement: Enforcement,
    pub(crate) phase: Phase,
    pub(crate) source: Name,
    /// The caller's own proxy tells of it.
    pub(crate) is_sent: bool,
    window: i64,
}

impl Key {
    /// Whether it went through: what was refused for show only was let in.
    pub(crate) fn is_let_in(&self) -> bool {
        let is_for_show = matches!(self.enforcement, Enforcement::DryRun | Enforcement::Permissive);
        match self.decision {
            Decision::Allow => true,
            Decision::Deny => is_for_show,
            Decision::Error | Decision::None => false,
        }
    }

    /// Whether it was refused in fact.
    pub(crate) fn is_refused(&self) -> bool {
        self.decision == Decision::Deny && !self.is_let_in()
    }
}

impl Named for Key {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self {
            credential, subject, presenter, address, chain, action, lookup, destination, source, ..
        } = self;
        credential.each_name(visit);
        for name in [subject, presenter, address, chain, action, lookup] {
            name.each_name(visit);
        }
        visit(destination);
        visit(source);
    }
}

/// Uses of one key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) key: Key,
    pub(crate) sensitive_action: bool,
    pub(crate) sensitive_destination: bool,
    pub(crate) first_action: Option<Name>,
    pub(crate) reason: Option<Name>,
    pub(crate) first: Witness,
    pub(crate) last: Witness,
    /// The first record of it by the caller's own proxy, where both sides recorded it.
    pub(crate) sent: Option<Witness>,
    pub(crate) count: u64,
}

impl Usage {
    /// Whether it stands for any act: what only repeats what the called side told does not.
    pub(crate) fn stands(&self) -> bool {
        self.count > 0
    }
}

impl Named for Usage {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { key, first_action, reason, first, last, sent, .. } = self;
        if let Some(sent) = sent {
            sent.each_name(visit);
        }
        key.each_name(visit);
        first_action.each_name(visit);
        reason.each_name(visit);
        first.each_name(visit);
        last.each_name(visit);
    }
}

/// What many uses share: everything but the credential, the records and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Manner {
    /// Without credential and window.
    key: Key,
    sensitive_action: bool,
    sensitive_destination: bool,
    first_action: Option<Name>,
    reason: Option<Name>,
    origin: Origin,
}

impl Named for Manner {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { key, sensitive_action: _, sensitive_destination: _, first_action, reason, origin } = self;
        key.each_name(visit);
        first_action.each_name(visit);
        reason.each_name(visit);
        origin.each_name(visit);
    }
}

/// The last record of a use that was repeated.
#[derive(Debug, Clone, Copy)]
struct Again {
    last: Witness,
    count: u64,
}

/// All uses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    uses: Rows,
    manners: Shared<Manner>,
    again: Vec<Again>,
    /// Uses that may still be repeated, by their key.
    open: HashTable<u32>,
    /// Copies of the acts that those stand for.
    copies: Copies,
    operations: Operations,
    /// Calls that the other side may have recorded too.
    sides: Sides,
    /// Records of the caller's own proxy, by the place of the use that the called side told of.
    sent: HashMap<usize, Witness>,
    hasher: RandomState,
    newest_window: i64,
}

/// What is known of a presentation before it is folded.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) credential: Option<Id>,
    pub(crate) destination: Name,
    pub(crate) called: &'a Destination,
    pub(crate) witness: Witness,
    pub(super) copy: Option<Copy>,
    /// The caller's own proxy tells of it.
    pub(crate) is_sent: bool,
}

/// What a presentation changed.
#[derive(Debug, Clone, std::marker::Copy, Default)]
pub(crate) struct Folded {
    /// The place of its row.
    pub(crate) place: Option<usize>,
    /// The place of a row of the other side, which it turned out to repeat.
    pub(crate) repeated: Option<usize>,
}

impl Uses {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.uses.len()
    }

    /// The use at `place`.
    pub(crate) fn get(&self, place: usize) -> Option<Usage> {
        let row = self.uses.get(place)?;
        let manner = self.manners.get(row.manner)?;
        let source = manner.key.source;
        let location = manner.origin.at(row.line);
        let first = Witness { time: row.time, id: row.id, source, location };
        let again = self.repeated(row.again);
        Some(Usage {
            key: Key { credential: row.credential, window: window(row.time), ..manner.key },
            sensitive_action: manner.sensitive_action,
            sensitive_destination: manner.sensitive_destination,
            first_action: manner.first_action,
            reason: manner.reason,
            first,
            last: again.map_or(first, |again| again.last),
            sent: self.sent.get(&place).copied(),
            count: again.map_or(1, |again| again.count),
        })
    }

    fn repeated(&self, one_more: u32) -> Option<&Again> {
        self.again.get((one_more as usize).checked_sub(1)?)
    }

    /// The credential that the use at `place` showed.
    pub(crate) fn credential(&self, place: usize) -> Option<Id> {
        self.uses.credential(place)
    }

    /// Every use, in the order of its first record.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Usage> + Clone {
        (0..self.uses.len()).filter_map(|place| self.get(place))
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.uses.bytes()
            + self.again.len() * size_of::<Again>()
            + self.open.len() * 2 * size_of::<u32>()
            + self.sent.len() * SENT_BYTES
            + self.manners.bytes()
    }

    /// Logical size of one use, without its names; what it shares is told to `shares`, which says whether to count it.
    pub(crate) fn bytes_of(&self, place: usize, shares: &mut impl FnMut(u32) -> bool) -> usize {
        let Some(row) = self.uses.get(place) else { return 0 };
        let again = if row.again > 0 { size_of::<Again>() } else { 0 };
        let shared = if shares(row.manner) { Shared::<Manner>::BYTES } else { 0 };
        let sent = if self.sent.contains_key(&place) { SENT_BYTES } else { 0 };
        self.uses.bytes_of(place) + 2 * size_of::<u32>() + again + sent + shared
    }

    /// How many values uses share.
    pub(crate) fn shared(&self) -> usize {
        self.manners.len()
    }

    /// Keeps some uses, under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        let mut open: Vec<u32> = std::mem::take(&mut self.open).into_iter().collect();
        open.sort_unstable();
        let before = std::mem::take(&mut self.uses);
        let kept = (0..before.len()).filter(|place| moves.keeps(*place));
        let mut kept: Vec<Row> = kept.filter_map(|place| before.get(place)).collect();
        self.copies.keep(moves);
        self.sides.keep(moves, renaming);
        let sent = std::mem::take(&mut self.sent).into_iter();
        let moved = sent.filter_map(|(place, witness)| Some((moves.to(place)?, witness)));
        self.sent = moved.collect();
        self.sent.values_mut().for_each(|witness| renaming.rename(witness));
        let mut needed = vec![false; self.manners.len()];
        let mut again = Vec::new();
        for row in &mut kept {
            renaming.rename(&mut row.credential);
            if let Some(needed) = needed.get_mut(row.manner as usize) {
                *needed = true;
            }
            if let Some(mut known) = self.repeated(row.again).copied() {
                renaming.rename(&mut known.last);
                again.push(known);
                row.again = place_of(again.len());
            }
        }
        self.again = again;
        let manners = self.manners.keep(&needed, renaming);
        for row in kept {
            let manner = manners.to(row.manner as usize).map_or(row.manner, place_of);
            self.uses.push(&Row { manner, ..row });
        }
        for place in open.into_iter().filter_map(|place| moves.to(place as usize)) {
            self.open(place);
        }
    }

    /// Shows the names of calls that wait for their other side.
    pub(crate) fn each_open_name(&mut self, moves: &Moves, visit: &mut impl FnMut(&mut Name)) {
        self.sides.each_name(moves, visit);
    }

    /// Folds a presentation or check.
    pub(crate) fn assertion(
        &mut self,
        names: &mut Names,
        shown: &Shown<'_>,
        view: &identity_assertions::View<'_>,
        row: usize,
    ) -> Folded {
        if self.operations.repeats(view, row) {
            return Folded { place: None, repeated: None };
        }
        let Shown { environment, credential, destination, called, witness, copy, is_sent } = *shown;
        let action = view.action(row).unwrap_or_default();
        let sensitive_action = action_is_sensitive(&called.name, action);
        let decision = view.decision(row);
        let action = names.maybe(Some(action));
        let apart = sensitive_action || decision == Decision::Deny;
        let chain = view.addr_chain(row).join(",");
        let key = Key {
            credential,
            subject: names.maybe(view.subject(row)),
            presenter: names.maybe(view.presenter(row)),
            address: names.maybe(view.src_addr(row)),
            quality: view.addr_quality(row),
            chain: names.maybe(Some(&chain)),
            lookup: names.maybe(view.observed_workload(row).filter(|_| disagrees_with_lookup(view, row))),
            destination,
            action: action.filter(|_| apart),
            decision,
            enforcement: enforcement(called.enforcement, view.enforcement(row)),
            phase: view.phase(row),
            source: witness.source,
            is_sent,
            window: window(witness.time),
        };
        self.forget_old_windows(key.window);
        let reason = names.maybe(view.reason(row));
        let fresh = Usage {
            key,
            sensitive_action,
            sensitive_destination: called.sensitive,
            first_action: action,
            reason,
            first: witness,
            last: witness,
            sent: None,
            count: 1,
        };
        let call = self.sides.call(environment, &called.name, is_sent, (view, row));
        self.fold(&fresh, copy, call)
    }

    /// Adds a use, unless the called side told of the same call; takes away what the caller's side had told of it.
    fn fold(&mut self, fresh: &Usage, copy: Option<Copy>, call: Option<Call>) -> Folded {
        let other = call.as_ref().and_then(|call| self.sides.meet(call));
        if let Some((place, _)) = other.filter(|_| fresh.key.is_sent) {
            self.sent.entry(place).or_insert(fresh.first);
            return Folded { place: Some(place), repeated: None };
        }
        let place = self.add(fresh, copy);
        if let Some((repeated, sent)) = other {
            self.sent.entry(place).or_insert(sent);
            self.take_away(repeated);
            return Folded { place: Some(place), repeated: Some(repeated) };
        }
        if let Some(call) = call {
            self.sides.wait(call, place, fresh.first);
        }
        Folded { place: Some(place), repeated: None }
    }

    /// An act of a use was another's.
    fn take_away(&mut self, place: usize) {
        let Some(Usage { last, count, .. }) = self.get(place) else { return };
        self.tell_again(place, Again { last, count: count.saturating_sub(1) });
    }

    fn add(&mut self, fresh: &Usage, copy: Option<Copy>) -> usize {
        let Self { uses, manners, open, hasher, .. } = self;
        let hash = hasher.hash_one(fresh.key);
        let same =
            |place: &u32| uses.get(*place as usize).and_then(|row| key_of(&row, manners)) == Some(fresh.key);
        if let Some(place) = open.find(hash, same).map(|place| *place as usize) {
            let is_new = copy.is_none_or(|copy| self.copies.is_new(place, fresh.first.time, copy));
            self.repeat(place, fresh.first, is_new);
            return place;
        }
        let (origin, line) = fresh.first.location.split();
        let Usage { key, sensitive_action, sensitive_destination, first_action, reason, first, .. } = *fresh;
        let shared = Key { credential: None, window: 0, ..key };
        let manner =
            Manner { key: shared, sensitive_action, sensitive_destination, first_action, reason, origin };
        let manner = self.manners.number(manner);
        let place = self.uses.len();
        let credential = key.credential;
        self.uses.push(&Row { credential, manner, line, again: 0, time: first.time, id: first.id });
        self.open(place);
        if let Some(copy) = copy {
            self.copies.is_new(place, first.time, copy);
        }
        place
    }

    /// One record more of a use, which is an act more unless it is another's copy.
    fn repeat(&mut self, place: usize, last: Witness, is_new: bool) {
        let again = self.uses.again(place);
        let count = self.repeated(again).map_or(1, |known| known.count) + u64::from(is_new);
        self.tell_again(place, Again { last, count });
    }

    fn tell_again(&mut self, place: usize, told: Again) {
        let at = (self.uses.again(place) as usize).checked_sub(1);
        match at.and_then(|at| self.again.get_mut(at)) {
            Some(known) => *known = told,
            None => {
                self.again.push(told);
                self.uses.set_again(place, place_of(self.again.len()));
            }
        }
    }

    /// A use may be repeated from now on.
    fn open(&mut self, place: usize) {
        let Self { uses, manners, open, hasher, .. } = self;
        let hash = |place: &u32| {
            let key = uses.get(*place as usize).and_then(|row| key_of(&row, manners));
            key.map_or(0, |key| hasher.hash_one(key))
        };
        let place = place_of(place);
        open.insert_unique(hash(&place), place, hash);
    }

    /// Events come in canonical order, so a window that has passed gets no more uses (but late ones,
    /// which make a row of their own).
    fn forget_old_windows(&mut self, window: i64) {
        if window > self.newest_window {
            self.newest_window = window;
            self.open.clear();
            self.copies.clear();
        }
    }
}

fn disagrees_with_lookup(view: &identity_assertions::View<'_>, row: usize) -> bool {
    view.trust_flags(row).iter().any(|remark| remark == DISAGREES_WITH_LOOKUP)
}

fn key_of(row: &Row, manners: &Shared<Manner>) -> Option<Key> {
    let manner = manners.get(row.manner)?;
    Some(Key { credential: row.credential, window: window(row.time), ..manner.key })
}

fn place_of(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 uses fit in memory")
}

fn window(time: EventTime) -> i64 {
    time.0.div_euclid(WINDOW_NANOS)
}

/// A record that says that nothing was put into force outweighs what the environment declares.
fn enforcement(declared: Option<Enforcement>, recorded: Enforcement) -> Enforcement {
    match (recorded, declared) {
        (Enforcement::DryRun | Enforcement::Permissive, _) => recorded,
        (_, Some(declared)) => declared,
        (recorded, None) => recorded,
    }
}

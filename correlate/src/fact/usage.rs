//! Uses: a credential presented, repeated presentations folded into one row a minute.
//!
//! In: assertions that present or check a credential. Out: uses with first, last and count.
//! Owns: the key by which uses are the same. Leaves to `matching` whether a use is where it belongs.
//! Law: the window is aligned to the clock of the events, so that no batch boundary can move it.

use std::collections::HashMap;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::{AddrQuality, DISAGREES_WITH_LOOKUP, Decision, Enforcement, Phase};

use super::evidence::Witness;
use super::sensitive::action_is_sensitive;
use crate::environment::Environment;
use crate::names::{Name, Names};

/// Uses that agree in everything else and fall into the same window are one row.
const WINDOW_NANOS: i64 = 60 * 1_000_000_000;

/// What makes two uses the same row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) credential: Option<Name>,
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
    window: i64,
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
    pub(crate) count: u64,
}

/// All uses.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    uses: Vec<Usage>,
    by_key: HashMap<Key, usize>,
    newest_window: i64,
}

/// What is called: the environment's name for it, else the record's.
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) sensitive: bool,
    pub(crate) enforcement: Option<Enforcement>,
}

/// Names what an assertion calls.
pub(crate) fn destination(
    environment: &Environment,
    view: &identity_assertions::View<'_>,
    row: usize,
) -> Destination {
    let (stated, identity, address) = (view.dst(row), view.dst_identity(row), view.dst_addr(row));
    let endpoint = address.zip(view.dst_port(row)).map(|(address, port)| match address.contains(':') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    });
    let bare = stated.and_then(|name| name.rsplit_once(':')).filter(|(_, port)| port.parse::<u16>().is_ok());
    let bare = bare.map(|(name, _)| name);
    let candidates: Vec<&str> =
        [stated, bare, identity, endpoint.as_deref(), address].into_iter().flatten().collect();
    if let Some(known) = environment.destination(&candidates) {
        return Destination {
            name: known.name.clone(),
            sensitive: known.sensitive,
            enforcement: Some(known.enforcement).filter(|declared| *declared != Enforcement::Unknown),
        };
    }
    let name = bare.or(stated).or(identity).or(endpoint.as_deref()).or(address).unwrap_or("unknown");
    let sensitive = environment.workload(name).is_some_and(|workload| workload.sensitive);
    Destination { name: name.to_owned(), sensitive, enforcement: None }
}

impl Uses {
    /// Every use, in the order of its first record.
    pub(crate) fn all(&self) -> &[Usage] {
        &self.uses
    }

    /// Memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.uses.capacity() * size_of::<Usage>() + self.by_key.capacity() * size_of::<(Key, usize)>()
    }

    /// Folds a presentation or check; gives the place of its row.
    pub(crate) fn assertion(
        &mut self,
        names: &mut Names,
        destination: Destination,
        view: &identity_assertions::View<'_>,
        row: usize,
    ) -> Option<usize> {
        let time = view.event_time(row);
        let witness = Witness::of(names, time, view.event_id(row), view.source(row), view.location(row));
        let action = view.action(row).unwrap_or_default();
        let sensitive_action = action_is_sensitive(&destination.name, action);
        let decision = view.decision(row);
        let action = names.maybe(Some(action));
        let apart = sensitive_action || decision == Decision::Deny;
        let chain = view.addr_chain(row).join(",");
        let key = Key {
            credential: names.maybe(view.credential_id(row)),
            subject: names.maybe(view.subject(row)),
            presenter: names.maybe(view.presenter(row)),
            address: names.maybe(view.src_addr(row)),
            quality: view.addr_quality(row),
            chain: names.maybe(Some(&chain)),
            lookup: names.maybe(view.observed_workload(row).filter(|_| disagrees_with_lookup(view, row))),
            destination: names.name(&destination.name),
            action: action.filter(|_| apart),
            decision,
            enforcement: enforcement(destination.enforcement, view.enforcement(row)),
            phase: view.phase(row),
            source: witness.source,
            window: window(time),
        };
        self.forget_old_windows(key.window);
        let reason = names.maybe(view.reason(row));
        let fresh = Usage {
            key,
            sensitive_action,
            sensitive_destination: destination.sensitive,
            first_action: action,
            reason,
            first: witness,
            last: witness,
            count: 0,
        };
        self.add(fresh, witness)
    }

    fn add(&mut self, fresh: Usage, witness: Witness) -> Option<usize> {
        let next = self.uses.len();
        let index = *self.by_key.entry(fresh.key).or_insert(next);
        if index == next {
            self.uses.push(fresh);
        }
        let usage = self.uses.get_mut(index)?;
        usage.count += 1;
        usage.last = witness;
        Some(index)
    }

    /// Events come in canonical order, so a window that has passed gets no more uses (but late ones,
    /// which make a row of their own).
    fn forget_old_windows(&mut self, window: i64) {
        if window > self.newest_window {
            self.newest_window = window;
            self.by_key.clear();
        }
    }
}

fn disagrees_with_lookup(view: &identity_assertions::View<'_>, row: usize) -> bool {
    view.trust_flags(row).iter().any(|remark| remark == DISAGREES_WITH_LOOKUP)
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

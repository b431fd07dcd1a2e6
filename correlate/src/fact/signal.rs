//! Signals: host events that mean something for an incident.
//!
//! In: host events and the lineage of their processes. Out: signals, equal ones within an hour folded together, and
//! what two sensors recorded of one act counted once.
//! Owns: the classification. Leaves to `scope` what needs the whole picture (who is a known reader, what is
//! required where). Law: weak signs stay weak unless their lineage shows an intruder's hands.

mod meaning;

use std::collections::BTreeSet;

use offbound_schemas::table::host_events;
use offbound_schemas::vocabulary::{Action, Attribution, ControlMode, HostControl, Outcome, SignalKind};
use offbound_schemas::{EventTime, is_container_label};

use super::evidence::Witness;
use super::keep::Moves;
use super::lineage::{Lineage, Process};
use super::pair::{Pair, Pairs};
use super::program::{is_hands_on, is_server, is_writable_path};
use super::twin::Twins;
use crate::keyed::HashMap;
use crate::names::{Name, Named, Names, Renaming};
use meaning::{classify, escape_by_file, is_grave, outcome};

/// Signals that agree in everything else and fall into the same window are one.
const WINDOW_NANOS: i64 = 3_600 * 1_000_000_000;

/// A host event that means something.
#[derive(Debug, Clone)]
pub(crate) struct Sign {
    pub(crate) kind: SignalKind,
    pub(crate) strong: bool,
    pub(crate) first: Witness,
    pub(crate) last: Witness,
    pub(crate) count: u64,
    /// Other sensors that recorded the same acts, each once, in the order of their first records.
    pub(crate) also: Vec<Name>,
    pub(crate) host: Option<Name>,
    pub(crate) pod_uid: Option<Name>,
    /// By which way the pod, or by SELinux categories the container, is known.
    pub(crate) pod_by: Attribution,
    pub(crate) container: Option<Name>,
    pub(crate) unit: Option<Name>,
    pub(crate) uid: Option<u32>,
    pub(crate) process_key: Option<Name>,
    pub(crate) pid: Option<u32>,
    pub(crate) exe: Option<Name>,
    pub(crate) cmd_line: Option<Name>,
    pub(crate) lineage: Vec<Name>,
    pub(crate) lineage_keys: Vec<Name>,
    pub(crate) target: Option<Name>,
    pub(crate) outcome: Outcome,
    pub(crate) control: HostControl,
    pub(crate) mode: ControlMode,
    pub(crate) policy: Option<Name>,
    /// The lineage shows a shell, downloader or interpreter under a server.
    pub(crate) tainted: bool,
    /// What was stopped was the taking of a credential.
    pub(crate) guards_credential: bool,
    pub(crate) why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: SignalKind,
    host: Option<Name>,
    pod_uid: Option<Name>,
    /// Apart only for strong signs that are not repeated commands.
    process_key: Option<Name>,
    exe: Option<Name>,
    cmd_line: Option<Name>,
    target: Option<Name>,
    outcome: Outcome,
    policy: Option<Name>,
    window: i64,
}

impl Named for Sign {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { host, pod_uid, container, unit, process_key, exe, cmd_line, target, policy, .. } = self;
        for name in [host, pod_uid, container, unit, process_key, exe, cmd_line, target, policy] {
            name.each_name(visit);
        }
        let Self { also, lineage, lineage_keys, first, last, .. } = self;
        for names in [also, lineage, lineage_keys] {
            names.as_mut_slice().each_name(visit);
        }
        first.each_name(visit);
        last.each_name(visit);
    }
}

impl Named for Key {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { host, pod_uid, process_key, exe, cmd_line, target, policy, .. } = self;
        for name in [host, pod_uid, process_key, exe, cmd_line, target, policy] {
            name.each_name(visit);
        }
    }
}

/// All signals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    signs: Vec<Sign>,
    /// Logical size of the signs.
    sign_bytes: usize,
    by_key: HashMap<Key, usize>,
    twins: Twins,
    pairs: Pairs,
    newest_window: i64,
}

impl Signals {
    /// Every signal, in the order of its first record.
    pub(crate) fn all(&self) -> &[Sign] {
        &self.signs
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.sign_bytes + self.by_key.len() * size_of::<(Key, usize)>()
    }

    /// Every signal, to be shown with its names.
    pub(crate) fn all_mut(&mut self) -> &mut [Sign] {
        &mut self.signs
    }

    /// Keeps some signals, under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        moves.retain(&mut self.signs);
        renaming.rename(self.signs.as_mut_slice());
        self.sign_bytes = self.signs.iter().map(Sign::bytes).sum();
        let known = std::mem::take(&mut self.by_key).into_iter().filter_map(|(mut key, place)| {
            renaming.rename(&mut key);
            Some((key, moves.to(place)?))
        });
        self.by_key = known.collect();
        self.twins.keep(moves, renaming);
    }

    /// The names that only what is folded next needs, to be shown.
    pub(crate) fn each_open_name(&mut self, moves: &Moves, visit: &mut impl FnMut(&mut Name)) {
        let known = std::mem::take(&mut self.by_key).into_iter().map(|(mut key, place)| {
            if moves.keeps(place) {
                key.each_name(visit);
            }
            (key, place)
        });
        self.by_key = known.collect();
        self.twins.each_name(visit);
    }

    /// Folds a host event, and notes the places of the signs that it changed.
    pub(crate) fn host_event(
        &mut self,
        names: &mut Names,
        lineage: &Lineage,
        process: Option<Name>,
        (view, row): (&host_events::View<'_>, usize),
        touched: &mut BTreeSet<usize>,
    ) {
        let (pair, time) = (Pair::of(view, row), view.event_time(row));
        if is_plain(view, row) {
            // It may still say where the processes of a pair run.
            if let Some(pair) = pair {
                let other = contained(names, lineage, view, row);
                Home::of(names, lineage, (process, other), view, row).teach(
                    pair,
                    &mut self.pairs,
                    names,
                    time,
                );
            }
            return;
        }
        let mut actor = Actor::of(names, lineage, process, view, row);
        if let Some(pair) = pair {
            actor.place_by(pair, &mut self.pairs, names, time);
        }
        if let Some(kind) = refused_kind(view, row) {
            let refusal = sign(names, view, row, &actor, (kind, false, String::new()));
            touched.extend(self.refuse(&refusal, names));
        }
        for (kind, strong, why) in classify(view, row, &actor, names) {
            let mut sign = sign(names, view, row, &actor, (kind, strong, why));
            sign.outcome = self.twins.refusal(&sign, names).unwrap_or(sign.outcome);
            let twin = self.twins.find(&sign, names);
            touched.insert(match twin.and_then(|index| Some((index, self.signs.get_mut(index)?))) {
                Some((index, known)) => {
                    let before = known.bytes();
                    known.seen_again(sign);
                    self.sign_bytes = self.sign_bytes + known.bytes() - before;
                    index
                }
                None => self.add(sign, time),
            });
        }
    }

    /// An act did not go through that a sign only saw begun; gives its place.
    fn refuse(&mut self, refusal: &Sign, names: &Names) -> Option<usize> {
        let index = self.twins.refuse(refusal, names)?;
        let known = self.signs.get_mut(index)?;
        if known.count > 1 {
            known.count -= 1;
        } else {
            known.outcome = refusal.outcome;
            let before = known.bytes();
            known.also.push(refusal.first.source);
            self.sign_bytes = self.sign_bytes + known.bytes() - before;
        }
        Some(index)
    }

    fn add(&mut self, sign: Sign, time: EventTime) -> usize {
        let window = time.0.div_euclid(WINDOW_NANOS);
        if window > self.newest_window {
            self.newest_window = window;
            self.by_key.clear();
        }
        let repeated_command = sign.kind == SignalKind::ServerShell;
        let key = Key {
            kind: sign.kind,
            host: sign.host,
            pod_uid: sign.pod_uid,
            process_key: sign.process_key.filter(|_| sign.strong && !repeated_command),
            exe: sign.exe,
            cmd_line: sign.cmd_line,
            target: sign.target,
            outcome: sign.outcome,
            policy: sign.policy,
            window,
        };
        let next = self.signs.len();
        let entry = self.by_key.entry(key).or_insert(next);
        // One that turned out to be refused takes no more acts that were only begun.
        if self.signs.get(*entry).is_some_and(|known| known.outcome != sign.outcome) {
            *entry = next;
        }
        let index = *entry;
        self.twins.remember(&sign, index);
        match self.signs.get_mut(index) {
            Some(known) => {
                known.count += 1;
                known.last = sign.first;
                known.strong |= sign.strong;
            }
            None => {
                self.sign_bytes += sign.bytes();
                self.signs.push(sign);
            }
        }
        index
    }
}

impl Sign {
    /// Logical size, without its names.
    pub(crate) fn bytes(&self) -> usize {
        let Self { also, lineage, lineage_keys, why, .. } = self;
        size_of::<Self>() + (also.len() + lineage.len() + lineage_keys.len()) * size_of::<Name>() + why.len()
    }

    /// Another sensor recorded the same act: it adds what this one did not know, and is not counted.
    fn seen_again(&mut self, other: Self) {
        let Self {
            first,
            strong,
            tainted,
            guards_credential,
            host,
            pod_uid,
            container,
            process_key,
            pid,
            ..
        } = other;
        let Self { exe, cmd_line, lineage, lineage_keys, target, policy, .. } = other;
        if first.source != self.first.source && !self.also.contains(&first.source) {
            self.also.push(first.source);
        }
        self.strong |= strong;
        self.tainted |= tainted;
        self.guards_credential |= guards_credential;
        if lineage.len() > self.lineage.len() {
            (self.lineage, self.lineage_keys) = (lineage, lineage_keys);
        }
        self.host = self.host.or(host);
        self.pod_uid = self.pod_uid.or(pod_uid);
        self.container = self.container.or(container);
        self.process_key = self.process_key.or(process_key);
        self.pid = self.pid.or(pid);
        self.exe = self.exe.or(exe);
        self.cmd_line = self.cmd_line.or(cmd_line);
        self.target = self.target.or(target);
        self.policy = self.policy.or(policy);
    }
}

/// Most host events mean nothing by themselves; those are told apart before any text is interned.
fn is_plain(view: &host_events::View<'_>, row: usize) -> bool {
    let plain_outcome = !matches!(view.outcome(row), Outcome::Denied | Outcome::Killed | Outcome::WouldDeny);
    let plain_action = match view.action(row) {
        Action::Exec => view.exe(row).is_none_or(|exe| !is_hands_on(exe) && !is_writable_path(exe)),
        Action::Exit | Action::FileRead | Action::NetConnect | Action::NetListen | Action::CapUse => true,
        Action::FileWrite => escape_by_file(view, row).is_none(),
        Action::Other => view.rule(row).is_none(),
        _ => false,
    };
    plain_outcome && plain_action && !is_grave(view, row)
}

/// What an act would mean that did not go through, whoever stopped it: where one sensor sees the end of it, another may
/// have seen only its beginning.
fn refused_kind(view: &host_events::View<'_>, row: usize) -> Option<SignalKind> {
    let refused = matches!(outcome(view, row), Outcome::Denied | Outcome::Killed | Outcome::Failed);
    match view.action(row) {
        Action::CredRead if refused => Some(SignalKind::CredentialRead),
        Action::Ptrace if refused => Some(SignalKind::MemoryRead),
        Action::ImdsAccess if refused => Some(SignalKind::ImdsAccess),
        _ => None,
    }
}

/// The process by the word of a sensor that knows containers, by host and pid: one that knows none borrows it.
fn contained(
    names: &mut Names,
    lineage: &Lineage,
    view: &host_events::View<'_>,
    row: usize,
) -> Option<(Name, Process)> {
    lineage.contained(names.maybe(view.host(row)), view.pid(row))
}

/// Where a process runs.
struct Home {
    pod_uid: Option<Name>,
    pod_by: Attribution,
    container: Option<Name>,
}

impl Home {
    /// By the event's own word, by what is known of the process, or by that of a sensor which knows containers.
    fn of(
        names: &mut Names,
        lineage: &Lineage,
        (process, other): (Option<Name>, Option<(Name, Process)>),
        view: &host_events::View<'_>,
        row: usize,
    ) -> Self {
        let own = process.and_then(|key| lineage.get(key)).copied().unwrap_or_default();
        let other = other.map(|(_, process)| process).unwrap_or_default();
        let stated = names.maybe(view.pod_uid(row)).or(own.pod_uid);
        let pod_by = match (stated, other.pod_uid) {
            (Some(_), _) => Attribution::Direct,
            (None, Some(_)) => Attribution::PidJoin,
            (None, None) => Attribution::None,
        };
        let container = names.maybe(view.container_id(row)).or(own.container).or(other.container);
        Self { pod_uid: stated.or(other.pod_uid), pod_by, container }
    }

    fn is_known(&self) -> bool {
        self.container.is_some() || self.pod_uid.is_some()
    }

    /// A process in a known container teaches what its SELinux categories stand for.
    fn teach(&self, pair: Pair, pairs: &mut Pairs, names: &Names, time: EventTime) {
        if self.is_known() {
            pairs.learn(pair, names, (self.container, self.pod_uid), time);
        }
    }
}

/// Who acted.
struct Actor {
    host: Option<Name>,
    home: Home,
    /// By its home or its label.
    contained: bool,
    process_key: Option<Name>,
    chain: Vec<(Option<Name>, Option<Name>)>,
    parent: Option<Name>,
    tainted: bool,
}

impl Actor {
    fn of(
        names: &mut Names,
        lineage: &Lineage,
        process: Option<Name>,
        view: &host_events::View<'_>,
        row: usize,
    ) -> Self {
        let other = contained(names, lineage, view, row);
        let mut chain = process.map(|key| lineage.chain(key)).unwrap_or_default();
        if let Some((key, _)) = other {
            let longer = lineage.chain(key);
            chain = if longer.len() > chain.len() { longer } else { chain };
        }
        if chain.is_empty() {
            chain = [view.parent_exe(row), view.exe(row)]
                .into_iter()
                .filter_map(|exe| names.maybe(exe))
                .map(|exe| (None, Some(exe)))
                .collect();
        }
        let parent = names.maybe(view.parent_exe(row)).or_else(|| {
            let index = chain.len().checked_sub(2)?;
            chain.get(index).and_then(|(_, exe)| *exe)
        });
        let exes: Vec<&str> = chain.iter().filter_map(|(_, exe)| names.text_of(*exe)).collect();
        let tainted = exes
            .windows(2)
            .any(|pair| matches!(pair, [parent, child] if is_server(parent) && is_hands_on(child)));
        let home = Home::of(names, lineage, (process, other), view, row);
        let contained = home.is_known() || view.label(row).is_some_and(is_container_label);
        Self {
            host: names.maybe(view.host(row)),
            home,
            contained,
            process_key: process.or(other.map(|(key, _)| key)),
            chain,
            parent,
            tainted,
        }
    }

    /// A process in a known container teaches what its SELinux categories stand for; one that nobody placed learns it.
    fn place_by(&mut self, pair: Pair, pairs: &mut Pairs, names: &mut Names, time: EventTime) {
        if self.home.is_known() {
            self.home.teach(pair, pairs, names, time);
        } else if let Some((container, pod_uid)) = pairs.container(pair, names, time) {
            self.home = Home { container, pod_uid, pod_by: Attribution::Mcs };
            self.contained = true;
        }
    }
}

fn sign(
    names: &mut Names,
    view: &host_events::View<'_>,
    row: usize,
    actor: &Actor,
    (kind, strong, why): (SignalKind, bool, String),
) -> Sign {
    let witness =
        Witness::of(names, view.event_time(row), view.event_id(row), view.source(row), view.location(row));
    Sign {
        kind,
        strong,
        first: witness,
        last: witness,
        count: 1,
        also: Vec::new(),
        host: actor.host,
        pod_uid: actor.home.pod_uid,
        pod_by: actor.home.pod_by,
        container: actor.home.container,
        unit: names.maybe(view.unit(row)),
        uid: view.euid(row).or(view.uid(row)),
        process_key: actor.process_key,
        pid: view.pid(row),
        exe: names.maybe(view.exe(row).or(view.comm(row))),
        cmd_line: names.maybe(view.cmd_line(row)),
        lineage: actor.chain.iter().filter_map(|(_, exe)| *exe).collect(),
        lineage_keys: actor.chain.iter().filter_map(|(key, _)| *key).collect(),
        target: names
            .maybe(view.target_path(row).or(view.target_exe(row)).or(view.dst_addr(row)).or(view.rule(row))),
        outcome: outcome(view, row),
        control: view.control(row),
        mode: view.mode(row),
        policy: names.maybe(view.policy(row)),
        tainted: actor.tainted,
        guards_credential: refused_kind(view, row).is_some_and(|kind| {
            // Who traces a process, or calls the metadata service, may do so for other reasons.
            kind == SignalKind::CredentialRead || actor.tainted
        }),
        why,
    }
}

#[cfg(test)]
mod tests;

//! Which uses are the attacker's, and which credentials they may hold.
//!
//! In: a case. Out: uses graded definite, probable or possible; credentials that were exposed, and since when.
//! Owns: the grades. Law: only definite and probable uses drive verdicts; possible ones fill the suspected set.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::EventTime;
use offbound_schemas::table::{Signal, Use};
use offbound_schemas::vocabulary::{Decision, Match, Outcome, Phase, Severity, SignalKind};

use super::Case;
use super::moved::{self, Taken};
use crate::asked::{About, Key};
use crate::fact::binding::Held;
use crate::fact::usage::Usage;
use crate::finding::Found;
use crate::names::{Name, Names};
use crate::scene::{ending, uses};
use crate::standing::Sought;

/// How long after the last finding a tainted place's uses are still the incident's business.
pub(super) const AFTERMATH_NANOS: i64 = 30 * 60 * 1_000_000_000;

/// Credentials of one escape that are listed; a node of Kubernetes has 110 pods unless told otherwise.
const MAX_HELD_THERE: usize = 256;

/// How surely a use is the attacker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Possible,
    Probable,
    Definite,
}

/// A use that is the attacker's, more or less surely.
#[derive(Debug, Clone)]
pub(crate) struct Attributed {
    pub(crate) grade: Grade,
    pub(crate) row: Use,
}

/// What findings say of a use.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// It is one of many tries.
    is_probing: bool,
    /// It was shown where it is not meant for.
    is_misused: bool,
    /// It is an older generation of what somebody else has renewed.
    is_fork: bool,
    /// Nobody issued what it shows.
    is_forged: bool,
}

/// The attacker's uses and credentials.
pub(crate) struct Attribution<'a> {
    pub(crate) uses: Vec<Attributed>,
    pub(crate) exposed: Vec<Held>,
    names: &'a Names,
}

impl Attribution<'_> {
    /// Uses of at least that grade.
    pub(crate) fn at_least(&self, grade: Grade) -> impl Iterator<Item = &Attributed> {
        self.uses.iter().filter(move |used| used.grade >= grade)
    }

    /// Whether it is a credential that nobody issued: another can be made at any time.
    pub(crate) fn is_forged(&self, held: &Held) -> bool {
        let forged = self.uses.iter().filter(|used| is_forged(&used.row));
        let mut shown = forged.filter_map(|used| used.row.credential_id.as_deref());
        held.id.is_some_and(|id| shown.any(|shown| shown == self.names.id_text(id)))
    }

    /// The name of a credential.
    pub(crate) fn id_of(&self, held: &Held) -> Option<String> {
        self.names.owned_id(held.id)
    }
}

/// Grades every use that the case touches.
pub(super) fn attribute<'a>(case: &Case<'a>) -> Attribution<'a> {
    let known = told(case);
    let divided = divided(case);
    let taken = Taken::of(case);
    let until = case.end.plus_nanos(AFTERMATH_NANOS);
    let mut attributed = Vec::new();
    for usage in case.scene.uses_of(&sought(case)) {
        let near =
            usage.last.time >= case.onset && usage.first.time <= until && usage.key.phase != Phase::Verify;
        if near && may_concern(case, &usage) {
            for row in uses::rows(case.scene, &usage) {
                let told = known.get(row.use_id.as_str()).copied();
                let told_twice = second_hand(case, &divided, &row);
                let is_moved = taken.is_moved(&row).then_some(Grade::Probable);
                if let Some(grade) = grade(case, &row, told).max(told_twice).max(is_moved) {
                    attributed.push(Attributed { grade, row });
                }
            }
        }
    }
    // Who renews a copy is nowhere in its record, so that no place leads to it.
    let forks = case.members.iter().filter(|member| is_fork(member)).flat_map(|member| &member.uses);
    let forks = forks.filter(|row| attributed.iter().all(|known| known.row.use_id != row.use_id));
    let forks: Vec<Attributed> =
        forks.map(|row| Attributed { grade: Grade::Definite, row: row.clone() }).collect();
    attributed.extend(forks);
    attributed.sort_by(|a, b| (a.row.first_time, &a.row.use_id).cmp(&(b.row.first_time, &b.row.use_id)));
    let exposed = exposed(case, &attributed, (&divided, &taken));
    Attribution { uses: attributed, exposed, names: &case.scene.facts.names }
}

/// What the findings say of their uses, by id.
fn told<'a>(case: &Case<'a>) -> BTreeMap<&'a str, Told> {
    let mut all: BTreeMap<&str, Told> = BTreeMap::new();
    for member in case.members {
        for row in &member.uses {
            let told = all.entry(row.use_id.as_str()).or_default();
            told.is_probing |= speaks_of_its_own(member);
            told.is_misused |= member.finding.rule == "CT-108";
            told.is_fork |= is_fork(member);
            told.is_forged |= is_forged(row);
        }
    }
    all
}

/// Whether a finding is about probing: then its own refusals are the attacker's.
pub(super) fn is_probing(member: &Found) -> bool {
    member.finding.rule == "CT-301"
}

/// Whether a finding is about a credential that two hold and renew, at two places.
fn is_fork(member: &Found) -> bool {
    member.finding.rule == "CT-110" && member.finding.severity >= Severity::Medium
}

/// Whether a use shows what its issuer never made: whoever made it has the issuer's key, and took nothing from a workload.
pub(super) fn is_forged(row: &Use) -> bool {
    row.never_issued_by.is_some()
}

/// Whether a finding is about whoever left a container: then the host is theirs, and what they did there.
fn is_escape(member: &Found) -> bool {
    member.finding.rule == "CT-205"
}

/// Whether an act did not go through, as this sensor or another says.
pub(super) fn is_undone(signal: &Signal) -> bool {
    matches!(signal.outcome, Outcome::Denied | Outcome::Killed | Outcome::Failed)
}

/// Where somebody got hold of the host: all credentials there are exposed from then on.
pub(super) fn escapes(member: &Found) -> impl Iterator<Item = &Signal> {
    let held = |signal: &&Signal| {
        let is_escape = matches!(signal.kind, SignalKind::Escape | SignalKind::PrivilegeGain);
        is_escape && signal.strong && signal.unexpected && !is_undone(signal)
    };
    member.signals.iter().filter(held)
}

/// Whether the uses of a finding are the attacker's even where they belong.
fn speaks_of_its_own(member: &Found) -> bool {
    is_probing(member) || is_escape(member)
}

/// Whether a finding is about a credential in use at two places, where no comparison tells which of them is wrong.
pub(super) fn is_divided(member: &Found) -> bool {
    member.finding.rule == "CT-104"
        && member.finding.severity >= Severity::Medium
        && member.uses.iter().all(|row| row.place_match != Match::Mismatch)
}

/// Credentials that are in use at two places, each with the place of its first use.
fn divided<'a>(case: &Case<'a>) -> BTreeMap<&'a str, &'a str> {
    let divided = case.members.iter().filter(|member| is_divided(member));
    let firsts = divided.filter_map(|member| member.uses.first());
    firsts.filter_map(|row| Some((row.credential_id.as_deref()?, row.place_key.as_deref()?))).collect()
}

/// Two hold such a credential: who came second may be the thief.
fn second_hand(case: &Case<'_>, divided: &BTreeMap<&str, &str>, row: &Use) -> Option<Grade> {
    let home = divided.get(row.credential_id.as_deref()?)?;
    let of_case = case.scopes.contains(row.scope.as_deref()?);
    let is_second = row.place_key.as_deref()? != *home && row.first_time >= case.onset;
    (of_case && is_second).then_some(Grade::Probable)
}

/// The uses that may get a grade: those of the findings, and those at the places of the case.
fn sought(case: &Case<'_>) -> Sought {
    let shown = case.members.iter().flat_map(|member| &member.uses);
    let holder = |row: &Use| {
        let holder = row.credential_id.as_deref().or(row.subject.as_deref());
        About::Holder(holder.unwrap_or_default()).key()
    };
    let held: BTreeSet<Key> = shown.map(holder).collect();
    Sought {
        held: held.into_iter().collect(),
        loose: moved::keys(case),
        made: case.made_keys.clone(),
        // A use in its own place only counts where something was done, or tried, from there.
        at: if case.looks_at_its_places() { case.scope_keys.clone() } else { Vec::new() },
        scopes: case.scope_keys.clone(),
    }
}

/// A cheap test before the comparison is made: does the use's workload or credential occur in the case at all?
fn may_concern(case: &Case<'_>, usage: &Usage) -> bool {
    let workload = case.scene.workload_of(usage);
    let credential = case.scene.id_text(usage.key.credential);
    let named =
        |row: &Use| row.credential_id.is_some() && row.credential_id.as_deref() == credential.as_deref();
    workload.is_some_and(|workload| case.workloads.contains(&workload))
        || case.members.iter().flat_map(|member| &member.uses).any(named)
}

fn grade(case: &Case<'_>, row: &Use, in_finding: Option<Told>) -> Option<Grade> {
    let of_case = row.scope.as_ref().is_some_and(|scope| case.scopes.contains(scope));
    if in_finding.is_some_and(|told| told.is_fork || told.is_forged) {
        return Some(Grade::Definite);
    }
    if row.place_match == Match::Mismatch && row.match_grade >= 2 {
        return (of_case || in_finding.is_some()).then_some(Grade::Definite);
    }
    let is_late = ending::is_after(row) && row.let_in;
    if is_late && (of_case || in_finding.is_some()) {
        // Whoever was gone did not do it; who had a key taken away may not have heard of that.
        return Some(if ending::is_of_nobody(row) { Grade::Definite } else { Grade::Probable });
    }
    // Where it cannot come from its owner for sure, what it is not meant for tells that it was not the owner.
    let is_misused = row.audience_match == Match::Mismatch;
    if in_finding.is_some_and(|told| told.is_misused) && row.place_match != Match::Match {
        return Some(Grade::Probable);
    }
    if row.first_time < case.onset || !of_case {
        return None;
    }
    // From here on: in its own place, which shows signs of an intruder.
    let tainted = case.is_tainted();
    if in_finding.is_some_and(|told| told.is_probing) || (tainted && (is_misused || is_new(case, row))) {
        return Some(Grade::Probable);
    }
    tainted.then_some(Grade::Possible)
}

/// A destination that the workload never reached before, or that a declared policy does not name.
fn is_new(case: &Case<'_>, row: &Use) -> bool {
    if row.declared {
        return false;
    }
    if row.first_ever {
        return true;
    }
    let Some(workload) = row.workload.as_deref() else { return false };
    let undeclared = case.scene.environment.has_policy_for(workload, row.first_time);
    let learned = case.scene.edges.history(workload, row.first_time) >= case.scene.min_history_nanos();
    let destination = case.scene.facts.names.known(&row.destination);
    let reached =
        destination.is_some_and(|name| case.scene.edges.reached_before(workload, name, row.first_time));
    undeclared || (row.decision == Decision::Deny && learned && !reached)
}

/// Credentials that were used off their place, after their end, or at two places, or that a reader of files or memory could take.
fn exposed(
    case: &Case<'_>,
    attributed: &[Attributed],
    (divided, carried): (&BTreeMap<&str, &str>, &Taken),
) -> Vec<Held> {
    let bindings = &case.scene.facts.bindings;
    let mut exposed: Vec<Held> = Vec::new();
    let mut add = |held: Held| {
        // Every credential has a first name, and no other has the same.
        if !exposed.iter().any(|known| known.id == held.id) {
            exposed.push(held);
        }
    };
    let taken = |used: &&Attributed| {
        used.grade == Grade::Definite || ending::is_after(&used.row) || carried.is_moved(&used.row)
    };
    let taken = attributed.iter().filter(taken);
    let shown = taken.filter_map(|used| used.row.credential_id.as_deref());
    for id in shown.chain(divided.keys().copied()) {
        if let Some(held) = case.scene.facts.names.known_id(id).and_then(|id| bindings.get(id)) {
            add(held);
        }
    }
    for (scope, time) in thefts(case) {
        if let Some(held) = newest(case, &scope, time, |_| true) {
            add(held);
        }
    }
    for (scope, time) in calls(case) {
        if let Some(held) = newest(case, &scope, time, |held| held.instance.is_some()) {
            add(held);
        }
    }
    for held in held_there(case) {
        add(held);
    }
    exposed
}

/// The credentials that were on hosts when somebody left a container there: of each identity at each place, the newest.
fn held_there(case: &Case<'_>) -> Vec<Held> {
    let escapes = case.members.iter().flat_map(|member| escapes(member));
    let mut since: BTreeMap<&str, EventTime> = BTreeMap::new();
    for (host, time) in escapes.filter_map(|signal| Some((signal.host.as_deref()?, signal.event_time))) {
        let first = since.entry(host).or_insert(time);
        *first = time.min(*first);
    }
    if since.is_empty() {
        return Vec::new();
    }
    let mut newest: BTreeMap<(Option<Name>, Option<Name>), Held> = BTreeMap::new();
    // Most have ended by then, and that is told without asking for their places.
    let may_be_there = |held: &Held| held.id.is_some() && since.values().any(|time| is_there(held, *time));
    for held in case.scene.facts.bindings.iter().filter(may_be_there) {
        let time = case.scene.host_of(&held).and_then(|host| since.get(case.scene.facts.names.text(host)));
        if !time.is_some_and(|time| is_there(&held, *time)) {
            continue;
        }
        let known = newest.entry((held.pod_uid, held.subject)).or_insert_with(|| held.clone());
        if (known.iat.or(known.nbf), known.id) < (held.iat.or(held.nbf), held.id) {
            *known = held;
        }
    }
    newest.into_values().take(MAX_HELD_THERE).collect()
}

fn is_there(held: &Held, time: EventTime) -> bool {
    held.iat.or(held.nbf).is_none_or(|from| from <= time) && held.exp.is_none_or(|end| time <= end)
}

/// Unexpected calls of the metadata service, which hands out what its host was given.
fn calls(case: &Case<'_>) -> Vec<(String, EventTime)> {
    let signals = case.members.iter().flat_map(|member| &member.signals);
    let calls = signals.filter(|signal| signal.kind == SignalKind::ImdsAccess && signal.unexpected);
    let calls = calls.filter(|signal| !is_undone(signal));
    let there =
        calls.filter_map(|signal| Some((format!("host:{}", signal.host.as_ref()?), signal.event_time)));
    // Where its credential was used elsewhere, the host itself is a place of the case.
    there.filter(|(scope, _)| case.scopes.contains(scope)).collect()
}

/// Where credentials were read or dumped, and when.
pub(super) fn thefts(case: &Case<'_>) -> Vec<(String, EventTime)> {
    let signals = case.members.iter().flat_map(|member| &member.signals);
    let taking =
        signals.filter(|signal| matches!(signal.kind, SignalKind::CredentialRead | SignalKind::MemoryRead));
    let taking = taking.filter(|signal| !is_undone(signal));
    taking.filter_map(|signal| Some((signal.scope.clone()?, signal.event_time))).collect()
}

/// The credential of some kind that a place held at a moment: of those bound to it, the one issued last.
fn newest(case: &Case<'_>, scope: &str, time: EventTime, is_of_kind: impl Fn(&Held) -> bool) -> Option<Held> {
    let facts = case.scene.facts;
    let of_pod = scope.strip_prefix("pod:").map(|pod| facts.names.known(pod));
    let here = |held: &Held| {
        // Most credentials belong to another pod, and that is told without a text.
        if of_pod.is_some_and(|pod| held.pod_uid.is_none() || held.pod_uid != pod) {
            return false;
        }
        let pod = facts.names.text_of(held.pod_uid).map(|pod| format!("pod:{pod}"));
        let host = || {
            case.scene.bound_held(held, None).host.and_then(|host| case.scene.scope_text(None, Some(host)))
        };
        let place = pod.or_else(host);
        is_of_kind(held) && place.as_deref() == Some(scope) && is_there(held, time)
    };
    facts.bindings.iter().filter(here).max_by_key(|held| (held.iat.or(held.nbf), held.id))
}

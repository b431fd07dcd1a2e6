//! Uses with their comparison: one row per use, as rules read it.
//!
//! In: a use of the facts. Out: rows of table `uses` (two where its first and last moment compare differently).
//! Owns: nothing but the join. Law: a row is a function of the use, the bindings, the placements, the environment.

use offbound_schemas::EventTime;
use offbound_schemas::table::Use;
use offbound_schemas::vocabulary::Match;

use super::Scene;
use crate::environment::StaticPolicy;
use crate::fact::binding::Held;
use crate::fact::evidence::Witness;
use crate::fact::usage::Usage;
use crate::matching::{Bound, Compared, Ground, Seen, compare, compare_briefly};
use crate::names::Name;

const NANOS_PER_SEC: i64 = 1_000_000_000;
/// What verifiers grant on `exp` and `nbf` (go-jose's default leeway, used by the Kubernetes API server).
const LEEWAY_NANOS: i64 = 60 * NANOS_PER_SEC;
/// Credential kinds that never expire by design.
const STATIC_KINDS: &[&str] = &["aws-key", "k8s-legacy-token"];

/// One way to compare: in full, or briefly.
type Compare = for<'a> fn(&Bound, &Seen<'_>, Ground<'a>) -> Compared<'a>;

/// The rows of one use, with every step of the comparison.
pub(crate) fn rows(scene: &Scene<'_>, usage: &Usage) -> Vec<Use> {
    rows_by(compare, scene, usage)
}

/// The same, with steps and home addresses only where it is not where it belongs: most uses are, and nobody asks how
/// that was found. A finding compares its own uses anew, with every step.
pub(crate) fn brief_rows(scene: &Scene<'_>, usage: &Usage) -> Vec<Use> {
    rows_by(compare_briefly, scene, usage)
}

fn rows_by(compare: Compare, scene: &Scene<'_>, usage: &Usage) -> Vec<Use> {
    let bound = scene.bound(usage);
    let compared = |at| compared(compare, scene, usage, &bound, at);
    let first = compared(usage.first);
    if usage.first.time == usage.last.time {
        return vec![row(scene, usage, &bound, &first, (usage.first, usage.last, usage.count))];
    }
    let last = compared(usage.last);
    if (first.place, first.host, first.pod) == (last.place, last.host, last.pod) {
        return vec![row(scene, usage, &bound, &first, (usage.first, usage.last, usage.count))];
    }
    // Something moved within the minute: each end speaks for itself, the uses between count with the later.
    vec![
        row(scene, usage, &bound, &first, (usage.first, usage.first, 1)),
        row(scene, usage, &bound, &last, (usage.last, usage.last, usage.count.saturating_sub(1).max(1))),
    ]
}

fn compared<'a>(
    compare: Compare,
    scene: &'a Scene<'_>,
    usage: &Usage,
    bound: &Bound,
    at: Witness,
) -> Compared<'a> {
    let names = &scene.facts.names;
    let chain = names.text_of(usage.key.chain).unwrap_or_default();
    let seen = Seen {
        address: names.text_of(usage.key.address),
        quality: usage.key.quality,
        chain: chain.split(',').filter(|address| !address.is_empty()).collect(),
        presenter: names.text_of(usage.key.presenter),
        subject: names.text_of(usage.key.subject),
        destination: names.text(usage.key.destination),
        source: names.text(usage.key.source),
        time: at.time,
        skew: scene.skew(usage.key.source),
    };
    compare(bound, &seen, scene.ground())
}

fn row(
    scene: &Scene<'_>,
    usage: &Usage,
    bound: &Bound,
    compared: &Compared<'_>,
    (first, last, count): (Witness, Witness, u64),
) -> Use {
    let names = &scene.facts.names;
    let held = scene.held(usage);
    let held = held.as_ref();
    let kind = held.and_then(|held| names.text_of(held.kind));
    let workload = bound.workload.clone();
    let lifetime = Lifetime::of(held);
    let history = workload.as_deref().map_or(0, |name| scene.edges.history(name, first.time));
    let destination = names.text(usage.key.destination);
    let action = names.text_of(usage.first_action).unwrap_or_default();
    let subject = usage.key.subject.or(held.and_then(|held| held.subject));
    Use {
        use_id: first.id.to_string(),
        last_id: last.id.to_string(),
        source: names.text(usage.key.source).to_owned(),
        location: first.location.text(names),
        last_location: last.location.text(names),
        first_time: first.time,
        last_time: last.time,
        count,
        phase: usage.key.phase,
        credential_id: names.owned(held.and_then(|held| held.id).or(usage.key.credential)),
        credential_kind: kind.map(str::to_owned),
        subject: names.owned(subject),
        scope: scope(scene, bound, compared, first.time),
        presenter: names.owned(usage.key.presenter),
        src_addr: compared.address.clone().or_else(|| names.owned(usage.key.address)),
        addr_quality: usage.key.quality,
        addr_chain: names
            .text_of(usage.key.chain)
            .map(|chain| chain.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        destination: destination.to_owned(),
        destination_sensitive: usage.sensitive_destination,
        action: action.to_owned(),
        action_sensitive: usage.sensitive_action,
        decision: usage.key.decision,
        enforcement: usage.key.enforcement,
        reason: names.owned(usage.reason),
        first_ever: workload.as_deref().is_some_and(|name| is_first_ever(scene, name, usage, first.time)),
        history_secs: history / NANOS_PER_SEC,
        declared: declared(
            scene,
            names.text_of(subject),
            workload.as_deref(),
            destination,
            action,
            first.time,
        ),
        ttl_secs: lifetime.ttl_secs,
        max_ttl_secs: kind
            .and_then(|kind| scene.environment.class(kind)?.max_ttl_nanos)
            .map(|max| max / NANOS_PER_SEC),
        is_static: kind.is_some_and(|kind| is_static(scene, kind, lifetime)),
        valid_to: lifetime.to,
        valid_from: lifetime.from,
        skew_nanos: scene.skew(usage.key.source) + LEEWAY_NANOS,
        lookup_workload: looked_up(scene, usage),
        workload,
        ..placed(scene, bound, compared)
    }
}

/// Who presented it by the recorder's own lookup, unless that is the subject after all, or is declared to present it.
/// Apart from the comparison of places: a lookup is the word of one record, which no placement confirms.
fn looked_up(scene: &Scene<'_>, usage: &Usage) -> Option<String> {
    let (names, environment) = (&scene.facts.names, scene.environment);
    let (lookup, subject) = names.text_of(usage.key.lookup).zip(names.text_of(usage.key.subject))?;
    let presenter = environment.canonical_workload(lookup);
    let is_subject = presenter == environment.canonical_workload(subject);
    let is_declared = environment.delegated(lookup, subject, names.text(usage.key.destination));
    (!is_subject && !is_declared).then_some(presenter)
}

/// The columns of a use that say where it belongs, where it was, and how the two compare.
fn placed(scene: &Scene<'_>, bound: &Bound, compared: &Compared<'_>) -> Use {
    let names = &scene.facts.names;
    let observed = compared.observed;
    Use {
        place_match: compared.place,
        host_match: compared.host,
        pod_match: compared.pod,
        binding_grade: compared.binding_grade,
        observation_grade: compared.observation_grade,
        match_grade: compared.binding_grade.min(compared.observation_grade),
        bound_host: scene.host_text(bound.host.or_else(|| scene.pod(bound.pod_uid?)?.host)),
        bound_pod_uid: names.owned(bound.pod_uid),
        bound_workload: bound.workload.clone(),
        bound_addresses: compared.bound_addresses.clone(),
        observed_host: scene.host_text(observed.and_then(|stay| stay.host.or(stay.host_uid))),
        observed_pod_uid: observed.filter(|stay| !stay.shared).and_then(|stay| names.owned(stay.pod_uid)),
        observed_workload: observed
            .and_then(|stay| names.text_of(stay.workload))
            .map(|name| scene.environment.canonical_workload(name)),
        observed_external: compared.external,
        place_key: place_key(scene, compared),
        trace: compared.trace.sentences().to_vec(),
        ..Use::default()
    }
}

/// When a credential is valid, and how long it was meant to be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lifetime {
    pub(crate) from: Option<EventTime>,
    pub(crate) to: Option<EventTime>,
    pub(crate) ttl_secs: Option<i64>,
}

impl Lifetime {
    pub(crate) fn of(held: Option<&Held>) -> Self {
        let Some(held) = held else { return Self::default() };
        // What an issuer reports may be less than what it grants (Kubernetes extends tokens): only `exp` ends one.
        let to = held.exp;
        let meant = held.warn_after.or(to).or(held.reported_expiry);
        let from = held.nbf.or(held.iat);
        let start = held.iat.or(held.nbf);
        let ttl_secs = meant.zip(start).map(|(end, start)| end.nanos_since(start) / NANOS_PER_SEC);
        Self { from, to, ttl_secs }
    }
}

fn is_static(scene: &Scene<'_>, kind: &str, lifetime: Lifetime) -> bool {
    let allowed =
        scene.environment.class(kind).and_then(|class| class.static_policy) == Some(StaticPolicy::Allow);
    // An end that no record tells is unknown, not absent: only kinds that have none by design are static.
    STATIC_KINDS.contains(&kind) && lifetime.to.is_none() && !allowed
}

fn is_first_ever(scene: &Scene<'_>, workload: &str, usage: &Usage, time: EventTime) -> bool {
    let enough = scene.edges.history(workload, time) >= scene.min_history_nanos();
    enough && time == usage.first.time && scene.edges.is_first(workload, usage)
}

fn declared(
    scene: &Scene<'_>,
    subject: Option<&str>,
    workload: Option<&str>,
    destination: &str,
    action: &str,
    time: EventTime,
) -> bool {
    [subject, workload]
        .into_iter()
        .flatten()
        .any(|who| scene.environment.declared(who, destination, action, time))
}

/// Where signs of this credential's theft would show: its pod, else its only pod on that host, else the host.
fn scope(scene: &Scene<'_>, bound: &Bound, compared: &Compared<'_>, time: EventTime) -> Option<String> {
    let pod = bound.pod_uid.or_else(|| only_pod(scene, bound, time)).or_else(|| in_place_pod(compared));
    let host = bound.host.or_else(|| compared.observed.filter(|_| compared.place != Match::Mismatch)?.host);
    scene.scope_text(pod, host)
}

fn only_pod(scene: &Scene<'_>, bound: &Bound, time: EventTime) -> Option<Name> {
    let there = |stay: &crate::fact::placement::Stay| {
        (bound.host.is_none() || stay.host.map(|host| scene.places.host_name(host)) == bound.host)
            && stay.start.is_none_or(|start| start <= time)
            && stay.end.is_none_or(|end| time <= end)
    };
    let mut pods = scene
        .places
        .workload(bound.workload.as_deref()?)
        .filter(|stay| there(stay))
        .filter_map(|stay| stay.pod_uid);
    let first = pods.next()?;
    pods.all(|pod| pod == first).then_some(first)
}

fn in_place_pod(compared: &Compared<'_>) -> Option<Name> {
    let stay = compared.observed.filter(|stay| !stay.shared)?;
    (compared.place != Match::Mismatch).then_some(stay.pod_uid).flatten()
}

/// Where it was seen, for telling places apart; translated and undetermined addresses name no place.
fn place_key(scene: &Scene<'_>, compared: &Compared<'_>) -> Option<String> {
    if compared.translated {
        return None;
    }
    if let Some(stay) = compared.observed {
        return scene.host_text(stay.host.or(stay.host_uid)).map(|host| format!("host:{host}"));
    }
    compared.external.then(|| compared.address.clone()).flatten().map(|address| format!("external:{address}"))
}

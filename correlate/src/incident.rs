//! Incidents: findings that belong together, and what they say about containment.
//!
//! In: findings with their uses and signs, the scene. Out: incidents, by onset.
//! Owns: the order of the judgement: join, onset, attribution, layers, outcome, blast radius.
//! Law: an incident is a function of its findings and of the facts; recomputing it changes nothing.

mod account;
mod attribution;
mod blast;
mod graph;
mod identity;
mod layers;
mod moved;
mod outcome;
mod reason;
mod tie;
mod unheard;

use std::collections::BTreeSet;

use offbound_schemas::record::{Incident, ResidualExposure};
use offbound_schemas::vocabulary::{Match, Severity};
use offbound_schemas::{EventTime, FindingId, IncidentId};

use crate::asked::{About, Key};
use crate::fact::touched::Touched;
use crate::finding::Found;
use crate::keyed::HashMap;
use crate::scene::Scene;
use crate::scene::ending;
use crate::scene::uses::Lifetime;
use attribution::Attribution;
pub(crate) use graph::{Graph, GroupNumber, News};
use layers::Layers;

const NANOS_PER_SEC: f64 = 1e9;

/// Judges all incidents, and tells each finding which one it belongs to.
pub(crate) fn incidents(scene: &Scene<'_>, found: &mut [Found]) -> Vec<Incident> {
    let graph = Graph::of(found.iter());
    let place_of: HashMap<FindingId, usize> =
        found.iter().enumerate().map(|(place, found)| (found.finding.id, place)).collect();
    let mut incidents = Vec::new();
    for group in graph.numbers() {
        let places: Vec<usize> = graph.members(group).filter_map(|id| place_of.get(&id)).copied().collect();
        let members: Vec<&Found> = places.iter().filter_map(|place| found.get(*place)).collect();
        if !opens(members.iter().copied()) {
            continue;
        }
        let (incident, _) = judge(scene, &members);
        for place in places {
            if let Some(member) = found.get_mut(place) {
                member.finding.incident = Some(incident.id);
            }
        }
        incidents.push(incident);
    }
    incidents.sort_by_key(|incident| (incident.onset, incident.id));
    incidents
}

/// The id of the incident that some findings make: that of the first of them.
pub(crate) fn id_of(first: Option<&Found>) -> IncidentId {
    IncidentId::of(&[&first.map(|first| first.finding.id).unwrap_or_default().0])
}

/// What a judgement looked at: when any of it changes, it is to be made again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Concern {
    pub(crate) workloads: BTreeSet<String>,
    /// Credentials of the members' uses, and exposed ones.
    pub(crate) credentials: BTreeSet<String>,
    /// By what uses and signs at those scopes, of those workloads and credentials are found.
    pub(crate) keys: ConcernKeys,
    /// Whether uses at its places matter, even where they belong.
    pub(crate) looks_at_its_places: bool,
    /// Hosts whose telemetry matters.
    pub(crate) hosts: Vec<String>,
    /// Pods whose gaps matter.
    pub(crate) pods: Vec<String>,
    /// Whether it was there.
    pub(crate) is_covered: bool,
    /// Destinations of which no identity log was heard all the time.
    pub(crate) unheard: BTreeSet<String>,
    /// When the attack began.
    pub(crate) onset: EventTime,
    /// The last moment of its findings.
    pub(crate) end: EventTime,
    /// From half an hour before the onset …
    pub(crate) from: EventTime,
    /// … until the aftermath is over.
    pub(crate) until: EventTime,
    /// When exposed credentials end.
    pub(crate) ends: BTreeSet<EventTime>,
}

/// Scopes, workloads and credentials of a judgement as keys: they are asked for at each look, of each incident.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConcernKeys {
    pub(crate) scopes: Vec<Key>,
    pub(crate) made: Vec<Key>,
    pub(crate) held: Vec<Key>,
    /// Hosts of which every credential counts.
    pub(crate) on: Vec<Key>,
    /// Uses of those workloads off their place that belong to those scopes.
    pub(crate) off: Vec<Key>,
}

impl Concern {
    /// Whether the telemetry of its hosts, or an identity log, is there now and was not, or the other way round.
    pub(crate) fn is_covered_otherwise(&self, scene: &Scene<'_>, touched: &Touched) -> bool {
        let is_heard = || unheard::again(scene, &self.unheard, (self.onset, self.end)) != self.unheard;
        if !self.unheard.is_empty() && is_heard() {
            return true;
        }
        let names = &scene.facts.names;
        let heard = self.hosts.iter().filter_map(|host| touched.heard_around(names.known(host)?));
        let may_be = heard.into_iter().any(|(from, to)| from <= self.end && self.from <= to);
        let places = (self.hosts.as_slice(), self.pods.as_slice());
        may_be && layers::are_covered(scene, places, (self.from, self.end)) != self.is_covered
    }
}

/// An incident needs a finding of medium severity, or indicators from both tables.
pub(crate) fn opens<'f>(members: impl Iterator<Item = &'f Found> + Clone) -> bool {
    let mut joined = members.filter(|member| !tie::is_posture(&member.finding.rule));
    let is_weighty = joined.clone().any(|member| member.finding.severity >= Severity::Medium);
    is_weighty
        || joined.clone().any(|member| !member.signals.is_empty())
            && joined.any(|member| !member.uses.is_empty())
}

/// What all parts of a judgement look at.
pub(crate) struct Case<'a> {
    pub(crate) scene: &'a Scene<'a>,
    pub(crate) members: &'a [&'a Found],
    /// Places concerned: `pod:UID`, `host:NAME`.
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) workloads: BTreeSet<String>,
    /// The same as keys …
    pub(crate) scope_keys: Vec<Key>,
    /// … by what the workloads made.
    pub(crate) made_keys: Vec<Key>,
    pub(crate) hosts: BTreeSet<String>,
    pub(crate) onset: EventTime,
    pub(crate) end: EventTime,
}

impl Case<'_> {
    /// Whether signs belong to it.
    fn is_tainted(&self) -> bool {
        self.members.iter().any(|member| !member.signals.is_empty())
    }

    /// Whether uses in their own place may be the attacker's.
    fn looks_at_its_places(&self) -> bool {
        let speaks_of_them =
            |member: &&Found| attribution::is_probing(member) || attribution::is_divided(member);
        self.is_tainted() || self.members.iter().any(speaks_of_them)
    }
}

/// Judges the incident that some findings make, given by first time and id.
pub(crate) fn judge(scene: &Scene<'_>, members: &[&Found]) -> (Incident, Concern) {
    let scopes: BTreeSet<String> =
        members.iter().flat_map(|member| tie::scopes(member)).map(str::to_owned).collect();
    let scope_keys: Vec<Key> = scopes.iter().map(|scope| About::Scope(scope).key()).collect();
    let (onset, observed) = onset(scene, members, (&scopes, &scope_keys));
    let end = members.iter().map(|member| member.finding.last_time).max().unwrap_or(onset);
    let workloads: BTreeSet<String> =
        members.iter().filter_map(|member| member.finding.workload.clone()).collect();
    let made_keys = workloads.iter().map(|workload| About::MadeBy(workload).key()).collect();
    let hosts = hosts(members);
    let case = Case { scene, members, scopes, workloads, scope_keys, made_keys, hosts, onset, end };
    let attributed = attribution::attribute(&case);
    let layers = layers::judge(&case, &attributed);
    let blast_radius = blast::radius(&case, &attributed);
    let verdict = outcome::decide(&case, &attributed, &layers);
    let concern = concern(&case, &attributed, &layers);
    let incident = Incident {
        record_type: "incident".to_owned(),
        schema: "offbound.incident/1".to_owned(),
        id: id_of(members.first().copied()),
        title: title(&case, &attributed),
        severity: severity(members),
        onset,
        onset_basis: if observed { "observed" } else { "inferred" }.to_owned(),
        end,
        findings: members.iter().map(|member| member.finding.id).collect(),
        credentials: credentials(members, &attributed),
        workloads: case.workloads.iter().cloned().collect(),
        hosts: case.hosts.iter().cloned().collect(),
        first_failed: layers.first_failed.clone(),
        first_absent: layers.first_absent.clone(),
        host_layer: layers.host,
        identity_layer: layers.identity,
        outcome: verdict.outcome,
        strength: verdict.strength,
        reason: verdict.reason,
        contained_at: verdict.contained_at,
        missing_sources: verdict.missing_sources,
        blast_radius,
        time_to_detect_seconds: time_to_detect(members, onset),
        time_to_contain_seconds: verdict.contained_at.map(|at| seconds(at.nanos_since(onset))),
        residual_exposure: residual(scene, &attributed),
        merged_from: Vec::new(),
    };
    (incident, concern)
}

fn concern(case: &Case<'_>, attributed: &Attribution<'_>, layers: &Layers) -> Concern {
    let shown = case.members.iter().flat_map(|member| &member.uses);
    let shown = shown.filter_map(|row| row.credential_id.clone());
    let exposed = attributed.exposed.iter().filter_map(|held| attributed.id_of(held));
    let ends = attributed.exposed.iter().flat_map(|held| [held.revoked_at(), held.exp]);
    let credentials: BTreeSet<String> = shown.chain(exposed).collect();
    let off = case
        .workloads
        .iter()
        .flat_map(|workload| case.scope_keys.iter().map(move |scope| About::OffFrom(workload, *scope).key()));
    let escapes = case.members.iter().flat_map(|member| attribution::escapes(member));
    let escaped_to = escapes.filter_map(|signal| signal.host.as_deref());
    let reaching = blast::workloads(case, attributed);
    let made = reaching.iter().map(|workload| About::MadeBy(workload).key());
    Concern {
        keys: ConcernKeys {
            off: off.collect(),
            on: escaped_to.map(|host| About::On(host).key()).collect(),
            scopes: case.scope_keys.clone(),
            made: made.collect(),
            held: credentials.iter().map(|id| About::Holder(id).key()).collect(),
        },
        workloads: case.workloads.clone(),
        credentials,
        looks_at_its_places: case.looks_at_its_places(),
        hosts: layers::own_hosts(case),
        pods: layers::own_pods(case),
        is_covered: layers.is_covered,
        unheard: layers.unheard.clone(),
        onset: case.onset,
        end: case.end,
        from: case.onset.plus_nanos(-layers::BEFORE_NANOS),
        until: case.end.plus_nanos(attribution::AFTERMATH_NANOS),
        ends: ends.flatten().collect(),
    }
}

/// The earliest strong sign at a place of the incident; else, inferred, the earliest use off its place.
fn onset(
    scene: &Scene<'_>,
    members: &[&Found],
    (scopes, keys): (&BTreeSet<String>, &[Key]),
) -> (EventTime, bool) {
    let signs = members.iter().flat_map(|member| &member.signals);
    let own = signs.filter(|signal| signal.strong || signal.unexpected).map(|signal| signal.event_time);
    let latest = members.iter().map(|member| member.finding.last_time).max().unwrap_or_default();
    let earliest = members.iter().map(|member| member.finding.first_time).min().unwrap_or_default();
    // What was over long before is another incident's.
    let taints = crate::scene::taints::rows(scene, scene.signs_about(keys));
    let taints = taints.iter().filter(|taint| scopes.contains(&taint.scope) && earliest <= taint.to_time);
    let taints = taints.map(|taint| taint.from_time);
    if let Some(first) = own.chain(taints).filter(|time| *time <= latest).min() {
        return (first, true);
    }
    let off = members.iter().flat_map(|member| &member.uses).filter(|row| row.place_match == Match::Mismatch);
    let first = off.map(|row| row.first_time).min();
    let any = members.iter().map(|member| member.finding.first_time).min().unwrap_or_default();
    (first.unwrap_or(any), false)
}

fn hosts(members: &[&Found]) -> BTreeSet<String> {
    let of_uses = tie::acts(members).flat_map(|member| &member.uses);
    let of_uses = of_uses.flat_map(|row| [row.bound_host.clone(), row.observed_host.clone()]);
    let of_signals = members.iter().flat_map(|member| &member.signals).map(|signal| signal.host.clone());
    of_uses.chain(of_signals).flatten().collect()
}

fn severity(members: &[&Found]) -> Severity {
    tie::acts(members).map(|member| member.finding.severity).max().unwrap_or_default()
}

fn credentials(members: &[&Found], attributed: &Attribution<'_>) -> Vec<String> {
    let named = tie::acts(members).filter_map(|member| member.finding.credential.as_ref());
    let named = named.map(|credential| credential.id.clone());
    let exposed = attributed.exposed.iter().filter_map(|held| attributed.id_of(held));
    named.chain(exposed).collect::<BTreeSet<_>>().into_iter().collect()
}

fn title(case: &Case<'_>, attributed: &Attribution<'_>) -> String {
    let who = case.workloads.iter().next().cloned().or_else(|| case.scopes.iter().next().cloned());
    let who = who.unwrap_or_else(|| "an unknown workload".to_owned());
    let signs = case.members.iter().any(|member| !member.signals.is_empty());
    let off = attributed.uses.iter().any(|used| used.row.place_match == Match::Mismatch);
    let late = attributed.uses.iter().any(|used| ending::is_after(&used.row));
    let forged = attributed.uses.iter().any(|used| attribution::is_forged(&used.row));
    let what = match (signs, off, attributed.uses.is_empty()) {
        (false, ..) if forged => "credential used that nobody issued",
        (true, true, _) => "intruder's code, and its credential used elsewhere",
        (false, true, _) => "credential used off its place",
        (false, false, _) if late => "credential used after its end",
        (true, false, false) => "intruder's code, and its identity used",
        (true, false, true) => "intruder's code",
        (false, false, _) => "suspicious use of its identity",
    };
    format!("{who}: {what}")
}

#[allow(clippy::cast_precision_loss, reason = "seconds with microseconds need no more than 53 bits")]
fn seconds(nanos: i64) -> f64 {
    (nanos.max(0) as f64 / NANOS_PER_SEC * 1e6).round() / 1e6
}

fn time_to_detect(members: &[&Found], onset: EventTime) -> Option<f64> {
    let weighty = members.iter().filter(|member| member.finding.severity >= Severity::Medium);
    weighty.map(|member| member.finding.first_time).min().map(|first| seconds(first.nanos_since(onset)))
}

/// What stolen credentials are still good for at the end of the data.
fn residual(scene: &Scene<'_>, attributed: &Attribution<'_>) -> Vec<ResidualExposure> {
    let mut list: Vec<ResidualExposure> = Vec::new();
    for held in &attributed.exposed {
        let Some(credential) = attributed.id_of(held) else { continue };
        let lifetime = Lifetime::of(Some(held));
        let kind = scene.text(held.kind).unwrap_or_default();
        let is_accepted_after = |at: EventTime| {
            let own = attributed.uses.iter().map(|used| &used.row);
            let mut own = own.filter(|row| row.credential_id.as_deref() == Some(&credential));
            own.any(|row| row.let_in && row.last_time > at && ending::is_after(row))
        };
        // What is let in after it was revoked is as good as it was before.
        let revoked_at = held.revoked_at().filter(|at| !is_accepted_after(*at));
        let (seconds, reason) = match (revoked_at, lifetime.to) {
            _ if attributed.is_forged(held) => (None, "forged"),
            (Some(at), _) if at <= scene.now => (Some(0), "revoked"),
            (_, Some(end)) if end <= scene.now => (Some(0), "expired"),
            (_, Some(end)) => (Some(end.nanos_since(scene.now) / 1_000_000_000), "expires"),
            (_, None) if kind == "aws-key" || kind == "k8s-legacy-token" => (None, "static"),
            (_, None) => (None, "unknown-expiry"),
        };
        list.push(ResidualExposure { credential, seconds, reason: reason.to_owned() });
    }
    list.sort_by(|a, b| a.credential.cmp(&b.credential));
    list.dedup();
    list
}

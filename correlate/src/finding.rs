//! Candidates to findings: the public record, with its evidence and every step of the judgement.
//!
//! In: a rule and its candidate rows; the scene. Out: findings, and the keys by which incidents join them.
//! Owns: identity of findings, choice and order of evidence. Law: the id depends on rule, entity and anchor only.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use offbound_schemas::record::{BoundPlace, CredentialRef, Evidence, Finding, ObservedPlace, ProcessRef};
use offbound_schemas::table::{
    Candidate, Issue, Signal, Use, candidates, host_events, identity_assertions, placements,
};
use offbound_schemas::vocabulary::{Confidence, FindingState, Match, Severity, SignalKind};
use offbound_schemas::{EventId, FindingId, SchemaError};

use crate::fact::Facts;
use crate::fact::binding::Held;
use crate::fact::evidence::Witness;
use crate::fact::program::base_name;
use crate::fact::signal::Sign;
use crate::fact::usage::Usage;
use crate::keyed::HashMap;
use crate::rule::Rule;
use crate::scene::{Scene, ending, issues, signals, uses};

/// Records listed per finding; the count says how many there were.
const MAX_EVIDENCE: usize = 24;
/// Uses and signs looked at per finding, earliest first.
const MAX_MEMBERS: usize = 512;

/// A finding with what ties it to others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) finding: Finding,
    pub(crate) uses: Vec<Use>,
    pub(crate) signals: Vec<Signal>,
    /// Credentials that were issued for too long.
    pub(crate) issues: Vec<Issue>,
    /// The event that it starts from.
    pub(crate) anchor: String,
}

/// Where uses and signs are, by event id.
pub(crate) struct Members<'a> {
    uses: HashMap<EventId, usize>,
    signs: HashMap<EventId, &'a Sign>,
    /// Credentials by the record that issued them for too long.
    issues: HashMap<EventId, usize>,
}

impl<'a> Members<'a> {
    pub(crate) fn new(
        facts: &Facts,
        places: impl Iterator<Item = usize>,
        all_signs: impl Iterator<Item = &'a Sign>,
    ) -> Self {
        let mut uses = HashMap::default();
        let mut lasts = Vec::new();
        for (place, usage) in places.filter_map(|place| Some((place, facts.uses.get(place)?))) {
            uses.insert(usage.first.id, place);
            if usage.last.id != usage.first.id {
                lasts.push((usage.last.id, place));
            }
        }
        for (id, place) in lasts {
            uses.entry(id).or_insert(place);
        }
        let mut signs: HashMap<EventId, &Sign> = HashMap::default();
        for sign in all_signs {
            // One record may stand for two signs: what was done says more than what would have stopped it.
            let known = signs.entry(sign.first.id).or_insert(sign);
            if known.kind == SignalKind::ControlWouldDeny {
                *known = sign;
            }
        }
        Self { uses, signs, issues: HashMap::default() }
    }

    /// The same with credentials that were issued for too long.
    pub(crate) fn with_issues(mut self, facts: &Facts, places: impl Iterator<Item = usize>) -> Self {
        let issued = |place: usize| Some((facts.bindings.at(place)?.overlong?.by.id, place));
        self.issues = places.filter_map(issued).collect();
        self
    }

    /// The credential that a record of this id issued for too long.
    fn issued(&self, scene: &Scene<'_>, id: &str) -> Option<Held> {
        let place = self.issues.get(&id.parse::<EventId>().ok()?)?;
        scene.facts.bindings.at(*place)
    }

    /// The use that a record of this id began or ended.
    fn usage(&self, scene: &Scene<'_>, id: &str) -> Option<Usage> {
        let place = self.uses.get(&id.parse::<EventId>().ok()?)?;
        scene.facts.uses.get(*place)
    }
}

/// Findings of one rule's candidates.
pub(crate) fn findings(
    scene: &Scene<'_>,
    members: &Members<'_>,
    rule: &Rule,
    batch: &RecordBatch,
) -> Result<Vec<Found>, SchemaError> {
    let view = candidates::View::new(batch)?;
    let rows = (0..view.len()).map(|row| view.row(row));
    Ok(rows
        .map(|candidate| found(scene, members, rule, &candidate))
        .filter(|found| !excepted(scene, found))
        .collect())
}

/// A dated, reasoned exception of the environment takes a finding out.
fn excepted(scene: &Scene<'_>, found: &Found) -> bool {
    let finding = &found.finding;
    let credential = finding.credential.as_ref().map(|credential| credential.id.as_str());
    let names = [finding.subject.as_deref(), finding.workload.as_deref(), credential];
    let excepted = |name: &str| scene.environment.exception(&finding.rule, name, finding.last_time).is_some();
    names.into_iter().flatten().any(excepted)
}

fn found(scene: &Scene<'_>, members: &Members<'_>, rule: &Rule, candidate: &Candidate) -> Found {
    let uses = uses_of(scene, members, &candidate.use_ids);
    let signals = signals_of(scene, members, &candidate.signal_ids);
    let issues = issues_of(scene, members, &candidate.use_ids);
    let issued = issues.first();
    let anchor = uses.iter().find(|row| row.use_id == candidate.anchor);
    let off_place = uses.iter().find(|row| row.place_match == Match::Mismatch);
    let told = anchor.or(off_place).or(uses.first());
    let sign = signals.iter().find(|row| row.signal_id == candidate.anchor).or(signals.first());
    let is_host_rule = anchor.is_none() && sign.is_some();
    let workload =
        told.and_then(|row| row.workload.clone()).or_else(|| sign.and_then(|row| row.workload.clone()));
    let workload = issued.and_then(|row| row.workload.clone()).or(workload);
    let evidence = evidence(scene, members, &uses, (&signals, &issues));
    let finding = Finding {
        record_type: "finding".to_owned(),
        schema: "offbound.finding/1".to_owned(),
        id: FindingId::of(&[rule.id.as_bytes(), candidate.entity.as_bytes(), candidate.anchor.as_bytes()]),
        revision: 1,
        rule: rule.id.clone(),
        title: rule.title.clone(),
        state: FindingState::Confirmed,
        severity: candidate.severity.parse::<Severity>().unwrap_or_default(),
        confidence: candidate.confidence.parse::<Confidence>().unwrap_or_default(),
        first_time: candidate.first_time,
        last_time: candidate.last_time,
        count: u64::try_from(candidate.count).unwrap_or_default(),
        credential: told.and_then(credential).or_else(|| issued.map(credential_issued)),
        subject: told.and_then(|row| row.subject.clone()).or_else(|| issued?.subject.clone()),
        workload,
        bound: told.map(bound),
        observed: told.map(observed),
        destination: told.map(|row| row.destination.clone()),
        action: told.map(|row| row.action.clone()).filter(|action| !action.is_empty()),
        decision: told.map(|row| row.decision.as_str().to_owned()),
        process: sign.filter(|_| is_host_rule || told.is_none()).map(process),
        why: why(candidate, told, &signals),
        missing_sources: missing(scene, told),
        evidence,
        incident: None,
        attack: rule.attack.clone(),
        nhi: rule.nhi.clone(),
        maestro: rule.maestro.clone(),
        nist: rule.nist.clone(),
    };
    Found { finding, uses, signals, issues, anchor: candidate.anchor.clone() }
}

fn issues_of(scene: &Scene<'_>, members: &Members<'_>, ids: &[String]) -> Vec<Issue> {
    if members.issues.is_empty() {
        return Vec::new();
    }
    let held = ids.iter().take(MAX_MEMBERS).filter_map(|id| members.issued(scene, id));
    let mut rows: Vec<Issue> = held.filter_map(|held| issues::row(scene, &held)).collect();
    rows.sort_by(|a, b| (a.issue_time, &a.issue_id).cmp(&(b.issue_time, &b.issue_id)));
    rows.dedup();
    rows
}

fn credential_issued(row: &Issue) -> CredentialRef {
    CredentialRef { id: row.credential_id.clone(), kind: row.credential_kind.clone() }
}

fn uses_of(scene: &Scene<'_>, members: &Members<'_>, ids: &[String]) -> Vec<Use> {
    let mut rows = BTreeMap::new();
    for id in ids.iter().take(MAX_MEMBERS) {
        let usage = members.usage(scene, id);
        for row in usage.iter().flat_map(|usage| uses::rows(scene, usage)).filter(|row| row.use_id == *id) {
            rows.insert((row.first_time, row.use_id.clone()), row);
        }
    }
    rows.into_values().collect()
}

fn signals_of(scene: &Scene<'_>, members: &Members<'_>, ids: &[String]) -> Vec<Signal> {
    let distinct: BTreeSet<&String> = ids.iter().take(MAX_MEMBERS).collect();
    let signs = distinct.into_iter().filter_map(|id| members.signs.get(&id.parse::<EventId>().ok()?));
    let mut rows: Vec<Signal> = signs.map(|sign| signals::row(scene, sign)).collect();
    rows.sort_by(|a, b| (a.event_time, &a.signal_id).cmp(&(b.event_time, &b.signal_id)));
    rows
}

fn credential(row: &Use) -> Option<CredentialRef> {
    let kind = row.credential_kind.clone().unwrap_or_else(|| "unknown".to_owned());
    row.credential_id.clone().map(|id| CredentialRef { id, kind })
}

fn bound(row: &Use) -> BoundPlace {
    BoundPlace {
        workload: row.bound_workload.clone(),
        host: row.bound_host.clone(),
        pod_uid: row.bound_pod_uid.clone(),
        addresses: row.bound_addresses.clone(),
        grade: row.binding_grade,
    }
}

fn observed(row: &Use) -> ObservedPlace {
    ObservedPlace {
        workload: row.observed_workload.clone().or_else(|| row.lookup_workload.clone()),
        host: row.observed_host.clone(),
        pod_uid: row.observed_pod_uid.clone(),
        address: row.src_addr.clone(),
        quality: row.addr_quality.as_str().to_owned(),
    }
}

fn process(row: &Signal) -> ProcessRef {
    ProcessRef {
        host: row.host.clone(),
        pid: row.pid,
        exe: row.exe.clone(),
        lineage: row.lineage.iter().map(|exe| base_name(exe).to_owned()).collect(),
    }
}

/// The rule's reasons, then what the signs say, then how the use was compared.
fn why(candidate: &Candidate, told: Option<&Use>, signals: &[Signal]) -> Vec<String> {
    let mut sentences: Vec<String> = candidate.reason.lines().map(str::to_owned).collect();
    for signal in signals.iter().take(4) {
        let lineage: Vec<&str> = signal.lineage.iter().map(|exe| base_name(exe)).collect();
        let path = if lineage.len() > 1 { format!(" ({})", lineage.join(" > ")) } else { String::new() };
        sentences.push(format!("{}: {}{path}.", signal.event_time, signal.why));
    }
    if let Some(row) = told {
        sentences.extend(row.trace.iter().cloned());
        if row.binding_grade > 0 {
            sentences.push(grades(row));
        }
    }
    let mut seen = BTreeSet::new();
    sentences.retain(|sentence| seen.insert(sentence.clone()));
    sentences
}

fn grades(row: &Use) -> String {
    let binding = match row.binding_grade {
        4 => "the place is known and the credential is bound to a key",
        3 => "the issuer itself names the place",
        2 => "the issuing log names the place",
        _ => "only the first use is known",
    };
    let observation = match row.observation_grade {
        3 => "the address is the recorder's own peer",
        2 => "the address was seen through a declared translator",
        _ => "the address is weak",
    };
    format!(
        "Binding grade {} ({binding}); observation grade {} ({observation}).",
        row.binding_grade, row.observation_grade
    )
}

/// What would make the answer surer, and is not there.
fn missing(scene: &Scene<'_>, told: Option<&Use>) -> Vec<String> {
    let Some(row) = told else { return Vec::new() };
    let mut missing = Vec::new();
    if let Some(host) = row.bound_host.as_deref() {
        let heard =
            scene.facts.names.known(host).is_some_and(|host| {
                scene.facts.coverage.host_share(host, row.first_time, row.first_time) > 0.0
            });
        if !heard {
            missing.push(format!("host events of {host}"));
        }
    }
    missing
}

fn evidence(
    scene: &Scene<'_>,
    members: &Members<'_>,
    uses: &[Use],
    (signals, issues): (&[Signal], &[Issue]),
) -> Vec<Evidence> {
    let names = &scene.facts.names;
    let mut all = BTreeSet::new();
    let mut add = |witness: &Witness, table: &str, role: &str| {
        all.insert(witness.evidence(names, table, role));
    };
    for row in signals.iter().take(MAX_EVIDENCE / 2) {
        if let Some(sign) = row.signal_id.parse().ok().and_then(|id: EventId| members.signs.get(&id)) {
            add(&sign.first, host_events::NAME, role_of(sign.kind));
        }
    }
    for row in issues.iter().take(MAX_EVIDENCE / 3) {
        if let Some(overlong) = members.issued(scene, &row.issue_id).and_then(|held| held.overlong) {
            add(&overlong.by, identity_assertions::NAME, "issue");
        }
    }
    // The uses that decide come before those that only go along.
    let mut deciding: Vec<&Use> = uses.iter().collect();
    deciding.sort_by_key(|row| (row.place_match != Match::Mismatch, row.first_time));
    for row in deciding.into_iter().take(MAX_EVIDENCE / 3) {
        let Some(usage) = members.usage(scene, &row.use_id) else { continue };
        let own = if usage.first.id.to_string() == row.use_id { usage.first } else { usage.last };
        add(&own, identity_assertions::NAME, "use");
        if let Some(sent) = usage.sent {
            add(&sent, identity_assertions::NAME, "sent");
        }
        if let Some(held) = scene.held(&usage) {
            for (witness, role) in [(held.issue, "issue"), (held.claim, "claim")] {
                if let Some(witness) = witness {
                    add(&witness, identity_assertions::NAME, role);
                }
            }
        }
        for witness in placed(scene, row) {
            add(&witness, placements::NAME, "placement");
        }
        if let Some(end) = scene.ending_of(&usage).filter(|_| ending::is_after(row)) {
            let (table, role) = end.told_in();
            add(&end.witness, table, role);
        }
    }
    all.into_iter().take(MAX_EVIDENCE).collect()
}

/// The records that place the bound and the observed pod.
fn placed(scene: &Scene<'_>, row: &Use) -> Vec<Witness> {
    let pods = [row.bound_pod_uid.as_deref(), row.observed_pod_uid.as_deref()];
    let known = pods.into_iter().flatten().filter_map(|pod| scene.facts.names.known(pod));
    let by_pod = known.filter_map(|pod| scene.places.pod(pod).next());
    let hosts = [row.bound_host.as_deref(), row.observed_host.as_deref()];
    let hosts = hosts.into_iter().flatten().filter(|_| row.bound_pod_uid.is_none());
    let by_host = hosts
        .filter_map(|host| scene.facts.names.known(host))
        .filter_map(|host| scene.places.host_itself(host).next());
    by_pod.chain(by_host).map(|stay| stay.witness).collect()
}

fn role_of(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::ServerShell | SignalKind::WritableExec => "exec",
        SignalKind::CredentialRead | SignalKind::MemoryRead => "read",
        SignalKind::ImdsAccess => "metadata-call",
        SignalKind::Escape | SignalKind::PrivilegeGain => "escalation",
        SignalKind::ControlDenied => "denial",
        SignalKind::ControlWouldDeny => "would-deny",
        SignalKind::ControlChange => "control-change",
        SignalKind::SensorAlert => "alert",
    }
}

//! What each control did, and what that makes of its layer.
//!
//! In: a case and its attributed uses. Out: verdicts per control and layer, with their reasons; what failed, or was missed,
//! first. Owns: the precedence of verdicts, what acts on the host say. Leaves uses to `identity`, words to `reason`.
//! Law: a control that saw no attempt did not hold, it was not challenged; one that only records did not hold either.

use std::collections::BTreeSet;

use offbound_schemas::record::{ControlVerdict, LayerJudgement};
use offbound_schemas::table::{Signal, Use};
use offbound_schemas::vocabulary::{Control, HostControl, LayerVerdict, Match, Outcome, SignalKind};
use offbound_schemas::{EventId, EventTime};

use super::account::{self, Account, Accounts, Clock};
use super::attribution::{Attribution, Grade, is_forged};
use super::identity::{self, Identity};
use super::{Case, attribution, reason, tie};
use crate::scene::Scene;
use crate::scene::signals::{self, control_of};

/// Share of the time around an incident that host events must cover.
const MIN_COVERAGE: f64 = 0.8;
/// How long before the onset that time begins.
pub(super) const BEFORE_NANOS: i64 = 30 * 60 * 1_000_000_000;

/// Both layers, and what went first.
pub(super) struct Layers {
    pub(super) host: LayerJudgement,
    pub(super) identity: LayerJudgement,
    pub(super) first_failed: Vec<Control>,
    pub(super) first_absent: Vec<Control>,
    /// An act on the host that served the attacker went through.
    pub(super) local_effect: bool,
    /// One that gave them the host itself, which no end of a credential takes back.
    pub(super) host_effect: bool,
    /// Host events cover the time around the incident at its own places.
    pub(super) is_covered: bool,
    /// Reachable destinations that keep no identity log …
    pub(super) silent: Vec<String>,
    /// … or of which none was heard all the time.
    pub(super) unheard: BTreeSet<String>,
    /// What the verdicts rest on, in sentences.
    pub(super) said: String,
}

/// Judges both layers.
pub(super) fn judge(case: &Case<'_>, attributed: &Attribution<'_>) -> Layers {
    let signals = signals_of(case);
    let (host, inferred, local_effect) = host_accounts(case, &signals, attributed);
    let host_effect = signals.iter().any(|seen| is_effect(&seen.row) && is_of_host(&seen.row));
    let Identity { layer: identity, accounts, silent, unheard, open } = identity::judge(case, attributed);
    let is_covered = is_covered(case) || concerns_no_host(case, attributed);
    let host_controls: Vec<ControlVerdict> =
        host.iter().map(|(control, account)| account.close(*control)).collect();
    let first = |verdict| account::first(&[&host, &accounts], verdict, case.scene.environment);
    let (first_failed, first_absent) = (first(LayerVerdict::Bypassed), first(LayerVerdict::NotEnforced));
    let host = host_layer(is_covered, host_controls, inferred);
    let mut said = vec![reason::of_host(&host, &signals), reason::of_identity(&identity, attributed, &open)];
    said.extend((!is_covered && !first_failed.is_empty()).then(reason::earliest_observed));
    Layers {
        said: said.join(" "),
        first_failed,
        first_absent,
        host,
        identity,
        local_effect,
        host_effect,
        is_covered,
        silent,
        unheard,
    }
}

/// A sign at one of the case's places.
pub(super) struct Seen {
    pub(super) row: Signal,
    /// What was stopped was the taking of a credential.
    guards_credential: bool,
    /// Its lineage shows an intruder's hands.
    tainted: bool,
    /// It may be the attacker's: by its lineage or its kind, or a credential was refused to a program that does not read any.
    is_attempt: bool,
}

/// All signs at the case's places from half an hour before the onset to the end.
fn signals_of(case: &Case<'_>) -> Vec<Seen> {
    let from = case.onset.plus_nanos(-BEFORE_NANOS);
    let signs = case.scene.signs_about(&case.scope_keys).into_iter();
    let near = signs.filter(|sign| sign.last.time >= from && sign.first.time <= case.end);
    let seen = near.map(|sign| {
        let row = signals::row(case.scene, sign);
        let is_attempt =
            sign.tainted || row.strong || sign.guards_credential && !signals::is_reader(case.scene, sign);
        Seen { row, guards_credential: sign.guards_credential, tainted: sign.tainted, is_attempt }
    });
    seen.filter(|seen| seen.row.scope.as_ref().is_some_and(|scope| case.scopes.contains(scope))).collect()
}

fn host_accounts(case: &Case<'_>, signals: &[Seen], attributed: &Attribution<'_>) -> (Accounts, bool, bool) {
    let mut accounts = Accounts::new();
    let mut local_effect = false;
    for control in baseline(case) {
        accounts.entry(control).or_default();
    }
    for seen in signals {
        let Ok(id) = seen.row.signal_id.parse::<EventId>() else { continue };
        local_effect |= is_effect(&seen.row);
        for (control, verdict) in votes(seen, signals, attributed) {
            // Confidentiality of credentials is everybody's baseline; other controls only count where required, or
            // where somebody got past them: what was broken, or watched an intruder and let them pass, was there.
            let is_judged = control == Control::CredentialConfidentiality
                || verdict == LayerVerdict::Bypassed
                || (seen.tainted
                    && verdict == LayerVerdict::NotEnforced
                    && seen.row.control != HostControl::None)
                || accounts.contains_key(&control);
            if is_judged {
                accounts.entry(control).or_default().vote(
                    verdict,
                    (seen.row.event_time, id),
                    Clock::of_sign(&seen.row),
                );
            }
        }
    }
    let taken = accounts.values().any(Account::is_past);
    // Off its place, or used when its owner was gone; what nobody issued was taken from no workload.
    let definite = attributed.at_least(Grade::Definite).find(|used| !is_forged(&used.row));
    let inferred = !taken && definite.is_some();
    if let Some(used) = definite.filter(|_| inferred) {
        let id = used.row.use_id.parse().unwrap_or_default();
        let account = accounts.entry(Control::CredentialConfidentiality).or_default();
        account.vote(LayerVerdict::Bypassed, (used.row.first_time, id), Clock::of_use(&used.row));
    }
    (accounts, inferred, local_effect || definite.is_some())
}

fn baseline(case: &Case<'_>) -> Vec<Control> {
    let known = case.workloads.iter().filter_map(|name| case.scene.environment.workload(name));
    let host_side = |control: &&Control| **control <= Control::CredentialConfidentiality;
    known.flat_map(|info| info.baseline.iter().filter(host_side).copied()).collect()
}

fn is_effect(signal: &Signal) -> bool {
    let through = !attribution::is_undone(signal) && !is_open(signal);
    let serves = match signal.kind {
        SignalKind::CredentialRead => signal.unexpected,
        SignalKind::MemoryRead => signal.strong,
        SignalKind::Escape | SignalKind::PrivilegeGain | SignalKind::ControlChange => signal.strong,
        _ => false,
    };
    through && serves
}

/// Whether an act is about the host rather than about a credential.
fn is_of_host(signal: &Signal) -> bool {
    matches!(signal.kind, SignalKind::Escape | SignalKind::PrivilegeGain | SignalKind::ControlChange)
}

/// Whether a control spoke of an act, and nobody knows whether it was in force.
fn is_open(signal: &Signal) -> bool {
    signal.outcome == Outcome::Unknown && control_of(signal.control).is_some()
}

/// What a sign says about which control.
fn votes(seen: &Seen, all: &[Seen], attributed: &Attribution<'_>) -> Vec<(Control, LayerVerdict)> {
    let signal = &seen.row;
    let of_sensor = control_of(signal.control);
    if is_open(signal) {
        let taken = matches!(signal.kind, SignalKind::CredentialRead | SignalKind::MemoryRead);
        let confidential = taken.then_some(Control::CredentialConfidentiality);
        return of_sensor
            .into_iter()
            .chain(confidential)
            .map(|control| (control, LayerVerdict::Blind))
            .collect();
    }
    // By the word of another sensor: that has a sign of its own.
    if signal.kind != SignalKind::ControlDenied && attribution::is_undone(signal) {
        return Vec::new();
    }
    match signal.kind {
        // What was refused to whoever does that every day was no attempt.
        SignalKind::ControlDenied if !seen.is_attempt => Vec::new(),
        SignalKind::ControlDenied => {
            let confidential = seen.guards_credential.then_some(Control::CredentialConfidentiality);
            of_sensor.into_iter().chain(confidential).map(|control| (control, LayerVerdict::Held)).collect()
        }
        SignalKind::ControlWouldDeny => {
            of_sensor.map(|control| (control, LayerVerdict::NotEnforced)).into_iter().collect()
        }
        SignalKind::CredentialRead if signal.unexpected && !is_governed(signal, all) => {
            vec![(Control::CredentialConfidentiality, LayerVerdict::Bypassed)]
        }
        SignalKind::MemoryRead if signal.strong => {
            vec![(Control::CredentialConfidentiality, LayerVerdict::Bypassed)]
        }
        // Who calls the metadata service may ask for other things: only what was carried off was handed out.
        SignalKind::ImdsAccess if signal.unexpected && was_carried_off(signal, attributed) => {
            vec![(Control::CredentialConfidentiality, LayerVerdict::Bypassed)]
        }
        SignalKind::Escape if signal.strong => vec![(Control::Isolation, LayerVerdict::Bypassed)],
        SignalKind::PrivilegeGain if signal.strong => vec![(Control::Privilege, LayerVerdict::Bypassed)],
        // Whoever switched a control off got past it; who may touch sensors has privileges that no workload needs.
        SignalKind::ControlChange if signal.strong => {
            vec![(of_sensor.unwrap_or(Control::Privilege), LayerVerdict::Bypassed)]
        }
        SignalKind::ServerShell | SignalKind::WritableExec if signal.strong => {
            vec![(Control::ExecAllowList, LayerVerdict::NotEnforced)]
        }
        _ => Vec::new(),
    }
}

/// Whether the credential that the metadata service hands out on that host was used off its place after a call.
fn was_carried_off(call: &Signal, attributed: &Attribution<'_>) -> bool {
    attributed.at_least(Grade::Definite).map(|used| &used.row).any(|row| {
        row.place_match == Match::Mismatch
            && row.bound_instance.is_some()
            && row.bound_pod_uid.is_none()
            && row.bound_host == call.host
            && row.first_time >= call.event_time
    })
}

/// A read that a control recorded as one that it would have stopped is that control's failing, where it is required or watched an
/// intruder do it: it was there for this, and did not enforce.
fn is_governed(read: &Signal, all: &[Seen]) -> bool {
    let would = all.iter().filter(|seen| seen.row.kind == SignalKind::ControlWouldDeny);
    let would = would.filter(|seen| seen.row.required || seen.tainted).map(|seen| &seen.row);
    would.into_iter().any(|signal| {
        signal.scope == read.scope && (signal.target == read.target || signal.signal_id == read.signal_id)
    })
}

fn host_layer(is_covered: bool, controls: Vec<ControlVerdict>, inferred: bool) -> LayerJudgement {
    let seen = controls.iter().map(|control| control.verdict).max().unwrap_or_default();
    let verdict = if seen < LayerVerdict::Held.max(LayerVerdict::Blind) && !is_covered {
        LayerVerdict::Blind
    } else {
        seen
    };
    LayerJudgement { verdict, inferred, controls }
}

/// Whether host events cover the time around the incident at its own places.
fn is_covered(case: &Case<'_>) -> bool {
    let span = (case.onset.plus_nanos(-BEFORE_NANOS), case.end);
    are_covered(case.scene, (&own_hosts(case), &own_pods(case)), span)
}

/// Pods of the incident's places, as gaps name them.
pub(super) fn own_pods(case: &Case<'_>) -> Vec<String> {
    case.scopes.iter().filter(|scope| scope.starts_with("pod:")).cloned().collect()
}

/// The host of whoever a use's credential belongs to. One that is bound to none was shown from its own workload's host where it
/// was not off its place.
fn own_host(row: &Use) -> Option<&String> {
    let shown_at = row.observed_host.as_ref().filter(|_| row.place_match != Match::Mismatch);
    row.bound_host.as_ref().or(shown_at)
}

/// Whether everything that the attacker surely did was done with what nobody issued, and no host is known to be part of it.
fn concerns_no_host(case: &Case<'_>, attributed: &Attribution<'_>) -> bool {
    let mut surely = attributed.at_least(Grade::Probable).peekable();
    surely.peek().is_some() && surely.all(|used| is_forged(&used.row)) && own_hosts(case).is_empty()
}

/// Whether host events of all these hosts, and of those pods on them, cover a stretch of time.
pub(super) fn are_covered(
    scene: &Scene<'_>,
    (hosts, pods): (&[String], &[String]),
    (from, end): (EventTime, EventTime),
) -> bool {
    // What a sensor lost may be the very attempt that nobody saw.
    let is_whole = |scope: &str| scene.facts.gaps.touches(scope, from, end).is_none();
    let covered = |host: &String| {
        let Some(name) = scene.facts.names.known(host) else { return false };
        let mut sensors = scene.facts.coverage.sensors_of(name);
        scene.facts.coverage.host_share(name, from, end) >= MIN_COVERAGE
            && is_whole(&format!("host:{host}"))
            && sensors.all(|sensor| is_whole(&format!("source:{}", scene.facts.names.text(sensor))))
    };
    !hosts.is_empty() && hosts.iter().all(covered) && pods.iter().all(|pod| is_whole(pod))
}

/// Hosts where the incident's workloads run: those of its scopes.
pub(super) fn own_hosts(case: &Case<'_>) -> Vec<String> {
    // Where a weakness shows beside it, nothing need have been done.
    let uses = tie::acts(case.members).flat_map(|member| &member.uses);
    let uses = uses.filter_map(|row| own_host(row).cloned());
    let signals =
        tie::acts(case.members).flat_map(|member| &member.signals).filter_map(|signal| signal.host.clone());
    let mut hosts: Vec<String> = uses.chain(signals).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

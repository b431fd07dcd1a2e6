//! Findings, incidents and gaps, as rows.
//!
//! In: the conclusions of the last judgement. Out: one batch of the table that is asked for.
//! Owns: which part of a record is which column. Law: every field of a record is in a column, and the whole record too.

use arrow::array::RecordBatch;
use offbound_schemas::record::{BlastRadius, Finding, Gap, Incident, ProcessRef, Reach, ResidualExposure};
use offbound_schemas::table::{FindingRow, GapRow, IncidentRow, findings, gaps, incidents};
use offbound_schemas::{EventTime, TextList};
use offbound_store::Store;
use serde::Serialize;

use crate::exit::Failure;
use crate::judge::Window;

/// Milliseconds of a second.
const MILLIS: f64 = 1_000.0;

/// The rows of one table, those of them that lie at least partly in the window.
pub(super) fn batches(table: &str, store: &Store, window: Window) -> Result<Vec<RecordBatch>, Failure> {
    let batch = match table {
        findings::NAME => {
            let mut found = store.findings()?;
            found.retain(|finding| overlaps(window, finding.first_time, finding.last_time));
            findings::to_batch(&found.iter().map(finding).collect::<Result<Vec<_>, _>>()?)
        }
        incidents::NAME => {
            let mut found = store.incidents()?;
            found.retain(|incident| overlaps(window, incident.onset, incident.end));
            incidents::to_batch(&found.iter().map(incident).collect::<Result<Vec<_>, _>>()?)
        }
        _ => {
            let mut found = store.gaps()?;
            found.retain(|gap| overlaps(window, gap.from, gap.to));
            gaps::to_batch(&found.into_iter().map(gap).collect::<Vec<_>>())
        }
    };
    Ok(vec![batch])
}

fn overlaps(window: Window, first: EventTime, last: EventTime) -> bool {
    window.since.is_none_or(|since| last >= since) && window.until.is_none_or(|until| first < until)
}

fn json(record: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(record)
        .map_err(|error| Failure::could_not(format!("cannot write a stored record as JSON: {error}")))
}

fn texts<T: ToString>(items: &[T]) -> TextList {
    items.iter().map(ToString::to_string).collect()
}

fn finding(record: &Finding) -> Result<FindingRow, Failure> {
    let record_json = json(record)?;
    let Finding { record_type: _, schema: _, id, revision, rule, title, state, severity, confidence, .. } =
        record;
    let Finding { first_time, last_time, count, credential, subject, workload, bound, observed, .. } = record;
    let Finding { destination, action, decision, process, why, evidence, missing_sources, .. } = record;
    let Finding { incident, attack, nhi, maestro, nist, .. } = record;
    let (bound, observed, process) = (bound.as_ref(), observed.as_ref(), process.as_ref());
    let ProcessRef { host: process_host, pid: process_pid, exe: process_exe, lineage } = process
        .cloned()
        .unwrap_or_else(|| ProcessRef { host: None, pid: None, exe: None, lineage: Vec::new() });
    Ok(FindingRow {
        id: id.to_string(),
        revision: *revision,
        rule: rule.clone(),
        title: title.clone(),
        state: state.to_string(),
        severity: severity.to_string(),
        confidence: confidence.to_string(),
        first_time: *first_time,
        last_time: *last_time,
        count: *count,
        credential_id: credential.as_ref().map(|credential| credential.id.clone()),
        credential_kind: credential.as_ref().map(|credential| credential.kind.clone()),
        subject: subject.clone(),
        workload: workload.clone(),
        bound_workload: bound.and_then(|bound| bound.workload.clone()),
        bound_host: bound.and_then(|bound| bound.host.clone()),
        bound_pod_uid: bound.and_then(|bound| bound.pod_uid.clone()),
        bound_addresses: bound.map(|bound| bound.addresses.clone()).unwrap_or_default(),
        bound_grade: bound.map(|bound| bound.grade),
        observed_workload: observed.and_then(|observed| observed.workload.clone()),
        observed_host: observed.and_then(|observed| observed.host.clone()),
        observed_pod_uid: observed.and_then(|observed| observed.pod_uid.clone()),
        observed_address: observed.and_then(|observed| observed.address.clone()),
        observed_quality: observed.map(|observed| observed.quality.clone()),
        destination: destination.clone(),
        action: action.clone(),
        decision: decision.clone(),
        process_host,
        process_pid,
        process_exe,
        lineage,
        why: why.clone(),
        evidence: evidence.iter().map(|record| record.event_id.to_string()).collect(),
        missing_sources: missing_sources.clone(),
        incident: incident.map(|id| id.to_string()),
        attack: attack.clone(),
        nhi: nhi.clone(),
        maestro: maestro.clone(),
        nist: nist.clone(),
        record_json,
    })
}

fn incident(record: &Incident) -> Result<IncidentRow, Failure> {
    let record_json = json(record)?;
    let Incident {
        record_type: _, schema: _, id, title, severity, onset, onset_basis, end, findings, ..
    } = record;
    let Incident { credentials, workloads, hosts, host_layer, identity_layer, first_failed, .. } = record;
    let Incident { first_absent, outcome, strength, reason, contained_at, missing_sources, .. } = record;
    let Incident { blast_radius, time_to_detect_seconds, time_to_contain_seconds, .. } = record;
    let Incident { residual_exposure, merged_from, .. } = record;
    let BlastRadius { reached, suspected, denied, reachable } = blast_radius;
    Ok(IncidentRow {
        id: id.to_string(),
        title: title.clone(),
        severity: severity.to_string(),
        onset: *onset,
        onset_basis: onset_basis.clone(),
        end: *end,
        outcome: outcome.to_string(),
        strength: strength.to_string(),
        host_verdict: host_layer.verdict.to_string(),
        identity_verdict: identity_layer.verdict.to_string(),
        host_inferred: host_layer.inferred,
        identity_inferred: identity_layer.inferred,
        first_failed: texts(first_failed),
        first_absent: texts(first_absent),
        reason: reason.clone(),
        contained_at: *contained_at,
        detect_millis: time_to_detect_seconds.map(millis),
        contain_millis: time_to_contain_seconds.map(millis),
        credentials: credentials.clone(),
        workloads: workloads.clone(),
        hosts: hosts.clone(),
        reached: destinations(reached),
        suspected: destinations(suspected),
        denied: destinations(denied),
        reachable: destinations(reachable),
        exposed_credentials: exposed(residual_exposure),
        missing_sources: missing_sources.clone(),
        merged_from: texts(merged_from),
        findings: texts(findings),
        record_json,
    })
}

/// Seconds of a record in whole milliseconds; more than fit are as many as fit.
#[allow(clippy::cast_possible_truncation, reason = "a float becomes the nearest number that there is")]
fn millis(seconds: f64) -> i64 {
    (seconds * MILLIS).round() as i64
}

/// Each destination once, in the order of the record.
fn destinations(reaches: &[Reach]) -> TextList {
    let mut names = TextList::new();
    for reach in reaches {
        if !names.contains(&reach.destination) {
            names.push(reach.destination.clone());
        }
    }
    names
}

/// Credentials that were of use when the data ended, or may have been.
fn exposed(exposures: &[ResidualExposure]) -> TextList {
    let is_over = |exposure: &&ResidualExposure| exposure.seconds == Some(0);
    exposures.iter().filter(|it| !is_over(it)).map(|exposure| exposure.credential.clone()).collect()
}

fn gap(record: Gap) -> GapRow {
    let Gap { record_type: _, schema: _, source, scope, from, to, lost, reason } = record;
    GapRow { source, scope, from_time: from, to_time: to, lost, reason, location: None }
}

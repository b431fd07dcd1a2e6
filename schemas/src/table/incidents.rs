//! Incidents, as SQL sees them; the whole record is in `record_json`.

use super::table;
use crate::{EventTime, TextList};

table!(IncidentRow "incidents" "One row per incident."; {
    /// Incident id, 32 hex digits.
    id: String = "finding_info.uid",
    /// Title.
    title: String = "finding_info.title",
    /// Severity.
    severity: String = "severity",
    /// Onset.
    onset: EventTime = "start_time",
    /// How the onset is known: `observed`, `inferred`.
    onset_basis: String = "",
    /// Last event.
    end: EventTime = "end_time",
    /// Outcome.
    outcome: String = "disposition",
    /// Strength: `proven`, `unproven`.
    strength: String = "",
    /// Verdict on the host layer.
    host_verdict: String = "",
    /// Verdict on the identity layer.
    identity_verdict: String = "",
    /// True when the host verdict was concluded from effects rather than seen.
    host_inferred: bool = "",
    /// True when the identity verdict was concluded from effects rather than seen.
    identity_inferred: bool = "",
    /// Enforcing controls that failed first; several when the clocks cannot order them.
    first_failed: TextList = "",
    /// Absent or non-enforcing controls that were missed first.
    first_absent: TextList = "",
    /// Why the outcome is what it is, in a sentence.
    reason: String = "",
    /// When it was contained; null while it is not.
    contained_at: Option<EventTime> = "",
    /// Milliseconds from onset to the first finding of medium severity or more.
    detect_millis: Option<i64> = "",
    /// Milliseconds from onset to containment.
    contain_millis: Option<i64> = "",
    /// Credentials concerned.
    credentials: TextList = "",
    /// Workloads concerned.
    workloads: TextList = "",
    /// Hosts concerned.
    hosts: TextList = "",
    /// Destinations that were reached.
    reached: TextList = "",
    /// Destinations that were perhaps reached.
    suspected: TextList = "",
    /// Destinations that refused.
    denied: TextList = "",
    /// Destinations that could have been reached, and were not tried.
    reachable: TextList = "",
    /// Stolen credentials that were still of use when the data ended.
    exposed_credentials: TextList = "",
    /// Sources whose absence keeps the verdict open.
    missing_sources: TextList = "",
    /// Incidents that turned out to be part of this one.
    merged_from: TextList = "",
    /// Findings that belong to it.
    findings: TextList = "",
    /// The whole record (`offbound.incident/1`) as JSON.
    record_json: String = "raw_data",
});

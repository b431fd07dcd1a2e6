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
    /// Findings that belong to it.
    findings: TextList = "",
    /// The whole record (`offbound.incident/1`) as JSON.
    record_json: String = "raw_data",
});

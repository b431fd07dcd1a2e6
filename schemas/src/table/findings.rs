//! Findings, as SQL sees them; the whole record is in `record_json`.

use super::table;
use crate::{EventTime, TextList};

table!(FindingRow "findings" "One row per finding."; {
    /// Finding id, 32 hex digits.
    id: String = "finding_info.uid",
    /// Revision, from 1.
    revision: u32 = "",
    /// Rule id.
    rule: String = "finding_info.analytic.uid",
    /// Title.
    title: String = "finding_info.title",
    /// State: `provisional`, `confirmed`, `withdrawn`.
    state: String = "status",
    /// Severity: `info`, `low`, `medium`, `high`, `critical`.
    severity: String = "severity",
    /// Confidence: `low`, `medium`, `high`.
    confidence: String = "confidence",
    /// First event time.
    first_time: EventTime = "finding_info.first_seen_time",
    /// Last event time.
    last_time: EventTime = "finding_info.last_seen_time",
    /// Number of events.
    count: u64 = "count",
    /// Credential id.
    credential_id: Option<String> = "",
    /// Subject.
    subject: Option<String> = "actor.user.name",
    /// Workload.
    workload: Option<String> = "",
    /// Destination.
    destination: Option<String> = "",
    /// Incident id.
    incident: Option<String> = "",
    /// ATT&CK techniques.
    attack: TextList = "finding_info.attacks.technique.uid",
    /// The whole record (`offbound.finding/1`) as JSON.
    record_json: String = "raw_data",
});

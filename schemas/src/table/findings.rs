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
    /// Kind of credential.
    credential_kind: Option<String> = "",
    /// Subject.
    subject: Option<String> = "actor.user.name",
    /// Workload.
    workload: Option<String> = "",
    /// Workload of the place that the credential is bound to.
    bound_workload: Option<String> = "",
    /// Host that it is bound to.
    bound_host: Option<String> = "",
    /// Pod that it is bound to.
    bound_pod_uid: Option<String> = "",
    /// Addresses of that place at the time; empty where there is none.
    bound_addresses: TextList = "",
    /// Grade of the binding, 0 to 4.
    bound_grade: Option<u32> = "",
    /// Workload that owned the address from which it was used.
    observed_workload: Option<String> = "",
    /// Host that owned it.
    observed_host: Option<String> = "device.hostname",
    /// Pod that owned it.
    observed_pod_uid: Option<String> = "",
    /// Address from which it was used.
    observed_address: Option<String> = "src_endpoint.ip",
    /// Quality of that address: `direct`, `translated`, `asserted`, `service`, `none`.
    observed_quality: Option<String> = "",
    /// Destination.
    destination: Option<String> = "",
    /// What was done.
    action: Option<String> = "",
    /// What was decided: `allow`, `deny`, `error`, `none`.
    decision: Option<String> = "",
    /// Host of the process that it is about.
    process_host: Option<String> = "",
    /// Its process id, as the host counts.
    process_pid: Option<u32> = "process.pid",
    /// Its executable.
    process_exe: Option<String> = "process.file.path",
    /// Command names from the oldest known ancestor to the process itself.
    lineage: TextList = "",
    /// One sentence for each step of the judgement.
    why: TextList = "",
    /// Event ids of the records that it rests on, by time.
    evidence: TextList = "",
    /// Sources that would make it surer, and are not there.
    missing_sources: TextList = "",
    /// Incident id.
    incident: Option<String> = "",
    /// ATT&CK techniques.
    attack: TextList = "finding_info.attacks.technique.uid",
    /// OWASP Non-Human Identities Top 10 (2025).
    nhi: TextList = "",
    /// CSA MAESTRO layers.
    maestro: TextList = "",
    /// NIST SP 800-53 controls and AI RMF items.
    nist: TextList = "",
    /// The whole record (`offbound.finding/1`) as JSON.
    record_json: String = "raw_data",
});

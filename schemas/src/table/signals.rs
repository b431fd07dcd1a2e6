//! Signals: host events that mean something for an incident.

use super::table;
use crate::vocabulary::{Attribution, ControlMode, HostControl, Outcome, SignalKind};
use crate::{EventTime, TextList};

table!(Signal "signals" "One row per host event that a classification names."; {
    /// Event id of the record, 32 hex digits.
    signal_id: String = "",
    /// Where it happened: `pod:UID`, else `host:NAME`.
    scope: Option<String> = "",
    /// Source label.
    source: String = "",
    /// Where the record is.
    location: String = "",
    /// When (UTC).
    event_time: EventTime = "",
    /// Time of the last of several like it.
    last_time: EventTime = "",
    /// How many like it (same process, target and outcome).
    count: u64 = "",
    /// Other sensors that recorded the same acts; their records are not counted.
    also_sources: TextList = "",
    /// What it stands for.
    kind: SignalKind = "",
    /// True for strong signs of an attack, false for weak ones.
    strong: bool = "",
    /// Host.
    host: Option<String> = "",
    /// Pod uid.
    pod_uid: Option<String> = "",
    /// Container id.
    container_id: Option<String> = "",
    /// Workload of that pod or host.
    workload: Option<String> = "",
    /// By which way pod and workload are known.
    attribution: Attribution = "",
    /// How surely: high for the event's own word and whole container ids, medium for joins, low for user and executable
    /// and for SELinux categories.
    attribution_confidence: Option<String> = "",
    /// Process key.
    process_key: Option<String> = "",
    /// Process id.
    pid: Option<u32> = "",
    /// Executable.
    exe: Option<String> = "",
    /// Command line.
    cmd_line: Option<String> = "",
    /// Executables from the oldest known ancestor to the process itself.
    lineage: TextList = "",
    /// Process keys of the same, oldest first.
    lineage_keys: TextList = "",
    /// File or process acted on.
    target: Option<String> = "",
    /// How it ended.
    outcome: Outcome = "",
    /// Control that decided.
    control: HostControl = "",
    /// Its mode.
    mode: ControlMode = "",
    /// Profile, rule or policy.
    policy: Option<String> = "",
    /// For a credential read, a call of the metadata service, an escape or a gain of privileges: false when the process
    /// is known for it at this workload.
    unexpected: bool = "",
    /// Which processes that are known for it, it was compared with.
    known_readers: TextList = "",
    /// True when the environment requires this control to enforce for this workload.
    required: bool = "",
    /// Why it is a signal, in a sentence.
    why: String = "",
});

//! Taints: places where host events show, or strongly suggest, that an attacker runs code.

use super::table;
use crate::{EventTime, TextList};

table!(Taint "taints" "One row per pod or host and stretch of strong signs of an attacker's code; a day without any ends a stretch."; {
    /// Where: `pod:UID`, else `host:NAME`.
    scope: String = "",
    /// Host.
    host: Option<String> = "",
    /// Pod uid.
    pod_uid: Option<String> = "",
    /// Workload there.
    workload: Option<String> = "",
    /// First strong sign.
    from_time: EventTime = "",
    /// Last strong sign.
    to_time: EventTime = "",
    /// Signal id of the first strong sign.
    signal_id: String = "",
    /// Signal ids of the strong signs, by time (at most 32).
    signal_ids: TextList = "",
    /// Number of strong signs.
    count: u64 = "",
    /// What they are, in a sentence.
    why: String = "",
});

//! Gaps: stretches in which a source lost or withheld telemetry.

use super::table;
use crate::EventTime;

table!(GapRow "gaps" "One row per stretch in which telemetry was lost: an absence in it proves nothing."; {
    /// Source label.
    source: String = "",
    /// What is affected, such as `host:n7`.
    scope: String = "",
    /// Start.
    from_time: EventTime = "start_time",
    /// End.
    to_time: EventTime = "end_time",
    /// Records lost, where known.
    lost: Option<u64> = "count",
    /// How that is known.
    reason: String = "status_detail",
    /// Where the record that says so is; null in stored results, which do not keep it.
    location: Option<String> = "",
});

//! `[learning]`: how much history baselines need.
//!
//! In: two durations. Out: the same in nanoseconds; unknown unless declared.

use super::Environment;
use offbound_schemas::authored::Value;

/// How baselines are learned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Learning {
    /// History of a workload before which "first ever" is not claimed, in nanoseconds.
    pub min_history_nanos: Option<i64>,
    /// Idle time after which a subject counts as dormant, in nanoseconds.
    pub dormant_after_nanos: Option<i64>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let Some(table) = value.table() else { return };
    table.allow_keys(&["min_history", "dormant_after"]);
    environment.learning = Learning {
        min_history_nanos: table.duration_nanos("min_history"),
        dormant_after_nanos: table.duration_nanos("dormant_after"),
    };
}

//! Coverage: who could have told, and when.

use super::table;
use crate::EventTime;

table!(Coverage "coverage" "One row per scope, source and stretch of time in which it was heard."; {
    /// What is covered: `host:…`, `pod:…`, `destination:…`, `issuer:…`.
    scope: String = "",
    /// Source label.
    source: String = "",
    /// Kind of telemetry: `host`, `identity`, `placement`.
    kind: String = "",
    /// First record.
    from_time: EventTime = "",
    /// Last record.
    to_time: EventTime = "",
    /// Number of records.
    rows: u64 = "",
});

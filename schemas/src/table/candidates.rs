//! Candidates: what a rule's SELECT yields, one row per finding to be.

use super::table;
use crate::{EventTime, TextList};

table!(Candidate "candidates" "One row per finding to be: the columns that every rule must yield."; {
    /// What the finding is about; with rule and anchor it makes the finding's id.
    entity: String = "",
    /// Event id of the anchoring record, 32 hex digits.
    anchor: String = "",
    /// Severity: `info`, `low`, `medium`, `high`, `critical`.
    severity: String = "",
    /// Confidence: `low`, `medium`, `high`.
    confidence: String = "",
    /// First event time.
    first_time: EventTime = "",
    /// Last event time.
    last_time: EventTime = "",
    /// Number of events.
    count: i64 = "",
    /// Uses that it rests on, as `use_id`.
    use_ids: TextList = "",
    /// Signals that it rests on, as `signal_id`.
    signal_ids: TextList = "",
    /// Why, in sentences separated by newlines.
    reason: String = "",
});

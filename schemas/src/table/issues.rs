//! Issues: credentials that were handed out for longer than their kind may live.

use super::table;
use crate::EventTime;

table!(Issue "issues" "One row per credential that was issued for longer than the environment allows for its kind."; {
    /// Event id of the record that issued it, 32 hex digits.
    issue_id: String = "",
    /// When it was issued.
    issue_time: EventTime = "",
    /// The credential.
    credential_id: String = "",
    /// Kind of credential.
    credential_kind: String = "",
    /// Who it stands for.
    subject: Option<String> = "",
    /// Workload that it belongs to.
    workload: Option<String> = "",
    /// Credential that was used to get it.
    parent_id: Option<String> = "",
    /// Where whoever got it belongs, as signals name it: `pod:UID`; null where no pod is known.
    minter_scope: Option<String> = "",
    /// How long it was meant to live, in seconds: what was asked for, where the issuer extends that by itself.
    ttl_secs: i64 = "",
    /// How long it does live, in seconds, where the record says.
    granted_ttl_secs: Option<i64> = "",
    /// How long its kind may, in seconds.
    max_ttl_secs: i64 = "",
});

//! Bindings: which credential belongs to which place, for how long, and how well that is known.

use super::table;
use crate::{EventTime, TextList};

table!(Binding "bindings" "One row per credential: what it is bound to."; {
    /// The credential.
    credential_id: String = "",
    /// Other names of the same credential.
    aliases: TextList = "",
    /// Kind of credential.
    credential_kind: String = "",
    /// Who it stands for.
    subject: Option<String> = "",
    /// Workload that it belongs to.
    workload: Option<String> = "",
    /// Realm in which its addresses live.
    realm: Option<String> = "",
    /// Host that it is bound to.
    host: Option<String> = "",
    /// Pod uid that it is bound to.
    pod_uid: Option<String> = "",
    /// Cloud instance that it is bound to.
    instance: Option<String> = "",
    /// Addresses that it is bound to by first use or claim.
    addresses: TextList = "",
    /// Who issued it.
    issuer: Option<String> = "",
    /// Credential that it was derived from.
    parent_id: Option<String> = "",
    /// Issued at.
    iat: Option<EventTime> = "",
    /// Valid from.
    valid_from: Option<EventTime> = "",
    /// Valid until.
    valid_to: Option<EventTime> = "",
    /// Lifetime that was meant, in seconds (the warned one, where a longer one was granted for compatibility).
    effective_ttl_secs: Option<i64> = "",
    /// When it was revoked, or its owner deleted.
    revoked_at: Option<EventTime> = "",
    /// Grade: 4 place known and key-bound, 3 issuer's claim, 2 issuance log, 1 first use, 0 none.
    grade: u32 = "",
    /// True when its issuing was recorded.
    issued: bool = "",
    /// Event ids of the records that say so.
    evidence: TextList = "",
});

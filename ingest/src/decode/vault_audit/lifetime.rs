//! How long a token lives.
//!
//! In: `auth` of an entry, or of its response. Out: issue time and end.
//! Owns: what an end is: service tokens are renewed, so what is logged is a lease and no end; batch tokens are not.

use offbound_schemas::table::IdentityAssertion;
use serde_json::Value;

use crate::decode::field;

/// Fills the lifetime that `auth` tells; an issue time that is missing is the row's own time where it hands out the token.
pub(super) fn fill(row: &mut IdentityAssertion, auth: &Value, hands_out: bool) {
    let issued = field::time_at(auth, &["token_issue_time"]).filter(|time| time.0 > 0);
    row.iat = issued.or_else(|| hands_out.then_some(row.event_time));
    let ttl_secs = field::i64_at(auth, &["token_ttl"]).filter(|secs| *secs > 0);
    let ttl_nanos = ttl_secs.and_then(|secs| secs.checked_mul(1_000_000_000));
    let end = row.iat.zip(ttl_nanos).map(|(from, nanos)| from.plus_nanos(nanos));
    match field::str_at(auth, &["token_type"]) {
        Some("batch") => row.exp = end,
        _ => row.reported_expiry = end,
    }
}

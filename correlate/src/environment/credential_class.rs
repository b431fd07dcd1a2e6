//! `[credential_class.KIND]`: lifetime policy by credential kind.
//!
//! In: a kind. Out: how long its credentials may live, and whether such without an end may be.

use super::Environment;
use offbound_schemas::authored::Value;

/// What issuers grant beyond what was asked for. A kubelet asks for 3607 s, which Kubernetes itself takes for an hour
/// (`pkg/serviceaccount/claims.go`).
const ISSUE_GRACE_SECS: i64 = 60;
const NANOS_PER_SEC: i64 = 1_000_000_000;

/// Lifetime policy of a kind of credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CredentialClass {
    /// Longest permitted lifetime, in nanoseconds.
    pub max_ttl_nanos: Option<i64>,
    /// Whether credentials without an end are permitted (`static` in the file).
    pub static_policy: Option<StaticPolicy>,
}

/// Whether credentials without an end are permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaticPolicy {
    /// They are.
    Allow,
    /// They are not.
    Deny,
}

const STATIC_POLICIES: &[(&str, StaticPolicy)] =
    &[("allow", StaticPolicy::Allow), ("deny", StaticPolicy::Deny)];

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    for (kind, table) in value.named_tables() {
        table.allow_keys(&["max_ttl", "static"]);
        let class = CredentialClass {
            max_ttl_nanos: table.duration_nanos("max_ttl"),
            static_policy: table.value("static").and_then(|word| word.word(STATIC_POLICIES)),
        };
        environment.credential_classes.insert(kind, class);
    }
}

impl Environment {
    /// The lifetime policy of a kind of credential.
    #[must_use]
    pub fn class(&self, kind: &str) -> Option<&CredentialClass> {
        self.credential_classes.get(kind)
    }

    /// The longest lifetime of a kind of credential, in seconds, where one is declared.
    pub(crate) fn max_ttl_secs(&self, kind: &str) -> Option<i64> {
        self.class(kind)?.max_ttl_nanos.map(|max| max / NANOS_PER_SEC)
    }
}

/// Whether a lifetime is longer than it may be, by more than issuers grant.
pub(crate) fn is_too_long(ttl_secs: i64, max_secs: i64) -> bool {
    ttl_secs > max_secs + ISSUE_GRACE_SECS
}

//! What a proxy decided.
//!
//! In: an access log entry. Out: decision and reason.
//! Owns: the reading of flags, details and codes: a refused gRPC call shows HTTP 200, an authorizer that failed shows
//! the flag of one that refused, and broken connections are no decisions.

use offbound_schemas::vocabulary::Decision;

use super::keys::AccessLog;

/// Details that start like this are refusals by policy.
const POLICY_REFUSALS: [&str; 4] =
    ["rbac_access_denied", "ext_authz_denied", "jwt_authn_access_denied", "AuthzDenied"];
/// Flags (short and long) of an external authorizer.
const AUTHORIZER_FLAGS: [&str; 2] = ["UAEX", "UnauthorizedExternalService"];
/// Flags that say nothing of success or failure of the request.
const HARMLESS_FLAGS: [&str; 3] = ["RFCF", "ResponseFromCacheFilter", "DI"];

/// The decision of an entry, and why.
pub(super) fn judge(log: &AccessLog) -> (Decision, Option<String>) {
    let status = log.number("response_code").unwrap_or_default();
    let flags = log.text("response_flags").unwrap_or_default();
    let authorizer = has_authorizer_flag(&flags);
    let decision = if details(log).iter().any(|detail| is_policy_refusal(detail)) {
        Decision::Deny
    } else if authorizer {
        if status >= 500 { Decision::Error } else { Decision::Deny }
    } else if matches!(status, 401 | 403) || is_grpc_refusal(log) {
        Decision::Deny
    } else if has_failure(&flags) {
        Decision::Error
    } else {
        Decision::Allow
    };
    (decision, reason(log))
}

/// Whether the proxy itself refused, by a policy.
pub(super) fn by_policy(log: &AccessLog) -> bool {
    let flags = log.text("response_flags").unwrap_or_default();
    has_authorizer_flag(&flags) || details(log).iter().any(|detail| is_policy_refusal(detail))
}

/// Whether a flag says that the request failed.
pub(super) fn has_failure(flags: &str) -> bool {
    flags.split(',').any(|flag| !HARMLESS_FLAGS.contains(&flag.trim()) && !flag.trim().is_empty())
}

/// Whether a flag is one of an external authorizer.
pub(super) fn has_authorizer_flag(flags: &str) -> bool {
    flags.split(',').any(|flag| AUTHORIZER_FLAGS.contains(&flag.trim()))
}

fn details(log: &AccessLog) -> Vec<String> {
    ["response_code_details", "connection_termination_details"]
        .iter()
        .filter_map(|key| log.text(key))
        .collect()
}

/// Whether these details are of a refusal by policy.
pub(super) fn is_policy_refusal(detail: &str) -> bool {
    POLICY_REFUSALS.iter().any(|refusal| detail.starts_with(refusal))
}

/// gRPC statuses 7 (permission denied) and 16 (unauthenticated), by number or name.
fn is_grpc_refusal(log: &AccessLog) -> bool {
    log.text("grpc_status").is_some_and(|status| is_refusing_status(&status))
}

/// Whether a gRPC status is a refusal.
pub(super) fn is_refusing_status(status: &str) -> bool {
    let name: String = status.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    matches!(name.as_str(), "7" | "16" | "permissiondenied" | "unauthenticated")
}

fn reason(log: &AccessLog) -> Option<String> {
    let mut parts = details(log);
    parts.extend(log.text("response_flags"));
    parts.extend(
        log.text("grpc_status")
            .filter(|status| status != "0" && status != "OK")
            .map(|status| format!("grpc {status}")),
    );
    (!parts.is_empty()).then(|| parts.join("; "))
}

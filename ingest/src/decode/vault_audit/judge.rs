//! What Vault decided.
//!
//! In: an entry. Out: decision and reason. Owns: which errors are refusals; the results of policies (Vault 1.13 on); errors
//! that a backend answers with (a wrong password, a wrong secret id), which stand in the answer's data alone, hashed there.

use offbound_schemas::vocabulary::Decision;
use serde_json::Value;

use crate::decode::field;

/// Errors that refuse on grounds of identity or policy.
const REFUSALS: [&str; 8] = [
    "permission denied",
    "invalid token",
    "bad token",
    "missing client token",
    "not authorized",
    "service account name not authorized",
    "invalid audience",
    "invalid credentials",
];

/// Decision and reason of an entry.
pub(super) fn judge(json: &Value) -> (Decision, Option<String>) {
    let error = field::string_at(json, &["error"])
        .or_else(|| answered_error(json))
        .map(|error| error.split_whitespace().collect::<Vec<_>>().join(" "));
    let refused = error
        .as_deref()
        .map(str::to_lowercase)
        .is_some_and(|error| REFUSALS.iter().any(|word| error.contains(word)));
    let by_policy = field::bool_at(json, &["auth", "policy_results", "allowed"]);
    let is_response = field::str_at(json, &["type"]).is_some_and(|kind| kind.ends_with("response"));
    let decision = match (by_policy, &error) {
        (Some(false), _) => Decision::Deny,
        (_, Some(_)) if refused => Decision::Deny,
        (_, Some(_)) => Decision::Error,
        (Some(true), None) => Decision::Allow,
        (None, None) if is_response => Decision::Allow,
        (None, None) => Decision::None,
    };
    (decision, error.or_else(|| granting(json)))
}

/// The error that a backend answered with, which is no error of the call (`logical.Response.IsError` of Vault's
/// `sdk/logical/response.go`): data with nothing but an error in it.
fn answered_error(json: &Value) -> Option<String> {
    field::object_at(json, &["response", "data"]).filter(|data| data.len() == 1)?;
    field::string_at(json, &["response", "data", "error"])
}

/// Names of the policies that allowed it.
fn granting(json: &Value) -> Option<String> {
    let policies = field::array_at(json, &["auth", "policy_results", "granting_policies"]).iter();
    let names: Vec<&str> =
        policies.filter_map(|policy| field::str_at(policy, &["name"])).take(field::MAX_LIST_ITEMS).collect();
    (!names.is_empty()).then(|| format!("policy {}", names.join(", ")))
}

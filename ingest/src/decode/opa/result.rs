//! What policy answered.
//!
//! In: a decision event. Out: decision and reason. Owns: which shapes of a result decide.
//! Law: a result that is neither a truth value nor an object that says so decides nothing that could be known here.

use offbound_schemas::vocabulary::Decision;
use serde_json::Value;

use crate::decode::field;

/// Keys of an object that say whether it was allowed (OPA-Envoy plugin: `allowed`).
const SAYING: [&str; 2] = ["allowed", "allow"];

/// The decision of an event, and why.
pub(super) fn judge(json: &Value) -> (Decision, Option<String>) {
    if let Some(error) = field::at(json, &["error"]) {
        let message = field::string_at(error, &["message"]).or_else(|| field::scalar_text(error));
        return (Decision::Error, message.or_else(|| Some("evaluation failed".to_owned())));
    }
    let Some(result) = field::at(json, &["result"]) else {
        // Nothing was defined for this input: a gate takes that for a refusal, other askers take it as they like.
        let gate = field::has(json, &["input", "attributes", "request"]);
        return (if gate { Decision::Deny } else { Decision::None }, Some("undefined".to_owned()));
    };
    let truth = match result {
        Value::Object(_) => SAYING.iter().find_map(|key| field::bool_at(result, &[key])),
        Value::Bool(_) | Value::String(_) => field::bool_at(result, &[]),
        _ => None,
    };
    let decision = match truth {
        Some(true) => Decision::Allow,
        Some(false) => Decision::Deny,
        None => Decision::None,
    };
    (decision, reason(result))
}

fn reason(result: &Value) -> Option<String> {
    let own = ["reason", "message", "body"].iter().find_map(|key| field::str_at(result, &[key]));
    let status = field::u16_at(result, &["http_status"]).map(|code| format!("status {code}"));
    let parts: Vec<String> = own.map(str::to_owned).into_iter().chain(status).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

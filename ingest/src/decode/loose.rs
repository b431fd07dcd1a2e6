//! Reading JSON whose keys a shipper rewrote: case, dots, dashes, underscores, slashes (also spelled `_slash_`).
//!
//! In: a JSON value and a path. Out: what `field` reads, found under any spelling of the keys.
//! Owns: when two spellings are the same key. Law: a key as it stands counts more than one that only resembles it.

use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Record, Reject, field};

/// The value at `path`, each key as it stands or in any case and punctuation; null counts as absent.
pub(crate) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    let found = path.iter().try_fold(value, |value, key| {
        let fields = value.as_object()?;
        let exact = fields.get(*key);
        exact.or_else(|| fields.iter().find(|(other, _)| same_folded(other, key)).map(|(_, value)| value))
    })?;
    (!found.is_null()).then_some(found)
}

/// Whether something other than null is at `path`.
pub(crate) fn has(value: &Value, path: &[&str]) -> bool {
    at(value, path).is_some()
}

/// Text at `path`, unless empty.
pub(crate) fn str_at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// Text, number or truth value at `path`, as text, unless empty.
pub(crate) fn string_at(value: &Value, path: &[&str]) -> Option<String> {
    at(value, path).and_then(field::scalar_text)
}

/// The moment at `path`.
pub(crate) fn time_at(value: &Value, path: &[&str]) -> Option<EventTime> {
    at(value, path).and_then(|value| field::time_at(value, &[]))
}

/// The list at `path`; empty when there is none.
pub(crate) fn array_at<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Texts of the list at `path`; a lone scalar is a list of one.
pub(crate) fn list_at(value: &Value, path: &[&str]) -> Vec<String> {
    at(value, path).map(|value| field::list_at(value, &[])).unwrap_or_default()
}

/// When a record happened: its own time, what shippers made of that (`@timestamp`, `p_event_time`), or the envelope's.
pub(crate) fn event_time(record: &Record<'_>, json: &Value, own: &[&str]) -> Result<EventTime, Reject> {
    const SHIPPED: [&str; 2] = ["@timestamp", "p_event_time"];
    let shipped = || SHIPPED.iter().find_map(|key| time_at(json, &[key]));
    let found = time_at(json, own).or_else(shipped).or(record.envelope.time);
    found.ok_or_else(|| field::no_time(&own.join("."), at(json, own)))
}

/// The text of an `unmapped` column: the fields of `value` but those in `used`, under any spelling.
pub(crate) fn rest(value: &Value, used: &[&str]) -> Option<String> {
    let is_used = |key: &str| used.iter().any(|used| same_folded(used, key));
    let others = value.as_object()?.iter().filter(|(key, _)| !is_used(key));
    field::unmapped(others.map(|(key, value)| (key.as_str(), Some(value))))
}

/// A key without what shippers change.
pub(crate) fn fold(key: &str) -> String {
    folded(&key.replace("_slash_", "/")).collect()
}

fn same_folded(one: &str, other: &str) -> bool {
    folded(one).eq(folded(other))
}

fn folded(key: &str) -> impl Iterator<Item = char> {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: keys in other case and punctuation, beside the right one, and null. Guarantees: the right one counts
    /// most, any spelling will do, null is absent.
    #[test]
    fn spellings() {
        let value = json!({"addr_remote": "a", "callerip": "b", "callerIp": "c", "Properties": {"APPID": "d"}, "n": null});
        assert_eq!(str_at(&value, &["addr.remote"]), Some("a"));
        assert_eq!(str_at(&value, &["callerIp"]), Some("c"));
        assert_eq!(string_at(&value, &["properties", "appId"]).as_deref(), Some("d"));
        assert!(!has(&value, &["N"]));
        assert_eq!(
            fold("authentication.kubernetes.io_slash_pod-name"),
            fold("authentication.kubernetes.io/pod-name")
        );
    }
}

//! The keys of an access log, which its operator chose.
//!
//! In: a JSON object. Out: values by the lower-case operator name, whichever way the key was written:
//! `start_time`, `%START_TIME%`, `REQ(:METHOD)`, `downstreamPeerUriSan`-like keys of nested objects included.
//! Owns: that spelling, other names in common use, and what counts as absent (`-`, null, empty).

use std::collections::BTreeMap;

use offbound_schemas::EventTime;
use serde_json::Value;

use super::super::field;

/// Keys that only an Envoy access log has.
const TELLING: [&str; 18] = [
    "downstream_remote_address",
    "downstream_direct_remote_address",
    "downstream_local_address",
    "downstream_peer_uri_san",
    "downstream_peer_fingerprint_256",
    "downstream_peer_serial",
    "downstream_peer_subject",
    "upstream_cluster",
    "upstream_host",
    "upstream_local_address",
    "response_flags",
    "response_code_details",
    "requested_server_name",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "downstream_transport_failure_reason",
    "route_name",
    "x_forwarded_client_cert",
];
/// Other names of keys, and the operator that they stand for.
const OTHER_NAMES: [(&str, &str); 26] = [
    (":method", "method"),
    (":path", "path"),
    (":authority", "authority"),
    ("x-envoy-original-path?:path", "path"),
    ("x_envoy_original_path", "path"),
    ("host", "authority"),
    ("x-request-id", "request_id"),
    ("x_request_id", "request_id"),
    ("user-agent", "user_agent"),
    ("x-forwarded-for", "x_forwarded_for"),
    ("x-forwarded-client-cert", "x_forwarded_client_cert"),
    ("xfcc", "x_forwarded_client_cert"),
    ("forwarded_client_cert", "x_forwarded_client_cert"),
    ("grpc_status_number", "grpc_status"),
    ("response_flags_long", "response_flags"),
    ("downstream_direct_remote_address_without_port", "downstream_direct_remote_address"),
    ("downstream_remote_address_without_port", "downstream_remote_address"),
    ("response_status", "response_code"),
    ("status", "response_code"),
    ("response_duration", "duration"),
    ("duration_ms", "duration"),
    ("x-jwt-sub", "jwt_sub"),
    ("x-jwt-jti", "jwt_jti"),
    ("x-jwt-iss", "jwt_iss"),
    ("x-jwt-aud", "jwt_aud"),
    ("x-jwt-exp", "jwt_exp"),
];

/// One access log entry.
#[derive(Debug)]
pub(super) struct AccessLog {
    values: BTreeMap<String, Value>,
    /// The text had more quotes than fields, so that what a client wrote was left out.
    pub(super) ambiguous: bool,
}

impl AccessLog {
    /// Reads a JSON object; objects in it are looked into once.
    pub(super) fn of_json(json: &Value) -> Option<Self> {
        let mut values = BTreeMap::new();
        for (key, value) in json.as_object()? {
            match value {
                Value::Object(inner) => {
                    for (key, value) in inner {
                        values.entry(operator_name(key)).or_insert_with(|| value.clone());
                    }
                }
                value if is_said(value) => {
                    values.insert(operator_name(key), value.clone());
                }
                _ => {}
            }
        }
        Some(Self { values, ambiguous: false })
    }

    /// An entry with the given values; those that are absent are left out.
    pub(super) fn of_pairs<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>, ambiguous: bool) -> Self {
        let said = pairs.into_iter().map(|(key, text)| (key.to_owned(), Value::from(text)));
        Self { values: said.filter(|(_, value)| is_said(value)).collect(), ambiguous }
    }

    /// How many keys only an Envoy access log has.
    pub(super) fn telling_keys(&self) -> usize {
        TELLING.iter().filter(|key| self.values.contains_key(**key)).count()
    }

    /// The value of an operator, unless absent.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| is_said(value))
    }

    /// The value of an operator as text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.value(key).and_then(field::scalar_text)
    }

    /// The value of an operator as a small number.
    pub(super) fn number(&self, key: &str) -> Option<u16> {
        self.value(key).and_then(|value| field::u16_at(value, &[]))
    }

    /// The value of an operator as a moment.
    pub(super) fn time(&self, key: &str) -> Option<EventTime> {
        self.value(key).and_then(|value| field::time_at(value, &[]))
    }

    /// How long the request or connection lasted, in milliseconds.
    pub(super) fn duration_ms(&self) -> Option<i64> {
        self.value("duration").and_then(|value| field::i64_at(value, &[])).filter(|millis| *millis >= 0)
    }
}

fn is_said(value: &Value) -> bool {
    !value.is_null() && !matches!(value.as_str(), Some("" | "-"))
}

/// Whether a scalar under this key, which no operator is called, surely says nothing: it stands for no operator, and
/// envelopes have their payload under names of one word.
pub(super) fn says_nothing(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    let is_compound = key.contains(['_', '-', '.']);
    is_compound && key.bytes().all(is_plain) && !OTHER_NAMES.iter().any(|(other, _)| *other == key)
}

/// The operator that a key stands for: `%REQ(X-REQUEST-ID)%` is `request_id`, `%START_TIME(%s)%` is `start_time`.
fn operator_name(key: &str) -> String {
    let lower = key.trim().trim_matches('%').to_ascii_lowercase();
    let name = match lower.split_once('(') {
        Some(("req" | "req_without_query", argument)) => argument.split(')').next().unwrap_or(argument),
        Some((operator, _)) => operator,
        None => &lower,
    };
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
    other.map_or_else(|| name.to_owned(), |(_, operator)| (*operator).to_owned())
}

//! Open Policy Agent decision logs: what was asked, and what policy answered.
//!
//! In: decision events (console lines, the arrays of the upload API; fields of OPA 0.33 to 1.x), by queries of a service
//! or of Envoy's external authorization (`input.attributes`). Out: one assertion a decision; a second one for a token
//! that Envoy's request carried beside a certificate.
//! Owns: the reading of results (`result`), and of Envoy's attributes in their three spellings (`attributes`).
//! Dropped: OPA's own operational and debug lines, which also name decisions (`decision-id`, not `decision_id`).
//! Law: a plain input is whatever the asking service put there: no column is guessed from it. Policy answers; whether
//! the asker put that into force, the log does not say.

use offbound_schemas::EventRows;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{Decision, Enforcement, Phase};
use serde_json::Value;

use super::{Decode, Format, Identity, Record, Verdict, field};

mod attributes;
mod result;
#[cfg(test)]
mod tests;

pub(crate) const FORMAT: Format = Format {
    id: "opa",
    title: "Open Policy Agent decision log (also of the Envoy plugin)",
    fills: &["identity_assertions"],
    sample: r#"{"decision_id":"55665fb1-0000-4000-8000-6c276d274388","input":{"attributes":{"destination":{"address":{"socketAddress":{"address":"10.1.0.9","portValue":8443}},"principal":"spiffe://prod.example/ns/shop/sa/payments"},"request":{"http":{"headers":{":authority":"payments.shop.svc:8443",":method":"GET",":path":"/v1/charges?limit=5","user-agent":"shop-web/4.2"},"host":"payments.shop.svc:8443","id":"14364395182449484694","method":"GET","path":"/v1/charges?limit=5","protocol":"HTTP/2","scheme":"https"},"time":{"nanos":482449000,"seconds":1772359200}},"source":{"address":{"socketAddress":{"address":"10.1.0.7","portValue":43612}},"principal":"spiffe://prod.example/ns/shop/sa/web"}},"parsed_path":["v1","charges"]},"labels":{"id":"opa-1","version":"1.11.0"},"level":"info","msg":"Decision Log","path":"envoy/authz/allow","result":true,"time":"2026-03-01T10:00:00Z","timestamp":"2026-03-01T10:00:00.495578005Z","type":"openpolicyagent.org/decision_logs"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Opa),
};

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    if field::str_at(json, &["type"]) == Some("openpolicyagent.org/decision_logs") {
        return 97;
    }
    let has = |key: &str| json.get(key).is_some();
    if has("decision_id") && (has("path") || has("query")) && (has("result") || has("input") || has("error"))
    {
        return 95;
    }
    if is_operational(json) { 50 } else { 0 }
}

/// A line that OPA logs about itself; many programs log in this shape, so it must name something of OPA's.
fn is_operational(json: &Value) -> bool {
    let Some(message) = field::str_at(json, &["msg"]).filter(|_| field::has(json, &["level"])) else {
        return false;
    };
    let has = |key: &str| json.get(key).is_some();
    let of_server = has("client_addr") && has("req_id") && has("req_method");
    let of_release_check =
        field::str_at(json, &["url"]).is_some_and(|url| url.contains("/open-policy-agent/"));
    has("decision-id")
        || of_server
        || of_release_check
        || has("diagnostic-addrs")
        || ["OPA ", "policy query", "policy decision"].iter().any(|words| message.contains(words))
}

struct Opa;

impl Decode for Opa {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-a-decision", "expected a JSON object");
        };
        if !field::has(json, &["decision_id"]) && is_operational(json) {
            return Verdict::Skipped("operational");
        }
        let Some(time) = ["timestamp", "time"]
            .iter()
            .find_map(|key| field::time_at(json, &[key]))
            .or(record.envelope.time)
        else {
            return Verdict::Rejected(field::no_time("timestamp", field::at(json, &["timestamp"])));
        };
        let mut row = record.assertion(time);
        fill(&mut row, json);
        let second = match field::at(json, &["input", "attributes"]).filter(|value| value.is_object()) {
            Some(envoy) => attributes::fill(&mut row, envoy, record.row_id(1)),
            None => None,
        };
        rows.identity_assertions.push(row);
        rows.identity_assertions.extend(second);
        Verdict::Decoded
    }
}

/// What every decision says, whoever asked.
fn fill(row: &mut IdentityAssertion, json: &Value) {
    row.phase = Phase::Verify;
    row.request_id = field::string_at(json, &["decision_id"]);
    let policy = field::string_at(json, &["path"]).or_else(|| field::string_at(json, &["query"]));
    let (decision, said) = result::judge(json);
    row.decision = decision;
    row.enforcement = Enforcement::Unknown;
    let parts = [policy.as_ref().map(|policy| format!("policy {policy}")), said];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    row.reason = (!parts.is_empty()).then(|| parts.join("; "));
    row.action = policy.as_ref().map(|policy| format!("query {policy}")).or_else(|| Some("query".to_owned()));
    row.dst = policy.or_else(|| Some("opa".to_owned()));
    row.unmapped = unmapped(json, decision);
}

fn unmapped(json: &Value, decision: Decision) -> Option<String> {
    let at = |key: &str| field::at(json, &[key]);
    let undecided = decision == Decision::None;
    field::unmapped([
        ("path", at("path")),
        ("requested_by", at("requested_by")),
        ("labels", at("labels")),
        ("bundles", at("bundles")),
        ("revision", at("revision")),
        ("masked", at("masked")),
        ("erased", at("erased")),
        ("mapped_result", at("mapped_result").filter(|_| undecided)),
        ("result", at("result").filter(|result| undecided || result.is_object())),
        ("trace_id", at("trace_id")),
        ("input", at("input").filter(|input| input.get("attributes").is_none())),
    ])
}

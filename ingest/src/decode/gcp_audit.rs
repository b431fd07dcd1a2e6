//! Google Cloud audit logs: who called which API with whose identity, and what tokens that gave.
//!
//! In: log entries with a `google.cloud.audit.AuditLog` payload, as Cloud Logging exports them; also with keys that a
//! SIEM rewrote (`at_sign_type`, `callerIP`, `insertid`). Out: one assertion a call; beside it one about the token,
//! signature or key that the call gave (`minted`).
//! Owns: decision, times, and what `callerIp` says besides addresses. No entry names a token: subject, address and
//! time are all there is. An operation that takes long is told of as it begins and as it ends: both entries name it.
//! Kubernetes audit in the same wrapping (`k8s_cluster`) belongs to another format.
//! Facts: Cloud Audit Logs reference (AuditLog, RequestMetadata; "audit logs for long-running operations"; `LogEntryOperation`:
//! producer and id together are unique), Security Token Service audit logging.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, PART_OF_OPERATION, Phase};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::{Decode, Format, Identity, Record, Reject, Verdict, field, loose};

mod minted;
mod principal;
#[cfg(test)]
mod tests;

pub(crate) const FORMAT: Format = Format {
    id: "gcp-audit",
    title: "Google Cloud audit logs",
    fills: &["identity_assertions"],
    sample: r#"{"insertId":"1ab2c3d4e5","logName":"projects/shop-prod/logs/cloudaudit.googleapis.com%2Fdata_access","protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","authenticationInfo":{"principalSubject":"principal://iam.googleapis.com/projects/1000001/locations/global/workloadIdentityPools/ci/subject/repo:example/shop:ref:refs/heads/main","serviceAccountDelegationInfo":[{}]},"authorizationInfo":[{"granted":true,"permission":"iam.serviceAccounts.getAccessToken","resourceAttributes":{}}],"methodName":"GenerateAccessToken","request":{"@type":"type.googleapis.com/google.iam.credentials.v1.GenerateAccessTokenRequest","name":"projects/-/serviceAccounts/deploy@shop-prod.iam.gserviceaccount.com"},"requestMetadata":{"callerIp":"198.51.100.9","callerSuppliedUserAgent":"gcloud-golang/1.0"},"resourceName":"projects/-/serviceAccounts/100000000000000000001","serviceName":"iamcredentials.googleapis.com","status":{}},"receiveTimestamp":"2026-03-01T10:00:01.1Z","resource":{"labels":{"project_id":"shop-prod"},"type":"service_account"},"severity":"INFO","timestamp":"2026-03-01T10:00:00.123456789Z"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(GcpAudit),
};

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let Some(payload) = loose::at(json, &["protoPayload"]) else { return 0 };
    if is_of_kubernetes(json, payload) {
        return 0;
    }
    let typed = payload_type(payload).is_some_and(|name| name.ends_with("cloud.audit.AuditLog"));
    let audited =
        loose::str_at(json, &["logName"]).is_some_and(|name| name.contains("cloudaudit.googleapis.com"));
    let called = loose::has(payload, &["methodName"]) && loose::has(payload, &["serviceName"]);
    match (typed, audited, called) {
        (true, _, _) => 95,
        (false, true, _) => 90,
        (false, false, true) => 80,
        _ => 0,
    }
}

fn payload_type(payload: &Value) -> Option<&str> {
    ["@type", "at_sign_type"].iter().find_map(|key| loose::str_at(payload, &[key]))
}

fn is_of_kubernetes(json: &Value, payload: &Value) -> bool {
    loose::str_at(json, &["resource", "type"]) == Some("k8s_cluster")
        || loose::str_at(payload, &["methodName"]).is_some_and(|name| name.starts_with("io.k8s."))
        || loose::str_at(payload, &["serviceName"]) == Some("k8s.io")
}

struct GcpAudit;

impl Decode for GcpAudit {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let payload = record.json.and_then(|json| Some((json, loose::at(json, &["protoPayload"])?)));
        let Some((json, payload)) = payload else {
            return Verdict::reject("not-an-audit-entry", "expected a log entry with protoPayload");
        };
        read(record, json, payload, rows).map_or_else(Verdict::Rejected, |()| Verdict::Decoded)
    }
}

fn read(record: &Record<'_>, json: &Value, payload: &Value, rows: &mut EventRows) -> Result<(), Reject> {
    let called = called(record, json, payload, event_time(record, json, payload)?);
    let given = minted::row(record, payload, &called);
    rows.identity_assertions.push(called);
    rows.identity_assertions.extend(given);
    Ok(())
}

/// When the call was made. `receiveTimestamp` is when the log took it in, and counts only where nothing else is left;
/// one exporter puts the entry's own fields into the payload's metadata.
fn event_time(record: &Record<'_>, json: &Value, payload: &Value) -> Result<EventTime, Reject> {
    let requested = loose::time_at(payload, &["requestMetadata", "requestAttributes", "time"]);
    let own = loose::time_at(json, &["timestamp"]).or_else(|| loose::time_at(payload, &["timestamp"]));
    match own.or(requested) {
        Some(time) => Ok(time),
        None => loose::event_time(record, json, &["timestamp"]),
    }
}

/// The value at `path` of the payload; exporters that flatten badly leave it in `metadata`.
fn at<'v>(payload: &'v Value, path: &[&str]) -> Option<&'v Value> {
    loose::at(payload, path).or_else(|| loose::at(payload.get("metadata")?, path))
}

fn string_at(payload: &Value, path: &[&str]) -> Option<String> {
    at(payload, path).and_then(field::scalar_text)
}

/// The row of the call itself.
fn called(record: &Record<'_>, json: &Value, payload: &Value, event_time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(event_time);
    row.phase = Phase::Present;
    row.request_id = loose::string_at(json, &["insertId"]);
    row.action = string_at(payload, &["methodName"]);
    row.dst = string_at(payload, &["serviceName"]);
    row.resource = string_at(payload, &["resourceName"]);
    row.user_agent = string_at(payload, &["requestMetadata", "callerSuppliedUserAgent"]);
    row.platform = Some("gcp".to_owned());
    row.account = project(json);
    row.enforcement = Enforcement::Enforced;
    (row.decision, row.reason) = judge(payload);
    principal::fill(&mut row, payload);
    fill_source(&mut row, payload);
    if let Some(operation) = operation(json) {
        row.shared_id = Some(operation);
        row.trust_flags.push(PART_OF_OPERATION.to_owned());
    }
    row.unmapped = unmapped(json, payload, &row);
    row
}

/// The operation that an entry tells of a part of; one that is both its first and its last tells all of it.
fn operation(json: &Value) -> Option<String> {
    let is = |key: &str| loose::at(json, &["operation", key]).and_then(Value::as_bool) == Some(true);
    let id = loose::str_at(json, &["operation", "id"])
        .filter(|id| !(id.is_empty() || is("first") && is("last")))?;
    let producer = loose::str_at(json, &["operation", "producer"]).unwrap_or_default();
    Some(format!("{producer}/{id}"))
}

/// The project, folder or organisation whose log this is.
fn project(json: &Value) -> Option<String> {
    let labelled = loose::string_at(json, &["resource", "labels", "project_id"]);
    let log_name = || loose::str_at(json, &["logName"])?.split('/').nth(1).map(str::to_owned);
    labelled.or_else(log_name)
}

/// `google.rpc.Code` decides; 7 and 16 are refusals. Where the call went through although the entry says that no
/// permission was granted, the entry's author tells of a refusal.
fn judge(payload: &Value) -> (Decision, Option<String>) {
    const PERMISSION_DENIED: i64 = 7;
    const UNAUTHENTICATED: i64 = 16;
    let code = at(payload, &["status", "code"]).and_then(|code| field::i64_at(code, &[])).unwrap_or_default();
    let message = string_at(payload, &["status", "message"]).filter(|message| code != 0 || message != "OK");
    let permissions = at(payload, &["authorizationInfo"]).and_then(Value::as_array);
    let granted = |info: &Value| loose::at(info, &["granted"]).and_then(Value::as_bool);
    let answers: Vec<Option<bool>> = permissions.into_iter().flatten().map(granted).collect();
    let refused = !answers.contains(&Some(true)) && answers.contains(&Some(false));
    match code {
        PERMISSION_DENIED | UNAUTHENTICATED => {
            (Decision::Deny, message.or_else(|| Some(format!("code {code}"))))
        }
        0 if refused => (Decision::Deny, message.or_else(|| ungranted(permissions))),
        0 => (Decision::Allow, message),
        _ => (Decision::Error, message.or_else(|| Some(format!("code {code}")))),
    }
}

fn ungranted(permissions: Option<&Vec<Value>>) -> Option<String> {
    let named = permissions?.iter().find_map(|info| loose::string_at(info, &["permission"]))?;
    Some(format!("{named} not granted"))
}

/// `private` is a call from within Google's own production, `gce-internal-ip` a machine whose address is withheld.
fn fill_source(row: &mut IdentityAssertion, payload: &Value) {
    let Some(source) = string_at(payload, &["requestMetadata", "callerIp"]) else { return };
    if let Some(peer) = Address::parse(&source) {
        row.src_addr = Some(peer.text());
        row.addr_quality = AddrQuality::Direct;
    } else if source == "private" {
        row.addr_quality = AddrQuality::Service;
    }
}

fn unmapped(json: &Value, payload: &Value, row: &IdentityAssertion) -> Option<String> {
    let source = at(payload, &["requestMetadata", "callerIp"]).filter(|_| row.src_addr.is_none());
    field::unmapped([
        ("callerIp", source),
        ("principalSubject", at(payload, &["authenticationInfo", "principalSubject"])),
        ("delegation", at(payload, &["authenticationInfo", "serviceAccountDelegationInfo"])),
        ("thirdPartyPrincipal", at(payload, &["authenticationInfo", "thirdPartyPrincipal"])),
        ("authoritySelector", at(payload, &["authenticationInfo", "authoritySelector"])),
        ("callerNetwork", at(payload, &["requestMetadata", "callerNetwork"])),
        ("requestAttributes", at(payload, &["requestMetadata", "requestAttributes"])),
        ("logName", loose::at(json, &["logName"])),
        ("receiveTimestamp", loose::at(json, &["receiveTimestamp"])),
        ("resource", loose::at(json, &["resource"])),
        ("operation", loose::at(json, &["operation"])),
        ("severity", loose::at(json, &["severity"])),
        ("authorizationInfo", at(payload, &["authorizationInfo"])),
        ("status", at(payload, &["status"])),
        ("metadata", loose::at(payload, &["metadata"])),
        ("request", loose::at(payload, &["request"])),
        ("serviceData", loose::at(payload, &["serviceData"])),
        ("response", loose::at(payload, &["response"])),
    ])
}

//! Azure activity and Microsoft Graph activity: which token called which resource, from where.
//!
//! In: records of the activity log (diagnostic, REST and Sentinel shapes) with the caller's claims, and
//! `MicrosoftGraphActivityLogs`; keys in any case. Out: one assertion a call.
//! Owns: the claims of a token (`uti` is what a sign-in calls `uniqueTokenIdentifier`; `xms_mirid` is the resource of a
//! managed identity). Left out by name: the first of the records of one operation (`operation-started`).
//! Facts: Azure Monitor activity log schema; access token claims reference of the Microsoft identity platform.

use std::borrow::Cow;

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::{Decode, Format, Identity, Record, Verdict, entra::moment, field, loose};

pub(crate) const FORMAT: Format = Format {
    id: "azure-activity",
    title: "Azure activity log and Microsoft Graph activity log",
    fills: &["identity_assertions"],
    sample: r#"{"time":"2026-03-01T10:02:00.1Z","resourceId":"/SUBSCRIPTIONS/7D0C5A1E-0000-4000-8000-00000000000A/RESOURCEGROUPS/SHOP/PROVIDERS/MICROSOFT.STORAGE/STORAGEACCOUNTS/SHOP","operationName":"MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION","category":"Administrative","resultType":"Success","resultSignature":"Succeeded.OK","callerIpAddress":"198.51.100.9","correlationId":"0b7c2f54-0000-4000-8000-00000000000b","identity":{"claims":{"appid":"3f1e0d9c-0000-4000-8000-000000000003","http://schemas.microsoft.com/identity/claims/objectidentifier":"5a4b3c2d-0000-4000-8000-000000000004","iss":"https://sts.windows.net/7d0c5a1e-0000-4000-8000-000000000001/","aud":"https://management.core.windows.net/","iat":"1772359200","nbf":"1772359200","exp":"1772363100","uti":"Zk3PqYb1nEuT5c0aWQxAAA"}}}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(AzureActivity),
};

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let has = |key: &str| loose::has(json, &[key]);
    let operation = has("operationName") || has("OperationNameValue");
    let of_resource = ["resourceId", "_ResourceId"]
        .iter()
        .filter_map(|key| loose::str_at(json, &[key]))
        .any(|id| id.to_ascii_lowercase().starts_with("/subscriptions/"));
    match () {
        () if is_graph(json) => 90,
        () if operation && claims(json).is_some_and(|claims| claims.is_object()) => 90,
        () if operation && of_resource && (has("callerIpAddress") || has("caller")) => 85,
        () => 0,
    }
}

fn is_graph(json: &Value) -> bool {
    ["category", "Type"].iter().any(|key| loose::str_at(json, &[key]) == Some("MicrosoftGraphActivityLogs"))
}

/// The claims of the caller's token; a table keeps them as text.
fn claims(json: &Value) -> Option<Cow<'_, Value>> {
    let stated = [&["identity", "claims"][..], &["claims"], &["properties", "claims"]];
    match stated.iter().find_map(|path| loose::at(json, path))? {
        Value::String(text) => serde_json::from_str(text).ok().map(Cow::Owned),
        claims => Some(Cow::Borrowed(claims)),
    }
}

struct AzureActivity;

impl Decode for AzureActivity {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "expected one record of an activity log");
        };
        if outcome(json).is_some_and(|word| matches!(word.as_str(), "start" | "started")) {
            return Verdict::Skipped("operation-started");
        }
        match moment::of_record(record, json, &["eventTimestamp"]) {
            Ok(event_time) => {
                rows.identity_assertions.push(row(record, json, event_time));
                Verdict::Decoded
            }
            Err(reject) => Verdict::Rejected(reject),
        }
    }
}

/// What the record says of the operation's end, in lower case.
fn outcome(json: &Value) -> Option<String> {
    let plain = ["resultType", "ActivityStatusValue"].iter().find_map(|key| loose::string_at(json, &[key]));
    plain.or_else(|| loose::string_at(json, &["status", "value"])).map(|word| word.to_ascii_lowercase())
}

fn row(record: &Record<'_>, json: &Value, event_time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(event_time);
    row.phase = Phase::Present;
    row.platform = Some("azure".to_owned());
    row.enforcement = Enforcement::Enforced;
    let own = ["eventDataId", "requestId", "correlationId"].iter();
    row.request_id = own.clone().find_map(|key| loose::string_at(json, &[key]));
    row.request_id = row
        .request_id
        .take()
        .or_else(|| own.clone().find_map(|key| loose::string_at(json, &["properties", key])));
    if is_graph(json) {
        graph(&mut row, json);
    } else {
        management(&mut row, json);
    }
    let stated = [
        &["callerIpAddress"][..],
        &["httpRequest", "clientIpAddress"],
        &["properties", "ipAddress"],
        &["ipAddress"],
    ];
    let peer = stated.iter().find_map(|path| loose::str_at(json, path)).and_then(Address::parse);
    row.src_addr = peer.map(|peer| peer.text());
    row.src_port = peer.and_then(|peer| peer.port);
    row.addr_quality = if peer.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    row.unmapped = loose::rest(json, &["time", "operationName", "callerIpAddress", "resourceId"]);
    row
}

/// A call of the resource manager: the token's claims say whose it is.
fn management(row: &mut IdentityAssertion, json: &Value) {
    let named = [&["operationName", "value"][..], &["operationName"], &["OperationNameValue"]];
    row.action = named.iter().find_map(|path| loose::string_at(json, path));
    row.dst = Some("management.azure.com".to_owned());
    row.resource = ["resourceId", "_ResourceId"].iter().find_map(|key| loose::string_at(json, &[key]));
    row.account = row.resource.as_deref().and_then(subscription);
    (row.decision, row.reason) = judge(json);
    if let Some(claims) = claims(json) {
        fill_claims(row, &claims);
    }
    row.subject = row.subject.take().or_else(|| loose::string_at(json, &["caller"]));
}

fn fill_claims(row: &mut IdentityAssertion, claims: &Value) {
    let long = |name: &str| {
        let suffix = format!("/claims/{name}");
        let (_, value) = claims.as_object()?.iter().find(|(key, _)| key.ends_with(&suffix))?;
        field::scalar_text(value)
    };
    let text = |key: &str| field::string_at(claims, &[key]);
    let object = text("oid").or_else(|| long("objectidentifier"));
    row.subject = text("upn").or_else(|| long("upn")).or(object);
    row.subject_uid = text("appid");
    row.issuer = text("iss");
    row.audience = text("aud").into_iter().collect();
    (row.iat, row.nbf, row.exp) = (
        field::time_at(claims, &["iat"]),
        field::time_at(claims, &["nbf"]),
        field::time_at(claims, &["exp"]),
    );
    let machine = text("xms_mirid").map(|id| id.to_lowercase());
    row.bound_instance = machine.filter(|id| id.contains("/microsoft.compute/virtualmachine"));
    token(row, text("uti"));
}

fn token(row: &mut IdentityAssertion, id: Option<String>) {
    row.id_kind = if id.is_some() { IdKind::Accessor } else { IdKind::None };
    row.credential_kind = Some("entra-token".to_owned());
    row.credential_id = id;
}

/// A call of Microsoft Graph: the record names the sign-in's token itself.
fn graph(row: &mut IdentityAssertion, json: &Value) {
    let text =
        |key: &str| loose::string_at(json, &["properties", key]).or_else(|| loose::string_at(json, &[key]));
    let uri = text("requestUri").map(|uri| uri.split('?').next().unwrap_or(&uri).to_owned());
    row.action = match (text("requestMethod"), &uri) {
        (Some(method), Some(uri)) => Some(format!("{method} {uri}")),
        (method, uri) => method.or_else(|| uri.clone()),
    };
    row.dst = Some("graph.microsoft.com".to_owned());
    row.account = text("tenantId");
    row.user_agent = text("userAgent");
    row.subject = text("userId").or_else(|| text("servicePrincipalId"));
    row.subject_uid = text("appId");
    row.status = text("responseStatusCode").and_then(|code| code.parse().ok());
    row.iat = loose::at(json, &["properties", "tokenIssuedAt"]).and_then(moment::of_value);
    row.decision = match row.status {
        Some(401 | 403) => Decision::Deny,
        Some(400..) => Decision::Error,
        Some(_) => Decision::Allow,
        None => Decision::None,
    };
    token(row, text("signInActivityId"));
}

fn subscription(resource: &str) -> Option<String> {
    let id = resource.split('/').nth(2).filter(|id| !id.is_empty())?;
    Some(id.to_lowercase())
}

fn judge(json: &Value) -> (Decision, Option<String>) {
    let signature = [
        &["resultSignature"][..],
        &["subStatus", "value"],
        &["ActivitySubstatusValue"],
        &["properties", "statusCode"],
    ];
    let signature = signature.iter().find_map(|path| loose::string_at(json, path));
    let lower = signature.as_deref().unwrap_or_default().to_ascii_lowercase();
    let refused =
        ["forbidden", "unauthorized", "authorizationfailed"].iter().any(|word| lower.contains(word));
    let decision = match outcome(json).unwrap_or_default().as_str() {
        _ if refused => Decision::Deny,
        "success" | "succeeded" | "accept" | "accepted" | "0" => Decision::Allow,
        "failure" | "failed" => Decision::Error,
        _ => Decision::None,
    };
    (decision, signature.filter(|_| decision != Decision::Allow))
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use serde_json::json;

    fn decode(record: &Value) -> IdentityAssertion {
        let (verdicts, mut rows) = trial::run(&FORMAT, &[&record.to_string()]);
        assert_eq!(verdicts, [Verdict::Decoded], "{record}");
        rows.identity_assertions.remove(0)
    }

    /// Scenario: the sample. Guarantees: the token's id and validity, the caller, the subscription.
    #[test]
    fn a_call_of_the_resource_manager() {
        trial::check_sample(&FORMAT);
        let row = decode(&serde_json::from_str(FORMAT.sample).expect("the sample is JSON"));
        assert_eq!(
            (row.credential_id.as_deref(), row.id_kind),
            (Some("Zk3PqYb1nEuT5c0aWQxAAA"), IdKind::Accessor)
        );
        assert_eq!(row.subject.as_deref(), Some("5a4b3c2d-0000-4000-8000-000000000004"));
        assert_eq!(row.exp, EventTime::parse("2026-03-01T11:05:00Z").ok());
        assert_eq!((row.decision, row.src_addr.as_deref()), (Decision::Allow, Some("198.51.100.9")));
        assert_eq!(row.account.as_deref(), Some("7d0c5a1e-0000-4000-8000-00000000000a"));
    }

    /// Scenario: a table's row with claims as text, a refused call of the REST shape, a machine's identity, a beginning.
    /// Guarantees: one reading for all; refusals; the machine; beginnings left out by name.
    #[test]
    fn shapes() {
        let row = decode(
            &json!({"TimeGenerated": "2026-03-01T10:00:00Z", "OperationNameValue": "X/WRITE", "ActivityStatusValue": "Success", "Caller": "ann@example.com",
            "CallerIpAddress": "10.1.0.7", "_ResourceId": "/subscriptions/s1/resourcegroups/g", "Claims": "{\"uti\":\"u\",\"xms_mirid\":\"/subscriptions/S1/x/Microsoft.Compute/virtualMachines/vm1\"}"}),
        );
        assert_eq!(
            (row.credential_id.as_deref(), row.subject.as_deref()),
            (Some("u"), Some("ann@example.com"))
        );
        assert!(row.bound_instance.as_ref().is_some_and(|id| id.ends_with("virtualmachines/vm1")));
        let row = decode(
            &json!({"eventTimestamp": "2026-03-01T10:00:00Z", "caller": "c", "operationName": {"value": "X/READ"}, "status": {"value": "Failed"},
            "subStatus": {"value": "Forbidden"}, "resourceId": "/subscriptions/s1", "claims": {"uti": "u"}, "httpRequest": {"clientIpAddress": "10.1.0.8"}}),
        );
        assert_eq!(
            (row.decision, row.action.as_deref(), row.src_addr.as_deref()),
            (Decision::Deny, Some("X/READ"), Some("10.1.0.8"))
        );
        let begun = json!({"time": "2026-03-01T10:00:00Z", "operationName": "X", "resultType": "Start", "claims": {}});
        assert_eq!(trial::run(&FORMAT, &[&begun.to_string()]).0, [Verdict::Skipped("operation-started")]);
    }

    /// Scenario: a call of Microsoft Graph that is refused. Guarantees: the sign-in's token, no query in the action.
    #[test]
    fn a_call_of_graph() {
        let row = decode(
            &json!({"category": "MicrosoftGraphActivityLogs", "time": "2026-03-01T10:00:00Z", "properties": {"requestMethod": "GET",
            "requestUri": "https://graph.microsoft.com/v1.0/users?$top=9", "responseStatusCode": 403, "servicePrincipalId": "sp1", "signInActivityId": "u1", "ipAddress": "10.1.0.7"}}),
        );
        assert_eq!(
            (row.credential_id.as_deref(), row.decision, row.status),
            (Some("u1"), Decision::Deny, Some(403))
        );
        assert_eq!(row.action.as_deref(), Some("GET https://graph.microsoft.com/v1.0/users"));
    }
}

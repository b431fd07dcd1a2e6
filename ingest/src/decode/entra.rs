//! Microsoft Entra ID: sign-ins of applications, managed identities and users, and changes of the directory.
//!
//! In: diagnostic records (`category` and `properties`), rows of Sentinel's `AAD…SignInLogs` tables, and `signIn`
//! objects of Microsoft Graph; keys in any case. Out: for a sign-in one row about the credential that was shown and one
//! about the token that was issued (`sign_in`); for a change one row (`directory`).
//! Owns: recognition, and the several notations of time (`moment`).
//! Traps: managed identities have no address at all, so they prove that a token was issued, never where it is used.
//! Facts: Azure Monitor reference of the sign-in and audit log schemas; Microsoft Graph `signIn`, `directoryAudit`.

use offbound_schemas::EventRows;
use serde_json::Value;

use super::{Decode, Format, Identity, Record, Reject, Verdict, loose};

mod directory;
pub(super) mod moment;
mod sign_in;
#[cfg(test)]
mod tests;

pub(crate) const FORMAT: Format = Format {
    id: "entra",
    title: "Microsoft Entra sign-in and audit logs",
    fills: &["identity_assertions"],
    sample: r#"{"time":"2026-03-01T10:00:05.1Z","resourceId":"/tenants/7d0c5a1e-0000-4000-8000-000000000001/providers/Microsoft.aadiam","operationName":"Sign-in activity","category":"ServicePrincipalSignInLogs","resultType":"0","callerIpAddress":"198.51.100.9","correlationId":"0b7c2f54-0000-4000-8000-000000000002","tenantId":"7d0c5a1e-0000-4000-8000-000000000001","properties":{"createdDateTime":"2026-03-01T10:00:00.1234567Z","appId":"3f1e0d9c-0000-4000-8000-000000000003","servicePrincipalId":"5a4b3c2d-0000-4000-8000-000000000004","servicePrincipalName":"shop-deploy","servicePrincipalCredentialKeyId":"91a0c3d5-0000-4000-8000-000000000005","clientCredentialType":"clientSecret","ipAddress":"198.51.100.9","resourceDisplayName":"Azure Storage","status":{"errorCode":0},"uniqueTokenIdentifier":"Zk3PqYb1nEuT5c0aWQxAAA"}}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Entra),
};

/// What kind of record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SignIn,
    Change,
}

fn sniff(record: &Record<'_>) -> u8 {
    record.json.and_then(kind).map_or(0, |(_, confidence)| confidence)
}

/// The kind of a record, and how sure that is.
fn kind(json: &Value) -> Option<(Kind, u8)> {
    let has = |key: &str| get(json, key).is_some();
    let category = ["category", "Type"].iter().find_map(|key| loose::str_at(json, &[key]));
    let names_sign_in = category.is_some_and(|name| name.to_ascii_lowercase().ends_with("signinlogs"));
    if names_sign_in && (loose::has(json, &["properties"]) || has("ipAddress") || has("appId")) {
        return Some((Kind::SignIn, 92));
    }
    let changes = has("activityDisplayName") || (has("loggedByService") && has("initiatedBy"));
    if changes && (has("initiatedBy") || has("targetResources")) {
        return Some((Kind::Change, 88));
    }
    let tenant = loose::str_at(json, &["resourceId"])
        .is_some_and(|id| id.to_ascii_lowercase().contains("microsoft.aadiam"));
    if tenant && category.is_some() && loose::has(json, &["operationName"]) {
        return Some((Kind::Change, 85));
    }
    let bare = ["createdDateTime", "appId", "conditionalAccessStatus"].iter().all(|key| has(key));
    bare.then_some((Kind::SignIn, 80))
}

/// A field of the record, which diagnostic records keep in `properties`.
fn get<'v>(json: &'v Value, key: &str) -> Option<&'v Value> {
    loose::at(json, &["properties", key]).or_else(|| loose::at(json, &[key]))
}

fn text(json: &Value, key: &str) -> Option<String> {
    get(json, key).and_then(super::field::scalar_text)
}

struct Entra;

impl Decode for Entra {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some((json, (kind, _))) = record.json.and_then(|json| Some((json, kind(json)?))) else {
            return Verdict::reject("not-a-sign-in", "expected a sign-in or audit record of Entra");
        };
        read(record, json, kind, rows).map_or_else(Verdict::Rejected, |()| Verdict::Decoded)
    }
}

fn read(record: &Record<'_>, json: &Value, kind: Kind, rows: &mut EventRows) -> Result<(), Reject> {
    let event_time = moment::of_record(record, json, &["createdDateTime", "activityDateTime"])?;
    match kind {
        Kind::SignIn => rows.identity_assertions.extend(sign_in::rows(record, json, event_time)),
        Kind::Change => rows.identity_assertions.push(directory::row(record, json, event_time)),
    }
    Ok(())
}

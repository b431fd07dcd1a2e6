//! One sign-in: the credential that was shown, and the token that was issued for it.
//!
//! In: a sign-in of an application, a managed identity or a user. Out: a row of the showing (not for managed
//! identities, whose credential the platform keeps) and a row of the token, where it was issued and has an identifier.
//! Owns: names of credentials, and which result codes refuse, interrupt or fail.
//! Law: the token's `uniqueTokenIdentifier` is what resource logs print; the address belongs to the showing alone.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use serde_json::Value;

use super::super::address::Address;
use super::super::{Record, field, loose};
use super::{get, text};

/// Codes that ask the user for one more step: neither let in nor refused.
const INTERRUPTS: &[i64] = &[
    16000, 16001, 50058, 50072, 50074, 50076, 50079, 50097, 50125, 50127, 50129, 50140, 50143, 51006, 52004,
    65001,
];
/// From here to [`LAST_SERVICE_CODE`], the service itself failed.
const FIRST_SERVICE_CODE: i64 = 90_000;
const LAST_SERVICE_CODE: i64 = 99_999;

/// The rows of a sign-in.
pub(super) fn rows(record: &Record<'_>, json: &Value, event_time: EventTime) -> Vec<IdentityAssertion> {
    let shown = shown(record, json, event_time);
    let token = token(record, json, &shown);
    match (is_managed(json), token) {
        (true, Some(token)) => {
            vec![IdentityAssertion { event_id: record.event_id, phase: Phase::Issue, ..token }]
        }
        (_, token) => std::iter::once(shown).chain(token).collect(),
    }
}

fn is_managed(json: &Value) -> bool {
    let category = ["category", "Type"].iter().find_map(|key| loose::str_at(json, &[key]));
    // Microsoft Graph has one kind of object for all sign-ins, with their kinds in a list.
    let kinds = loose::list_at(json, &["signInEventTypes"]);
    let is_named = |name: &str| name.to_ascii_lowercase().contains("managedidentity");
    category.is_some_and(is_named) || kinds.iter().any(|kind| is_named(kind))
}

/// The row of the credential that was shown.
fn shown(record: &Record<'_>, json: &Value, event_time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(event_time);
    row.phase = Phase::Present;
    row.request_id = text(json, "id").or_else(|| text(json, "correlationId"));
    row.action = text(json, "operationName").or_else(|| Some("Sign-in activity".to_owned()));
    row.dst = Some("login.microsoftonline.com".to_owned());
    row.resource = text(json, "resourceDisplayName").or_else(|| text(json, "resourceIdentity"));
    row.user_agent = text(json, "userAgent");
    row.platform = Some("azure".to_owned());
    row.account = text(json, "tenantId").or_else(|| text(json, "homeTenantId"));
    row.enforcement = Enforcement::Enforced;
    (row.decision, row.reason) = judge(json);
    fill_subject(&mut row, json);
    fill_credential(&mut row, json);
    fill_source(&mut row, json);
    row.unmapped = unmapped(json);
    row
}

/// A service principal is named by its object id, as resource logs name callers; its readable name is kept beside.
fn fill_subject(row: &mut IdentityAssertion, json: &Value) {
    let user = text(json, "userPrincipalName").or_else(|| text(json, "userId"));
    let service =
        ["servicePrincipalId", "servicePrincipalName", "appId"].iter().find_map(|key| text(json, key));
    let own = text(json, "userId").filter(|_| user.is_some());
    row.subject_uid = own.or_else(|| text(json, "appId"));
    row.subject = user.or(service);
}

/// Key, certificate, foreign token or session. A federated credential's id names a trust, not the token that was shown.
fn fill_credential(row: &mut IdentityAssertion, json: &Value) {
    let stated = text(json, "clientCredentialType").filter(|kind| kind != "none");
    let thumbprint = text(json, "servicePrincipalCredentialThumbprint")
        .map(|hex| format!("X509SHA1={}", hex.to_lowercase()));
    let foreign = federated_token(json);
    let key = text(json, "servicePrincipalCredentialKeyId").filter(|id| !is_blank_id(id));
    let session = text(json, "sessionId");
    let federated = text(json, "federatedCredentialId").is_some_and(|id| !is_blank_id(&id));
    row.credential_kind = Some(kind(stated.as_deref(), foreign.is_some() || federated, row).to_owned());
    (row.credential_id, row.id_kind) = match (foreign, key, thumbprint.clone(), session) {
        (Some(id), ..) => (Some(id), IdKind::Jti),
        (_, Some(id), ..) => (Some(id), IdKind::AccessKey),
        (_, _, Some(id), _) => (Some(id), IdKind::CertFp),
        (_, _, _, Some(id)) => (Some(id), IdKind::Accessor),
        _ => (None, IdKind::None),
    };
    row.credential_alias = thumbprint.filter(|name| row.credential_id.as_ref().is_some_and(|id| id != name));
    row.issuer = federated_issuer(json).or_else(|| issuer(row));
}

fn kind(stated: Option<&str>, federated: bool, row: &IdentityAssertion) -> &'static str {
    match stated {
        _ if federated => "federated-token",
        Some("clientSecret") => "client-secret",
        Some("clientAssertion" | "certificate") => "client-assertion",
        Some("federatedIdentityCredential") => "federated-token",
        Some("managedIdentity") => "managed-identity",
        _ if row.subject.as_deref().is_some_and(|subject| subject.contains('@')) => "entra-session",
        _ => "unknown",
    }
}

fn is_blank_id(id: &str) -> bool {
    id.bytes().all(|byte| b"0-".contains(&byte))
}

/// The id of the foreign token that was exchanged, as its issuer gave it.
fn federated_token(json: &Value) -> Option<String> {
    let said =
        get(json, "managedServiceIdentity").and_then(|msi| loose::string_at(msi, &["federatedTokenId"]));
    said.or_else(|| text(json, "federatedTokenId")).map(|id| format!("JTI={id}"))
}

fn federated_issuer(json: &Value) -> Option<String> {
    let said =
        get(json, "managedServiceIdentity").and_then(|msi| loose::string_at(msi, &["federatedTokenIssuer"]));
    said.or_else(|| text(json, "federatedTokenIssuer"))
}

fn issuer(row: &IdentityAssertion) -> Option<String> {
    row.account.as_ref().map(|tenant| format!("login.microsoftonline.com/{tenant}"))
}

fn fill_source(row: &mut IdentityAssertion, json: &Value) {
    let stated = ["ipAddress", "callerIpAddress"].iter().find_map(|key| text(json, key));
    if let Some(peer) = stated.as_deref().and_then(Address::parse) {
        row.src_addr = Some(peer.text());
        row.src_port = peer.port;
        row.addr_quality = AddrQuality::Direct;
    }
}

/// The row of the token: what it was got with is its parent, and it has not been shown anywhere yet.
fn token(record: &Record<'_>, json: &Value, shown: &IdentityAssertion) -> Option<IdentityAssertion> {
    let id = text(json, "uniqueTokenIdentifier").filter(|_| shown.decision == Decision::Allow)?;
    let resource = ["resourceId", "resourceDisplayName"].iter();
    let audience = resource.filter_map(|key| loose::string_at(json, &["properties", key]));
    Some(IdentityAssertion {
        event_id: record.row_id(1),
        phase: Phase::Exchange,
        parent_id: shown.credential_id.clone(),
        credential_id: Some(id),
        credential_alias: None,
        id_kind: IdKind::Accessor,
        credential_kind: Some("entra-token".to_owned()),
        issuer: issuer(shown),
        iat: Some(shown.event_time),
        audience: audience.collect(),
        bound_instance: machine(json),
        src_addr: None,
        src_port: None,
        addr_quality: AddrQuality::None,
        ..shown.clone()
    })
}

/// The virtual machine (or other resource) that a managed identity belongs to.
fn machine(json: &Value) -> Option<String> {
    let said =
        get(json, "managedServiceIdentity").and_then(|msi| loose::string_at(msi, &["associatedResourceId"]));
    said.or_else(|| text(json, "associatedResourceId")).map(|id| id.to_lowercase())
}

/// Zero is in; a sign-in that asks for one more step, or that the service failed, is no refusal.
fn judge(json: &Value) -> (Decision, Option<String>) {
    let status = get(json, "status");
    let coded =
        status.and_then(|status| loose::at(status, &["errorCode"])).or_else(|| get(json, "resultType"));
    let said = status.and_then(|status| loose::string_at(status, &["failureReason"]));
    let said = said.or_else(|| text(json, "resultDescription")).filter(|said| said != "Other.");
    let code = coded.and_then(|code| field::i64_at(code, &[]));
    let word = coded.and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let decision = match code {
        Some(0) => Decision::Allow,
        Some(code) if INTERRUPTS.contains(&code) => Decision::Error,
        Some(FIRST_SERVICE_CODE..=LAST_SERVICE_CODE) => Decision::Error,
        Some(_) => Decision::Deny,
        None if word == "success" => Decision::Allow,
        None if word == "failure" => Decision::Deny,
        None => Decision::None,
    };
    let coded = code.filter(|code| *code != 0).map(|code| format!("code {code}"));
    let reason: Vec<String> = coded.into_iter().chain(said.filter(|_| decision != Decision::Allow)).collect();
    (decision, (!reason.is_empty()).then(|| reason.join(": ")))
}

fn unmapped(json: &Value) -> Option<String> {
    const USED: &[&str] = &[
        "id",
        "ipAddress",
        "userAgent",
        "userPrincipalName",
        "userId",
        "sessionId",
        "uniqueTokenIdentifier",
        "createdDateTime",
    ];
    match loose::at(json, &["properties"]) {
        Some(properties) => {
            let of_record =
                ["category", "correlationId", "resultType", "resultSignature", "resourceId", "location"];
            let outer = of_record.map(|key| (key, loose::at(json, &[key])));
            let inner = properties.as_object().into_iter().flatten();
            let inner = inner.filter(|(key, _)| !USED.iter().any(|used| used.eq_ignore_ascii_case(key)));
            field::unmapped(inner.map(|(key, value)| (key.as_str(), Some(value))).chain(outer))
        }
        None => loose::rest(json, USED),
    }
}

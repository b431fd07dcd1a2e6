//! One change of the directory: credentials added or removed, sessions revoked, roles given, policies changed.
//!
//! In: a record of the audit log. Out: one row.
//! Owns: which activities issue or revoke credentials, and the ids of the keys that they add (`KeyIdentifier=…`).

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use serde_json::Value;

use super::super::address::Address;
use super::super::{Record, loose};
use super::{get, text};

/// The row of a change.
pub(super) fn row(record: &Record<'_>, json: &Value, event_time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(event_time);
    row.request_id = text(json, "id").or_else(|| text(json, "correlationId"));
    row.action = text(json, "activityDisplayName").or_else(|| text(json, "operationName"));
    row.dst = text(json, "loggedByService").or_else(|| Some("Microsoft Entra ID".to_owned()));
    row.platform = Some("azure".to_owned());
    row.account = text(json, "tenantId");
    row.enforcement = Enforcement::Enforced;
    (row.decision, row.reason) = judge(json);
    row.phase = phase(row.action.as_deref().unwrap_or_default());
    row.resource = target(json);
    fill_initiator(&mut row, json);
    if let Some(risk) = risk(json) {
        row.phase = Phase::Verify;
        row.reason = Some(risk);
        row.subject =
            ["userPrincipalName", "servicePrincipalId", "id"].iter().find_map(|key| text(json, key));
        row.subject_uid = text(json, "appId").or_else(|| text(json, "userId"));
    } else if row.phase != Phase::Present {
        about_target(&mut row, json);
    }
    row.unmapped = loose::at(json, &["properties"])
        .map_or_else(|| loose::rest(json, &[]), |inner| loose::rest(inner, &[]));
    row
}

fn phase(activity: &str) -> Phase {
    let lower = activity.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let keys = has(&["credential", "certificates and secrets"]);
    match () {
        () if keys && has(&["add ", "update application"]) => Phase::Issue,
        () if keys && has(&["remove ", "delete "]) => Phase::Revoke,
        () if has(&[
            "revoke sign-in",
            "invalidate all refresh tokens",
            "disable account",
            "stsrefreshtokenvalidfrom",
        ]) =>
        {
            Phase::Revoke
        }
        () if has(&["delete service principal", "remove service principal", "delete user"]) => Phase::Revoke,
        () => Phase::Present,
    }
}

/// What Entra itself thinks of a sign-in or identity: it repeats what happened, so the row is no use of its own.
fn risk(json: &Value) -> Option<String> {
    let kind = text(json, "riskEventType").or_else(|| text(json, "riskDetail"))?;
    let level = text(json, "riskLevel").or_else(|| text(json, "riskLevelAggregated"));
    Some(level.map_or_else(|| kind.clone(), |level| format!("{kind}, risk {level}")))
}

fn judge(json: &Value) -> (Decision, Option<String>) {
    let said = ["result", "resultSignature", "resultType"].iter().find_map(|key| text(json, key));
    let reason = text(json, "resultReason").or_else(|| text(json, "resultDescription"));
    let decision = match said.unwrap_or_default().to_ascii_lowercase().as_str() {
        "success" => Decision::Allow,
        "failure" | "timeout" | "clienterror" => Decision::Error,
        _ => Decision::None,
    };
    (decision, reason)
}

fn fill_initiator(row: &mut IdentityAssertion, json: &Value) {
    let by = |path: &[&str]| get(json, "initiatedBy").and_then(|by| loose::string_at(by, path));
    let user = by(&["user", "userPrincipalName"]).or_else(|| by(&["user", "displayName"]));
    let app = by(&["app", "servicePrincipalId"]).or_else(|| by(&["app", "displayName"]));
    row.subject = user.or(app).or_else(|| loose::string_at(json, &["identity"]));
    row.subject_uid = by(&["user", "id"]).or_else(|| by(&["app", "appId"]));
    row.user_agent = text(json, "userAgent");
    let stated = by(&["user", "ipAddress"]).or_else(|| by(&["app", "ipAddress"]));
    let stated =
        stated.or_else(|| loose::string_at(json, &["callerIpAddress"])).or_else(|| text(json, "ipAddress"));
    if let Some(peer) = stated.as_deref().and_then(Address::parse) {
        row.src_addr = Some(peer.text());
        row.addr_quality = AddrQuality::Direct;
    }
}

fn first_target(json: &Value) -> Option<&Value> {
    get(json, "targetResources")?.as_array()?.first()
}

fn target(json: &Value) -> Option<String> {
    let target = first_target(json)?;
    ["displayName", "userPrincipalName", "id"].iter().find_map(|key| loose::string_at(target, &[key]))
}

/// Turns the row to what was changed: whose credential it is, and which.
fn about_target(row: &mut IdentityAssertion, json: &Value) {
    let Some(target) = first_target(json) else { return };
    row.presenter = row.subject.take();
    let named =
        ["userPrincipalName", "id", "displayName"].iter().find_map(|key| loose::string_at(target, &[key]));
    row.subject = named;
    row.subject_uid = loose::string_at(target, &["id"]);
    let keys = changed_keys(target, row.phase);
    row.credential_kind = Some("unknown".to_owned());
    if let [only] = keys.as_slice() {
        row.credential_id = Some(only.clone());
        row.id_kind = IdKind::AccessKey;
    }
}

/// Keys that are in the new value only (issued) or in the old one only (revoked).
fn changed_keys(target: &Value, phase: Phase) -> Vec<String> {
    let mut changed = Vec::new();
    for property in loose::array_at(target, &["modifiedProperties"]) {
        let side = |key: &str| key_ids(loose::str_at(property, &[key]).unwrap_or_default());
        let (old, new) = (side("oldValue"), side("newValue"));
        let (kept, other) = if phase == Phase::Issue { (new, old) } else { (old, new) };
        changed.extend(kept.into_iter().filter(|id| !other.contains(id)));
    }
    changed.dedup();
    changed
}

/// Every `KeyIdentifier=ID` of a description such as `[KeyIdentifier=ID,KeyType=Password,KeyUsage=Verify,…]`.
fn key_ids(text: &str) -> Vec<String> {
    let parts = text.split("KeyIdentifier=").skip(1);
    let id =
        |part: &str| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().map(str::to_owned);
    parts.filter_map(id).filter(|id| !id.is_empty()).collect()
}

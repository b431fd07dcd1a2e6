//! Calls that are about a token other than the caller's own, or end the caller's own.
//!
//! In: a response and the row of its call. Out: a second row: a token issued (any login, `auth/token/create`), renewed or
//! revoked; and one for the token that an answer was wrapped in. Owns: which path means what; mounts have any name, so a login is known by the token that it gives.
//! Law: what a client showed to log in is named only where the device logs raw values: by its claims, never itself.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{Decision, IdKind, Phase};
use serde_json::Value;

use super::{lifetime, presented};
use crate::decode::spire::serial::hex_of_decimal;
use crate::decode::{Record, field};
use crate::redact::find_jwt_claims;

/// The second row of a call, if it has one.
pub(super) fn row(record: &Record<'_>, json: &Value, call: &IdentityAssertion) -> Option<IdentityAssertion> {
    let path = call.resource.as_deref().unwrap_or_default();
    let operation = path.strip_prefix("auth/token/").unwrap_or_default();
    let given = field::at(json, &["response", "auth"]).filter(|auth| token_of(auth).0.is_some());
    match (operation, given) {
        (operation, Some(auth)) if operation.starts_with("renew") => {
            Some(handed_out(record, json, call, auth, Phase::Renew))
        }
        (_, Some(auth)) => Some(handed_out(record, json, call, auth, Phase::Issue)),
        (operation, None) if operation.starts_with("revoke") && call.decision == Decision::Allow => {
            revoked(record, json, call, operation)
        }
        _ => None,
    }
}

/// The row of the token that the answer was wrapped in: whoever has it unwraps the answer, once.
pub(super) fn wrapping(
    record: &Record<'_>,
    json: &Value,
    call: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    let wrap = field::at(json, &["response", "wrap_info"])?;
    let (credential_id, credential_alias) = match field::string_at(wrap, &["accessor"]) {
        Some(accessor) => (Some(accessor), field::string_at(wrap, &["token"])),
        None => (field::string_at(wrap, &["token"]), None),
    };
    let mut row = IdentityAssertion {
        event_id: record.row_id(2),
        parent_id: call.credential_id.clone(),
        id_kind: if credential_id.is_some() { IdKind::Accessor } else { IdKind::None },
        credential_id,
        credential_alias,
        ..about_another(record, call, Phase::Issue)
    };
    row.iat = field::time_at(wrap, &["creation_time"]).or(Some(call.event_time));
    // A token that wraps is never renewed.
    let ttl_nanos = field::i64_at(wrap, &["ttl"]).and_then(|secs| secs.checked_mul(1_000_000_000));
    row.exp = row.iat.zip(ttl_nanos).map(|(from, nanos)| from.plus_nanos(nanos));
    row.unmapped = field::unmapped(
        ["creation_path", "wrapped_accessor", "ttl"].map(|key| (key, field::at(wrap, &[key]))),
    );
    row.credential_id.is_some().then_some(row)
}

/// Accessor and token of an `auth` object, the accessor first.
fn token_of(auth: &Value) -> (Option<String>, Option<String>) {
    let token = field::string_at(auth, &["client_token"]);
    match field::string_at(auth, &["accessor"]) {
        Some(accessor) => (Some(accessor), token),
        None => (token, None),
    }
}

fn about_another(record: &Record<'_>, call: &IdentityAssertion, phase: Phase) -> IdentityAssertion {
    IdentityAssertion {
        event_id: record.row_id(1),
        phase,
        presenter: call.subject.clone(),
        subject: None,
        subject_uid: None,
        credential_id: None,
        credential_alias: None,
        id_kind: IdKind::None,
        credential_kind: Some("vault-token".to_owned()),
        bound_namespace: None,
        bound_host_uid: None,
        bound_instance: None,
        iat: None,
        exp: None,
        reported_expiry: None,
        unmapped: None,
        ..call.clone()
    }
}

fn handed_out(
    record: &Record<'_>,
    json: &Value,
    call: &IdentityAssertion,
    auth: &Value,
    phase: Phase,
) -> IdentityAssertion {
    let mut row = about_another(record, call, phase);
    (row.credential_id, row.credential_alias) = token_of(auth);
    row.id_kind = IdKind::Accessor;
    presented::fill_subject(&mut row, auth);
    if phase == Phase::Renew {
        // A renewed token is as old as it was; its lease runs from now.
        let issued = field::time_at(auth, &["token_issue_time"]).filter(|time| time.0 > 0);
        lifetime::fill(&mut row, &renewed(auth), true);
        row.iat = issued.or(call.iat);
    } else {
        lifetime::fill(&mut row, auth, true);
        row.parent_id = call.credential_id.clone().or_else(|| shown(json));
    }
    // A login is done by whom the token is for.
    row.presenter = row.presenter.take().filter(|presenter| row.subject.as_ref() != Some(presenter));
    let at = |path: &[&str]| field::at(auth, path);
    row.unmapped = field::unmapped([
        ("policies", at(&["policies"])),
        ("metadata", at(&["metadata"])),
        ("token_type", at(&["token_type"])),
        ("token_ttl", at(&["token_ttl"])),
        ("num_uses", at(&["num_uses"])),
    ]);
    row
}

fn renewed(auth: &Value) -> Value {
    let mut lease = auth.clone();
    if let Some(fields) = lease.as_object_mut() {
        fields.remove("token_issue_time");
    }
    lease
}

/// The credential that a login showed: a token by its claims, or a certificate by its serial.
fn shown(json: &Value) -> Option<String> {
    let token = field::str_at(json, &["request", "data", "jwt"]).and_then(find_jwt_claims);
    let serial = || field::string_at(json, &["request", "client_certificate_serial_number"]);
    let of_token = token.and_then(|claims| claims.jti).map(|jti| format!("JTI={jti}"));
    of_token.or_else(|| Some(format!("X509SERIAL={}", hex_of_decimal(&serial()?)?)))
}

/// `revoke-self` ends the caller's token, the others the one that the request names.
fn revoked(
    record: &Record<'_>,
    json: &Value,
    call: &IdentityAssertion,
    operation: &str,
) -> Option<IdentityAssertion> {
    let mut row = about_another(record, call, Phase::Revoke);
    if operation == "revoke-self" {
        (row.credential_id, row.credential_alias) =
            (call.credential_id.clone(), call.credential_alias.clone());
        (row.subject, row.presenter) = (call.subject.clone(), None);
    } else {
        let named = |key: &str| field::string_at(json, &["request", "data", key]);
        row.credential_id = named("accessor").or_else(|| named("token"));
    }
    row.id_kind = IdKind::Accessor;
    row.credential_id.is_some().then_some(row)
}

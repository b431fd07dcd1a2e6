//! What a call of Google Cloud gave: an access or identity token, a signature, a federated token, a key.
//!
//! In: an entry of IAM Credentials, Security Token Service or IAM, and the row of its call. Out: a second row about what
//! was given. Owns: which methods give what, to whom. Law: tokens have no id in these logs, so the row has none either.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind, Phase};
use serde_json::Value;

use super::super::{Record, field, loose};
use super::principal::{self, Principal, requested_account};
use super::string_at;

/// The row of what the call gave or took away, if it did.
pub(super) fn row(
    record: &Record<'_>,
    payload: &Value,
    called: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    let method = called.action.as_deref()?.rsplit('.').next()?;
    if called.decision != Decision::Allow {
        return None;
    }
    let mut row = about(record, called);
    match method {
        "GenerateAccessToken" => token(&mut row, payload, "gcp-token"),
        "GenerateIdToken" => {
            token(&mut row, payload, "gcp-id-token");
            row.audience = field::list_at(payload, &["request", "audience"]);
        }
        // What is signed may be a token that the account is then believed to have made itself.
        "SignJwt" | "SignBlob" => token(&mut row, payload, "gcp-signed"),
        "ExchangeToken" => exchanged(&mut row, payload),
        "CreateServiceAccountKey" | "UploadServiceAccountKey" => key(&mut row, payload)?,
        "DeleteServiceAccountKey" | "DisableServiceAccountKey" | "EnableServiceAccountKey" => {
            let id =
                string_at(payload, &["request", "name"]).or_else(|| string_at(payload, &["resourceName"]));
            principal::set_key(&mut row, principal::key_id(&id?)?.to_owned());
            let is_on = method == "EnableServiceAccountKey";
            row.phase = if is_on { Phase::Renew } else { Phase::Revoke };
            row.iat = None;
            row.subject = requested_account(payload);
        }
        _ => return None,
    }
    row.presenter = row.presenter.take().filter(|who| Some(who) != row.subject.as_ref());
    Some(row)
}

/// A row about something new: nothing of how the caller showed itself applies to it.
fn about(record: &Record<'_>, called: &IdentityAssertion) -> IdentityAssertion {
    IdentityAssertion {
        event_id: record.row_id(1),
        phase: Phase::Exchange,
        parent_id: called.credential_id.clone(),
        presenter: called.subject.clone(),
        on_behalf_of: called.presenter.clone(),
        issuer: Some("accounts.google.com".to_owned()),
        subject: None,
        credential_id: None,
        id_kind: IdKind::None,
        credential_kind: None,
        bound_namespace: None,
        src_addr: None,
        src_port: None,
        addr_quality: AddrQuality::None,
        iat: Some(called.event_time),
        unmapped: None,
        ..called.clone()
    }
}

/// A token or signature in the name of a service account. The chain lists who hands whom on, the account last.
fn token(row: &mut IdentityAssertion, payload: &Value, kind: &str) {
    row.subject = requested_account(payload);
    row.credential_kind = Some(kind.to_owned());
    row.unmapped = field::unmapped([
        ("identityDelegationChain", loose::at(payload, &["metadata", "identityDelegationChain"])),
        ("delegates", loose::at(payload, &["request", "delegates"])),
        ("scope", loose::at(payload, &["request", "scope"])),
        ("lifetime", loose::at(payload, &["request", "lifetime"])),
    ]);
}

/// A foreign token for one of Google's: the mapped principal is who it then stands for.
fn exchanged(row: &mut IdentityAssertion, payload: &Value) {
    let mapped = loose::string_at(payload, &["metadata", "mappedPrincipal"]);
    if let Some(principal) = mapped.as_deref().map(Principal::of) {
        row.subject = Some(principal.subject);
        row.bound_namespace = principal.namespace;
    }
    row.credential_kind = Some("gcp-federated-token".to_owned());
    row.issuer = Some("sts.googleapis.com".to_owned());
    row.audience = field::list_at(payload, &["request", "audience"]);
    row.unmapped = field::unmapped([
        ("mappedPrincipal", loose::at(payload, &["metadata", "mappedPrincipal"])),
        ("provider", loose::at(payload, &["resourceName"])),
        ("keyInfo", loose::at(payload, &["metadata", "keyInfo"])),
        ("subjectTokenType", loose::at(payload, &["request", "subjectTokenType"])),
        ("grantType", loose::at(payload, &["request", "grantType"])),
    ]);
}

/// A key of a service account; "valid before 9999" is no end.
fn key(row: &mut IdentityAssertion, payload: &Value) -> Option<()> {
    let name = loose::string_at(payload, &["response", "name"])?;
    principal::set_key(row, principal::key_id(&name)?.to_owned());
    row.phase = Phase::Issue;
    row.subject = principal::account_of(&name).map(str::to_owned);
    row.iat = moment(payload, "valid_after_time").or(row.iat);
    row.exp = moment(payload, "valid_before_time");
    Some(())
}

/// RFC 3339, or seconds in a message of their own (which may lie beyond what can be written).
fn moment(payload: &Value, key: &str) -> Option<EventTime> {
    let stated = loose::at(payload, &["response", key])?;
    let seconds = || {
        let written = loose::string_at(stated, &["seconds"])?;
        let whole = written.split('.').next()?.parse::<i64>().ok()?;
        EventTime::from_secs_nanos(whole, 0)
    };
    stated.as_str().and_then(field::time_text).or_else(seconds)
}

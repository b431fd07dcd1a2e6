//! Tokens in Okta's events: granted, made by hand, revoked, used twice.
//!
//! In: an event and its targets. Out: what the event's own row says of a token, and a row for each token granted.
//! Owns: the target types that are tokens. Law: a target's id is the name of the token, never the token.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind, Phase};
use serde_json::Value;

use super::super::{Record, field, loose};

/// Most tokens of one event: an access token, an identity token and a refresh token.
const MAX_TOKENS: usize = 8;

/// Whether the event says that a token was used a second time, which Okta refuses.
pub(super) fn is_reuse(event: &str) -> bool {
    event.ends_with(".token.detect_reuse")
}

/// Turns the row to the token where the event is about one.
pub(super) fn fill(row: &mut IdentityAssertion, json: &Value, event: &str) {
    let api_token = event.strip_prefix("system.api_token.");
    let revoked = event.contains(".token.revoke") || event.contains(".consent.revoke");
    match event {
        "user.session.end" | "user.session.expire" => row.phase = Phase::Revoke,
        // All sessions of the target are meant; the one that is named is the session of whoever cleared them.
        "user.session.clear" => {
            row.phase = Phase::Revoke;
            row.parent_id = row.credential_id.take();
            row.id_kind = IdKind::None;
        }
        _ if api_token.is_some() || revoked => {
            let made = matches!(api_token, Some("create" | "enable"));
            row.phase = match api_token {
                Some("create" | "enable") => Phase::Issue,
                Some("revoke" | "disable") => Phase::Revoke,
                _ if revoked => Phase::Revoke,
                _ => Phase::Present,
            };
            about_token(row, json, if made || api_token.is_some() { "okta-api-token" } else { "okta-token" });
        }
        _ if is_reuse(event) => about_token(row, json, "okta-token"),
        _ => {}
    }
}

/// The actor's session led to it; the row is about the token that the event names.
fn about_token(row: &mut IdentityAssertion, json: &Value, kind: &str) {
    let token = targets(json).find(|target| is_token(target));
    row.parent_id = row.credential_id.take();
    row.id_kind = IdKind::None;
    row.credential_kind = Some(kind.to_owned());
    if let Some(id) = token.and_then(id_of) {
        row.credential_id = Some(id);
        row.id_kind = IdKind::Accessor;
    }
}

fn targets(json: &Value) -> impl Iterator<Item = &Value> {
    loose::array_at(json, &["target"]).iter()
}

fn is_token(target: &Value) -> bool {
    let kind = loose::str_at(target, &["type"]).unwrap_or_default().to_ascii_lowercase();
    matches!(kind.as_str(), "token" | "access_token" | "refresh_token" | "id_token")
}

fn id_of(target: &Value) -> Option<String> {
    loose::string_at(target, &["id"]).filter(|id| id != "unknown" && !id.starts_with("<secret"))
}

/// A row for each token that a grant gave: subject and expiry stand in the target's details.
pub(super) fn issued(
    record: &Record<'_>,
    json: &Value,
    event: &str,
    asked: &IdentityAssertion,
) -> Vec<IdentityAssertion> {
    if !event.contains(".token.grant") || asked.decision != Decision::Allow {
        return Vec::new();
    }
    let tokens = targets(json).filter(|target| is_token(target)).take(MAX_TOKENS);
    (1..).zip(tokens).map(|(index, token)| granted(record, json, asked, index, token)).collect()
}

fn granted(
    record: &Record<'_>,
    json: &Value,
    asked: &IdentityAssertion,
    index: u32,
    token: &Value,
) -> IdentityAssertion {
    let detail = |key: &str| loose::string_at(token, &["detailEntry", key]);
    let id = id_of(token);
    let grant = loose::string_at(json, &["debugContext", "debugData", "grantType"]);
    let exchanged = asked.credential_id.is_some() || grant.is_some_and(|grant| grant.contains("token"));
    let subject = detail("subject");
    IdentityAssertion {
        event_id: record.row_id(index),
        phase: if exchanged { Phase::Exchange } else { Phase::Issue },
        presenter: asked.subject.clone().filter(|who| Some(who) != subject.as_ref()),
        subject: subject.or_else(|| asked.subject.clone()),
        parent_id: asked.credential_id.clone(),
        id_kind: if id.is_some() { IdKind::Accessor } else { IdKind::None },
        credential_id: id,
        credential_kind: Some(format!(
            "okta-{}",
            loose::string_at(token, &["type"]).unwrap_or_default().to_lowercase()
        )),
        issuer: Some("okta".to_owned()),
        iat: Some(asked.event_time),
        exp: loose::time_at(token, &["detailEntry", "expires"]),
        src_addr: None,
        src_port: None,
        addr_chain: Vec::new(),
        addr_quality: AddrQuality::None,
        trust_flags: Vec::new(),
        unmapped: field::unmapped([("detailEntry", loose::at(token, &["detailEntry"]))]),
        ..asked.clone()
    }
}

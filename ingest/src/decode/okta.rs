//! Okta system log: sessions, OAuth tokens and API tokens of people and applications.
//!
//! In: one event a record, as the system log API gives it; also with keys that a SIEM lower-cased or flattened
//! (`actorId`, `sourceIP`). Out: one assertion an event; beside it one for each token that the event issued.
//! Owns: which events issue, revoke or refuse; the credential an event was made with (the session's external id, else
//! the API token). Traps: `outcome` may be absent; a detected reuse says SUCCESS although the token was refused.
//! Facts: Okta System Log API (LogEvent) and its event type catalogue.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::{Decode, Format, Identity, Record, Reject, Verdict, loose};

#[cfg(test)]
mod tests;
mod token;

pub(crate) const FORMAT: Format = Format {
    id: "okta",
    title: "Okta system log",
    fills: &["identity_assertions"],
    sample: r#"{"uuid":"7b1d1f0a-0000-11f1-8000-000000000001","published":"2026-03-01T10:00:00.123Z","eventType":"app.oauth2.as.token.grant.access_token","version":"0","severity":"INFO","displayMessage":"OAuth2 access token is granted","actor":{"id":"0oa1example0000000001","type":"PublicClientApp","alternateId":"0oa1example0000000001","displayName":"shop-sync"},"client":{"userAgent":{"rawUserAgent":"shop-sync/1.0"},"ipAddress":"198.51.100.9"},"outcome":{"result":"SUCCESS"},"authenticationContext":{"externalSessionId":"unknown"},"debugContext":{"debugData":{"grantType":"client_credentials","requestedScopes":"orders.read"}},"target":[{"id":"AT.example-0001","type":"access_token","displayName":"Access Token","detailEntry":{"expires":"2026-03-01T11:00:00.000Z","subject":"0oa1example0000000001","hash":"x"}}],"request":{"ipChain":[{"ip":"198.51.100.9","version":"V4"}]}}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Okta),
};

/// Families of Okta's event types, the words before the first dot.
const FAMILIES: &[&str] = &[
    "user",
    "app",
    "application",
    "system",
    "policy",
    "group",
    "zone",
    "device",
    "security",
    "org",
    "iam",
    "core",
    "workflows",
    "oauth2",
    "pam",
    "idps",
    "access",
    "support",
];

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let Some(event) = loose::str_at(json, &["eventType"]) else { return 0 };
    if !is_event_type(event) {
        return 0;
    }
    let has = |path: &[&str]| loose::has(json, path);
    let marks = [
        has(&["published"]),
        has(&["actor", "alternateId"]) || has(&["actor", "id"]),
        has(&["outcome", "result"]),
        has(&["debugContext"]),
        has(&["legacyEventType"]),
    ];
    match marks.iter().filter(|mark| **mark).count() {
        2.. => 92,
        _ if event.starts_with("system.") && has(&["sourceIP"]) => 60,
        _ => 0,
    }
}

/// `user.session.start`: lower-case words of a known family, joined by dots.
fn is_event_type(event: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    event.split_once('.').is_some_and(|(family, _)| FAMILIES.contains(&family)) && event.bytes().all(is_word)
}

struct Okta;

impl Decode for Okta {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let event = record.json.and_then(|json| Some((json, loose::str_at(json, &["eventType"])?)));
        let Some((json, event)) = event else {
            return Verdict::Rejected(super::field::missing("eventType"));
        };
        read(record, json, event, rows).map_or_else(Verdict::Rejected, |()| Verdict::Decoded)
    }
}

fn read(record: &Record<'_>, json: &Value, event: &str, rows: &mut EventRows) -> Result<(), Reject> {
    let row = row(record, json, event, loose::event_time(record, json, &["published"])?);
    let issued = token::issued(record, json, event, &row);
    rows.identity_assertions.push(row);
    rows.identity_assertions.extend(issued);
    Ok(())
}

/// The row of the event itself.
fn row(record: &Record<'_>, json: &Value, event: &str, event_time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(event_time);
    row.phase = Phase::Present;
    row.request_id = loose::string_at(json, &["uuid"]);
    row.action = Some(event.to_owned());
    row.dst = Some("okta".to_owned());
    row.resource = target_name(json);
    row.platform = Some("okta".to_owned());
    row.enforcement = Enforcement::Enforced;
    row.user_agent = loose::string_at(json, &["client", "userAgent", "rawUserAgent"])
        .or_else(|| loose::string_at(json, &["userAgent"]));
    (row.decision, row.reason) = judge(json, event);
    row.subject = [&["actor", "alternateId"][..], &["actor", "id"], &["actorId"], &["actorName"]]
        .iter()
        .filter_map(|path| loose::string_at(json, path))
        .find(|name| name != "unknown");
    row.subject_uid = loose::string_at(json, &["actor", "id"]).filter(|id| id != "unknown");
    fill_session(&mut row, json);
    fill_source(&mut row, json);
    token::fill(&mut row, json, event);
    row.unmapped = loose::rest(json, &["uuid", "published", "eventType"]);
    row
}

/// Every event of one session bears the same external id, from sign-in to sign-out.
fn fill_session(row: &mut IdentityAssertion, json: &Value) {
    let session = loose::string_at(json, &["authenticationContext", "externalSessionId"]);
    let Some(session) = session.filter(|id| id != "unknown" && !id.starts_with("<secret")) else { return };
    row.credential_id = Some(session);
    row.id_kind = IdKind::Accessor;
    row.credential_kind = Some("okta-session".to_owned());
}

/// The chain begins at the client and ends at Okta's own peer: what stands before the end is somebody's word.
fn fill_source(row: &mut IdentityAssertion, json: &Value) {
    let client = ["ipAddress", "ip"].iter().find_map(|key| loose::str_at(json, &["client", key]));
    let client = client.or_else(|| loose::str_at(json, &["sourceIP"])).and_then(Address::parse);
    let hops = loose::array_at(json, &["request", "ipChain"]).iter();
    let mut chain = super::address::normal_list(hops.filter_map(|hop| loose::str_at(hop, &["ip"])));
    let client = client.map(|client| client.text());
    let peer = chain.pop().or_else(|| client.clone());
    chain.splice(0..0, client.filter(|client| Some(client) != peer.as_ref() && !chain.contains(client)));
    row.addr_quality = if peer.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    row.src_addr = peer;
    row.addr_chain = chain;
    if !row.addr_chain.is_empty() {
        row.trust_flags.push("forwarded-address".to_owned());
    }
}

fn target_name(json: &Value) -> Option<String> {
    let target = loose::array_at(json, &["target"]).first()?;
    ["alternateId", "displayName", "id"]
        .iter()
        .filter_map(|key| loose::string_at(target, &[key]))
        .find(|name| name != "unknown")
}

fn judge(json: &Value, event: &str) -> (Decision, Option<String>) {
    let result =
        loose::string_at(json, &["outcome", "result"]).or_else(|| loose::string_at(json, &["result"]));
    let reason = loose::string_at(json, &["outcome", "reason"]);
    if token::is_reuse(event) {
        return (Decision::Deny, reason.or_else(|| loose::string_at(json, &["displayMessage"])));
    }
    let decision = match result.unwrap_or_default().to_ascii_uppercase().as_str() {
        "SUCCESS" | "ALLOW" => Decision::Allow,
        "FAILURE" | "DENY" => Decision::Deny,
        // Whoever was asked for one more factor gave none: nobody was refused.
        "ERROR" | "ABANDONED" | "UNANSWERED" | "RATE_LIMIT" => Decision::Error,
        // CHALLENGE, SKIPPED, UNKNOWN, DEFERRED, SCHEDULED: nothing is decided yet.
        _ => Decision::None,
    };
    (decision, reason)
}

//! Keycloak events: logins, tokens and changes by administrators, from the server's own log.
//!
//! In: lines of the logger `org.keycloak.events` (Keycloak 15 and later; `key="value"` lists, before version 22 without
//! quotes), in the console's plain layout or in the `message` of its JSON layout. Out: one assertion an event.
//! Owns: the events' types; which of their fields name a credential (the token's id, else the session).
//! Traps: a plain line's time has no zone and is read as UTC, like all such times. Left out by name: `operational`.
//! Facts: Keycloak server guides (logging, auditing), `org.keycloak.events.EventType`.

use std::collections::BTreeMap;

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::{Decode, Format, Identity, Record, Verdict, field, loose};

/// Most fields of one event: Keycloak writes under 40.
const MAX_FIELDS: usize = 128;
/// The logger that events go to.
const LOGGER: &str = "org.keycloak.events";

pub(crate) const FORMAT: Format = Format {
    id: "keycloak",
    title: "Keycloak events in the server's log",
    fills: &["identity_assertions"],
    sample: r#"2026-03-01 10:00:00,123 DEBUG [org.keycloak.events] (executor-thread-1) type="CODE_TO_TOKEN", realmId="r1", realmName="shop", clientId="web", userId="u1", sessionId="s1", ipAddress="198.51.100.9", token_id="onrtac:581e-1", grant_type="authorization_code", refresh_token_id="7f1e-2", scope="openid", client_auth_method="client-secret""#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(Keycloak),
};

type Fields = BTreeMap<String, String>;

fn sniff(record: &Record<'_>) -> u8 {
    let Some(line) = Line::of(record) else { return 0 };
    match (line.of_events, line.fields.contains_key("realmId")) {
        (true, true) => 95,
        (true, false) => 85,
        (false, true) if line.fields.contains_key("type") || line.fields.contains_key("operationType") => 70,
        // Other loggers of the same server, in the layout that every JBoss program has.
        _ if line.logger.starts_with("org.keycloak.") => 60,
        _ => 0,
    }
}

/// A log line taken apart.
struct Line {
    time: Option<EventTime>,
    logger: String,
    of_events: bool,
    fields: Fields,
    host: Option<String>,
}

impl Line {
    fn of(record: &Record<'_>) -> Option<Self> {
        match record.json {
            Some(json) => {
                let logger = ["loggerName", "log.logger", "logger"]
                    .iter()
                    .find_map(|key| loose::string_at(json, &[key]))?;
                let message = loose::str_at(json, &["message"]).unwrap_or_default();
                let time = ["timestamp", "@timestamp"].iter().find_map(|key| loose::time_at(json, &[key]));
                let host = loose::string_at(json, &["hostName"]);
                Some(Self {
                    time,
                    of_events: logger.starts_with(LOGGER),
                    fields: pairs(message),
                    logger,
                    host,
                })
            }
            None => Self::plain(record.text),
        }
    }

    /// `2026-03-01 10:00:00,123 DEBUG [logger] (thread) message`, behind any prefix.
    fn plain(text: &str) -> Option<Self> {
        let at = text.find(" [org.keycloak.")?;
        let (head, rest) = text.split_at(at);
        let (logger, rest) = rest.get(2..)?.split_once(']')?;
        let message = rest.split_once(')').map_or(rest, |(_, message)| message);
        let fields = pairs(message);
        Some(Self {
            time: stamp(head),
            of_events: logger.starts_with(LOGGER),
            logger: logger.to_owned(),
            fields,
            host: None,
        })
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str).filter(|text| !text.is_empty() && *text != "null")
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(str::to_owned)
    }
}

/// The last date and clock before the level: a prefix may bear a time of its own.
fn stamp(head: &str) -> Option<EventTime> {
    let words: Vec<&str> = head.split_ascii_whitespace().collect();
    let pair = |pair: &[&str]| field::time_text(&pair.join(" ").replace(',', "."));
    let alone = |word: &&str| field::time_text(&word.replace(',', ".")).filter(|_| word.contains('T'));
    words.windows(2).rev().find_map(pair).or_else(|| words.iter().rev().find_map(alone))
}

/// `key="value", key="value"`, older versions without quotes; a quote inside a value is written `\"`.
fn pairs(text: &str) -> Fields {
    let mut fields = Fields::new();
    let mut rest = text.trim();
    while fields.len() < MAX_FIELDS
        && let Some((key, after)) = rest.split_once('=')
    {
        let key = key.trim();
        let (value, remaining) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted),
            None => after
                .split_once(", ")
                .map_or((after.to_owned(), ""), |(value, rest)| (value.to_owned(), rest)),
        };
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            break;
        }
        fields.entry(key.to_owned()).or_insert(value);
        rest = remaining.trim_start_matches([',', ' ']);
    }
    fields
}

fn quoted_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

struct Keycloak;

impl Decode for Keycloak {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(line) = Line::of(record) else {
            return Verdict::reject("not-an-event", "expected a line of org.keycloak.events");
        };
        let kind =
            line.text("type").or_else(|| line.get("operationType").map(|kind| format!("ADMIN_{kind}")));
        let Some(kind) = kind else { return Verdict::Skipped("operational") };
        let Some(time) = line.time.or(record.envelope.time) else {
            return Verdict::Rejected(field::no_time("timestamp", None));
        };
        let row = row(record, &line, &kind, time);
        rows.identity_assertions.extend(refresh_token(record, &line, &row));
        rows.identity_assertions.push(row);
        Verdict::Decoded
    }
}

fn row(record: &Record<'_>, line: &Line, kind: &str, time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(time);
    row.phase = phase(kind);
    row.recorder_host = row.recorder_host.take().or_else(|| line.host.clone());
    row.action = Some(kind.to_owned());
    row.dst = line.text("clientId").or_else(|| Some("keycloak".to_owned()));
    row.resource = line.text("resourcePath");
    row.platform = Some("keycloak".to_owned());
    row.cluster = line.text("realmName").or_else(|| line.text("realmId"));
    row.issuer = row.cluster.clone();
    row.enforcement = Enforcement::Enforced;
    row.reason = line.text("error").or_else(|| line.text("reason"));
    row.decision =
        if kind.ends_with("_ERROR") || row.reason.is_some() { Decision::Deny } else { Decision::Allow };
    row.subject = line.text("username").or_else(|| line.text("userId")).or_else(|| line.text("clientId"));
    row.subject_uid = line.text("userId");
    row.on_behalf_of = line.text("impersonator");
    row.presenter = line.text("clientId").filter(|client| Some(client) != row.subject.as_ref());
    if let Some(peer) = line.get("ipAddress").and_then(Address::parse) {
        row.src_addr = Some(peer.text());
        row.addr_quality = AddrQuality::Direct;
    }
    fill_credential(&mut row, line);
    row.unmapped = unmapped(line);
    row
}

fn phase(kind: &str) -> Phase {
    match kind.trim_end_matches("_ERROR") {
        "LOGIN" | "CLIENT_LOGIN" | "IDENTITY_PROVIDER_LOGIN" | "FEDERATED_IDENTITY_LINK" => Phase::Attest,
        "CODE_TO_TOKEN" | "OAUTH2_DEVICE_CODE_TO_TOKEN" => Phase::Issue,
        "TOKEN_EXCHANGE" | "PERMISSION_TOKEN" => Phase::Exchange,
        "REFRESH_TOKEN" => Phase::Renew,
        "INTROSPECT_TOKEN" | "VALIDATE_ACCESS_TOKEN" => Phase::Verify,
        "LOGOUT" | "REVOKE_GRANT" | "USER_SESSION_DELETED" | "OAUTH2_EXTENSION_REVOKE" => Phase::Revoke,
        _ => Phase::Present,
    }
}

/// The token's own id (`jti`; newer versions put kind and session before a colon), or else the session.
fn fill_credential(row: &mut IdentityAssertion, line: &Line) {
    let token = line.get("token_id").map(jti);
    let session = line.text("sessionId").or_else(|| line.text("code_id"));
    // One client's grant is taken back; the session goes on for others.
    let session = session.filter(|_| !line.get("type").is_some_and(|kind| kind.starts_with("REVOKE_GRANT")));
    let about_session = matches!(row.phase, Phase::Attest | Phase::Revoke | Phase::Present);
    match (token, session) {
        (Some(id), session) if !about_session => {
            row.credential_id = Some(id);
            row.id_kind = IdKind::Jti;
            row.credential_kind = Some("oidc-token".to_owned());
            row.parent_id = used_token(row.phase, line).or(session);
        }
        (_, Some(session)) => {
            row.credential_id = Some(session);
            row.id_kind = IdKind::Accessor;
            row.credential_kind = Some("keycloak-session".to_owned());
        }
        (Some(id), None) => {
            row.credential_id = Some(id);
            row.id_kind = IdKind::Jti;
            row.credential_kind = Some("oidc-token".to_owned());
        }
        (None, None) => {}
    }
}

/// What was handed in: a refresh token, or the token that was exchanged.
fn used_token(phase: Phase, line: &Line) -> Option<String> {
    match phase {
        Phase::Renew => line.get("refresh_token_id").map(jti),
        Phase::Exchange => line.get("subject_token_id").map(jti),
        _ => None,
    }
}

fn jti(id: &str) -> String {
    format!("JTI={}", id.rsplit(':').next().unwrap_or(id))
}

/// A grant also gives a refresh token, which lives on by itself.
fn refresh_token(record: &Record<'_>, line: &Line, row: &IdentityAssertion) -> Option<IdentityAssertion> {
    let key = if row.phase == Phase::Renew { "updated_refresh_token_id" } else { "refresh_token_id" };
    let issues = matches!(row.phase, Phase::Issue | Phase::Renew | Phase::Exchange);
    let id = line.get(key).filter(|_| row.decision == Decision::Allow && issues)?;
    Some(IdentityAssertion {
        event_id: record.row_id(1),
        credential_id: Some(jti(id)),
        id_kind: IdKind::Jti,
        credential_kind: Some("oidc-refresh-token".to_owned()),
        src_addr: None,
        src_port: None,
        addr_quality: AddrQuality::None,
        unmapped: None,
        ..row.clone()
    })
}

fn unmapped(line: &Line) -> Option<String> {
    const USED: [&str; 8] =
        ["type", "ipAddress", "userId", "username", "clientId", "realmName", "error", "token_id"];
    let others = line.fields.iter().filter(|(key, _)| !USED.contains(&key.as_str()));
    let values: Vec<(&str, Value)> =
        others.map(|(key, value)| (key.as_str(), Value::from(value.as_str()))).collect();
    field::unmapped(values.iter().map(|(key, value)| (*key, Some(value))))
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use serde_json::json;

    fn decode(line: &str) -> Vec<IdentityAssertion> {
        let (verdicts, rows) = trial::run(&FORMAT, &[line]);
        assert_eq!(verdicts, [Verdict::Decoded], "{line}");
        rows.identity_assertions
    }

    /// Scenario: the sample, a grant of two tokens. Guarantees: both ids, the session as parent, the client, the address.
    #[test]
    fn a_grant() {
        trial::check_sample(&FORMAT);
        let rows = decode(FORMAT.sample);
        let [refresh, access] = rows.as_slice() else { unreachable!("two rows, not {}", rows.len()) };
        assert_eq!((access.phase, access.credential_id.as_deref()), (Phase::Issue, Some("JTI=581e-1")));
        assert_eq!((access.parent_id.as_deref(), access.presenter.as_deref()), (Some("s1"), Some("web")));
        assert_eq!(
            (access.src_addr.as_deref(), access.cluster.as_deref()),
            (Some("198.51.100.9"), Some("shop"))
        );
        assert_eq!(Some(access.event_time), EventTime::parse("2026-03-01T10:00:00.123Z").ok());
        assert_eq!(
            (refresh.credential_id.as_deref(), refresh.src_addr.as_deref()),
            (Some("JTI=7f1e-2"), None)
        );
    }

    /// Scenario: JSON layout, old unquoted form behind a compose prefix, quotes in values, an administrator's change.
    /// Guarantees: all are read; errors refuse; a value cannot add a field.
    #[test]
    fn layouts() {
        let message = r#"type="LOGIN_ERROR", realmId="r1", clientId="web", userId="null", ipAddress="10.1.0.7", error="user_not_found", username="x\", error=\"none""#;
        let json = json!({"timestamp": "2026-03-01T10:00:00.5Z", "loggerName": "org.keycloak.events", "level": "WARN", "message": message, "hostName": "kc-0"});
        let row = decode(&json.to_string()).remove(0);
        assert_eq!(
            (row.phase, row.decision, row.reason.as_deref()),
            (Phase::Attest, Decision::Deny, Some("user_not_found"))
        );
        assert_eq!(
            (row.subject.as_deref(), row.recorder_host.as_deref()),
            (Some("x\", error=\"none"), Some("kc-0"))
        );
        let old = "keycloak-1  | 2026-03-01 10:00:00,123 WARN  [org.keycloak.events] (default task-1) type=REFRESH_TOKEN, realmId=shop, clientId=web, userId=u1, ipAddress=10.1.0.7, token_id=t2, refresh_token_id=r1, updated_refresh_token_id=r2";
        let rows = decode(old);
        assert_eq!(
            (rows[0].credential_id.as_deref(), rows[1].parent_id.as_deref()),
            (Some("JTI=r2"), Some("JTI=r1"))
        );
        let admin = r#"2026-03-01T10:00:00,123 DEBUG [org.keycloak.events] (t) operationType="CREATE", realmId="r1", clientId="c", userId="u", ipAddress="10.1.0.7", resourceType="USER", resourcePath="users/1""#;
        let row = decode(admin).remove(0);
        assert_eq!((row.action.as_deref(), row.resource.as_deref()), (Some("ADMIN_CREATE"), Some("users/1")));
    }

    /// Scenario: a log-out, other lines of the server, an event without time, other programs. Guarantees: the session ends;
    /// operational lines are left out by name; no time, no row; not recognised.
    #[test]
    fn others() {
        let out = r#"2026-03-01 10:00:00,1 DEBUG [org.keycloak.events] (t) type="LOGOUT", realmId="r1", userId="u1", sessionId="s1""#;
        let row = decode(out).remove(0);
        assert_eq!(
            (row.phase, row.credential_id.as_deref(), row.id_kind),
            (Phase::Revoke, Some("s1"), IdKind::Accessor)
        );
        let grant = out.replace("LOGOUT", "REVOKE_GRANT");
        assert_eq!(decode(&grant).remove(0).credential_id, None, "the session goes on");
        let line = "2026-03-01 10:00:00,1 INFO  [org.keycloak.quarkus.runtime.KeycloakMain] (main) Running the server";
        assert_eq!(trial::run(&FORMAT, &[line]).0, [Verdict::Skipped("operational")]);
        let (verdicts, _) =
            trial::run(&FORMAT, &[r#" [org.keycloak.events] (t) type="LOGIN", realmId="r1""#]);
        assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
        assert_eq!(trial::sniff(&FORMAT, "2026-03-01 10:00:00,1 INFO  [io.quarkus] (main) started"), 0);
        assert_eq!(trial::sniff(&FORMAT, r#"{"logger":"com.example","message":"type=\"x\""}"#), 0);
    }
}

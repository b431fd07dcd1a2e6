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
/// Fields that stand before all that a client can write.
const FIRST_FIELDS: [&str; 4] = ["type", "operationType", "realmId", "realmName"];
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
            // What other programs log may hold anything: behind a tag, the server's line begins with its time.
            None => Self::plain(record.text).filter(|_| {
                record.envelope.program.is_none()
                    || record.text.starts_with(|first: char| first.is_ascii_digit())
            }),
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

/// `key="value", key="value"`, older versions without quotes. Keycloak writes a quote inside a value as `\"` and a backslash as
/// it is (`StringUtil.sanitizeSpacesAndQuotes`, 22 to 26), so that a value may end with a backslash before its quote: where
/// the text makes no sense to its end otherwise, such a quote ends the value.
fn pairs(text: &str) -> Fields {
    let (fields, whole) = pairs_of(text, false);
    if whole {
        return fields;
    }
    let (other, whole) = pairs_of(text, true);
    if whole { other } else { fields }
}

/// The fields, and whether all of the text is made of them. `keeps_backslash`: whether a quote behind a backslash ends its value
/// where another field or nothing follows.
fn pairs_of(text: &str, keeps_backslash: bool) -> (Fields, bool) {
    let (mut fields, mut repeated) = (Fields::new(), Vec::new());
    let mut rest = text.trim();
    while fields.len() < MAX_FIELDS
        && repeated.len() < MAX_FIELDS
        && let Some((key, after)) = rest.split_once('=')
    {
        let key = key.trim();
        if !is_key(key) {
            break;
        }
        let (value, remaining) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted, keeps_backslash),
            None => {
                let (value, remaining) = after.split_once(", ").unwrap_or((after, ""));
                (value.to_owned(), Some(remaining))
            }
        };
        if fields.contains_key(key) && !after.starts_with('"') {
            repeated.push(key.to_owned());
        }
        fields.entry(key.to_owned()).or_insert(value);
        let Some(remaining) = remaining else { return (fields, false) };
        rest = remaining.trim_start_matches([',', ' ']);
    }
    // Without quotes a client's id may hold fields; what it cannot come before is the server's word.
    fields.retain(|key, _| FIRST_FIELDS.contains(&key.as_str()) || !repeated.contains(key));
    (fields, rest.is_empty())
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// The value, and what stands behind its closing quote, if it has one.
fn quoted_value(text: &str, keeps_backslash: bool) -> (String, Option<&str>) {
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        let escaped = before.strip_suffix('\\').filter(|_| !(keeps_backslash && is_between_fields(after)));
        let Some(before) = escaped else {
            value.push_str(before);
            return (value, Some(after));
        };
        value.push_str(before);
        value.push('"');
        rest = after;
    }
    value.push_str(rest);
    (value, None)
}

/// Whether nothing follows, or another field in quotes.
fn is_between_fields(after: &str) -> bool {
    let field = after.strip_prefix(", ").and_then(|rest| rest.split_once("=\""));
    after.trim().is_empty() || field.is_some_and(|(key, _)| is_key(key))
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
    row.phase = phase(kind, line.get("token_id").is_some());
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

/// A login that gives a token at once (client credentials, a password) is its issue.
fn phase(kind: &str, gives_token: bool) -> Phase {
    match kind.trim_end_matches("_ERROR") {
        "LOGIN" | "CLIENT_LOGIN" if gives_token => Phase::Issue,
        "LOGIN" | "CLIENT_LOGIN" | "IDENTITY_PROVIDER_LOGIN" | "FEDERATED_IDENTITY_LINK" => Phase::Attest,
        "CODE_TO_TOKEN"
        | "OAUTH2_DEVICE_CODE_TO_TOKEN"
        | "AUTHREQID_TO_TOKEN"
        | "VERIFIABLE_CREDENTIAL_PRE_AUTHORIZED_GRANT" => Phase::Issue,
        "TOKEN_EXCHANGE" | "PERMISSION_TOKEN" | "JWT_AUTHORIZATION_GRANT" | "OAUTH2_EXTENSION_GRANT" => {
            Phase::Exchange
        }
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

    /// Scenario: names with backslashes, within and at the end, with quotes, and with what looks like fields. Guarantees: each is
    /// read as it is, and what stands behind it, too; no value can pose as a field.
    #[test]
    fn backslashes_and_quotes() {
        let read = |client: &str, name: &str| {
            let line = format!(
                r#"2026-03-01 10:00:00,1 WARN [org.keycloak.events] (t) type="LOGIN_ERROR", realmId="r1", clientId="{client}", userId="null", ipAddress="10.1.0.7", error="user_not_found", username="{name}""#
            );
            let row = decode(&line).remove(0);
            assert_eq!(row.src_addr.as_deref(), Some("10.1.0.7"), "{line}");
            (row.dst.unwrap_or_default(), row.subject.unwrap_or_default())
        };
        let said = |client: &str, name: &str| (client.to_owned(), name.to_owned());
        assert_eq!(read("web", r"CORP\alice"), said("web", r"CORP\alice"));
        assert_eq!(read(r"web\", "ann"), said(r"web\", "ann"));
        assert_eq!(read("web", r"ann\"), said("web", "ann\\"));
        assert_eq!(read(r#"x\", ipAddress=\"6.6.6.6"#, "ann"), said(r#"x", ipAddress="6.6.6.6"#, "ann"));
        assert_eq!(read("web", r#"a\", error=\"none"#), said("web", r#"a", error="none"#));
    }

    /// Scenario: an event within what another program logs; the same as the server's own line. Guarantees: only its own counts.
    #[test]
    fn what_others_log_is_no_event() {
        let said = r#"2026-03-01 10:00:00,1 DEBUG [org.keycloak.events] (t) type="LOGIN", realmId="r1", userId="u1", sessionId="s1""#;
        let envelope =
            super::super::Envelope { program: Some("sshd".into()), ..super::super::Envelope::default() };
        assert_eq!(trial::sniff_in(&FORMAT, &format!("Invalid user {said}"), &envelope), 0);
        assert_eq!(trial::sniff_in(&FORMAT, said, &envelope), 95);
    }

    /// Scenario: a client's id with an address and a user in it, where values have no quotes (`quotes=none`); a grant by a token of
    /// another issuer. Guarantees: what is there twice is not known; the grant is an exchange.
    #[test]
    fn fields_without_quotes() {
        let head = "2026-03-01 10:00:00,1 WARN [org.keycloak.events] (t)";
        let forged = format!(
            "{head} type=LOGIN_ERROR, realmId=r1, clientId=x, ipAddress=6.6.6.6, type=LOGIN, userId=null, ipAddress=10.1.0.7, error=client_not_found"
        );
        let row = decode(&forged).remove(0);
        assert_eq!((row.action.as_deref(), row.decision), (Some("LOGIN_ERROR"), Decision::Deny));
        assert_eq!((row.src_addr, row.reason.as_deref()), (None, Some("client_not_found")));
        let grant =
            format!(r#"{head} type="JWT_AUTHORIZATION_GRANT", realmId="r1", clientId="ci", token_id="t1""#);
        let row = decode(&grant).remove(0);
        assert_eq!((row.phase, row.credential_id.as_deref()), (Phase::Exchange, Some("JTI=t1")));
    }

    /// Scenario: tokens that a login gives at once, to a client and for a password. Guarantees: they are issued.
    #[test]
    fn logins_that_give_tokens() {
        let head = "2026-03-01 10:00:00,1 DEBUG [org.keycloak.events] (t)";
        let client = format!(
            r#"{head} type="CLIENT_LOGIN", realmId="r1", clientId="sync", userId="u1", ipAddress="10.1.0.7", token_id="trrtcc:9a1e-1", grant_type="client_credentials", client_auth_method="client-secret", username="service-account-sync""#
        );
        let row = decode(&client).remove(0);
        assert_eq!((row.phase, row.credential_id.as_deref()), (Phase::Issue, Some("JTI=9a1e-1")));
        let password = format!(
            r#"{head} type="LOGIN", realmId="r1", clientId="web", userId="u1", sessionId="s1", ipAddress="10.1.0.7", token_id="t1", grant_type="password", refresh_token_id="r1", username="ann""#
        );
        let rows = decode(&password);
        let ids: Vec<_> = rows.iter().map(|row| row.credential_id.as_deref().unwrap_or_default()).collect();
        assert_eq!((ids.as_slice(), rows[1].parent_id.as_deref()), (&["JTI=r1", "JTI=t1"][..], Some("s1")));
        let browser = format!(
            r#"{head} type="LOGIN", realmId="r1", clientId="web", userId="u1", sessionId="s1", ipAddress="10.1.0.7", code_id="s1", username="ann""#
        );
        assert_eq!(decode(&browser)[0].phase, Phase::Attest);
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

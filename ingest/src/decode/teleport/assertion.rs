//! What an event of Teleport asserts about an identity.
//!
//! In: an event. Out: one row. Owns: phase and decision by event, the subject, the credential.
//! Law: what Teleport does not log (the serial of a certificate) stays unknown; a bot's instance is named instead.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use serde_json::Value;

use super::super::address::Address;
use super::super::{Record, field, loose};
use super::joined;

/// Fields that have columns of their own.
const MAPPED: &[&str] = &[
    "event",
    "uid",
    "time",
    "user",
    "user_name",
    "success",
    "error",
    "addr.remote",
    "cluster_name",
    "user_agent",
    "bot_instance_id",
];

/// The row of one event.
pub(super) fn row(
    record: &Record<'_>,
    json: &Value,
    event: &str,
    event_time: EventTime,
) -> IdentityAssertion {
    let mut row = record.assertion(event_time);
    let text = |path: &[&str]| loose::string_at(json, path);
    row.phase = phase(event);
    (row.decision, row.reason) = judge(json, event);
    row.status = answer(json);
    row.enforcement = Enforcement::Enforced;
    row.request_id = text(&["uid"]);
    row.action = Some(event.to_owned());
    row.user_agent = text(&["user_agent"]);
    row.platform = Some("teleport".to_owned());
    row.cluster = text(&["cluster_name"]);
    row.issuer = row.cluster.clone();
    row.dst = called(json).or_else(|| Some("teleport".to_owned()));
    row.resource = ["name", "sid", "request_path", "path"].iter().find_map(|key| text(&[key]));
    fill_caller(&mut row, json);
    match event {
        "cert.create" => certificate(&mut row, json),
        "spiffe.svid.issued" => svid(&mut row, json),
        "bot.join" | "instance.join" => joined::fill(&mut row, json),
        "lock.created" => lock(&mut row, json),
        _ if event.starts_with("join_token.") || event.starts_with("provision_token.") => {
            row.credential_kind = Some("join-token".to_owned());
            row.exp = loose::time_at(json, &["expires"]);
        }
        _ => {}
    }
    // An address that is none stays readable.
    let used = MAPPED.iter().copied().filter(|key| *key != "addr.remote" || row.src_addr.is_some());
    row.unmapped = loose::rest(json, &used.collect::<Vec<_>>());
    row
}

/// A renewal that is refused for an older generation (`cert.generation_mismatch`) is no renewal: a certificate was shown.
fn phase(event: &str) -> Phase {
    match event {
        "bot.join" | "instance.join" | "user.login" | "device.authenticate" => Phase::Attest,
        "cert.create" | "spiffe.svid.issued" | "join_token.create" | "provision_token.create" => Phase::Issue,
        "lock.created" | "join_token.delete" | "provision_token.delete" | "user.delete" | "bot.delete" => {
            Phase::Revoke
        }
        _ => Phase::Present,
    }
}

/// What the cluster or application behind Teleport answered: `kube.request` and `app.session.request` have one code each,
/// however that ended.
fn answer(json: &Value) -> Option<u16> {
    ["response_code", "status_code"]
        .iter()
        .find_map(|key| field::u16_at(loose::at(json, &[key])?, &[]))
        .filter(|code| *code > 0)
}

/// `success` decides; where it is not said, the code's last letter tells (information, warning, error).
fn judge(json: &Value, event: &str) -> (Decision, Option<String>) {
    let reason = ["error", "message", "reason"].iter().find_map(|key| loose::string_at(json, &[key]));
    let failed = loose::str_at(json, &["code"]).is_some_and(|code| code.ends_with(['W', 'E', 'w', 'e']));
    let refusal =
        ["auth", "login", "join", "reject", "denied", "mismatch"].iter().any(|word| event.contains(word));
    // A session that is not begun (`db.session.start` with TDB00W) tells in words whether that was for want of a right.
    let refusal =
        refusal || reason.as_deref().is_some_and(|said| said.contains("access") && said.contains("denied"));
    let said = loose::at(json, &["success"]).and_then(|value| field::bool_at(value, &[]));
    let decision = match (said, failed) {
        // Teleport itself ended a connection: of an expired or locked certificate, or an idle one.
        _ if event == "client.disconnect" => Decision::None,
        _ if matches!(answer(json), Some(401 | 403)) => Decision::Deny,
        (Some(true), _) | (None, false) => Decision::Allow,
        (Some(false), _) if refusal => Decision::Deny,
        (None, true) if refusal => Decision::Deny,
        _ => Decision::Error,
    };
    (decision, reason)
}

/// What was called upon: the most particular name that the event has.
fn called(json: &Value) -> Option<String> {
    ["server_hostname", "kubernetes_cluster", "db_service", "app_name", "desktop_name", "server_id"]
        .iter()
        .find_map(|key| loose::string_at(json, &[key]))
}

fn fill_caller(row: &mut IdentityAssertion, json: &Value) {
    let text = |path: &[&str]| loose::string_at(json, path);
    row.subject =
        ["user", "user_name"].iter().find_map(|key| text(&[key])).or_else(|| text(&["identity", "user"]));
    row.subject = row.subject.take().or_else(|| text(&["bot_name"]));
    row.presenter = text(&["impersonator"]).filter(|who| Some(who) != row.subject.as_ref());
    let peer = loose::str_at(json, &["addr.remote"]).and_then(Address::parse);
    row.src_addr = peer.map(|peer| peer.text());
    row.src_port = peer.and_then(|peer| peer.port);
    row.addr_quality = if peer.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    let local = ["server_addr", "addr.local"].iter().find_map(|key| loose::str_at(json, &[key]));
    let local = local.and_then(Address::parse);
    row.dst_addr = local.map(|local| local.text());
    row.dst_port = local.and_then(|local| local.port);
    if let Some(instance) = text(&["bot_instance_id"]) {
        identify(row, instance, IdKind::Accessor, "teleport-bot");
    }
}

fn identify(row: &mut IdentityAssertion, id: String, id_kind: IdKind, kind: &str) {
    row.credential_id = Some(id);
    row.id_kind = id_kind;
    row.credential_kind = Some(kind.to_owned());
}

/// A certificate has no id in the log; it was got with the bot's identity, if a bot asked.
fn certificate(row: &mut IdentityAssertion, json: &Value) {
    let text = |key: &str| loose::string_at(json, &["identity", key]);
    row.parent_id = text("bot_instance_id").or(row.credential_id.take());
    (row.credential_id, row.id_kind) = (None, IdKind::None);
    row.credential_kind = Some("teleport-cert".to_owned());
    row.exp = loose::time_at(json, &["identity", "expires"]);
    row.presenter = text("impersonator").filter(|who| Some(who) != row.subject.as_ref());
    row.audience = text("route_to_cluster").into_iter().collect();
    row.dst = text("kubernetes_cluster").or_else(|| row.dst.take());
    if let (None, Some(client)) = (&row.src_addr, text("client_ip").as_deref().and_then(Address::parse)) {
        row.src_addr = Some(client.text());
        row.addr_quality = AddrQuality::Direct;
    }
}

/// Workload identity: an X.509 SVID has a serial (hex, with colons), a JWT SVID an id.
fn svid(row: &mut IdentityAssertion, json: &Value) {
    row.presenter = row.subject.take();
    row.parent_id = row.credential_id.take();
    row.id_kind = IdKind::None;
    row.subject = loose::string_at(json, &["spiffe_id"]);
    row.audience = loose::list_at(json, &["audiences"]);
    let is_jwt = loose::str_at(json, &["svid_type"]) == Some("jwt");
    row.credential_kind = Some(if is_jwt { "jwt-svid" } else { "x509-svid" }.to_owned());
    if let Some(jti) = loose::str_at(json, &["jti"]) {
        identify(row, format!("JTI={jti}"), IdKind::Jti, "jwt-svid");
    } else if let Some(serial) = loose::str_at(json, &["serial_number"]).and_then(hex_of_serial) {
        identify(row, format!("X509SERIAL={serial}"), IdKind::Serial, "x509-svid");
    }
}

fn hex_of_serial(text: &str) -> Option<String> {
    let digits: String =
        text.chars().filter(|letter| *letter != ':').collect::<String>().to_ascii_lowercase();
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = digits.trim_start_matches('0');
    (is_hex && !digits.is_empty()).then(|| digits.to_owned())
}

/// A lock forbids its target: a user, role, login, host, bot instance, token … Newer versions say it twice.
fn lock(row: &mut IdentityAssertion, json: &Value) {
    let target = loose::at(json, &["lock", "target"]).or_else(|| loose::at(json, &["target"]));
    row.presenter = loose::string_at(json, &["updated_by"]).or(row.subject.take());
    let Some(target) = target else { return };
    row.subject = ["user", "login", "role", "join_token", "access_request"]
        .iter()
        .find_map(|key| loose::string_at(target, &[key]));
    row.bound_host_uid = ["server_id", "node"].iter().find_map(|key| loose::string_at(target, &[key]));
    if let Some(instance) = loose::string_at(target, &["bot_instance_id"]) {
        identify(row, instance, IdKind::Accessor, "teleport-bot");
    }
    row.resource = target.as_object().and_then(|fields| {
        let (kind, name) =
            fields.iter().find(|(_, value)| value.as_str().is_some_and(|text| !text.is_empty()))?;
        Some(format!("{kind}/{}", name.as_str()?))
    });
}

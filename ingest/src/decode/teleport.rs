//! Teleport audit events: who joined, logged in, got a certificate, opened a session, and who was locked.
//!
//! In: one JSON event a record, as Teleport 8 to 18 write them (`event`, `code`, `uid`, `time`; `ei` is the number
//! within a session), also with keys that a SIEM rewrote (`addr.remote` as `addr_remote`) or lower-cased codes.
//! Out: one assertion an event; what enhanced recording saw inside a session becomes a host event (`session`).
//! Owns: which events attest, issue, revoke or merely end something. A bot's certificates are renewed all the time and
//! have no id in the log: its instance id is what stays, and what is bound. Left out by name: `session-telemetry`.

use offbound_schemas::EventRows;
use serde_json::Value;

use super::{Decode, Format, Identity, Record, Reject, Verdict, loose};

mod assertion;
mod joined;
mod session;
#[cfg(test)]
mod tests;

pub(crate) const FORMAT: Format = Format {
    id: "teleport",
    title: "Teleport audit events",
    fills: &["identity_assertions", "host_events"],
    sample: r#"{"ei":0,"event":"bot.join","uid":"3b3f2d2e-6a0c-4f0f-9a52-0c8e5d6f7a10","code":"TJ001I","time":"2026-03-01T10:00:00.123Z","cluster_name":"tele.example","success":true,"bot_name":"deployer","user_name":"bot-deployer","method":"kubernetes","token_name":"k8s-deployer","addr.remote":"10.1.0.7:41000","bot_instance_id":"9c0f6a52-1f0e-4a3d-8d25-7c1c7a5f0b11","attributes":{"raw":{"iss":"https://kubernetes.default.svc.cluster.local","sub":"system:serviceaccount:shop:web","kubernetes.io":{"namespace":"shop","pod":{"name":"web-7","uid":"5d0a3c52-6f0b-4a7e-9d3e-2f4d1c9b7a10"}}}}}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Teleport),
};

/// Events about the transport or the end of a session: no credential is shown, issued or revoked by them.
const TELEMETRY: &[&str] = &[
    "session.data",
    "session.end",
    "session.leave",
    "session.upload",
    "session.process_exit",
    "session.recording.upload",
    "db.session.end",
    "app.session.chunk",
    "app.session.end",
    "windows.desktop.session.end",
    "linux.desktop.session.end",
    "print",
    "resize",
];

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let text = |key: &str| loose::str_at(json, &[key]);
    let (Some(event), Some(code)) = (text("event"), text("code")) else { return 0 };
    let is_numbered = || loose::has(json, &["ei"]);
    if !is_event(event) || !(is_code(code) || (is_later_code(code) && is_numbered())) {
        return 0;
    }
    match (loose::has(json, &["uid"]), loose::has(json, &["time"])) {
        (true, true) => 92,
        (true, false) | (false, true) => 70,
        (false, false) => 0,
    }
}

/// `T1000I`, `TLK00I`, `TSPIFFE000E`: a T, letters and digits, and how serious it is.
fn is_code(code: &str) -> bool {
    code.starts_with(['T', 't']) && is_later_code(code)
}

/// Later families begin with other letters: `WID001I`, `AUC001I`.
fn is_later_code(code: &str) -> bool {
    let upper = code.to_ascii_uppercase();
    (5..=16).contains(&upper.len())
        && upper.ends_with(['I', 'W', 'E'])
        && upper.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && upper.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_event(event: &str) -> bool {
    event.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}

struct Teleport;

impl Decode for Teleport {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "expected one Teleport event");
        };
        match loose::str_at(json, &["event"]) {
            None => Verdict::Rejected(super::field::missing("event")),
            Some(event) if TELEMETRY.contains(&event) => Verdict::Skipped("session-telemetry"),
            Some(event) => {
                read(record, json, event, rows).map_or_else(Verdict::Rejected, |()| Verdict::Decoded)
            }
        }
    }
}

fn read(record: &Record<'_>, json: &Value, event: &str, rows: &mut EventRows) -> Result<(), Reject> {
    let event_time = loose::event_time(record, json, &["time"])?;
    match session::row(record, json, event, event_time) {
        Some(seen) => rows.host_events.push(seen),
        None => rows.identity_assertions.push(assertion::row(record, json, event, event_time)),
    }
    Ok(())
}

//! SPIRE server's log: the audit of signing, and the debug line that alone names the serial.
//!
//! In: an SVID that was signed for an agent. Out: two lines, as logrus prints them in JSON or text.
//! Owns: field names, their alphabetical order, decimal serials, whole seconds.

use crate::json::Json;
use crate::random::Random;
use crate::world::{Node, Svid};

/// Which of logrus' formatters the server was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `log_format = "JSON"`.
    Json,
    /// The default.
    Text,
}

/// The signing of an SVID: the debug line with the serial, and the audit line.
pub(crate) fn signed(
    random: &mut Random,
    svid: &Svid,
    entry: &str,
    node: &Node,
    shape: Shape,
) -> [Vec<u8>; 2] {
    let caller_addr = format!("{}:{}", node.address, random.between(32_768, 60_999));
    let (request, csr_hash) = (random.uuid(), random.hex(64));
    let (agent, serial) = (node.agent(), svid.serial.to_string());
    let expiration = svid.not_after().text(0);
    let expires_at = svid.not_after().secs().to_string();
    let time = svid.signed.text(0);
    let caller = [
        ("authorized_as", "agent"),
        ("authorized_via", "datastore"),
        ("caller_addr", caller_addr.as_str()),
        ("caller_id", agent.as_str()),
    ];
    let mut debug = caller.to_vec();
    debug.extend([
        ("entry_id", entry),
        ("expiration", &expiration),
        ("method", "BatchNewX509SVID"),
        ("request_id", &request),
        ("revision_num", "1"),
        ("serial_num", &serial),
        ("service", "svid.v1.SVID"),
        ("spiffe_id", &svid.spiffe),
        ("subsystem_name", "api"),
    ]);
    let mut audit = caller.to_vec();
    audit.extend([
        ("csr_hash", csr_hash.as_str()),
        ("entry_id", entry),
        ("expires_at", &expires_at),
        ("method", "BatchNewX509SVID"),
        ("request_id", &request),
        ("service", "svid.v1.SVID"),
        ("spiffe_id", &svid.spiffe),
        ("status", "success"),
        ("subsystem_name", "api"),
        ("type", "audit"),
    ]);
    [
        line(shape, "debug", "Signed X509 SVID", &time, &debug),
        line(shape, "info", "API accessed", &time, &audit),
    ]
}

fn line(shape: Shape, level: &str, message: &str, time: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    match shape {
        Shape::Json => json_line(level, message, time, fields),
        Shape::Text => text_line(level, message, time, fields),
    }
}

/// logrus gives a map to Go's encoder, which sorts the keys.
fn json_line(level: &str, message: &str, time: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut all = fields.to_vec();
    all.extend([("level", level), ("msg", message), ("time", time)]);
    all.sort_unstable();
    let mut out = Vec::with_capacity(700);
    Json::object_into(&mut out, |json| all.iter().for_each(|(key, value)| json.text(key, value)));
    out
}

fn text_line(level: &str, message: &str, time: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("time=\"{time}\" level={level} msg={}", logfmt(message));
    for (key, value) in fields {
        text.push_str(&format!(" {key}={}", logfmt(value)));
    }
    text.into_bytes()
}

/// logrus quotes what holds anything but letters, digits and `-._/@^+`.
fn logfmt(value: &str) -> String {
    let clean = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if value.is_empty() || !value.chars().all(clean) { format!("{value:?}") } else { value.to_owned() }
}

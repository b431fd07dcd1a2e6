//! One record of LAUREL back into the kernel's fields.
//!
//! In: the object under `SYSCALL`, `PATH`, `EXECVE`, … Out: a record of the audit decoder.
//! Owns: lists of arguments, process titles, socket addresses, permissions of SELinux, percent-escapes.
//! Law: an argument list that LAUREL shortened has no arguments one by one, only its text.

use serde_json::{Map, Value};

use crate::decode::field::{MAX_LIST_ITEMS, list_at, scalar_text};
use crate::decode::linux_audit::{AuditRecord, Fields, Stamp};

/// How LAUREL marks arguments that it cut out of the middle of a long list.
const SKIPPED: &str = "<<< Skipped:";

/// Reads one record; `env` is what LAUREL read of an executed program's environment.
pub(super) fn read(
    kind: &str,
    object: &Map<String, Value>,
    env: Option<&Value>,
    stamp: &Stamp,
) -> AuditRecord {
    let mut fields = Fields::default();
    let mut prose = String::new();
    match kind {
        "EXECVE" => arguments(object, &mut fields),
        "PROCTITLE" => title(object, &mut fields),
        "SOCKADDR" => address(object, &mut fields),
        _ => {
            prose = access_vector(object);
            plain(object, &mut fields);
        }
    }
    if kind == "SYSCALL" {
        call(object, env, &mut fields);
    }
    AuditRecord::with_body(kind, stamp, fields, &prose)
}

/// Fields with one value, as they are.
fn plain(object: &Map<String, Value>, fields: &mut Fields) {
    // The number of an item orders records of one kind, as it stands first in the kernel's own.
    let (first, rest): (Vec<_>, Vec<_>) = object.iter().partition(|(key, _)| *key == "item");
    for (key, value) in first.into_iter().chain(rest) {
        if let Some(text) = scalar_text(value) {
            fields.push(key.as_str(), unescaped(&text));
        }
    }
}

/// The call's four arguments, and LAUREL's additions that no column holds.
fn call(object: &Map<String, Value>, env: Option<&Value>, fields: &mut Fields) {
    for (index, text) in texts(object, "ARGV").into_iter().enumerate() {
        fields.push(format!("a{index}"), text);
    }
    for key in ["SPAWNED_BY", "LABELS"] {
        if let Some(value) = object.get(key).filter(|value| value.is_object() || value.is_array()) {
            fields.push(key, value.to_string());
        }
    }
    if let Some(env) = env.and_then(Value::as_object).filter(|env| !env.is_empty()) {
        fields.push("ENV", Value::Object(env.clone()).to_string());
    }
}

fn arguments(object: &Map<String, Value>, fields: &mut Fields) {
    plain(object, fields);
    let list = texts(object, "ARGV");
    if list.is_empty() {
        // Without a number of arguments the list counts as incomplete: a joined text is none.
        let joined = texts(object, "ARGV_STR").into_iter().next();
        *fields = Fields::default();
        if let Some(joined) = joined {
            fields.push("a0", joined);
        }
        return;
    }
    if list.iter().any(|text| text.starts_with(SKIPPED)) {
        *fields = Fields::default();
    }
    for (index, text) in list.into_iter().enumerate() {
        fields.push(format!("a{index}"), text);
    }
}

fn title(object: &Map<String, Value>, fields: &mut Fields) {
    let list = texts(object, "ARGV");
    let whole = if list.is_empty() { texts(object, "proctitle") } else { list };
    fields.push("proctitle", whole.join("\0"));
}

/// `saddr` is the bytes, escaped; `SADDR` is what auditd (text) or LAUREL (object) made of them.
fn address(object: &Map<String, Value>, fields: &mut Fields) {
    if let Some(saddr) = object.get("saddr").and_then(Value::as_str) {
        fields.push_bytes("saddr", &unescaped_bytes(saddr));
    }
    match object.get("SADDR") {
        Some(Value::String(text)) => fields.push("SADDR", text.as_str()),
        Some(Value::Object(parts)) => {
            let word = |(key, value): (&String, &Value)| Some(format!("{key}={}", scalar_text(value)?));
            fields.push("SADDR", parts.iter().filter_map(word).collect::<Vec<_>>().join(" "));
        }
        _ => {}
    }
}

/// The prose with which a record of SELinux begins; LAUREL names its parts `denied` or `granted`, auparse `seresult` and `seperms`.
fn access_vector(object: &Map<String, Value>) -> String {
    let named = ["denied", "granted"].iter().find(|word| object.contains_key(**word));
    let (word, permissions) = match (named, object.get("seresult").and_then(Value::as_str)) {
        (Some(word), _) => (*word, texts(object, word)),
        (None, Some(word)) => (word, texts(object, "seperms")),
        (None, None) => return String::new(),
    };
    format!("avc:  {word}  {{ {} }} for  ", permissions.join(" ").replace(',', " "))
}

/// Texts of a list, or a lone text, unescaped.
fn texts(object: &Map<String, Value>, key: &str) -> Vec<String> {
    let Some(value) = object.get(key) else { return Vec::new() };
    match value {
        // Arguments may be empty, and there may be more of them than other lists keep.
        Value::Array(items) if items.len() > MAX_LIST_ITEMS || items.contains(&Value::from("")) => {
            items.iter().map(|item| unescaped(item.as_str().unwrap_or_default())).collect()
        }
        _ => list_at(value, &[]).iter().map(|text| unescaped(text)).collect(),
    }
}

/// Bytes that are no UTF-8, control characters, `%` and `+` come as `%XX`.
fn unescaped(text: &str) -> String {
    if text.contains('%') {
        String::from_utf8_lossy(&unescaped_bytes(text)).into_owned()
    } else {
        text.to_owned()
    }
}

fn unescaped_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped =
            after.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match escaped.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

//! What Auditbeat made of the kernel's records, back into records.
//!
//! In: a document. Out: SYSCALL with its operands, and the record after which the event is named, if it is no call.
//! Owns: Elastic's names for the kernel's fields, old (`user.auid`) and new (`user.audit.id`).
//! Law: a list of arguments is complete only if it is as long as the kernel says.

use serde_json::Value;

use crate::decode::field::{array_at, at, has, list_at, object_at, scalar_text, str_at, string_at};
use crate::decode::linux_audit::{AuditRecord, Fields, Stamp};

/// Most arguments and paths that are read.
const MAX_ITEMS: usize = 1024;

/// All records of the event.
pub(super) fn records(json: &Value, stamp: &Stamp) -> Vec<AuditRecord> {
    let written = str_at(json, &["auditd", "message_type"]).or_else(|| str_at(json, &["event", "type"]));
    let kind = written.unwrap_or("syscall").to_uppercase();
    let is_call = kind == "SYSCALL" || has(json, &["auditd", "data", "syscall"]) && kind != "SECCOMP";
    let mut records = Vec::new();
    if is_call {
        records.push(AuditRecord::taken_apart("SYSCALL", stamp, call(json)));
        operands(json, stamp, &mut records);
    }
    if kind != "SYSCALL" {
        let fields = statement(json);
        let prose = access_vector(&fields);
        records.push(AuditRecord::with_body(&kind, stamp, fields, &prose));
    }
    records
}

/// Who acted, in the kernel's names.
fn subject(json: &Value, fields: &mut Fields) {
    const NAMES: &[(&str, &[&[&str]])] = &[
        ("pid", &[&["process", "pid"]]),
        ("ppid", &[&["process", "parent", "pid"], &["process", "ppid"]]),
        ("comm", &[&["process", "name"]]),
        ("exe", &[&["process", "executable"], &["process", "exe"]]),
        ("uid", &[&["user", "id"], &["user", "uid"]]),
        ("euid", &[&["user", "effective", "id"], &["user", "euid"]]),
        ("suid", &[&["user", "saved", "id"], &["user", "suid"]]),
        ("fsuid", &[&["user", "filesystem", "id"], &["user", "fsuid"]]),
        ("gid", &[&["user", "group", "id"], &["user", "gid"]]),
        ("egid", &[&["user", "effective", "group", "id"], &["user", "egid"]]),
        ("auid", &[&["user", "audit", "id"], &["user", "auid"]]),
        ("ses", &[&["auditd", "session"]]),
    ];
    for (name, places) in NAMES {
        if let Some(text) = places.iter().find_map(|path| string_at(json, path)) {
            fields.push(*name, text);
        }
    }
    let label = label(json);
    if !label.is_empty() {
        fields.push("subj", label);
    }
}

/// The label of the process, which the collector cut at its first four colons; AppArmor's has none, and is all in front.
fn label(json: &Value) -> String {
    const PARTS: [&str; 5] = ["user", "role", "domain", "level", "category"];
    let parts: Vec<&str> = PARTS.iter().map_while(|part| str_at(json, &["user", "selinux", part])).collect();
    parts.join(":")
}

/// The rest of the kernel's fields, which keep their names.
fn data(json: &Value, fields: &mut Fields) {
    for (key, value) in object_at(json, &["auditd", "data"]).into_iter().flatten() {
        if let Some(text) = scalar_text(value) {
            fields.push(key.as_str(), text);
        }
    }
}

fn call(json: &Value) -> Fields {
    let mut fields = Fields::default();
    subject(json, &mut fields);
    let success = match str_at(json, &["auditd", "result"]).or_else(|| str_at(json, &["event", "outcome"])) {
        Some("success") => Some("yes"),
        Some("fail" | "failure") => Some("no"),
        _ => None,
    };
    if let Some(success) = success {
        fields.push("success", success);
    }
    let keys = list_at(json, &["tags"]);
    if !keys.is_empty() {
        fields.push("key", keys.join("\u{1}"));
    }
    data(json, &mut fields);
    fields
}

/// A record that speaks for itself.
fn statement(json: &Value) -> Fields {
    let mut fields = Fields::default();
    subject(json, &mut fields);
    if let Some(result) = str_at(json, &["auditd", "result"]) {
        fields.push("res", if result == "fail" { "failed" } else { result });
    }
    data(json, &mut fields);
    for (name, path) in [("addr", ["source", "ip"]), ("name", ["file", "path"])] {
        if let Some(text) = str_at(json, &path) {
            fields.push(name, text);
        }
    }
    fields
}

/// The prose with which a record of SELinux begins.
fn access_vector(fields: &Fields) -> String {
    match fields.get("seresult") {
        Some(word) => {
            let permissions = fields.get("seperms").unwrap_or_default().replace(',', " ");
            format!("avc:  {word}  {{ {permissions} }} for  ")
        }
        None => String::new(),
    }
}

fn operands(json: &Value, stamp: &Stamp, records: &mut Vec<AuditRecord>) {
    let mut push = |kind: &str, fields: Fields| records.push(AuditRecord::taken_apart(kind, stamp, fields));
    let lone = |key: &str, text: String| {
        let mut fields = Fields::default();
        fields.push(key, text);
        fields
    };
    let folder =
        string_at(json, &["process", "working_directory"]).or_else(|| string_at(json, &["process", "cwd"]));
    if let Some(folder) = folder {
        push("CWD", lone("cwd", folder));
    }
    if let Some(title) = string_at(json, &["process", "title"]) {
        push("PROCTITLE", lone("proctitle", title));
    }
    if let Some(count) = string_at(json, &["auditd", "data", "argc"]) {
        let mut fields = lone("argc", count);
        for (index, text) in array_at(json, &["process", "args"]).iter().take(MAX_ITEMS).enumerate() {
            fields.push(format!("a{index}"), text.as_str().unwrap_or_default());
        }
        push("EXECVE", fields);
    }
    for path in array_at(json, &["auditd", "paths"]).iter().take(MAX_ITEMS) {
        let mut fields = Fields::default();
        for (key, value) in path.as_object().into_iter().flatten() {
            fields.push(key.as_str(), scalar_text(value).unwrap_or_default());
        }
        push("PATH", fields);
    }
    if let Some(target) = string_at(json, &["auditd", "data", "opid"]) {
        let mut fields = lone("opid", target);
        fields.push("ocomm", string_at(json, &["auditd", "data", "ocomm"]).unwrap_or_default());
        push("OBJ_PID", fields);
    }
    if let Some(socket) = at(json, &["auditd", "data", "socket"]) {
        push("SOCKADDR", lone("SADDR", socket_text(socket)));
    }
}

/// `{"family":"ipv4","addr":"10.1.0.7","port":"443"}` in the audit daemon's words.
fn socket_text(socket: &Value) -> String {
    let family = match str_at(socket, &["family"]) {
        Some("ipv4") => "inet",
        Some("ipv6") => "inet6",
        Some("unix") => "local",
        Some(other) => other,
        None => "unknown",
    };
    let part = |key: &str, name: &str| {
        string_at(socket, &[key]).map(|text| format!(" {name}={text}")).unwrap_or_default()
    };
    format!("fam={family}{}{}{}", part("addr", "laddr"), part("port", "lport"), part("path", "path"))
}

//! Records with a secret in them.
//!
//! In: a format's sample and a text. Out: the record with the text in one of its fields.

use offbound_ingest::decode::FORMATS;
use serde_json::Value;

use super::encodings::{Encoding, inside_json};

/// Stands for the planted text until the record is written out.
const HERE: &str = "PLANTHERE";

/// The samples of all formats, and records of none; the first few are of those and of the first formats.
pub(crate) fn samples() -> impl Iterator<Item = &'static str> {
    let unknown = [r#"{"some":"thing","deep":{"er":["x"]}}"#, "a plain line"];
    unknown.into_iter().chain(FORMATS.iter().map(|format| format.sample))
}

/// The sample with a text in one of its fields; which one changes with `turn`, and so does how it gets there.
pub(crate) fn record(sample: &str, text: &str, encoding: &Encoding, turn: usize) -> String {
    let encoded = (encoding.encode)(text);
    let inside = if encoding.is_json { encoded.clone() } else { inside_json(&encoded) };
    let Ok(mut value) = serde_json::from_str::<Value>(sample) else {
        // A line break would begin another record.
        let line = encoded.replace('\n', "\\n");
        return if turn.is_multiple_of(2) {
            format!("{sample} {line}")
        } else {
            format!("{sample} extra=\"{inside}\"")
        };
    };
    match turn % 4 {
        0 => value["extra"] = Value::from(HERE),
        1 => value["requestObject"] = serde_json::json!({"spec": {"args": ["run", HERE]}}),
        how => {
            let mut left = turn % count_leaves(&value).max(1);
            change(&mut value, &mut left, how == 2);
        }
    }
    value.to_string().replace(HERE, &inside)
}

fn count_leaves(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(count_leaves).sum(),
        Value::Object(fields) => fields.values().map(count_leaves).sum(),
        _ => 0,
    }
}

/// Walks to the leaf with the number `left` and puts the text there; true when it was there.
fn change(value: &mut Value, left: &mut usize, instead: bool) -> bool {
    match value {
        Value::String(text) if *left == 0 => {
            *text = if instead { HERE.to_owned() } else { format!("{text} {HERE}") };
            true
        }
        Value::String(_) => {
            *left -= 1;
            false
        }
        Value::Array(items) => items.iter_mut().any(|item| change(item, left, instead)),
        Value::Object(fields) => fields.values_mut().any(|field| change(field, left, instead)),
        _ => false,
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

/// Starts an audit record; all are of one event.
fn audit_record(kind: &str, rest: &str) -> String {
    format!("type={kind} msg=audit(1772359200.500:4121): {rest}")
}

/// Audit records that hold the text in hex: as a title, as an argument, as the command of `sudo`.
#[allow(dead_code, reason = "only the tests of ingest ask for it")]
pub(crate) fn audit_records(text: &str) -> Vec<Vec<String>> {
    let call = audit_record("SYSCALL", "arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 comm=\"x\"");
    let sudo =
        format!("pid=1 uid=0 auid=0 ses=1 msg='cwd=\"/\" cmd={} terminal=pts/0 res=success'", hex(text));
    vec![
        vec![call.clone(), audit_record("PROCTITLE", &format!("proctitle={}", hex(text)))],
        vec![call, audit_record("EXECVE", &format!("argc=3 a0=\"sh\" a1=\"-c\" a2={}", hex(text)))],
        vec![audit_record("USER_CMD", &sudo)],
    ]
}

/// Audit records of a command line: its arguments in a title, in one record, over two records, and as the pieces of
/// one long argument.
#[allow(dead_code, reason = "as above")]
pub(crate) fn audit_command_lines(text: &str) -> Vec<Vec<String>> {
    let call = audit_record("SYSCALL", "arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 comm=\"x\"");
    let words: Vec<&str> = text.split_whitespace().collect();
    let argument = |(number, word): (usize, &&str)| {
        let is_plain = word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        if is_plain { format!("a{number}=\"{word}\"") } else { format!("a{number}={}", hex(word)) }
    };
    let arguments: Vec<String> = words.iter().enumerate().map(argument).collect();
    let title =
        vec![call.clone(), audit_record("PROCTITLE", &format!("proctitle={}", hex(&words.join("\0"))))];
    let whole =
        vec![call.clone(), audit_record("EXECVE", &format!("argc={} {}", words.len(), arguments.join(" ")))];
    // A program alone says nothing yet.
    let cuts = (2..arguments.len()).map(|cut| {
        let (front, back) = arguments.split_at(cut);
        vec![
            call.clone(),
            audit_record("EXECVE", &format!("argc={} {}", words.len(), front.join(" "))),
            audit_record("EXECVE", &back.join(" ")),
        ]
    });
    let long = format!("--password=abcdefghijklmnopqrstuvwxyz{text}");
    let (first, second) = long.split_at(30);
    let pieces = vec![
        call.clone(),
        audit_record("EXECVE", &format!("argc=2 a0=\"x\" a1_len={} a1[0]={}", 2 * long.len(), hex(first))),
        audit_record("EXECVE", &format!("a1[1]={}", hex(second))),
    ];
    cuts.chain([title, whole, pieces]).collect()
}

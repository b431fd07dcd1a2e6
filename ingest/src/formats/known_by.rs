//! By what a built-in format recognises its records, found out by asking it.
//!
//! In: a format and its sample. Out: the keys that it would not recognise the sample without, in words.
//! Owns: nothing but the asking: what is told is what the format does. Text formats are told as text.

use offbound_schemas::EventId;
use serde_json::Value;

use crate::decode::{Envelope, Format, Record};
use crate::json;
use crate::recognise::MIN_CONFIDENCE;

/// Most keys that are told.
const MAX_KEYS: usize = 6;
/// Most characters of a text that are told.
const MAX_START_CHARS: usize = 40;

/// What makes records of `format` known.
pub(super) fn of(format: &Format) -> String {
    let Ok(Value::Object(fields)) = json::parse(format.sample) else {
        let start: String = format.sample.chars().take(MAX_START_CHARS).collect();
        let start = start.lines().next().unwrap_or_default();
        return format!("text such as `{start}`");
    };
    let whole = Value::Object(fields);
    let own = sniff(format, &whole);
    let falls_to = |path: &String| sniff(format, &without(&whole, path));
    let needed: Vec<String> =
        paths(&whole).into_iter().filter(|path| falls_to(path) < MIN_CONFIDENCE).collect();
    if !needed.is_empty() {
        return told(&needed, "and");
    }
    let weighty: Vec<String> = paths(&whole).into_iter().filter(|path| falls_to(path) < own).collect();
    if weighty.is_empty() {
        return "several of its keys together".to_owned();
    }
    format!("several of {}", told(&weighty, "and"))
}

fn told(keys: &[String], word: &str) -> String {
    let shown: Vec<String> = keys.iter().take(MAX_KEYS).map(|key| format!("`{key}`")).collect();
    let more = if keys.len() > MAX_KEYS { format!(" {word} others") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn sniff(format: &Format, json: &Value) -> u8 {
    let text = json.to_string();
    let envelope = Envelope::default();
    let event_id = EventId::default();
    let record =
        Record { text: &text, json: Some(json), envelope: &envelope, source: "", location: "", event_id };
    (format.sniff)(&record)
}

/// Keys of the record, and of the objects in it.
fn paths(whole: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in whole.as_object().into_iter().flatten() {
        found.push(key.clone());
        for inner in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
            found.push(format!("{key}.{inner}"));
        }
    }
    found
}

fn without(whole: &Value, path: &str) -> Value {
    let mut rest = whole.clone();
    if let Some(fields) = rest.as_object_mut()
        && fields.remove(path).is_none()
        && let Some((key, inner)) = path.split_once('.')
        && let Some(inner_fields) = fields.get_mut(key).and_then(Value::as_object_mut)
    {
        inner_fields.remove(inner);
    }
    rest
}

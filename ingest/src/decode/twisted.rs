//! Law FLOW-2 over every format: its own sample, twisted, is read or refused, and never brings a decoder down.
//!
//! In: the samples of [`FORMATS`]. Out: nothing. Owns: the twists: each value replaced by one of every other type, each
//! key removed, and the text cut off at every character.

use offbound_schemas::EventRows;
use serde_json::{Value, json};

use super::{FORMATS, Format, MAX_UNMAPPED_BYTES, Verdict, trial};

/// Every way to reach a value inside `value`: keys and list indexes, as JSON pointers.
fn pointers(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    let deeper = |(key, value): &(String, &Value)| {
        let below = pointers(value).into_iter().map(|rest| format!("/{key}{rest}")).collect::<Vec<_>>();
        std::iter::once(format!("/{key}")).chain(below).collect::<Vec<_>>()
    };
    inner.iter().flat_map(deeper).collect()
}

/// What a value is replaced by.
fn strangers() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("-"),
        json!("é\u{202e}\u{0}"),
        json!("x".repeat(MAX_UNMAPPED_BYTES * 2)),
        json!([]),
        json!([null, {}, [1], "=", "i-"]),
        json!({}),
        json!({"kind": "Pod", "metadata": [], "status": {"podIPs": [7]}}),
    ]
}

fn check(format: &Format, text: &str) {
    let (verdicts, rows) = trial::run(format, &[text]);
    assert_eq!(verdicts.len(), 1);
    if let [Verdict::Rejected(reject)] = verdicts.as_slice() {
        assert!(!reject.reason.is_empty() && reject.detail.len() < 1_000, "{}: {reject:?}", format.id);
    }
    let EventRows { host_events, identity_assertions, placements } = &rows;
    let unmapped = host_events.iter().map(|row| &row.unmapped);
    let unmapped = unmapped.chain(identity_assertions.iter().map(|row| &row.unmapped));
    for text in unmapped.chain(placements.iter().map(|row| &row.unmapped)).flatten() {
        assert!(text.len() <= MAX_UNMAPPED_BYTES, "{}: {} bytes", format.id, text.len());
        assert!(serde_json::from_str::<Value>(text).is_ok(), "{}: {text}", format.id);
    }
}

/// Scenario: each value of each sample replaced by values of all types. Guarantees: rows or a refusal with a reason; what
/// is kept unmapped is JSON within its bound.
#[test]
fn strange_values() {
    for format in FORMATS {
        let Ok(sample) = serde_json::from_str::<Value>(format.sample) else { continue };
        for pointer in pointers(&sample) {
            for stranger in strangers() {
                let mut twisted = sample.clone();
                let place = twisted.pointer_mut(&pointer);
                *place.expect("the pointer was made from this very value") = stranger;
                check(format, &twisted.to_string());
            }
        }
    }
}

/// Scenario: each sample cut off at each character, alone and with the mark of log services. Guarantees: the same.
#[test]
fn cut_off() {
    for format in FORMATS {
        for (index, _) in format.sample.char_indices() {
            let cut = &format.sample[..index];
            check(format, cut);
            check(format, &format!("{cut}[Truncated...]"));
        }
    }
}

/// Scenario: every sample before every format. Guarantees: each is recognised by its own format most surely.
#[test]
fn samples_are_told_apart() {
    for format in FORMATS {
        let own = trial::sniff(format, format.sample);
        for other in FORMATS.iter().filter(|other| other.id != format.id) {
            let theirs = trial::sniff(other, format.sample);
            assert!(theirs < own, "{} is {theirs} sure of the sample of {} ({own})", other.id, format.id);
        }
    }
}

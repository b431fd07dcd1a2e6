//! Lenient reading of JSON fields, for every decoder.
//!
//! In: a JSON value and a path. Out: text, numbers, truth values, lists, moments; or why a field will not do.
//! Owns: what counts as absent (null, empty text), the units of epoch times, the wording of refusals,
//! the capped text of an `unmapped` column. Leaves to the decoders which field means what.
//! Law FLOW-2: nothing here panics, whatever the value.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use serde_json::{Map, Value};

use super::{MAX_UNMAPPED_BYTES, Reject, cut};

/// Most items of a list that a row keeps: longer ones are hostile or useless to a reader.
pub(crate) const MAX_LIST_ITEMS: usize = 256;
/// Most bytes of an offending value that a refusal shows.
const MAX_SHOWN_BYTES: usize = 120;

/// The value at `path`, one key (or list index) a step; null counts as absent.
pub(crate) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    let found = path.iter().try_fold(value, |value, key| match value {
        Value::Object(fields) => fields.get(*key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })?;
    (!found.is_null()).then_some(found)
}

/// Whether something other than null is at `path`.
pub(crate) fn has(value: &Value, path: &[&str]) -> bool {
    at(value, path).is_some()
}

/// Text at `path`, unless empty.
pub(crate) fn str_at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// Text, number or truth value at `path`, as text, unless empty.
pub(crate) fn string_at(value: &Value, path: &[&str]) -> Option<String> {
    scalar_text(at(value, path)?)
}

/// Whole number at `path`; also one that is written as text.
pub(crate) fn i64_at(value: &Value, path: &[&str]) -> Option<i64> {
    match at(value, path)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Number without sign at `path`; also one that is written as text.
pub(crate) fn u64_at(value: &Value, path: &[&str]) -> Option<u64> {
    match at(value, path)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A 32-bit number at `path`, such as a pid or uid.
pub(crate) fn u32_at(value: &Value, path: &[&str]) -> Option<u32> {
    u64_at(value, path).and_then(|number| u32::try_from(number).ok())
}

/// A 16-bit number at `path`, such as a port or status code.
pub(crate) fn u16_at(value: &Value, path: &[&str]) -> Option<u16> {
    u64_at(value, path).and_then(|number| u16::try_from(number).ok())
}

/// Truth value at `path`; also `"true"`, `"false"`, 1 and 0.
pub(crate) fn bool_at(value: &Value, path: &[&str]) -> Option<bool> {
    match at(value, path)? {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => number.as_u64().map(|number| number != 0),
        Value::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
        _ => None,
    }
}

/// The list at `path`; empty when there is none.
pub(crate) fn array_at<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The object at `path`.
pub(crate) fn object_at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Map<String, Value>> {
    at(value, path)?.as_object()
}

/// Texts of the list at `path`, at most [`MAX_LIST_ITEMS`]; a lone scalar is a list of one.
pub(crate) fn list_at(value: &Value, path: &[&str]) -> Vec<String> {
    match at(value, path) {
        Some(Value::Array(items)) => items.iter().filter_map(scalar_text).take(MAX_LIST_ITEMS).collect(),
        Some(lone) => scalar_text(lone).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The moment at `path`: RFC 3339, or an epoch number (see [`epoch_time`]), also written as text.
pub(crate) fn time_at(value: &Value, path: &[&str]) -> Option<EventTime> {
    match at(value, path)? {
        Value::String(text) => time_text(text),
        Value::Number(number) => epoch_time(&number.to_string()),
        _ => None,
    }
}

/// The moment at `path`, which counts nanoseconds since 1970; none for numbers so small that they count from boot.
pub(crate) fn epoch_nanos_at(value: &Value, path: &[&str]) -> Option<EventTime> {
    // In 2001 the number grew to 19 digits; a host that was up for 31 years is not to be expected.
    const MIN_NANOS: i64 = 1_000_000_000_000_000_000;
    i64_at(value, path).filter(|nanos| *nanos >= MIN_NANOS).map(EventTime)
}

/// The moment that `text` writes: RFC 3339, or an epoch number.
pub(crate) fn time_text(text: &str) -> Option<EventTime> {
    EventTime::parse(text.trim()).ok().or_else(|| epoch_time(text.trim()))
}

/// An epoch number in seconds (with fraction), milliseconds, microseconds or nanoseconds, told apart by size.
pub(crate) fn epoch_time(number: &str) -> Option<EventTime> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    match whole {
        0..100_000_000_000 => {
            let nanos: i64 = format!("{fraction:0<9.9}").parse().ok()?;
            EventTime::from_secs_nanos(whole, nanos)
        }
        100_000_000_000..100_000_000_000_000 => whole.checked_mul(1_000_000).map(EventTime),
        100_000_000_000_000..100_000_000_000_000_000 => whole.checked_mul(1_000).map(EventTime),
        _ => Some(EventTime(whole)),
    }
}

/// Text, number or truth value as text, unless empty.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Refusal: the record has no `field`.
pub(crate) fn missing(field: &str) -> Reject {
    Reject { reason: "missing-field", detail: format!("{field} is missing") }
}

/// Refusal: nothing in the record says when; `field` would.
pub(crate) fn no_time(field: &str, found: Option<&Value>) -> Reject {
    let detail = match found {
        Some(value) => ill_typed(field, value, "a time").detail,
        None => missing(field).detail,
    };
    Reject { reason: "no-time", detail }
}

/// Refusal: `field` holds something else than `expected`.
pub(crate) fn ill_typed(field: &str, value: &Value, expected: &str) -> Reject {
    let shown = value.to_string();
    let detail = format!("{field} is {}; expected {expected}", cut(&shown, MAX_SHOWN_BYTES));
    Reject { reason: "ill-typed-field", detail }
}

/// The moment at `path`, or why there is none.
pub(crate) fn require_time(value: &Value, path: &[&str]) -> Result<EventTime, Reject> {
    let found = at(value, path).ok_or_else(|| missing(&path.join(".")))?;
    time_at(value, path).ok_or_else(|| ill_typed(&path.join("."), found, "a time"))
}

/// The text at `path`, or why there is none.
pub(crate) fn require_str<'v>(value: &'v Value, path: &[&str]) -> Result<&'v str, Reject> {
    let found = at(value, path).ok_or_else(|| missing(&path.join(".")))?;
    str_at(value, path).ok_or_else(|| ill_typed(&path.join("."), found, "a text"))
}

/// The text of an `unmapped` column: `fields` as one JSON object. Absent fields are left out; when the object
/// would pass [`MAX_UNMAPPED_BYTES`], fields are dropped whole (later ones first) and `_dropped` counts them.
pub(crate) fn unmapped<'v>(fields: impl IntoIterator<Item = (&'v str, Option<&'v Value>)>) -> Option<String> {
    const ROOM_FOR_COUNT_BYTES: usize = 32;
    let mut kept = Map::new();
    let mut size = ROOM_FOR_COUNT_BYTES;
    let mut dropped = 0_usize;
    for (key, value) in fields {
        let Some(value) = value.filter(|value| !is_blank(value)) else { continue };
        let cost = json_bytes(&Value::from(key)) + json_bytes(value) + 2;
        if dropped == 0 && size + cost <= MAX_UNMAPPED_BYTES {
            size += cost;
            kept.insert(key.to_owned(), value.clone());
        } else {
            dropped += 1;
        }
    }
    if dropped > 0 {
        kept.insert("_dropped".to_owned(), Value::from(dropped));
    }
    (!kept.is_empty()).then(|| Value::Object(kept).to_string())
}

/// A value that is text only.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Texts<'v> {
    /// One text.
    One(&'v str),
    /// A list of texts.
    List(&'v [Cow<'v, str>]),
}

impl Texts<'_> {
    fn is_blank(self) -> bool {
        match self {
            Self::One(text) => text.is_empty(),
            Self::List(texts) => texts.is_empty(),
        }
    }

    fn write_json(self, out: &mut String) {
        match self {
            Self::One(text) => write_json_text(text, out),
            Self::List(texts) => {
                for (index, text) in texts.iter().enumerate() {
                    out.push(if index == 0 { '[' } else { ',' });
                    write_json_text(text, out);
                }
                out.push(']');
            }
        }
    }
}

/// What [`unmapped`] gives for texts, without values in between: records that are texts only are many.
pub(crate) fn unmapped_texts(mut fields: Vec<(&str, Texts<'_>)>) -> Option<String> {
    const ROOM_FOR_COUNT_BYTES: usize = 32;
    fields.retain(|(_, texts)| !texts.is_blank());
    if fields.is_empty() {
        return None;
    }
    let mut sorted: Cow<'_, [(&str, Texts<'_>)]> = Cow::Borrowed(&fields);
    if !fields.is_sorted_by_key(|(key, _)| *key) {
        sorted.to_mut().sort_by_key(|(key, _)| *key);
    }
    let mut out = String::with_capacity(256);
    for (index, (key, texts)) in sorted.iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        write_json_text(key, &mut out);
        out.push(':');
        texts.write_json(&mut out);
    }
    out.push('}');
    // A member costs its text and two bytes; that is the object without one bracket.
    let fits = out.len() - 1 + ROOM_FOR_COUNT_BYTES <= MAX_UNMAPPED_BYTES;
    let once = sorted.windows(2).all(|pair| matches!(pair, [(left, _), (right, _)] if left != right));
    if fits && once {
        return Some(out);
    }
    let values: Vec<(&str, Value)> = fields
        .iter()
        .map(|(key, texts)| match *texts {
            Texts::One(text) => (*key, Value::from(text)),
            Texts::List(texts) => (*key, texts.iter().map(|text| Value::from(&**text)).collect()),
        })
        .collect();
    unmapped(values.iter().map(|(key, value)| (*key, Some(value))))
}

/// Writes a text as JSON.
fn write_json_text(text: &str, out: &mut String) {
    // No early end: sixteen bytes are looked at together.
    let is_escaped = |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, is_escaped) {
        out.push_str(&Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

fn json_bytes(value: &Value) -> usize {
    value.to_string().len()
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: fields of every type, present, null, empty, nested. Guarantees: getters convert where that is
    /// safe and answer nothing else.
    #[test]
    fn getters_are_lenient_but_not_inventive() {
        let value = json!({"a": {"b.c": ["x", 7, null, ""]}, "n": "42", "t": "TRUE", "null": null, "e": "", "f": 1.5});
        assert_eq!(list_at(&value, &["a", "b.c"]), ["x", "7"]);
        assert_eq!(str_at(&value, &["a", "b.c", "0"]), Some("x"));
        assert_eq!(u16_at(&value, &["n"]), Some(42));
        assert_eq!(u16_at(&json!({"n": 70000}), &["n"]), None);
        assert_eq!(i64_at(&json!({"n": -3}), &["n"]), Some(-3));
        assert_eq!(i64_at(&value, &["f"]), None);
        assert_eq!(bool_at(&value, &["t"]), Some(true));
        assert_eq!(string_at(&value, &["f"]).as_deref(), Some("1.5"));
        for absent in ["null", "missing"] {
            assert!(!has(&value, &[absent]), "{absent}");
        }
        assert_eq!(str_at(&value, &["e"]), None);
        assert!(array_at(&value, &["n"]).is_empty());
    }

    /// Scenario: texts that need escapes, blank ones, lists, a name twice, and more than is kept. Guarantees: what is
    /// written without values in between is what is written with them.
    #[test]
    fn texts_are_written_as_values_are() {
        let list = ["a\u{1}b", "\"q\\", "ä\u{7f}"].map(Cow::Borrowed);
        let long = "x".repeat(MAX_UNMAPPED_BYTES / 3);
        let check = |fields: &[(&str, Texts<'_>)]| {
            let value = |texts: &Texts<'_>| match texts {
                Texts::One(text) => Value::from(*text),
                Texts::List(texts) => texts.iter().map(|text| Value::from(&**text)).collect(),
            };
            let values: Vec<(&str, Value)> = fields.iter().map(|(key, texts)| (*key, value(texts))).collect();
            let expected = unmapped(values.iter().map(|(key, value)| (*key, Some(value))));
            assert_eq!(unmapped_texts(fields.to_vec()), expected, "{fields:?}");
        };
        check(&[]);
        check(&[("a", Texts::One("")), ("b", Texts::List(&[]))]);
        check(&[("z\n", Texts::One("1")), ("b", Texts::List(&list)), ("a\"", Texts::One("t\tb"))]);
        check(&[("a", Texts::One("1")), ("b", Texts::One("2")), ("a", Texts::One("3"))]);
        let many = [("a", Texts::One(&long)), ("b", Texts::One(&long)), ("c", Texts::One(&long))];
        check(&many);
        for room in 0..12 {
            let last = "y".repeat(MAX_UNMAPPED_BYTES - 40 - room);
            check(&[("k", Texts::One(&last))]);
        }
    }

    /// Scenario: moments as text and as epoch numbers of every unit. Guarantees: one moment; junk gives none.
    #[test]
    fn moments_in_every_unit() {
        let expected = EventTime::parse("2026-03-01T10:00:00.500Z").ok();
        let notations = json!([
            "2026-03-01T10:00:00.5Z",
            1772359200.5,
            "1772359200.500",
            1772359200500_u64,
            1772359200500000_u64,
            1772359200500000000_u64,
        ]);
        for index in 0..6 {
            assert_eq!(time_at(&notations, &[&index.to_string()]), expected, "notation {index}");
        }
        for junk in ["", ".5", "-5", "1e9", "0001-01-01T00:00:00Z", "99999999999999999999"] {
            assert_eq!(time_text(junk), None, "{junk}");
        }
    }

    /// Scenario: a required field that is absent, or of another type. Guarantees: the refusal names the field.
    #[test]
    fn refusals_name_the_field() {
        let value = json!({"when": {"start": [1]}});
        let reject = require_time(&value, &["when", "start"]).expect_err("a list is no time");
        assert_eq!(
            (reject.reason, reject.detail.as_str()),
            ("ill-typed-field", "when.start is [1]; expected a time")
        );
        assert_eq!(require_str(&value, &["who"]).expect_err("absent").detail, "who is missing");
    }

    /// Scenario: more unmapped text than a column keeps. Guarantees: valid JSON within the bound that says what is gone.
    #[test]
    fn unmapped_stays_json_and_bounded() {
        let long = Value::from("\u{1}".repeat(MAX_UNMAPPED_BYTES));
        let short = Value::from("y");
        let text =
            unmapped([("a", Some(&short)), ("long", Some(&long)), ("none", None)]).expect("one field fits");
        assert_eq!(text, r#"{"_dropped":1,"a":"y"}"#);
        assert_eq!(unmapped([("null", Some(&Value::Null))]), None);
    }
}

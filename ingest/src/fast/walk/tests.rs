//! What the walker takes, and what it leaves.

use super::*;
use proptest::prelude::*;

static INNER: Shape = Shape::closed(&[keep("x", 1), skip("y")]);
static SHAPE: Shape = Shape::closed(&[keep("a", 0), inside("o", &INNER), skip("s"), keep("z", 2)]);

static BESIDE: Shape = Shape::beside(&[keep("a", 0)], |name| name.starts_with('n'));

fn walk(text: &str) -> Option<[Slot<'_>; 3]> {
    walk_as(&SHAPE, text)
}

fn walk_as<'a>(shape: &'static Shape, text: &'a str) -> Option<[Slot<'a>; 3]> {
    let mut marks = Marks::default();
    marks.read(text.as_bytes());
    let mut slots = [Slot::Absent; 3];
    // The slots borrow from the text alone; the marks may go.
    let marks: &'static Marks = Box::leak(Box::new(marks));
    let mut walker = Walker::new(text, marks, 0);
    walker.object(shape, &mut slots)?;
    (walker.at() == text.len()).then_some(slots)
}

/// Scenario: records in any order, with blanks, escapes and nesting. Guarantees: the wanted values, as written.
#[test]
fn wanted_values_are_found() {
    let found = walk(r#"{"z": [1, {"q":null}], "s":{"deep":["\u00e9",true]},"o":{"y":-1,"x":"v"},"a":"\n"}"#);
    assert_eq!(found, Some([Slot::Escaped("\\n"), Slot::Text("v"), Slot::Whole(r#"[1, {"q":null}]"#)]));
    let found = walk(r#"{"z":{"a":[1,""],"b":{}},"o":{"x":[-2,{}]},"a":["\\"]}"#);
    assert_eq!(
        found,
        Some([Slot::Ready(r#"["\\"]"#), Slot::Ready("[-2,{}]"), Slot::Ready(r#"{"a":[1,""],"b":{}}"#)])
    );
    assert_eq!(walk(r#"{"o":null}"#), Some([Slot::Absent; 3]));
    assert_eq!(walk("{}"), Some([Slot::Absent; 3]));
}

/// Scenario: unknown and repeated keys, broken JSON, what is valid but unusual. Guarantees: nothing is taken.
#[test]
fn irregular_records_are_left() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"b":1}"#,
        r#"{"a":01}"#,
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\ud83d\ude00"}"#,
        "{\"a\":\"\n\"}",
        r#"{"a":nul}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[1}"#,
        r#"{"s":{"k":1,}}"#,
        r#"{"s":{k:1}}"#,
        r#"{"a":1e5}"#,
        r#"{"a":+1}"#,
        r#"{"a":-}"#,
        r#"{"a":1} "#,
        r#"{"a":"#,
        "[]",
        "",
        r#"{"o":[]}"#,
        r#"{"a":"\u00"}"#,
    ] {
        assert_eq!(walk(text), None, "{text}");
    }
    let deep = format!("{{\"s\":{}1{}}}", "[".repeat(MAX_NESTING + 1), "]".repeat(MAX_NESTING + 1));
    assert_eq!(walk(&deep), None);
}

/// Scenario: names that say nothing, once and again, and others. Guarantees: the first are passed over; what is there
/// twice is left to the strict path, which looks whether the values differ.
#[test]
fn what_is_passed_over_is_there_once() {
    assert!(walk_as(&BESIDE, r#"{"n1":1,"a":2,"n2":"x"}"#).is_some());
    for text in [r#"{"n1":1,"a":2,"n1":3}"#, r#"{"n1":1,"n2":2,"n1":1}"#, r#"{"n1":[]}"#, r#"{"b":1}"#] {
        assert_eq!(walk_as(&BESIDE, text), None, "{text}");
    }
}

static UNSORTED: Shape = Shape::open(&[keep("b", 1), keep("a", 2), keep("c", 1)]);
static SORTED: Shape = Shape::open(&[keep("a", 1), keep("b", 2), keep("d", 1)]);
static PARTS: Shape = Shape::closed(&[parts("u", 0, &UNSORTED), parts("s", 0, &SORTED), keep("n", 0)]);

proptest! {
    /// Scenario: objects with members in any order, known and unknown, values of every kind. Guarantees: what is taken for
    /// ready is what serde writes, and what has its members in order, once, and plain is taken for ready, unless its writer has another order.
    #[test]
    fn what_is_ready_is_what_serde_writes(
        names in proptest::collection::vec(prop::sample::select(&["a", "b", "c", "d", "", "aa", "\\n"][..]), 0..5),
        values in proptest::collection::vec(
            prop::sample::select(
                &["1", "-0", "1.50", "null", "\"\\u0041\"", "\"\\/\"", "\"\\n\"", "{\"b\":1,\"a\":2}", "{\"a\":[]}", "[ ]", "{\"\":1,\"\":2}"][..],
            ),
            5,
        ),
    ) {
        let members: Vec<String> = names.iter().zip(&values).map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let object = format!("{{{}}}", members.join(","));
        let plain = |value: &&str| ["1", "null", "\"\\n\"", "{\"a\":[]}"].contains(value);
        let is_plain = names.is_sorted_by(|left, right| left < right) && values.iter().take(names.len()).all(plain);
        for key in ["u", "s", "n"] {
            let taken = walk_as(&PARTS, &format!("{{\"{key}\":{object}}}")).map(|slots| match slots[0] {
                Slot::Ready(text) => Some(text.to_owned()),
                _ => None,
            });
            if let Some(Some(ready)) = &taken {
                let value: serde_json::Value = serde_json::from_str(ready).expect("what is taken is JSON");
                prop_assert_eq!(ready, &value.to_string());
            }
            let is_simple = is_plain && !names.iter().any(|name| ["", "\\n"].contains(name));
            prop_assert!(!is_simple || key == "u" || taken == Some(Some(object.clone())), "{}: {:?}", object, taken);
        }
    }

    /// Scenario: any text made of JSON's own characters. Guarantees: what is taken is JSON to serde too.
    #[test]
    fn what_is_taken_is_json(inner in "[\\[\\]{}:,\"\\\\ a0-9.entrulfsx-]{0,40}") {
        for text in [format!("{{\"a\":{inner}}}"), format!("{{\"s\":[{inner}]}}")] {
            if walk(&text).is_some() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }
    }
}

/// Scenario: names of up to forty bytes, with one byte changed, and cut. Guarantees: two are the same, or one stands before
/// the other, exactly where their bytes say so.
#[test]
fn names_are_compared_as_bytes_are() {
    let whole = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN";
    for length in 0..=whole.len() {
        let name = &whole[..length];
        let changed = (0..length).map(|at| format!("{}_{}", &name[..at], &name[at + 1..]));
        for other in changed.chain([name.to_owned(), whole[..length / 2].to_owned()]) {
            assert_eq!(is_same(name.as_bytes(), other.as_bytes()), name == other, "{name} {other}");
            assert_eq!(stands_before(name, &other), *name < *other, "{name} {other}");
            assert_eq!(stands_before(&other, name), *other < *name, "{name} {other}");
        }
    }
}

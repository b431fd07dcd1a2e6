//! JSON that is damaged, too deep, too wide, or says two things at once.

use std::fmt::Write as _;
use std::io::Read;

use crate::memory::bounded;
use crate::{GOOD, check, collect};

/// Scenario: damaged JSON between good records. Guarantees: each is refused by its own reason, the others are read.
#[test]
fn bad_json() {
    bounded("json::bad_json", || {
        let lines = [
            GOOD,
            r#"{"a":"cut"#,
            r#"{"a":1} tail"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            "{'a':1}",
            "[1] text",
            GOOD,
        ];
        check(
            lines.join("\n").as_bytes(),
            &[("bad-json", 2), ("duplicate-key", 1), ("truncated-json", 1), ("unknown-format", 4)],
        );
    });
}

/// Scenario: JSON nested 65, 129, 100,000 and a million deep, plain and in a string. Guarantees: refused by name without
/// a crash, the records around it are read.
#[test]
fn deep() {
    bounded("json::deep", || {
        for depth in [65, 129, 100_000, 1_000_000] {
            let object = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
            let array = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            let is_long = |text: &str| text.len() > offbound_ingest::MAX_LINE_BYTES;
            let long = u64::from(is_long(&object)) + u64::from(is_long(&array));
            let mut expected = vec![("too-deep", 2 - long), ("too-long", long), ("unknown-format", 2)];
            expected.retain(|(_, count)| *count > 0);
            check(format!("{GOOD}\n{object}\n{array}\n{GOOD}").as_bytes(), &expected);
        }
    });
}

/// Scenario: objects with as many keys as a line can hold, and with a million.
/// Guarantees: many keys are no harm; a line that is too long is refused by name; the records around it are read.
#[test]
fn wide() {
    bounded("json::wide", || {
        let object = |keys: usize| {
            let mut text = format!("{GOOD}\n{{\"k\":0");
            (0..keys).for_each(|key| write!(text, ",\"k{key}\":1").expect("a string takes any text"));
            text + "}\n" + GOOD
        };
        check(&object(60_000), &[("unknown-format", 3)]);
        check(&object(1_000_000), &[("too-long", 1), ("unknown-format", 2)]);
    });
}

/// Scenario: one key twice: with one value, with two, deeper inside, escaped in another way; records of a format.
/// Guarantees: two readers of a record never see two things at its top level; equal values are no harm.
#[test]
fn duplicate_keys() {
    bounded("json::duplicate_keys", || {
        let text = [GOOD, r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"{"a":1,"a":1}"#, GOOD].join("\n");
        check(text.as_bytes(), &[("duplicate-key", 2), ("unknown-format", 3)]);
        let event = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","auditID":"b","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-03-01T10:00:00Z","user":{"username":"alice"}}"#;
        check(event.as_bytes(), &[("duplicate-key", 1)]);
        let key = "ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R".to_owned() + &"x".repeat(60);
        let letters =
            collect(format!("{{\"{key}\":1,\"{key}\":2}}").as_bytes(), &[("duplicate-key", 1)]).letters;
        let shown = format!("{letters:?}");
        assert!(!shown.contains("0a1B2c3D4e5F"), "a key that is a token is shown in part: {shown}");
    });
}

/// Scenario: numbers beyond every type: a million digits, 1e999, -0, NaN, in records of a format.
/// Guarantees: the record is refused or read with the value unknown, never wrapped around; the others are read.
#[test]
fn huge_numbers() {
    bounded("json::huge_numbers", || {
        let digits = "9".repeat(1_000_000);
        for number in [
            digits.as_str(),
            "1e999",
            "-1e999",
            "1e-999",
            "-0",
            "18446744073709551616",
            "-9223372036854775809",
        ] {
            let event = format!(
                r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-03-01T10:00:00Z","user":{{"username":"alice"}},"objectRef":{{"resource":"pods"}},"responseStatus":{{"code":{number}}}}}"#
            );
            let (read, collector) =
                crate::collector::read("n.log", format!("{GOOD}\n{event}\n{GOOD}").as_bytes());
            assert_eq!(read.count.read, 3, "{read:?}");
            assert_eq!(read.count.dead_lettered.get("unknown-format"), Some(&2), "{read:?}");
            for row in &collector.rows.identity_assertions {
                assert!(row.status.is_none_or(|status| status == 0), "{number:.20} became {:?}", row.status);
            }
        }
        for number in ["NaN", "Infinity", "0x10", "01", "1."] {
            check(
                format!("{{\"a\":{number}}}\n{GOOD}").as_bytes(),
                &[("bad-json", 1), ("unknown-format", 1)],
            );
        }
    });
}

/// Scenario: a document with a known list that never ends. Guarantees: what is behind the longest document is refused by
/// name, memory stays bounded.
#[test]
fn long_lists() {
    bounded("json::long_lists", || {
        let element = br#"{"a":1},"#;
        let elements = std::iter::repeat_n(element.as_slice(), 1_000).collect::<Vec<_>>().concat();
        let mut list = br#"{"Records":["#.to_vec();
        list.extend(elements);
        list.extend(br#"{"a":1}]}"#);
        collect(list.as_slice().chain(b"\n".as_slice()).chain(GOOD.as_bytes()), &[("unknown-format", 1_002)]);
    });
}

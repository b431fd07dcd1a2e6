//! Documents and lines that are lists, cut, or put together.

use crate::collector::read;
use crate::memory::bounded;
use crate::{GOOD, check};

/// Scenario: documents with lists: arrays, wrappers, nested, empty, over several lines.
/// Guarantees: each element is a record, with the line that it starts on.
#[test]
fn lists() {
    bounded("framing::lists", || {
        let (read, collector) = read(
            "list.json",
            b"[\n {\"a\":1},\n\n {\n\"b\":2} ]\n{\"Records\":[{\"c\":1},{\"d\":1}]}".as_slice(),
        );
        let places: Vec<&str> = collector.letters.iter().map(|letter| letter.location.as_str()).collect();
        assert_eq!(places, ["list.json:2", "list.json:4", "list.json:6", "list.json:6"], "{read:?}");
        check(br#"{"Records":[]}"#, &[("empty-list", 1)]);
        check(br#"{"kind":"EventList","items":[{"x":1},{"x":2}]}"#, &[("unknown-format", 2)]);
        check(br#"{"items":[{"x":1},{"x":2}]}"#, &[("unknown-format", 1)]);
    });
}

/// Scenario: documents with lists that end early. Guarantees: the elements before the cut are read.
#[test]
fn cut_lists() {
    bounded("framing::cut_lists", || {
        for cut in [
            r#"{"Records":[{"a":1},{"b":[1,2]},{"c":"#,
            r#"[{"a":1}, {"b":2}, {"c":"x"#,
            "[\n{\"a\":1},\n{\"b\":2},\n{\"c\"",
            "{\n \"Records\": [\n  {\n   \"a\": 1\n  },\n  {\"b\":2},\n",
        ] {
            check(cut.as_bytes(), &[("truncated-json", 1), ("unknown-format", 2)]);
        }
        check(br#"{"Records":"none"}"#, &[("unknown-format", 1)]);
        check(b"[{'a':1}]", &[("unknown-format", 1)]);
    });
}

/// Scenario: a CRI log whose long line was cut, and whose last piece is missing.
/// Guarantees: pieces are joined per stream, what is there of the last one is read.
#[test]
fn cut_lines() {
    bounded("framing::cut_lines", || {
        let text = "2026-03-01T10:00:00Z stdout P {\"a\":\n2026-03-01T10:00:00Z stderr F other\n\
                2026-03-01T10:00:00Z stdout F 1}\n2026-03-01T10:00:00Z stdout P {\"b\":\n";
        let letters = check(text.as_bytes(), &[("truncated-json", 1), ("unknown-format", 2)]);
        assert_eq!(letters, ["other", "{\"a\":1}", "{\"b\":"]);
    });
}

/// Scenario: a log service cut an audit event and said so, another record was cut by chance. Guarantees: the first is read
/// as far as it goes, and marked; the second is refused; the record behind them is read.
#[test]
fn records_that_say_that_they_are_cut() {
    bounded("framing::records_that_say_that_they_are_cut", || {
        let start = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","requestReceivedTimestamp":"2026-03-01T10:00:00Z","verb":"create","user":{"username":"alice"},"objectRef":{"resource":"pods"},"requestObject":{"spec":"#;
        let lines = [format!("{start}[Truncated..."), start.to_owned(), GOOD.to_owned()].join("\n");
        let (read, collector) = read("cut.log", lines.as_bytes());
        assert_eq!((read.count.read, read.count.decoded), (3, 1));
        let reasons: Vec<&str> = collector.letters.iter().map(|letter| letter.reason.as_str()).collect();
        assert_eq!(reasons, ["truncated-json", "unknown-format"]);
    });
}

//! Bytes that are no text, and text with bytes that terminals and parsers fall over.

use std::collections::BTreeSet;

use crate::memory::bounded;
use crate::{GOOD, check, collect, compression};

/// Scenario: bytes that are no UTF-8, and text that looks like their escape.
/// Guarantees: nothing is lost, and the two do not become the same.
#[test]
fn invalid_utf8() {
    bounded("text::invalid_utf8", || {
        let letters = check(b"a\xffb\na\\xffb\xfe\n", &[("unknown-format", 2)]);
        assert_eq!(letters, [r"a\xffb", r"a\x5cxffb\xfe"]);
        let letters = check(b"{\"a\":\"\xff\"}", &[("unknown-format", 1)]);
        assert_eq!(letters, [r#"{"a":"\\xff"}"#]);
    });
}

/// Scenario: files that are no text, or text in another encoding, or none at all.
/// Guarantees: one dead letter with the reason; a NUL in a line of text is no binary file; an empty file is no error.
#[test]
fn no_text() {
    bounded("text::no_text", || {
        let elf: Vec<u8> =
            [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 500], &(0..=255).collect::<Vec<u8>>()].concat();
        check(&elf, &[("binary-file", 1)]);
        check(&compression::gzip(&compression::gzip(&elf)), &[("binary-file", 1)]);
        check(b"\xff\xfe{\0\"\0", &[("utf-16", 1)]);
        check(b"\xef\xbb\xbf{\"a\":1}\r\n\r\n", &[("unknown-format", 1)]);
        check(b"a line with one \0 in it, and more text\n", &[("unknown-format", 1)]);
        check(b"", &[]);
        check(&compression::gzip(b""), &[]);
    });
}

/// Scenario: secrets in records that cannot be read. Guarantees: FLOW-3 holds for dead letters too.
#[test]
fn secrets_in_dead_letters() {
    bounded("text::secrets_in_dead_letters", || {
        let text = "{\"password\":\"hunter2\ntoken hvs.CAESIJ9dkf02kdl20dkfl20dk in text\n";
        for letter in check(text.as_bytes(), &[("truncated-json", 1), ("unknown-format", 1)]) {
            assert!(!letter.contains("hunter2") && !letter.contains("CAESIJ9"), "{letter}");
        }
    });
}

/// Scenario: two hosts whose names differ in one bad byte, an overlong slash, lone surrogates.
/// Guarantees: different bytes never become one identity, and none becomes the character that it pretends to be.
#[test]
fn bad_bytes_in_names() {
    bounded("text::bad_bytes_in_names", || {
        let event = |name: &[u8]| {
            let start = br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-03-01T10:00:00Z","user":{"username":"#;
            [start.as_slice(), b"\"", name, b"\"},\"objectRef\":{\"resource\":\"pods\"}}"].concat()
        };
        let names = [
            b"n\xff".as_slice(),
            b"n\xfe",
            b"n\xc0\xaf",
            b"n/",
            b"n\\\\xff",
            b"n\xed\xa0\x80",
            b"n\xf4\x90\x80\x80",
            "n\u{fffd}".as_bytes(),
        ];
        let (mut ids, mut subjects) = (BTreeSet::new(), BTreeSet::new());
        for name in names {
            let collector = collect(event(name).as_slice(), &[]);
            let row = collector.rows.identity_assertions.first().expect("the event is read");
            assert_eq!(row.subject.as_deref() == Some("n/"), name == b"n/", "{:?}", row.subject);
            ids.insert(row.event_id);
            subjects.insert((row.subject.clone(), row.trust_flags.clone()));
        }
        assert_eq!(ids.len(), names.len(), "two events became one: {subjects:?}");
        assert_eq!(subjects.len(), names.len(), "two names became one: {subjects:?}");
    });
}

/// Scenario: halves of surrogate pairs in JSON escapes. Guarantees: the record is refused by name, not patched up.
#[test]
fn lone_surrogates() {
    bounded("text::lone_surrogates", || {
        for half in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud800x"] {
            check(
                format!("{GOOD}\n{{\"a\":\"{half}\"}}\n{GOOD}").as_bytes(),
                &[("bad-json", 1), ("unknown-format", 2)],
            );
        }
        check(format!("{{\"a\":\"{}\"}}\n{GOOD}", r"\ud83d\ude00").as_bytes(), &[("unknown-format", 2)]);
    });
}

/// Scenario: NUL bytes and byte order marks between and inside records, vertical tabs, terminal escapes.
/// Guarantees: records end at line feeds only; nothing is dropped; the mark at the start of a file alone is left out.
#[test]
fn controls() {
    bounded("text::controls", || {
        let text = [
            b"\xef\xbb\xbf".as_slice(),
            GOOD.as_bytes(),
            b"\n\xef\xbb\xbf{\"a\":1}\nx\0y\n\x1b[2J\x1b]0;t\x07 z\nu\x0bv\x0cw\x85\n",
            GOOD.as_bytes(),
        ]
        .concat();
        let letters = collect(text.as_slice(), &[("unknown-format", 6)]).letters;
        let lines: Vec<&str> = letters.iter().map(|letter| letter.location.as_str()).collect();
        assert_eq!(lines, ["odd.log:1", "odd.log:2", "odd.log:3", "odd.log:4", "odd.log:5", "odd.log:6"]);
        assert_eq!(letters.get(2).map(|letter| letter.bytes.as_str()), Some("x\0y"));
        assert_eq!(letters.get(3).map(|letter| letter.bytes.as_str()), Some("\x1b[2J\x1b]0;t\x07 z"));
    });
}

/// Scenario: a line of 100 MB, and one of a gigabyte, between short ones.
/// Guarantees: a dead letter `too-long` with length and hash, the next line is read, memory stays.
#[test]
fn long_lines() {
    use std::io::Read;
    bounded("text::long_lines", || {
        for bytes in [100_000_000, 1_000_000_000] {
            let long = std::io::repeat(b'x').take(bytes);
            let input = b"first\n".as_slice().chain(long).chain(b"\nlast\n".as_slice());
            let letters = collect(input, &[("too-long", 1), ("unknown-format", 2)]).letters;
            let found: Vec<_> = letters
                .iter()
                .map(|letter| (letter.location.as_str(), letter.reason.as_str(), letter.length))
                .collect();
            assert_eq!(
                found,
                [
                    ("odd.log:1", "unknown-format", 5),
                    ("odd.log:2", "too-long", bytes),
                    ("odd.log:3", "unknown-format", 4)
                ]
            );
            assert!(letters.iter().all(|letter| letter.bytes.len() <= offbound_ingest::MAX_LETTER_BYTES));
            assert!(letters.iter().any(|letter| letter.detail.contains("BLAKE3")));
        }
    });
}

/// Scenario: a line that goes on until the stream breaks off. Guarantees: a dead letter, and no memory for the rest.
#[test]
fn endless_line() {
    use std::io::{Error, Read};
    /// Breaks off, as a dead connection does.
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
            Err(Error::other("connection reset"))
        }
    }
    bounded("text::endless_line", || {
        let endless = std::io::repeat(b'x').take(300_000_000).chain(Broken);
        let input = GOOD.as_bytes().chain(b"\n".as_slice()).chain(endless);
        let letters = collect(input, &[("read-error", 1), ("unknown-format", 1)]).letters;
        assert!(
            letters.iter().any(|letter| letter.detail.contains("connection reset")),
            "{:?}",
            letters.len()
        );
    });
}

//! Input that is broken, hostile or merely odd: each piece has a reason code and costs nothing else.

mod collector;

use std::io::Write;

use collector::read;
use flate2::Compression;
use flate2::write::GzEncoder;
use offbound_ingest::expand;

const GOOD: &str = r#"{"unknown":"but fine"}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// Reads `bytes` and compares what became of the records; returns the dead letters' text.
fn check(bytes: &[u8], expected: &[(&str, u64)]) -> Vec<String> {
    let (read, collector) = read("odd.log", bytes);
    let mut found = read.count.dead_lettered.clone();
    found.extend(read.count.skipped.clone());
    let expected: std::collections::BTreeMap<String, u64> =
        expected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    assert_eq!(
        found,
        expected,
        "{:?}",
        collector.letters.iter().map(|letter| &letter.detail).collect::<Vec<_>>()
    );
    collector.letters.into_iter().map(|letter| letter.bytes).collect()
}

/// Scenario: damaged JSON between good records. Guarantees: each is refused by its own reason, the others are read.
#[test]
fn bad_json() {
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
}

/// Scenario: JSON nested 65, 129 and 100,000 deep, and with 100,000 keys.
/// Guarantees: nesting beyond the limit is refused without a crash; many keys are no harm.
#[test]
fn deep_and_wide_json() {
    for depth in [65, 129, 100_000] {
        let object = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let array = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        check(format!("{object}\n{array}\n{GOOD}").as_bytes(), &[("too-deep", 2), ("unknown-format", 1)]);
    }
    let keys: Vec<String> = (0..100_000).map(|key| format!("\"k{key}\":1")).collect();
    let wide = format!("{{{}}}", keys.join(","));
    let reason = if wide.len() > offbound_ingest::MAX_LINE_BYTES { "too-long" } else { "unknown-format" };
    check(wide.as_bytes(), &[(reason, 1)]);
    let keys: Vec<String> = (0..60_000).map(|key| format!("\"k{key}\":1")).collect();
    check(format!("{{{}}}", keys.join(",")).as_bytes(), &[("unknown-format", 1)]);
}

/// Scenario: bytes that are no UTF-8, and text that looks like their escape.
/// Guarantees: nothing is lost, and the two do not become the same.
#[test]
fn invalid_utf8() {
    let letters = check(b"a\xffb\na\\xffb\xfe\n", &[("unknown-format", 2)]);
    assert_eq!(letters, [r"a\xffb", r"a\x5cxffb\xfe"]);
    let letters = check(b"{\"a\":\"\xff\"}", &[("unknown-format", 1)]);
    assert_eq!(letters, [r#"{"a":"\\xff"}"#]);
}

/// Scenario: files that are no text, or text in another encoding, or none at all.
/// Guarantees: one dead letter with the reason; a NUL in a line of text is no binary file; an empty file is no error.
#[test]
fn no_text() {
    let elf: Vec<u8> =
        [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 500], &(0..=255).collect::<Vec<u8>>()].concat();
    check(&elf, &[("binary-file", 1)]);
    check(&gzip(&gzip(&elf)), &[("binary-file", 1)]);
    check(b"\xff\xfe{\0\"\0", &[("utf-16", 1)]);
    check(b"\xef\xbb\xbf{\"a\":1}\r\n\r\n", &[("unknown-format", 1)]);
    check(b"a line with one \0 in it, and more text\n", &[("unknown-format", 1)]);
    check(b"", &[]);
    check(&gzip(b""), &[]);
}

/// Scenario: gzip in one member and several, cut, followed by junk, without any suffix.
/// Guarantees: everything readable is read, then one dead letter says what is missing.
#[test]
fn gzip_files() {
    let text = format!("{GOOD}\n").repeat(1_000);
    let two = [gzip(text.as_bytes()), gzip(text.as_bytes())].concat();
    check(&two, &[("unknown-format", 2_000)]);
    let (read, collector) = read("cut.log", &gzip(text.as_bytes())[..60]);
    assert_eq!(read.count.dead_lettered.get("truncated-gzip"), Some(&1), "{read:?}");
    assert!(read.count.dead_lettered.get("unknown-format").is_some_and(|count| *count > 0), "{read:?}");
    assert_eq!(collector.letters.last().map(|letter| letter.reason.as_str()), Some("truncated-gzip"));
    // Flushed before the cut, so that a line and the beginning of a document can be read.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"{\"a\":1}\n{\n\"b\": 2,\n{\"c\":3}\n").expect("memory takes it");
    encoder.flush().expect("memory takes it");
    let cut = encoder.get_ref().clone();
    check(&cut, &[("truncated-gzip", 1), ("truncated-json", 1), ("unknown-format", 3)]);
    check(&[gzip(b"a\n"), b"junk and more".to_vec()].concat(), &[("unknown-format", 1), ("corrupt-gzip", 1)]);
}

/// Scenario: 80 MiB of zeros in a small gzip file, alone and behind good records.
/// Guarantees: it is stopped at the cap, with the reason.
#[test]
fn decompression_bomb() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(format!("{GOOD}\n").repeat(700).as_bytes()).expect("memory takes it");
    let zeros = vec![b' '; 1024 * 1024];
    (0..80).for_each(|_| encoder.write_all(&zeros).expect("memory takes it"));
    let bomb = encoder.finish().expect("memory takes it");
    check(&bomb, &[("decompression-bomb", 1), ("unknown-format", 700)]);
}

/// Scenario: documents with lists: arrays, wrappers, nested, empty, over several lines.
/// Guarantees: each element is a record, with the line that it starts on.
#[test]
fn lists() {
    let (read, collector) = read(
        "list.json",
        b"[\n {\"a\":1},\n\n {\n\"b\":2} ]\n{\"Records\":[{\"c\":1},{\"d\":1}]}".as_slice(),
    );
    let places: Vec<&str> = collector.letters.iter().map(|letter| letter.location.as_str()).collect();
    assert_eq!(places, ["list.json:2", "list.json:4", "list.json:6", "list.json:6"], "{read:?}");
    check(br#"{"Records":[]}"#, &[("empty-list", 1)]);
    check(br#"{"kind":"EventList","items":[{"x":1},{"x":2}]}"#, &[("unknown-format", 2)]);
    check(br#"{"items":[{"x":1},{"x":2}]}"#, &[("unknown-format", 1)]);
}

/// Scenario: documents with lists that end early. Guarantees: the elements before the cut are read.
#[test]
fn cut_lists() {
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
}

/// Scenario: a CRI log whose long line was cut, and whose last piece is missing.
/// Guarantees: pieces are joined per stream, what is there of the last one is read.
#[test]
fn cut_lines() {
    let text = "2026-03-01T10:00:00Z stdout P {\"a\":\n2026-03-01T10:00:00Z stderr F other\n\
                2026-03-01T10:00:00Z stdout F 1}\n2026-03-01T10:00:00Z stdout P {\"b\":\n";
    let letters = check(text.as_bytes(), &[("truncated-json", 1), ("unknown-format", 2)]);
    assert_eq!(letters, ["other", "{\"a\":1}", "{\"b\":"]);
}

/// Scenario: secrets in records that cannot be read. Guarantees: FLOW-3 holds for dead letters too.
#[test]
fn secrets_in_dead_letters() {
    let text = "{\"password\":\"hunter2\ntoken hvs.CAESIJ9dkf02kdl20dkfl20dk in text\n";
    for letter in check(text.as_bytes(), &[("truncated-json", 1), ("unknown-format", 1)]) {
        assert!(!letter.contains("hunter2") && !letter.contains("CAESIJ9"), "{letter}");
    }
}

/// Scenario: paths that exist, do not, are empty, hidden, looped or named twice.
/// Guarantees: each file once and in order, one error per bad path, the rest is still there.
#[test]
#[cfg(unix)]
fn paths() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    for file in ["b.log", "a.log", ".hidden", "sub/c.log"] {
        std::fs::create_dir_all(root.join("sub/empty")).expect("writable");
        std::fs::write(root.join(file), "x\n").expect("writable");
    }
    std::os::unix::fs::symlink(root, root.join("sub/loop")).expect("writable");
    let socket = std::os::unix::net::UnixListener::bind(root.join("z.sock")).expect("writable");
    let path = |name: &str| root.join(name).to_string_lossy().into_owned();
    let given = [
        path(""),
        path("a.log"),
        path("*.log"),
        path("none.log"),
        path("no*"),
        path("sub/empty"),
        "-".into(),
        "-".into(),
    ];
    let (inputs, errors) = expand(&given);
    drop(socket);
    let names: Vec<&str> =
        inputs.iter().map(|input| input.location.rsplit('/').next().unwrap_or_default()).collect();
    assert_eq!(names, ["a.log", "b.log", "c.log", "-"]);
    let problems: Vec<&str> = errors.iter().map(|error| error.problem.as_str()).collect();
    assert_eq!(
        problems,
        [
            "neither a file nor a folder (a pipe, socket or device)",
            "no such file",
            "no file matches",
            "the folder holds no file"
        ]
    );
}

/// Scenario: a log service cut an audit event and said so, another record was cut by chance. Guarantees: the first is read
/// as far as it goes, and marked; the second is refused; the record behind them is read.
#[test]
fn records_that_say_that_they_are_cut() {
    let start = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","requestReceivedTimestamp":"2026-03-01T10:00:00Z","verb":"create","user":{"username":"alice"},"objectRef":{"resource":"pods"},"requestObject":{"spec":"#;
    let lines = [format!("{start}[Truncated..."), start.to_owned(), GOOD.to_owned()].join("\n");
    let (read, collector) = read("cut.log", lines.as_bytes());
    assert_eq!((read.count.read, read.count.decoded), (3, 1));
    let reasons: Vec<&str> = collector.letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["truncated-json", "unknown-format"]);
}

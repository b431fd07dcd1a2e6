//! Law FLOW-2: the fast path and the strict one give the same rows, dead letters and counts, byte for byte.
//!
//! Seeds are the formats' own samples, the project's samples, and the corpus where it lies beside the project; each is
//! read as it is and changed in many ways.

use std::fs;
use std::path::{Path, PathBuf};

use offbound_ingest::decode::FORMATS;
use offbound_ingest::fuzzing::{differential, taken};
use proptest::prelude::*;
use proptest::sample::Index;

/// Formats that have a fast path.
const FAST: &[&str] = &["k8s-audit", "envoy", "cloudtrail", "linux-audit", "tetragon", "falco"];
/// Bytes of a file that are read whole, so that the test stays short.
const BYTES_PER_FILE: usize = 128 * 1024;
/// Lines of a file that are taken as seeds.
const SEEDS_PER_FILE: usize = 60;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Samples of the formats, and whole files of the project and of the corpus.
fn inputs() -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples"), &mut paths);
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"), &mut paths);
    paths.into_iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// Single records.
fn seeds() -> Vec<String> {
    let mut seeds: Vec<String> = FORMATS.iter().map(|format| format.sample.to_owned()).collect();
    for input in inputs() {
        let text = String::from_utf8_lossy(&input);
        seeds.extend(
            text.lines().filter(|line| line.starts_with('{')).take(SEEDS_PER_FILE).map(str::to_owned),
        );
    }
    seeds
}

/// Scenario: the beginning of every sample and corpus file, each behind the sample of one fast format in turn.
/// Guarantees: both paths agree.
#[test]
fn whole_files_agree() {
    for (input, format) in inputs().iter().zip(FAST.iter().cycle()) {
        differential(format, input.get(..BYTES_PER_FILE).unwrap_or(input));
    }
}

/// Scenario: each fast format's own sample, many times. Guarantees: the fast path takes it, so that these tests test.
#[test]
fn samples_take_the_fast_path() {
    for name in FAST {
        let format = FORMATS.iter().find(|format| format.id == *name).expect("a fast format is a format");
        let lines = format!("{}\n", format.sample).repeat(10);
        assert_eq!(taken(name, lines.as_bytes()), 10, "{name}");
    }
}

/// What a value may become.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "1",
    "65536",
    "-1",
    "1.5",
    "1e3",
    "\"\"",
    "\"-\"",
    "\"x\"",
    "[]",
    "{}",
    "[\"a\",\"b\"]",
    "[1,null,\"\"]",
    "\"2026-03-01T10:00:00Z\"",
    "\"2026-02-29T10:00:00.5+01:00\"",
    "1772359200",
    "\"10.1.0.7\"",
    "\"010.1.0.7\"",
    "\"::ffff:10.1.0.7\"",
    "\"fd00::7\"",
    "\"FD00::7\"",
    "\"10.1.0.7:43\"",
    "\"10.1.0.7:0\"",
    "[\"10.1.0.7\",\"fd00::1\",\"x\"]",
    "\"a\\u0026b\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u0000\"",
    "\"\\\"q\\\"\"",
    "\"create\"",
    "\"delete\"",
    "\"patch\"",
    "\"pods\"",
    "\"nodes\"",
    "\"token\"",
    "\"serviceaccounts\"",
    "\"system:node:n1\"",
    "\"system:serviceaccount:a:b\"",
    "\"spiffe://d/ns/a/sa/b\"",
    "[\"JTI=1\"]",
    "[\"X509SHA256=AB\"]",
    "[\"X509SHA256=ab\"]",
    "[\"bare\"]",
    "401",
    "403",
    "500",
    "\"allow\"",
    "\"forbid\"",
    "\"RequestReceived\"",
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"w\"},\"spec\":{\"nodeName\":\"n2\"}}",
    "\"Bearer abcdefgh12345678\"",
    "{\"password\":\"hunter22x\"}",
    "\"ghp_abcdefghijklmnopqrstuvwxyz0123456789\"",
    "\"--token=AbCdEf123456\"",
    "\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln\"",
    "\"-----BEGIN RSA PRIVATE KEY-----\"",
    "\"<jwt;fp=1>\"",
    "\"https://u:p4ss@h/\"",
    "[{\"key\":\"a\",\"value\":\"b\"}]",
    "{\"b\":1,\"a\":{\"d\":[1.50],\"c\":\"\\/\"}}",
    "18446744073709551616",
    "\"i-0aaaaaaaaaaaaaaa1\"",
    "\"/etc/shadow\"",
    "\"/proc/17/environ\"",
    "\"/host/run/secrets/kubernetes.io/serviceaccount/token\"",
    "\"AssumeRole\"",
    "\"RunInstances\"",
    "\"AccessDenied\"",
    "\"UAEX\"",
    "\"rbac_access_denied_matched_policy[none]\"",
    "\"<NA>\"",
    "\"openat\"",
    "\"connect\"",
    "\"10.0.0.1:1->10.0.0.2:2\"",
    "\"169.254.169.254\"",
];
/// Keys that are put in.
const KEYS: &[&str] = &[
    "log",
    "message",
    "stream",
    "time",
    "kind",
    "items",
    "Records",
    "value",
    "topic",
    "@timestamp",
    "user",
    "stage",
    "VERB",
    "verb",
    "category",
    "kubernetes",
    "password",
    "token",
    "data",
    "x",
    "hostname",
    "rule",
    "process_exec",
    "node_name",
    "evt.type",
];

/// One change of a record's text.
#[derive(Debug, Clone)]
enum Change {
    Byte(Index, u8),
    Cut(Index),
    Value(Index, usize),
    Member(Index, usize, usize),
    Without(Index),
    Twice(Index),
    Space(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        1 => (at(), prop_oneof![Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'), Just(b','), Just(0x80), Just(b'\n'), any::<u8>()])
            .prop_map(|(index, byte)| Change::Byte(index, byte)),
        1 => at().prop_map(Change::Cut),
        8 => (at(), 0..VALUES.len()).prop_map(|(index, value)| Change::Value(index, value)),
        2 => (at(), 0..KEYS.len(), 0..VALUES.len()).prop_map(|(index, key, value)| Change::Member(index, key, value)),
        3 => at().prop_map(Change::Without),
        1 => at().prop_map(Change::Twice),
        1 => at().prop_map(Change::Space),
    ]
}

/// The members of all objects of a text: where they begin, where their value begins, and where they end.
fn members(text: &str) -> Vec<(usize, usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (colon, _) in text.match_indices("\":") {
        let Some(start) = text[..colon].rfind('"') else { continue };
        let value = colon + 2;
        let (mut depth, mut at, mut quoted) = (0_i32, value, false);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        if at <= text.len() && text.is_char_boundary(at) {
            found.push((start, value, at));
        }
    }
    found
}

fn apply(text: &str, change: &Change) -> Vec<u8> {
    let members = members(text);
    let one = |index: &Index| (!members.is_empty()).then(|| members[index.index(members.len())]);
    let changed = match change {
        Change::Byte(index, byte) => {
            let mut bytes = text.as_bytes().to_vec();
            if !bytes.is_empty() {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            return bytes;
        }
        Change::Cut(index) => text.as_bytes()[..index.index(text.len() + 1)].to_vec(),
        Change::Value(index, new) => one(index).map_or_else(Vec::new, |(_, value, end)| {
            [&text[..value], VALUES[*new], &text[end..]].concat().into_bytes()
        }),
        Change::Member(index, key, new) => one(index).map_or_else(Vec::new, |(start, _, _)| {
            [&text[..start], &format!("\"{}\":{},", KEYS[*key], VALUES[*new]), &text[start..]]
                .concat()
                .into_bytes()
        }),
        Change::Without(index) => one(index).map_or_else(Vec::new, |(start, _, end)| {
            let rest = text[end..].strip_prefix(',').unwrap_or(&text[end..]);
            [&text[..start], rest].concat().into_bytes()
        }),
        Change::Twice(index) => one(index).map_or_else(Vec::new, |(start, _, end)| {
            [&text[..end], ",", &text[start..]].concat().into_bytes()
        }),
        Change::Space(index) => one(index).map_or_else(Vec::new, |(_, value, _)| {
            [&text[..value], "  ", &text[value..]].concat().into_bytes()
        }),
    };
    if changed.is_empty() { text.as_bytes().to_vec() } else { changed }
}

/// Applies changes one after the other, as far as the text stays text.
fn changed(seed: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for change in changes {
        let Ok(text) = std::str::from_utf8(&bytes) else { break };
        bytes = apply(text, change);
    }
    bytes
}

/// Number of cases: `OFFBOUND_CASES`, or enough for every build.
fn cases() -> u32 {
    std::env::var("OFFBOUND_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

/// Scenario: three records, each a seed changed in up to three ways. Guarantees: both paths agree.
#[test]
fn changed_records_agree() {
    let seeds = seeds();
    let record = (any::<Index>(), proptest::collection::vec(change(), 0..4));
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let input = (0..FAST.len(), any::<bool>(), proptest::collection::vec(record, 3));
    let result = runner.run(&input, |(format, own, records)| {
        let own = FORMATS.iter().find(|known| known.id == FAST[format] && own);
        let seed = |index: &Index| own.map_or(&*seeds[index.index(seeds.len())], |own| own.sample);
        let lines: Vec<Vec<u8>> =
            records.iter().map(|(index, changes)| changed(seed(index), changes)).collect();
        differential(FAST[format], &lines.join(&b'\n'));
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

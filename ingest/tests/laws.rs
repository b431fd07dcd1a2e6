//! The laws of ingest, as properties over arbitrary bytes and over damaged records of every format.

mod collector;

use collector::{check_count, read};
use offbound_ingest::decode::{FORMATS, Identity};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

/// One way to damage a record.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Cut(Index),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
    Null(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::None),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..12))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        any::<Index>().prop_map(Damage::Null),
    ]
}

fn damaged(sample: &str, damage: &Damage) -> Vec<u8> {
    let mut bytes = sample.as_bytes().to_vec();
    let place = |index: &Index| index.index(sample.len().max(1));
    match damage {
        Damage::None => {}
        Damage::Cut(at) => bytes.truncate(place(at)),
        Damage::Flip(at, byte) => bytes.iter_mut().skip(place(at)).take(1).for_each(|old| *old ^= byte),
        Damage::Insert(at, inserted) => drop(bytes.splice(place(at)..place(at), inserted.iter().copied())),
        Damage::Repeat(from, to) => {
            let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
            bytes.extend_from_within(from..to);
        }
        Damage::Null(at) => return with_null(sample, at),
    }
    bytes
}

/// The sample with one of its top-level values replaced by one of another type.
fn with_null(sample: &str, at: &Index) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(sample) else {
        return sample.into();
    };
    let keys: Vec<String> = fields.keys().cloned().collect();
    if !keys.is_empty() {
        let others = [json!(null), json!([]), json!({}), json!(-1), json!("x"), json!(1e308)];
        let other = others[at.index(others.len())].clone();
        fields.insert(keys[at.index(keys.len())].clone(), other);
    }
    serde_json::Value::Object(fields).to_string().into_bytes()
}

fn document() -> impl Strategy<Value = Vec<u8>> {
    let line = (any::<Index>(), damage()).prop_map(|(format, damage)| {
        let sample = FORMATS.get(format.index(FORMATS.len())).map_or("", |format| format.sample);
        damaged(sample, &damage)
    });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join(&b'\n'))
}

/// Reading the same bytes twice, under two names, gives the same events.
fn check_function_of_bytes(bytes: &[u8]) {
    let (first, rows) = read("a.log", bytes);
    let (again, same) = read("a.log", bytes);
    assert_eq!((&first, &rows), (&again, &same));
    let (_, moved) = read("elsewhere/b.log", bytes);
    assert_eq!(rows.event_ids(), moved.event_ids());
    check_count(&first.count, &rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Scenario: any bytes. Guarantees: FLOW-1 and FLOW-2; no panic, the same rows each time.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        check_function_of_bytes(&bytes);
    }

    /// Scenario: any text of the characters that structure logs. Guarantees: FLOW-1 and FLOW-2.
    #[test]
    fn any_structure(text in "[\\[\\]{}\":,\\\\ \n\r a-c0-9=<>eyJ.'-]{0,400}") {
        check_function_of_bytes(text.as_bytes());
    }

    /// Scenario: records of every format, damaged in every way. Guarantees: FLOW-1 and FLOW-2.
    #[test]
    fn damaged_records(bytes in document()) {
        check_function_of_bytes(&bytes);
    }

    /// Scenario: one document cut into reads of any size. Guarantees: where reads end makes no difference.
    #[test]
    fn any_reads(bytes in document(), size in 1_usize..40) {
        let whole = read("a.log", bytes.as_slice());
        let pieces = read("a.log", Trickle { bytes: &bytes, size });
        prop_assert_eq!(whole, pieces);
    }
}

/// A reader that hands out a few bytes at a time.
struct Trickle<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.size.min(buffer.len());
        std::io::Read::read(&mut self.bytes, &mut buffer[..length])
    }
}

/// Every way in which a shipper that adds no host may wrap a record.
fn wrapped(sample: &str) -> Vec<(&'static str, String)> {
    let time = "2026-03-01T10:00:00Z";
    vec![
        ("cri", format!("{time} stdout F {sample}")),
        ("docker-json", json!({"log": format!("{sample}\n"), "stream": "stdout", "time": time}).to_string()),
        ("fluent-bit", json!({"log": sample, "kubernetes": {"pod_name": "sensor-1"}}).to_string()),
        ("vector", json!({"message": sample, "source_type": "file"}).to_string()),
        ("filebeat", json!({"@timestamp": time, "message": sample, "agent": {"type": "filebeat"}}).to_string()),
        ("cloudwatch", json!({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": sample}]}).to_string()),
        ("kafka", json!({"value": {"payload": sample}}).to_string()),
        ("kafka", json!({"value": {"payload": format!("{time} stdout F {sample}")}}).to_string()),
    ]
}

/// Scenario: the sample of every format, plain and in every envelope.
/// Guarantees: it is recognised as its own format, and the envelope makes it no other event.
#[test]
fn envelopes_change_no_identity() {
    for format in FORMATS {
        let (plain, rows) = read("a.log", format.sample.as_bytes());
        assert_eq!(plain.count.format, format.id, "{}: {plain:?} {:?}", format.id, rows.letters);
        for (envelope, text) in wrapped(format.sample) {
            let (wrapped, inner) = read("b.log", text.as_bytes());
            assert_eq!(wrapped.count.format, format.id, "{envelope}: {wrapped:?} {:?}", inner.letters);
            let ids = (rows.event_ids(), inner.event_ids());
            assert_eq!(ids.0, ids.1, "{} in {envelope}", format.id);
        }
    }
}

/// Scenario: the sample of every format twice in one stream.
/// Guarantees: two events where bytes do not tell deliveries apart, one event delivered twice where they do.
#[test]
fn repeated_records() {
    for format in FORMATS {
        let (_, once) = read("a.log", format.sample.as_bytes());
        let (_, twice) = read("a.log", format!("{0}\n{0}\n", format.sample).as_bytes());
        let distinct = |ids: Vec<_>| ids.into_iter().collect::<std::collections::BTreeSet<_>>().len();
        let (once, twice) = (distinct(once.event_ids()), distinct(twice.event_ids()));
        match format.identity {
            Identity::Bytes => assert_eq!(once, twice, "{}", format.id),
            Identity::BytesAndOccurrence => assert!(twice >= once, "{}: {once} and {twice}", format.id),
        }
    }
}

/// Scenario: the list of formats and the folder of fuzz targets. Guarantees: each format has a target, declared once.
#[test]
fn every_format_has_a_fuzz_target() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("fuzz/ has a manifest");
    for id in FORMATS.iter().map(|format| format.id).chain(["auto"]) {
        assert!(
            folder.join(format!("fuzz_targets/{id}.rs")).is_file(),
            "fuzz/fuzz_targets/{id}.rs is missing"
        );
        let declared = manifest.matches(&format!("name = \"{id}\"\n")).count();
        assert_eq!(declared, 1, "fuzz/Cargo.toml declares {id} {declared} times");
    }
}

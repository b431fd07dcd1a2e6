//! Law FLOW-3: secrets planted in records of every format appear in no output.

#[path = "../collector/mod.rs"]
mod collector;
mod encodings;
mod kinds;
mod plant;

use std::collections::BTreeSet;

use collector::read;
use encodings::{ENCODINGS, readable_forms};
use kinds::{Planted, Random};
use offbound_ingest::FingerprintKey;
use offbound_ingest::decode::FORMATS;

/// The planted set is a function of this.
const SEED: u64 = 20_260_301;
/// Fewest secrets and kinds of the planted set.
const MIN_SECRETS: usize = 2_000;
const MIN_KINDS: usize = 40;

/// Samples in which every kind is planted in every encoding.
const WHOLE_SAMPLES: usize = 4;
/// Samples of no format, which come first.
const UNKNOWN_SAMPLES: usize = 2;

/// Everything that came out for these lines, as one text.
fn output_of(lines: &[String]) -> String {
    let (read, collector) = read("planted.log", lines.join("\n").as_bytes());
    format!("{read:?}\n{collector:?}")
}

/// Where a readable form of the secret stands in the output.
fn leak(output: &str, secret: &str) -> Option<String> {
    readable_forms(secret).iter().find_map(|form| {
        let at = output.find(form.as_str())?;
        let from = output.floor_char_boundary(at.saturating_sub(160));
        output.get(from..at + form.len()).map(str::to_owned)
    })
}

/// Scenario: more than 2,000 secrets of more than 40 kinds, each in every encoding and in a record of every format
/// and of none, in fields that change with each.
/// Guarantees: no output holds any of them in any readable form, and where a secret has one fingerprint in every
/// encoding, the output shows it.
#[test]
fn planted_secrets() {
    let mut random = Random(SEED);
    let (mut planted, mut kinds, mut leaks, mut lost) = (0, BTreeSet::new(), Vec::new(), Vec::new());
    for (place, sample) in plant::samples().enumerate() {
        for (turn, encoding) in ENCODINGS.iter().enumerate() {
            for (number, Planted { kind, text, secret, followed }) in
                kinds::all(&mut random).into_iter().enumerate()
            {
                // Every kind in every encoding in a few formats, and one in twelve in all others.
                if place >= WHOLE_SAMPLES && !(turn + number + place).is_multiple_of(12) {
                    continue;
                }
                let record = plant::record(sample, &text, encoding, turn + place + number);
                let output = output_of(std::slice::from_ref(&record));
                planted += 1;
                kinds.insert(kind);
                if let Some(leak) = leak(&output, &secret) {
                    leaks.push(format!("{kind}, {}: {leak}\n    in {record}", encoding.name));
                }
                let fingerprint = followed.map(|secret| FingerprintKey::for_tests().fingerprint(&secret));
                // Only what cannot be read is kept whole; of the rest, formats keep what they have a column for.
                let is_kept = place < UNKNOWN_SAMPLES;
                if fingerprint.is_some_and(|fingerprint| is_kept && !output.contains(&fingerprint)) {
                    lost.push(format!("{kind}, {}: {record}", encoding.name));
                }
            }
        }
    }
    assert!(planted >= MIN_SECRETS && kinds.len() >= MIN_KINDS, "{planted} secrets of {} kinds", kinds.len());
    assert!(leaks.is_empty(), "{} of {planted} leak:\n{}", leaks.len(), leaks.join("\n"));
    assert!(lost.is_empty(), "{} of {planted} without their fingerprint:\n{}", lost.len(), lost.join("\n"));
}

/// Scenario: the same secrets in what the audit system writes in hex: a command line, an argument, a terminal line.
/// Guarantees: they are gone from hex and from what decoders make of it.
#[test]
fn planted_secrets_in_audit_hex() {
    let mut leaks = Vec::new();
    let mut random = Random(SEED);
    let anything =
        kinds::all(&mut random).into_iter().map(|planted| (plant::audit_records(&planted.text), planted));
    let commands = kinds::command_lines(&mut random)
        .into_iter()
        .map(|planted| (plant::audit_command_lines(&planted.text), planted));
    for (records, Planted { kind, secret, .. }) in anything.chain(commands) {
        for lines in records {
            if let Some(leak) = leak(&output_of(&lines), &secret) {
                leaks.push(format!("{kind}: {leak}\n    in {lines:?}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{} leak:\n{}", leaks.len(), leaks.join("\n"));
}

/// Scenario: every format's own sample. Guarantees: nothing in it is taken for a secret.
#[test]
fn samples_are_clean() {
    for format in FORMATS {
        let output = output_of(&[format.sample.to_owned()]);
        assert!(!output.contains("<secret;") && !output.contains("<jwt;"), "{}: {output}", format.id);
    }
}

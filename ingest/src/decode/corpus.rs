//! The identity decoders over recorded logs, where they lie beside the project.
//!
//! In: files of real tools. Out: a row a line for the eye (`SHOW_ROWS=1`), and checks of what must hold for each.
//! Owns: a crude splitting into records, so that it tests decoders only.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use offbound_schemas::table::{HostEvent, IdentityAssertion, Placement};
use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind, Phase};
use offbound_schemas::{EventId, EventRows};
use serde_json::Value;

use super::{Decode, Envelope, FORMATS, Format, Record, Verdict};
use crate::redact::{FingerprintKey, Redactor};

fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/identity").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "the corpus is missing: {}", folder.display());
    eprintln!("no corpus at {}: nothing was checked", folder.display());
    None
}

fn text_of(path: &Path) -> String {
    let bytes = fs::read(path).expect("a listed file can be read");
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("the file is gzip");
        return text;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One JSON value, its `Records`, an array, or lines.
fn records(text: &str) -> Vec<String> {
    let listed = |items: &[Value]| items.iter().map(Value::to_string).collect();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => listed(&items),
        Ok(value) => match value.get("Records").and_then(Value::as_array) {
            Some(items) => listed(items),
            None => vec![value.to_string()],
        },
        Err(_lines) => text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
    }
}

/// What became of one record.
struct Outcome {
    place: String,
    text: String,
    verdict: Option<Verdict>,
    rows: EventRows,
}

/// Decodes every record of a corpus folder that `format` recognises best.
fn decode_all(format: &Format, name: &str) -> Vec<Outcome> {
    let Some(folder) = folder(name) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder can be listed").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut outcomes = Vec::new();
    for path in paths {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut redactor = Redactor::new(FingerprintKey::for_tests());
        let mut decoder = (format.decoder)();
        for (index, text) in records(&text_of(&path)).into_iter().enumerate() {
            let text = redactor.redact(&text).text.into_owned();
            outcomes.push(decode_one(format, &mut *decoder, format!("{file}:{}", index + 1), text));
        }
        // What a decoder still held belongs to the file's last record, as far as these checks go.
        if let Some(last) = outcomes.last_mut() {
            decoder.finish(&mut last.rows);
        }
    }
    outcomes
}

fn decode_one(format: &Format, decoder: &mut dyn Decode, place: String, text: String) -> Outcome {
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let envelope = Envelope::default();
    let event_id = EventId::of(&[text.as_bytes(), place.as_bytes()]);
    let record = Record {
        text: &text,
        json: json.as_ref(),
        envelope: &envelope,
        source: format.id,
        location: &place,
        event_id,
    };
    let score = |format: &Format| (format.sniff)(&record);
    let best = FORMATS.iter().map(score).max().unwrap_or_default();
    let mut rows = EventRows::default();
    let recognised = best > 0 && score(format) == best;
    let verdict = recognised.then(|| decoder.decode(&record, &mut rows));
    Outcome { place, text, verdict, rows }
}

fn show(outcome: &Outcome) {
    if std::env::var_os("SHOW_ROWS").is_none() {
        return;
    }
    match &outcome.verdict {
        Some(Verdict::Decoded) => {}
        Some(other) => println!("{} {other:?}", outcome.place),
        None => println!("{} NOT RECOGNISED {}", outcome.place, super::cut(&outcome.text, 150)),
    }
    for row in &outcome.rows.identity_assertions {
        println!("{} {}", outcome.place, brief(&IdentityAssertion { raw: String::new(), ..row.clone() }));
    }
    for row in &outcome.rows.host_events {
        println!("{} {}", outcome.place, brief(&HostEvent { raw: String::new(), ..row.clone() }));
    }
    for row in &outcome.rows.placements {
        println!("{} {}", outcome.place, brief(&Placement { raw: String::new(), ..row.clone() }));
    }
}

/// A row's columns that say something.
fn brief(row: &impl std::fmt::Debug) -> String {
    let text = format!("{row:#?}");
    let says = |line: &&str| {
        !["None,", "[],", "\"\",", "false,"].iter().any(|empty| line.ends_with(&format!(": {empty}")))
    };
    let lines: Vec<&str> = text.lines().filter(says).map(str::trim).collect();
    lines.join(" ").replace("Some( ", "").replace(", )", "")
}

fn check(format: &Format, name: &str, mut holds: impl FnMut(&Outcome)) -> (usize, usize) {
    let outcomes = decode_all(format, name);
    let decoded = outcomes.iter().filter(|outcome| outcome.verdict == Some(Verdict::Decoded));
    let count = (outcomes.len(), decoded.count());
    for outcome in &outcomes {
        show(outcome);
        for row in &outcome.rows.identity_assertions {
            check_assertion(row, &outcome.place);
        }
        holds(outcome);
    }
    count
}

/// What must hold for every assertion of every format.
fn check_assertion(row: &IdentityAssertion, place: &str) {
    assert_eq!(row.credential_id.is_some(), row.id_kind != IdKind::None, "{place}: an id has a kind");
    let has_quality = !matches!(row.addr_quality, AddrQuality::None | AddrQuality::Service);
    assert_eq!(row.src_addr.is_some(), has_quality, "{place}: an address has a quality");
    assert!(row.action.is_some() || row.status.is_some(), "{place}: something was done");
    // Linkerd's Apache form says where a request went only in absolute URIs.
    let called = row.dst.is_some() || row.dst_addr.is_some() || row.source == "linkerd";
    assert!(called, "{place}: something was called");
    assert!(
        row.iat.is_none() || row.exp.is_none() || row.iat <= row.exp,
        "{place}: issued before it expires"
    );
}

/// Scenario: recorded Kubernetes audit logs of several distributions. Guarantees: every event that has a moment is
/// read, the last address is the peer's, refusals are refusals.
#[test]
fn k8s_audit() {
    let (all, decoded) = check(&super::k8s_audit::FORMAT, "k8s_audit", |outcome| {
        for row in outcome.rows.identity_assertions.iter().filter(|row| row.phase == Phase::Present) {
            assert_eq!(
                row.decision == Decision::Deny,
                matches!(row.status, Some(401 | 403)),
                "{}",
                outcome.place
            );
        }
    });
    assert!(all == 0 || decoded >= 20, "{decoded} of {all}");
}

/// Scenario: recorded CloudTrail logs with attacks. Guarantees: all are read, and each set of credentials that was
/// handed out has an expiry.
#[test]
fn cloudtrail() {
    let (all, decoded) = check(&super::cloudtrail::FORMAT, "aws_cloudtrail", |outcome| {
        for row in outcome.rows.identity_assertions.iter().filter(|row| row.phase != Phase::Present) {
            assert!(row.subject.is_some(), "{}", outcome.place);
            assert!(row.exp.is_some() || row.credential_id.is_none(), "{}", outcome.place);
        }
    });
    assert!(all == 0 || decoded + 10 >= all, "{decoded} of {all}");
}

/// Scenario: recorded access logs, JSON and text. Guarantees: all but the one of another tool are read; refusals are seen.
#[test]
fn envoy() {
    let (all, decoded) = check(&super::envoy::FORMAT, "envoy_istio", |outcome| {
        for row in &outcome.rows.identity_assertions {
            let refused = ["denied", "UAEX"].iter().any(|word| outcome.text.contains(word));
            assert_eq!(row.decision == Decision::Deny, refused, "{}", outcome.place);
        }
    });
    assert!(all == 0 || decoded + 1 == all, "{decoded} of {all}");
}

/// Scenario: recorded identity logs of clouds and providers. Guarantees: all but the few records without a time are read;
/// what was handed out has no address of its own, and belongs to somebody.
#[test]
fn providers() {
    let cases = [
        (&super::teleport::FORMAT, "teleport", 1),
        (&super::gcp_audit::FORMAT, "gcp_audit", 0),
        (&super::entra::FORMAT, "entra", 0),
        (&super::okta::FORMAT, "okta", 4),
    ];
    for (format, name, without_time) in cases {
        let (all, decoded) = check(format, name, |outcome| {
            for row in outcome.rows.identity_assertions.iter().filter(|row| row.phase == Phase::Exchange) {
                assert!(row.src_addr.is_none() && row.subject.is_some(), "{}", outcome.place);
            }
        });
        assert!(all == 0 || decoded + without_time == all, "{name}: {decoded} of {all}");
    }
}

/// Scenario: recorded logs of meshes, network policy, Vault and OPA. Guarantees: all are read but those without time (a
/// line whose author cut it off), and what their text calls a refusal is one.
#[test]
fn mesh_and_policy() {
    let formats = [
        (&super::ztunnel::FORMAT, "ztunnel", 1),
        (&super::linkerd::FORMAT, "linkerd", 0),
        (&super::hubble::FORMAT, "hubble", 0),
        (&super::vault_audit::FORMAT, "vault_audit", 0),
        (&super::opa::FORMAT, "opa", 0),
    ];
    for (format, name, timeless) in formats {
        let (mut refused, mut lost) = (0, 0);
        check(format, name, |outcome| {
            let says = ["policy rejection", "no allow policies", "DROPPED", "permission denied"];
            refused += usize::from(says.iter().any(|word| outcome.text.contains(word)));
            refused -=
                outcome.rows.identity_assertions.iter().filter(|row| row.decision == Decision::Deny).count();
            lost += usize::from(!matches!(outcome.verdict, Some(Verdict::Decoded | Verdict::Skipped(_))));
        });
        assert_eq!(lost, timeless, "{name}");
        // Vault says it in request and response, which are one row; the timeless line gives none.
        assert_eq!(refused, usize::from(name == "vault_audit") + timeless, "{name}");
    }
}

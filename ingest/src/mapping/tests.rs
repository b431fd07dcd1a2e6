//! Mapping files, good and bad, on records of every kind of column.

use std::sync::Arc;

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{Action, AddrQuality, Decision, IdKind, Phase};
use offbound_schemas::{EventId, EventRows, EventTime};
use serde_json::json;

use super::*;

const GATEWAY: &str = r#"
version = 1
id = "gateway"
table = "identity_assertions"
absent = ["-"]
ignore = ["trace"]

[recognise]
has = ["jwt.sub"]
equals = { kind = ["access", "refusal"] }

[time]
path = ["at", "time"]
format = ["rfc3339", "epoch-ms"]

[column]
phase = { const = "present" }
subject = "jwt.sub"
decision = { path = "status", words = { 200 = "allow", 403 = "deny" }, otherwise = "error" }
src_addr = { path = ["peer", "remote"], as = "address" }
src_port = { path = ["peer", "remote"], as = "port" }
addr_quality = { const = "direct" }
action = { join = ["method", "path"] }
audience = { path = "jwt.aud", split = "," }
exp = { path = "jwt.exp", format = "epoch-s" }
status = "status"
trust_flags = { const = ["client-chosen-id"] }

[[credential]]
path = "jwt.jti"
kind = "jti"

[[credential]]
path = "cert.serial"
kind = "serial"

[[skip]]
equals = { path = "/healthz" }
"#;

fn decode(mapping: &Arc<Mapping>, json: &Value) -> (Verdict, EventRows) {
    let text = json.to_string();
    let envelope = Envelope::default();
    let record = Record {
        text: &text,
        json: Some(json),
        envelope: &envelope,
        source: "gateway",
        location: "test:1",
        event_id: EventId::of(&[text.as_bytes()]),
    };
    let mut rows = EventRows::default();
    let verdict = Mapped(Arc::clone(mapping)).decode(&record, &mut rows);
    (verdict, rows)
}

fn parsed(text: &str) -> Arc<Mapping> {
    Arc::new(Mapping::parse(text, "gateway.toml").expect("a sound mapping"))
}

fn assertion(json: &Value) -> IdentityAssertion {
    let (verdict, mut rows) = decode(&parsed(GATEWAY), json);
    assert_eq!(verdict, Verdict::Decoded, "{json}");
    rows.identity_assertions.pop().expect("one row")
}

/// Scenario: a record with every field, one with other paths, and one whose values do not fit.
/// Guarantees: columns in their types and normal forms; what is unknown or does not fit is null and kept unmapped.
#[test]
fn columns() {
    let row = assertion(&json!({
        "kind": "access", "at": "2026-03-01T10:00:00Z", "method": "GET", "path": "/v1/charges", "status": 403,
        "peer": "[::ffff:10.1.0.7]:4100", "trace": "x", "new": {"field": 1}, "cert": {"serial": "00:AB"},
        "jwt": {"sub": "spiffe://prod.example/web", "aud": "a, b", "exp": 1_772_362_800, "jti": "7", "azp": "web"},
    }));
    assert_eq!(row.event_time, EventTime::parse("2026-03-01T10:00:00Z").expect("a time"));
    assert_eq!((row.phase, row.decision), (Phase::Present, Decision::Deny));
    assert_eq!(row.addr_quality, AddrQuality::Direct);
    assert_eq!(
        (row.src_addr.as_deref(), row.src_port, row.status),
        (Some("10.1.0.7"), Some(4100), Some(403))
    );
    assert_eq!(row.action.as_deref(), Some("GET /v1/charges"));
    assert_eq!((row.credential_id.as_deref(), row.id_kind), (Some("JTI=7"), IdKind::Jti));
    assert_eq!(row.credential_alias.as_deref(), Some("X509SERIAL=ab"));
    assert_eq!(
        (row.audience, row.trust_flags),
        (vec!["a".into(), "b".into()], vec!["client-chosen-id".into()])
    );
    assert_eq!(row.exp, EventTime::parse("2026-03-01T11:00:00Z").ok());
    assert_eq!(row.unmapped.as_deref(), Some(r#"{"jwt.azp":"web","new":{"field":1}}"#));
    let row = assertion(&json!({"kind": "access", "time": 1_772_359_200_000_u64, "remote": "payments:80",
        "peer": "-", "status": "200", "jwt": {"sub": "x", "exp": "soon"}}));
    assert_eq!((row.src_addr, row.src_port, row.decision), (None, Some(80), Decision::Allow));
    assert_eq!((row.exp, row.credential_id, row.id_kind), (None, None, IdKind::None));
    assert_eq!(row.unmapped.as_deref(), Some(r#"{"jwt.exp":"soon","remote":"payments:80"}"#));
}

/// Scenario: records that are left out, have no time, a bad time, or are no objects.
/// Guarantees: each is a named skip or refused with its reason, and gives no row.
#[test]
fn fates() {
    let mapping = parsed(GATEWAY);
    for (record, expected) in [
        (json!({"path": "/healthz", "at": "2026-03-01T10:00:00Z"}), LEFT_OUT),
        (json!({"path": "/"}), "no-time"),
        (json!({"at": [1]}), "ill-typed-field"),
        (json!({"at": "soon"}), "ill-typed-field"),
        (json!([1]), "not-json"),
    ] {
        let (verdict, rows) = decode(&mapping, &record);
        let name = match verdict {
            Verdict::Skipped(name) => name,
            Verdict::Rejected(reject) => reject.reason,
            Verdict::Decoded => "decoded",
        };
        assert_eq!((name, rows.is_empty()), (expected, true), "{record}");
    }
    assert_eq!(mapping.stranger(r#"{"kind":"x"}"#).as_deref(), Some("`jwt.sub` is missing"));
    let other = r#"{"kind":"x","jwt":{"sub":"s"}}"#;
    assert_eq!(mapping.stranger(other).as_deref(), Some("`kind` is not access or refusal"));
}

/// Scenario: a host log that says that a file was read. Guarantees: a credential's path is judged as in every format.
#[test]
fn host_events_are_judged() {
    let text = "version = 1\nid = \"edr\"\ntable = \"host_events\"\n[recognise]\nhas = [\"file\"]\n[time]\npath = \"t\"\n\
        [column]\naction = { const = \"file_read\" }\ntarget_path = \"file\"\npid = \"pid\"\n";
    let (_, rows) =
        decode(&parsed(text), &json!({"t": 1_772_359_200, "file": "/root/.aws/credentials", "pid": "7"}));
    let row = rows.host_events.first().expect("one row");
    assert_eq!((row.action, row.target_is_credential, row.pid), (Action::CredRead, true, Some(7)));
}

/// Puts `new` in the place of `old` in the sound file, and checks what is told.
fn check(old: &str, new: &str, expected: &str) {
    assert!(GATEWAY.contains(old), "{old}");
    let told = Mapping::parse(&GATEWAY.replacen(old, new, 1), "gateway.toml").expect_err(new).to_string();
    assert!(told.contains(expected), "{new}: {told}");
}

/// Scenario: every mistake that a file may hold. Guarantees: the line, the word at fault, and what to do.
#[test]
fn mistakes() {
    for (old, new, expected) in [
        (
            "ignore =",
            "ingore =",
            "gateway.toml:6:1: unknown key `ingore` in the file; the nearest known key is `ignore`",
        ),
        (
            "src_addr =",
            "sorce_addr =",
            "unknown column `sorce_addr` in [column]; the nearest known column is",
        ),
        (
            "subject =",
            "raw =",
            "gateway.toml:18:7: column `raw` is filled for every format alike; take it out",
        ),
        ("phase = { const = \"present\" }", "", "[column] has no `phase`; add"),
        (
            "\"present\"",
            "\"presents\"",
            "\"presents\" in `const` of `phase` of [column] is no word of the column; the nearest is \"present\"",
        ),
        ("403 = \"deny\"", "403 = \"denied\"", "is no word of the column; the nearest is \"deny\""),
        ("as = \"port\"", "as = \"prt\"", "the nearest known word is \"port\""),
        ("\"rfc3339\"", "\"iso\"", "\"iso\" in `format` of [time] is no time format"),
        ("path = [\"at\", \"time\"]", "", "[time] has no `path`; add"),
        ("[time]", "[tine]", "has no `time`; add a section [time]"),
        ("status = \"status\"", "status = 7", "it must be a string"),
        ("split = \",\"", "format = \"epoch\"", "`format` is for columns of times"),
        ("\"identity_assertions\"", "\"uses\"", "the nearest known word is"),
        ("id = \"gateway\"", "id = \"envoy\"", "is the id of a built-in format"),
        ("id = \"gateway\"", "id = \"My Gateway\"", "is no id"),
        (
            "has = [\"jwt.sub\"]\nequals = { kind = [\"access\", \"refusal\"] }",
            "",
            "[recognise] asks for nothing",
        ),
        ("kind = \"jti\"", "kind = \"jit\"", "the nearest known word is \"jti\""),
        ("subject = \"jwt.sub\"", "subject = \"jwt..sub\"", "is no path: it has an empty step"),
        ("version = 1", "version = 2", "version 2 is not known here; write version = 1"),
        (
            "version = 1",
            "version = 1\nsample = '{\"kind\":\"x\"}'",
            "gateway.toml:3:10: the sample is not recognised: `jwt.sub` is missing",
        ),
        (
            "version = 1",
            "version = 1\nsample = '{\"kind\":\"access\",\"jwt\":{\"sub\":\"x\"}}'",
            "the sample cannot be read: no-time",
        ),
    ] {
        check(old, new, expected);
    }
}

/// Scenario: any path and record. Guarantees: no panic, and a row or a refusal with a reason.
#[test]
fn strange_records() {
    let mapping = parsed(GATEWAY);
    let base = json!({"kind": "access", "at": "2026-03-01T10:00:00Z", "jwt": {"sub": "x", "aud": "a"}, "peer": "x", "status": 1});
    for stranger in [
        json!(null),
        json!([]),
        json!([null, {}, "x"]),
        json!({}),
        json!(-1),
        json!(1e300),
        json!("é\u{0}"),
        json!("x".repeat(70_000)),
    ] {
        for key in ["at", "jwt", "peer", "status", "method", "new"] {
            let mut twisted = base.clone();
            twisted[key] = stranger.clone();
            let (verdict, rows) = decode(&mapping, &twisted);
            let reads = matches!(verdict, Verdict::Decoded);
            assert_eq!(reads, rows.len() == 1, "{key}");
            let unmapped = rows.identity_assertions.iter().filter_map(|row| row.unmapped.as_ref());
            unmapped.for_each(|text| assert!(text.len() <= crate::decode::MAX_UNMAPPED_BYTES));
        }
    }
}

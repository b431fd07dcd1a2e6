//! Tests of the writers on one invented set of results.

use std::collections::BTreeMap;

use offbound_schemas::record::{
    BlastRadius, BoundPlace, ControlVerdict, CredentialRef, Evidence, Finding, Gap, Incident, LayerJudgement,
    ObservedPlace, ProcessRef, Reach, ResidualExposure, SourceCount, Summary,
};
use offbound_schemas::vocabulary::{
    Confidence, ContainmentOutcome, Control, FindingState, LayerVerdict, Severity, Strength,
};
use offbound_schemas::{EventId, EventTime, FindingId, IncidentId};

use super::*;

/// A value that would take over a terminal and a spreadsheet, were it shown as it is.
const HOSTILE: &str = "=cmd|'/C'!A0\u{1b}]0;owned\u{7}\u{202e}\r\nweb,\"x\"";

fn time(second: i64) -> EventTime {
    EventTime(second * 1_000_000_000)
}

fn finding(second: i64) -> Finding {
    Finding {
        record_type: "finding".into(),
        schema: "offbound.finding/1".into(),
        id: FindingId::of(&[&second.to_le_bytes()]),
        revision: 1,
        rule: "CT-101".into(),
        title: "Credential used off its bound host".into(),
        state: FindingState::Confirmed,
        severity: Severity::High,
        confidence: Confidence::High,
        first_time: time(second),
        last_time: time(second + 2),
        count: 3,
        credential: Some(CredentialRef { id: "JTI=1".into(), kind: "k8s-token".into() }),
        subject: Some(HOSTILE.into()),
        workload: None,
        bound: Some(BoundPlace {
            host: Some("n1".into()),
            addresses: vec!["10.1.0.7".into()],
            grade: 3,
            ..BoundPlace::default()
        }),
        observed: Some(ObservedPlace {
            host: Some("n3".into()),
            quality: "direct".into(),
            ..ObservedPlace::default()
        }),
        destination: Some("kube-apiserver".into()),
        action: Some("list secrets".into()),
        decision: Some("allow".into()),
        process: Some(ProcessRef {
            pid: Some(7),
            exe: Some(HOSTILE.into()),
            lineage: vec!["java".into()],
            host: None,
        }),
        why: vec!["It belongs to n1.".into(), format!("It was seen as {HOSTILE}.")],
        evidence: vec![Evidence {
            time: time(second),
            event_id: EventId::of(&[b"e"]),
            table: "identity_assertions".into(),
            role: "use".into(),
            source: "k8s-audit".into(),
            location: "audit.log:118".into(),
        }],
        missing_sources: vec![],
        incident: Some(IncidentId::of(&[b"i"])),
        attack: vec!["T1550.001".into()],
        nhi: vec![],
        maestro: vec![],
        nist: vec![],
    }
}

fn layer(verdict: LayerVerdict) -> LayerJudgement {
    let control = ControlVerdict {
        control: Control::BindingCheck,
        verdict,
        time: Some(time(10)),
        evidence: vec![EventId::of(&[b"e"])],
    };
    LayerJudgement { verdict, inferred: true, controls: vec![control] }
}

fn incident() -> Incident {
    let reach = Reach {
        destination: HOSTILE.into(),
        credential: Some("JTI=1".into()),
        first: Some(time(10)),
        last: Some(time(12)),
        count: 2,
    };
    Incident {
        record_type: "incident".into(),
        schema: "offbound.incident/1".into(),
        id: IncidentId::of(&[b"i"]),
        title: format!("Stolen token of {HOSTILE}"),
        severity: Severity::High,
        onset: time(10),
        onset_basis: "observed".into(),
        end: time(22),
        findings: vec![finding(10).id, finding(20).id],
        credentials: vec!["JTI=1".into()],
        workloads: vec![HOSTILE.into()],
        hosts: vec!["n1".into()],
        host_layer: layer(LayerVerdict::Bypassed),
        identity_layer: layer(LayerVerdict::NotEnforced),
        first_failed: vec![Control::CredentialConfidentiality],
        first_absent: vec![],
        outcome: ContainmentOutcome::NotContained,
        strength: Strength::Proven,
        reason: "Uses off the bound host were allowed.".into(),
        contained_at: None,
        missing_sources: vec![],
        blast_radius: BlastRadius { reached: vec![reach], ..BlastRadius::default() },
        time_to_detect_seconds: Some(1.0),
        time_to_contain_seconds: None,
        residual_exposure: vec![ResidualExposure {
            credential: "JTI=1".into(),
            seconds: Some(2710),
            reason: "expires".into(),
        }],
        merged_from: vec![],
    }
}

fn results() -> Results {
    let gap = Gap {
        record_type: "gap".into(),
        schema: "offbound.gap/1".into(),
        source: "linux-audit".into(),
        scope: "host:n7".into(),
        from: time(15),
        to: time(16),
        lost: Some(118),
        reason: "audit serial gap".into(),
    };
    let counts = |name: &str| BTreeMap::from([(name.to_owned(), 1)]);
    let source = SourceCount {
        location: HOSTILE.into(),
        format: "k8s-audit".into(),
        read: 3,
        decoded: 1,
        skipped: counts("digest"),
        dead_lettered: counts("truncated-json"),
        unmapped: counts(HOSTILE),
    };
    let summary = Summary {
        record_type: "summary".into(),
        schema: "offbound.summary/1".into(),
        read: 3,
        decoded: 1,
        skipped: counts("digest"),
        dead_lettered: counts("truncated-json"),
        late: 0,
        bytes: 1000,
        from: Some(time(1)),
        to: Some(time(30)),
        sources: vec![source],
        findings: BTreeMap::from([("CT-101".into(), BTreeMap::from([("high".into(), 2)]))]),
        incidents: counts("not_contained"),
    };
    Results {
        findings: vec![finding(10), finding(20)],
        incidents: vec![incident()],
        gaps: vec![gap],
        summary,
    }
}

fn written(format: Format) -> String {
    let mut bytes = Vec::new();
    write(&results(), format, Look::plain(), &mut bytes).expect("a vector takes everything");
    String::from_utf8(bytes).expect("all output is UTF-8")
}

/// Scenario: a hostile value in every outside field. Guarantees (SCREEN-1): no format prints a control character
/// but its own line ends, nor a direction mark; a CSV field never starts a formula.
#[test]
fn nothing_hostile_reaches_the_terminal() {
    for format in RESULT_FORMATS {
        let text = written(*format);
        let bad = text
            .chars()
            .filter(|c| (c.is_control() && !matches!(c, '\n' | '\r')) || *c == '\u{202e}')
            .count();
        assert_eq!(bad, 0, "{format:?}: {text}");
    }
    assert!(!written(Format::Csv).contains(",=") && !written(Format::Csv).contains(",\"="));
}

/// Scenario: NDJSON of mixed records. Guarantees: by first time, the summary last, exact values.
#[test]
fn ndjson_is_ordered_and_exact() {
    let text = written(Format::Ndjson);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(types.last(), Some(&"summary"));
    assert_eq!(types[2..], ["gap", "finding", "summary"]);
    let subjects: Vec<_> = lines.iter().filter_map(|line| line["subject"].as_str()).collect();
    assert_eq!(subjects, [HOSTILE, HOSTILE]);
}

/// Scenario: the table in a narrow and in a wide look. Guarantees: the verdict is told in words, and lines fit.
#[test]
fn table_tells_the_verdict() {
    let text = written(Format::Table);
    for words in ["NOT CONTAINED (proven)", "CT-101", "host n1", "host n3", "45 min 10 s", "118", "3 records"]
    {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    assert!(text.lines().all(|line| layout::width(line) <= 100), "{text}");
}

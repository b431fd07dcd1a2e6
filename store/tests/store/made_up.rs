//! Made-up conclusions, with every optional field filled.

use std::collections::BTreeMap;

use offbound_schemas::record::{
    BlastRadius, BoundPlace, ControlVerdict, CredentialRef, Evidence, Finding, Gap, Incident, LayerJudgement,
    ObservedPlace, ProcessRef, Reach, ResidualExposure, Summary,
};
use offbound_schemas::table::DeadLetter;
use offbound_schemas::vocabulary::{
    Confidence, ContainmentOutcome, Control, FindingState, LayerVerdict, Severity, Strength,
};
use offbound_schemas::{EventId, EventTime, FindingId, IncidentId};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn finding(number: u8) -> Finding {
    let text = |text: &str| Some(format!("{text}-{number}"));
    Finding {
        record_type: "finding".to_owned(),
        schema: "offbound.finding/1".to_owned(),
        id: FindingId::of(&[&[number]]),
        revision: 1,
        rule: "CT-101".to_owned(),
        title: "Credential used off its host".to_owned(),
        state: FindingState::ALL[0],
        severity: Severity::ALL[1],
        confidence: Confidence::ALL[0],
        first_time: EventTime(i64::from(number)),
        last_time: EventTime(i64::MAX),
        count: 12,
        credential: Some(CredentialRef { id: format!("JTI={number}"), kind: "k8s-token".to_owned() }),
        subject: text("subject"),
        workload: text("workload"),
        bound: Some(BoundPlace {
            workload: text("w"),
            addresses: texts(&["10.1.2.3"]),
            grade: 3,
            ..BoundPlace::default()
        }),
        observed: Some(ObservedPlace {
            host: text("h"),
            quality: "direct".to_owned(),
            ..ObservedPlace::default()
        }),
        destination: text("destination"),
        action: text("get \"secrets\"\n"),
        decision: text("allow"),
        process: Some(ProcessRef { pid: Some(4), lineage: texts(&["init", "sh"]), ..ProcessRef::default() }),
        why: texts(&["first step", "second step"]),
        evidence: vec![Evidence {
            time: EventTime(0),
            event_id: EventId::of(&[&[number]]),
            table: "host_events".to_owned(),
            role: "use".to_owned(),
            source: "falco".to_owned(),
            location: "a.log:1".to_owned(),
        }],
        missing_sources: texts(&["placements"]),
        incident: Some(IncidentId::of(&[&[number]])),
        attack: texts(&["T1550.001"]),
        nhi: Vec::new(),
        maestro: Vec::new(),
        nist: Vec::new(),
    }
}

pub(crate) fn incident(number: u8) -> Incident {
    let verdict = ControlVerdict {
        control: Control::ALL[0],
        verdict: LayerVerdict::default(),
        time: Some(EventTime(3)),
        evidence: vec![EventId::of(&[b"e"])],
    };
    let reach = Reach {
        destination: "vault".to_owned(),
        credential: None,
        first: None,
        last: Some(EventTime(8)),
        count: 2,
    };
    Incident {
        record_type: "incident".to_owned(),
        schema: "offbound.incident/1".to_owned(),
        id: IncidentId::of(&[&[number]]),
        title: format!("incident {number}"),
        severity: Severity::ALL[2],
        onset: EventTime(-5),
        onset_basis: "inferred".to_owned(),
        end: EventTime(5),
        findings: vec![FindingId::of(&[&[number]])],
        credentials: texts(&["JTI=1"]),
        workloads: Vec::new(),
        hosts: texts(&["alpha"]),
        host_layer: LayerJudgement { controls: vec![verdict], inferred: true, ..LayerJudgement::default() },
        identity_layer: LayerJudgement::default(),
        first_failed: vec![Control::ALL[0]],
        first_absent: Vec::new(),
        outcome: ContainmentOutcome::ALL[0],
        strength: Strength::ALL[0],
        reason: "it was denied".to_owned(),
        contained_at: Some(EventTime(4)),
        missing_sources: Vec::new(),
        blast_radius: BlastRadius { reached: vec![reach], ..BlastRadius::default() },
        time_to_detect_seconds: Some(0.1),
        time_to_contain_seconds: None,
        residual_exposure: vec![ResidualExposure {
            credential: "JTI=1".to_owned(),
            seconds: None,
            reason: "static".to_owned(),
        }],
        merged_from: Vec::new(),
    }
}

pub(crate) fn gap(lost: Option<u64>) -> Gap {
    Gap {
        record_type: "gap".to_owned(),
        schema: "offbound.gap/1".to_owned(),
        source: "auditd".to_owned(),
        scope: "host:alpha".to_owned(),
        from: EventTime(5),
        to: EventTime(9),
        lost,
        reason: "serial numbers are missing".to_owned(),
    }
}

pub(crate) fn summary(read: u64) -> Summary {
    Summary {
        record_type: "summary".to_owned(),
        schema: "offbound.summary/1".to_owned(),
        read,
        decoded: read,
        skipped: BTreeMap::new(),
        dead_lettered: BTreeMap::new(),
        late: 0,
        bytes: u64::MAX,
        from: Some(EventTime(-1)),
        to: None,
        sources: Vec::new(),
        findings: BTreeMap::new(),
        incidents: BTreeMap::new(),
    }
}

pub(crate) fn letter(number: u64) -> DeadLetter {
    DeadLetter {
        event_id: EventId::of(&[&number.to_le_bytes()]),
        source: "unknown".to_owned(),
        location: format!("x.log:{number}"),
        reason: "truncated-json".to_owned(),
        detail: "the record ends inside a string".to_owned(),
        parser: "offbound/0".to_owned(),
        length: u64::MAX - number,
        bytes: "{\"a\": \"\\xff".to_owned(),
        content: number.is_multiple_of(2).then(|| "00ff".to_owned()),
        context: number.is_multiple_of(2).then(|| "{}".to_owned()),
    }
}

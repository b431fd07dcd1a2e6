//! An invented investigation: one intrusion, some noise around it.
//!
//! In: a function that every outside text goes through, so that a test can make all of them hostile.
//! Out: a [`Recorded`] port. Law: nothing in it comes from a real system.

use std::collections::BTreeMap;

use offbound_schemas::record::{
    BlastRadius, BoundPlace, ControlVerdict, CredentialRef, Evidence, Finding, Gap, Incident, LayerJudgement,
    ObservedPlace, ProcessRef, Reach, ResidualExposure, SourceCount,
};
use offbound_schemas::table::identity_assertions::column;
use offbound_schemas::vocabulary::{
    Confidence, ContainmentOutcome, Control, FindingState, LayerVerdict, Severity, Strength,
};
use offbound_schemas::{EventId, EventTime, FindingId, IncidentId, table};

use super::events::RecordedEvents;
use crate::port::{Entity, EntityKind, EventRow, EvidenceRecord, Header, Recorded};

const START: &str = "2026-03-01T10:04:07.25Z";
const SECOND: i64 = 1_000_000_000;

type Text<'a> = &'a dyn Fn(&str) -> String;

/// The investigation as it is.
#[must_use]
pub fn investigation() -> Recorded {
    with_text(&|text| text.to_owned())
}

/// The events that it rests on, and some around them.
#[must_use]
pub fn archive() -> RecordedEvents {
    archive_with_text(&|text| text.to_owned())
}

/// The same with every outside text replaced by what `text` makes of it.
#[must_use]
pub fn archive_with_text(text: Text<'_>) -> RecordedEvents {
    let findings = findings(text);
    let mut events: Vec<(EventRow, Vec<Entity>)> = findings
        .iter()
        .flat_map(|finding| finding.evidence.iter().map(move |evidence| (finding, evidence)))
        .map(|(finding, evidence)| (row(text, evidence), Entity::of_finding(finding)))
        .collect();
    let host = Entity::new(EntityKind::Host, &text("node-17"));
    events.extend((0..400_i64).map(|number| (background(text, number), vec![host.clone()])));
    events.sort_by_key(|(row, _)| (row.time, row.id));
    RecordedEvents { events, gaps: vec![gap(text)] }
}

fn row(text: Text<'_>, evidence: &Evidence) -> EventRow {
    let is_host = evidence.table == table::host_events::SPEC.name;
    EventRow {
        id: evidence.event_id,
        time: evidence.time,
        table: evidence.table.clone(),
        source: evidence.source.clone(),
        who: text(if is_host { "/tmp/.x/run" } else { "system:serviceaccount:shop:web" }),
        what: evidence.role.clone(),
        to: text(if is_host { "/var/run/secrets/token" } else { "kube-apiserver" }),
        outcome: text("allow"),
        place: text(if is_host { "node-17" } else { "10.4.7.9" }),
    }
}

/// What goes on anyway, thicker and thinner in turns.
fn background(text: Text<'_>, number: i64) -> EventRow {
    EventRow {
        id: EventId(id(&format!("background {number}"))),
        time: at(number * number % 601 - 60),
        table: table::host_events::SPEC.name.to_owned(),
        source: text("tetragon"),
        who: text("/usr/bin/java"),
        what: text("file_open"),
        to: text("/app/config.yaml"),
        outcome: text("success"),
        place: text("node-17"),
    }
}

/// The same without anything in it.
#[must_use]
pub fn empty() -> Recorded {
    let record = Box::new(|_| Ok(None));
    let header = Header { title: "nothing/".to_owned(), ..Header::default() };
    Recorded { header, findings: vec![], incidents: vec![], sources: vec![], gaps: vec![], record }
}

/// The investigation with every outside text replaced by what `text` makes of it.
#[must_use]
pub fn with_text(text: Text<'_>) -> Recorded {
    let findings = findings(text);
    let incident = incident(text, &findings);
    let records: BTreeMap<EventId, EvidenceRecord> = findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .map(|evidence| (evidence.event_id, record(text, evidence)))
        .collect();
    Recorded {
        header: Header {
            title: text("shop/"),
            from: Some(at(-3_600)),
            to: Some(at(1_800)),
            records: 120_000,
            findings: findings.len() as u64,
            incidents: 1,
            live: false,
        },
        incidents: vec![incident],
        sources: sources(text),
        gaps: vec![gap(text)],
        findings,
        record: Box::new(move |id| Ok(records.get(&id).cloned())),
    }
}

/// A moment, in seconds from the intrusion.
fn at(seconds: i64) -> EventTime {
    EventTime::parse(START).expect("the start is a time").plus_nanos(seconds * SECOND)
}

fn id(name: &str) -> [u8; 16] {
    offbound_schemas::hash_id("fixture", &[name.as_bytes()])
}

struct Sketch {
    rule: &'static str,
    title: &'static str,
    severity: Severity,
    seconds: i64,
    host: bool,
    member: bool,
}

const SKETCHES: &[Sketch] = &[
    sketch("CT-101", "Credential used off its bound host", Severity::Critical, 174, false, true),
    sketch("CT-201", "Credential file read by a process that never reads it", Severity::High, 12, true, true),
    sketch("CT-104", "Service account token used from outside the cluster", Severity::High, 240, false, true),
    sketch("HB-210", "Shell started by a server process", Severity::High, 0, true, true),
    sketch("HB-214", "Program executed from a writable path", Severity::High, 81, true, true),
    sketch("HB-230", "Container reached the host's file system", Severity::Medium, 169, true, true),
    sketch("CT-301", "Credential used after it was revoked", Severity::Medium, 425, false, true),
    sketch("CT-306", "Token lives longer than policy allows", Severity::Low, -1_900, false, false),
    sketch("CT-304", "One credential used by several workloads", Severity::Low, -2_400, false, false),
    sketch("CV-401", "Workload without host telemetry", Severity::Info, -3_000, true, false),
];

const fn sketch(
    rule: &'static str,
    title: &'static str,
    severity: Severity,
    seconds: i64,
    host: bool,
    member: bool,
) -> Sketch {
    Sketch { rule, title, severity, seconds, host, member }
}

fn findings(text: Text<'_>) -> Vec<Finding> {
    SKETCHES.iter().enumerate().map(|(at, sketch)| finding(text, at, sketch)).collect()
}

fn finding(text: Text<'_>, index: usize, sketch: &Sketch) -> Finding {
    let list = |values: &[&str]| values.iter().map(|value| text(value)).collect::<Vec<_>>();
    Finding {
        record_type: "finding".to_owned(),
        schema: "offbound.finding/1".to_owned(),
        id: FindingId(id(sketch.rule)),
        revision: 1,
        rule: text(sketch.rule),
        title: text(sketch.title),
        state: if index == 2 { FindingState::Provisional } else { FindingState::Confirmed },
        severity: sketch.severity,
        confidence: if index < 4 { Confidence::High } else { Confidence::Medium },
        first_time: at(sketch.seconds),
        last_time: at(sketch.seconds + 31),
        count: 1 + index as u64 * 3,
        credential: (!sketch.host).then(|| CredentialRef {
            id: text("JTI=7c1f2b1e-5d7a-4c1e-9a52-0c5b6a0e4a11"),
            kind: text("k8s-token"),
        }),
        subject: Some(text("system:serviceaccount:shop:web")),
        workload: Some(text("spiffe://prod.example/ns/shop/sa/web")),
        bound: (!sketch.host).then(|| bound(text)),
        observed: (!sketch.host).then(|| observed(text)),
        destination: Some(text("kube-apiserver")),
        action: Some(text("list secrets")),
        decision: Some(text("allow")),
        process: sketch.host.then(|| process(text)),
        why: why(text, sketch),
        evidence: evidence(text, sketch),
        missing_sources: if index.is_multiple_of(2) {
            list(&["envoy access log on node-22"])
        } else {
            vec![]
        },
        incident: sketch.member.then(|| IncidentId(id("incident"))),
        attack: list(&["T1550.001", "T1552.001"]),
        nhi: list(&["NHI4"]),
        maestro: list(&["L4"]),
        nist: list(&["IA-9"]),
    }
}

fn bound(text: Text<'_>) -> BoundPlace {
    BoundPlace {
        workload: Some(text("spiffe://prod.example/ns/shop/sa/web")),
        host: Some(text("node-17")),
        pod_uid: Some(text("5b0f3c6e-web")),
        addresses: vec![text("10.1.0.7")],
        grade: 3,
    }
}

fn observed(text: Text<'_>) -> ObservedPlace {
    ObservedPlace {
        workload: None,
        host: Some(text("node-22")),
        pod_uid: None,
        address: Some(text("10.4.7.9")),
        quality: text("direct"),
    }
}

fn process(text: Text<'_>) -> ProcessRef {
    ProcessRef {
        host: Some(text("node-17")),
        pid: Some(4_411),
        exe: Some(text("/tmp/.x/run")),
        lineage: ["containerd-shim", "java", "sh", "run"].iter().map(|name| text(name)).collect(),
    }
}

fn why(text: Text<'_>, sketch: &Sketch) -> Vec<String> {
    let steps: &[&str] = if sketch.host {
        &[
            "The process was started by a server process of the workload, outside any exec by a person.",
            "The path that it was executed from is writable by the workload itself.",
        ]
    } else {
        &[
            "The token names pod 5b0f3c6e on node-17 and was issued to it at 10:03:51.",
            "It was presented from 10.4.7.9, an address of node-22 at that time, which no egress map explains.",
            "The request was allowed, so the control that should have compared the two is absent or not enforcing.",
        ]
    };
    steps.iter().map(|step| text(step)).collect()
}

fn evidence(text: Text<'_>, sketch: &Sketch) -> Vec<Evidence> {
    let (host, identity) = (table::host_events::SPEC.name, table::identity_assertions::SPEC.name);
    let steps: &[(&str, &str, &str, &str, i64)] = if sketch.host {
        &[
            ("exec", host, "tetragon", "tetragon.json:8810", 0),
            ("read", host, "linux-audit", "audit.log:88644", 3),
        ]
    } else {
        &[
            ("issue", identity, "spire", "spire.log:882", -130),
            ("legitimate-use", identity, "k8s-audit", "k8s-audit.log:8897", -40),
            ("use", identity, "k8s-audit", "k8s-audit.log:89020", 0),
        ]
    };
    let one = |(role, table, source, location, seconds): &(&str, &str, &str, &str, i64)| Evidence {
        time: at(sketch.seconds + seconds),
        event_id: EventId(id(&format!("{}{role}", sketch.rule))),
        table: (*table).to_owned(),
        role: text(role),
        source: text(source),
        location: text(location),
    };
    steps.iter().map(one).collect()
}

fn record(text: Text<'_>, evidence: &Evidence) -> EvidenceRecord {
    let columns = [
        (column::event_time, evidence.time.to_string()),
        (column::subject, "system:serviceaccount:shop:web".to_owned()),
        (column::credential_id, "JTI=7c1f2b1e-5d7a-4c1e-9a52-0c5b6a0e4a11".to_owned()),
        (column::src_addr, "10.4.7.9".to_owned()),
        (column::action, "list".to_owned()),
        (column::user_agent, "curl/8\u{1b}[2K\rok".to_owned()),
    ];
    let raw = "{\"verb\":\"list\",\"requestURI\":\"/api/v1/namespaces/shop/secrets\",\"sourceIPs\":[\"10.4.7.9\"],\
               \"user\":{\"username\":\"system:serviceaccount:shop:web\"},\"userAgent\":\"curl/8\u{1b}[2K\rok\",\
               \"responseStatus\":{\"code\":200}}\n";
    EvidenceRecord {
        event_id: evidence.event_id,
        table: evidence.table.clone(),
        location: evidence.location.clone(),
        source: evidence.source.clone(),
        columns: columns.into_iter().map(|(name, value)| (name.to_owned(), text(&value))).collect(),
        raw: text(raw),
    }
}

fn incident(text: Text<'_>, findings: &[Finding]) -> Incident {
    let mut members: Vec<&Finding> = findings.iter().filter(|finding| finding.incident.is_some()).collect();
    members.sort_by_key(|finding| (finding.first_time, finding.id));
    Incident {
        record_type: "incident".to_owned(),
        schema: "offbound.incident/1".to_owned(),
        id: IncidentId(id("incident")),
        title: text("Shell in shop/web, its token used from another node"),
        severity: Severity::Critical,
        onset: at(0),
        onset_basis: text("observed"),
        end: at(456),
        findings: members.iter().map(|finding| finding.id).collect(),
        credentials: vec![text("JTI=7c1f2b1e-5d7a-4c1e-9a52-0c5b6a0e4a11"), text("vault:lease/db-ro-e01a")],
        workloads: vec![text("spiffe://prod.example/ns/shop/sa/web")],
        hosts: vec![text("node-17"), text("node-22")],
        host_layer: host_layer(),
        identity_layer: identity_layer(),
        first_failed: vec![Control::CredentialConfidentiality],
        first_absent: vec![Control::BindingCheck],
        outcome: ContainmentOutcome::NotContained,
        strength: Strength::Proven,
        reason: text(
            "A token was read on node-17 and accepted from node-22; no control compared the place of use with the \
             place of issue, and the host layer refused only what came after.",
        ),
        contained_at: None,
        missing_sources: vec![text("linux-audit on node-22, 10:05:10 to 10:07:55"), text("vault audit")],
        blast_radius: radius(text),
        time_to_detect_seconds: Some(12.0),
        time_to_contain_seconds: None,
        residual_exposure: exposure(text),
        merged_from: vec![],
    }
}

fn control(control: Control, verdict: LayerVerdict, seconds: i64, rule: &str, role: &str) -> ControlVerdict {
    let evidence = vec![EventId(id(&format!("{rule}{role}")))];
    ControlVerdict { control, verdict, time: Some(at(seconds)), evidence }
}

fn silent(control: Control) -> ControlVerdict {
    ControlVerdict { control, verdict: LayerVerdict::NotChallenged, time: None, evidence: vec![] }
}

fn host_layer() -> LayerJudgement {
    LayerJudgement {
        verdict: LayerVerdict::Bypassed,
        inferred: false,
        controls: vec![
            control(Control::ExecAllowList, LayerVerdict::NotEnforced, 81, "HB-214", "exec"),
            silent(Control::Lsm),
            control(Control::Seccomp, LayerVerdict::Held, 87, "HB-214", "read"),
            control(Control::Isolation, LayerVerdict::Held, 169, "HB-230", "read"),
            control(Control::CredentialConfidentiality, LayerVerdict::Bypassed, 12, "CT-201", "read"),
        ],
    }
}

fn identity_layer() -> LayerJudgement {
    LayerJudgement {
        verdict: LayerVerdict::NotEnforced,
        inferred: true,
        controls: vec![
            control(Control::BindingCheck, LayerVerdict::NotEnforced, 174, "CT-101", "use"),
            control(Control::AudienceCheck, LayerVerdict::Held, 242, "CT-104", "use"),
            control(Control::Revocation, LayerVerdict::Blind, 425, "CT-301", "use"),
            silent(Control::Segmentation),
        ],
    }
}

fn radius(text: Text<'_>) -> BlastRadius {
    let reach = |destination: &str, credential: &str, seconds: Option<i64>, count| Reach {
        destination: text(destination),
        credential: Some(text(credential)),
        first: seconds.map(at),
        last: seconds.map(|seconds| at(seconds + i64::try_from(count).unwrap_or(0))),
        count,
    };
    let (token, lease) = ("JTI=7c1f2b1e-5d7a-4c1e-9a52-0c5b6a0e4a11", "vault:lease/db-ro-e01a");
    BlastRadius {
        reached: vec![
            reach("kube-apiserver", token, Some(174), 3),
            reach("cards-db:5432", lease, Some(301), 1),
        ],
        suspected: vec![reach("vault:kv/shop/psp", lease, Some(310), 1)],
        denied: vec![reach("kube-apiserver patch deployments", token, Some(242), 2)],
        reachable: vec![reach("payments-gateway", token, None, 0)],
    }
}

fn exposure(text: Text<'_>) -> Vec<ResidualExposure> {
    vec![
        ResidualExposure {
            credential: text("JTI=7c1f2b1e-5d7a-4c1e-9a52-0c5b6a0e4a11"),
            seconds: Some(2_710),
            reason: text("expires"),
        },
        ResidualExposure {
            credential: text("vault:lease/db-ro-e01a"),
            seconds: None,
            reason: text("unknown-expiry"),
        },
    ]
}

fn sources(text: Text<'_>) -> Vec<SourceCount> {
    let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| (text(name), *count)).collect();
    let one = |location: &str, format: &str, decoded: u64, skipped: &[(&str, u64)], dead: &[(&str, u64)]| {
        let all = decoded + skipped.iter().chain(dead).map(|(_, count)| count).sum::<u64>();
        SourceCount {
            location: text(location),
            format: text(format),
            read: all,
            decoded,
            skipped: counts(skipped),
            dead_lettered: counts(dead),
            unmapped: counts(&[("newField", 7)]),
        }
    };
    vec![
        one("shop/k8s-audit.log", "k8s-audit", 89_950, &[("digest", 40)], &[("truncated-json", 10)]),
        one("shop/tetragon.json", "tetragon", 21_000, &[], &[]),
        one("shop/audit.log", "linux-audit", 8_900, &[("login", 12)], &[("bad-time", 2), ("no-serial", 1)]),
        one("shop/spire.log", "spire-server", 85, &[], &[]),
    ]
}

fn gap(text: Text<'_>) -> Gap {
    Gap {
        record_type: "gap".to_owned(),
        schema: "offbound.gap/1".to_owned(),
        source: text("linux-audit"),
        scope: text("host:node-22"),
        from: at(63),
        to: at(228),
        lost: Some(118),
        reason: text("audit serial gap"),
    }
}

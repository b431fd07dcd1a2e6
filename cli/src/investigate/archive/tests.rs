//! Lanes, counts and rows of a small store.

use offbound_schemas::record::Gap;
use offbound_schemas::table::{HostEvent, IdentityAssertion, Placement};
use offbound_schemas::vocabulary::{Decision, Outcome, Phase};
use offbound_schemas::{EventId, EventRows, EventTime};
use offbound_store::Writer;
use offbound_tui::{At, Count, Entity, EntityKind, LaneOf, PageRequest, Span, Window};

use super::*;
use crate::judge::Totals;

const WORKLOAD: &str = "spiffe://a/ns/x/sa/it's";
const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn host_event(second: i64, host: &str) -> HostEvent {
    let event_id = EventId::of(&[host.as_bytes(), &second.to_be_bytes()]);
    HostEvent { event_id, event_time: at(second), host: Some(host.to_owned()), ..HostEvent::default() }
}

fn assertion(second: i64, credential: &str) -> IdentityAssertion {
    IdentityAssertion {
        event_id: EventId::of(&[credential.as_bytes(), &second.to_be_bytes()]),
        event_time: at(second),
        credential_id: Some(credential.to_owned()),
        subject: Some(WORKLOAD.to_owned()),
        ..IdentityAssertion::default()
    }
}

fn at(second: i64) -> EventTime {
    EventTime(second * 1_000_000_000)
}

/// Host n1 with five events of which one is of a container of the workload and one refused; a credential issued, used, and
/// refused; a pod of the workload.
fn events() -> EventRows {
    let mut host_events: Vec<HostEvent> = (10..15).map(|second| host_event(second, "n1")).collect();
    host_events[1].container_id = Some(CONTAINER[..31].to_owned());
    host_events[2].outcome = Outcome::Denied;
    let mut assertions: Vec<IdentityAssertion> = (20..23).map(|second| assertion(second, "JTI=1")).collect();
    assertions[0].phase = Phase::Issue;
    assertions[2].decision = Decision::Deny;
    assertions.push(assertion(21, "JTI=other"));
    let placement = Placement {
        event_id: EventId::of(&[b"pod"]),
        event_time: at(5),
        workload: Some(WORKLOAD.to_owned()),
        pod_uid: Some("uid-1".to_owned()),
        container_ids: vec![CONTAINER.to_owned()],
        host: Some("n1".to_owned()),
        ..Placement::default()
    };
    EventRows { host_events, identity_assertions: assertions, placements: vec![placement] }
}

fn gap() -> Gap {
    Gap {
        record_type: "gap".to_owned(),
        schema: "offbound.gap/1".to_owned(),
        source: "audit".to_owned(),
        scope: "host:n1".to_owned(),
        from: at(12),
        to: at(13),
        lost: Some(7),
        reason: "made up".to_owned(),
    }
}

fn archived(dir: &std::path::Path) -> (Archived, Writer) {
    let mut writer = Store::create(dir).expect("a store can be made");
    writer.append(&events().to_batch()).expect("the store takes rows");
    let totals = Totals { bytes: 0, late: 0, from: None, to: None };
    let summary = totals.sum_up(Vec::new(), std::iter::empty(), std::iter::empty());
    writer.commit_results(&[], &[], &[gap()], &summary).expect("the store takes conclusions");
    (Archived::of(dir, None, offbound_correlate::Bounds::default()), writer)
}

fn lane(kind: EntityKind, name: &str) -> LaneOf {
    LaneOf::Entity(Entity::new(kind, name))
}

/// Scenario: lanes of everything, a host, a workload, a credential and a host never heard of, over 30 cells of a second.
/// Guarantees: each event counts once on each lane that it is of; what was issued and refused is told; gaps and the time
/// without any sign of a host are not observed.
#[test]
fn lanes_are_counted() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut archived, _writer) = archived(&home.path().join("store"));
    let window = Window { from: at(0), cell_nanos: 1_000_000_000, cells: 30 };
    let lanes = vec![
        LaneOf::HostEvents,
        LaneOf::Assertions,
        lane(EntityKind::Host, "n1"),
        lane(EntityKind::Workload, WORKLOAD),
        lane(EntityKind::Credential, "JTI=1"),
        lane(EntityKind::Host, "n2"),
    ];
    let request = CountsRequest { window, lanes };
    let counts = archived.counts(&request, &Stop::default()).expect("an answer");
    let totals: Vec<u64> =
        counts.lanes.iter().map(|lane| lane.counts.iter().map(|(_, count)| count.records).sum()).collect();
    assert_eq!(totals, [5, 4, 6, 6, 3, 0]);
    let of_credential = [
        (20, Count { records: 1, issued: 1, ..Count::default() }),
        (21, Count { records: 1, ..Count::default() }),
        (22, Count { records: 1, denied: 1, ..Count::default() }),
    ];
    assert_eq!(counts.lanes[4].counts, of_credential);
    assert_eq!(counts.lanes[2].counts.iter().map(|(_, count)| count.denied).sum::<u64>(), 1);
    let n1 = &counts.lanes[2];
    assert_eq!(n1.unseen, [(0, 9), (14, 29), (12, 13)]);
    assert!(n1.why_unseen.iter().any(|why| why.contains("made up (7 lost)")), "{:?}", n1.why_unseen);
    assert_eq!(counts.lanes[5].unseen, [(0, 29)]);
}

/// Scenario: pages of all events, of a lane, of a stretch, by filter, around a row. Guarantees: order, totals and offset.
#[test]
fn events_come_in_pages() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut archived, _writer) = archived(&home.path().join("store"));
    let mut ask = |of: Option<LaneOf>, span: Option<Span>, filter: &str, at: At| {
        let page = PageRequest { filter: filter.to_owned(), at, limit: 3, ..PageRequest::default() };
        let answer = archived.events(&EventsRequest { of, span, page }, &Stop::default());
        let page = answer.expect("an answer");
        let seconds: Vec<i64> = page.rows.iter().map(|row| row.time.0 / 1_000_000_000).collect();
        (page.total, page.unfiltered, page.offset, seconds)
    };
    assert_eq!(ask(None, None, "", At::Offset(0)), (10, 10, 0, vec![5, 10, 11]));
    assert_eq!(ask(None, None, "", At::Offset(9)), (10, 10, 9, vec![22]));
    let id = EventId::of(&[b"n1", &12_i64.to_be_bytes()]).to_string();
    let around = At::Around { id, before: 1, otherwise: 0 };
    assert_eq!(ask(None, None, "", around), (10, 10, 2, vec![11, 12, 13]));
    let host = Some(lane(EntityKind::Host, "n1"));
    let span = Some(Span { from: at(11), to: at(13) });
    assert_eq!(ask(host.clone(), span, "", At::Offset(0)), (2, 2, 0, vec![11, 12]));
    assert_eq!(ask(host, None, "outcome:DENIED", At::Offset(0)), (1, 6, 0, vec![12]));
    assert_eq!(ask(None, None, "credential=JTI=1 -outcome:deny", At::Offset(0)), (2, 10, 0, vec![20, 21]));
    assert_eq!(ask(None, None, "it's", At::Offset(0)).0, 5);
    assert_eq!(ask(None, None, "table:placements", At::Offset(0)).0, 1);
    assert_eq!(
        ask(Some(LaneOf::Incident(offbound_schemas::IncidentId([0; 16]))), None, "", At::Offset(0)).0,
        0
    );
}

/// Scenario: all entities, some of a kind, none. Guarantees: each once, with the number of events that name it, and totals.
#[test]
fn entities_are_listed() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut archived, _writer) = archived(&home.path().join("store"));
    let mut ask = |filter: &str| {
        let page = PageRequest { filter: filter.to_owned(), limit: 9, ..PageRequest::default() };
        let page = archived.entities(&page, &Stop::default()).expect("an answer");
        let rows: Vec<String> = page
            .rows
            .iter()
            .map(|row| format!("{} {} {}", row.entity.kind.name(), row.entity.name, row.records))
            .collect();
        (page.total, page.unfiltered, rows)
    };
    let credentials = ["credential JTI=1 3", "credential JTI=other 1"].map(str::to_owned);
    let rest = ["host n1 5".to_owned(), format!("workload {WORKLOAD} 5")];
    assert_eq!(ask(""), (4, 4, [credentials.clone(), rest].concat()));
    assert_eq!(ask("credential:jti"), (2, 4, credentials.to_vec()));
    assert_eq!(ask("-credential: -host:").2, [format!("workload {WORKLOAD} 5")]);
    assert_eq!(ask("nobody"), (0, 4, vec![]));
}

/// Scenario: the page of a credential, of its workload, of its host, of nobody. Guarantees: what events say, where it was
/// used and by whom it was recorded; nobody has nothing.
#[test]
fn entities_are_told() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut archived, _writer) = archived(&home.path().join("store"));
    let mut ask =
        |kind, name: &str| archived.facts(&Entity::new(kind, name), &Stop::default()).expect("an answer");
    let credential = ask(EntityKind::Credential, "JTI=1");
    assert!(credential.facts.contains(&("subject", WORKLOAD.to_owned())), "{:?}", credential.facts);
    assert!(credential.facts.iter().any(|(label, _)| *label == "issue seen"), "{:?}", credential.facts);
    let uses: Vec<(u64, u64)> = credential.uses.iter().map(|one| (one.count, one.denied)).collect();
    assert_eq!(uses, [(2, 1)]);
    let workload = ask(EntityKind::Workload, WORKLOAD);
    let related: Vec<&str> = workload.related.iter().map(|row| row.entity.name.as_str()).collect();
    assert_eq!(related, ["JTI=1", "n1", "JTI=other"]);
    let host = ask(EntityKind::Host, "n1");
    let telemetry: Vec<(&str, u64)> =
        host.telemetry.iter().map(|row| (row.table.as_str(), row.records)).collect();
    assert_eq!(telemetry, [("host_events", 5), ("placements", 1)]);
    let nobody = ask(EntityKind::Host, "nobody");
    assert_eq!(
        nobody,
        EntityFacts { entity: Entity::new(EntityKind::Host, "nobody"), ..EntityFacts::default() }
    );
}

/// Scenario: a question that is called off before it is asked. Guarantees: no answer, and why.
#[test]
fn a_question_that_is_called_off_ends() {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (mut archived, _writer) = archived(&home.path().join("store"));
    let stop = Stop::default();
    stop.call_off();
    let answer = archived.events(&EventsRequest::default(), &stop);
    assert_eq!(answer, Err(PortError::new("interrupted")));
}

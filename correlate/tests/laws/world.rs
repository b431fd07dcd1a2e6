//! Random worlds: a few pods with tokens on a few hosts, ordinary uses, and now and then an attacker.
//!
//! In: proptest's randomness. Out: events of the three tables, in no particular order.
//! Owns: the shapes only; what follows from them is for the engine to say.

use offbound_schemas::table::{HostEvent, IdentityAssertion, Placement};
use offbound_schemas::vocabulary::{
    Action, AddrQuality, ControlMode, Decision, Enforcement, HostControl, IdKind, Outcome, Phase,
    PlacementKind, SENDER_VIEW,
};
use offbound_schemas::{EventId, EventRows, EventTime};
use proptest::prelude::*;

/// How late an event may come in these worlds.
pub(crate) const LATENESS_NANOS: i64 = 30 * SEC;
/// Sources of bindings and placements that can be taken away.
pub(crate) const EVIDENCE_SOURCES: [&str; 4] =
    ["placement-feed", "kubernetes-pods", "token-log", "other-feed"];

pub(crate) const ENVIRONMENT: &str = r#"
version = 1
[realm.one]
cidrs = ["10.0.0.0/8"]
environment = "prod"
[realm.nodes]
cidrs = ["10.0.1.0/24"]
environment = "lab"
[[egress]]
realm = "one"
from = ["10.0.0.0/8"]
seen_as = []
[[workload]]
id = "system:serviceaccount:ns:w0"
baseline = ["lsm"]
credential_readers = ["/usr/bin/java"]
[[allow]]
subjects = ["system:serviceaccount:ns:w0"]
destinations = ["service-1"]
effective_from = 2023-11-14T22:05:00Z
[[allow]]
subjects = ["spiffe://one/caller-0"]
destinations = ["service-2"]
[learning]
min_history = "1m"
dormant_after = "4d"
[[destination]]
name = "service-1"
audiences = ["service-1"]
[credential_class.vault-token]
max_ttl = "10m"
[telemetry]
max_silence = "15m"
[[issuer]]
name = "cluster"
kinds = ["k8s-token"]
logs = ["token-log"]
verifiers = ["api-log"]
max_age = "10m"
[completeness]
"api-log" = { complete = true }
"token-log" = { complete = true }
"#;

const SEC: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SEC;
pub(crate) const PODS: usize = 5;
pub(crate) const HOSTS: usize = 3;

/// One event of any table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Host(Box<HostEvent>),
    Assertion(Box<IdentityAssertion>),
    Placement(Box<Placement>),
}

impl Event {
    pub(crate) fn time(&self) -> EventTime {
        match self {
            Self::Host(row) => row.event_time,
            Self::Assertion(row) => row.event_time,
            Self::Placement(row) => row.event_time,
        }
    }

    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Host(row) => &row.source,
            Self::Assertion(row) => &row.source,
            Self::Placement(row) => &row.source,
        }
    }

    pub(crate) fn key(&self) -> (EventTime, EventId) {
        match self {
            Self::Host(row) => (row.event_time, row.event_id),
            Self::Assertion(row) => (row.event_time, row.event_id),
            Self::Placement(row) => (row.event_time, row.event_id),
        }
    }
}

/// The events of one world.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) events: Vec<Event>,
}

/// The events as rows of their tables.
pub(crate) fn rows(events: &[Event]) -> EventRows {
    let mut rows = EventRows::default();
    for event in events {
        match event {
            Event::Host(row) => rows.host_events.push((**row).clone()),
            Event::Assertion(row) => rows.identity_assertions.push((**row).clone()),
            Event::Placement(row) => rows.placements.push((**row).clone()),
        }
    }
    rows
}

/// A use: which pod's token, from which pod's address (or from outside), where to, when, with what result.
type UseDraw = (usize, usize, usize, i64, bool);
/// A host event: in which pod, what, when.
type HostDraw = (usize, usize, i64);

/// A call through the mesh: whose, where to, when, with what result, told by the caller's side, by the called side or
/// by both, and how much later by the second.
type CallDraw = (usize, usize, i64, bool, u8, i64);

/// Worlds of 20 to 100 events.
pub(crate) fn world() -> impl Strategy<Value = World> {
    let uses = prop::collection::vec((0..PODS, 0..PODS + 2, 0usize..5, 0i64..900, any::<bool>()), 10..50);
    let at_home = prop::collection::vec((0..PODS, 0usize..5, 0i64..900), 0..20);
    let hosts = prop::collection::vec((0..PODS, 0usize..8, 0i64..900), 0..20);
    let calls = (0usize..2, 0usize..5, 0i64..120, any::<bool>(), 1u8..4, -3000i64..3000);
    let calls = prop::collection::vec(calls, 0..10);
    let sources = prop::collection::vec(0usize..3, PODS);
    let ends = prop::collection::vec((0..PODS, -300i64..600, any::<bool>()), 0..3);
    let mints = prop::collection::vec((0..PODS, 0i64..900, any::<bool>()), 0..5);
    let forgeries = prop::collection::vec((0..PODS, 0..PODS + 2, 1usize..5, 0i64..900, any::<bool>()), 0..4);
    let beside = (calls, sources, ends, mints, forgeries);
    (uses, at_home, hosts, beside).prop_map(|(uses, at_home, hosts, beside)| {
        let (calls, sources, ends, mints, forgeries) = beside;
        let mut events: Vec<Event> = (0..PODS).map(|pod| placement(pod, sources[pod])).collect();
        let ends = ends.into_iter().enumerate();
        events.extend(
            ends.map(|(index, (pod, secs, goes_on))| ended(index, (pod, sources[pod]), secs, goes_on)),
        );
        events.extend((0..PODS).map(issue));
        let home = at_home.into_iter().map(|(pod, destination, at)| (pod, pod, destination, at, true));
        events.extend(mints.into_iter().enumerate().map(|(index, draw)| minted(index, draw)));
        events.extend(uses.into_iter().chain(home).enumerate().map(|(index, draw)| presented(index, draw)));
        events.extend(forgeries.into_iter().enumerate().map(|(index, draw)| forged(index, draw)));
        events.extend(hosts.into_iter().enumerate().map(|(index, draw)| seen(index, draw)));
        events.extend(calls.into_iter().enumerate().flat_map(|(index, draw)| called(index, draw)));
        World { events }
    })
}

fn id(kind: &str, index: usize) -> EventId {
    EventId::of(&[kind.as_bytes(), &index.to_le_bytes()])
}

pub(crate) fn at(secs: i64) -> EventTime {
    EventTime(START + secs * SEC)
}

fn address(pod: usize) -> String {
    if pod < PODS { format!("10.0.0.{pod}") } else { format!("203.0.113.{pod}") }
}

pub(crate) fn placement(pod: usize, source: usize) -> Event {
    Event::Placement(Box::new(Placement {
        event_id: id("placement", pod),
        event_time: at(-600),
        source: ["placement-feed", "kubernetes-pods", "other-feed"][source].to_owned(),
        location: format!("places:{pod}"),
        kind: PlacementKind::Pod,
        workload: Some(format!("system:serviceaccount:ns:w{}", pod / 2)),
        host: Some(format!("h{}", pod % HOSTS)),
        pod_uid: Some(format!("uid-{pod}")),
        pod: Some(format!("p{pod}")),
        namespace: Some("ns".to_owned()),
        addresses: vec![address(pod)],
        // Some are older than any release.
        start: Some(at(-600 - if pod.is_multiple_of(2) { 3_600 } else { 0 })),
        ..Placement::default()
    }))
}

/// A pod asks for a token of another kind, for too long or not.
pub(crate) fn minted(index: usize, (pod, secs, is_long): (usize, i64, bool)) -> Event {
    let Event::Assertion(row) = issue(pod) else { unreachable!("it is an assertion") };
    Event::Assertion(Box::new(IdentityAssertion {
        event_id: id("mint", index),
        event_time: at(secs),
        location: format!("mint:{index}"),
        credential_id: Some(format!("hvs.{index}")),
        credential_kind: Some("vault-token".to_owned()),
        id_kind: IdKind::Accessor,
        parent_id: Some(format!("JTI={pod}")),
        audience: Vec::new(),
        bound_pod_uid: None,
        bound_host: None,
        iat: Some(at(secs)),
        exp: Some(at(secs + if is_long { 3_600 } else { 300 })),
        ..*row
    }))
}

/// A pod is gone, or only asked to go.
fn ended(index: usize, (pod, source): (usize, usize), secs: i64, may_go_on: bool) -> Event {
    let Event::Placement(row) = placement(pod, source) else { unreachable!("it is a placement") };
    let (event_id, location) = (id("end", index), format!("ends:{index}"));
    Event::Placement(Box::new(Placement {
        event_id,
        event_time: at(secs),
        location,
        end: Some(at(secs)),
        may_go_on,
        ..*row
    }))
}

pub(crate) fn issue(pod: usize) -> Event {
    Event::Assertion(Box::new(IdentityAssertion {
        event_id: id("issue", pod),
        event_time: at(-500),
        source: "token-log".to_owned(),
        location: format!("issue:{pod}"),
        phase: Phase::Issue,
        decision: Decision::Allow,
        credential_id: Some(format!("JTI={pod}")),
        credential_kind: Some("k8s-token".to_owned()),
        id_kind: IdKind::Jti,
        subject: Some(format!("system:serviceaccount:ns:w{}", pod / 2)),
        bound_pod_uid: Some(format!("uid-{pod}")),
        bound_host: Some(format!("h{}", pod % HOSTS)),
        audience: if pod.is_multiple_of(2) { vec!["service-0".to_owned()] } else { Vec::new() },
        iat: Some(at(-500)),
        exp: Some(at(600)),
        ..IdentityAssertion::default()
    }))
}

pub(crate) fn presented(index: usize, (pod, from, destination, secs, allowed): UseDraw) -> Event {
    let sensitive = destination == 0;
    Event::Assertion(Box::new(IdentityAssertion {
        event_id: id("use", index),
        event_time: at(secs),
        source: "api-log".to_owned(),
        location: format!("use:{index}"),
        phase: Phase::Present,
        decision: if allowed { Decision::Allow } else { Decision::Deny },
        enforcement: Enforcement::Enforced,
        credential_id: Some(format!("JTI={pod}")),
        credential_kind: Some("k8s-token".to_owned()),
        id_kind: IdKind::Jti,
        subject: Some(format!("system:serviceaccount:ns:w{}", pod / 2)),
        src_addr: Some(address(from)),
        addr_quality: AddrQuality::Direct,
        dst: Some(format!("service-{destination}")),
        action: Some(if sensitive { "list secrets" } else { "get pods" }.to_owned()),
        ..IdentityAssertion::default()
    }))
}

/// A use of a token that was not issued, which may say when it was.
pub(crate) fn forged(index: usize, draw: UseDraw) -> Event {
    let (pod, _, destination, secs, _) = draw;
    let Event::Assertion(row) = presented(index, draw) else { unreachable!("it is an assertion") };
    Event::Assertion(Box::new(IdentityAssertion {
        event_id: id("forged", index),
        location: format!("forged:{index}"),
        decision: if destination == 1 { Decision::Deny } else { Decision::Allow },
        credential_id: Some(format!("JTI=forged-{pod}")),
        iat: (destination > 2).then(|| at(secs - 60)),
        ..*row
    }))
}

/// Callers of the mesh are in no other log: what they do links nothing.
fn called(index: usize, (caller, destination, secs, allowed, sides, lag): CallDraw) -> Vec<Event> {
    let side = |name: &str, time: EventTime, decision| IdentityAssertion {
        event_id: id(name, index),
        event_time: time,
        source: "mesh-log".to_owned(),
        location: format!("{name}:{index}"),
        phase: Phase::Present,
        decision,
        platform: Some("mesh".to_owned()),
        subject: Some(format!("spiffe://one/caller-{caller}")),
        src_addr: Some(format!("10.0.1.{caller}")),
        addr_quality: AddrQuality::Direct,
        dst: Some(format!("service-{destination}")),
        action: Some("connect".to_owned()),
        ..IdentityAssertion::default()
    };
    let (told, sent) =
        if allowed { (Decision::Allow, Decision::None) } else { (Decision::Deny, Decision::Deny) };
    let sent =
        IdentityAssertion { trust_flags: vec![SENDER_VIEW.to_owned()], ..side("sent", at(secs), sent) };
    let received = side("received", EventTime(at(secs).0 + lag * (SEC / 1000)), told);
    let both = [(1, sent), (2, received)].into_iter().filter(|(side, _)| sides & side != 0);
    both.map(|(_, row)| Event::Assertion(Box::new(row))).collect()
}

pub(crate) fn seen(index: usize, (pod, what, secs): HostDraw) -> Event {
    let mut row = HostEvent {
        event_id: id("host", index),
        event_time: at(secs),
        source: "sensor".to_owned(),
        location: format!("host:{index}"),
        host: Some(format!("h{}", pod % HOSTS)),
        pod_uid: Some(format!("uid-{pod}")),
        process_key: Some(format!("process-{index}")),
        outcome: Outcome::Allowed,
        exe: Some("/usr/bin/java".to_owned()),
        ..HostEvent::default()
    };
    match what {
        0 => {
            (row.action, row.exe, row.parent_exe) =
                (Action::Exec, Some("/bin/sh".into()), Some("/usr/bin/java".into()))
        }
        1 | 2 => {
            row.action = Action::CredRead;
            row.target_path = Some("/run/secrets/kubernetes.io/serviceaccount/token".into());
            row.exe = Some(if what == 1 { "/usr/bin/java" } else { "/bin/cat" }.into());
        }
        3 => {
            (row.action, row.outcome) = (Action::FileRead, Outcome::WouldDeny);
            (row.control, row.mode) = (HostControl::AppArmor, ControlMode::Complain);
        }
        4 => (row.action, row.lost, row.gap_from) = (Action::TelemetryGap, Some(3), Some(at(secs - 5))),
        5 => row.action = Action::Exit,
        6 => (row.action, row.dst_addr) = (Action::ImdsAccess, Some("169.254.169.254".into())),
        _ => (row.action, row.exe) = (Action::ModuleLoad, Some("/opt/driver".into())),
    }
    Event::Host(Box::new(row))
}

//! Scenarios: worlds in which what is known of the past changes while events come.
//!
//! In: proptest's randomness, and the kinds of events that a scenario has. Out: worlds.
//! Owns: those events. A late name, a moved pod, a new agent, a routine command: each makes older rows read otherwise.

use std::ops::Range;

use offbound_schemas::EventId;
use offbound_schemas::table::{HostEvent, IdentityAssertion, Placement};
use offbound_schemas::vocabulary::{
    Action, AddrQuality, Decision, Enforcement, HostControl, Outcome, Phase, PlacementKind, WEAK_DELIVERY,
};
use proptest::prelude::*;

use crate::world::{self, Event, HOSTS, PODS, World};

/// What a scenario is made of, and how long it lasts.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    kinds: &'static [Kind],
    secs: Range<i64>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Use,
    /// A use that does not tell its subject.
    Anonymous,
    /// Two accounts are told of one use.
    Copied,
    /// A use under another name of the credential.
    Alias,
    /// A record that tells both names.
    Link,
    Issue,
    Revoke,
    /// A pod asks for a token of another kind.
    Mint,
    /// A call of a service that shows no credential id.
    Mutual,
    Key,
    /// A use of one key that never ends and that nothing binds to a place.
    Loose,
    Svid,
    SvidUse,
    PodEnd,
    PodMove,
    Node,
    Agent,
    Entry,
    Sign,
    Health,
    /// SELinux refuses a process of a container; now and then the record does not say of which.
    Decided,
    /// Two sensors record one read; one knows only the container.
    Twin,
    /// A process asks the metadata service.
    Metadata,
    /// A use of the credential that the metadata service hands out.
    Session,
    /// A process in a container gets hold of its host.
    Leave,
    /// Somebody is active every day, so that the log is never silent.
    Daily,
}

use Kind::{
    Agent, Alias, Anonymous, Copied, Daily, Decided, Entry, Health, Issue, Key, Leave, Link, Loose, Metadata,
    Mint, Mutual, Node, PodEnd, PodMove, Revoke, Session, Sign, Svid, SvidUse, Twin, Use,
};

pub(crate) const NAMES: Scenario =
    Scenario { kinds: &[Use, Copied, Anonymous, Alias, Link, Issue, Mint], secs: 0..600 };
pub(crate) const MOVES: Scenario = Scenario { kinds: &[Use, Use, PodEnd, PodMove, Node, Sign], secs: 0..600 };
pub(crate) const AGENTS: Scenario =
    Scenario { kinds: &[Svid, SvidUse, SvidUse, Agent, Entry, Node, Sign], secs: 0..600 };
pub(crate) const PROBES: Scenario = Scenario { kinds: &[Mutual, Mutual, Mutual, Use, Sign], secs: 0..900 };
pub(crate) const HABITS: Scenario =
    Scenario { kinds: &[Health, Health, Twin, Decided, Sign, Use, Copied], secs: 0..6_000 };
pub(crate) const MACHINES: Scenario =
    Scenario { kinds: &[Metadata, Metadata, Session, Session, Node, PodMove, Sign], secs: 0..600 };
pub(crate) const ESCAPES: Scenario = Scenario {
    kinds: &[Leave, Leave, Use, Use, Issue, Session, Svid, SvidUse, Agent, Node, PodMove],
    secs: 0..900,
};
pub(crate) const RESTS: Scenario =
    Scenario { kinds: &[Daily, Use, Use, Use, Anonymous, Alias, Link, Copied], secs: 0..DAYS * DAY_SECS };
pub(crate) const ENDS: Scenario =
    Scenario { kinds: &[Use, Key, Loose, Loose, Revoke, Sign, Sign, Issue, Mint, PodEnd], secs: 0..1_500 };

const DAY_SECS: i64 = 86_400;
const DAYS: i64 = 40;

/// Kind, three small numbers, a moment, a choice.
type Draw = (Kind, usize, usize, usize, i64, bool);

pub(crate) fn worlds(scenario: &Scenario) -> impl Strategy<Value = World> + use<> {
    let kinds = prop::sample::select(scenario.kinds);
    let draw = (kinds, 0..PODS, 0..PODS + 2, 0usize..5, scenario.secs.clone(), any::<bool>());
    prop::collection::vec(draw, 20..60).prop_map(|draws| {
        let mut events: Vec<Event> = (0..PODS).map(|pod| world::placement(pod, 0)).collect();
        events.extend((0..PODS).filter(|pod| pod % 2 == 0).map(world::issue));
        events.extend(draws.into_iter().enumerate().flat_map(|(index, draw)| made(index, draw)));
        World { events }
    })
}

fn made(index: usize, draw: Draw) -> Vec<Event> {
    let (kind, a, b, c, secs, flag) = draw;
    match kind {
        Use => vec![world::presented(index, (a, b, c, secs, flag))],
        Copied => copied(index, &draw),
        Anonymous | Alias | Link | Issue | Revoke | Mutual | Key | Loose | Session | Svid | SvidUse => {
            vec![Event::Assertion(Box::new(assertion(index, draw)))]
        }
        Mint => vec![world::minted(index, (a, secs, flag))],
        PodEnd | PodMove | Node | Agent | Entry => vec![Event::Placement(Box::new(place(index, draw)))],
        Sign => vec![world::seen(index, (a, c, secs))],
        Decided => vec![Event::Host(Box::new(decided(index, (a, c, secs, flag))))],
        Daily => (0..DAYS).map(|day| daily(index, day)).collect(),
        Leave => vec![Event::Host(Box::new(left(index, (a, c, secs, flag))))],
        Metadata => vec![Event::Host(Box::new(asked(index, (a, c, secs, flag))))],
        Health => vec![Event::Host(Box::new(health(index, (a, b, secs))))],
        Twin => {
            let first = read(index, a, secs);
            let container = Some(container(a));
            let id = EventId::of(&[b"twin", &index.to_le_bytes()]);
            let source = "other-sensor".to_owned();
            let second =
                HostEvent { event_id: id, source, container_id: container, pod_uid: None, ..first.clone() };
            vec![Event::Host(Box::new(first)), Event::Host(Box::new(second))]
        }
    }
}

/// A use, and its copy for another account.
fn copied(index: usize, (_, a, b, c, secs, flag): &Draw) -> Vec<Event> {
    let Event::Assertion(used) = world::presented(index, (*a, *b, *c, *secs, *flag)) else {
        unreachable!("a use is an assertion")
    };
    let told = |account: &str, event_id| {
        let shared_id = Some(format!("shared-{index}"));
        let account = Some(account.to_owned());
        Event::Assertion(Box::new(IdentityAssertion { event_id, shared_id, account, ..*used.clone() }))
    };
    vec![told("one", used.event_id), told("two", EventId::of(&[b"copy", &index.to_le_bytes()]))]
}

fn container(pod: usize) -> String {
    format!("{pod:0>64}")
}

fn assertion(index: usize, (kind, a, b, c, secs, flag): Draw) -> IdentityAssertion {
    let Event::Assertion(used) = world::presented(index, (a, b, c, secs, flag)) else {
        unreachable!("a use is an assertion")
    };
    let issue = IdentityAssertion {
        phase: Phase::Issue,
        decision: Decision::Allow,
        src_addr: None,
        dst: None,
        ..*used.clone()
    };
    let spiffe = Some(format!("spiffe://one/w{}", a % 2));
    match kind {
        Anonymous => IdentityAssertion { subject: None, ..*used },
        Alias => IdentityAssertion { credential_id: Some(format!("ALIAS={a}")), subject: None, ..*used },
        Link => IdentityAssertion { credential_alias: Some(format!("ALIAS={a}")), subject: None, ..issue },
        Issue => issued((a, b, c, secs, flag), issue),
        Revoke => revoked((a, b, c, flag), issue),
        Key => {
            let id = Some(format!("AKIA={a}"));
            IdentityAssertion { credential_id: id, credential_kind: Some("aws-key".to_owned()), ..*used }
        }
        Loose => IdentityAssertion {
            credential_id: Some("AKIA=loose".to_owned()),
            credential_kind: Some("aws-key".to_owned()),
            subject: Some("arn:aws:iam::1:user/batch".to_owned()),
            bound_pod_uid: None,
            bound_host: None,
            iat: None,
            exp: None,
            ..*used
        },
        Session => IdentityAssertion {
            credential_id: Some(format!("ASIA={}", a % HOSTS)),
            credential_kind: Some("aws-session".to_owned()),
            subject: Some("role/node".to_owned()),
            bound_instance: Some(format!("node-{}", a % HOSTS)),
            iat: (c > 0).then(|| world::at(-60)),
            src_addr: Some(if b < HOSTS { format!("10.0.1.{b}") } else { "203.0.113.9".to_owned() }),
            trust_flags: (c == 1).then(|| WEAK_DELIVERY.to_owned()).into_iter().collect(),
            ..*used
        },
        Svid => IdentityAssertion {
            credential_id: Some(format!("SVID={a}")),
            credential_kind: Some("x509-svid".to_owned()),
            subject: spiffe,
            presenter: flag.then(|| format!("spiffe://one/agent/{}", b % HOSTS)),
            ..issue
        },
        SvidUse => IdentityAssertion {
            credential_id: Some(format!("SVID={a}")),
            credential_kind: Some("x509-svid".to_owned()),
            subject: spiffe,
            src_addr: Some(if flag { format!("10.0.1.{}", b % HOSTS) } else { format!("10.0.0.{b}") }),
            decision: Decision::Allow,
            ..*used
        },
        _ => IdentityAssertion {
            credential_id: None,
            enforcement: if flag { Enforcement::Enforced } else { Enforcement::DryRun },
            decision: if c == 0 { Decision::Allow } else { Decision::Deny },
            subject: Some(format!("system:serviceaccount:ns:w{a}")),
            addr_quality: AddrQuality::Direct,
            ..*used
        },
    }
}

fn issued(
    (a, b, c, secs, flag): (usize, usize, usize, i64, bool),
    issue: IdentityAssertion,
) -> IdentityAssertion {
    let exp = Some(world::at(secs + 60 * i64::try_from(c).unwrap_or_default()));
    IdentityAssertion {
        bound_pod_uid: flag.then(|| format!("uid-{a}")),
        bound_host: Some(format!("h{}", a % HOSTS)),
        audience: vec![format!("service-{}", b % 2)],
        exp,
        ..issue
    }
}

/// Of a token, or of a key that may only be switched off; by a log that is declared complete, or not.
fn revoked((a, b, c, flag): (usize, usize, usize, bool), issue: IdentityAssertion) -> IdentityAssertion {
    let of_key = (c == 0).then(|| format!("AKIA={a}"));
    let call = if flag { "UpdateAccessKey" } else { "DeleteAccessKey" };
    IdentityAssertion {
        phase: Phase::Revoke,
        action: Some(call.to_owned()),
        source: if b == 0 { "token-log" } else { "api-log" }.to_owned(),
        credential_id: of_key.or(issue.credential_id.clone()),
        ..issue
    }
}

fn place(index: usize, (kind, a, b, c, secs, flag): Draw) -> Placement {
    let Event::Placement(pod) = world::placement(a, 0) else { unreachable!("it is a placement") };
    let said = Placement {
        event_id: EventId::of(&[b"place", &index.to_le_bytes()]),
        event_time: world::at(secs),
        location: format!("place:{index}"),
        start: None,
        ..*pod
    };
    let bare = Placement {
        pod: None,
        pod_uid: None,
        namespace: None,
        workload: None,
        addresses: Vec::new(),
        ..said.clone()
    };
    match kind {
        PodEnd => {
            let (uid, host) = if c == 0 { (None, None) } else { (said.pod_uid.clone(), said.host.clone()) };
            Placement { end: Some(world::at(secs - 30)), may_go_on: flag, pod_uid: uid, host, ..said }
        }
        PodMove => Placement {
            addresses: vec![format!("10.0.0.{b}")],
            container_ids: vec![container(a)],
            pod_uid: Some(if flag { format!("uid-{a}") } else { format!("uid-new-{c}") }),
            pod: Some(format!("p{a}-{c}")),
            start: Some(world::at(secs - 10)),
            ..said
        },
        Node => Placement {
            kind: PlacementKind::Host,
            host_uid: flag.then(|| format!("node-{}", a % HOSTS)),
            aliases: vec![format!("h{}.internal", c % HOSTS)],
            addresses: vec![format!("10.0.1.{}", a % HOSTS)],
            workload: (c == 4).then(|| "system:serviceaccount:ns:daemon".to_owned()),
            ..bare
        },
        Agent => Placement {
            kind: PlacementKind::Agent,
            workload: Some(format!("spiffe://one/agent/{}", b % HOSTS)),
            ..bare
        },
        _ => Placement {
            kind: PlacementKind::Entry,
            workload: Some(format!("spiffe://one/w{}", a % 2)),
            parent: Some(format!("spiffe://one/agent/{}", b % HOSTS)),
            native_id: Some(format!("entry-{c}")),
            selectors: vec![if flag { "unix:uid:0" } else { "systemd:id:web.service" }.to_owned()],
            host: None,
            ..bare
        },
    }
}

fn read(index: usize, pod: usize, secs: i64) -> HostEvent {
    let Event::Host(row) = world::seen(index, (pod, 2, secs)) else { unreachable!("it is a host event") };
    HostEvent { pid: Some(40), process_key: None, ..*row }
}

/// A call of the metadata service: by an agent of the host, or from a pod, now and then by an intruder's tool.
fn asked(index: usize, (pod, what, secs, is_agent): (usize, usize, i64, bool)) -> HostEvent {
    let row = read(index, pod, secs);
    HostEvent {
        action: Action::ImdsAccess,
        outcome: if what == 0 { Outcome::Failed } else { Outcome::Allowed },
        exe: Some(if what > 2 { "/usr/bin/curl" } else { "/opt/agent" }.to_owned()),
        parent_exe: Some(if what > 3 { "/usr/bin/java" } else { "/sbin/init" }.to_owned()),
        pod_uid: (!is_agent).then(|| format!("uid-{pod}")),
        dst_addr: Some("169.254.169.254".to_owned()),
        target_path: None,
        pid: u32::try_from(index).ok(),
        ..row
    }
}

/// What is done every day, at about the same time.
fn daily(index: usize, day: i64) -> Event {
    let secs = day * DAY_SECS + i64::try_from(index % 7).unwrap_or_default() * 3_600;
    let event_id = EventId::of(&[b"daily", &index.to_le_bytes(), &day.to_le_bytes()]);
    Event::Assertion(Box::new(IdentityAssertion {
        event_id,
        subject: Some("clock".to_owned()),
        ..assertion(index, (Mutual, 0, 0, 0, secs, true))
    }))
}

/// A kernel module is loaded: from a pod, or by somebody of whom that is not known.
fn left(index: usize, (pod, what, secs, is_known): (usize, usize, i64, bool)) -> HostEvent {
    let row = read(index, pod, secs);
    HostEvent {
        action: Action::ModuleLoad,
        outcome: if what == 0 { Outcome::Denied } else { Outcome::Allowed },
        control: HostControl::AppArmor,
        exe: Some(if what == 4 { "/opt/node-agent" } else { "/tmp/x" }.to_owned()),
        pod_uid: is_known.then(|| format!("uid-{pod}")),
        container_id: Some(container(pod)),
        target_path: None,
        pid: u32::try_from(index).ok(),
        ..row
    }
}

/// A refusal by SELinux, in one of a few containers that may share their categories.
fn decided(index: usize, (pod, at, secs, names_it): (usize, usize, i64, bool)) -> HostEvent {
    let row = read(index, pod, secs);
    let label = format!("u:r:container_t:s0:c1,c{}", 2 + pod.min(at));
    HostEvent {
        outcome: Outcome::Denied,
        control: HostControl::SeLinux,
        policy: Some(format!("{label} u:r:o file")),
        label: Some(label),
        pod_uid: None,
        container_id: names_it.then(|| container(pod)),
        pid: u32::try_from(index).ok(),
        ..row
    }
}

/// A health check: the same command in many pods, now and then in none.
fn health(index: usize, (pod, at, secs): (usize, usize, i64)) -> HostEvent {
    let row = read(index, pod, secs);
    HostEvent {
        action: Action::Exec,
        outcome: Outcome::Allowed,
        exe: Some("/bin/sh".to_owned()),
        parent_exe: Some("/usr/bin/java".to_owned()),
        cmd_line: Some("sh -c health".to_owned()),
        target_path: None,
        pod_uid: (at > 0).then(|| format!("uid-{pod}")),
        uid: Some(0),
        unit: Some("web.service".to_owned()),
        pid: u32::try_from(index).ok(),
        ..row
    }
}

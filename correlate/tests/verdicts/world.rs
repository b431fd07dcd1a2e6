//! Two hosts, a pod of one workload on each, and a token of the first pod.
//!
//! In: what happens beside that, with the second at which it does. Out: the judgement.
//! Owns: what is ordinary about the rows; a test says what is not.

use std::sync::{LazyLock, Mutex, PoisonError};

use offbound_correlate::environment::Environment;
use offbound_correlate::{Engine, Judgement, RuleSet};
use offbound_schemas::table::{HostEvent, IdentityAssertion, Placement};
use offbound_schemas::vocabulary::{
    Action, AddrQuality, Decision, Enforcement, IdKind, Outcome, Phase, PlacementKind,
};
use offbound_schemas::{EventId, EventRows, EventTime};
use tokio::runtime::Runtime;

pub(crate) const HOUR: i64 = 3_600;
/// Where the first pod's token is mounted.
pub(crate) const TOKEN: &str = "/run/secrets/kubernetes.io/serviceaccount/token";

/// 2023-11-14T22:13:20Z.
const START: i64 = 1_700_000_000;
const ENVIRONMENT: &str = r#"
version = 1
[realm.one]
cidrs = ["10.0.0.0/16"]
environment = "prod"
[realm.two]
cidrs = ["10.9.0.0/16"]
environment = "dev"
[[egress]]
realm = "one"
from = ["10.0.0.0/16"]
seen_as = []
[[workload]]
id = "shop/web"
credential_readers = ["/usr/bin/java"]
[[allow]]
subjects = ["shop/*"]
destinations = ["depot"]
[[allow]]
subjects = ["shop/*"]
destinations = ["new-depot"]
effective_from = 2023-11-14T22:13:00Z
[learning]
dormant_after = "30d"
[completeness]
"api-log" = { complete = true }
[[issuer]]
name = "cluster"
kinds = ["k8s-token"]
logs = ["api-log"]
max_age = "2h"
[credential_class.vault-token]
max_ttl = "1h"
[[destination]]
name = "api-server"
audiences = ["https://kubernetes.default.svc"]
[[destination]]
name = "mail"
audiences = ["mail", "smtp"]
[clock]
"slow-log" = "60s"
"#;

/// Added where silences of hosts are told.
const WATCHED: &str = r#"
[[workload]]
id = "shop/managed"
host_sensor = false
[telemetry]
max_silence = "3h"
[credential_class.x509]
max_ttl = "24h"
"#;

type Shared = LazyLock<Mutex<(Runtime, Engine)>>;

/// Planning takes longer than any judgement: one engine serves all tests, one after the other …
static ENGINE: Shared = LazyLock::new(|| engine(ENVIRONMENT));
/// … and another those in which hosts are to be heard.
static WATCHING: Shared = LazyLock::new(|| engine(&format!("{ENVIRONMENT}{WATCHED}")));

fn engine(environment: &str) -> Mutex<(Runtime, Engine)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made");
    let environment = Environment::parse(environment, "verdicts.toml").expect("the environment is sound");
    let rules = RuleSet::builtin().expect("the built-in rules are sound");
    let engine = runtime.block_on(Engine::new(environment, &rules)).expect("the rules can be planned");
    Mutex::new((runtime, engine))
}

/// Seconds after the moment at which a world begins.
pub(crate) fn at(secs: i64) -> EventTime {
    EventTime((START + secs) * 1_000_000_000)
}

/// What happened.
pub(crate) struct World {
    rows: EventRows,
}

impl World {
    /// Nothing happened yet.
    pub(crate) fn new() -> Self {
        let mut world = Self { rows: EventRows::default() };
        for number in 0..2 {
            let placement = world.placement(number);
            world.rows.placements.push(placement);
        }
        world
    }

    fn id(&self) -> EventId {
        let EventRows { host_events, identity_assertions, placements, .. } = &self.rows;
        EventId::of(&[&(host_events.len() + identity_assertions.len() + placements.len()).to_le_bytes()])
    }

    fn placement(&self, number: u8) -> Placement {
        Placement {
            event_id: self.id(),
            event_time: at(-200 * HOUR),
            source: "inventory".to_owned(),
            location: format!("inventory:{number}"),
            kind: PlacementKind::Pod,
            workload: Some("shop/web".to_owned()),
            host: Some(format!("h{number}")),
            pod_uid: Some(format!("uid-{number}")),
            pod: Some(format!("shop/web-{number}")),
            addresses: vec![format!("10.0.{number}.1")],
            start: Some(at(-200 * HOUR)),
            ..Placement::default()
        }
    }

    /// A machine of developers, at `10.9.0.1`.
    pub(crate) fn place_dev_host(&mut self) {
        let (kind, host) = (PlacementKind::Host, Some("dev-1".to_owned()));
        let addresses = vec!["10.9.0.1".to_owned()];
        let (workload, pod, pod_uid) = (None, None, None);
        let row = Placement { kind, host, addresses, workload, pod, pod_uid, ..self.placement(9) };
        self.rows.placements.push(row);
    }

    /// The first pod uses its token where it belongs, but for what `other` makes of it.
    pub(crate) fn used(&mut self, secs: i64, other: impl FnOnce(&mut IdentityAssertion)) {
        let mut row = IdentityAssertion {
            event_id: self.id(),
            event_time: at(secs),
            source: "api-log".to_owned(),
            location: format!("api.log:{}", self.rows.identity_assertions.len() + 1),
            phase: Phase::Present,
            decision: Decision::Allow,
            enforcement: Enforcement::Enforced,
            credential_id: Some("JTI=one".to_owned()),
            credential_kind: Some("k8s-token".to_owned()),
            id_kind: IdKind::Jti,
            subject: Some("shop/web".to_owned()),
            bound_pod_uid: Some("uid-0".to_owned()),
            bound_host: Some("h0".to_owned()),
            iat: Some(at(secs.min(0) - 600)),
            exp: Some(at(secs.max(0) + HOUR)),
            src_addr: Some("10.0.0.1".to_owned()),
            addr_quality: AddrQuality::Direct,
            dst: Some("catalog".to_owned()),
            action: Some("get pods".to_owned()),
            ..IdentityAssertion::default()
        };
        other(&mut row);
        self.rows.identity_assertions.push(row);
    }

    /// The first host is an instance of a cloud.
    pub(crate) fn machine(&mut self) {
        let pod = self.placement(0);
        self.rows.placements.push(Placement {
            kind: PlacementKind::Host,
            host_uid: Some("i-0".to_owned()),
            addresses: vec!["10.0.0.9".to_owned()],
            workload: None,
            pod: None,
            pod_uid: None,
            ..pod
        });
    }

    /// The first pod is deleted, but for what `other` makes of it.
    pub(crate) fn gone(&mut self, secs: i64, other: impl FnOnce(&mut Placement)) {
        let mut row = Placement { event_time: at(secs), end: Some(at(secs)), ..self.placement(0) };
        row.location = format!("inventory:{}", self.rows.placements.len());
        other(&mut row);
        self.rows.placements.push(row);
    }

    /// Two days in which the workload called what it always calls.
    pub(crate) fn past(&mut self) {
        for hours in -48..-1 {
            self.used(hours * HOUR, |row| row.credential_id = Some(format!("JTI={hours}")));
        }
    }

    /// In the first pod, `cat` under a shell under a server does what `other` says.
    pub(crate) fn host(&mut self, secs: i64, other: impl FnOnce(&mut HostEvent)) {
        let mut row = HostEvent {
            event_id: self.id(),
            event_time: at(secs),
            source: "sensor".to_owned(),
            location: format!("sensor.log:{}", self.rows.host_events.len() + 1),
            host: Some("h0".to_owned()),
            pod_uid: Some("uid-0".to_owned()),
            process_key: Some(format!("process-{}", self.rows.host_events.len())),
            outcome: Outcome::Allowed,
            exe: Some("/bin/cat".to_owned()),
            ..HostEvent::default()
        };
        other(&mut row);
        self.rows.host_events.push(row);
    }

    /// A server in the first pod starts a shell.
    pub(crate) fn shell(&mut self, secs: i64) {
        self.host(secs, |row| {
            row.action = Action::Exec;
            (row.exe, row.parent_exe) = (Some("/bin/sh".to_owned()), Some("/usr/bin/java".to_owned()));
        });
    }

    /// The sensors of both hosts, and the identity log, are heard for two hours around a moment.
    pub(crate) fn hear(&mut self, secs: i64) {
        self.log(secs, ("api-log", "catalog"));
        self.watch(secs);
    }

    /// The sensors of both hosts are heard for two hours around a moment.
    pub(crate) fn watch(&mut self, secs: i64) {
        for (host, minutes) in ["h0", "h1"].into_iter().flat_map(|host| (-60..60).map(move |at| (host, at))) {
            self.host(secs + minutes * 60, |row| {
                (row.action, row.host, row.pod_uid) = (Action::Exit, Some(host.to_owned()), None);
            });
        }
    }

    /// For two hours around a moment, the log of a destination tells of somebody else's uses.
    pub(crate) fn log(&mut self, secs: i64, (log, destination): (&str, &str)) {
        for minutes in -60..60 {
            self.used(secs + minutes * 60, |row| {
                (row.source, row.dst) = (log.to_owned(), Some(destination.to_owned()));
                (row.subject, row.credential_id) = (Some("clock".to_owned()), None);
                row.src_addr = Some("10.0.0.77".to_owned());
                (row.bound_pod_uid, row.bound_host, row.iat, row.exp) = (None, None, None, None);
            });
        }
    }

    /// What follows from it.
    pub(crate) fn judge(&self) -> Judgement {
        self.judge_by(&ENGINE)
    }

    /// The same where hosts are to be heard.
    pub(crate) fn judge_watched(&self) -> Judgement {
        self.judge_by(&WATCHING)
    }

    fn judge_by(&self, engine: &Shared) -> Judgement {
        let mut guard = engine.lock().unwrap_or_else(PoisonError::into_inner);
        let (runtime, engine) = &mut *guard;
        engine.forget();
        runtime.block_on(engine.push(&self.rows.to_batch())).expect("rows fit their tables");
        runtime.block_on(engine.judge()).expect("the rules run")
    }
}

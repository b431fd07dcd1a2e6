//! Host events over an invented inventory: whose they are, by which way, how surely, and when nobody can say.

use offbound_schemas::table::{Signal, host_events, placements};
use offbound_schemas::vocabulary::Attribution;

use crate::environment::Environment;
use crate::examples::text::Tables;
use crate::fact::Facts;
use crate::scene::{Scene, signals};

const DEFAULTS: &str = "
placements: event_id=p{n}; source=places; location=places:{n}; kind=pod; start=09:00:00
host_events: event_id=h{n}; source=sensor; location=sensor:{n}; event_time=10:00:00; action=ptrace; outcome=allowed; host=n1; exe=/bin/x
";

/// Two pods with containers on one host, one on another with an id of the same beginning; a host for one workload, one
/// for two, and one with an agent that hands out identities by unit and by user.
const WORLD: &str = "
placements: workload=web; host=n1; pod=shop/web-1; pod_uid=web-1; container_ids=aaaaaaaaaaaa1111
placements: workload=pay; host=n1; pod=shop/pay-1; pod_uid=pay-1; container_ids=bbbbbbbbbbbb1111
placements: workload=pay; host=n2; pod=shop/pay-2; pod_uid=pay-2; container_ids=aaaaaaaaaaaa2222; end=09:30:00
placements: kind=host; host=alone; workload=database
placements: kind=host; host=shared; workload=one
placements: kind=host; host=shared; workload=two; host_uid=other
placements: kind=agent; host=vm; workload=agent-vm
placements: kind=entry; native_id=e1; workload=mail; parent=agent-vm; selectors=systemd:id:mail.service
placements: kind=entry; native_id=e2; workload=cron; parent=agent-vm; selectors=unix:uid:7,unix:path:/usr/bin/cron
placements: kind=entry; native_id=e3; workload=vault; parent=agent-vm; selectors=unix:uid:8,unix:sha256:abc
placements: kind=entry; native_id=e4; workload=far; parent=agent-elsewhere; selectors=systemd:id:far.service
";

/// The signal of the last host event of `rows`.
fn signal(rows: &str) -> Signal {
    let mut tables = Tables::with_defaults(DEFAULTS).expect("the defaults are rows");
    tables.add(WORLD).expect("the world is rows");
    tables.add(&format!("host_events: {rows}\n")).expect("the case is a row");
    let environment = Environment::default();
    let mut facts = Facts::default();
    let batch = tables.batch(placements::NAME).expect("the rows fit the table");
    let view = placements::View::new(&batch).expect("placements");
    (0..view.len()).for_each(|row| facts.placement(&view, row));
    let batch = tables.batch(host_events::NAME).expect("the rows fit the table");
    let view = host_events::View::new(&batch).expect("host events");
    (0..view.len()).for_each(|row| facts.host_event(&view, row));
    let scene = Scene::new(&environment, &facts, None);
    let sign = facts.signals.all().last().expect("the event is a signal");
    signals::row(&scene, sign)
}

/// Scenario: events that name a pod, a whole or cut container id, a unit, a user, only a host, or too little.
/// Guarantees: the surest way answers, its confidence is said, and where two answers are possible there is none.
#[test]
fn a_guess_does_not_look_like_a_fact() {
    use Attribution::{Direct, Host, Inventory, None as Nobody, UidExe, Unit};
    let cases = [
        ("pod_uid=web-1", Direct, Some("web"), Some("high")),
        ("pod_uid=unheard-of", Direct, None, Some("high")),
        ("container_id=aaaaaaaaaaaa1111", Inventory, Some("web"), Some("medium")),
        ("container_id=bbbbbbbbbbbb", Inventory, Some("pay"), Some("medium")),
        ("container_id=aaaaaaaaaaaa; host=n2", Nobody, None, None),
        ("container_id=cccccccccccc1111", Nobody, None, None),
        ("container_id=aaaa", Nobody, None, None),
        ("host=alone", Host, Some("database"), Some("medium")),
        ("host=alone; container_id=cccccccccccc1111", Nobody, None, None),
        ("host=shared", Nobody, None, None),
        ("host=vm; unit=mail.service", Unit, Some("mail"), Some("medium")),
        ("host=vm; unit=far.service", Nobody, None, None),
        ("host=vm; uid=7; exe=/usr/bin/cron", UidExe, Some("cron"), Some("low")),
        ("host=vm; uid=7; exe=/tmp/cron", Nobody, None, None),
        ("host=vm; uid=8", Nobody, None, None),
    ];
    for (rows, method, workload, confidence) in cases {
        let signal = signal(rows);
        let found =
            (signal.attribution, signal.workload.as_deref(), signal.attribution_confidence.as_deref());
        assert_eq!(found, (method, workload, confidence), "{rows}");
    }
}

/// Scenario: a decision of SELinux about a process that nobody placed, after one with the same categories in a container
/// that the inventory knows, in one that it does not know, and in a pod. Guarantees: workload and pod are told, as a
/// surmise; what the inventory does not know stays open.
#[test]
fn categories_are_a_surmise() {
    let decision = "control=selinux; outcome=denied; label=u:r:container_t:s0:c4,c808";
    let told = |teacher: &str| {
        let signal = signal(&format!("{decision}; {teacher}\nhost_events: {decision}; exe=/bin/y"));
        (signal.attribution, signal.workload, signal.attribution_confidence)
    };
    let surmised = |workload: &str| (Attribution::Mcs, Some(workload.to_owned()), Some("low".to_owned()));
    assert_eq!(told("container_id=bbbbbbbbbbbb1111"), surmised("pay"));
    assert_eq!(told("pod_uid=web-1"), surmised("web"));
    assert_eq!(told("container_id=cccccccccccc1111"), (Attribution::None, None, None));
}

/// Scenario: a container id alone. Guarantees: the sign belongs to the scope of the pod, as if the event named it.
#[test]
fn a_container_stands_for_its_pod() {
    assert_eq!(signal("container_id=bbbbbbbbbbbb1111").scope, signal("pod_uid=pay-1").scope);
    assert_eq!(signal("container_id=cccccccccccc1111").scope.as_deref(), Some("host:n1"));
}

//! A3: a pod is broken into, its token read while AppArmor only complains; the mesh refuses every step.
//!
//! In: a seed. Out: audit logs of Kubernetes and Linux, Tetragon, Envoy, SPIRE, truth. Story in
//! `identity_stops_it.md`.

use super::Scenario;
use super::quiet::{self, AuditLog, ENVOY, Edge, READ_GAP, Span, TETRAGON};
use crate::emit::envoy::{self, Request};
use crate::emit::k8s_audit::Issuing;
use crate::emit::linux_audit::{self, Task};
use crate::emit::spire_server::Shape;
use crate::emit::tetragon::{self, Placed};
use crate::emit::{k8s_pods, spire_lists};
use crate::moment::{HOUR, MILLI, MINUTE, Moment, SECOND};
use crate::random::Random;
use crate::scene::Scene;
use crate::truth::{Actor, TruthIncident};
use crate::world::{Node, Pod, PodSpec, Token, current};

pub(super) const SCENARIO: Scenario = Scenario {
    id: ID,
    title: "The host lets it happen, the mesh stops it",
    story: "A shell reads a pod's token while AppArmor only complains; orders, billing and ledger answer 403.",
    environment: include_str!("identity_stops_it.toml"),
    readme: include_str!("identity_stops_it.md"),
    build,
};

const ID: &str = "identity-stops-it";
/// The Linux audit log of the attacked node.
const LINUX_AUDIT: &str = "n11-audit.log";
const ISSUING: Issuing<'_> =
    Issuing { audiences: &["https://kubernetes.default.svc"], extended: false, bodies: false };

struct Cast {
    storefront: Pod,
    orders: Pod,
    billing: Pod,
    ledger: Pod,
    cart: Pod,
}

impl Cast {
    fn new(seed: u64, from: Moment) -> Self {
        let n11 = Node::new(seed, "n11", "10.1.240.21", from);
        let n12 = Node::new(seed, "n12", "10.1.240.22", from);
        let pod = |node: &Node, name: &str, account: &str, address: &str, binary: &str| {
            let started = from + 20 * SECOND;
            let arguments =
                if binary.ends_with("java") { "-Xmx768m -jar /app/app.jar" } else { "--port 8080" };
            Pod::new(
                seed,
                node,
                &PodSpec { namespace: "shop", name, account, address, binary, arguments, started },
            )
        };
        Self {
            storefront: pod(&n11, "storefront-4", "storefront", "10.1.11.7", "/usr/bin/java"),
            orders: pod(&n12, "orders-1", "orders", "10.1.12.21", "/app/orders"),
            billing: pod(&n12, "billing-0", "billing", "10.1.12.22", "/app/billing"),
            ledger: pod(&n12, "ledger-0", "ledger", "10.1.12.23", "/app/ledger"),
            cart: pod(&n12, "cart-2", "cart", "10.1.12.24", "/app/cart"),
        }
    }

    fn pods(&self) -> [&Pod; 5] {
        [&self.storefront, &self.orders, &self.billing, &self.ledger, &self.cart]
    }
}

fn build(seed: u64) -> Scene {
    let mut scene = Scene::default();
    let t0 = Moment::day(2026, 3, 4) + 11 * HOUR;
    let all = Span { from: t0 - 3 * HOUR - 10 * MINUTE, until: t0 + 12 * MINUTE };
    let cast = Cast::new(seed, all.from);
    let stolen = quiet_life(&mut scene, seed, &cast, all, t0);
    break_in(&mut scene, seed, &cast.storefront, &stolen, all, t0);
    probe_neighbours(&mut scene, seed, &cast, all, t0);
    scene.file("pods.json", k8s_pods::list(&cast.pods()));
    scene.file("spire-entries.json", spire_lists::entries(seed, &cast.pods(), all.from - 30 * 24 * HOUR));
    let nodes = [&cast.storefront.node, &cast.cart.node];
    scene.file("spire-agents.json", spire_lists::agents(seed, &nodes, all.until));
    truth(&mut scene, &cast, &stolen, t0);
    scene
}

/// Returns the token that lies in storefront-4 when it is broken into.
fn quiet_life(scene: &mut Scene, seed: u64, cast: &Cast, all: Span, t0: Moment) -> Token {
    let focus = Span { from: t0 - HOUR, until: all.until };
    let mut stolen = None;
    for pod in cast.pods() {
        let random = &mut Random::named(seed, &format!("quiet {}", pod.name));
        quiet::start(scene, pod);
        let is_victim = pod.name == cast.storefront.name;
        let until = if is_victim { t0 - 5 * MINUTE } else { all.until };
        let span = Span { from: all.from + 15 * SECOND, until };
        let tokens = quiet::renew_tokens(scene, random, pod, span, ISSUING);
        quiet::read_config(scene, random, pod, &tokens, span, READ_GAP);
        quiet::sign_svids(scene, random, seed, pod, all, Shape::Json);
        if is_victim {
            stolen = current(&tokens, t0).cloned();
        }
    }
    let random = &mut Random::named(seed, "quiet mesh");
    let edge = |caller, called, path| Edge { caller, called, path, gap: 9 * MINUTE };
    let edges = [
        edge(&cast.cart, &cast.orders, "/v1/orders"),
        edge(&cast.cart, &cast.billing, "/v1/invoices"),
        edge(&cast.cart, &cast.ledger, "/v1/entries"),
    ];
    quiet::mesh_calls(scene, random, seed, all, &edges);
    let before = Span { until: t0 - 4 * MINUTE, ..all };
    quiet::mesh_calls(scene, random, seed, before, &[edge(&cast.storefront, &cast.cart, "/v1/cart")]);
    for node in [&cast.storefront.node, &cast.cart.node] {
        quiet::host_noise(scene, random, node, &cast.pods(), all, focus);
    }
    stolen.expect("the kubelet gave a token at the start")
}

/// `java` starts a shell (Tetragon), whose child reads the token (Tetragon: execution; Linux audit: the open).
fn break_in(scene: &mut Scene, seed: u64, pod: &Pod, stolen: &Token, all: Span, t0: Moment) {
    let main = Placed { process: &pod.main, pod: Some(pod) };
    let mut shell = pod.process(t0, 52_310, &pod.main, "/bin/sh");
    shell.arguments = "-c \"cat /var/run/secrets/kubernetes.io/serviceaccount/token\"".to_owned();
    let shell = Placed { process: &shell, pod: Some(pod) };
    let mut cat = pod.process(t0 + 800 * MILLI, 52_311, shell.process, "/usr/bin/cat");
    cat.arguments = "/var/run/secrets/kubernetes.io/serviceaccount/token".to_owned();
    let cat = Placed { process: &cat, pod: Some(pod) };
    let (read, ended) = (t0 + SECOND, t0 + SECOND + 60 * MILLI);
    let mut task = Task::new(
        52_311,
        52_310,
        1_000,
        "/usr/bin/cat",
        &["cat", "/var/run/secrets/kubernetes.io/serviceaccount/token"],
    );
    task.label = "shop-storefront".to_owned();
    let path = quiet::token_path(stolen.issued);
    let random = &mut Random::named(seed, "n11 services");
    let mut audit = AuditLog::new(LINUX_AUDIT, "n11", 48_120, false);
    audit.services(random, all);
    audit.add(read, Some((Actor::Attacker, "credential-read")), move |stamp| {
        linux_audit::complained_open(stamp, &task, "shop-storefront", &path)
    });
    audit.finish(scene);
    let node = &pod.node;
    let mut mark = |at, role, line| scene.marked(TETRAGON, at, (Actor::Attacker, role), line);
    mark(t0, "shell", tetragon::exec(node, shell, main));
    mark(cat.process.start, "reader", tetragon::exec(node, cat, shell));
    mark(ended, "reader-exit", tetragon::exit(node, ended, cat, shell));
    let shell_ended = t0 + 40 * SECOND;
    mark(shell_ended, "shell-exit", tetragon::exit(node, shell_ended, shell, main));
}

/// With the pod's own SVID, from its own address: three services, three refusals.
fn probe_neighbours(scene: &mut Scene, seed: u64, cast: &Cast, all: Span, t0: Moment) {
    let random = &mut Random::named(seed, "probing");
    let svids = quiet::svids(seed, &cast.storefront, all);
    let steps = [
        (12, &cast.orders, "/v1/orders"),
        (21, &cast.billing, "/v1/invoices"),
        (29, &cast.ledger, "/v1/entries"),
    ];
    for (secs, called, path) in steps {
        let at = t0 + secs * SECOND;
        let authority = format!("{}.shop.svc", called.app);
        let request = Request {
            at,
            from: &cast.storefront.address,
            peer: quiet::shown(&svids, at),
            jwt: None,
            authority: &authority,
            to: &called.address,
            method: "GET",
            path,
            code: 403,
            details: "rbac_access_denied_matched_policy[none]",
            agent: "curl/8.9.1",
        };
        scene.marked(ENVOY, at, (Actor::Attacker, "denied-use"), envoy::line(&request, random));
    }
}

fn truth(scene: &mut Scene, cast: &Cast, stolen: &Token, t0: Moment) {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let workload = cast.storefront.spiffe();
    for rule in ["CT-201", "CT-203", "CT-301", "CT-403"] {
        scene.expect(ID, rule, &workload);
    }
    scene.incident(TruthIncident {
        scenario: ID.to_owned(),
        catalogue: "A3".to_owned(),
        t0: t0.text(9),
        credentials: vec![stolen.credential()],
        workloads: vec![workload],
        hosts: texts(&["n11"]),
        reached: Vec::new(),
        denied: texts(&["billing", "ledger", "orders"]),
        host_layer: "not_enforced".to_owned(),
        identity_layer: "held".to_owned(),
        first_failed: Vec::new(),
        first_absent: texts(&["lsm"]),
        outcome: "contained_by_identity".to_owned(),
        detectable_within_seconds: 30,
    });
}

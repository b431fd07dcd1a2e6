//! A1: a pod's token is stolen through a shell and used from another pod.
//!
//! In: a seed. Out: audit log, Tetragon, Envoy, `pods.json`, truth. Story in `stolen_pod_token.md`.
//! The shell's command line and one user agent are hostile on purpose (scenario A25).

use super::Scenario;
use super::quiet::{self, AUDIT, ENVOY, Edge, READ_GAP, Span, TETRAGON};
use crate::emit::envoy::{self, Request};
use crate::emit::k8s_audit::{Call, Issuing, Object};
use crate::emit::k8s_pods;
use crate::emit::tetragon::{self, Placed};
use crate::moment::{HOUR, MILLI, MINUTE, Moment, SECOND};
use crate::random::Random;
use crate::scene::Scene;
use crate::truth::{Actor, TruthIncident};
use crate::world::{Node, Pod, PodSpec, Token};

pub(super) const SCENARIO: Scenario = Scenario {
    id: ID,
    title: "A pod's token, stolen and used from another pod",
    story: "A shell in web-7 reads the pod's token; a pod on another node lists secrets and calls payments with it.",
    environment: include_str!("stolen_pod_token.toml"),
    readme: include_str!("stolen_pod_token.md"),
    build,
};

const ID: &str = "stolen-pod-token";
const ISSUING: Issuing<'_> = Issuing {
    audiences: &["https://kubernetes.default.svc", "payments.shop.svc"],
    extended: false,
    bodies: true,
};
/// Escape sequences, a line feed with a forged record, and a right-to-left override.
const HOSTILE_COMMAND: &str = "-c \"cat /var/run/secrets/kubernetes.io/serviceaccount/token #\u{1b}[2J\u{1b}]0;ok\u{7}\n{\\\"kind\\\":\\\"Event\\\",\\\"verb\\\":\\\"get\\\"} \u{202e}neib\"";
const HOSTILE_AGENT: &str = "curl/8.9.1 \u{202e}koobecaf\u{200b}";

struct Cast {
    web: Pod,
    catalog: Pod,
    payments: Pod,
    checkout: Pod,
    scratch: Pod,
}

impl Cast {
    fn new(seed: u64, from: Moment) -> Self {
        let node = |name: &str, address: &str| Node::new(seed, name, address, from);
        let (n1, n2, n3) = (node("n1", "10.1.240.11"), node("n2", "10.1.240.12"), node("n3", "10.9.240.13"));
        let pod =
            |node: &Node, (namespace, name, account, address, binary): (&str, &str, &str, &str, &str)| {
                let started = from + 20 * SECOND;
                let arguments =
                    if binary.ends_with("java") { "-Xmx768m -jar /app/app.jar" } else { "--port 8080" };
                Pod::new(
                    seed,
                    node,
                    &PodSpec { namespace, name, account, address, binary, arguments, started },
                )
            };
        Self {
            web: pod(&n1, ("shop", "web-7", "web", "10.1.0.7", "/usr/bin/java")),
            catalog: pod(&n1, ("shop", "catalog-1", "catalog", "10.1.0.21", "/app/catalog")),
            payments: pod(&n2, ("shop", "payments-0", "payments", "10.1.2.30", "/app/payments")),
            checkout: pod(&n2, ("shop", "checkout-2", "checkout", "10.1.2.14", "/app/checkout")),
            scratch: pod(&n3, ("lab", "scratch-2", "scratch", "10.9.0.4", "/app/notebook")),
        }
    }

    fn pods(&self) -> [&Pod; 5] {
        [&self.web, &self.catalog, &self.payments, &self.checkout, &self.scratch]
    }
}

fn build(seed: u64) -> Scene {
    let mut scene = Scene::default();
    let t0 = Moment::day(2026, 3, 2) + 10 * HOUR;
    let all = Span { from: t0 - 26 * HOUR, until: t0 + 14 * MINUTE };
    let cast = Cast::new(seed, all.from);
    let stolen = Token { jti: Random::named(seed, "stolen token").uuid(), issued: t0 - MINUTE };
    quiet_life(&mut scene, seed, &cast, all, &stolen);
    theft(&mut scene, seed, &cast.web, &stolen, t0);
    abuse(&mut scene, seed, &cast, &stolen, t0);
    scene.file("pods.json", k8s_pods::list(&cast.pods()));
    scene.rotate(AUDIT, Moment::day(2026, 3, 2), "k8s-audit-2026-03-01.log.gz");
    scene.rotate(TETRAGON, Moment::day(2026, 3, 2), "tetragon-2026-03-01.ndjson.zst");
    truth(&mut scene, &cast, &stolen, t0);
    scene
}

fn quiet_life(scene: &mut Scene, seed: u64, cast: &Cast, all: Span, stolen: &Token) {
    let focus = Span { from: stolen.issued - HOUR, until: all.until };
    for pod in cast.pods() {
        let random = &mut Random::named(seed, &format!("quiet {}", pod.name));
        quiet::start(scene, pod);
        // The thief takes web-7's youngest token, and web-7 itself has no need of the API after that.
        let is_victim = pod.name == cast.web.name;
        let until = if is_victim { stolen.issued - 10 * MINUTE } else { all.until };
        let span = Span { from: all.from + 15 * SECOND, until };
        let tokens = quiet::renew_tokens(scene, random, pod, span, ISSUING);
        quiet::read_config(scene, random, pod, &tokens, span, READ_GAP);
    }
    let random = &mut Random::named(seed, "quiet mesh");
    let edges = [
        Edge { caller: &cast.web, called: &cast.catalog, path: "/v1/items", gap: 24 * MINUTE },
        Edge { caller: &cast.checkout, called: &cast.payments, path: "/v1/charges", gap: 20 * MINUTE },
    ];
    quiet::mesh_calls(scene, random, seed, Span { from: all.from, until: stolen.issued }, &edges);
    let mut nodes: Vec<&Node> = cast.pods().map(|pod| &pod.node).to_vec();
    nodes.dedup_by_key(|node| node.name.clone());
    for node in nodes {
        quiet::host_noise(scene, random, node, &cast.pods(), all, focus);
    }
}

/// The kubelet renews the token, web-7 uses it once; then the shell, and `cat` on the token.
fn theft(scene: &mut Scene, seed: u64, web: &Pod, stolen: &Token, t0: Moment) {
    let random = &mut Random::named(seed, "theft");
    quiet::issue(scene, random, web, stolen, ISSUING);
    quiet::read_own_token(scene, web, stolen);
    let config =
        Object { resource: "configmaps", namespace: "shop", name: "web-config", ..Object::default() };
    quiet::call(scene, random, &Call::by_pod(stolen.issued + 20 * SECOND, web, stolen, "get", config));

    let main = Placed { process: &web.main, pod: Some(web) };
    let mut shell = web.process(t0, 41_207, &web.main, "/bin/sh");
    shell.arguments = HOSTILE_COMMAND.to_owned();
    let shell = Placed { process: &shell, pod: Some(web) };
    let mut cat = web.process(t0 + 900 * MILLI, 41_208, shell.process, "/bin/cat");
    cat.arguments = "/var/run/secrets/kubernetes.io/serviceaccount/token".to_owned();
    let cat = Placed { process: &cat, pod: Some(web) };
    let path = quiet::token_path(stolen.issued);
    let (read, ended) = (t0 + SECOND, t0 + SECOND + 40 * MILLI);
    let node = &web.node;
    let mut mark = |at, role, line| scene.marked(TETRAGON, at, (Actor::Attacker, role), line);
    mark(t0, "shell", tetragon::exec(node, shell, main));
    mark(cat.process.start, "reader", tetragon::exec(node, cat, shell));
    mark(read, "credential-read", tetragon::file_read(node, read, cat, shell, &path));
    mark(ended, "reader-exit", tetragon::exit(node, ended, cat, shell));
    mark(ended + MILLI, "shell-exit", tetragon::exit(node, ended + MILLI, shell, main));
}

/// From scratch-2: list secrets, get one, call payments.
fn abuse(scene: &mut Scene, seed: u64, cast: &Cast, stolen: &Token, t0: Moment) {
    let random = &mut Random::named(seed, "abuse");
    let secrets = Object { resource: "secrets", namespace: "shop", ..Object::default() };
    let steps = [
        (t0 + 20 * SECOND, "list", secrets, "?limit=500"),
        (t0 + 25 * SECOND, "get", Object { name: "payments-db", ..secrets }, ""),
    ];
    for (at, verb, object, query) in steps {
        let call = Call {
            source: &cast.scratch.address,
            agent: HOSTILE_AGENT,
            query,
            reason: "RBAC: allowed by RoleBinding \"web-legacy/shop\" of Role \"edit-all\" to ServiceAccount \"web/shop\"",
            ..Call::by_pod(at, &cast.web, stolen, verb, object)
        };
        let [received, complete] = call.records(random);
        scene.marked(AUDIT, at, (Actor::Attacker, "use-received"), received);
        scene.marked(AUDIT, call.done(), (Actor::Attacker, "use"), complete);
    }
    let at = t0 + 40 * SECOND;
    let subject = cast.web.user();
    let request = Request {
        at,
        from: &cast.scratch.address,
        peer: None,
        jwt: Some((&subject, &stolen.jti)),
        authority: "payments.shop.svc",
        to: &cast.payments.address,
        method: "POST",
        path: "/v1/refunds",
        code: 200,
        details: "via_upstream",
        agent: "curl/8.9.1",
    };
    scene.marked(ENVOY, at, (Actor::Attacker, "use"), envoy::line(&request, random));
}

fn truth(scene: &mut Scene, cast: &Cast, stolen: &Token, t0: Moment) {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let credential = stolen.credential();
    let workload = cast.web.spiffe();
    for rule in ["CT-101", "CT-102"] {
        scene.expect(ID, rule, &credential);
    }
    for rule in ["CT-201", "CT-203", "CT-302"] {
        scene.expect(ID, rule, &workload);
    }
    scene.incident(TruthIncident {
        scenario: ID.to_owned(),
        catalogue: "A1".to_owned(),
        t0: t0.text(9),
        credentials: vec![credential],
        workloads: vec![workload],
        hosts: texts(&["n1", "n3"]),
        reached: texts(&["kube-apiserver", "payments"]),
        denied: Vec::new(),
        host_layer: "bypassed".to_owned(),
        identity_layer: "bypassed".to_owned(),
        first_failed: texts(&["credential-confidentiality"]),
        first_absent: texts(&["binding-check"]),
        outcome: "not_contained".to_owned(),
        detectable_within_seconds: 20,
    });
}

//! What is done on the benign day.
//!
//! In: the cast, the day. Out: lines. Owns: each thing that looks like an attack and is none; the comments
//! name its twin in the catalogue of scenarios.

use std::collections::BTreeSet;

use super::cast::{Cast, KnownBy, Life};
use crate::emit::cloudtrail::{self, PodRole, SessionKey};
use crate::emit::envoy::{self, Request};
use crate::emit::k8s_audit::{Call, Issuing, Object};
use crate::emit::linux_audit::{self, Task};
use crate::emit::spire_server::Shape;
use crate::emit::tetragon::{self, Placed};
use crate::emit::{falco, placement_feed, pod_lifecycle};
use crate::moment::{HOUR, MILLI, MINUTE, Moment, SECOND};
use crate::random::Random;
use crate::scenario::quiet::{self, AUDIT, AuditLog, ENVOY, Edge, Span, TETRAGON};
use crate::scene::Scene;
use crate::world::{Pod, Token, current, moments};

/// CloudTrail's records.
pub(super) const CLOUDTRAIL: &str = "cloudtrail.ndjson";
const FEED: &str = "placements.ndjson";
const FALCO: &str = "falco.ndjson";
const LINUX_AUDIT: &str = "n22-audit.log";
const NAT: &str = "198.51.100.9";
/// B24: tokens live for a year and warn after the hour.
const ISSUING: Issuing<'_> =
    Issuing { audiences: &["https://kubernetes.default.svc"], extended: true, bodies: true };

/// Every pod: placement, tokens, reads of the API, end.
pub(super) fn lives(scene: &mut Scene, seed: u64, cast: &Cast, all: Span) {
    for life in &cast.lives {
        let random = &mut Random::named(seed, &format!("life {}", life.pod.name));
        let span = span_of(life, all);
        place(scene, random, life, all);
        let tokens = quiet::renew_tokens(scene, random, &life.pod, span, ISSUING);
        quiet::read_config(scene, random, &life.pod, &tokens, span, 50 * MINUTE);
        overlap(scene, random, &life.pod, &tokens, span);
        retries(scene, random, &life.pod, &tokens, span);
        api_contact(scene, &life.pod, span);
    }
}

/// A pod acts from shortly after its start until well before its end.
fn span_of(life: &Life, all: Span) -> Span {
    let from = all.from.max(life.pod.started + SECOND);
    Span { from, until: life.deleted.map_or(all.until, |deleted| deleted - 30 * SECOND) }
}

fn place(scene: &mut Scene, random: &mut Random, life: &Life, all: Span) {
    let started = life.pod.started.max(all.from);
    if started > all.from {
        quiet::start(scene, &life.pod);
    }
    match life.known_by {
        KnownBy::Feed => scene.line(FEED, started, placement_feed::line("prod", &life.pod, None)),
        KnownBy::Audit => {
            for (at, line) in pod_lifecycle::created(random, &life.pod) {
                scene.line(AUDIT, at, line);
            }
        }
    }
    let Some(deleted) = life.deleted else { return };
    for (at, line) in pod_lifecycle::deleted(random, &life.pod, deleted) {
        scene.line(AUDIT, at, line);
    }
    if life.known_by == KnownBy::Feed {
        let end = deleted + 2 * SECOND;
        scene.line(FEED, end, placement_feed::line("prod", &life.pod, Some(end)));
    }
}

/// B7: the old token and the new one are used in turns for some minutes.
fn overlap(scene: &mut Scene, random: &mut Random, pod: &Pod, tokens: &[Token], span: Span) {
    for pair in tokens.windows(2).step_by(5) {
        let [old, new] = pair else { continue };
        for (index, token) in (0i64..).zip([new, old, new, old]) {
            let at = new.issued + 20 * SECOND + index * 15 * SECOND;
            if at < span.until {
                quiet::call(scene, random, &Call::by_pod(at, pod, token, "get", settings(pod)));
            }
        }
    }
}

/// A call that fails twice and is tried again.
fn retries(scene: &mut Scene, random: &mut Random, pod: &Pod, tokens: &[Token], span: Span) {
    for at in moments(random, span.from + MINUTE, span.until, 7 * HOUR) {
        let Some(token) = current(tokens, at) else { continue };
        for (index, code) in (0i64..).zip([504, 504, 200]) {
            let again =
                Call { code, ..Call::by_pod(at + index * 400 * MILLI, pod, token, "get", settings(pod)) };
            quiet::call(scene, random, &again);
        }
    }
}

fn settings(pod: &Pod) -> Object<'_> {
    Object { resource: "configmaps", namespace: &pod.namespace, name: "settings", ..Object::default() }
}

/// Falco remarks that a pod talks to the API server, which it may.
fn api_contact(scene: &mut Scene, pod: &Pod, span: Span) {
    let at = span.from + 40 * MINUTE;
    if at < span.until {
        let connection = format!("{}:44120->10.21.240.100:6443", pod.address);
        scene.line(FALCO, at, falco::api_contact(at, pod, &pod.main, &connection));
    }
}

/// Calls between pods, the SVIDs for them, and a policy that refuses everybody for three minutes.
pub(super) fn mesh(scene: &mut Scene, seed: u64, cast: &Cast, all: Span) {
    let random = &mut Random::named(seed, "mesh");
    let billing = cast.of("billing").next().expect("billing is in the cast");
    let mut signed = BTreeSet::new();
    for life in cast.of("cart") {
        // B26: pods of one workload on one node share its SVID.
        if signed.insert(life.pod.node.name.clone()) {
            quiet::sign_svids(scene, random, seed, &life.pod, all, Shape::Text);
        }
        let calls = Span { from: all.from, ..span_of(life, all) };
        let alive = |at: Moment| at > life.pod.started + MINUTE;
        for orders in cast.of("orders") {
            let both = Span { until: calls.until.min(span_of(orders, all).until), ..calls };
            let edge = Edge { caller: &life.pod, called: &orders.pod, path: "/v1/orders", gap: 35 * MINUTE };
            let alive = |at: Moment| alive(at) && at > orders.pod.started + MINUTE;
            quiet::mesh_calls_while(scene, random, seed, both, &[edge], &alive);
        }
        let edge = Edge { caller: &life.pod, called: &billing.pod, path: "/v1/invoices", gap: 45 * MINUTE };
        quiet::mesh_calls_while(scene, random, seed, calls, &[edge], &alive);
        storm(scene, random, seed, &life.pod, &billing.pod, all);
    }
    // B27: an agent fetches what it may serve; nobody ever uses it.
    let mut unused = billing.pod.clone();
    unused.node = cast.nodes[0].clone();
    quiet::sign_svids(scene, random, seed, &unused, all, Shape::Text);
}

/// B20: after the rollout of a policy, one destination refuses every replica, and they all try again.
fn storm(scene: &mut Scene, random: &mut Random, seed: u64, caller: &Pod, called: &Pod, all: Span) {
    let svids = quiet::svids(seed, caller, all);
    for at in moments(random, all.from + 14 * HOUR, all.from + 14 * HOUR + 3 * MINUTE, 12 * SECOND) {
        let request = Request {
            at,
            from: &caller.address,
            peer: quiet::shown(&svids, at),
            jwt: None,
            authority: "billing.shop.svc",
            to: &called.address,
            method: "GET",
            path: "/v1/invoices",
            code: 403,
            details: "rbac_access_denied_matched_policy[none]",
            agent: "shop-client/2.3",
        };
        scene.line(ENVOY, at, envoy::line(&request, random));
    }
}

/// Host telemetry of every node: services, probes, sidecars, the log shipper, noise of a profile that complains.
pub(super) fn hosts(scene: &mut Scene, seed: u64, cast: &Cast, all: Span) {
    let random = &mut Random::named(seed, "hosts");
    let residents: Vec<&Pod> =
        cast.lives.iter().filter(|life| life.deleted.is_none()).map(|life| &life.pod).collect();
    let residents: Vec<&Pod> = residents.into_iter().filter(|pod| pod.started < all.from).collect();
    for node in &cast.nodes {
        quiet::host_noise(scene, random, node, &residents, all, all);
    }
    for life in cast.of("cart") {
        let span = span_of(life, all);
        for at in moments(random, span.from + 5 * SECOND, span.until, 2 * HOUR) {
            health_check(scene, random, &life.pod, at);
            sidecar_connects(scene, random, &life.pod, at + 20 * SECOND);
        }
    }
    for shipper in cast.of("log-shipper") {
        for neighbour in residents.iter().filter(|pod| pod.node.name == shipper.pod.node.name) {
            ship_logs(scene, random, &shipper.pod, neighbour, all);
        }
    }
    complain(scene, random, all);
}

/// B32: the server starts a shell for its health check, with the same words in every replica.
fn health_check(scene: &mut Scene, random: &mut Random, pod: &Pod, at: Moment) {
    let pid = u32::try_from(random.between(40_000, 4_000_000)).unwrap_or(40_000);
    let mut shell = pod.process(at, pid, &pod.main, "/bin/sh");
    shell.arguments = "-c \"test -f /tmp/ready && echo ok\"".to_owned();
    let child = Placed { process: &shell, pod: Some(pod) };
    let parent = Placed { process: &pod.main, pod: Some(pod) };
    scene.line(TETRAGON, at, tetragon::exec(&pod.node, child, parent));
    let ended = at + 12 * MILLI;
    scene.line(TETRAGON, ended, tetragon::exit(&pod.node, ended, child, parent));
}

/// B11: not the app but its proxy connects; it lives in the same pod.
fn sidecar_connects(scene: &mut Scene, random: &mut Random, pod: &Pod, at: Moment) {
    let mut proxy = pod.process(pod.started + SECOND, pod.main.pid + 60, &pod.shim, "/usr/local/bin/envoy");
    proxy.arguments = "-c etc/istio/proxy/envoy-rev.json --concurrency 2".to_owned();
    proxy.uid = 1_337;
    let child = Placed { process: &proxy, pod: Some(pod) };
    let parent = Placed { process: &pod.shim, pod: None };
    let to = *random.pick(&["10.21.2.8", "10.21.3.20"]);
    scene.line(TETRAGON, at, tetragon::connect(&pod.node, at, child, parent, (&pod.address, to, 8_443)));
}

/// B12: the declared log shipper walks through volumes, and opens a token on its way.
fn ship_logs(scene: &mut Scene, random: &mut Random, shipper: &Pod, neighbour: &Pod, all: Span) {
    let process = Placed { process: &shipper.main, pod: Some(shipper) };
    let parent = Placed { process: &shipper.shim, pod: None };
    let path = format!(
        "/var/lib/kubelet/pods/{}/volumes/kubernetes.io~projected/kube-api-access-x7k2p/token",
        neighbour.uid
    );
    for at in moments(random, all.from + 2 * MINUTE, all.until, 8 * HOUR) {
        scene.line(TETRAGON, at, tetragon::file_read(&shipper.node, at, process, parent, &path));
    }
}

/// B21: a profile that nobody requires complains all day.
fn complain(scene: &mut Scene, random: &mut Random, all: Span) {
    let mut audit = AuditLog::new(LINUX_AUDIT, "n22", 77_000, false);
    audit.services(random, Span { from: all.from + 3 * HOUR, until: all.from + 5 * HOUR });
    for at in moments(random, all.from, all.until, 12 * MINUTE) {
        let mut task = Task::new(1_733, 1, 998, "/usr/bin/node_exporter", &["/usr/bin/node_exporter"]);
        task.label = "ops-exporter".to_owned();
        audit.add(at, None, move |stamp| {
            linux_audit::complained_open(stamp, &task, "ops-exporter", "/proc/sys/vm/overcommit_memory")
        });
    }
    audit.finish(scene);
}

/// B1: pods call AWS; AWS sees the address of the NAT.
pub(super) fn cloud(scene: &mut Scene, seed: u64, all: Span) {
    let random = &mut Random::named(seed, "cloud");
    let role_id = format!("AROA{}", Random::named(seed, "shop-cart").capitals(17));
    let role = PodRole {
        role: "shop-cart",
        role_id: &role_id,
        session: "cart-1741132800",
        account: "system:serviceaccount:shop:cart",
    };
    let mut issued = all.from + 4 * MINUTE;
    while issued < all.until {
        let key = SessionKey::new(random, issued);
        scene.line(CLOUDTRAIL, issued, cloudtrail::assume_with_web_identity(random, &role, &key, NAT));
        let next = issued + 55 * MINUTE;
        for at in moments(random, issued + 5 * SECOND, next.min(all.until), 10 * MINUTE) {
            let call = (NAT, ("s3.amazonaws.com", "ListBuckets"));
            scene.line(CLOUDTRAIL, at, cloudtrail::call_by_pod_role(random, at, &role, &key, call));
        }
        issued = next;
    }
}

//! Ordinary life of a small cluster: what is logged when nothing happens.
//!
//! In: nodes, pods, a span. Out: lines of the audit log, of Tetragon and of Envoy.
//! Owns: rhythms (token renewal, a few reads an hour, probes). Leaves attacks to the scenarios.
//! Law: nothing here may make a sound engine speak.

use std::collections::BTreeMap;

use crate::emit::envoy::{self, Request};
use crate::emit::k8s_audit::{self, Call, Issuing, Object};
use crate::emit::linux_audit::{self, Stamp, Task};
use crate::emit::spire_lists;
use crate::emit::spire_server::{self, Shape};
use crate::emit::tetragon::{self, Placed};
use crate::moment::{HOUR, MILLI, MINUTE, Moment, SECOND};
use crate::random::Random;
use crate::scene::Scene;
use crate::truth::Actor;
use crate::world::{Node, Pod, Process, SVID_TTL, Svid, Token, current, moments, tokens};

/// Names of the streams that this module writes.
pub(crate) const AUDIT: &str = "k8s-audit.log";
/// Tetragon's export, of all nodes.
pub(crate) const TETRAGON: &str = "tetragon.ndjson";
/// Envoy's access logs, of all sidecars.
pub(crate) const ENVOY: &str = "envoy-access.ndjson";

/// A span of quiet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// First moment.
    pub(crate) from: Moment,
    /// Last moment, not included.
    pub(crate) until: Moment,
}

/// Two pods, one of which calls the other.
pub(crate) struct Edge<'a> {
    /// Who calls.
    pub(crate) caller: &'a Pod,
    /// Who is called.
    pub(crate) called: &'a Pod,
    /// Path that is called.
    pub(crate) path: &'a str,
    /// About how far calls are apart.
    pub(crate) gap: i64,
}

/// The kubelet renews a pod's token; the pod's main program picks it up.
pub(crate) fn renew_tokens(
    scene: &mut Scene,
    random: &mut Random,
    pod: &Pod,
    span: Span,
    issuing: Issuing<'_>,
) -> Vec<Token> {
    let tokens = tokens(random, span.from, span.until);
    for token in &tokens {
        issue(scene, random, pod, token, issuing);
        read_own_token(scene, pod, token);
    }
    tokens
}

/// The kubelet asks for one token.
pub(crate) fn issue(scene: &mut Scene, random: &mut Random, pod: &Pod, token: &Token, issuing: Issuing<'_>) {
    let (received, done, [first, second]) = k8s_audit::token_request(random, pod, token, issuing);
    scene.line(AUDIT, received, first);
    scene.line(AUDIT, done, second);
}

/// The main program reads its own new token.
pub(crate) fn read_own_token(scene: &mut Scene, pod: &Pod, token: &Token) {
    let at = token.issued + SECOND + 300 * MILLI;
    let process = Placed { process: &pod.main, pod: Some(pod) };
    let parent = Placed { process: &pod.shim, pod: None };
    let line = tetragon::file_read(&pod.node, at, process, parent, &token_path(token.issued));
    scene.line(TETRAGON, at, line);
}

/// Where the kernel sees the token that was issued at a moment.
pub(crate) fn token_path(issued: Moment) -> String {
    format!("/run/secrets/kubernetes.io/serviceaccount/{}/token", (issued + 200 * MILLI).projected_folder())
}

/// A call of the API, both stages.
pub(crate) fn call(scene: &mut Scene, random: &mut Random, call: &Call<'_>) {
    let [received, complete] = call.records(random);
    scene.line(AUDIT, call.at, received);
    scene.line(AUDIT, call.done(), complete);
}

/// A pod reads its configuration now and then.
pub(crate) fn read_config(
    scene: &mut Scene,
    random: &mut Random,
    pod: &Pod,
    tokens: &[Token],
    span: Span,
    gap: i64,
) {
    let name = format!("{}-config", pod.app);
    for at in moments(random, span.from + 5 * SECOND, span.until, gap) {
        let Some(token) = current(tokens, at) else { continue };
        let object =
            Object { resource: "configmaps", namespace: &pod.namespace, name: &name, ..Object::default() };
        call(scene, random, &Call::by_pod(at, pod, token, "get", object));
    }
}

/// When SVIDs of a workload on a node are signed: at half of their life.
pub(crate) fn svids(seed: u64, pod: &Pod, span: Span) -> Vec<Svid> {
    let offset = Random::named(seed, &format!("svids {} {}", pod.spiffe(), pod.node.name)).between(0, MINUTE);
    let mut signed = span.from + offset;
    let mut svids = Vec::new();
    while signed < span.until {
        svids.push(Svid::new(seed, &pod.spiffe(), &pod.node, signed));
        signed = signed + SVID_TTL / 2 + offset / 60;
    }
    svids
}

/// The SVID that a caller shows at a moment.
pub(crate) fn shown(svids: &[Svid], at: Moment) -> Option<&Svid> {
    svids.iter().rev().find(|svid| svid.signed + SECOND < at)
}

/// Calls between pods, as the called pod's proxy logs them.
pub(crate) fn mesh_calls(scene: &mut Scene, random: &mut Random, seed: u64, span: Span, edges: &[Edge<'_>]) {
    mesh_calls_while(scene, random, seed, span, edges, &|_| true);
}

/// The same, at moments for which `alive` holds; SVIDs are those of the whole span.
pub(crate) fn mesh_calls_while(
    scene: &mut Scene,
    random: &mut Random,
    seed: u64,
    span: Span,
    edges: &[Edge<'_>],
    alive: &dyn Fn(Moment) -> bool,
) {
    let mut held: BTreeMap<String, Vec<Svid>> = BTreeMap::new();
    for edge in edges {
        let key = format!("{} {}", edge.caller.spiffe(), edge.caller.node.name);
        let svids = held.entry(key).or_insert_with(|| svids(seed, edge.caller, span));
        let authority = format!("{}.{}.svc", edge.called.app, edge.called.namespace);
        for at in moments(random, span.from + 2 * MINUTE, span.until, edge.gap) {
            if !alive(at) {
                continue;
            }
            let request = Request {
                at,
                from: &edge.caller.address,
                peer: shown(svids, at),
                jwt: None,
                authority: &authority,
                to: &edge.called.address,
                method: "GET",
                path: edge.path,
                code: 200,
                details: "via_upstream",
                agent: "shop-client/2.3",
            };
            scene.line(ENVOY, at, envoy::line(&request, random));
        }
    }
}

/// Host telemetry of a node on which nothing happens: dense around `focus`, sparse elsewhere.
pub(crate) fn host_noise(
    scene: &mut Scene,
    random: &mut Random,
    node: &Node,
    pods: &[&Pod],
    span: Span,
    focus: Span,
) {
    let dense = 6 * MINUTE;
    let sparse = 25 * MINUTE;
    let mut at = span.from + random.between(0, 5 * MINUTE);
    let init = Process::init(node);
    let kubelet = Process::new(node, node.boot + 20 * SECOND, 911, &init.exec_id, "/usr/bin/kubelet");
    while at < span.until {
        let local: Vec<&&Pod> = pods.iter().filter(|pod| pod.node.name == node.name).collect();
        if local.is_empty() || random.once_in(2) {
            host_command(scene, random, node, &kubelet, at);
        } else {
            let pod = local[random.below(local.len())];
            probe(scene, random, pod, at);
        }
        let gap = if at + sparse > focus.from && at < focus.until { dense } else { sparse };
        at = at + gap + random.between(0, gap / 4);
    }
}

fn host_command(scene: &mut Scene, random: &mut Random, node: &Node, kubelet: &Process, at: Moment) {
    const COMMANDS: &[(&str, &str)] = &[
        ("/usr/sbin/xtables-nft-multi", "iptables -w 5 -t mangle -S KUBE-KUBELET-CANARY"),
        ("/usr/bin/findmnt", "--output-all --json"),
        ("/opt/cni/bin/loopback", ""),
    ];
    let (binary, arguments) = *random.pick(COMMANDS);
    let pid = u32::try_from(random.between(40_000, 4_000_000)).unwrap_or(40_000);
    let mut process = Process::new(node, at, pid, &kubelet.exec_id, binary);
    process.arguments = arguments.to_owned();
    let (child, parent) = (Placed { process: &process, pod: None }, Placed { process: kubelet, pod: None });
    scene.line(TETRAGON, at, tetragon::exec(node, child, parent));
    let ended = at + random.between(2, 90) * MILLI;
    scene.line(TETRAGON, ended, tetragon::exit(node, ended, child, parent));
}

/// A readiness probe inside a pod, started by the runtime.
pub(crate) fn probe(scene: &mut Scene, random: &mut Random, pod: &Pod, at: Moment) {
    let pid = u32::try_from(random.between(40_000, 4_000_000)).unwrap_or(40_000);
    let mut process = pod.process(at, pid, &pod.shim, "/bin/grpc_health_probe");
    process.arguments = "-addr=:9090".to_owned();
    let child = Placed { process: &process, pod: Some(pod) };
    let parent = Placed { process: &pod.shim, pod: None };
    scene.line(TETRAGON, at, tetragon::exec(&pod.node, child, parent));
    let ended = at + random.between(3, 40) * MILLI;
    scene.line(TETRAGON, ended, tetragon::exit(&pod.node, ended, child, parent));
}

/// The main program of a pod is started.
pub(crate) fn start(scene: &mut Scene, pod: &Pod) {
    let child = Placed { process: &pod.main, pod: Some(pod) };
    let parent = Placed { process: &pod.shim, pod: None };
    scene.line(TETRAGON, pod.started, tetragon::exec(&pod.node, child, parent));
}

/// About three reads of the API in an hour.
pub(crate) const READ_GAP: i64 = HOUR / 3;

/// SPIRE server's log.
pub(crate) const SPIRE: &str = "spire-server.log";

/// The SPIRE server signs a workload's SVIDs for the agent on a pod's node.
pub(crate) fn sign_svids(
    scene: &mut Scene,
    random: &mut Random,
    seed: u64,
    pod: &Pod,
    span: Span,
    shape: Shape,
) {
    let entry = spire_lists::entry_id(seed, pod);
    for svid in svids(seed, pod, span) {
        let [debug, audit] = spire_server::signed(random, &svid, &entry, &pod.node, shape);
        scene.line(SPIRE, svid.signed, debug);
        scene.line(SPIRE, svid.signed, audit);
    }
}

/// One event of Linux audit that waits for its serial number.
type Numbered<'a> = Box<dyn Fn(Stamp<'_>) -> Vec<Vec<u8>> + 'a>;

/// An event of the log: when, by whom (for the truth), and its records.
type Scheduled<'a> = (Moment, Option<(Actor, &'static str)>, Numbered<'a>);

/// The Linux audit log of one host: serial numbers follow time, whatever the order of telling.
pub(crate) struct AuditLog<'a> {
    /// Where it is written.
    pub(crate) stream: &'static str,
    /// `node=`.
    pub(crate) node: &'a str,
    /// Serial number of the first event.
    pub(crate) first_serial: u32,
    /// Whether auditd adds names.
    pub(crate) enriched: bool,
    events: Vec<Scheduled<'a>>,
}

impl<'a> AuditLog<'a> {
    /// An empty log.
    pub(crate) fn new(stream: &'static str, node: &'a str, first_serial: u32, enriched: bool) -> Self {
        Self { stream, node, first_serial, enriched, events: Vec::new() }
    }

    /// Adds an event.
    pub(crate) fn add(
        &mut self,
        at: Moment,
        mark: Option<(Actor, &'static str)>,
        records: impl Fn(Stamp<'_>) -> Vec<Vec<u8>> + 'a,
    ) {
        self.events.push((at, mark, Box::new(records)));
    }

    /// systemd starts small services, every few minutes.
    pub(crate) fn services(&mut self, random: &mut Random, span: Span) {
        const UNITS: &[(&str, &str)] = &[
            ("sysstat-collect", "/usr/lib/sysstat/sa1"),
            ("fwupd-refresh", "/usr/bin/fwupdmgr"),
            ("logrotate", "/usr/sbin/logrotate"),
        ];
        for at in moments(random, span.from, span.until, 7 * MINUTE) {
            let (unit, program) = *random.pick(UNITS);
            let pid = u32::try_from(random.between(40_000, 4_000_000)).unwrap_or(40_000);
            let task = Task::new(pid, 1, 0, program, &[program, "--quiet"]);
            self.add(at, None, move |stamp| linux_audit::service_start(stamp, unit));
            self.add(at, None, move |stamp| linux_audit::exec(stamp, &task, "/"));
        }
    }

    /// Numbers the events and writes them; records of events at one time lie interleaved in the file.
    pub(crate) fn finish(mut self, scene: &mut Scene) {
        self.events.sort_by_key(|(at, _, _)| *at);
        for (serial, (at, mark, records)) in (self.first_serial..).zip(&self.events) {
            let stamp = Stamp { node: self.node, at: *at, serial, enriched: self.enriched };
            for (index, record) in (0i64..).zip(records(stamp)) {
                let written = *at + index * 150_000;
                match mark {
                    Some(mark) => scene.marked(self.stream, written, *mark, record),
                    None => scene.line(self.stream, written, record),
                }
            }
        }
    }
}

//! What happens at the site: one small act after the other, each written as its tool writes it.
//!
//! In: the site, a number of lines, a span. Out: lines. Owns: the mixture of acts, and that every credential is
//! issued before it is used. Law: nothing here is an attack.

use super::environment::NAT;
use super::sink::{Sink, Stream};
use super::site::{NODES, Site, Slot};
use crate::emit::cloudtrail::{self, Call as CloudCall, PodRole, SessionKey};
use crate::emit::envoy::{self, Request};
use crate::emit::k8s_audit::{self, Call, Issuing, Object};
use crate::emit::linux_audit::{self, Stamp, Task};
use crate::emit::spire_server::{self, Shape};
use crate::emit::tetragon::{self, Placed};
use crate::emit::{falco, placement_feed, pod_lifecycle};
use crate::moment::{HOUR, MILLI, MINUTE, Moment, SECOND};
use crate::output::SimulateError;
use crate::random::Random;
use crate::scenario::quiet::token_path;
use crate::world::{Process, Svid, TOKEN_TTL_SECS, Token};

type Written = Result<(), SimulateError>;
type Act = fn(&mut Site, &mut Sink<'_>, Moment) -> Written;

/// Acts with their weights.
const ACTS: &[(u64, Act)] = &[
    (300, api_call),
    (420, mesh_call),
    (220, probe),
    (120, sidecar_connects),
    (30, cloud_call),
    (20, cloud_call_by_pod),
    (40, machine_exec),
    (60, machine_connect),
    (2, profiler),
    (10, complain),
    (10, notice),
    (1, drain),
];
const ISSUING: Issuing<'_> =
    Issuing { audiences: &["https://kubernetes.default.svc"], extended: false, bodies: false };
/// Lines that an act gives on average, to spread acts over the span.
const LINES_PER_ACT: i64 = 2;

/// Lets things happen until there are enough lines, evenly spread over the span.
pub(super) fn run(
    site: &mut Site,
    sink: &mut Sink<'_>,
    lines: u64,
    (from, until): (Moment, Moment),
) -> Result<Moment, SimulateError> {
    for slot in &site.slots {
        sink.line(Stream::Placements, slot.pod.started, |out| {
            out.extend_from_slice(&placement_feed::line("prod", &slot.pod, None));
        })?;
    }
    for machine in &site.machines {
        let record = cloudtrail::run_instances(&mut site.random, from, &machine.instance);
        sink.line(Stream::CloudTrail, from, |out| out.extend_from_slice(&record))?;
    }
    let total: u64 = ACTS.iter().map(|(weight, _)| weight).sum();
    let acts = i64::try_from(lines).unwrap_or(i64::MAX) / LINES_PER_ACT;
    let step = ((until - from.0).0 / acts.max(1)).max(1);
    let mut at = from + MINUTE;
    let end = sink.lines() + lines;
    while sink.lines() < end {
        let mut ticket = site.random.next() % total;
        let act = ACTS.iter().find(|(weight, _)| {
            let found = ticket < *weight;
            ticket = ticket.saturating_sub(*weight);
            found
        });
        let (_, act) = act.expect("tickets are below the sum of weights");
        act(site, sink, at)?;
        at = at + site.random.between(step / 2, step + step / 2 + 1);
    }
    Ok(at)
}

/// The pod's token; it is renewed first when it is due.
fn fresh_token(
    site: &mut Site,
    sink: &mut Sink<'_>,
    slot: usize,
    at: Moment,
) -> Result<Token, SimulateError> {
    const DUE: i64 = TOKEN_TTL_SECS * SECOND * 4 / 5;
    let Slot { pod, token, .. } = &mut site.slots[slot];
    if let Some(token) = token.as_ref().filter(|token| (at - token.issued.0).0 < DUE) {
        return Ok(token.clone());
    }
    let new = Token { jti: site.random.uuid(), issued: at - 4 * SECOND };
    let (received, done, [first, second]) = k8s_audit::token_request(&mut site.random, pod, &new, ISSUING);
    sink.line(Stream::K8sAudit, received, |out| out.extend_from_slice(&first))?;
    sink.line(Stream::K8sAudit, done, |out| out.extend_from_slice(&second))?;
    let (process, parent) =
        (Placed { process: &pod.main, pod: Some(pod) }, Placed { process: &pod.shim, pod: None });
    let read = new.issued + SECOND;
    let line = tetragon::file_read(&pod.node, read, process, parent, &token_path(new.issued));
    sink.line(Stream::Tetragon, read, |out| out.extend_from_slice(&line))?;
    *token = Some(new.clone());
    Ok(new)
}

fn fresh_svid(site: &mut Site, sink: &mut Sink<'_>, slot: usize, at: Moment) -> Result<Svid, SimulateError> {
    let (svid, signed) = site.svid(slot, at, 30 * MINUTE);
    if let Some(entry) = signed {
        let node = &site.slots[slot].pod.node;
        for line in spire_server::signed(&mut site.random, &svid, &entry, node, Shape::Json) {
            sink.line(Stream::Spire, svid.signed, |out| out.extend_from_slice(&line))?;
        }
    }
    Ok(svid)
}

fn some_slot(site: &mut Site) -> usize {
    let slots = site.slots.len();
    site.random.below(slots)
}

/// A pod reads something from the API, from its own address.
fn api_call(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    const OBJECTS: &[(&str, &str, &str)] = &[
        ("get", "configmaps", "settings"),
        ("list", "endpoints", ""),
        ("get", "services", "gateway"),
        ("list", "pods", ""),
    ];
    let slot = some_slot(site);
    let token = fresh_token(site, sink, slot, at)?;
    let (verb, resource, name) = *site.random.pick(OBJECTS);
    let audit_id = site.random.uuid();
    let pod = &site.slots[slot].pod;
    let object = Object { resource, namespace: "vol", name, ..Object::default() };
    let call = Call::by_pod(at, pod, &token, verb, object);
    sink.line(Stream::K8sAudit, at, |out| call.write(false, &audit_id, out))?;
    sink.line(Stream::K8sAudit, call.done(), |out| call.write(true, &audit_id, out))
}

/// A pod calls another with its SVID.
fn mesh_call(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let (caller, called) = (some_slot(site), some_slot(site));
    let svid = fresh_svid(site, sink, caller, at)?;
    let refused = site.random.once_in(400);
    let authority = format!("{}.vol.svc", site.slots[called].pod.app);
    let request = Request {
        at,
        from: &site.slots[caller].pod.address,
        peer: Some(&svid),
        jwt: None,
        authority: &authority,
        to: &site.slots[called].pod.address,
        method: "GET",
        path: "/v1/items",
        code: if refused { 503 } else { 200 },
        details: if refused { "upstream_reset_before_response_started" } else { "via_upstream" },
        agent: "vol-client/1.0",
    };
    let random = &mut site.random;
    sink.line(Stream::Envoy, at, |out| envoy::write(&request, random, out))
}

/// The runtime starts a probe in a pod.
fn probe(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let slot = some_slot(site);
    let pid = some_pid(&mut site.random);
    let pod = &site.slots[slot].pod;
    let mut process = pod.process(at, pid, &pod.shim, "/bin/grpc_health_probe");
    process.arguments = "-addr=:9090".to_owned();
    let (child, parent) =
        (Placed { process: &process, pod: Some(pod) }, Placed { process: &pod.shim, pod: None });
    let ended = at + 9 * MILLI;
    sink.line(Stream::Tetragon, at, |out| tetragon::write_exec(&pod.node, child, parent, out))?;
    sink.line(Stream::Tetragon, ended, |out| tetragon::write_exit(&pod.node, ended, child, parent, out))
}

/// A pod's proxy connects to another pod.
fn sidecar_connects(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let (slot, called) = (some_slot(site), some_slot(site));
    let (pod, called) = (&site.slots[slot].pod, &site.slots[called].pod);
    let mut proxy = Process { pid: pod.main.pid + 60, ..pod.main.clone() };
    proxy.binary = "/usr/local/bin/envoy".to_owned();
    proxy.uid = 1_337;
    let (child, parent) =
        (Placed { process: &proxy, pod: Some(pod) }, Placed { process: &pod.shim, pod: None });
    let line = tetragon::connect(&pod.node, at, child, parent, (&pod.address, &called.address, 8_443));
    sink.line(Stream::Tetragon, at, |out| out.extend_from_slice(&line))
}

/// A machine calls AWS with its key, from its own address.
fn cloud_call(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let index = site.random.below(site.machines.len());
    let machine = &mut site.machines[index];
    let due = machine.key.as_ref().is_none_or(|key| (at - key.issued.0).0 > HOUR);
    if due {
        let key = SessionKey::new(&mut site.random, at - 10 * SECOND);
        let record = cloudtrail::assume_role(&mut site.random, &machine.instance, &key);
        sink.line(Stream::CloudTrail, key.issued, |out| out.extend_from_slice(&record))?;
        machine.key = Some(key);
    }
    let Some(key) = &machine.key else { return Ok(()) };
    let operation =
        *site.random.pick(&[("ssm.amazonaws.com", "GetParameter"), ("s3.amazonaws.com", "ListBuckets")]);
    let call = CloudCall {
        at,
        instance: &machine.instance,
        key,
        source: &machine.instance.address,
        agent: "Boto3/1.37.4",
        operation,
        parameters: &[],
        endpoint: Some("vpce-0fedcba9876543210"),
    };
    let record = cloudtrail::call(&mut site.random, &call);
    sink.line(Stream::CloudTrail, at, |out| out.extend_from_slice(&record))
}

/// A pod calls AWS; AWS sees the NAT.
fn cloud_call_by_pod(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let workload = Site::workload_of(some_slot(site));
    let (name, account) =
        (format!("vol-svc-{workload:02}"), format!("system:serviceaccount:vol:svc-{workload:02}"));
    let role = PodRole { role: &name, role_id: "AROAVOLUMEPODROLE0001", session: &name, account: &account };
    let random = &mut site.random;
    let held = &mut site.pod_keys[workload];
    if held.as_ref().is_none_or(|key| (at - key.issued.0).0 > 50 * MINUTE) {
        let key = SessionKey::new(random, at - 10 * SECOND);
        let record = cloudtrail::assume_with_web_identity(random, &role, &key, NAT);
        sink.line(Stream::CloudTrail, key.issued, |out| out.extend_from_slice(&record))?;
        *held = Some(key);
    }
    let Some(key) = held else { return Ok(()) };
    let call = (NAT, ("s3.amazonaws.com", "ListBuckets"));
    let record = cloudtrail::call_by_pod_role(random, at, &role, key, call);
    sink.line(Stream::CloudTrail, at, |out| out.extend_from_slice(&record))
}

/// systemd runs something on a machine.
fn machine_exec(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let task = Task::new(
        some_pid(&mut site.random),
        1,
        0,
        "/usr/lib/sysstat/sa1",
        &["/usr/lib/sysstat/sa1", "1", "1"],
    );
    audit(site, sink, at, |stamp| linux_audit::exec(stamp, &task, "/"))
}

/// An application on a machine connects.
fn machine_connect(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let task = Task::new(940, 1, 998, "/usr/bin/python3.12", &["/usr/bin/python3.12", "/srv/app/main.py"]);
    audit(site, sink, at, |stamp| linux_audit::connect(stamp, &task, [172, 30, 0, 2], 443))
}

/// A developer looks at a batch job of their own, which holds no credential.
fn profiler(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let tool = Task::new(some_pid(&mut site.random), 1, 1_001, "/usr/bin/strace", &["strace", "-p", "7001"]);
    let target = Task::new(7_001, 1, 1_001, "/usr/bin/sleep", &["sleep", "600"]);
    audit(site, sink, at, |stamp| linux_audit::ptrace(stamp, &tool, &target))
}

/// A profile that nobody requires complains.
fn complain(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let task = Task::new(1_733, 1, 997, "/usr/bin/node_exporter", &["/usr/bin/node_exporter"]);
    audit(site, sink, at, |stamp| {
        linux_audit::complained_open(stamp, &task, "ops-exporter", "/proc/sys/vm/overcommit_memory")
    })
}

fn audit(
    site: &mut Site,
    sink: &mut Sink<'_>,
    at: Moment,
    records: impl FnOnce(Stamp<'_>) -> Vec<Vec<u8>>,
) -> Written {
    let index = site.random.below(site.machines.len());
    let machine = &mut site.machines[index];
    machine.serial += 1;
    let stamp = Stamp { node: &machine.instance.id, at, serial: machine.serial, enriched: false };
    for record in records(stamp) {
        sink.line(Stream::LinuxAudit, at, |out| out.extend_from_slice(&record))?;
    }
    Ok(())
}

/// Falco notices that a pod talks to the API server.
fn notice(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let slot = some_slot(site);
    let pod = &site.slots[slot].pod;
    let connection = format!("{}:44120->10.47.255.250:6443", pod.address);
    let line = falco::api_contact(at, pod, &pod.main, &connection);
    sink.line(Stream::Falco, at, |out| out.extend_from_slice(&line))
}

/// A pod is drained: it ends, and another one of its workload starts on another node.
fn drain(site: &mut Site, sink: &mut Sink<'_>, at: Moment) -> Written {
    let slot = some_slot(site);
    let ended = at + 2 * SECOND;
    let old = &site.slots[slot].pod;
    let line = placement_feed::line("prod", old, Some(ended));
    let generation = site.slots[slot].generation + 1;
    let deleted = pod_lifecycle::deleted(&mut site.random, old, at);
    let node = (site.node_of(slot) + 1 + site.random.below(NODES - 1)) % NODES;
    let new = site.pod(slot, generation, node, at - SECOND);
    for (moment, record) in deleted {
        sink.line(Stream::K8sAudit, moment, |out| out.extend_from_slice(&record))?;
    }
    sink.line(Stream::Placements, ended, |out| out.extend_from_slice(&line))?;
    let start = placement_feed::line("prod", &new, None);
    sink.line(Stream::Placements, ended, |out| out.extend_from_slice(&start))?;
    site.slots[slot] = Slot { pod: new, token: None, generation };
    Ok(())
}

fn some_pid(random: &mut Random) -> u32 {
    u32::try_from(random.between(40_000, 4_000_000)).unwrap_or(40_000)
}

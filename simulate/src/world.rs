//! The invented world: nodes, pods, tokens, SVIDs, machines.
//!
//! In: names and seeds. Out: things with the ids that a real system would have given them.
//! Owns: ids and lifetimes. Leaves to `emit` how a tool writes them down, and to `scenario` what happens.
//! Law: names are made up; addresses are private or of the documentation ranges (RFC 5737, RFC 3849).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::moment::{HOUR, MINUTE, Moment, SECOND};
use crate::random::Random;

/// Trust domain of every SPIFFE ID here.
pub(crate) const TRUST_DOMAIN: &str = "prod.example";
/// What the kubelet asks for: an hour and seven seconds.
pub(crate) const TOKEN_TTL_SECS: i64 = 3_607;
/// How long an X.509-SVID lives.
pub(crate) const SVID_TTL: i64 = HOUR;

/// A machine that runs pods.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Name.
    pub(crate) name: String,
    /// Uid of the node object.
    pub(crate) uid: String,
    /// Address.
    pub(crate) address: String,
    /// SHA-256 of the kubelet's client certificate.
    pub(crate) kubelet_cert: String,
    /// When it was booted.
    pub(crate) boot: Moment,
    /// How far its clock is ahead, in nanoseconds.
    pub(crate) ahead: i64,
}

impl Node {
    /// A node that was booted eleven days before `now`, more or less.
    pub(crate) fn new(seed: u64, name: &str, address: &str, now: Moment) -> Self {
        let mut random = Random::named(seed, &format!("node {name}"));
        Self {
            name: name.to_owned(),
            uid: random.uuid(),
            address: address.to_owned(),
            kubelet_cert: random.hex(64),
            boot: now - 11 * 24 * HOUR - random.between(0, 20 * HOUR),
            ahead: 0,
        }
    }

    /// SPIFFE ID of the SPIRE agent on it.
    pub(crate) fn agent(&self) -> String {
        format!("spiffe://{TRUST_DOMAIN}/spire/agent/k8s_psat/prod/{}", self.uid)
    }
}

/// A pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// Uid.
    pub(crate) uid: String,
    /// Service account.
    pub(crate) account: String,
    /// Uid of the service account.
    pub(crate) account_uid: String,
    /// Node that it runs on.
    pub(crate) node: Node,
    /// Address; the node's own with host network.
    pub(crate) address: String,
    /// True when it uses the node's network.
    pub(crate) host_network: bool,
    /// Name of its container, also its `app` label.
    pub(crate) app: String,
    /// Id of its container.
    pub(crate) container_id: String,
    /// Digest of its image.
    pub(crate) digest: String,
    /// When it was started.
    pub(crate) started: Moment,
    /// Its main program, as the container starts it.
    pub(crate) main: Process,
    /// The containerd shim that started it.
    pub(crate) shim: Process,
}

/// What a pod is made from.
#[derive(Clone, Copy)]
pub(crate) struct PodSpec<'a> {
    /// Namespace.
    pub(crate) namespace: &'a str,
    /// Name.
    pub(crate) name: &'a str,
    /// Service account, also the name of the app.
    pub(crate) account: &'a str,
    /// Address.
    pub(crate) address: &'a str,
    /// Main program.
    pub(crate) binary: &'a str,
    /// Its arguments.
    pub(crate) arguments: &'a str,
    /// When it was started.
    pub(crate) started: Moment,
}

impl Pod {
    /// A pod on a node.
    pub(crate) fn new(seed: u64, node: &Node, spec: &PodSpec<'_>) -> Self {
        let place = format!("{}/{} on {} {}", spec.namespace, spec.name, node.name, spec.started.secs());
        let mut random = Random::named(seed, &place);
        let mut of_account = Random::named(seed, &format!("account {}/{}", spec.namespace, spec.account));
        let pid = u32::try_from(random.between(2_000, 30_000)).unwrap_or(2_000);
        let shim_start = spec.started - 900_000_000;
        let init = Process::exec_id_of(node, node.boot + SECOND, 1);
        let mut shim = Process::new(node, shim_start, pid, &init, "/usr/bin/containerd-shim-runc-v2");
        let container_id = random.hex(64);
        shim.arguments =
            format!("-namespace k8s.io -id {container_id} -address /run/containerd/containerd.sock");
        let mut main = Process::new(node, spec.started, pid + 31, &shim.exec_id, spec.binary);
        main.arguments = spec.arguments.to_owned();
        main.uid = 1_000;
        main.inside_pid = Some(1);
        Self {
            namespace: spec.namespace.to_owned(),
            name: spec.name.to_owned(),
            uid: random.uuid(),
            account: spec.account.to_owned(),
            account_uid: of_account.uuid(),
            node: node.clone(),
            address: spec.address.to_owned(),
            host_network: spec.address == node.address,
            app: spec.account.to_owned(),
            container_id,
            digest: Random::named(seed, &format!("image {}", spec.account)).hex(64),
            started: spec.started,
            main,
            shim,
        }
    }

    /// Kubernetes' name of the workload.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }

    /// SPIFFE's name of the workload.
    pub(crate) fn spiffe(&self) -> String {
        format!("spiffe://{TRUST_DOMAIN}/ns/{}/sa/{}", self.namespace, self.account)
    }

    /// Name of its image.
    pub(crate) fn image(&self) -> String {
        format!("registry.shop.example/{}:4.2.1", self.app)
    }

    /// A process of this pod.
    pub(crate) fn process(&self, at: Moment, pid: u32, parent: &Process, binary: &str) -> Process {
        let mut process = Process::new(&self.node, at, pid, &parent.exec_id, binary);
        process.uid = 1_000;
        process.cwd = "/app".to_owned();
        process.inside_pid = Some(pid % 900 + 20);
        process
    }
}

/// A process on a node.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Tetragon's id of the execution: base64 of node, nanoseconds since boot, process id.
    pub(crate) exec_id: String,
    /// The same of its parent.
    pub(crate) parent_exec_id: String,
    /// Process id on the host.
    pub(crate) pid: u32,
    /// User.
    pub(crate) uid: u32,
    /// Working folder.
    pub(crate) cwd: String,
    /// Program.
    pub(crate) binary: String,
    /// Arguments, in one text.
    pub(crate) arguments: String,
    /// When it was executed.
    pub(crate) start: Moment,
    /// Process id inside its container.
    pub(crate) inside_pid: Option<u32>,
}

impl Process {
    /// A process of root, in no container.
    pub(crate) fn new(node: &Node, start: Moment, pid: u32, parent_exec_id: &str, binary: &str) -> Self {
        Self {
            exec_id: Self::exec_id_of(node, start, pid),
            parent_exec_id: parent_exec_id.to_owned(),
            pid,
            uid: 0,
            cwd: "/".to_owned(),
            binary: binary.to_owned(),
            arguments: String::new(),
            start,
            inside_pid: None,
        }
    }

    fn exec_id_of(node: &Node, start: Moment, pid: u32) -> String {
        STANDARD.encode(format!("{}:{}:{pid}", node.name, (start - node.boot.0).0))
    }

    /// The first process of a node.
    pub(crate) fn init(node: &Node) -> Self {
        let mut init = Self::new(node, node.boot + SECOND, 1, "", "/usr/lib/systemd/systemd");
        init.arguments = "--switched-root --system --deserialize 31".to_owned();
        init
    }
}

/// A service-account token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// JWT id.
    pub(crate) jti: String,
    /// When it was issued.
    pub(crate) issued: Moment,
}

impl Token {
    /// The id as Kubernetes writes it.
    pub(crate) fn credential(&self) -> String {
        format!("JTI={}", self.jti)
    }
}

/// An X.509-SVID, as an agent holds it for every pod of one workload on its node.
#[derive(Debug, Clone)]
pub(crate) struct Svid {
    /// SPIFFE ID.
    pub(crate) spiffe: String,
    /// Serial number.
    pub(crate) serial: u128,
    /// SHA-256 of the certificate.
    pub(crate) fingerprint: String,
    /// When it was signed.
    pub(crate) signed: Moment,
}

impl Svid {
    /// The SVID of a workload on a node that was signed at `signed`.
    pub(crate) fn new(seed: u64, spiffe: &str, node: &Node, signed: Moment) -> Self {
        let mut random = Random::named(seed, &format!("svid {spiffe} {} {}", node.name, signed.secs()));
        let serial = (u128::from(random.next() >> 1) << 64) | u128::from(random.next());
        Self { spiffe: spiffe.to_owned(), serial, fingerprint: random.hex(64), signed }
    }

    /// Start of validity: a SPIRE server backdates by ten seconds.
    pub(crate) fn not_before(&self) -> Moment {
        Moment(self.signed.secs() * SECOND) - 10 * SECOND
    }

    /// End of validity.
    pub(crate) fn not_after(&self) -> Moment {
        Moment(self.signed.secs() * SECOND) + SVID_TTL
    }
}

/// Moments from `from` until `until`, about `gap` apart.
pub(crate) fn moments(random: &mut Random, from: Moment, until: Moment, gap: i64) -> Vec<Moment> {
    let mut at = from + random.between(0, gap.max(2));
    let mut moments = Vec::new();
    while at < until {
        moments.push(at);
        at = at + gap - gap / 10 + random.between(0, (gap / 5).max(1));
    }
    moments
}

/// Tokens of a pod, renewed by the kubelet at four fifths of their life.
pub(crate) fn tokens(random: &mut Random, from: Moment, until: Moment) -> Vec<Token> {
    let mut issued = from;
    let mut tokens = Vec::new();
    while issued < until {
        tokens.push(Token { jti: random.uuid(), issued });
        issued = issued + TOKEN_TTL_SECS * SECOND * 4 / 5 + random.between(0, 5 * MINUTE);
    }
    tokens
}

/// The latest token that was issued before a moment, with time to be picked up.
pub(crate) fn current(tokens: &[Token], at: Moment) -> Option<&Token> {
    tokens.iter().rev().find(|token| token.issued + 2 * SECOND < at)
}

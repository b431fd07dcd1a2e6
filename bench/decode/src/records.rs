//! Seeded records of each format, as their tools write them.
//!
//! In: a format's name and a seed. Out: lines. The same seed gives the same bytes on every machine.

/// A small generator of numbers (SplitMix64).
pub struct Numbers(pub u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap_or_default();
        choices[index]
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
    }

    fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(digits);
        text
    }

    fn moment(&mut self, index: u64, digits: usize) -> String {
        let secs = index / 50;
        let fraction = format!("{:09}", self.below(1_000_000_000));
        let clock = format!("{:02}:{:02}:{:02}", 8 + secs / 3600 % 12, secs / 60 % 60, secs % 60);
        match digits {
            0 => format!("2026-03-01T{clock}Z"),
            digits => format!("2026-03-01T{clock}.{}Z", &fraction[..digits]),
        }
    }
}

const NAMESPACES: [&str; 5] = ["shop", "payments", "kube-system", "monitoring", "ingress-nginx"];
const ACCOUNTS: [&str; 6] = ["web", "charges", "coredns", "prometheus-operator", "default", "controller"];

/// The formats that have records here.
pub const FORMATS: &[&str] = &["k8s-audit", "envoy", "cloudtrail", "tetragon", "falco", "spire-server", "linux-audit"];

/// `count` lines of a format.
pub fn lines(format: &str, count: u64, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed);
    let record = match format {
        "k8s-audit" => kubernetes,
        "envoy" => envoy,
        "cloudtrail" => cloudtrail,
        "tetragon" => tetragon,
        "falco" => falco,
        "spire-server" => spire,
        "linux-audit" => linux_audit,
        other => panic!("no records of {other}"),
    };
    (0..count).flat_map(|index| (record(&mut numbers, index) + "\n").into_bytes()).collect()
}

/// Base64, as execution ids are.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let of_three = |three: &[u8]| {
        let bits = three.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        let digit = |at: usize| {
            let index = (bits >> (18 - 6 * at)) & 63;
            if at <= three.len() { char::from(DIGITS[index as usize]) } else { '=' }
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    text.as_bytes().chunks(3).flat_map(of_three).collect()
}

/// A process of Tetragon, in a pod.
fn tetragon_process(n: &mut Numbers, index: u64, (node, namespace, account): (u64, &str, &str)) -> String {
    let (pid, binary) = (n.below(30_000) + 100, n.of(&["/usr/bin/curl", "/bin/sh", "/usr/bin/python3", "/usr/bin/cat"]));
    let id = |nanos: u64, pid: u64| base64(&format!("node-{node}:{}:{pid}", 1_000_000_000_000 + nanos % 900_000_000_000));
    format!(
        r#"{{"exec_id":"{own}","pid":{pid},"uid":{uid},"cwd":"/srv/{account}","binary":"{binary}","arguments":"--config /etc/{account}/{item}.conf","flags":"execve clone","start_time":"{start}","auid":4294967295,"pod":{{"namespace":"{namespace}","name":"{account}-{suffix}","uid":"{pod}","container":{{"id":"containerd://{container}","name":"{account}","image":{{"id":"registry.example/{account}@sha256:{image}","name":"registry.example/{account}:1.{minor}"}},"start_time":"{begun}","pid":{inner}}},"pod_labels":{{"app":"{account}","pod-template-hash":"{hash}"}},"workload":"{account}","workload_kind":"Deployment"}},"docker":"{docker}","parent_exec_id":"{parent}","tid":{pid},"in_init_tree":false}}"#,
        own = id(n.next(), pid), parent = id(n.next(), 1), uid = n.below(2_000), item = n.below(9_000), start = n.moment(index, 9),
        suffix = n.hex(10), pod = n.uuid(), container = n.hex(64), image = n.hex(64), minor = n.below(40), begun = n.moment(index, 0),
        inner = n.below(900), hash = n.hex(10), docker = n.hex(31),
    )
}

/// Executions, exits, opened files and connections of Tetragon.
fn tetragon(n: &mut Numbers, index: u64) -> String {
    let place = (n.below(40), n.of(&NAMESPACES), n.of(&ACCOUNTS));
    let process = tetragon_process(n, index, place);
    let (node, _, account) = place;
    let parent = format!(
        r#"{{"exec_id":"{}","pid":{},"uid":0,"cwd":"/","binary":"/usr/bin/containerd-shim-runc-v2","arguments":"-namespace k8s.io","flags":"procFS auid","start_time":"{}","auid":4294967295,"parent_exec_id":"{}","tid":1}}"#,
        base64(&format!("node-{node}:{}:7", n.below(1_000_000_000_000))), n.below(900) + 2, n.moment(index, 9),
        base64(&format!("node-{node}:{}:1", n.below(1_000_000_000_000))),
    );
    let (kind, rest) = match n.below(10) {
        0..4 => ("process_exec", String::new()),
        4..7 => ("process_exit", format!(r#","signal":"SIGTERM","status":{},"time":"{}""#, n.below(3), n.moment(index, 9))),
        7..9 => ("process_kprobe", format!(
            r#","function_name":"security_file_permission","args":[{{"file_arg":{{"path":"/etc/{account}/{}.conf","permission":"-rw-r--r--"}}}},{{"int_arg":4}}],"return":{{"int_arg":0}},"action":"KPROBE_ACTION_POST","policy_name":"file-monitoring","return_action":"KPROBE_ACTION_POST""#,
            n.below(9_000),
        )),
        _ => ("process_kprobe", format!(
            r#","function_name":"tcp_connect","args":[{{"sock_arg":{{"family":"AF_INET","type":"SOCK_STREAM","protocol":"IPPROTO_TCP","saddr":"10.1.{0}.{1}","daddr":"10.2.{1}.{0}","sport":{2},"dport":443,"cookie":"{3}","state":"TCP_SYN_SENT"}}}}],"action":"KPROBE_ACTION_POST","policy_name":"connect","return_action":"KPROBE_ACTION_POST""#,
            n.below(40), n.below(250), 30_000 + n.below(20_000), n.next(),
        )),
    };
    format!(r#"{{"{kind}":{{"process":{process},"parent":{parent}{rest}}},"node_name":"node-{node}","time":"{}"}}"#, n.moment(index, 9))
}

/// Alerts of Falco: a file that was opened, a shell that was started, a connection.
fn falco(n: &mut Numbers, index: u64) -> String {
    let (namespace, account) = (n.of(&NAMESPACES), n.of(&ACCOUNTS));
    let (rule, call, name, flags) = match n.below(3) {
        0 => ("Read sensitive file untrusted", "openat", format!("/etc/{account}/{}.key", n.below(9_000)), r#""evt.arg.flags":"O_RDONLY|O_CLOEXEC","#),
        1 => ("Terminal shell in container", "execve", String::new(), ""),
        _ => ("Contact K8S API Server From Container", "connect", format!("10.1.{}.{}:{}->10.96.0.1:443", n.below(40), n.below(250), 30_000 + n.below(20_000)), ""),
    };
    let (time, pid, user) = (n.moment(index, 9), n.below(30_000) + 100, n.below(2_000));
    let (container, suffix, program) = (n.hex(12), n.hex(10), n.of(&["cat", "bash", "python3", "curl"]));
    let fd = if name.is_empty() { "null".to_owned() } else { format!("\"{name}\"") };
    let nanos = 1_772_359_200_000_000_000 + index * 20_000_000;
    format!(
        r#"{{"hostname":"node-{node}","output":"{clock}: Warning {rule} | file={name} evt_type={call} user=app user_uid={user} process={program} command={program} --config /etc/{account}.conf container_id={container} k8s_ns={namespace} k8s_pod_name={account}-{suffix}","output_fields":{{"container.id":"{container}","container.image.repository":"registry.example/{account}","container.image.tag":"1.{minor}","container.name":"{account}",{flags}"evt.res":"SUCCESS","evt.time":{nanos},"evt.type":"{call}","fd.name":{fd},"k8s.ns.name":"{namespace}","k8s.pod.name":"{account}-{suffix}","proc.cmdline":"{program} --config /etc/{account}.conf","proc.exepath":"/usr/bin/{program}","proc.name":"{program}","proc.pid":{pid},"proc.pname":"sh","proc.ppid":{parent},"proc.tty":0,"user.loginuid":-1,"user.name":"app","user.uid":{user}}},"priority":"Warning","rule":"{rule}","source":"syscall","tags":["container","maturity_stable","mitre_execution","T1059"],"time":"{time}"}}"#,
        node = n.below(40), clock = time.get(11..29).unwrap_or_default(), minor = n.below(40), parent = n.below(900) + 2,
    )
}

/// An event of four to six lines.
fn linux_audit(n: &mut Numbers, index: u64) -> String {
    let stamp = format!("{}.{:03}:{}", 1_772_359_200 + index / 50, index % 50 * 20, 4_000 + index);
    let (program, user) = (n.of(&["nginx", "python3", "postgres", "sshd", "kubelet"]), n.below(2_000));
    let (pid, parent) = (n.below(30_000) + 100, n.below(90) + 2);
    let (number, success, exit) = match n.below(8) {
        0 => (59, "yes", 0),
        1 => (42, "no", -115),
        2 => (257, "no", -2),
        _ => (257, "yes", 12),
    };
    let record = |kind: &str, body: String| format!("type={kind} msg=audit({stamp}): {body}");
    let mut lines = vec![record("SYSCALL", format!(
        "arch=c000003e syscall={number} success={success} exit={exit} a0=ffffff9c a1={:x} a2=80000 a3=0 items=1 ppid={parent} pid={pid} auid=4294967295 uid={user} gid={user} euid={user} suid={user} fsuid={user} egid={user} sgid={user} fsgid={user} tty=(none) ses=4294967295 comm=\"{program}\" exe=\"/usr/bin/{program}\" subj=unconfined key=\"watch\"",
        n.next() >> 16,
    ))];
    if number == 42 {
        lines.push(record("SOCKADDR", format!("saddr=020001BB0A01{:02X}{:02X}0000000000000000", n.below(256), n.below(256))));
    } else {
        if number == 59 {
            lines.push(record("EXECVE", format!("argc=3 a0=\"/usr/bin/{program}\" a1=\"--config\" a2=\"/etc/{program}.conf\"")));
        }
        lines.push(record("CWD", "cwd=\"/var/lib\"".to_owned()));
        lines.push(record("PATH", format!(
            "item=0 name=\"/etc/{program}/conf.d/{}.conf\" inode={} dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0",
            n.hex(6), n.below(9_000_000),
        )));
    }
    let title: String = format!("/usr/bin/{program}\0--config\0/etc/{program}.conf").bytes().map(|byte| format!("{byte:02X}")).collect();
    lines.push(record("PROCTITLE", format!("proctitle={title}")));
    lines.join("\n")
}

fn kubernetes(n: &mut Numbers, index: u64) -> String {
    let (namespace, account) = (n.of(&NAMESPACES), n.of(&ACCOUNTS));
    let resource = n.of(&["secrets", "configmaps", "pods", "endpoints", "leases", "services"]);
    let verb = n.of(&["get", "get", "list", "watch", "update"]);
    let code = n.of(&["200", "200", "200", "200", "404", "403"]);
    let (allow, failed) = (if code == "403" { "forbid" } else { "allow" }, code != "200");
    let status = if failed {
        format!(r#"{{"metadata":{{}},"status":"Failure","message":"{resource} \"{account}\" not found","reason":"NotFound","code":{code}}}"#)
    } else {
        format!(r#"{{"metadata":{{}},"code":{code}}}"#)
    };
    let query = if verb == "list" { r"?limit=500\u0026resourceVersion=0" } else { "" };
    let group = if resource == "leases" { r#""apiGroup":"coordination.k8s.io","# } else { "" };
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{id}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/{namespace}/{resource}/{account}{query}","verb":"{verb}","user":{{"username":"system:serviceaccount:{namespace}:{account}","uid":"{uid}","groups":["system:serviceaccounts","system:serviceaccounts:{namespace}","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["JTI={jti}"],"authentication.kubernetes.io/node-name":["node-{node}.eu-west-1.example"],"authentication.kubernetes.io/node-uid":["{node_uid}"],"authentication.kubernetes.io/pod-name":["{account}-{suffix}"],"authentication.kubernetes.io/pod-uid":["{pod}"]}}}},"sourceIPs":["10.1.{node}.{host}"],"userAgent":"{account}/v1.{minor}.2 (linux/amd64) kubernetes/{commit}","objectRef":{{"resource":"{resource}","namespace":"{namespace}","name":"{account}",{group}"apiVersion":"v1"}},"responseStatus":{status},"requestReceivedTimestamp":"{received}","stageTimestamp":"{ended}","annotations":{{"authorization.k8s.io/decision":"{allow}","authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"{account}-reader\" of ClusterRole \"{account}-reader\" to ServiceAccount \"{account}/{namespace}\""}}}}"#,
        id = n.uuid(), uid = n.uuid(), jti = n.uuid(), node = n.below(40), node_uid = n.uuid(), suffix = n.hex(10),
        pod = n.uuid(), host = n.below(250), minor = n.below(12), commit = n.hex(7),
        received = n.moment(index, 6), ended = n.moment(index, 6),
    )
}

fn envoy(n: &mut Numbers, index: u64) -> String {
    let (namespace, account) = (n.of(&NAMESPACES), n.of(&ACCOUNTS));
    let (code, flags, details) = match n.below(20) {
        0 => (403, "-", "rbac_access_denied_matched_policy[none]"),
        1 => (503, "UF,URX", "upstream_reset_before_response_started{connection_failure}"),
        _ => (200, "-", "via_upstream"),
    };
    format!(
        r#"{{"start_time":"{start}","method":"{method}","path":"/v1/{account}/{item}?limit={limit}","protocol":"HTTP/2","response_code":{code},"response_flags":"{flags}","response_code_details":"{details}","connection_termination_details":null,"upstream_transport_failure_reason":null,"bytes_received":{received},"bytes_sent":{sent},"duration":{duration},"upstream_service_time":"{service}","x_forwarded_for":null,"user_agent":"{account}/4.{minor} (linux)","request_id":"{id}","authority":"{account}.{namespace}.svc.cluster.local:8443","upstream_host":"10.1.{host}.{octet}:8443","upstream_cluster":"inbound|8443||","upstream_local_address":"127.0.0.6:{port}","downstream_local_address":"10.1.{host}.{octet}:8443","downstream_remote_address":"10.1.{peer}.{octet}:{port}","downstream_direct_remote_address":"10.1.{peer}.{octet}:{port}","requested_server_name":"outbound_.8443_._.{account}.{namespace}.svc.cluster.local","route_name":"default","downstream_peer_uri_san":"spiffe://prod.example/ns/{namespace}/sa/{account}","downstream_peer_fingerprint_256":"{fingerprint}","downstream_peer_serial":"1{serial}","downstream_peer_cert_v_start":"{from}","downstream_peer_cert_v_end":"{to}"}}"#,
        start = n.moment(index, 3), method = n.of(&["GET", "GET", "POST", "PUT"]), item = n.below(100_000), limit = n.below(50),
        received = n.below(4_000), sent = n.below(60_000), duration = n.below(900), service = n.below(800), minor = n.below(20),
        id = n.uuid(), host = n.below(40), octet = n.below(250), port = 30_000 + n.below(20_000), peer = n.below(40),
        fingerprint = n.hex(64), serial = n.hex(31), from = n.moment(index, 3), to = n.moment(index, 3),
    )
}

fn cloudtrail(n: &mut Numbers, index: u64) -> String {
    let instance = format!("i-0{}", n.hex(16));
    let name = n.of(&["GetObject", "PutObject", "ListBuckets", "DescribeInstances", "GetCallerIdentity"]);
    let error = match n.below(12) {
        0 => r#""errorCode":"AccessDenied","errorMessage":"Access Denied","#,
        _ => "",
    };
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE000000000{role}:{instance}","arn":"arn:aws:sts::111122223333:assumed-role/shop-node/{instance}","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE{key:09}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE000000000{role}","arn":"arn:aws:iam::111122223333:role/shop-node","accountId":"111122223333","userName":"shop-node"}},"attributes":{{"creationDate":"{created}","mfaAuthenticated":"false"}},"ec2RoleDelivery":"2.0"}}}},"eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.{host}","userAgent":"[aws-cli/2.17.{minor} md/awscrt#0.20.11 ua/2.0 os/linux#6.1 lang/python#3.11.8]",{error}"requestParameters":{{"bucketName":"shop-orders-{bucket}","Host":"shop-orders-{bucket}.s3.eu-west-1.amazonaws.com","key":"orders/2026/03/{object}.json"}},"responseElements":null,"additionalEventData":{{"CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"bytesTransferredOut":{sent}}},"requestID":"{request}","eventID":"{id}","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"shop-orders-{bucket}.s3.eu-west-1.amazonaws.com"}}}}"#,
        role = n.below(10), key = n.below(1_000_000_000), created = n.moment(index, 0), time = n.moment(index, 0), host = n.below(250),
        minor = n.below(60), bucket = n.below(9), object = n.below(1_000_000), sent = n.below(90_000), request = n.hex(16).to_uppercase(),
        id = n.uuid(),
    )
}

/// What the server writes when it signs a certificate, and when that was asked for: half of its lines each.
fn spire(n: &mut Numbers, index: u64) -> String {
    let (namespace, account, agent) = (n.of(&NAMESPACES), n.of(&ACCOUNTS), n.uuid());
    let (entry, request, time) = (n.uuid(), n.uuid(), n.moment(index, 0));
    let common = format!(
        r#""authorized_as":"agent","authorized_via":"datastore","caller_addr":"10.1.{}.{}:{}","caller_id":"spiffe://prod.example/spire/agent/k8s_psat/prod/{agent}""#,
        n.below(40), n.below(250), 30_000 + n.below(20_000),
    );
    let subject = format!("spiffe://prod.example/ns/{namespace}/sa/{account}");
    let (hash, number) = (n.hex(64), n.next());
    if index % 2 == 0 {
        format!(r#"{{{common},"entry_id":"{entry}","expiration":"{time}","level":"debug","method":"BatchNewX509SVID","msg":"Signed X509 SVID","request_id":"{request}","revision_num":"1","serial_num":"{number}{number}","service":"svid.v1.SVID","spiffe_id":"{subject}","subsystem_name":"api","time":"{time}"}}"#)
    } else {
        format!(r#"{{{common},"csr_hash":"{hash}","entry_id":"{entry}","expires_at":"{}","level":"info","method":"BatchNewX509SVID","msg":"API accessed","request_id":"{request}","service":"svid.v1.SVID","spiffe_id":"{subject}","status":"success","subsystem_name":"api","time":"{time}","type":"audit"}}"#, 1_772_359_200 + index)
    }
}

//! The same fields through arrow-json.
//!
//! In: records. Out: Arrow batches of the fields that the fast path reads, and a comparison of those that are columns
//! as they stand.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use arrow_json::ReaderBuilder;
use offbound_ingest::{FingerprintKey, Formats, IngestOptions, IngestSink};
use offbound_schemas::EventBatch;

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8View, true)
}
fn texts(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true))), true)
}
fn number(name: &str) -> Field {
    Field::new(name, DataType::UInt32, true)
}
fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into())), true)
}
fn object(name: &str, fields: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(Fields::from(fields)), true)
}

/// The fields that the fast path reads, and the columns that hold some of them as they stand.
type Read = (Schema, &'static [(&'static str, &'static str)]);

/// What is read of a format.
fn schema(format: &str) -> Read {
    match format {
        "k8s-audit" => k8s_audit(),
        "cloudtrail" => cloudtrail(),
        "envoy" => envoy(),
        "tetragon" => tetragon(),
        "falco" => falco(),
        "spire-server" => spire(),
        other => panic!("no schema of {other}"),
    }
}

fn k8s_audit() -> Read {
    (
        Schema::new(vec![
            text("kind"), text("apiVersion"), text("level"), text("auditID"), text("stage"), text("requestURI"), text("verb"),
            object("user", vec![
                text("username"), text("uid"), texts("groups"),
                object("extra", vec![
                    texts("authentication.kubernetes.io/credential-id"), texts("authentication.kubernetes.io/node-name"),
                    texts("authentication.kubernetes.io/node-uid"), texts("authentication.kubernetes.io/pod-name"),
                    texts("authentication.kubernetes.io/pod-uid"),
                ]),
            ]),
            texts("sourceIPs"), text("userAgent"),
            object("objectRef", vec![text("resource"), text("namespace"), text("name"), text("uid"), text("apiGroup"), text("subresource")]),
            object("responseStatus", vec![text("message"), text("reason"), number("code")]),
            time("requestReceivedTimestamp"), time("stageTimestamp"),
            object("annotations", vec![text("authorization.k8s.io/decision"), text("authorization.k8s.io/reason")]),
        ]),
        &[("auditID", "request_id"), ("user/username", "subject"), ("user/uid", "subject_uid"), ("userAgent", "user_agent"),
          ("requestReceivedTimestamp", "event_time"), ("stageTimestamp", "end_time"), ("responseStatus/code", "status"),
          ("sourceIPs", "src_addr"), ("user/extra/authentication.kubernetes.io|pod-uid", "bound_pod_uid")],
    )
}

fn cloudtrail() -> Read {
    (
        Schema::new(
            ["eventVersion", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage",
             "eventID", "eventType", "recipientAccountId", "eventCategory"].map(text).into_iter()
            .chain([
                Field::new("readOnly", DataType::Boolean, true), time("eventTime"),
                object("userIdentity", vec![
                    text("type"), text("principalId"), text("arn"), text("accountId"), text("accessKeyId"),
                    object("sessionContext", vec![
                        object("sessionIssuer", vec![text("arn")]),
                        object("attributes", vec![time("creationDate"), text("mfaAuthenticated")]), text("ec2RoleDelivery"),
                    ]),
                ]),
                object("requestParameters", vec![text("bucketName"), text("Host"), text("key")]),
                object("additionalEventData", vec![text("CipherSuite"), number("bytesTransferredIn"), number("bytesTransferredOut")]),
                object("tlsDetails", vec![text("tlsVersion"), text("cipherSuite"), text("clientProvidedHostHeader")]),
            ])
            .collect::<Vec<_>>(),
        ),
        &[("eventID", "request_id"), ("userIdentity/arn", "subject"), ("userIdentity/principalId", "subject_uid"),
          ("userIdentity/accessKeyId", "credential_id"), ("eventName", "action"), ("eventSource", "dst"), ("eventTime", "event_time"),
          ("sourceIPAddress", "src_addr"), ("userAgent", "user_agent"), ("userIdentity/sessionContext/attributes/creationDate", "iat")],
    )
}

fn envoy() -> Read {
    (
        Schema::new(
            ["method", "path", "protocol", "response_flags", "response_code_details", "connection_termination_details",
             "upstream_transport_failure_reason", "upstream_service_time", "x_forwarded_for", "user_agent", "request_id", "authority",
             "upstream_host", "upstream_cluster", "upstream_local_address", "downstream_local_address", "downstream_remote_address",
             "requested_server_name", "route_name", "downstream_direct_remote_address", "downstream_peer_uri_san",
             "downstream_peer_fingerprint_256", "downstream_peer_serial"].map(text).into_iter()
            .chain(["response_code", "bytes_received", "bytes_sent", "duration"].map(number))
            .chain(["start_time", "downstream_peer_cert_v_start", "downstream_peer_cert_v_end"].map(time))
            .collect::<Vec<_>>(),
        ),
        &[("request_id", "request_id"), ("downstream_peer_uri_san", "subject"), ("user_agent", "user_agent"), ("authority", "dst"),
          ("start_time", "event_time"), ("downstream_peer_cert_v_end", "exp"), ("response_code", "status")],
    )
}

fn tetragon() -> Read {
    let process = || {
        object("process", vec![
            text("exec_id"), number("pid"), number("uid"), text("cwd"), text("binary"), text("arguments"), text("flags"), time("start_time"),
            number("auid"),
            object("pod", vec![
                text("namespace"), text("name"), text("uid"),
                object("container", vec![text("id"), object("image", vec![text("name")]), time("start_time")]),
                object("pod_labels", vec![text("app"), text("pod-template-hash")]), text("workload"),
            ]),
            text("docker"), text("parent_exec_id"), Field::new("in_init_tree", DataType::Boolean, true),
        ])
    };
    let parent = || object("parent", vec![text("exec_id"), number("pid"), text("binary")]);
    let socket = object("sock_arg", vec![text("family"), text("type"), text("protocol"), text("saddr"), text("daddr"), number("sport"), number("dport"), text("cookie"), text("state")]);
    let argument = object("item", vec![object("file_arg", vec![text("path"), text("permission")]), number("int_arg"), socket]);
    let hook = vec![
        process(), parent(), text("function_name"), Field::new("args", DataType::List(Arc::new(argument)), true),
        object("return", vec![number("int_arg")]), text("action"), text("policy_name"), text("return_action"),
    ];
    (
        Schema::new(vec![
            object("process_exec", vec![process(), parent()]),
            object("process_exit", vec![process(), parent(), text("signal"), number("status")]),
            object("process_kprobe", hook), text("node_name"), time("time"),
        ]),
        &[("node_name", "host"), ("time", "event_time")],
    )
}

fn falco() -> Read {
    (
        Schema::new(vec![
            text("hostname"), text("output"), text("priority"), text("rule"), text("source"), texts("tags"), time("time"),
            object("output_fields", ["container.id", "container.image.repository", "container.image.tag", "container.name", "evt.arg.flags",
                "evt.res", "evt.type", "fd.name", "k8s.ns.name", "k8s.pod.name", "proc.cmdline", "proc.exepath", "proc.name", "proc.pname",
                "user.name"].map(text).into_iter().chain(["proc.pid", "proc.ppid", "proc.tty", "user.uid"].map(number))
                .chain(["evt.time", "user.loginuid"].map(|name| Field::new(name, DataType::Int64, true))).collect::<Vec<_>>()),
        ]),
        &[("hostname", "host"), ("rule", "rule"), ("time", "event_time"), ("output_fields/proc.cmdline", "cmd_line"),
          ("output_fields/proc.name", "comm"), ("output_fields/k8s.pod.name", "pod"), ("output_fields/evt.type", "syscall"),
          ("output_fields/proc.pid", "pid"), ("output_fields/container.id", "container_id")],
    )
}

fn spire() -> Read {
    (
        Schema::new(
            ["authorized_as", "authorized_via", "caller_addr", "caller_id", "csr_hash", "entry_id", "expiration", "expires_at", "level", "method",
             "msg", "request_id", "revision_num", "serial_num", "service", "spiffe_id", "status", "subsystem_name", "type"].map(text).into_iter()
            .chain([time("time")]).collect::<Vec<_>>(),
        ),
        &[("request_id", "request_id"), ("entry_id", "entry_id"), ("caller_id", "presenter"), ("spiffe_id", "subject"), ("time", "event_time")],
    )
}

/// Whether arrow-json can read the format at all.
pub fn reads(format: &str) -> bool {
    format != "linux-audit"
}

fn batches(format: &str, bytes: &[u8]) -> impl Iterator<Item = RecordBatch> {
    let (schema, _) = schema(format);
    let reader = ReaderBuilder::new(Arc::new(schema)).with_batch_size(8_192).build(Cursor::new(bytes));
    reader.expect("the schema is sound").map(|batch| batch.expect("the records are sound"))
}

/// Number of rows that arrow-json makes.
pub fn rows(format: &str, bytes: &[u8]) -> usize {
    if !reads(format) {
        return 0;
    }
    batches(format, bytes).map(|batch| batch.num_rows()).sum()
}

struct Keep(Vec<EventBatch>);

impl IngestSink for Keep {
    fn rows(&mut self, batch: EventBatch) -> std::ops::ControlFlow<()> {
        self.0.push(batch);
        std::ops::ControlFlow::Continue(())
    }
    fn dead_letter(&mut self, letter: offbound_schemas::table::DeadLetter) {
        panic!("{letter:?}");
    }
    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// Checks that both agree.
pub fn compare(format: &str, bytes: &[u8]) {
    if !reads(format) {
        return;
    }
    let options = IngestOptions { formats: Formats::default(), sources: Vec::new(), key: FingerprintKey::for_tests() };
    let mut kept = Keep(Vec::new());
    offbound_ingest::read_bytes("input", bytes, &options, &mut kept).expect("memory can be read");
    let batch = kept.0.first().expect("there are rows");
    let own = if batch.host_events.num_rows() > 0 { &batch.host_events } else { &batch.identity_assertions };
    let theirs = batches(format, bytes).next().expect("there are rows");
    for (path, column) in schema(format).1 {
        let found = own.column_by_name(column).expect("a column of the table");
        let mut wanted: Arc<dyn Array> = Arc::new(arrow::array::StructArray::from(theirs.clone()));
        for key in path.split('/').map(|key| key.replace('|', "/")) {
            wanted = Arc::clone(wanted.as_struct().column_by_name(&key).expect("a field of the schema"));
        }
        for row in 0..own.num_rows() {
            assert_eq!(cell(found, row), cell(&wanted, row), "{format} {path}, row {row}");
        }
    }
}

/// A cell as text; the first of a list.
fn cell(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return String::new();
    }
    match array.data_type() {
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::List(_) => cell(&array.as_list::<i32>().value(row), 0),
        DataType::UInt16 => array.as_primitive::<arrow::datatypes::UInt16Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<arrow::datatypes::UInt32Type>().value(row).to_string(),
        _ => array.as_primitive::<arrow::datatypes::TimestampNanosecondType>().value(row).to_string(),
    }
}

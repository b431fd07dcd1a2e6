//! One sample of each envelope, and records that are none.

use super::*;

fn peeled(text: &str) -> Option<(String, Envelope)> {
    let json = crate::json::parse(text).ok();
    let outer = Outer { text, json: json.as_ref() };
    peel(&outer, &Envelope::default()).map(|(payload, envelope)| (payload.text, envelope))
}

/// Scenario: one record in each envelope. Guarantees: payload, layer, host and program come out.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn every_envelope() {
    let cases = [
        ("2026-03-01T10:00:00.5Z stdout F hello there", "cri", "hello there", "", ""),
        (
            r#"{"log":"hello\n","stream":"stdout","time":"2026-03-01T10:00:00Z"}"#,
            "docker-json",
            "hello",
            "",
            "",
        ),
        (r#"{"MESSAGE":[104,105],"_HOSTNAME":"n1","_BOOT_ID":"b","_COMM":"x"}"#, "journald", "hi", "n1", "x"),
        // Whoever calls himself the kernel is not.
        (
            r#"{"MESSAGE":"hi","_TRANSPORT":"syslog","_HOSTNAME":"n1","SYSLOG_IDENTIFIER":"kernel","_COMM":"logger"}"#,
            "journald",
            "hi",
            "n1",
            "logger",
        ),
        (
            r#"{"MESSAGE":"hi","_TRANSPORT":"kernel","_HOSTNAME":"n1","SYSLOG_IDENTIFIER":"kernel"}"#,
            "journald",
            "hi",
            "n1",
            "kernel",
        ),
        (
            r#"{"MESSAGE":"AVC a=1","_TRANSPORT":"audit","_AUDIT_ID":"7","_AUDIT_TYPE_NAME":"AVC","_SOURCE_REALTIME_TIMESTAMP":"1772359200005000"}"#,
            "journald",
            "type=AVC msg=audit(1772359200.005:7): a=1",
            "",
            "",
        ),
        (
            r#"{"message":"hi","source_type":"kubernetes_logs","kubernetes":{"pod_node_name":"n1","container_name":"c"}}"#,
            "vector",
            "hi",
            "n1",
            "c",
        ),
        (r#"{"log":"hi\n","kubernetes":{"host":"n1","container_name":"c"}}"#, "fluent-bit", "hi", "n1", "c"),
        (r#"[1772359200.5,{"log":"hi"}]"#, "fluent-bit", "hi", "", ""),
        (r#"[[1772359200,{}],{"a":1}]"#, "fluent-bit", r#"{"a":1}"#, "", ""),
        (
            r#"{"@timestamp":"2026-03-01T10:00:00Z","message":"hi","host":{"name":"n1"}}"#,
            "filebeat",
            "hi",
            "n1",
            "",
        ),
        (
            r#"{"@timestamp":"2026-03-01T10:00:00Z","message":"hi","input":{"type":"filestream"},"host":{"name":"n1"},"log":{"offset":0,"file":{"path":"/var/log/x"}}}"#,
            "filebeat",
            "hi",
            "n1",
            "",
        ),
        (
            r#"{"@timestamp":"2026-03-01T10:00:00Z","message":"hi","stream":"stdout","kubernetes":{"node":{"name":"n1"},"pod":{"name":"web-7"}},"host":{"name":"filebeat-x"},"log":{"offset":0,"file":{"path":"/x"}}}"#,
            "filebeat",
            "hi",
            "n1",
            "",
        ),
        (
            r#"{"@timestamp":"2026-03-01T10:00:00Z","json":{"b":1,"a":2},"agent":{"type":"filebeat"},"host":{"name":"n1"},"log":{"offset":0,"file":{"path":"/x"}}}"#,
            "filebeat",
            r#"{"b":1,"a":2}"#,
            "n1",
            "",
        ),
        (
            r#"{"time":"2026-03-01T10:00:00Z","stream":"stdout","log_processed":{"b":1,"a":2},"kubernetes":{"host":"n1","container_name":"c"}}"#,
            "fluent-bit",
            r#"{"b":1,"a":2}"#,
            "n1",
            "c",
        ),
        (
            r#"{"@timestamp":"2026-03-01T10:00:00Z","log":{"level":"info","msg":"hi"},"kubernetes":{"host":"n1"}}"#,
            "fluent-bit",
            r#"{"level":"info","msg":"hi"}"#,
            "n1",
            "",
        ),
        (r#"{"detail-type":"x","account":"1","detail":{"a":1}}"#, "eventbridge", r#"{"a":1}"#, "", ""),
        (r#"{"EventId":"1","EventTime":"x","CloudTrailEvent":"{}"}"#, "lookup-events", "{}", "", ""),
        (r#"{"Type":"Notification","TopicArn":"arn:aws:sns:r:1:t","Message":"hi"}"#, "sns", "hi", "", ""),
        (
            r#"{"EventSource":"aws:sns","Sns":{"Type":"Notification","TopicArn":"t","Message":"hi"}}"#,
            "sns",
            "hi",
            "",
            "",
        ),
        (r#"{"messageId":"m","receiptHandle":"r","body":"hi","eventSource":"aws:sqs"}"#, "sqs", "hi", "", ""),
        (r#"{"MessageId":"m","ReceiptHandle":"r","Body":"hi"}"#, "sqs", "hi", "", ""),
        (r#"[{"eventID":"1"},{"eventjson":"{}"}]"#, "cloudtrail-lake", "{}", "", ""),
        (r#"{"message":{"data":"aGk=","messageId":"7"},"subscription":"s"}"#, "pubsub", "hi", "", ""),
        (
            r#"{"logName":"l","textPayload":"hi\n","resource":{"labels":{"container_name":"c"}},"labels":{"compute.googleapis.com/resource_name":"n1"}}"#,
            "log-entry",
            "hi",
            "n1",
            "c",
        ),
        (r#"{"logName":"l","jsonPayload":{"message":"hi"}}"#, "log-entry", "hi", "", ""),
        (
            r#"{"logName":"l","jsonPayload":{"message":"hi","a":1}}"#,
            "log-entry",
            r#"{"message":"hi","a":1}"#,
            "",
            "",
        ),
        (r#"{"timeUnixNano":"1772359200000000000","body":{"stringValue":"hi\n"}}"#, "otlp", "hi", "", ""),
        (r#"{"observedTimeUnixNano":1,"body":{"bytesValue":"aGk="}}"#, "otlp", "hi", "", ""),
        (
            r#"{"timeUnixNano":"1","body":{"kvlistValue":{"values":[{"key":"b\"","value":{"intValue":"7"}},{"key":"a","value":{"arrayValue":{"values":[{"boolValue":true},{"doubleValue":0.5},{}]}}},{"key":"a","value":{"kvlistValue":{"values":[]}}}]}}}"#,
            "otlp",
            r#"{"b\"":7,"a":[true,0.5,null],"a":{}}"#,
            "",
            "",
        ),
        (r#"{"type":"ADDED","object":{"b":1,"a":2}}"#, "kubernetes-watch", r#"{"b":1,"a":2}"#, "", ""),
        (
            r#"{"type":"DELETED","object":{"metadata":{"deletionTimestamp":"2026-03-01T10:00:00Z"}}}"#,
            "kubernetes-watch",
            r#"{"metadata":{"deletionTimestamp":"2026-03-01T10:00:00Z"}}"#,
            "",
            "",
        ),
        (r#"{"category":"kube-audit","properties":{"log":"{}"}}"#, "aks", "{}", "", ""),
        (
            r#"{"TimeGenerated":"2026-03-01T10:00:00Z","Category":"kube-audit","log_s":"{}","Type":"AzureDiagnostics"}"#,
            "aks",
            "{}",
            "",
            "",
        ),
        (r#"{"id":"1","timestamp":1772359200000,"message":"hi"}"#, "cloudwatch", "hi", "", ""),
        (r#"{"value":{"payload":"hi"}}"#, "kafka", "hi", "", ""),
        (
            r#"{"_index":"audit-1","_id":"x","_score":1.0,"_source":{"b":1,"a":2}}"#,
            "search-hit",
            r#"{"b":1,"a":2}"#,
            "",
            "",
        ),
        (
            r#"{"preview":false,"offset":0,"result":{"_raw":"hi","_time":"2026-03-01T10:00:00.000+00:00","host":"n1","source":"x"}}"#,
            "search-hit",
            "hi",
            "n1",
            "",
        ),
        (r#"{"SyslogMessage":"hi","HostName":"n1","ProcessName":"p"}"#, "sentinel", "hi", "n1", "p"),
        (r#"{"labels":{"host":"n1","container":"c"},"line":"hi","timestamp":"x"}"#, "loki", "hi", "n1", "c"),
        (r#"["1772359200000000000","hi"]"#, "loki", "hi", "", ""),
        (r#"["1772359200000000000","hi",{"trace":"1"}]"#, "loki", "hi", "", ""),
        (
            r#"{"topic":"t","partition":1,"offset":7,"tstype":"create","ts":1772359200000,"key":null,"payload":"hi"}"#,
            "kafka",
            "hi",
            "",
            "",
        ),
        ("CreateTime:1772359200000\thi", "kafka", "hi", "", ""),
        ("CreateTime:1772359200000\tkey\t{\"a\":1}", "kafka", r#"{"a":1}"#, "", ""),
        (
            r#"{"MESSAGE":["hi","there"],"_HOSTNAME":["n1","n2"],"_BOOT_ID":"b","_COMM":["x"]}"#,
            "journald",
            "hi\nthere",
            "n1",
            "x",
        ),
        (r#"{"date":1772359200.5,"log":"hi","stream":"x"}"#, "fluent-bit", "hi", "", ""),
        (r#"2026-03-01T10:00:00.000Z {"a":1}"#, "timestamped", r#"{"a":1}"#, "", ""),
        (
            "2026-03-01T10:00:00.123000+00:00 kube-apiserver-audit-0 {\"a\":1}",
            "timestamped",
            r#"{"a":1}"#,
            "",
            "",
        ),
        ("2026-03-01T10:00:00+00:00\tkube.audit\t{\"a\":1}", "timestamped", r#"{"a":1}"#, "", ""),
        (r#"2026-03-01T10:00:00Z {app="x", node="n1"} {"a":1}"#, "loki", r#"{"a":1}"#, "n1", "x"),
        ("2026-03-01T10:00:00Z {} hi", "loki", "hi", "", ""),
        (
            r#"{"line":"hi","timestamp":"1772359200000000000","date":"2026-03-01T10:00:00.000Z","fields":{"app":"x"}}"#,
            "loki",
            "hi",
            "",
            "x",
        ),
        ("vault-1  | {\"a\":1}", "prefixed", r#"{"a":1}"#, "", "vault-1"),
        ("[pod/vault-0/vault] {\"a\":1}", "prefixed", r#"{"a":1}"#, "", "vault"),
        (r#"{"@timestamp":"2026-03-01 10:00:00.000","@message":"hi"}"#, "cloudwatch", "hi", "", ""),
        (
            r#"{"@timestamp":"2026-03-01 10:00:00.000","@message":{"b":1,"a":2}}"#,
            "cloudwatch",
            r#"{"b":1,"a":2}"#,
            "",
            "",
        ),
        (
            r#"[{"field":"@timestamp","value":"2026-03-01 10:00:00.000"},{"field":"@message","value":"hi\n"}]"#,
            "cloudwatch",
            "hi",
            "",
            "",
        ),
        ("41 <13>1 2026-03-01T10:00:00Z n1 app - - - hi", "syslog", "hi", "n1", "app"),
        (r#"<13>1 2026-03-01T10:00:00Z n1 app 7 - [a b="]\"" c="d"] hi"#, "syslog", "hi", "n1", "app"),
        ("<13>1 2026-03-01T10:00:00Z n1 app - - - hi", "syslog", "hi", "n1", "app"),
        ("<13>Mar  1 10:00:00 n1 app[7]: hi: x", "syslog", "hi: x", "n1", "app"),
        ("2026-03-01T10:00:00.123456+01:00 n1 kernel: hi", "syslog", "hi", "n1", "kernel"),
    ];
    for (text, layer, payload, host, program) in cases {
        let (found, envelope) = peeled(text).unwrap_or_else(|| panic!("not peeled: {text}"));
        let place = (envelope.host.unwrap_or_default(), envelope.program.unwrap_or_default());
        assert_eq!((envelope.layers.as_slice(), found.as_str()), (&[layer][..], payload), "{text}");
        assert_eq!(place, (host.to_owned(), program.to_owned()), "{text}");
    }
}

/// Scenario: records that resemble envelopes. Guarantees: they are left alone.
#[test]
fn no_envelope() {
    for text in [
        r#"{"time":"2026-03-01T10:00:00Z","output":"x","rule":"y","hostname":"n1"}"#,
        r#"{"time":"2026-03-01T10:00:00Z","node_name":"n1","type":"exec","payload":{"a":1}}"#,
        r#"{"level":"info","message":"hi","time":"2026-03-01T10:00:00Z"}"#,
        r#"{"value":"x"}"#,
        r#"type=SYSCALL msg=audit(1772359200.005:7): arch=c000003e"#,
        r#"2026-03-01T10:00:00Z info access connection complete src.addr=10.0.0.1:1"#,
        "<script>1 x",
        r#"["1772359200","hi"]"#,
        r#"["1772359200000000000",7]"#,
        r#"{"topic":"t","payload":"hi"}"#,
        "CreateTime:soon\thi",
        "2026-03-01T10:00:00Z [a] b",
        "2026-03-01T10:00:00Z info ads {\"a\":1}",
        "2026-03-01T10:00:00Z {a=b} x",
        "a | b",
        "a b| {\"a\":1}",
        "[pod/x] hi",
        "2026-03-01 {\"a\":1}",
        // No notification, no queue, a row without the event, fields that are none.
        r#"{"Type":"SubscriptionConfirmation","TopicArn":"t","Message":"hi"}"#,
        r#"{"Type":"Notification","Message":"hi"}"#,
        r#"{"messageId":"m","body":"hi"}"#,
        r#"{"receiptHandle":"r","body":{"a":1}}"#,
        r#"[{"eventID":"1"},{"eventName":"x"}]"#,
        r#"[{"eventJson":{"a":1}}]"#,
        r#"[{"eventJson":"{}","more":1}]"#,
        r#"[{"eventJson":"{}"},7]"#,
        // Base64 that is none, that is no text, that is of another alphabet, that is no text of JSON.
        r#"{"message":{"data":"aGk","messageId":"7"}}"#,
        r#"{"message":{"data":"!!!!","messageId":"7"}}"#,
        r#"{"message":{"data":"/w==","messageId":"7"}}"#,
        r#"{"message":{"data":"_w==","messageId":"7"}}"#,
        r#"{"message":{"data":7,"messageId":"7"}}"#,
        r#"{"message":{"data":"aGk="}}"#,
        r#"{"message":"hi","messageId":"7"}"#,
        r#"{"timeUnixNano":"1","body":{"bytesValue":"/w=="}}"#,
        // Payloads of other kinds, times that are none, lists that are none.
        r#"{"logName":"l","protoPayload":{"a":1}}"#,
        r#"{"logName":"l","textPayload":7}"#,
        r#"{"logName":"l","jsonPayload":"hi"}"#,
        r#"{"textPayload":"hi"}"#,
        r#"{"body":{"stringValue":"hi"}}"#,
        r#"{"timeUnixNano":"soon","body":{"stringValue":"hi"}}"#,
        r#"{"timeUnixNano":"99999999999999999999","body":{"stringValue":"hi"}}"#,
        r#"{"timeUnixNano":"1","body":{"stringValue":7}}"#,
        r#"{"timeUnixNano":"1","body":{"intValue":"7"}}"#,
        r#"{"timeUnixNano":"1","body":{"kvlistValue":{"values":[{"value":{"intValue":"7"}}]}}}"#,
        r#"{"timeUnixNano":"1","body":{"kvlistValue":{"values":{}}}}"#,
        // What a watch says besides objects, and an object that is gone without saying when.
        r#"{"type":"BOOKMARK","object":{"kind":"Pod"}}"#,
        r#"{"type":"ERROR","object":{"kind":"Status"}}"#,
        r#"{"type":"ADDED","object":"x"}"#,
        r#"{"type":"ADDED","object":{"a":1},"more":1}"#,
        r#"{"type":"DELETED","object":{"kind":"Node","metadata":{"name":"n1"}}}"#,
        "",
    ] {
        assert_eq!(peeled(text), None, "{text}");
    }
}

/// Scenario: a body of lists in lists, as deep as JSON is read. Guarantees: it is written as deep, and no deeper text is read.
#[test]
fn deep_bodies() {
    let nested = |levels: usize| {
        let inner = (0..levels).fold(r#"{"stringValue":"x"}"#.to_owned(), |inner, _| {
            format!(r#"{{"arrayValue":{{"values":[{inner}]}}}}"#)
        });
        format!(
            r#"{{"timeUnixNano":"1","body":{{"kvlistValue":{{"values":[{{"key":"a","value":{inner}}}]}}}}}}"#
        )
    };
    let (text, _) = peeled(&nested(18)).expect("as deep as JSON is read");
    assert_eq!(text, format!(r#"{{"a":{}"x"{}}}"#, "[".repeat(18), "]".repeat(18)));
    assert_eq!(peeled(&nested(10_000)), None);
}

/// Scenario: what a resource of OTLP says, whole, in part, and in other shapes. Guarantees: the node is the host where it is
/// named, and nothing is made of what is no attribute.
#[test]
fn resources() {
    let host = |resource: Value| {
        let mut envelope = Envelope::default();
        otlp::describe(&resource, &mut envelope);
        (envelope.host, envelope.program)
    };
    let attribute = |key: &str, value: &str| serde_json::json!({"key": key, "value": {"stringValue": value}});
    let of = |attributes: Vec<Value>| host(serde_json::json!({"attributes": attributes}));
    let name = |text: &str| Some(text.to_owned());
    assert_eq!(
        of(vec![attribute("host.name", "collector-x"), attribute("k8s.node.name", "n1")]),
        (name("n1"), None)
    );
    assert_eq!(
        of(vec![attribute("host.name", "n1"), attribute("service.name", "p")]),
        (name("n1"), name("p"))
    );
    for other in [
        serde_json::json!({"attributes": {"host.name": "n1"}}),
        serde_json::json!("x"),
        serde_json::json!({"attributes": [7, {"key": "host.name", "value": 7}]}),
    ] {
        assert_eq!(host(other), (None, None));
    }
}

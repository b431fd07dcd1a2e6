//! Envelopes in any order: what is inside comes out as if it were alone.

mod collector;

use base64::Engine as _;
use collector::{Collector, read};
use offbound_ingest::decode::FORMATS;
use offbound_schemas::EventRows;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// One way to wrap a record.
struct Wrap {
    name: &'static str,
    /// Whether it says which host it is from; all of them say `n1`.
    says_host: bool,
    /// The wrapped text; none where it cannot hold this one.
    wrap: fn(&str) -> Option<String>,
}

const TIME: &str = "2026-03-01T10:00:00Z";
/// The wrap that gives two lines.
const IN_PIECES: &str = "cri in pieces";
const MILLIS: u64 = 1_772_359_200_000;

fn wrap(name: &'static str, wrap: fn(&str) -> Option<String>) -> Wrap {
    Wrap { name, says_host: false, wrap }
}

fn of_host(name: &'static str, wrap: fn(&str) -> Option<String>) -> Wrap {
    Wrap { name, says_host: true, wrap }
}

/// A text of one line.
fn line(inner: &str) -> Option<&str> {
    (!inner.contains(['\n', '\r'])).then_some(inner)
}

fn object(inner: &str) -> Option<Value> {
    serde_json::from_str(inner).ok().filter(Value::is_object)
}

fn base64(inner: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(inner)
}

fn text(value: &Value) -> Option<String> {
    Some(value.to_string())
}

#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn wraps() -> Vec<Wrap> {
    vec![
        wrap("cri", |inner| Some(format!("{TIME} stdout F {}", line(inner)?))),
        wrap(IN_PIECES, |inner| {
            let (first, last) = line(inner)?.split_at(inner.floor_char_boundary(inner.len() / 2));
            Some(format!("{TIME} stderr P {first}\n{TIME} stderr F {last}"))
        }),
        wrap("docker-json", |inner| {
            text(&json!({"log": format!("{inner}\n"), "stream": "stdout", "time": TIME}))
        }),
        wrap("fluent-bit", |inner| {
            text(&json!({"log": inner, "kubernetes": {"pod_name": "sensor-1", "docker_id": "0a"}}))
        }),
        wrap("fluent-bit pair", |inner| text(&json!([1_772_359_200.0, {"log": inner}]))),
        wrap("fluent-bit merged", |inner| object(inner).map(|_| format!("[1772359200.0,{inner}]"))),
        wrap("kafka object", |inner| {
            object(inner).map(|_| format!(r#"{{"topic":"t","offset":7,"value":{inner}}}"#))
        }),
        of_host("vector", |inner| {
            text(&json!({"message": inner, "source_type": "file", "host": "n1", "timestamp": TIME}))
        }),
        of_host("filebeat", |inner| {
            text(
                &json!({"@timestamp": TIME, "message": inner, "host": {"name": "n1"}, "agent": {"type": "filebeat"},
                    "input": {"type": "filestream"}, "log": {"offset": 0, "file": {"path": "/var/log/x.log"}}}),
            )
        }),
        of_host("loki export", |inner| {
            text(&json!({"labels": {"hostname": "n1"}, "line": inner, "timestamp": TIME}))
        }),
        of_host("loki push", |inner| {
            let value = json!([format!("{MILLIS}000000"), inner]);
            text(&json!({"streams": [{"stream": {"host": "n1"}, "values": [value]}]}))
        }),
        of_host("loki query", |inner| {
            let value = json!([format!("{MILLIS}000000"), inner]);
            let result = json!([{"stream": {"host": "n1"}, "values": [value]}]);
            text(&json!({"status": "success", "data": {"resultType": "streams", "result": result}}))
        }),
        of_host("journald", |inner| {
            text(
                &json!({"MESSAGE": inner, "_HOSTNAME": "n1", "__REALTIME_TIMESTAMP": format!("{MILLIS}000")}),
            )
        }),
        of_host("journald bytes", |inner| {
            text(
                &json!({"MESSAGE": inner.as_bytes(), "_HOSTNAME": "n1", "__REALTIME_TIMESTAMP": format!("{MILLIS}000")}),
            )
        }),
        of_host("syslog 3164", |inner| Some(format!("<13>Mar  1 10:00:00 n1 shipper[7]: {}", line(inner)?))),
        of_host("syslog 5424", |inner| {
            Some(format!("<13>1 {TIME} n1 shipper 7 - [a b=\"]\\\"\"] {}", line(inner)?))
        }),
        of_host("syslog counted", |inner| {
            let frame = format!("<13>1 {TIME} n1 shipper 7 - - {}", line(inner)?);
            Some(format!("{} {frame}", frame.len()))
        }),
        wrap("cloudwatch", |inner| {
            let event = json!({"id": "1", "timestamp": MILLIS, "message": inner});
            text(&json!({"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logEvents": [event]}))
        }),
        wrap("cloudwatch listing", |inner| {
            let event =
                json!({"logStreamName": "s", "timestamp": MILLIS, "message": inner, "ingestionTime": MILLIS});
            text(&json!({"events": [event], "searchedLogStreams": []}))
        }),
        wrap("eventbridge", |inner| {
            let inner = object(inner).and(Some(inner))?;
            Some(format!(r#"{{"detail-type":"x","account":"1","time":"{TIME}","detail":{inner}}}"#))
        }),
        wrap("sns", |inner| {
            text(
                &json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": inner, "Timestamp": TIME}),
            )
        }),
        wrap("sns of a function", |inner| {
            let notice = json!({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": inner, "Timestamp": TIME});
            text(&json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": notice}]}))
        }),
        wrap("sqs of a function", |inner| {
            let sent = json!({"SentTimestamp": MILLIS.to_string()});
            text(
                &json!({"Records": [{"messageId": "m", "receiptHandle": "r", "body": inner, "attributes": sent,
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q"}]}),
            )
        }),
        wrap("sqs listing", |inner| {
            text(
                &json!({"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "MD5OfBody": "x", "Body": inner}]}),
            )
        }),
        wrap("cloudtrail lake", |inner| {
            let row = json!([{"eventID": "1"}, {"eventJson": inner}]);
            text(&json!({"QueryStatus": "FINISHED", "QueryResultRows": [row]}))
        }),
        wrap("pubsub push", |inner| {
            let message = json!({"data": base64(inner), "messageId": "7", "publishTime": TIME, "attributes": {"a": "b"}});
            text(&json!({"message": message, "subscription": "projects/p/subscriptions/s"}))
        }),
        wrap("pubsub pull", |inner| {
            let message = json!({"data": base64(inner), "messageId": "7", "publishTime": TIME});
            text(&json!({"receivedMessages": [{"ackId": "a", "message": message}]}))
        }),
        of_host("cloud logging text", |inner| {
            text(
                &json!({"insertId": "1", "logName": "projects/p/logs/stdout", "textPayload": inner, "timestamp": TIME,
                "resource": {"type": "k8s_container", "labels": {"project_id": "p"}}, "labels": {"compute.googleapis.com/resource_name": "n1"}}),
            )
        }),
        of_host("cloud logging message", |inner| {
            text(
                &json!({"logName": "projects/p/logs/syslog", "jsonPayload": {"message": inner}, "timestamp": TIME,
                "resource": {"type": "k8s_node", "labels": {"project_id": "p", "node_name": "n1"}}}),
            )
        }),
        wrap("cloud logging object", |inner| {
            let inner = object(inner)
                .filter(|inner| inner.as_object().is_some_and(|inner| inner.len() > 1))
                .and(Some(inner))?;
            Some(format!(r#"{{"logName":"projects/p/logs/x","timestamp":"{TIME}","jsonPayload":{inner}}}"#))
        }),
        of_host("otlp text", |inner| {
            let record = json!({"timeUnixNano": format!("{MILLIS}000000"), "body": {"stringValue": inner}});
            let resource = json!({"attributes": [{"key": "host.name", "value": {"stringValue": "n1"}}]});
            text(
                &json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {}, "logRecords": [record]}]}]}),
            )
        }),
        wrap("otlp bytes", |inner| {
            let record = json!({"timeUnixNano": "0", "observedTimeUnixNano": format!("{MILLIS}000000"), "body": {"bytesValue": base64(inner)}});
            text(&json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}))
        }),
        wrap("watch", |inner| {
            let inner = object(inner).and(Some(inner))?;
            Some(format!(r#"{{"type":"MODIFIED","object":{inner}}}"#))
        }),
        wrap("event hub", |inner| {
            text(
                &json!({"records": [{"category": "cluster-logs", "time": TIME, "properties": {"log": inner}}]}),
            )
        }),
        wrap("kafka connect", |inner| text(&json!({"value": {"payload": inner}}))),
        wrap("kcat", |inner| {
            text(
                &json!({"topic": "t", "partition": 0, "offset": 7, "ts": MILLIS, "key": null, "payload": inner}),
            )
        }),
        wrap("kafka consumer", |inner| Some(format!("CreateTime:{MILLIS}\t{}", line(inner)?))),
        of_host("sentinel", |inner| {
            text(&json!({"SyslogMessage": inner, "HostName": "n1", "TimeGenerated": TIME}))
        }),
        wrap("timestamped", |inner| object(inner).and(line(inner)).map(|inner| format!("{TIME} {inner}"))),
        wrap("search hit", |inner| {
            let inner = object(inner).and(Some(inner))?;
            Some(format!(r#"{{"took":1,"hits":{{"hits":[{{"_index":"i","_id":"x","_source":{inner}}}]}}}}"#))
        }),
        of_host("splunk", |inner| {
            text(&json!({"preview": false, "result": {"_raw": inner, "_time": TIME, "host": "n1"}}))
        }),
        wrap("compose", |inner| object(inner).and(line(inner)).map(|inner| format!("vault-1  | {inner}"))),
        wrap("fluentd file", |inner| {
            object(inner).and(line(inner)).map(|inner| format!("{TIME}\tkube.audit\t{inner}"))
        }),
        wrap("logcli", |inner| line(inner).map(|inner| format!("{TIME} {{app=\"x\"}} {inner}"))),
        wrap("insights", |inner| {
            let fields = json!([{"field": "@timestamp", "value": "2026-03-01 10:00:00.000"}, {"field": "@message", "value": inner}]);
            text(&json!({"results": [fields], "statistics": {}, "status": "Complete"}))
        }),
        wrap("array", |inner| object(inner).map(|_| format!("[{inner}]"))),
        wrap("over lines", |inner| {
            let members = object(inner).and(inner.strip_prefix('{'))?.strip_suffix('}')?;
            Some(format!("{{\n  {members}\n}}"))
        }),
    ]
}

/// Columns without those that say where a record is and what its envelopes said.
fn bare(mut collector: Collector) -> EventRows {
    let EventRows { host_events, identity_assertions, placements } = &mut collector.rows;
    let raw = |text: &mut String| {
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            *text = value.to_string();
        }
    };
    for row in host_events {
        (row.location, row.host, row.boot_id, row.unit) = (String::new(), None, None, None);
        raw(&mut row.raw);
    }
    for row in identity_assertions {
        (row.location, row.recorder_host, row.account) = (String::new(), None, None);
        raw(&mut row.raw);
    }
    for row in placements {
        row.location.clear();
        raw(&mut row.raw);
    }
    collector.rows
}

/// Wraps a sample, innermost first; none where a wrap cannot hold what is inside it. A runtime cuts lines of its own log
/// file: what shippers wrap is one of these lines.
fn wrapped(sample: &str, chain: &[&Wrap]) -> Option<String> {
    let (_outermost, inner) = chain.split_last()?;
    if inner.iter().any(|wrap| wrap.name == IN_PIECES) {
        return None;
    }
    chain.iter().try_fold(sample.to_owned(), |inner, wrap| (wrap.wrap)(&inner))
}

fn check(sample: &str, id: &str, chain: &[&Wrap]) {
    // Samples of text bring a syslog line of their own, which is one of the four.
    let chain = if sample.starts_with('{') { chain } else { chain.get(..3).unwrap_or(chain) };
    let Some(text) = wrapped(sample, chain) else { return };
    let names: Vec<&str> = chain.iter().map(|wrap| wrap.name).collect();
    let says_host = chain.iter().any(|wrap| wrap.says_host);
    // A record without an id of its own is one of its host's: then it is compared with one that the same host shipped.
    let alone =
        json!({"message": sample, "source_type": "file", "host": "n1", "timestamp": TIME}).to_string();
    let (_, alone) = read("a.log", if says_host { alone.as_bytes() } else { sample.as_bytes() });
    let (count, inside) = read("b.log", text.as_bytes());
    assert_eq!(count.count.format, id, "{names:?}: {:?}", inside.letters);
    assert_eq!(inside.letters.len(), alone.letters.len(), "{id} in {names:?}: {:?}", inside.letters);
    assert_eq!(bare(inside), bare(alone), "{id} in {names:?}");
}

/// Samples of one line, or of one JSON value: the others need their lines around them.
fn samples() -> Vec<(&'static str, &'static str)> {
    let whole = |sample: &str| line(sample).is_some() || object(sample).is_some();
    FORMATS.iter().map(|format| (format.id, format.sample)).filter(|(_, sample)| whole(sample)).collect()
}

/// Scenario: the sample of every format, also those of several lines. Guarantees: it is recognised as its own, gives a row
/// at least, and no dead letter.
#[test]
fn every_sample_gives_rows() {
    for format in FORMATS {
        let (count, collector) = read("a.log", format.sample.as_bytes());
        assert_eq!(count.count.format, format.id, "{:?}", collector.letters);
        assert!(
            !collector.rows.is_empty() && collector.letters.is_empty(),
            "{}: {:?}",
            format.id,
            collector.letters
        );
    }
}

/// Scenario: every sample in every single envelope. Guarantees: its format, its rows, its identities.
#[test]
fn each_envelope() {
    for (id, sample) in samples() {
        wraps().iter().for_each(|wrap| check(sample, id, &[wrap]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 64, ..ProptestConfig::default() })]

    /// Scenario: any sample in any chain of up to four envelopes. Guarantees: the same.
    #[test]
    fn any_chain(sample in any::<Index>(), chain in prop::collection::vec(any::<Index>(), 1..5)) {
        let wraps = wraps();
        let (id, sample) = *sample.get(&samples());
        let chain: Vec<&Wrap> = chain.iter().map(|index| index.get(&wraps)).collect();
        check(sample, id, &chain);
    }
}

/// Scenario: five envelopes around one record, and four lists. Guarantees: one dead letter that says so.
#[test]
fn too_many_envelopes() {
    let wraps = wraps();
    let find = |name: &str| wraps.iter().find(|wrap| wrap.name == name).expect("a name");
    let (docker, array) = (find("docker-json"), find("cloudwatch"));
    for (id, sample) in samples().into_iter().take(3) {
        for chain in [[docker; 5], [array; 5]] {
            let text = wrapped(sample, &chain).expect("JSON holds anything");
            let (read, collector) = read("a.log", text.as_bytes());
            let reasons: Vec<&str> = collector.letters.iter().map(|letter| letter.reason.as_str()).collect();
            assert_eq!((read.count.read, reasons), (1, vec!["too-many-envelopes"]), "{id}");
        }
    }
}

/// Scenario: envelopes of queues and of clouds that hold no record: damaged base64, an empty body, an empty list, a bookmark;
/// one record beside them. Guarantees: each is a dead letter or a named skip, and the count adds up.
#[test]
fn wrapped_nonsense_is_counted() {
    let sample = FORMATS.first().map_or("", |format| format.sample);
    let good = json!({"message": {"data": base64(sample), "messageId": "1"}}).to_string();
    let lines = [
        good.as_str(),
        r#"{"message":{"data":"%%%","messageId":"7"}}"#,
        r#"{"messageId":"m","receiptHandle":"r","body":" "}"#,
        r#"{"Type":"Notification","TopicArn":"t","Message":"{\"a\":"}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[]}]}]}"#,
        r#"{"resourceLogs":[{"resource":{}}]}"#,
        r#"{"QueryResultRows":[[{"eventName":"x"},{"eventTime":"y"}]]}"#,
        r#"{"type":"BOOKMARK","object":{"kind":"Pod"}}"#,
    ];
    let (read, collector) = read("a.log", lines.join("\n").as_bytes());
    let skipped: u64 = read.count.skipped.values().sum();
    let lost: u64 = read.count.dead_lettered.values().sum();
    assert_eq!(read.count.read, read.count.decoded + skipped + lost);
    assert_eq!((read.count.decoded, lost), (1, collector.letters.len() as u64), "{:?}", collector.letters);
    assert_eq!(skipped, 2, "{:?}", read.count.skipped);
}

/// Scenario: pieces of two containers' lines, interleaved, that one collector ships; and counted frames in one line.
/// Guarantees: each line is joined with its own pieces, and each frame is a record.
#[test]
fn interleaved_streams() {
    let sample = FORMATS.first().map_or("", |format| format.sample);
    let (first, last) = sample.split_at(20);
    let piece = |pod: &str, tag: &str, text: &str| {
        let log = format!("{TIME} stdout {tag} {text}");
        json!({"log": log, "kubernetes": {"docker_id": pod, "pod_name": pod}}).to_string()
    };
    let lines =
        [piece("a", "P", first), piece("b", "P", first), piece("b", "F", last), piece("a", "F", last)];
    let (read_lines, collector) = read("a.log", lines.join("\n").as_bytes());
    assert_eq!((read_lines.count.decoded, collector.letters.len()), (2, 0), "{:?}", collector.letters);
    let frame = format!("<13>1 {TIME} n1 shipper 7 - - {sample}");
    let frames = format!("{0} {frame}{0} {frame}", frame.len());
    let (read_frames, _) = read("a.log", frames.as_bytes());
    assert_eq!(read_frames.count.decoded, 2);
}

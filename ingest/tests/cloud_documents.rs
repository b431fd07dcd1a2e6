//! Documents as the tools of clouds write them, read whole: lists, history, event hubs, pretty-printed listings.

mod collector;

use collector::read;
use offbound_ingest::decode::FORMATS;
use offbound_schemas::EventId;
use serde_json::{Value, json};

fn sample(id: &str) -> Value {
    let format = FORMATS.iter().find(|format| format.id == id).expect("the format is in the list");
    serde_json::from_str(format.sample).expect("its sample is JSON")
}

/// Reads a document; checks that all of it is decoded, and by which formats; returns the ids of its rows.
fn check(document: &str, records: u64, sources: &[&str]) -> Vec<EventId> {
    let (read, collector) = read("cloud.json", document.as_bytes());
    assert_eq!(
        (read.count.read, read.count.decoded),
        (records, records),
        "{:?} of {document}",
        collector.letters
    );
    let rows = &collector.rows;
    let labels = rows.identity_assertions.iter().map(|row| &row.source);
    let labels = labels.chain(rows.placements.iter().map(|row| &row.source));
    let found: std::collections::BTreeSet<&str> = labels.map(String::as_str).collect();
    assert_eq!(found, sources.iter().copied().collect(), "{document}");
    collector.event_ids()
}

/// Scenario: one CloudTrail event in each of its wrappings. Guarantees: read as the same event everywhere.
#[test]
fn one_event_of_cloudtrail_in_every_wrapping() {
    let event = sample("cloudtrail");
    let message = event.to_string();
    let wrappings = [
        json!({"Records": [event]}),
        json!([event]),
        json!({"version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3", "account": "111122223333", "detail": event}),
        json!({"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "trail", "logEvents": [{"id": "1", "timestamp": 1_772_359_200_000_i64, "message": message}]}),
        json!({"Events": [{"EventId": "1", "EventName": "ListBuckets", "EventTime": "2026-03-01T10:00:00+00:00", "CloudTrailEvent": message}]}),
    ];
    let plain = check(&message, 1, &["cloudtrail"]);
    assert_eq!(plain.len(), 1);
    for wrapping in wrappings {
        assert_eq!(check(&wrapping.to_string(), 1, &["cloudtrail"]), plain, "{wrapping}");
        let pretty = serde_json::to_string_pretty(&wrapping).expect("JSON can be written");
        assert_eq!(check(&pretty, 1, &["cloudtrail"]), plain, "{pretty}");
    }
}

/// Scenario: listings of instances, pods and nodes as their tools print them, over many lines. Guarantees: each is placed.
#[test]
fn listings_over_many_lines() {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON can be written");
    let reservation = sample("ec2-instances");
    let instances = reservation["Instances"].clone();
    assert_eq!(check(&pretty(&json!({"Reservations": [reservation]})), 1, &["ec2-instances"]).len(), 1);
    assert_eq!(check(&pretty(&instances), 1, &["ec2-instances"]).len(), 1);
    let node = json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1", "creationTimestamp": "2026-02-01T00:00:00Z"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.9.0.1"}]}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [sample("kubernetes-pods"), node], "metadata": {"resourceVersion": ""}});
    assert_eq!(check(&pretty(&list), 2, &["kubernetes-pods"]).len(), 2);
}

/// Scenario: one event hub that carries sign-ins and calls, one log stream that carries audit of Google and of Okta. Guarantees: each
/// record is read by its own format.
#[test]
fn mixed_streams() {
    let hub = json!({"records": [sample("entra"), sample("azure-activity"), sample("entra")]});
    check(&hub.to_string(), 3, &["azure-activity", "entra"]);
    let lines = [sample("gcp-audit"), sample("okta"), sample("teleport"), sample("cloudtrail")]
        .map(|line| line.to_string());
    check(&lines.join("\n"), 4, &["cloudtrail", "gcp-audit", "okta", "teleport"]);
}

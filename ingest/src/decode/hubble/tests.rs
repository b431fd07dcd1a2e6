//! Tests of the Hubble decoder, on made-up flows.

use offbound_schemas::table::IdentityAssertion;
use serde_json::json;

use super::super::trial;
use super::*;

/// The sample with other values in its flow; null takes a field away.
fn with(changes: Value) -> String {
    let mut json: Value = serde_json::from_str(FORMAT.sample).expect("the sample is JSON");
    for (key, value) in changes.as_object().expect("changes are an object") {
        json["flow"][key] = value.clone();
    }
    json.to_string()
}

fn decode(line: &str) -> EventRows {
    let (verdicts, rows) = trial::run(&FORMAT, &[line]);
    assert_eq!(verdicts, [Verdict::Decoded], "{line}");
    rows
}

fn host(line: &str) -> HostEvent {
    decode(line).host_events.remove(0)
}

fn asserted(line: &str) -> Option<IdentityAssertion> {
    decode(line).identity_assertions.pop()
}

/// Scenario: the sample, a refusal by policy on the source's node. Guarantees: a refused connection by network policy, an
/// assertion without any credential, and the place of the node's own endpoint; the node is no host of the process.
#[test]
fn a_refusal() {
    trial::check_sample(&FORMAT);
    let rows = decode(FORMAT.sample);
    let event = &rows.host_events[0];
    assert_eq!((event.action, event.outcome), (Action::NetConnect, Outcome::Denied));
    assert_eq!((event.control, event.mode), (HostControl::NetworkPolicy, ControlMode::Enforcing));
    assert_eq!(
        (event.host.as_deref(), event.pod.as_deref(), event.attribution),
        (None, Some("web-7"), Attribution::Direct)
    );
    assert_eq!(
        (event.dst_addr.as_deref(), event.dst_port, event.protocol.as_deref()),
        (Some("10.1.0.9"), Some(8443), Some("tcp"))
    );
    let row = &rows.identity_assertions[0];
    assert_eq!(
        (row.subject.as_deref(), row.credential_id.as_deref()),
        (Some("system:serviceaccount:shop:web"), None)
    );
    assert_eq!(
        (row.observed_workload.as_deref(), row.dst.as_deref()),
        (Some("shop/web-7"), Some("shop/payments-3"))
    );
    assert_eq!((row.decision, row.reason.as_deref()), (Decision::Deny, Some("POLICY_DENIED")));
    assert_eq!((row.cluster.as_deref(), row.recorder_host.as_deref()), (Some("prod"), Some("n1")));
    let [place] = rows.placements.as_slice() else { unreachable!("one place: {:?}", rows.placements) };
    assert_eq!(
        (place.host.as_deref(), place.pod.as_deref(), place.addresses.as_slice()),
        (Some("n1"), Some("web-7"), &["10.1.0.7".to_owned()][..])
    );
    assert_eq!((place.start, place.end, place.pod_uid.as_deref()), (None, None, None));
}

/// Scenario: drops for other reasons, audit mode, numbers instead of names, a proxy's refusal. Guarantees: only policy
/// refuses; audit mode would have; other drops refuse nobody.
#[test]
fn drops() {
    let judged = |changes: Value| {
        let line = with(changes);
        let event = host(&line);
        (event.outcome, event.control, event.mode, asserted(&line).map(|row| (row.decision, row.enforcement)))
    };
    use offbound_schemas::vocabulary::Enforcement;
    let refused = (
        Outcome::Denied,
        HostControl::NetworkPolicy,
        ControlMode::Enforcing,
        Some((Decision::Deny, Enforcement::Enforced)),
    );
    assert_eq!(judged(json!({"drop_reason_desc": "POLICY_DENY"})), refused);
    assert_eq!(judged(json!({"drop_reason_desc": "AUTH_REQUIRED"})), refused);
    assert_eq!(judged(json!({"drop_reason_desc": null})), refused);
    let other = (Outcome::Failed, HostControl::None, ControlMode::Unknown, None);
    assert_eq!(judged(json!({"drop_reason_desc": "INVALID_SOURCE_IP", "drop_reason": 132})), other);
    assert_eq!(judged(json!({"drop_reason_desc": null, "drop_reason": null})), other);
    assert_eq!(judged(json!({"verdict": "ERROR", "drop_reason_desc": "CT_MAP_INSERTION_FAILED"})), other);
    let audited = (
        Outcome::WouldDeny,
        HostControl::NetworkPolicy,
        ControlMode::Monitor,
        Some((Decision::Deny, Enforcement::DryRun)),
    );
    assert_eq!(judged(json!({"verdict": "AUDIT"})), audited);
    let http = json!({"drop_reason_desc": null, "drop_reason": null, "l4": {"TCP": {"source_port": 1, "destination_port": 80}},
        "l7": {"type": "REQUEST", "http": {"method": "GET", "url": "http://payments:80/admin?x=1", "code": 403}}});
    assert_eq!(judged(http.clone()), refused);
    let row = asserted(&with(http)).expect("a proxy's refusal is a decision");
    assert_eq!((row.action.as_deref(), row.status), (Some("GET /admin"), Some(403)));
}

/// Scenario: a request that the proxies of both nodes let pass, one that the caller's refused, one whose direction is
/// masked away. Guarantees: what left the caller's node is the caller's side, and decided by nobody unless refused.
#[test]
fn sides_of_a_request() {
    use offbound_schemas::vocabulary::{Enforcement, SENDER_VIEW};
    let side = |verdict: &str, direction: Value| {
        let line = with(json!({"verdict": verdict, "drop_reason_desc": null, "drop_reason": null,
            "traffic_direction": direction, "l4": {"TCP": {"source_port": 1, "destination_port": 80}},
            "l7": {"type": "REQUEST", "http": {"method": "GET", "url": "http://payments:80/orders"}}}));
        let row = asserted(&line).expect("a proxy judged it");
        assert_eq!(row.platform.as_deref(), Some("mesh"));
        (row.decision, row.enforcement, row.trust_flags.iter().any(|flag| flag == SENDER_VIEW))
    };
    assert_eq!(side("FORWARDED", json!("EGRESS")), (Decision::None, Enforcement::Unknown, true));
    assert_eq!(side("FORWARDED", json!("INGRESS")), (Decision::Allow, Enforcement::Enforced, false));
    assert_eq!(side("FORWARDED", Value::Null), (Decision::Allow, Enforcement::Enforced, false));
    assert_eq!(side("DROPPED", json!("EGRESS")), (Decision::Deny, Enforcement::Enforced, true));
    assert_eq!(side("AUDIT", json!("EGRESS")), (Decision::Deny, Enforcement::DryRun, true));
}

/// Scenario: packets that begin a connection, and those that do not. Guarantees: each connection once, the rest by name.
#[test]
fn each_connection_once() {
    let skipped = |changes: Value| {
        let mut changes = changes;
        changes["drop_reason_desc"] = Value::Null;
        changes["drop_reason"] = Value::Null;
        trial::run(&FORMAT, &[&with(changes)]).0.remove(0)
    };
    let flags = |flags: Value| json!({"verdict": "FORWARDED", "l4": {"TCP": {"destination_port": 80, "flags": flags}}});
    assert_eq!(skipped(flags(json!({"SYN": true}))), Verdict::Decoded);
    assert_eq!(skipped(flags(json!({"SYN": true, "ACK": true}))), Verdict::Skipped("established"));
    assert_eq!(skipped(flags(json!({"ACK": true, "FIN": true}))), Verdict::Skipped("established"));
    assert_eq!(skipped(json!({"verdict": "FORWARDED", "is_reply": true})), Verdict::Skipped("answer"));
    assert_eq!(skipped(json!({"verdict": "REDIRECTED"})), Verdict::Skipped("proxy-redirect"));
    assert_eq!(
        skipped(json!({"verdict": "FORWARDED", "l7": {"type": "RESPONSE", "http": {"code": 200}}})),
        Verdict::Skipped("answer")
    );
    let udp = with(
        json!({"verdict": "FORWARDED", "l4": {"UDP": {"destination_port": 53}}, "drop_reason_desc": null, "drop_reason": null}),
    );
    let event = host(&udp);
    assert_eq!(
        (event.outcome, event.protocol.as_deref(), event.control),
        (Outcome::Allowed, Some("udp"), HostControl::None)
    );
    assert_eq!(asserted(&udp), None);
    let metadata = json!({"verdict": "FORWARDED", "IP": {"source": "10.1.0.7", "destination": "169.254.169.254"},
        "l4": {"TCP": {"destination_port": 80, "flags": {"SYN": true}}}});
    assert_eq!(host(&with(metadata)).action, Action::ImdsAccess);
}

/// Scenario: masks that leave little, a bare flow, an end outside the cluster, an end of another node, the same place
/// again. Guarantees: what is masked stays unknown; places are told once and only of the node's own endpoints.
#[test]
fn masks_and_places() {
    let bare = r#"{"time":"2026-03-01T10:00:00Z","verdict":"DROPPED","drop_reason_desc":"POLICY_DENIED","source":{"pod_name":"web-7"},"node_name":"n1"}"#;
    assert!(trial::sniff(&FORMAT, bare) >= 80);
    let rows = decode(bare);
    assert_eq!(
        (rows.host_events[0].pod.as_deref(), rows.host_events[0].src_addr.as_deref()),
        (Some("web-7"), None)
    );
    assert_eq!(rows.identity_assertions[0].subject, None);
    let nothing = r#"{"flow":{"verdict":"FORWARDED","source":{}},"time":"2026-03-01T10:00:00Z"}"#;
    assert_eq!(host(nothing).attribution, Attribution::None);
    let world = with(json!({"source": {"ID": 5, "identity": 2, "labels": ["reserved:world"]}}));
    assert!(decode(&world).placements.is_empty());
    let remote = with(json!({"source": {"namespace": "shop", "pod_name": "web-7"}}));
    assert!(decode(&remote).placements.is_empty());
    let (_, rows) = trial::run(&FORMAT, &[FORMAT.sample, FORMAT.sample]);
    assert_eq!((rows.host_events.len(), rows.placements.len()), (2, 1));
    let (verdicts, _) = trial::run(&FORMAT, &[r#"{"flow":{"verdict":"FORWARDED","source":{}}}"#]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
}

/// Scenario: lost events, agent events. Guarantees: a gap with its count and node; the rest by name.
#[test]
fn losses() {
    let lost = r#"{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"118","first":"2026-03-01T09:59:58Z"},"node_name":"prod/n1","time":"2026-03-01T10:00:00Z"}"#;
    assert!(trial::sniff(&FORMAT, lost) >= 80);
    let row = host(lost);
    assert_eq!((row.action, row.lost, row.host.as_deref()), (Action::TelemetryGap, Some(118), Some("n1")));
    assert_eq!(row.gap_from, EventTime::parse("2026-03-01T09:59:58Z").ok());
    assert_eq!(row.rule.as_deref(), Some("flows lost: HUBBLE_RING_BUFFER"));
    let agent =
        r#"{"agent_event":{"type":"ENDPOINT_CREATED"},"node_name":"prod/n1","time":"2026-03-01T10:00:00Z"}"#;
    assert!(trial::sniff(&FORMAT, agent) >= 70);
    assert_eq!(trial::run(&FORMAT, &[agent]).0, [Verdict::Skipped("agent-event")]);
    assert_eq!(trial::sniff(&FORMAT, r#"{"verdict":"ok","time":"2026-03-01T10:00:00Z"}"#), 0);
}

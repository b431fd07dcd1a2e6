use offbound_schemas::EventRows;
use offbound_schemas::vocabulary::{Action, HostControl, Outcome};
use serde_json::{Value, json};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run, sniff};

/// Scenario: the sample. Guarantees: it is recognised and decoded.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
}

fn alert(more: Value) -> Value {
    let mut alert = json!({"timestamp": "2031-02-03T05:06:41.000+0100", "rule": {"level": 9, "description": "Something bad", "id": "100", "mitre": {"id": ["T1003"]}},
        "agent": {"id": "004", "name": "n7"}, "manager": {"name": "m1"}, "id": "1.2", "decoder": {"name": "x"}});
    for (key, value) in more.as_object().into_iter().flatten() {
        alert[key] = value.clone();
    }
    alert
}

fn read(json: &Value) -> EventRows {
    let text = json.to_string();
    assert!(sniff(&FORMAT, &text) >= 90, "{text}");
    let (verdicts, rows) = run(&FORMAT, &[&text]);
    assert_eq!(verdicts, [Verdict::Decoded], "{text}");
    rows
}

/// Scenario: originals of several formats, with and without envelopes. Guarantees: each is read by its own format, and has
/// Wazuh's rule; the original's rule and the agent are kept.
#[test]
fn originals() {
    let audit = "type=SYSCALL msg=audit(1927858000.123:9): arch=c000003e syscall=257 success=no exit=-13 a2=0 pid=41 key=\"k\" type=PATH msg=audit(1927858000.123:9): item=0 name=\"/etc/shadow\" nametype=NORMAL type=AVC msg=audit(1927858000.123:9): apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/etc/shadow\" pid=41 denied_mask=\"r\"";
    let kernel = "Feb  3 04:06:40 n8 kernel: [   1.5] audit: type=1326 audit(1927858000.123:9): pid=41 comm=\"a\" sig=31 arch=c000003e syscall=165 code=0x80000000";
    let bus = "Feb  3 04:06:40 n8 dbus-daemon[7]: apparmor=\"DENIED\" operation=\"dbus_bind\" bus=\"system\" name=\"x\" pid=41 label=\"p\"";
    for (text, host, control, outcome) in [
        (audit, "n7", HostControl::AppArmor, Outcome::Denied),
        (kernel, "n8", HostControl::Seccomp, Outcome::Killed),
        (bus, "n8", HostControl::AppArmor, Outcome::Denied),
    ] {
        let rows = read(&alert(json!({"full_log": text})));
        let row = &rows.host_events[0];
        assert_eq!(
            (rows.len(), row.host.as_deref(), row.control, row.outcome),
            (1, Some(host), control, outcome),
            "{text}"
        );
        assert_eq!(
            (row.rule.as_deref(), row.priority.as_deref(), row.attack.as_slice()),
            (Some("Something bad"), Some("9"), ["T1003".to_owned()].as_slice())
        );
        assert!(row.unmapped.as_deref().is_some_and(|kept| kept.contains("\"004\"")), "{:?}", row.unmapped);
    }
    let rows = read(&alert(json!({"full_log": audit})));
    assert!(
        rows.host_events[0].unmapped.as_deref().is_some_and(|kept| kept.contains("\"original_rule\":\"k\""))
    );
    let identity = json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "1", "stage": "ResponseComplete", "verb": "get", "requestURI": "/api",
        "user": {"username": "eve"}, "sourceIPs": ["10.1.0.7"], "responseStatus": {"code": 200}, "requestReceivedTimestamp": "2031-02-03T04:06:40.000000Z", "stageTimestamp": "2031-02-03T04:06:40.000000Z"});
    assert_eq!(read(&alert(json!({"full_log": identity.to_string()}))).identity_assertions.len(), 1);
}

/// Scenario: a login that no format knows, a changed file, an alert in an alert. Guarantees: a row for each alert.
#[test]
fn without_known_original() {
    let login = alert(
        json!({"full_log": "Feb  3 04:06:40 n7 sshd[9]: Failed password for eve", "predecoder": {"program_name": "sshd"}, "data": {"srcip": "10.1.0.7"}}),
    );
    let rows = read(&login);
    let row = &rows.host_events[0];
    assert_eq!(
        (row.action, row.comm.as_deref(), row.src_addr.as_deref()),
        (Action::Other, Some("sshd"), Some("10.1.0.7"))
    );
    assert_eq!(
        (row.host.as_deref(), row.event_time.to_string().as_str()),
        (Some("n7"), "2031-02-03T04:06:41.000000000Z")
    );
    let check = json!({"path": "/etc/shadow", "event": "modified", "audit": {"process": {"id": "41", "name": "/bin/a", "ppid": "40"}, "login_user": {"id": "4294967295"}}});
    let rows = read(&alert(json!({"syscheck": check, "full_log": "File '/etc/shadow' modified"})));
    let row = &rows.host_events[0];
    assert_eq!(
        (row.action, row.target_is_credential, row.pid, row.auid),
        (Action::FileWrite, true, Some(41), None)
    );
    let rows = read(&alert(json!({"full_log": login.to_string()})));
    assert_eq!((rows.len(), rows.host_events[0].comm.as_deref()), (1, None));
}

/// Scenario: alerts without time. Guarantees: refused with the reason.
#[test]
fn without_time() {
    for (time, reason) in [(Value::Null, "missing-field"), (json!("yesterday"), "ill-typed-field")] {
        let (verdicts, _) = run(&FORMAT, &[&alert(json!({"timestamp": time})).to_string()]);
        assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == reason), "{verdicts:?}");
    }
}

//! Tests of the ztunnel decoder, on made-up lines.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement};

use super::super::{Envelope, trial};
use super::*;

const FIELDS: &str = r#"src.addr=10.1.0.7:43612 src.workload="web-7" src.namespace="shop" src.identity="spiffe://d/ns/shop/sa/web" dst.addr=10.1.0.9:15008 dst.hbone_addr=10.1.0.9:80 dst.service="payments.shop.svc" direction="inbound" bytes_sent=1 bytes_recv=2 duration="1500ms""#;

fn decode(lines: &[&str]) -> Vec<IdentityAssertion> {
    let (verdicts, rows) = trial::run(&FORMAT, lines);
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Decoded), "{verdicts:?}");
    rows.identity_assertions
}

fn one(line: &str) -> IdentityAssertion {
    assert!(trial::sniff(&FORMAT, line) >= 90, "{line}");
    let mut rows = decode(&[line]);
    assert_eq!(rows.len(), 1, "{line}");
    rows.remove(0)
}

fn moment(text: &str) -> Option<EventTime> {
    EventTime::parse(text).ok()
}

/// A newer line with other fields than [`FIELDS`].
fn with(from: &str, to: &str) -> IdentityAssertion {
    assert!(FIELDS.contains(from), "{from}");
    one(&format!("2026-03-01T10:00:02Z\tinfo\taccess\tconnection complete\t{}", FIELDS.replace(from, to)))
}

/// Scenario: the same connection in both text forms, in JSON, and wrapped over lines. Guarantees: one and the same
/// row, presented when the connection began.
#[test]
fn both_eras_and_json() {
    trial::check_sample(&FORMAT);
    let newer = format!("2026-03-01T10:00:02Z\terror\taccess\tconnection complete\t{FIELDS}");
    let older = format!("2026-03-01T10:00:02Z  INFO access: connection complete {FIELDS}");
    let json = serde_json::json!({"level": "info", "time": "2026-03-01T10:00:02Z", "scope": "access",
        "message": "connection complete", "src.addr": "10.1.0.7:43612", "src.workload": "web-7", "src.namespace": "shop",
        "src.identity": "spiffe://d/ns/shop/sa/web", "dst.addr": "10.1.0.9:15008", "dst.hbone_addr": "10.1.0.9:80",
        "dst.service": "payments.shop.svc", "direction": "inbound", "bytes_sent": 1, "bytes_recv": 2, "duration": "1500ms"});
    let (head, tail) = FIELDS.split_once("dst.addr").expect("the fields have a destination");
    let lines = [
        "2026-03-01T10:00:02Z  INFO access: connection complete".to_owned(),
        format!("    {head}"),
        format!("    dst.addr{tail}"),
    ];
    let wrapped = decode(&lines.each_ref().map(String::as_str)).remove(0);
    for row in [one(&newer), one(&older), one(&json.to_string()), wrapped] {
        assert_eq!(row.event_time, moment("2026-03-01T10:00:00.5Z").expect("a moment"));
        assert_eq!(row.end_time, moment("2026-03-01T10:00:02Z"));
        assert_eq!(
            (row.src_addr.as_deref(), row.src_port, row.addr_quality),
            (Some("10.1.0.7"), Some(43612), AddrQuality::Direct)
        );
        assert_eq!(
            (row.subject.as_deref(), row.observed_workload.as_deref()),
            (Some("spiffe://d/ns/shop/sa/web"), Some("shop/web-7"))
        );
        assert_eq!(
            (row.dst.as_deref(), row.dst_addr.as_deref(), row.dst_port),
            (Some("payments.shop.svc"), Some("10.1.0.9"), Some(80))
        );
        assert_eq!((row.decision, row.enforcement), (Decision::Allow, Enforcement::Enforced));
        assert_eq!(row.trust_flags, ["lookup-or-claim"]);
    }
}

/// Scenario: wrapped records behind one another, and lines without their beginning. Guarantees: each record's lines stay
/// its own; a line that belongs to nothing is refused.
#[test]
fn wrapped_lines_stay_apart() {
    let start = "2026-03-01T10:00:02Z  INFO access: connection complete";
    let rows = decode(&[
        start,
        "    src.addr=10.1.0.7:1",
        "    direction=\"outbound\"",
        start,
        "    src.addr=10.1.0.8:1",
    ]);
    let seen: Vec<_> = rows.iter().map(|row| row.src_addr.as_deref().unwrap_or_default()).collect();
    assert_eq!(seen, ["10.1.0.7", "10.1.0.8"]);
    assert_eq!(rows[0].raw.lines().count(), 3);
    let (verdicts, _) = trial::run(&FORMAT, &["    src.addr=10.1.0.7:1"]);
    assert!(
        matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "continuation-without-start")
    );
}

/// Scenario: refusals by policy, by revocation, by TLS; failures; plaintext; the sender's view. Guarantees: a refusal is
/// one, a failure is none, plaintext shows that nothing was checked, and a sender proves nothing of the receiver.
#[test]
fn decisions() {
    let failed = |error: &str| with("duration=", &format!("error=\"{error}\" duration="));
    let denied = failed("connection closed due to policy rejection: allow policies exist, but none allowed");
    assert_eq!((denied.decision, denied.enforcement), (Decision::Deny, Enforcement::Enforced));
    let revoked = failed("tls handshake error: invalid peer certificate: Revoked");
    assert_eq!(revoked.decision, Decision::Deny);
    assert!(revoked.trust_flags.contains(&"revoked-certificate".to_owned()));
    let reset = "io error: connection reset by peer";
    assert_eq!(failed(reset).decision, Decision::Allow, "something came through before");
    let nothing = |error: &str| {
        with("bytes_sent=1 bytes_recv=2", &format!("bytes_sent=0 bytes_recv=0 error=\"{error}\""))
    };
    assert_eq!(nothing(reset).decision, Decision::Error);
    for later in ["policy change", "connection drain"] {
        let row = nothing(&format!("connection closed due to {later}"));
        assert_eq!((row.decision, row.enforcement), (Decision::Allow, Enforcement::Enforced), "{later}");
    }
    let plain = with(" src.identity=\"spiffe://d/ns/shop/sa/web\"", "");
    assert_eq!(
        (plain.subject, plain.decision, plain.enforcement),
        (None, Decision::Allow, Enforcement::None)
    );
    let sent = with("inbound", "outbound");
    assert_eq!(
        (sent.decision, sent.enforcement, sent.observed_workload),
        (Decision::None, Enforcement::Unknown, None)
    );
    assert_eq!(sent.trust_flags, ["sender-view"]);
    let early = one(
        "2026-03-01T10:00:02Z\twarn\taccess\tconnection failed\tsrc.addr=10.1.0.7:1 dst.addr=10.1.0.9:80 direction=\"inbound\" error=\"connection closed due to policy rejection\"",
    );
    assert_eq!((early.decision, early.subject), (Decision::Deny, None));
}

/// Scenario: the certificate names another namespace than the address belongs to; a long connection; a name as inner
/// address; a duration that is none. Guarantees: the disagreement is marked, the moment is that of the beginning or,
/// where that is unknown, of the record.
#[test]
fn disagreements_and_times() {
    let stolen = with("src.namespace=\"shop\"", "src.namespace=\"edge\"");
    assert_eq!(stolen.observed_workload.as_deref(), Some("edge/web-7"));
    assert_eq!(stolen.trust_flags, ["lookup-or-claim", "identity-disagrees-with-lookup"]);
    let long = with("1500ms", "3600000ms");
    assert_eq!(long.event_time, moment("2026-03-01T09:00:02Z").expect("a moment"));
    let unclear = with("1500ms", "soon");
    assert_eq!(
        (unclear.end_time, unclear.event_time),
        (None, moment("2026-03-01T10:00:02Z").expect("a moment"))
    );
    let named = with(
        "dst.hbone_addr=10.1.0.9:80 dst.service=\"payments.shop.svc\"",
        "dst.hbone_addr=db.other.svc:5432",
    );
    assert_eq!(
        (named.dst.as_deref(), named.dst_addr.as_deref()),
        (Some("db.other.svc:5432"), Some("10.1.0.9"))
    );
}

const STATE: &str = "2026-03-01T10:00:01Z\tinfo\tstate:proxy{wl=shop/payments-3}:inbound{id=ab12 peer=10.1.0.7:43612}\tno allow policies matched";

/// Scenario: the policy engine's own denial, in three forms, alone and before its connection; a dry run. Guarantees: one
/// row a denied connection, with its identity where the connection's record has it; a dry run refuses nothing.
#[test]
fn policy_denials() {
    let json = r#"{"level":"info","time":"2026-03-01T10:00:01Z","scope":"ztunnel::state","message":"no allow policies matched","proxy":{"wl":"shop/payments-3"},"inbound":{"id":"ab12","peer":"10.1.0.7:43612"}}"#;
    let older = "2026-03-01T10:00:01Z  INFO proxy{wl=shop/payments-3}:inbound{id=ab12 peer=10.1.0.7:43612}: ztunnel::state: no allow policies matched";
    for line in [STATE, json, older] {
        let row = one(line);
        assert_eq!(
            (row.decision, row.enforcement, row.subject),
            (Decision::Deny, Enforcement::Enforced, None),
            "{line}"
        );
        assert_eq!(
            (row.src_addr.as_deref(), row.dst.as_deref()),
            (Some("10.1.0.7"), Some("shop/payments-3")),
            "{line}"
        );
    }
    let access = format!(
        "2026-03-01T10:00:02Z\terror\taccess\tconnection complete\t{} error=\"connection closed due to policy rejection\"",
        FIELDS.replace("1500ms", "0ms")
    );
    let both = decode(&[STATE, &access]);
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].subject.as_deref(), Some("spiffe://d/ns/shop/sa/web"));
    assert_eq!(
        both[0].reason.as_deref(),
        Some("connection closed due to policy rejection; no allow policies matched")
    );
    let late = access.replace("10:00:02", "10:05:02");
    assert_eq!(decode(&[STATE, &late]).len(), 2);
    let dry =
        json.replace("no allow", "dry-run: no allow").replace("\"proxy\"", "\"policy\":\"shop/p\",\"proxy\"");
    let row = one(&dry);
    assert_eq!((row.decision, row.enforcement), (Decision::Deny, Enforcement::DryRun));
    assert!(row.reason.is_some_and(|reason| reason.ends_with("shop/p")));
    let masked = one(&json.replace("10.1.0.7", "10.x.x.x"));
    assert_eq!((masked.src_addr, masked.addr_quality), (None, AddrQuality::None));
}

/// Scenario: lines that tell of no finished connection, lines without time, lines of other programs. Guarantees: left out
/// by name, refused, not recognised; an envelope's time will do.
#[test]
fn the_rest() {
    let skipped = |line: &str| {
        assert!(trial::sniff(&FORMAT, line) >= 40, "{line}");
        trial::run(&FORMAT, &[line]).0.remove(0)
    };
    let opened = format!("2026-03-01T10:00:02Z\tdebug\taccess\tconnection opened\t{FIELDS}");
    assert_eq!(skipped(&opened), Verdict::Skipped("connection-opened"));
    assert_eq!(
        skipped(&STATE.replace("no allow policies matched", "allow policy match")),
        Verdict::Skipped("policy-trace")
    );
    assert_eq!(
        skipped("2026-03-01T10:00:02Z\tinfo\txds::client:xds{id=29}\tStream established"),
        Verdict::Skipped("operational")
    );
    assert_eq!(skipped("2026-03-01T10:00:02Z  INFO ztunnel::app: ready"), Verdict::Skipped("operational"));
    let timeless = format!("error   access  connection complete     {FIELDS}");
    let (verdicts, _) = trial::run(&FORMAT, &[&timeless]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
    let envelope = Envelope { time: moment("2026-03-01T10:00:02Z"), ..Envelope::default() };
    assert_eq!(trial::run_in(&FORMAT, &[&timeless], &envelope).0, [Verdict::Decoded]);
    for other in [
        "2026-03-01T10:00:02Z info access granted",
        "info: connection complete",
        "2026-03-01T10:00:02Z INFO my::app: x",
        "",
    ] {
        assert_eq!(trial::sniff(&FORMAT, other), 0, "{other}");
    }
}

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::{Decision, Phase, PlacementKind};

use super::{AGENT, SERVER};
use crate::decode::trial::{check_sample, run, run_in, sniff_in};
use crate::decode::{Envelope, Verdict};

/// Scenario: both samples. Guarantees: each is recognised and gives rows.
#[test]
fn samples_decode() {
    check_sample(&SERVER);
    check_sample(&AGENT);
}

/// Scenario: lines that assert something, in text, behind a compose prefix, and as JSON. Guarantees: phase, decision,
/// subject and serial are read.
#[test]
fn assertions() {
    let cases = [
        (
            r#"spire-server-1  | time="2031-02-03T04:05:06Z" level=debug msg="Signed X509 SVID" entry_id=e9 expiration="2031-02-03T05:05:06Z" serial_num=4096 spiffe_id="spiffe://t.example/a\"b""#,
            Phase::Issue,
            Decision::Allow,
            Some("spiffe://t.example/a\"b"),
            Some("X509SERIAL=1000"),
        ),
        (
            r#"time="2031-02-03T04:05:06Z" level=error msg="Agent SVID is not active" caller_id="spiffe://t.example/spire/agent/x" serial_num=16 svid_serial_num=17"#,
            Phase::Present,
            Decision::Deny,
            Some("spiffe://t.example/spire/agent/x"),
            Some("X509SERIAL=11"),
        ),
        (
            r#"{"level":"info","msg":"API accessed","time":"2031-02-03T04:05:06Z","type":"audit","service":"agent.v1.Agent","method":"BanAgent","status":"success","spiffe_id":"spiffe://t.example/spire/agent/x","caller_uid":0}"#,
            Phase::Revoke,
            Decision::Allow,
            Some("spiffe://t.example/spire/agent/x"),
            None,
        ),
        (
            r#"time="2031-02-03T04:05:06Z" level=warning msg="API accessed" caller_id="spiffe://t.example/w" method=ListEntries service=entry.v1.Entry status=error status_code=PermissionDenied status_message="no" type=audit subsystem_name=api"#,
            Phase::Present,
            Decision::Deny,
            Some("spiffe://t.example/w"),
            None,
        ),
        (
            r#"time="2031-02-03T04:05:06Z" level=error msg="No identity issued" pid=7 registered=false subsystem_name=endpoints"#,
            Phase::Issue,
            Decision::Deny,
            None,
            None,
        ),
    ];
    for (line, phase, decision, subject, credential) in cases {
        let (verdicts, rows) = run(&SERVER, &[line]);
        assert_eq!(verdicts, [Verdict::Decoded], "{line}");
        let row = &rows.identity_assertions[0];
        assert_eq!((row.phase, row.decision), (phase, decision), "{line}");
        assert_eq!((row.subject.as_deref(), row.credential_id.as_deref()), (subject, credential), "{line}");
    }
}

/// Scenario: a terminal's line, which has seconds since the start only. Guarantees: with an envelope's time it
/// decodes, without it is refused, and an operational line is skipped either way.
#[test]
fn terminal_lines_need_a_time() {
    let line = "\u{1b}[36mINFO\u{1b}[0m[0061] Renewing X509-SVID                       entry_id=e1 spiffe_id=\"spiffe://t.example/w\" subsystem_name=manager";
    let (verdicts, _) =
        run(&AGENT, &[line, "INFO[0001] Plugin loaded   plugin_name=x subsystem_name=catalog"]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
    assert_eq!(verdicts[1], Verdict::Skipped("operational"));
    let envelope = Envelope { time: Some(EventTime(5)), ..Envelope::default() };
    let (_, rows) = run_in(&AGENT, &[line], &envelope);
    assert_eq!(
        (rows.identity_assertions[0].phase, rows.identity_assertions[0].event_time),
        (Phase::Renew, EventTime(5))
    );
}

/// Scenario: JSON and printed text of the command line. Guarantees: placements with hex serials, hosts and expiry.
#[test]
fn listings() {
    let agents = r#"{"agents":[{"id":{"trust_domain":"t.example","path":"/spire/agent/k8s_psat/c1/u-1"},"attestation_type":"k8s_psat","x509svid_serial_number":"256","x509svid_expires_at":"1900000000","selectors":[{"type":"k8s_psat","value":"agent_node_name:n7"}],"banned":false}]}"#;
    let (verdicts, rows) = run(&SERVER, &[agents, r#"{"count":3}"#]);
    assert_eq!(verdicts, [Verdict::Decoded, Verdict::Skipped("spire-count")]);
    let row = &rows.placements[0];
    assert_eq!(
        (row.kind, row.host.as_deref(), row.host_uid.as_deref()),
        (PlacementKind::Agent, Some("n7"), Some("u-1"))
    );
    assert_eq!(row.native_id.as_deref(), Some("X509SERIAL=100"));
    let printed = [
        "Found 2 attested agents:",
        "",
        "SPIFFE ID         : spiffe://t.example/spire/agent/http_challenge/n8",
        "Expiration time   : 2031-02-03 04:05:06 +0000 UTC",
        "Serial number     : 17",
        "",
        "SPIFFE ID         : spiffe://t.example/spire/agent/join_token/a",
        "Expiration time   : 2031-02-03 04:05:07 +0000 UTC",
    ];
    let (_, rows) = run(&SERVER, &printed);
    assert_eq!(rows.placements.len(), 2);
    assert_eq!(rows.placements[0].host.as_deref(), Some("n8"));
    assert_eq!(rows.placements[0].event_time.to_string(), "2031-02-03T04:05:06.000000000Z");
    assert_ne!(rows.placements[0].event_id, rows.placements[1].event_id);
    let (_, rows) = run(&SERVER, &printed[..3]);
    assert!(rows.is_empty(), "a listing that was cut has no moment");
}

/// Scenario: the messages about agents that lost their standing, seen by server and agent, in several versions' words and
/// keys. Guarantees: each is a refusal of that agent; a clone's serial and the one held are both kept, in hex.
#[test]
fn agents_that_are_refused() {
    let id = "spiffe://t.example/spire/agent/x";
    for words in [
        "Agent SVID is not active",
        "Agent is banned",
        "Agent is not attested",
        "Agent SVID is expired",
        "Agent SVID has expired",
    ] {
        for key in ["caller_id", "caller-id", "agent_id"] {
            let line = format!(
                r#"time="2031-02-03T04:05:06Z" level=error msg="{words}" {key}="{id}" caller_addr="10.1.0.7:4000" subsystem_name=endpoints"#
            );
            let (verdicts, rows) = run(&SERVER, &[&line]);
            assert_eq!(verdicts, [Verdict::Decoded], "{line}");
            let row = &rows.identity_assertions[0];
            assert_eq!(
                (row.decision, row.subject.as_deref(), row.src_addr.as_deref()),
                (Decision::Deny, Some(id), Some("10.1.0.7")),
                "{line}"
            );
            assert_eq!(row.reason.as_deref(), Some(words));
        }
    }
    let clone = r#"{"level":"error","msg":"Agent SVID is not active","time":"2031-02-03T04:05:06Z","caller_id":"spiffe://t.example/spire/agent/x","svid_serial_num":"340282366920938463463374607431768211455","serial_num":"16"}"#;
    let (_, rows) = run(&SERVER, &[clone]);
    let row = &rows.identity_assertions[0];
    assert_eq!(row.credential_id.as_deref(), Some("X509SERIAL=ffffffffffffffffffffffffffffffff"));
    assert_eq!(row.resource.as_deref(), Some("X509SERIAL=10"));
    let evicted = r#"time="2031-02-03T04:05:06Z" level=info msg="Agent is banned: removing SVID and shutting down" subsystem_name=manager"#;
    assert_eq!(run(&AGENT, &[evicted]).1.identity_assertions[0].decision, Decision::Deny);
    let deleted = r#"time="2031-02-03T04:05:06Z" level=info msg="API accessed" type=audit service=agent.v1.Agent method=DeleteAgent status=success spiffe_id="spiffe://t.example/spire/agent/x" caller_uid=0 caller_gid=0 caller_path=/opt/spire-server"#;
    let (_, rows) = run(&SERVER, &[deleted]);
    assert_eq!(
        (rows.identity_assertions[0].phase, rows.identity_assertions[0].subject.as_deref()),
        (Phase::Revoke, Some(id))
    );
    assert_eq!(rows.identity_assertions[0].presenter.as_deref(), Some("uid:0"), "at the server's own socket");
    assert!(rows.identity_assertions[0].unmapped.as_ref().is_some_and(|text| text.contains("caller_path")));
}

/// Scenario: what an agent says of its workloads, text and JSON: selectors, audiences, an identity handed out. Guarantees: lists are
/// kept and taken apart, the process is the presenter.
#[test]
fn workloads_of_an_agent() {
    let selectors = r#"{"level":"debug","msg":"PID attested to have selectors","time":"2031-02-03T04:05:06Z","pid":7,"selectors":[{"type":"unix","value":"uid:1000"}],"subsystem_name":"workload_attestor"}"#;
    let (_, rows) = run(&AGENT, &[selectors]);
    let row = &rows.identity_assertions[0];
    assert_eq!(
        (row.phase, row.presenter.as_deref(), row.dst.as_deref()),
        (Phase::Attest, Some("pid:7"), Some("spire-agent"))
    );
    assert!(row.unmapped.as_ref().is_some_and(|text| text.contains("uid:1000")));
    for audience in [r#"audience="[a b]""#, r#"audience="[\"a\",\"b\"]""#] {
        let line = format!(
            r#"time="2031-02-03T04:05:06Z" level=debug msg="Fetched JWT SVID" {audience} pid=7 spiffe_id="spiffe://t.example/w" ttl=299.5 subsystem_name=endpoints"#
        );
        let (_, rows) = run(&AGENT, &[&line]);
        let row = &rows.identity_assertions[0];
        assert_eq!(row.audience, ["a", "b"], "{line}");
        assert_eq!(
            (row.credential_kind.as_deref(), row.presenter.as_deref()),
            (Some("jwt-svid"), Some("pid:7"))
        );
    }
    let gcp = r#"{"id":{"trust_domain":"t.example","path":"/spire/agent/gcp_iit/shop-prod/1234567890"},"attestation_type":"gcp_iit","x509svid_serial_number":"1","x509svid_expires_at":"1900000000"}"#;
    assert_eq!(run(&SERVER, &[gcp]).1.placements[0].host_uid.as_deref(), Some("1234567890"));
}

/// Scenario: refused calls in a server's JSON log, which writes gRPC's status codes as numbers, and in text; a join token that
/// is used again; a call that failed. Guarantees: whoever was refused is refused, in either shape, and a failure is none.
#[test]
fn refusals_in_json_and_text() {
    let line = |code: &str, message: &str| {
        format!(
            r#"{{"authorized_as":"nobody","authorized_via":"","caller_addr":"10.1.0.7:41000","level":"info","method":"AttestAgent","msg":"API accessed","node_attestor_type":"join_token","request_id":"r1","service":"agent.v1.Agent","status":"error","status_code":{code},"status_message":"{message}","subsystem_name":"api","time":"2031-02-03T04:05:06Z","type":"audit"}}"#
        )
    };
    let used = "failed to attest: join token does not exist or has already been used";
    for (code, message, decision) in [
        ("7", "failed to attest: agent is banned", Decision::Deny),
        ("16", "no", Decision::Deny),
        ("\"PermissionDenied\"", "no", Decision::Deny),
        ("3", used, Decision::Deny),
        ("3", "join token expired", Decision::Deny),
        ("3", "malformed param: missing CSR", Decision::Error),
        ("13", "failed to fetch agent", Decision::Error),
        ("8", "rejecting request due to attest agent rate limiting", Decision::Error),
    ] {
        let (_, rows) = run(&SERVER, &[&line(code, message)]);
        let row = &rows.identity_assertions[0];
        assert_eq!((row.phase, row.decision), (Phase::Attest, decision), "{code} {message}");
        assert_eq!(row.reason.as_deref(), Some(message));
    }
}

/// Scenario: what the server's own log says of attestations that failed. Guarantees: who was refused is refused.
#[test]
fn attestations_that_fail() {
    for (message, decision) in [
        ("Failed to attest: agent is banned", Decision::Deny),
        ("Failed to attest: join token does not exist or has already been used", Decision::Deny),
        ("Join token expired", Decision::Deny),
        ("Failed to attest", Decision::Error),
    ] {
        let line = format!(
            r#"time="2031-02-03T04:05:06Z" level=error msg="{message}" caller_addr="10.1.0.7:4000" node_attestor_type=join_token subsystem_name=api"#
        );
        let (_, rows) = run(&SERVER, &[&line]);
        let row = &rows.identity_assertions[0];
        assert_eq!((row.phase, row.decision), (Phase::Attest, decision), "{line}");
    }
}

/// Scenario: what a server signs beside X.509-SVIDs: an authority for a server below it, by both its words; a JWT, in the debug
/// log; a token bound to a key. Guarantees: each is issued, of its own kind, with what is said of expiry and audience.
#[test]
fn what_else_is_signed() {
    let signed = |fields: &str| {
        let line = format!(r#"time="2031-02-03T04:05:06Z" level=debug {fields} subsystem_name=api"#);
        let (verdicts, rows) = run(&SERVER, &[&line]);
        assert_eq!(verdicts, [Verdict::Decoded], "{line}");
        let row = rows.identity_assertions.into_iter().next().expect("one row");
        assert_eq!((row.phase, row.decision), (Phase::Issue, Decision::Allow), "{line}");
        (row.credential_kind.unwrap_or_default(), row.exp.is_some(), row.audience)
    };
    let kind = |kind: &str, audience: &[&str]| {
        (kind.to_owned(), true, audience.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    };
    let audit = "msg=\"API accessed\" type=audit status=success service=svid.v1.SVID";
    assert_eq!(
        signed(&format!(
            "{audit} method=NewDownstreamX509CA expires_at=1927958706 trust_domain_id=\"spiffe://t.example\""
        )),
        kind("spiffe-ca", &[])
    );
    assert_eq!(
        signed(
            r#"msg="Signed X509 CA SVID" expiration="2031-02-04T04:05:06Z" spiffe_id="spiffe://t.example""#
        ),
        kind("spiffe-ca", &[])
    );
    assert_eq!(
        signed(
            r#"msg="Server CA successfully signed JWT SVID" audience="[a b]" expiration="2031-02-03T04:10:06Z" spiffe_id="spiffe://t.example/w""#
        ),
        kind("jwt-svid", &["a", "b"])
    );
    assert_eq!(
        signed(&format!(
            "{audit} method=MintWITSVID expires_at=1927958706 spiffe_id=\"spiffe://t.example/w\""
        )),
        kind("wit-svid", &[])
    );
}

/// Scenario: a refusal within what another program logs; the same as a container's own line. Guarantees: only its own counts.
#[test]
fn what_others_log_is_no_line() {
    let said = r#"time="2031-02-03T04:05:06Z" level=error msg="Agent SVID is not active" caller_id="spiffe://t.example/spire/agent/x" svid_serial_num=17 subsystem_name=endpoints"#;
    let envelope = Envelope { program: Some("sshd".into()), ..Envelope::default() };
    assert_eq!(sniff_in(&SERVER, &format!("Invalid user {said}"), &envelope), 0);
    assert_eq!(sniff_in(&SERVER, said, &envelope), 85);
}

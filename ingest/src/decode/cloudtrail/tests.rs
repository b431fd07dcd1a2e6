//! Tests of the CloudTrail decoder, on made-up records.

use offbound_schemas::vocabulary::PlacementKind;
use serde_json::json;

use super::super::trial;
use super::*;

fn with(changes: Value) -> Value {
    let mut event: Value = serde_json::from_str(FORMAT.sample).expect("the sample is JSON");
    for (key, value) in changes.as_object().expect("changes are an object") {
        event[key] = value.clone();
    }
    event
}

fn decode(event: &Value) -> EventRows {
    let (verdicts, rows) = trial::run(&FORMAT, &[&event.to_string()]);
    assert_eq!(verdicts, [Verdict::Decoded], "{event}");
    rows
}

fn first(changes: Value) -> IdentityAssertion {
    decode(&with(changes)).identity_assertions.remove(0)
}

fn moment(text: &str) -> Option<EventTime> {
    EventTime::parse(text).ok()
}

/// Scenario: the sample, an instance's session. Guarantees: key, kind, instance and address are read.
#[test]
fn an_instance_session() {
    trial::check_sample(&FORMAT);
    let row = first(json!({}));
    assert_eq!(
        (row.credential_id.as_deref(), row.credential_kind.as_deref()),
        (Some("ASIAEXAMPLE00000000A"), Some("aws-session"))
    );
    assert_eq!(row.bound_instance.as_deref(), Some("i-0aaaaaaaaaaaaaaa1"));
    assert_eq!((row.src_addr.as_deref(), row.addr_quality), (Some("198.51.100.9"), AddrQuality::Direct));
    assert_eq!(row.iat, moment("2026-03-01T09:40:00Z"));
    assert!(row.trust_flags.is_empty());
    assert!(row.unmapped.is_some_and(|text| text.contains(r#""ec2RoleDelivery":"2.0""#)));
}

/// Scenario: the same session, delivered by either version of the metadata service. Guarantees: that the first did is marked.
#[test]
fn the_first_metadata_service_is_marked() {
    let flags = |version: &str| {
        first(json!({"userIdentity": {"type": "AssumedRole", "accessKeyId": "ASIAEXAMPLE00000000A",
            "arn": "arn:aws:sts::111122223333:assumed-role/r/i-0aaaaaaaaaaaaaaa1",
            "sessionContext": {"ec2RoleDelivery": version}}}))
        .trust_flags
    };
    assert_eq!(flags("1.0"), [WEAK_DELIVERY]);
    assert!(flags("2.0").is_empty());
}

/// Scenario: sessions named like an instance, without and with AWS's own word for it. Guarantees: a mere name is marked;
/// AWS's scope counts more than the name.
#[test]
fn a_session_name_is_only_a_name() {
    let identity = |scope: Value| {
        json!({"userIdentity": {"type": "AssumedRole", "inScopeOf": scope,
        "arn": "arn:aws:sts::111122223333:assumed-role/r/i-0bbbbbbbbbbbbbbb2", "accessKeyId": "ASIAEXAMPLE00000000B"}})
    };
    assert_eq!(first(identity(Value::Null)).trust_flags, ["binding-by-name"]);
    let scoped = first(identity(
        json!({"credentialsIssuedTo": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0ccccccccccccccc3"}),
    ));
    assert_eq!(
        (scoped.bound_instance.as_deref(), scoped.trust_flags.len()),
        (Some("i-0ccccccccccccccc3"), 0)
    );
}

/// Scenario: sources that are no address of the caller. Guarantees: services are told apart from broken literals.
#[test]
fn sources() {
    let quality = |source: &str| {
        let row = first(json!({"sourceIPAddress": source}));
        (row.addr_quality, row.src_addr)
    };
    assert_eq!(quality("ec2.amazonaws.com"), (AddrQuality::Service, None));
    assert_eq!(quality("AWS Internal"), (AddrQuality::Service, None));
    assert_eq!(quality("198.051.100.9"), (AddrQuality::None, None));
    assert_eq!(quality("fd00::7"), (AddrQuality::Direct, Some("fd00::7".to_owned())));
    let on_behalf = first(
        json!({"userIdentity": {"type": "IAMUser", "userName": "u", "invokedBy": "athena.amazonaws.com"}}),
    );
    assert_eq!((on_behalf.addr_quality, on_behalf.src_addr), (AddrQuality::Service, None));
}

/// Scenario: a user of Identity Center with a bearer token, and a role session on such a user's behalf (CloudTrail's
/// reference of `userIdentity`). Guarantees: the user is the subject, or whom the session acts for; the token has a name.
#[test]
fn users_of_identity_center() {
    let on_behalf = json!({"userId": "9067-1", "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-1"});
    let user = first(
        json!({"userIdentity": {"type": "IdentityCenterUser", "accountId": "111122223333", "onBehalfOf": on_behalf, "credentialId": "90e2-1"}}),
    );
    assert_eq!((user.subject.as_deref(), user.on_behalf_of), (Some("9067-1"), None));
    assert_eq!(
        (user.credential_id.as_deref(), user.id_kind, user.credential_kind.as_deref()),
        (Some("90e2-1"), IdKind::Accessor, Some("aws-bearer-token"))
    );
    let arn = "arn:aws:sts::111122223333:assumed-role/shop/s";
    let session = first(
        json!({"userIdentity": {"type": "AssumedRole", "arn": arn, "accessKeyId": "ASIAEXAMPLE00000000A", "onBehalfOf": on_behalf}}),
    );
    assert_eq!((session.subject.as_deref(), session.on_behalf_of.as_deref()), (Some(arn), Some("9067-1")));
    assert!(session.unmapped.is_some_and(|kept| kept.contains("identityStoreArn")));
}

/// Scenario: error codes. Guarantees: identity and policy refuse, other errors are errors, a dry run is an allowed one.
#[test]
fn decisions() {
    let decided = |code: &str| {
        let row = first(json!({"errorCode": code, "errorMessage": "m"}));
        assert_eq!(row.reason, Some(format!("{code}: m")));
        (row.decision, row.enforcement)
    };
    for code in [
        "AccessDenied",
        "AccessDeniedException",
        "Client.UnauthorizedOperation",
        "VpceAccessDenied",
        "ExpiredTokenException",
        "InvalidIdentityTokenException",
        "IDPRejectedClaimException",
    ] {
        assert_eq!(decided(code), (Decision::Deny, Enforcement::Enforced), "{code}");
    }
    assert_eq!(decided("NoSuchBucket"), (Decision::Error, Enforcement::Enforced));
    assert_eq!(decided("Client.DryRunOperation"), (Decision::Allow, Enforcement::DryRun));
    assert_eq!(first(json!({"responseElements": {"ConsoleLogin": "Failure"}})).decision, Decision::Deny);
}

fn handed_out(changes: Value) -> IdentityAssertion {
    decode(&with(changes)).identity_assertions.pop().expect("two rows")
}

/// Scenario: EC2 gets credentials for an instance, in an old record without the session's ARN. Guarantees: the session
/// is named as AWS names it, bound to the instance, and expires as the US text says.
#[test]
fn credentials_for_an_instance() {
    let row = handed_out(
        json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "sourceIPAddress": "ec2.amazonaws.com",
        "userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        "requestParameters": {"roleArn": "arn:aws:iam::111122223333:role/team/shop-node", "roleSessionName": "i-0aaaaaaaaaaaaaaa1"},
        "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE00000000C", "expiration": "Mar 1, 2026, 4:05:06 PM"}}}),
    );
    assert_eq!((row.phase, row.parent_id.as_deref()), (Phase::Issue, None));
    assert_eq!(
        row.subject.as_deref(),
        Some("arn:aws:sts::111122223333:assumed-role/shop-node/i-0aaaaaaaaaaaaaaa1")
    );
    assert_eq!(
        (row.credential_id.as_deref(), row.bound_instance.as_deref()),
        (Some("ASIAEXAMPLE00000000C"), Some("i-0aaaaaaaaaaaaaaa1"))
    );
    assert_eq!(row.exp, moment("2026-03-01T16:05:06Z"));
    assert!(row.trust_flags.is_empty());
}

/// Scenario: a key is exchanged for a session; a service account's token is; a pod gets one. Guarantees: parent, presenter,
/// workload and pod are kept, and unreadable keys are no ids.
#[test]
fn exchanges() {
    let credentials = json!({"credentials": {"accessKeyId": "ASIAEXAMPLE00000000D", "expiration": "2026-03-01T11:00:00Z"},
        "assumedRoleUser": {"arn": "arn:aws:sts::111122223333:assumed-role/r/s", "assumedRoleId": "AROA:s"}});
    let row = handed_out(json!({"eventName": "AssumeRole", "responseElements": credentials}));
    assert_eq!((row.src_addr.as_deref(), row.addr_quality), (None, AddrQuality::None));
    assert_eq!((row.phase, row.parent_id.as_deref()), (Phase::Exchange, Some("ASIAEXAMPLE00000000A")));
    assert_eq!((row.subject_uid.as_deref(), row.bound_instance.as_deref()), (Some("AROA:s"), None));
    let row = handed_out(
        json!({"eventName": "AssumeRoleWithWebIdentity", "responseElements": credentials, "userIdentity":
        {"type": "WebIdentityUser", "userName": "system:serviceaccount:shop:web", "identityProvider": "arn:aws:iam::111122223333:oidc-provider/x"}}),
    );
    assert_eq!(
        (row.phase, row.presenter.as_deref()),
        (Phase::Exchange, Some("system:serviceaccount:shop:web"))
    );
    assert_eq!(
        (row.on_behalf_of.as_deref(), row.bound_namespace.as_deref()),
        (Some("system:serviceaccount:shop:web"), Some("shop"))
    );
    let tags = json!([{"key": "kubernetes-pod-uid", "value": "p-uid"}, {"key": "kubernetes-pod-name", "value": "web-7"},
        {"key": "kubernetes-namespace", "value": "shop"}, {"key": "kubernetes-service-account", "value": "web"}]);
    let row = handed_out(
        json!({"eventName": "AssumeRole", "requestParameters": {"tags": tags}, "responseElements": credentials,
        "userIdentity": {"type": "AWSService", "invokedBy": "pods.eks.amazonaws.com"}}),
    );
    assert_eq!(
        (row.phase, row.bound_pod_uid.as_deref(), row.bound_pod.as_deref()),
        (Phase::Issue, Some("p-uid"), Some("web-7"))
    );
    assert_eq!(row.on_behalf_of.as_deref(), Some("system:serviceaccount:shop:web"));
    let row = handed_out(
        json!({"eventName": "GetSessionToken", "responseElements": {"credentials": {"accessKeyId": "REDACTED"}}}),
    );
    assert_eq!((row.credential_id, row.id_kind), (None, IdKind::None));
    assert!(row.subject.is_some_and(|subject| subject.ends_with("/i-0aaaaaaaaaaaaaaa1")));
}

/// Scenario: instances are run, started and terminated, and one run is refused. Guarantees: addresses, starts and ends;
/// nothing from a refused call.
#[test]
fn instances() {
    let run = |name: &str, items: Value, error: Value| {
        let event = with(json!({"eventSource": "ec2.amazonaws.com", "eventName": name, "errorCode": error,
            "responseElements": {"instancesSet": {"items": items}}}));
        decode(&event).placements
    };
    let item = json!({"instanceId": "i-0dddddddddddddddd", "privateIpAddress": "10.9.0.5", "launchTime": 1772359201000_i64,
        "networkInterfaceSet": {"items": [{"privateIpAddress": "10.9.0.5", "ipv6AddressesSet": {"item": [{"ipv6Address": "fd00::5"}]},
        "association": {"publicIp": "198.51.100.5"}}]}});
    let rows = run("RunInstances", json!([item, {"instanceId": "i-0eeeeeeeeeeeeeeee"}]), Value::Null);
    assert_eq!((rows.len(), rows[0].kind), (2, PlacementKind::Host));
    assert_ne!(rows[0].event_id, rows[1].event_id);
    assert_eq!(rows[0].addresses, ["10.9.0.5", "198.51.100.5", "fd00::5"]);
    assert_eq!(rows[0].start, moment("2026-03-01T10:00:01Z"));
    assert_eq!(
        rows[0].workload.as_deref(),
        Some("arn:aws:ec2:eu-west-1:111122223333:instance/i-0dddddddddddddddd")
    );
    let ended = run("TerminateInstances", json!([{"instanceId": "i-0dddddddddddddddd"}]), Value::Null);
    assert_eq!((ended[0].start, ended[0].end), (None, moment("2026-03-01T10:00:00Z")));
    let stopped = run("StopInstances", json!([{"instanceId": "i-0dddddddddddddddd"}]), Value::Null);
    assert_eq!((ended[0].may_go_on, stopped[0].may_go_on), (false, true));
    assert!(run("RunInstances", json!([item]), json!("Client.DryRunOperation")).is_empty());
    // As the EC2 user guide shows it: EC2 itself ends a spot instance.
    let evicted = json!({"eventSource": "ec2.amazonaws.com", "eventName": "BidEvictedEvent", "eventType": "AwsServiceEvent",
        "userIdentity": {"accountId": "111122223333", "invokedBy": "ec2.amazonaws.com"}, "responseElements": null,
        "serviceEventDetails": {"instanceIdSet": ["i-0dddddddddddddddd", "i-0eeeeeeeeeeeeeeee"]}});
    let ended = decode(&with(evicted)).placements;
    let ended: Vec<_> = ended.iter().map(|row| (row.host.as_deref(), row.end)).collect();
    let end = moment("2026-03-01T10:00:00Z");
    assert_eq!(ended, [(Some("i-0dddddddddddddddd"), end), (Some("i-0eeeeeeeeeeeeeeee"), end)]);
}

/// Scenario: digest and insight files, foreign JSON, a call without a name. Guarantees: left out by name; not recognised;
/// refused with the field's name.
#[test]
fn others() {
    let verdict = |event: Value| trial::run(&FORMAT, &[&event.to_string()]).0.remove(0);
    let digest = json!({"awsAccountId": "1", "digestStartTime": "t", "digestS3Bucket": "b"});
    assert_eq!(verdict(digest.clone()), Verdict::Skipped("digest"));
    assert!(trial::sniff(&FORMAT, &digest.to_string()) >= 90);
    assert_eq!(verdict(with(json!({"eventType": "AwsCloudTrailInsight"}))), Verdict::Skipped("insight"));
    assert_eq!(trial::sniff(&FORMAT, r#"{"eventName":"x","eventSource":"y"}"#), 0);
    assert_eq!(verdict(with(json!({"eventName": null}))), Verdict::Rejected(field::missing("eventName")));
    assert_eq!(
        verdict(with(json!({"eventTime": "soon"}))),
        Verdict::Rejected(field::no_time("eventTime", Some(&json!("soon"))))
    );
}

/// Scenario: a pipeline's token is exchanged, with and without the user's name. Guarantees: the pipeline is the subject, its
/// provider the issuer; audience and kind are kept; the session has the pipeline as presenter.
#[test]
fn a_pipeline_at_the_cloud() {
    let event = |user: Value| {
        decode(&with(json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoleWithWebIdentity",
            "userIdentity": {"type": "WebIdentityUser", "userName": user, "principalId": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com:sts.amazonaws.com:repo:example/shop:ref:refs/heads/main",
                "identityProvider": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
            "responseElements": {"subjectFromWebIdentityToken": "repo:example/shop:ref:refs/heads/main", "audience": "sts.amazonaws.com",
                "credentials": {"accessKeyId": "ASIAEXAMPLE00000000E", "expiration": "Mar 1, 2026, 11:00:00 AM"}}})))
        .identity_assertions
    };
    for user in [json!("repo:example/shop:ref:refs/heads/main"), Value::Null] {
        let rows = event(user);
        assert_eq!(rows[0].subject.as_deref(), Some("repo:example/shop:ref:refs/heads/main"));
        assert!(
            rows[0]
                .issuer
                .as_ref()
                .is_some_and(|issuer| issuer.ends_with("token.actions.githubusercontent.com"))
        );
        assert_eq!(
            (rows[0].credential_kind.as_deref(), rows[0].audience.join(",")),
            (Some("oidc-token"), "sts.amazonaws.com".to_owned())
        );
        assert_eq!((rows[1].presenter.as_ref(), rows[1].phase), (rows[0].subject.as_ref(), Phase::Exchange));
        assert_eq!(rows[1].credential_id.as_deref(), Some("ASIAEXAMPLE00000000E"));
    }
}

/// Scenario: credentials from Roles Anywhere (named by the certificate, and by the caller), from EKS Auth, in an answer to a
/// refused call. Guarantees: the certificate's serial is the parent only where it names the session; service account and
/// cluster; nothing from a refusal.
#[test]
fn credentials_from_elsewhere() {
    let session = |name: Value| {
        handed_out(
            json!({"eventSource": "rolesanywhere.amazonaws.com", "eventName": "CreateSession", "userIdentity": {"type": "Unknown"},
            "requestParameters": {"roleArn": "arn:aws:iam::111122223333:role/vm", "trustAnchorArn": "arn:aws:rolesanywhere:x", "roleSessionName": name},
            "responseElements": {"subjectArn": "arn:aws:rolesanywhere:s", "credentialSet": [{"credentials": {"accessKeyId": "ASIAEXAMPLE00000000F", "expiration": "2026-03-01T11:00:00Z"},
                "assumedRoleUser": {"arn": "arn:aws:sts::111122223333:assumed-role/vm/00AB12CD34", "assumedRoleId": "AROA:x"}}]}}),
        )
    };
    let row = session(Value::Null);
    assert_eq!(
        (row.parent_id.as_deref(), row.credential_id.as_deref()),
        (Some("X509SERIAL=ab12cd34"), Some("ASIAEXAMPLE00000000F"))
    );
    assert_eq!(
        (row.phase, row.subject.as_deref()),
        (Phase::Exchange, Some("arn:aws:sts::111122223333:assumed-role/vm/00AB12CD34"))
    );
    assert_eq!(session(json!("chosen")).parent_id, None);
    let row = handed_out(
        json!({"eventSource": "eks-auth.amazonaws.com", "eventName": "AssumeRoleForPodIdentity", "requestParameters": {"clusterName": "prod"},
        "responseElements": {"subject": {"namespace": "shop", "serviceAccount": "web"}, "assumedRoleUser": {"arn": "arn:aws:sts::1:assumed-role/r/s", "assumeRoleId": "A:s"},
        "credentials": {"accessKeyId": "ASIAEXAMPLE00000000G", "expiration": "2026-03-01T11:00:00Z"}}}),
    );
    assert_eq!(
        (row.on_behalf_of.as_deref(), row.cluster.as_deref()),
        (Some("system:serviceaccount:shop:web"), Some("prod"))
    );
    assert_eq!(
        (row.subject_uid.as_deref(), row.parent_id.as_deref()),
        (Some("A:s"), Some("ASIAEXAMPLE00000000A"))
    );
    let refused = with(
        json!({"eventName": "AssumeRole", "errorCode": "AccessDenied", "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE00000000H"}}}),
    );
    assert_eq!(decode(&refused).identity_assertions.len(), 1);
}

/// Scenario: a user's key is made, switched off, switched on and deleted; a role's sessions are ended. Guarantees: issue and
/// revocation of that key; nothing for switching on; the ending is a revocation.
#[test]
fn access_keys() {
    let about = |name: &str, asked: Value, answer: Value| {
        decode(&with(json!({"eventSource": "iam.amazonaws.com", "eventName": name, "requestParameters": asked, "responseElements": answer}))).identity_assertions
    };
    let rows = about(
        "CreateAccessKey",
        json!({"userName": "ann"}),
        json!({"accessKey": {"accessKeyId": "AKIAEXAMPLE00000000A", "userName": "ann", "status": "Active"}}),
    );
    assert_eq!(
        (rows[1].phase, rows[1].credential_id.as_deref(), rows[1].credential_kind.as_deref()),
        (Phase::Issue, Some("AKIAEXAMPLE00000000A"), Some("aws-key"))
    );
    assert_eq!(
        (rows[1].subject.as_deref(), rows[1].resource.as_deref(), rows[1].src_addr.as_deref()),
        (None, Some("ann"), None)
    );
    let rows = about(
        "UpdateAccessKey",
        json!({"userName": "ann", "accessKeyId": "AKIAEXAMPLE00000000A", "status": "Inactive"}),
        Value::Null,
    );
    assert_eq!(rows[1].phase, Phase::Revoke);
    let active = json!({"accessKeyId": "AKIAEXAMPLE00000000A", "status": "Active"});
    let again = about("UpdateAccessKey", active, Value::Null).remove(1);
    assert_eq!((again.phase, again.iat), (Phase::Renew, None));
    assert_eq!(
        about("DeleteAccessKey", json!({"accessKeyId": "AKIAEXAMPLE00000000A"}), Value::Null)[1].phase,
        Phase::Revoke
    );
    let policy = r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-03-01T10:00:00Z"}}}]}"#;
    let rows = about(
        "PutRolePolicy",
        json!({"roleName": "r", "policyName": "p", "policyDocument": policy}),
        Value::Null,
    );
    assert_eq!(
        (rows[0].phase, rows[0].credential_id.is_some()),
        (Phase::Present, true),
        "the caller's key is not the one that ends"
    );
    assert_eq!(
        (rows[1].phase, rows[1].credential_id.as_deref(), rows[1].resource.as_deref()),
        (Phase::Revoke, None, Some("r"))
    );
    assert_eq!(
        about("PutRolePolicy", json!({"roleName": "r", "policyDocument": "{}"}), Value::Null).len(),
        1
    );
}

/// Scenario: a call through a VPC endpoint that its policy refuses, recorded at the endpoint. Guarantees: the address inside the
/// VPC, the refusal, the caller's own account and the endpoint are kept.
#[test]
fn a_vpc_endpoint_refuses() {
    let row = first(
        json!({"eventType": "AwsVpceEvent", "eventCategory": "NetworkActivity", "errorCode": "VpceAccessDenied", "sourceIPAddress": "10.9.0.5",
        "errorMessage": "The request was denied due to a VPC endpoint policy", "vpcEndpointId": "vpce-0a", "vpcEndpointAccountId": "111122223333", "sharedEventID": "s-1",
        "userIdentity": {"type": "AWSAccount", "principalId": "AROAEXAMPLE:x", "accountId": "444455556666"}}),
    );
    assert_eq!(
        (row.decision, row.src_addr.as_deref(), row.account.as_deref(), row.shared_id.as_deref()),
        (Decision::Deny, Some("10.9.0.5"), Some("111122223333"), Some("s-1"))
    );
    let kept = row.unmapped.unwrap_or_default();
    for part in [r#""vpcEndpointId":"vpce-0a""#, r#""caller_account":"444455556666""#, "NetworkActivity"] {
        assert!(kept.contains(part), "{part} in {kept}");
    }
}

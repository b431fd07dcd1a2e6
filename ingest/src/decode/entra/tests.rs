//! Tests of the Entra decoder, on made-up records.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind, Phase};
use serde_json::json;

use super::super::trial;
use super::*;

fn decode(text: &str) -> Vec<IdentityAssertion> {
    let (verdicts, rows) = trial::run(&FORMAT, &[text]);
    assert_eq!(verdicts, [Verdict::Decoded], "{text}");
    rows.identity_assertions
}

fn sign_in(category: &str, properties: Value) -> Vec<IdentityAssertion> {
    let record = json!({"time": "2026-03-01 10:00:05.1", "category": category, "tenantid": "t1", "operationname": "Sign-in activity", "properties": properties});
    decode(&record.to_string())
}

/// Scenario: the sample, an application with a secret. Guarantees: the secret's key is shown from the address, the token
/// has the secret as its parent and no address.
#[test]
fn an_application_signs_in() {
    trial::check_sample(&FORMAT);
    let rows = decode(FORMAT.sample);
    let [shown, token] = rows.as_slice() else { unreachable!("two rows, not {}", rows.len()) };
    assert_eq!((shown.phase, shown.decision), (Phase::Present, Decision::Allow));
    assert_eq!(shown.credential_id.as_deref(), Some("91a0c3d5-0000-4000-8000-000000000005"));
    assert_eq!(
        (shown.credential_kind.as_deref(), shown.src_addr.as_deref()),
        (Some("client-secret"), Some("198.51.100.9"))
    );
    assert_eq!(Some(shown.event_time), EventTime::parse("2026-03-01T10:00:00.1234567Z").ok());
    assert_eq!(
        (token.phase, token.credential_id.as_deref()),
        (Phase::Exchange, Some("Zk3PqYb1nEuT5c0aWQxAAA"))
    );
    assert_eq!((token.parent_id.as_ref(), token.src_addr.as_deref()), (shown.credential_id.as_ref(), None));
    assert_eq!(token.subject.as_deref(), Some("5a4b3c2d-0000-4000-8000-000000000004"));
}

/// Scenario: a managed identity's sign-in as Microsoft Graph gives it. Guarantees: a token was issued, and nobody showed anything.
#[test]
fn a_managed_identity_of_graph() {
    let object = json!({"id": "s1", "createdDateTime": "2026-03-01T10:00:00Z", "appId": "a1", "servicePrincipalId": "sp1", "conditionalAccessStatus": "notApplied",
        "signInEventTypes": ["managedIdentity"], "ipAddress": "", "status": {"errorCode": 0}, "uniqueTokenIdentifier": "t1",
        "managedServiceIdentity": {"msiType": "systemAssigned", "associatedResourceId": "/subscriptions/S/vm1"}});
    let rows = decode(&object.to_string());
    let [issued] = rows.as_slice() else { unreachable!("one row, not {}", rows.len()) };
    assert_eq!((issued.phase, issued.credential_id.as_deref()), (Phase::Issue, Some("t1")));
    assert_eq!(issued.bound_instance.as_deref(), Some("/subscriptions/s/vm1"));
}

/// Scenario: a managed identity (no address, lower-cased keys), a certificate, a foreign token. Guarantees: one row of issue
/// bound to the machine; both names of the certificate; the foreign token's id and issuer.
#[test]
fn credentials_of_every_kind() {
    let rows = sign_in(
        "ManagedIdentitySignInLogs",
        json!({"appid": "a", "ipaddress": "", "serviceprincipalid": "sp1", "uniquetokenidentifier": "uti1",
        "status": {"errorcode": 0}, "managedServiceIdentity": {"associatedResourceId": "/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1"}}),
    );
    let [only] = rows.as_slice() else { unreachable!("one row, not {}", rows.len()) };
    assert_eq!(
        (only.phase, only.credential_id.as_deref(), only.id_kind),
        (Phase::Issue, Some("uti1"), IdKind::Accessor)
    );
    assert_eq!((only.src_addr.as_deref(), only.addr_quality), (None, AddrQuality::None));
    assert!(only.bound_instance.as_ref().is_some_and(|id| id.ends_with("/virtualmachines/vm1")));
    let rows = sign_in(
        "ServicePrincipalSignInLogs",
        json!({"appId": "a", "servicePrincipalCredentialKeyId": "k1", "servicePrincipalCredentialThumbprint": "AB01",
        "clientCredentialType": "clientAssertion", "status": {"errorCode": 7000215, "failureReason": "Invalid client secret"}, "uniqueTokenIdentifier": "x"}),
    );
    assert_eq!((rows.len(), rows[0].decision), (1, Decision::Deny), "a refused sign-in issues nothing");
    assert_eq!(
        (rows[0].credential_id.as_deref(), rows[0].credential_alias.as_deref()),
        (Some("k1"), Some("X509SHA1=ab01"))
    );
    assert_eq!(rows[0].reason.as_deref(), Some("code 7000215: Invalid client secret"));
    let rows = sign_in(
        "ServicePrincipalSignInLogs",
        json!({"appId": "a", "federatedCredentialId": "f1", "status": {"errorCode": 0}, "uniqueTokenIdentifier": "u",
        "managedServiceIdentity": {"federatedTokenId": "j1", "federatedTokenIssuer": "https://token.actions.githubusercontent.com"}}),
    );
    assert_eq!(
        (rows[0].credential_id.as_deref(), rows[0].credential_kind.as_deref()),
        (Some("JTI=j1"), Some("federated-token"))
    );
    assert_eq!(rows[0].issuer.as_deref(), Some("https://token.actions.githubusercontent.com"));
    assert_eq!(
        (rows[1].parent_id.as_deref(), rows[1].issuer.as_deref()),
        (Some("JTI=j1"), Some("login.microsoftonline.com/t1"))
    );
}

/// Scenario: a user without interaction, sign-ins that ask for more, that the service failed, that only say `Success`.
/// Guarantees: session and address; only refusals are refusals.
#[test]
fn users_and_results() {
    let rows = sign_in(
        "NonInteractiveUserSignInLogs",
        json!({"userPrincipalName": "ann@example.com", "userId": "u", "sessionId": "s1", "ipAddress": "203.0.113.10", "appId": "a"}),
    );
    assert_eq!(
        (rows[0].credential_id.as_deref(), rows[0].credential_kind.as_deref(), rows[0].decision),
        (Some("s1"), Some("entra-session"), Decision::None)
    );
    for (code, decision) in [
        (json!(50074), Decision::Error),
        (json!("90033"), Decision::Error),
        (json!("53003"), Decision::Deny),
        (json!(0), Decision::Allow),
    ] {
        assert_eq!(
            sign_in("SignInLogs", json!({"appId": "a", "status": {"errorCode": code}}))[0].decision,
            decision,
            "{code}"
        );
    }
    let record = json!({"category": "SignInLogs", "resultType": "Success", "time": "2026-03-01T10:00:00Z", "properties": {"appId": "a"}});
    assert_eq!(decode(&record.to_string())[0].decision, Decision::Allow);
}

/// Scenario: rows of a table and of Microsoft Graph, in US time. Guarantees: read without `properties`; the notations agree.
#[test]
fn other_shapes_and_times() {
    let expected = EventTime::parse("2026-03-01T22:00:00.5Z").ok();
    for time in [
        "2026-03-01T22:00:00.5Z",
        "2026-03-01 22:00:00.500000000",
        "3/1/2026, 10:00:00.500 PM",
        "3/1/2026 10:00:00.5 PM",
        "/Date(1772402400500)/",
    ] {
        let row = json!({"TimeGenerated": time, "Type": "AADServicePrincipalSignInLogs", "AppId": "a", "IPAddress": "10.1.0.7", "ResultType": "0"});
        let rows = decode(&row.to_string());
        assert_eq!(Some(rows[0].event_time), expected, "{time}");
        assert_eq!(rows[0].src_addr.as_deref(), Some("10.1.0.7"));
    }
    let graph = json!({"id": "i", "createdDateTime": "2026-03-01T10:00:00Z", "appId": "a", "ipAddress": "10.1.0.7", "conditionalAccessStatus": "success", "status": {"errorCode": 0}});
    assert_eq!(decode(&graph.to_string())[0].request_id.as_deref(), Some("i"));
    let (verdicts, _) = trial::run(&FORMAT, &[r#"{"category":"SignInLogs","time":"soon","properties":{}}"#]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
}

/// Scenario: a secret is added, another removed, a policy changed. Guarantees: whose and which key; who did it.
#[test]
fn changes() {
    let change = |activity: &str, old: &str, new: &str| {
        let record = json!({"category": "ApplicationManagement", "resourceId": "/tenants/t/providers/Microsoft.aadiam", "operationName": activity, "properties": {
            "activityDisplayName": activity, "activityDateTime": "2026-03-01T10:00:00Z", "result": "success", "loggedByService": "Core Directory",
            "initiatedBy": {"user": {"userPrincipalName": "ann@example.com", "ipAddress": "10.1.0.7"}},
            "targetResources": [{"id": "sp1", "displayName": "shop", "modifiedProperties": [{"displayName": "KeyDescription", "oldValue": old, "newValue": new}]}]}});
        decode(&record.to_string()).remove(0)
    };
    let (one, both) = (
        "[\"[KeyIdentifier=k1,KeyType=Password]\"]",
        "[\"[KeyIdentifier=k1,KeyType=Password]\",\"[KeyIdentifier=k2,KeyType=Password]\"]",
    );
    let row = change("Add service principal credentials", one, both);
    assert_eq!(
        (row.phase, row.credential_id.as_deref(), row.subject.as_deref()),
        (Phase::Issue, Some("k2"), Some("sp1"))
    );
    assert_eq!(
        (row.presenter.as_deref(), row.src_addr.as_deref()),
        (Some("ann@example.com"), Some("10.1.0.7"))
    );
    let row = change("Remove service principal credentials", both, one);
    assert_eq!((row.phase, row.credential_id.as_deref()), (Phase::Revoke, Some("k2")));
    let row = change("Update policy", "", "");
    assert_eq!(
        (row.phase, row.subject.as_deref(), row.resource.as_deref()),
        (Phase::Present, Some("ann@example.com"), Some("shop"))
    );
}

/// Scenario: Entra's own judgement of a service principal. Guarantees: kept with its words, and no use of its own.
#[test]
fn risks() {
    let record = json!({"category": "ServicePrincipalRiskEvents", "resourceId": "/tenants/t/providers/Microsoft.aadiam", "operationName": "Service Principal Risk Detection",
        "properties": {"riskEventType": "leakedCredentials", "riskLevel": "high", "servicePrincipalId": "sp1", "appId": "a", "ipAddress": "10.1.0.7", "activityDateTime": "2026-03-01T10:00:00Z"}});
    let row = decode(&record.to_string()).remove(0);
    assert_eq!(
        (row.phase, row.subject.as_deref(), row.src_addr.as_deref()),
        (Phase::Verify, Some("sp1"), Some("10.1.0.7"))
    );
    assert_eq!(row.reason.as_deref(), Some("leakedCredentials, risk high"));
}

/// Scenario: other records of Azure. Guarantees: not taken for sign-ins.
#[test]
fn others() {
    for text in [
        r#"{"category":"kube-audit","properties":{"log":"{}"}}"#,
        r#"{"category":"Administrative","operationName":"x","properties":{}}"#,
        r#"{"appId":"a"}"#,
    ] {
        assert_eq!(trial::sniff(&FORMAT, text), 0, "{text}");
    }
}

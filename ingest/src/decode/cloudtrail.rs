//! AWS CloudTrail: which access key called which API, from where, and what came of it.
//!
//! In: one event a record (framing takes `Records` apart). Out: one assertion a call; beside it the credentials that
//! the call handed out (`issued`) and the instances that it started or ended (`instances`).
//! Owns: subject, key and binding of the caller, what is an address and what a service's name, which errors refuse.
//! Digest and insight files are left out by name.

use chrono::NaiveDateTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase, WEAK_DELIVERY};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::subject::{ServiceAccount, is_instance_id};
use super::{Decode, Format, Identity, Record, Reject, Verdict, field};

mod american;
mod fast;
mod instances;
mod issued;
mod keys;
#[cfg(test)]
mod tests;

pub(crate) use fast::FAST;

pub(crate) const FORMAT: Format = Format {
    id: "cloudtrail",
    title: "AWS CloudTrail (log files, EventBridge, CloudWatch)",
    fills: &["identity_assertions", "placements"],
    sample: r#"{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE00000000A:i-0aaaaaaaaaaaaaaa1","arn":"arn:aws:sts::111122223333:assumed-role/shop-node/i-0aaaaaaaaaaaaaaa1","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE00000000A","sessionContext":{"attributes":{"creationDate":"2026-03-01T09:40:00Z","mfaAuthenticated":"false"},"ec2RoleDelivery":"2.0"}},"eventTime":"2026-03-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.9","userAgent":"aws-cli/2.17.0","requestParameters":null,"responseElements":null,"eventID":"1a4f2f3c-77a0-4c55-8d7b-0c9f4f6a2b10","eventType":"AwsApiCall","recipientAccountId":"111122223333"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(CloudTrail),
};

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let has = |keys: &[&str]| keys.iter().all(|key| field::has(json, &[key]));
    if has(&["eventVersion", "eventSource", "eventName", "userIdentity"]) {
        98
    } else if is_digest(json) || is_insight(json) {
        95
    } else if has(&["eventSource", "eventName", "sourceIPAddress"])
        && field::has(json, &["userIdentity", "type"])
    {
        80
    } else {
        0
    }
}

fn is_digest(json: &Value) -> bool {
    field::has(json, &["digestStartTime"]) && field::has(json, &["digestS3Bucket"])
}

fn is_insight(json: &Value) -> bool {
    field::has(json, &["insightDetails"])
        || field::str_at(json, &["eventType"]) == Some("AwsCloudTrailInsight")
}

struct CloudTrail;

impl Decode for CloudTrail {
    fn is_stateless(&self) -> bool {
        true
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "expected one CloudTrail event");
        };
        if is_digest(json) {
            return Verdict::Skipped("digest");
        }
        if is_insight(json) {
            return Verdict::Skipped("insight");
        }
        read(record, json, rows).map_or_else(Verdict::Rejected, |()| Verdict::Decoded)
    }
}

fn read(record: &Record<'_>, json: &Value, rows: &mut EventRows) -> Result<(), Reject> {
    let shipped = || field::time_at(json, &["@timestamp"]);
    let event_time = field::time_at(json, &["eventTime"]).or_else(shipped).or(record.envelope.time);
    let event_time =
        event_time.ok_or_else(|| field::no_time("eventTime", field::at(json, &["eventTime"])))?;
    let called = called(record, json, event_time)?;
    let handed_out = issued::row(record, json, &called).or_else(|| keys::row(record, json, &called));
    rows.placements.extend(instances::rows(record, json, &called));
    rows.identity_assertions.push(called);
    rows.identity_assertions.extend(handed_out);
    Ok(())
}

/// The row of the call itself.
fn called(record: &Record<'_>, json: &Value, event_time: EventTime) -> Result<IdentityAssertion, Reject> {
    let mut row = record.assertion(event_time);
    row.phase = Phase::Present;
    row.request_id = field::string_at(json, &["eventID"]);
    row.shared_id = field::string_at(json, &["sharedEventID"]);
    row.dst = Some(field::require_str(json, &["eventSource"])?.to_owned());
    row.action = Some(field::require_str(json, &["eventName"])?.to_owned());
    row.resource = resource(json);
    row.user_agent = field::string_at(json, &["userAgent"]);
    row.platform = Some("aws".to_owned());
    let own_account = || field::string_at(json, &["userIdentity", "accountId"]);
    row.account = field::string_at(json, &["recipientAccountId"]).or_else(own_account);
    (row.decision, row.enforcement, row.reason) = judge(json);
    fill_caller(&mut row, json);
    fill_source(&mut row, json);
    row.unmapped = unmapped(json, &row);
    Ok(row)
}

fn fill_caller(row: &mut IdentityAssertion, json: &Value) {
    let Some(identity) = field::at(json, &["userIdentity"]) else { return };
    let text = |path: &[&str]| field::string_at(identity, path);
    let is_web_identity = field::str_at(identity, &["type"]) == Some(WEB_IDENTITY);
    let named = ["arn", "userName", "invokedBy", "principalId"].iter().find_map(|key| text(&[key]));
    // A pipeline's `repo:…` is a user name here, as a service account is; the answer repeats it.
    let foreign = || field::string_at(json, &["responseElements", "subjectFromWebIdentityToken"]);
    let user = text(&["userName"]).or_else(foreign).filter(|_| is_web_identity);
    // Who signed in to Identity Center has neither ARN nor name here; a role session may be on such a user's behalf.
    let on_behalf = text(&["onBehalfOf", "userId"]);
    (row.subject, row.on_behalf_of) = match user.or(named) {
        Some(subject) => (Some(subject), on_behalf),
        None => (on_behalf, None),
    };
    row.subject_uid = text(&["principalId"]);
    row.audience =
        if is_web_identity { field::list_at(json, &["responseElements", "audience"]) } else { Vec::new() };
    row.iat = field::time_at(identity, &["sessionContext", "attributes", "creationDate"]);
    let provider = text(&["sessionContext", "webIdFederationData", "federatedProvider"]);
    row.issuer = provider.or_else(|| text(&["identityProvider"]));
    let account = row.subject.as_deref().and_then(ServiceAccount::of_subject);
    row.bound_namespace = account.map(|account| account.namespace.to_owned());
    let federated = match text(&["type"]).as_deref() {
        Some(WEB_IDENTITY) => Some("oidc-token"),
        Some("SAMLUser") => Some("saml-assertion"),
        _ => None,
    };
    row.credential_kind = if account.is_some() { Some("k8s-token") } else { federated }.map(str::to_owned);
    if let Some(key) = field::str_at(identity, &["accessKeyId"]).filter(|key| is_access_key(key)) {
        set_access_key(row, key);
        if row.credential_kind.as_deref() == Some("aws-session") && row.issuer.is_none() {
            row.issuer = Some(STS.to_owned());
        }
    }
    if row.credential_id.is_none()
        && let Some(bearer) = text(&["credentialId"])
    {
        row.credential_id = Some(bearer);
        row.id_kind = IdKind::Accessor;
        row.credential_kind = Some("aws-bearer-token".to_owned());
    }
    fill_instance(row, identity);
}

/// Access keys are upper-case letters and digits; exports replace them by words such as `REDACTED`.
fn is_access_key(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn set_access_key(row: &mut IdentityAssertion, key: &str) {
    row.credential_id = Some(key.to_owned());
    row.id_kind = IdKind::AccessKey;
    row.credential_kind = Some(key_kind(key).to_owned());
}

/// The kind of credential that an access key is.
fn key_kind(key: &str) -> &'static str {
    match key.get(..4) {
        Some("ASIA") => "aws-session",
        Some("AKIA") => "aws-key",
        _ => "unknown",
    }
}

/// Who shows a foreign token of OpenID Connect.
const WEB_IDENTITY: &str = "WebIdentityUser";
/// The service that hands out sessions.
const STS: &str = "sts.amazonaws.com";
/// Remark on an instance that only a session's name tells of.
const BY_NAME: &str = "binding-by-name";

/// `ec2RoleDelivery` of a session that the first version of the instance metadata service delivered: a plain GET has it.
const FIRST_DELIVERY: &str = "1.0";

/// The instance that a role session was delivered to: AWS names it, or else the session is named after it. Anybody
/// who may assume a role can choose a session name, so that alone is marked.
fn fill_instance(row: &mut IdentityAssertion, identity: &Value) {
    let scope = field::str_at(identity, &["inScopeOf", "credentialsIssuedTo"]);
    let in_scope = scope.and_then(|arn| arn.rsplit(['/', ':']).next()).filter(|name| is_instance_id(name));
    let session =
        row.subject.as_deref().and_then(|arn| arn.rsplit('/').next()).filter(|name| is_instance_id(name));
    let assumed = field::str_at(identity, &["type"]) == Some("AssumedRole");
    let by_name = session.filter(|_| assumed).map(str::to_owned);
    let delivered = field::has(identity, &["sessionContext", "ec2RoleDelivery"]);
    if in_scope.is_none() && by_name.is_some() && !delivered {
        row.trust_flags.push(BY_NAME.to_owned());
    }
    if field::str_at(identity, &["sessionContext", "ec2RoleDelivery"]) == Some(FIRST_DELIVERY) {
        row.trust_flags.push(WEAK_DELIVERY.to_owned());
    }
    row.bound_instance = in_scope.map(str::to_owned).or(by_name);
}

/// A service that calls on somebody's behalf leaves its name, not an address.
fn fill_source(row: &mut IdentityAssertion, json: &Value) {
    let source = field::str_at(json, &["sourceIPAddress"]).unwrap_or_default();
    let peer = Address::parse(source);
    let on_behalf = field::has(json, &["userIdentity", "invokedBy"]);
    let named = source == "AWS Internal"
        || source.bytes().any(|byte| byte.is_ascii_alphabetic()) && source.contains('.');
    if on_behalf || (peer.is_none() && named) {
        row.addr_quality = AddrQuality::Service;
    } else if let Some(peer) = peer {
        row.src_addr = Some(peer.text());
        row.addr_quality = AddrQuality::Direct;
    }
}

/// Parameters that name what is called upon, the most telling first.
const NAMING: [&str; 18] = [
    "roleArn",
    "bucketName",
    "secretId",
    "functionName",
    "instanceId",
    "keyId",
    "tableName",
    "topicArn",
    "queueUrl",
    "clusterName",
    "stackName",
    "policyArn",
    "userName",
    "roleName",
    "groupName",
    "snapshotId",
    "imageId",
    "name",
];

/// What was called upon: the first resource that AWS lists, or the parameter that names one.
fn resource(json: &Value) -> Option<String> {
    let listed = field::array_at(json, &["resources"]).iter();
    let arn = listed
        .filter_map(|item| field::str_at(item, &["ARN"]).or_else(|| field::str_at(item, &["arn"])))
        .next();
    if let Some(arn) = arn {
        return Some(arn.to_owned());
    }
    let parameters = field::at(json, &["requestParameters"])?;
    if let (Some(bucket), Some(key)) =
        (field::str_at(parameters, &["bucketName"]), field::str_at(parameters, &["key"]))
    {
        return Some(format!("{bucket}/{key}"));
    }
    let named = NAMING.iter().find_map(|key| field::str_at(parameters, &[key]));
    named
        .or_else(|| field::str_at(parameters, &["instancesSet", "items", "0", "instanceId"]))
        .map(str::to_owned)
}

fn judge(json: &Value) -> (Decision, Enforcement, Option<String>) {
    let failed_login = field::str_at(json, &["responseElements", "ConsoleLogin"]) == Some("Failure");
    let Some(code) = field::str_at(json, &["errorCode"]) else {
        let decision = if failed_login { Decision::Deny } else { Decision::Allow };
        return (decision, Enforcement::Enforced, field::string_at(json, &["errorMessage"]));
    };
    let message = field::str_at(json, &["errorMessage"]);
    let reason = message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
    let (decision, enforcement) = match code.strip_prefix("Client.").unwrap_or(code) {
        // The caller asked only whether it would be let through, and it would.
        "DryRunOperation" => (Decision::Allow, Enforcement::DryRun),
        code if is_refusal(code) => (Decision::Deny, Enforcement::Enforced),
        _ => (Decision::Error, Enforcement::Enforced),
    };
    (decision, enforcement, Some(reason))
}

/// Whether an error code means that identity or policy did not suffice.
fn is_refusal(code: &str) -> bool {
    const REFUSALS: [&str; 13] = [
        "AccessDenied",
        "Unauthorized",
        "NotAuthorized",
        "AuthFailure",
        "AuthorizationError",
        "Forbidden",
        "ExpiredToken",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClient",
        "InvalidAccessKeyId",
        // What STS says to a foreign token: of another audience, issuer or signature, or of another role's trust.
        "InvalidIdentityToken",
        "IDPRejectedClaim",
    ];
    REFUSALS.iter().any(|refusal| code.contains(refusal))
}

fn unmapped(json: &Value, row: &IdentityAssertion) -> Option<String> {
    let at = |path: &[&str]| field::at(json, path);
    let source = at(&["sourceIPAddress"]).filter(|_| row.src_addr.is_none());
    field::unmapped([
        ("identity_type", at(&["userIdentity", "type"])),
        ("sourceIPAddress", source),
        ("invokedBy", at(&["userIdentity", "invokedBy"])),
        ("inScopeOf", at(&["userIdentity", "inScopeOf"])),
        ("onBehalfOf", at(&["userIdentity", "onBehalfOf"])),
        ("ec2RoleDelivery", at(&["userIdentity", "sessionContext", "ec2RoleDelivery"])),
        ("sourceIdentity", at(&["userIdentity", "sessionContext", "sourceIdentity"])),
        ("vpcEndpointId", at(&["vpcEndpointId"])),
        ("vpcEndpointAccountId", at(&["vpcEndpointAccountId"])),
        (
            "caller_account",
            at(&["userIdentity", "accountId"]).filter(|id| id.as_str() != row.account.as_deref()),
        ),
        ("sessionIssuer", at(&["userIdentity", "sessionContext", "sessionIssuer", "arn"])),
        ("webIdFederationData", at(&["userIdentity", "sessionContext", "webIdFederationData"])),
        ("mfaAuthenticated", at(&["userIdentity", "sessionContext", "attributes", "mfaAuthenticated"])),
        ("awsRegion", at(&["awsRegion"])),
        ("readOnly", at(&["readOnly"])),
        ("eventCategory", at(&["eventCategory"])),
        ("tlsDetails", at(&["tlsDetails"])),
        ("eventType", at(&["eventType"])),
        ("additionalEventData", at(&["additionalEventData"])),
        ("serviceEventDetails", at(&["serviceEventDetails"])),
        ("sessionCredentialFromConsole", at(&["sessionCredentialFromConsole"])),
        ("requestParameters", at(&["requestParameters"])),
        ("responseElements", at(&["responseElements"])),
    ])
}

/// A moment as CloudTrail writes it: RFC 3339, or US text (`Mar 1, 2026, 6:30:22 PM`, also without second comma).
fn time_text(text: &str) -> Option<EventTime> {
    const LAYOUTS: [&str; 2] = ["%b %d, %Y, %I:%M:%S %p", "%b %d, %Y %I:%M:%S %p"];
    if let Some(usual) = american::plain(text) {
        return EventTime::from_utc(usual.and_utc());
    }
    // Newer Java runtimes put a narrow no-break space before AM and PM.
    let plain = text.replace(['\u{202f}', '\u{a0}'], " ");
    let american =
        || LAYOUTS.iter().find_map(|layout| NaiveDateTime::parse_from_str(plain.trim(), layout).ok());
    field::time_text(text).or_else(|| EventTime::from_utc(american()?.and_utc()))
}

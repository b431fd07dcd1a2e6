//! Credentials that a CloudTrail call handed out.
//!
//! In: an event whose answer has credentials (STS, EKS Auth, Roles Anywhere, Cognito …), and the row of its call. Out: a
//! second row about the new credentials: id, expiry, subject, what they were got with, and what they are bound to.
//! Owns: the name of a role session, which older records do not spell out. Law: nothing is bound that is not said.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind, Phase};
use serde_json::Value;

use super::super::subject::{ServiceAccount, is_instance_id};
use super::super::{Record, field};
use super::{BY_NAME, STS, is_access_key, set_access_key, time_text};

/// Where an answer has the id of whoever the credentials are for; EKS Auth spells it differently.
const USER_IDS: [&[&str]; 3] = [
    &["assumedRoleUser", "assumedRoleId"],
    &["assumedRoleUser", "assumeRoleId"],
    &["federatedUser", "federatedUserId"],
];

/// The part of the answer that has credentials: Roles Anywhere answers with a set of one.
fn answer(json: &Value) -> Option<&Value> {
    let elements = field::at(json, &["responseElements"])?;
    field::at(elements, &["credentialSet", "0"]).or(Some(elements))
}

/// The certificate that Roles Anywhere gave credentials for: it names the session by the certificate's serial, unless
/// the caller asked for another name.
fn certificate(json: &Value, answer: &Value, called: &IdentityAssertion) -> Option<String> {
    let named =
        ["roleSessionName", "sessionName"].iter().any(|key| field::has(json, &["requestParameters", key]));
    if named || called.dst.as_deref() != Some("rolesanywhere.amazonaws.com") {
        return None;
    }
    let session = field::str_at(answer, &["assumedRoleUser", "arn"])?.rsplit('/').next()?;
    let is_hex = (8..=40).contains(&session.len()) && session.bytes().all(|byte| byte.is_ascii_hexdigit());
    let serial = session.to_ascii_lowercase();
    let serial = serial.trim_start_matches('0');
    (is_hex && !serial.is_empty()).then(|| format!("X509SERIAL={serial}"))
}

/// The row of the credentials that a call handed out, if it did.
pub(super) fn row(
    record: &Record<'_>,
    json: &Value,
    called: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    let name = called.action.as_deref()?;
    let answer = answer(json)?;
    let credentials = field::at(answer, &["credentials"])?;
    let key = field::str_at(credentials, &["accessKeyId"]).filter(|key| is_access_key(key));
    let hands_out = name.starts_with("AssumeRo")
        || matches!(name, "GetSessionToken" | "GetFederationToken" | "CreateSession");
    if called.decision == Decision::Deny || !(hands_out || key.is_some()) {
        return None;
    }
    let mut row = about_new_credentials(record, called);
    if let Some(key) = key {
        set_access_key(&mut row, key);
    }
    row.exp = field::at(credentials, &["expiration"]).and_then(|value| match value {
        Value::String(text) => time_text(text),
        other => field::time_at(other, &[]),
    });
    row.subject =
        subject(json, answer).or_else(|| called.subject.clone().filter(|_| name == "GetSessionToken"));
    row.subject_uid = USER_IDS.iter().find_map(|path| field::string_at(answer, path));
    row.parent_id = row.parent_id.take().or_else(|| certificate(json, answer, called));
    let exchanged = row.parent_id.is_some() || name.contains("WithWebIdentity") || name.contains("WithSAML");
    row.phase = if exchanged { Phase::Exchange } else { Phase::Issue };
    if exchanged {
        // The address is where the old credential was shown; the new one has not been shown anywhere yet.
        (row.src_addr, row.src_port, row.addr_quality) = (None, None, AddrQuality::None);
    }
    row.issuer = Some(STS.to_owned());
    fill_instance(&mut row, json);
    fill_pod(&mut row, json);
    row.unmapped = unmapped(json);
    Some(row)
}

fn about_new_credentials(record: &Record<'_>, called: &IdentityAssertion) -> IdentityAssertion {
    IdentityAssertion {
        event_id: record.row_id(1),
        parent_id: called.credential_id.clone(),
        presenter: called.subject.clone(),
        iat: Some(called.event_time),
        credential_id: None,
        id_kind: IdKind::None,
        credential_kind: Some("aws-session".to_owned()),
        bound_namespace: None,
        bound_instance: None,
        // Those are the audiences of what was shown.
        audience: Vec::new(),
        trust_flags: Vec::new(),
        ..called.clone()
    }
}

/// The session's name: spelled out, or put together from role and session name as AWS does.
fn subject(json: &Value, answer: &Value) -> Option<String> {
    let spelled_out =
        ["assumedRoleUser", "federatedUser"].iter().find_map(|user| field::string_at(answer, &[user, "arn"]));
    spelled_out.or_else(|| {
        let role = field::str_at(json, &["requestParameters", "roleArn"])?;
        let session = field::str_at(json, &["requestParameters", "roleSessionName"])?;
        let (head, path) = role.split_once(":role/")?;
        let role_name = path.rsplit('/').next()?;
        Some(format!("{}:assumed-role/{role_name}/{session}", head.replacen(":iam:", ":sts:", 1)))
    })
}

/// Only the EC2 service, or AWS's own scope, ties a session to an instance; a mere name is marked.
fn fill_instance(row: &mut IdentityAssertion, json: &Value) {
    let session = field::str_at(json, &["requestParameters", "roleSessionName"]);
    let identity = field::str_at(json, &["requestParameters", "sourceIdentity"]);
    let Some(instance) = [session, identity].into_iter().flatten().find(|name| is_instance_id(name)) else {
        return;
    };
    row.bound_instance = Some(instance.to_owned());
    if field::str_at(json, &["userIdentity", "invokedBy"]) != Some("ec2.amazonaws.com") {
        row.trust_flags.push(BY_NAME.to_owned());
    }
}

/// EKS Pod Identity puts the pod into the session's tags; its own service says at least the service account.
fn fill_pod(row: &mut IdentityAssertion, json: &Value) {
    let served = |key: &str| field::string_at(json, &["responseElements", "subject", key]);
    row.bound_pod = tag(json, "kubernetes-pod-name");
    row.bound_pod_uid = tag(json, "kubernetes-pod-uid");
    row.bound_namespace = tag(json, "kubernetes-namespace").or_else(|| served("namespace"));
    let named = tag(json, "eks-cluster-name")
        .or_else(|| field::string_at(json, &["requestParameters", "clusterName"]));
    let of_arn = || tag(json, "eks-cluster-arn")?.rsplit('/').next().map(str::to_owned);
    row.cluster = named.or_else(of_arn);
    let account = tag(json, "kubernetes-service-account").or_else(|| served("serviceAccount"));
    if let (Some(namespace), Some(name)) = (&row.bound_namespace, account) {
        row.on_behalf_of = Some(ServiceAccount { namespace, name: &name }.subject());
    }
    let called_by = row.presenter.as_deref().and_then(ServiceAccount::of_subject);
    if let (None, Some(account)) = (&row.bound_namespace, called_by) {
        let (namespace, subject) = (account.namespace.to_owned(), account.subject());
        row.bound_namespace = Some(namespace);
        row.on_behalf_of = Some(subject);
    }
}

pub(super) fn tag(json: &Value, name: &str) -> Option<String> {
    let listed = field::array_at(json, &["requestParameters", "tags"]).iter();
    let in_list = listed
        .filter(|tag| field::str_at(tag, &["key"]) == Some(name))
        .find_map(|tag| field::string_at(tag, &["value"]));
    in_list.or_else(|| field::string_at(json, &["requestParameters", "principalTags", name]))
}

fn unmapped(json: &Value) -> Option<String> {
    let asked = |key: &str| field::at(json, &["requestParameters", key]);
    field::unmapped([
        ("roleArn", asked("roleArn")),
        ("roleSessionName", asked("roleSessionName")),
        ("sourceIdentity", asked("sourceIdentity")),
        ("durationSeconds", asked("durationSeconds")),
        ("externalId", asked("externalId")),
        ("tags", asked("tags")),
        ("principalTags", asked("principalTags")),
        ("trustAnchorArn", asked("trustAnchorArn")),
        ("profileArn", asked("profileArn")),
        ("subjectArn", field::at(json, &["responseElements", "subjectArn"])),
        ("podIdentityAssociation", field::at(json, &["responseElements", "podIdentityAssociation"])),
        ("provider", field::at(json, &["responseElements", "provider"])),
        ("policy", asked("policy")),
    ])
}

//! Credentials that a CloudTrail call handed out.
//!
//! In: an event with `responseElements.credentials`, and the row of its call. Out: a second row about the new
//! credentials: id, expiry, subject, what they were got with, and the instance or pod that they are bound to.
//! Owns: the name of a role session, which older records do not spell out. Law: nothing is bound that is not said.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, IdKind, Phase};
use serde_json::Value;

use super::super::subject::{ServiceAccount, is_instance_id};
use super::super::{Record, field};
use super::{is_access_key, set_access_key, time_text};

/// The row of the credentials that a call handed out, if it did.
pub(super) fn row(
    record: &Record<'_>,
    json: &Value,
    called: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    let credentials = field::at(json, &["responseElements", "credentials"])?;
    let name = called.action.as_deref()?;
    let hands_out =
        name.starts_with("AssumeRole") || matches!(name, "GetSessionToken" | "GetFederationToken");
    if !hands_out {
        return None;
    }
    let mut row = about_new_credentials(record, called);
    if let Some(key) = field::str_at(credentials, &["accessKeyId"]).filter(|key| is_access_key(key)) {
        set_access_key(&mut row, key);
    }
    row.exp = field::at(credentials, &["expiration"]).and_then(|value| match value {
        Value::String(text) => time_text(text),
        other => field::time_at(other, &[]),
    });
    row.subject = subject(json).or_else(|| called.subject.clone().filter(|_| name == "GetSessionToken"));
    row.subject_uid = ["assumedRoleUser/assumedRoleId", "federatedUser/federatedUserId"]
        .iter()
        .filter_map(|path| path.split_once('/'))
        .find_map(|(user, id)| field::string_at(json, &["responseElements", user, id]));
    let exchanged =
        called.credential_id.is_some() || name.contains("WithWebIdentity") || name.contains("WithSAML");
    row.phase = if exchanged { Phase::Exchange } else { Phase::Issue };
    if exchanged {
        // The address is where the old credential was shown; the new one has not been shown anywhere yet.
        (row.src_addr, row.src_port, row.addr_quality) = (None, None, AddrQuality::None);
    }
    row.issuer = Some("sts.amazonaws.com".to_owned());
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
        trust_flags: Vec::new(),
        ..called.clone()
    }
}

/// The session's name: spelled out, or put together from role and session name as AWS does.
fn subject(json: &Value) -> Option<String> {
    let spelled_out = ["assumedRoleUser", "federatedUser"]
        .iter()
        .find_map(|user| field::string_at(json, &["responseElements", user, "arn"]));
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
        row.trust_flags.push("binding-by-name".to_owned());
    }
}

/// EKS Pod Identity puts the pod into the session's tags.
fn fill_pod(row: &mut IdentityAssertion, json: &Value) {
    row.bound_pod = tag(json, "kubernetes-pod-name");
    row.bound_pod_uid = tag(json, "kubernetes-pod-uid");
    row.bound_namespace = tag(json, "kubernetes-namespace");
    row.cluster = tag(json, "eks-cluster-name");
    if let (Some(namespace), Some(name)) = (&row.bound_namespace, tag(json, "kubernetes-service-account")) {
        row.on_behalf_of = Some(ServiceAccount { namespace, name: &name }.subject());
    }
    let called_by = row.presenter.as_deref().and_then(ServiceAccount::of_subject);
    if let (None, Some(account)) = (&row.bound_namespace, called_by) {
        let (namespace, subject) = (account.namespace.to_owned(), account.subject());
        row.bound_namespace = Some(namespace);
        row.on_behalf_of = Some(subject);
    }
}

fn tag(json: &Value, name: &str) -> Option<String> {
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
        ("sharedEventID", field::at(json, &["sharedEventID"])),
        ("audience", field::at(json, &["responseElements", "audience"])),
        ("provider", field::at(json, &["responseElements", "provider"])),
        ("policy", asked("policy")),
    ])
}

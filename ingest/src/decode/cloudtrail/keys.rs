//! Access keys of users: made, switched off and on, deleted; and sessions of a role that a policy ends.
//!
//! In: CreateAccessKey, UpdateAccessKey, DeleteAccessKey and PutRolePolicy events that succeeded, and the rows of their
//! calls. Out: a second row about the key, or about the role's sessions.
//! Owns: what a policy that ends sessions looks like (a condition on `aws:TokenIssueTime`).
//! Law: the caller's own key is never the one that is made or ended.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind, Phase};
use serde_json::Value;

use super::super::{Record, field};
use super::{is_access_key, set_access_key};

/// The row of the key that a call made or ended, if it did.
pub(super) fn row(
    record: &Record<'_>,
    json: &Value,
    called: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    if called.decision != Decision::Allow || called.dst.as_deref() != Some("iam.amazonaws.com") {
        return None;
    }
    let asked = |key: &str| field::str_at(json, &["requestParameters", key]);
    if ends_sessions(json) {
        return Some(sessions_ended(record, json, called));
    }
    let (phase, key) = match called.action.as_deref()? {
        "CreateAccessKey" => {
            (Phase::Issue, field::str_at(json, &["responseElements", "accessKey", "accessKeyId"])?)
        }
        "DeleteAccessKey" => (Phase::Revoke, asked("accessKeyId")?),
        "UpdateAccessKey" if asked("status") == Some("Inactive") => (Phase::Revoke, asked("accessKeyId")?),
        "UpdateAccessKey" if asked("status") == Some("Active") => (Phase::Renew, asked("accessKeyId")?),
        _ => return None,
    };
    let owner =
        asked("userName").or_else(|| field::str_at(json, &["responseElements", "accessKey", "userName"]));
    let mut row = about_key(record, called, phase);
    set_access_key(&mut row, Some(key).filter(|key| is_access_key(key))?);
    // Another user's path in the account is not said, so neither is its ARN.
    let own = owner.is_none_or(|owner| field::str_at(json, &["userIdentity", "userName"]) == Some(owner));
    row.subject = called.subject.clone().filter(|_| own);
    row.resource = owner.map(str::to_owned);
    Some(row)
}

/// The key has not been shown by the call: the caller showed another.
fn about_key(record: &Record<'_>, called: &IdentityAssertion, phase: Phase) -> IdentityAssertion {
    IdentityAssertion {
        event_id: record.row_id(1),
        phase,
        parent_id: called.credential_id.clone(),
        presenter: called.subject.clone(),
        iat: Some(called.event_time).filter(|_| phase == Phase::Issue),
        issuer: Some("iam.amazonaws.com".to_owned()),
        id_kind: IdKind::None,
        subject_uid: None,
        bound_namespace: None,
        bound_instance: None,
        src_addr: None,
        src_port: None,
        addr_quality: AddrQuality::None,
        trust_flags: Vec::new(),
        unmapped: None,
        ..called.clone()
    }
}

/// Whether a call puts a policy on a role that refuses its sessions of before a moment. They live on until they expire,
/// and are refused.
fn ends_sessions(json: &Value) -> bool {
    let puts = field::str_at(json, &["eventName"]) == Some("PutRolePolicy");
    let document = field::str_at(json, &["requestParameters", "policyDocument"]);
    puts && document.is_some_and(|document| document.contains("aws:TokenIssueTime"))
}

/// All sessions of the role are meant: none is named.
fn sessions_ended(record: &Record<'_>, json: &Value, called: &IdentityAssertion) -> IdentityAssertion {
    let parameters = ["roleName", "policyName", "policyDocument"];
    IdentityAssertion {
        subject: None,
        credential_id: None,
        credential_kind: Some("aws-session".to_owned()),
        parent_id: None,
        resource: field::string_at(json, &["requestParameters", "roleName"]),
        unmapped: field::unmapped(parameters.map(|key| (key, field::at(json, &["requestParameters", key])))),
        ..about_key(record, called, Phase::Revoke)
    }
}

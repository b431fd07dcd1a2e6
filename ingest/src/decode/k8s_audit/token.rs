//! Requests that are about a credential other than the caller's own.
//!
//! In: an audit event and the row of its request. Out: a second row, where the request issues a token
//! (`create serviceaccounts/token`, or a secret that is one), has one reviewed (TokenReview), approves or denies a
//! certificate, or deletes a service account.
//! Owns: which lifetime counts: the token's own `exp`, since the API server reports a shorter one than it signs.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use serde_json::Value;

use super::super::subject::{ServiceAccount, node_of_subject};
use super::super::{Record, field};
use super::event::{self, AuditEvent};
use super::{fill_user, set_credential};
use crate::redact::{JwtClaims, find_jwt_claims};

/// The second row of a request, if it has one.
pub(super) fn row(
    record: &Record<'_>,
    event: &AuditEvent<'_>,
    presented: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    let resource = event.str_at(&["objectRef", "resource"])?;
    let subresource = event.str_at(&["objectRef", "subresource"]);
    match (event.str_at(&["verb"])?, resource, subresource) {
        ("create", "serviceaccounts", Some("token")) => Some(issued(record, event, presented)),
        ("create", "tokenreviews", None) => reviewed(record, event, presented),
        ("delete", "serviceaccounts", None) if succeeded(presented) => {
            Some(revoked(record, event, presented))
        }
        ("update" | "patch", "certificatesigningrequests", Some("approval")) if succeeded(presented) => {
            Some(certified(record, event, presented))
        }
        ("create", "secrets", None) if succeeded(presented) => lasting(record, event, presented),
        _ => None,
    }
}

fn succeeded(presented: &IdentityAssertion) -> bool {
    let happened = presented.decision == Decision::Allow && presented.enforcement == Enforcement::Enforced;
    happened && presented.status.is_none_or(|status| status < 400)
}

/// A row about another credential than the one presented, by the same request.
fn about_another(record: &Record<'_>, presented: &IdentityAssertion, phase: Phase) -> IdentityAssertion {
    let caller_only = ["no-binding", "stale-token", "legacy-token"];
    let keeps = |flag: &&String| !caller_only.contains(&flag.as_str());
    IdentityAssertion {
        event_id: record.row_id(1),
        phase,
        presenter: presented.subject.clone(),
        subject: None,
        subject_uid: None,
        credential_id: None,
        id_kind: IdKind::None,
        credential_kind: Some("k8s-token".to_owned()),
        bound_namespace: None,
        bound_pod: None,
        bound_pod_uid: None,
        bound_host: None,
        bound_host_uid: None,
        bound_instance: None,
        trust_flags: presented.trust_flags.iter().filter(keeps).cloned().collect(),
        unmapped: None,
        ..presented.clone()
    }
}

fn account_subject(event: &AuditEvent<'_>) -> Option<String> {
    let namespace = event.str_at(&["objectRef", "namespace"]);
    let name = event.str_at(&["objectRef", "name"]);
    let answered = |key: &str| event.str_at(&["responseObject", "metadata", key]);
    let (namespace, name) =
        (namespace.or_else(|| answered("namespace"))?, name.or_else(|| answered("name"))?);
    Some(ServiceAccount { namespace, name }.subject())
}

/// The row of a token that was issued, or refused.
fn issued(record: &Record<'_>, event: &AuditEvent<'_>, presented: &IdentityAssertion) -> IdentityAssertion {
    let mut row = about_another(record, presented, Phase::Issue);
    row.parent_id = presented.credential_id.clone();
    row.subject = account_subject(event);
    row.bound_namespace = event.string_at(&["objectRef", "namespace"]);
    row.audience = listed(event, "audiences");
    fill_bound_object(&mut row, event);
    if let Some(claims) = event.str_at(&["responseObject", "status", "token"]).and_then(find_jwt_claims) {
        fill_claims(&mut row, claims);
    }
    if let Some(id) = event.annotation("issued-credential-id").and_then(Value::as_str) {
        set_credential(&mut row, id);
    }
    if row.bound_host.is_none() {
        // A kubelet may only ask for tokens of pods on its own node.
        row.bound_host = presented.subject.as_deref().and_then(node_of_subject).map(str::to_owned);
    }
    let reported = event.time_at(&["responseObject", "status", "expirationTimestamp"]);
    row.reported_expiry = reported.filter(|reported| row.exp != Some(*reported));
    let wished = event.at(&["requestObject", "spec", "expirationSeconds"]);
    let granted = event.at(&["responseObject", "spec", "expirationSeconds"]);
    let bound_object = event.at(&["requestObject", "spec", "boundObjectRef"]);
    row.unmapped = field::unmapped([
        ("requested_seconds", wished),
        ("granted_seconds", granted),
        ("boundObjectRef", bound_object),
        ("stale-token", event.annotation("stale-token")),
    ]);
    row
}

fn listed(event: &AuditEvent<'_>, key: &str) -> Vec<String> {
    let of = |object: &str| {
        event.at(&[object, "spec", key]).map(|list| field::list_at(list, &[])).unwrap_or_default()
    };
    let answered = of("responseObject");
    if answered.is_empty() { of("requestObject") } else { answered }
}

fn fill_bound_object(row: &mut IdentityAssertion, event: &AuditEvent<'_>) {
    let of = |object: &str| event.at(&[object, "spec", "boundObjectRef"]);
    let Some(bound) = of("requestObject").or_else(|| of("responseObject")) else { return };
    let name = event::find(bound, &["name"]).and_then(field::scalar_text);
    let uid = event::find(bound, &["uid"]).and_then(field::scalar_text);
    match event::find(bound, &["kind"]).and_then(Value::as_str) {
        Some("Pod") => (row.bound_pod, row.bound_pod_uid) = (name, uid),
        Some("Node") => (row.bound_host, row.bound_host_uid) = (name, uid),
        _ => {}
    }
}

/// Fills what the token says of itself; what the request said stays where the token is silent.
fn fill_claims(row: &mut IdentityAssertion, claims: JwtClaims) {
    if let Some(jti) = &claims.jti {
        set_credential(row, &format!("JTI={jti}"));
    }
    row.issuer = claims.iss.or(row.issuer.take());
    row.subject = claims.sub.or(row.subject.take());
    row.subject_uid = claims.service_account_uid.or(row.subject_uid.take());
    (row.iat, row.nbf, row.exp, row.warn_after) = (claims.iat, claims.nbf, claims.exp, claims.warn_after);
    row.cnf = claims.cnf;
    if !claims.aud.is_empty() {
        row.audience = claims.aud;
    }
    row.bound_namespace = claims.namespace.or(row.bound_namespace.take());
    row.bound_pod = claims.pod.or(row.bound_pod.take());
    row.bound_pod_uid = claims.pod_uid.or(row.bound_pod_uid.take());
    row.bound_host = claims.node.or(row.bound_host.take());
    row.bound_host_uid = claims.node_uid.or(row.bound_host_uid.take());
}

/// The row of a token that somebody else was shown and had checked here.
fn reviewed(
    record: &Record<'_>,
    event: &AuditEvent<'_>,
    presented: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    let status = event.at(&["responseObject", "status"])?;
    let authenticated = event::find(status, &["authenticated"]).and_then(Value::as_bool);
    let mut row = about_another(record, presented, Phase::Verify);
    row.credential_kind = None;
    // The address is the reviewer's; where the reviewed credential was shown is not known here.
    (row.src_addr, row.src_port, row.addr_quality) = (None, None, AddrQuality::None);
    row.addr_chain.clear();
    row.dst_identity = presented.subject.clone();
    if let Some(claims) = event.str_at(&["requestObject", "spec", "token"]).and_then(find_jwt_claims) {
        fill_claims(&mut row, claims);
    }
    if let Some(user) = event::find(status, &["user"]) {
        overlay_user(&mut row, user);
    }
    if let Some(audiences) = event::find(status, &["audiences"]) {
        row.audience = field::list_at(audiences, &[]);
    }
    row.decision = if authenticated == Some(true) { Decision::Allow } else { Decision::Deny };
    row.reason = event::find(status, &["error"]).and_then(field::scalar_text);
    (row.subject.is_some() || row.credential_id.is_some() || authenticated.is_some()).then_some(row)
}

/// What the API server found in the token counts more than what the token says; it may say less.
fn overlay_user(row: &mut IdentityAssertion, user: &Value) {
    let claimed = row.clone();
    fill_user(row, user);
    row.subject = row.subject.take().or(claimed.subject);
    row.subject_uid = row.subject_uid.take().or(claimed.subject_uid);
    if row.credential_id.is_none() {
        (row.credential_id, row.id_kind) = (claimed.credential_id, claimed.id_kind);
        row.credential_kind = row.credential_kind.take().or(claimed.credential_kind);
    }
    row.bound_namespace = row.bound_namespace.take().or(claimed.bound_namespace);
    row.bound_pod = row.bound_pod.take().or(claimed.bound_pod);
    row.bound_pod_uid = row.bound_pod_uid.take().or(claimed.bound_pod_uid);
    row.bound_host = row.bound_host.take().or(claimed.bound_host);
    row.bound_host_uid = row.bound_host_uid.take().or(claimed.bound_host_uid);
}

/// Deleting a service account ends every token of it.
fn revoked(record: &Record<'_>, event: &AuditEvent<'_>, presented: &IdentityAssertion) -> IdentityAssertion {
    let mut row = about_another(record, presented, Phase::Revoke);
    row.subject = account_subject(event);
    row.bound_namespace = event.string_at(&["objectRef", "namespace"]);
    let answered = |path: &[&str]| event.string_at(path);
    row.subject_uid = answered(&["responseObject", "details", "uid"])
        .or_else(|| answered(&["responseObject", "metadata", "uid"]))
        .or_else(|| answered(&["objectRef", "uid"]));
    row
}

/// An approval lets the signer issue; which certificate it was, only its later uses show.
fn certified(
    record: &Record<'_>,
    event: &AuditEvent<'_>,
    presented: &IdentityAssertion,
) -> IdentityAssertion {
    let mut row = about_another(record, presented, Phase::Issue);
    row.credential_kind = Some("x509".to_owned());
    let of = |path: &[&str]| {
        let at = |object: &'static str| [&[object], path].concat();
        event.at(&at("responseObject")).or_else(|| event.at(&at("requestObject")))
    };
    row.on_behalf_of = of(&["spec", "username"]).and_then(field::scalar_text);
    let conditions = of(&["status", "conditions"]).and_then(Value::as_array);
    let is_denied =
        |condition: &Value| event::find(condition, &["type"]).and_then(Value::as_str) == Some("Denied");
    if conditions.is_some_and(|conditions| conditions.iter().any(is_denied)) {
        row.decision = Decision::Deny;
    }
    row.unmapped = field::unmapped([
        ("signerName", of(&["spec", "signerName"])),
        ("usages", of(&["spec", "usages"])),
        ("expirationSeconds", of(&["spec", "expirationSeconds"])),
        ("requester_groups", of(&["spec", "groups"])),
        ("conditions", of(&["status", "conditions"])),
    ]);
    row
}

/// A secret of this type is a token without end; a controller fills it in.
fn lasting(
    record: &Record<'_>,
    event: &AuditEvent<'_>,
    presented: &IdentityAssertion,
) -> Option<IdentityAssertion> {
    let is_token =
        |object: &str| event.str_at(&[object, "type"]) == Some("kubernetes.io/service-account-token");
    let object = ["responseObject", "requestObject"].into_iter().find(|object| is_token(object))?;
    let name = event.str_at(&[object, "metadata", "annotations", "kubernetes.io/service-account.name"])?;
    let namespace = event.str_at(&["objectRef", "namespace"])?;
    let mut row = about_another(record, presented, Phase::Issue);
    row.credential_kind = Some("k8s-legacy-token".to_owned());
    row.parent_id = presented.credential_id.clone();
    row.subject = Some(ServiceAccount { namespace, name }.subject());
    row.bound_namespace = Some(namespace.to_owned());
    Some(row)
}

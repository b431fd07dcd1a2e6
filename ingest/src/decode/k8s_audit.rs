//! Kubernetes API audit: who presented which credential to the API server, from where, and what was decided.
//!
//! In: `audit.k8s.io` events in the wrappings that managed clouds and shippers give them (`event`).
//! Out: one assertion a request, when it is over; beside it what the request itself was about: a token that was
//! issued or reviewed (`token`), a pod or node that was placed (`placed`).
//! Owns: which stage counts, what the decision was, which address is the peer's (the last one: earlier ones are claims),
//! which requests were only tried out.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::subject::{ServiceAccount, is_instance_id, node_of_subject};
use super::{Decode, Format, Identity, Record, Reject, Verdict, field};
use event::AuditEvent;
pub(crate) use fast::FAST;

mod event;
mod fast;
mod gke;
mod placed;
#[cfg(test)]
mod tests;
mod token;

/// What a request is made to.
const API_SERVER: &str = "kube-apiserver";

pub(crate) const FORMAT: Format = Format {
    id: "k8s-audit",
    title: "Kubernetes API server audit (also through EKS, AKS, GKE, Elastic, SIEM exports)",
    fills: &["identity_assertions", "placements"],
    sample: r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"6f1d3b0a-2c57-4a53-8a64-0d2f6f3f9f11","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/secrets","verb":"list","user":{"username":"system:serviceaccount:shop:web","uid":"0f7c6f0e-5d9c-4b2f-9d47-1f5f3a0c9e21","groups":["system:serviceaccounts"],"extra":{"authentication.kubernetes.io/credential-id":["JTI=2b7d7c1e-84f3-4b0e-9c1d-3a5f6e7d8c90"],"authentication.kubernetes.io/pod-name":["web-7"],"authentication.kubernetes.io/pod-uid":["5d0a3c52-6f0b-4a7e-9d3e-2f4d1c9b7a10"],"authentication.kubernetes.io/node-name":["n1"]}},"sourceIPs":["10.1.0.7"],"userAgent":"curl/8.5.0","objectRef":{"resource":"secrets","namespace":"shop","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-03-01T10:00:00.000000Z","stageTimestamp":"2026-03-01T10:00:00.012000Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}"#,
    identity: Identity::Bytes,
    sniff: event::sniff,
    decoder: || Box::new(KubernetesAudit),
};

struct KubernetesAudit;

impl Decode for KubernetesAudit {
    fn is_stateless(&self) -> bool {
        true
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(event) = AuditEvent::of(record) else {
            return Verdict::reject("not-an-audit-event", "no audit.k8s.io event was found in the record");
        };
        match event.str_at(&["stage"]) {
            Some("RequestReceived") => Verdict::Skipped("request-received"),
            Some("ResponseStarted") => Verdict::Skipped("response-started"),
            _ => read(record, &event, rows).map_or_else(Verdict::Rejected, |()| Verdict::Decoded),
        }
    }
}

fn read(record: &Record<'_>, event: &AuditEvent<'_>, rows: &mut EventRows) -> Result<(), Reject> {
    let event_time = event.received().or_else(|| event.fallback_time(record));
    let event_time = event_time
        .ok_or_else(|| field::no_time("requestReceivedTimestamp", event.at(&["requestReceivedTimestamp"])))?;
    let presented = presented(record, event, event_time);
    let about_a_token = token::row(record, event, &presented);
    rows.placements.extend(placed::row(record, event, &presented));
    rows.identity_assertions.push(presented);
    rows.identity_assertions.extend(about_a_token);
    Ok(())
}

/// The row of the request itself.
fn presented(record: &Record<'_>, event: &AuditEvent<'_>, event_time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(event_time);
    row.phase = Phase::Present;
    row.end_time = event.ended();
    row.request_id = event.string_at(&["auditID"]);
    (row.decision, row.reason) = judge(event);
    row.enforcement = match row.decision {
        Decision::None => Enforcement::Unknown,
        // A refusal is one, whatever would have come of the request.
        Decision::Allow if event.is_dry_run() => Enforcement::DryRun,
        _ => Enforcement::Enforced,
    };
    row.status = event.at(&["responseStatus", "code"]).and_then(|code| field::u16_at(code, &[]));
    row.user_agent = event.string_at(&["userAgent"]);
    row.dst = Some(API_SERVER.to_owned());
    row.action = action(event);
    row.resource = resource(event);
    row.platform = Some("k8s".to_owned());
    row.cluster = event.cluster(record);
    row.account = event.account(record);
    row.on_behalf_of = event.string_at(&["impersonatedUser", "username"]);
    if let Some(user) = event.at(&["user"]) {
        fill_user(&mut row, user);
    }
    fill_source(&mut row, event);
    fill_remarks(&mut row, event);
    row
}

/// Subject, credential and binding, from a user as Kubernetes describes it (also in a TokenReview).
fn fill_user(row: &mut IdentityAssertion, user: &Value) {
    row.subject = event::find(user, &["username"]).and_then(field::scalar_text);
    row.subject_uid = event::find(user, &["uid"]).and_then(field::scalar_text);
    row.bound_pod = event::extra(user, "pod-name");
    row.bound_pod_uid = event::extra(user, "pod-uid");
    row.bound_host = event::extra(user, "node-name");
    row.bound_host_uid = event::extra(user, "node-uid");
    let subject = row.subject.as_deref().unwrap_or_default();
    let account = ServiceAccount::of_subject(subject);
    row.bound_namespace = account.map(|account| account.namespace.to_owned());
    row.bound_host = row.bound_host.take().or_else(|| node_of_subject(subject).map(str::to_owned));
    if let Some(id) = event::extra(user, "credential-id") {
        set_credential(row, &id);
    } else if account.is_some() {
        row.credential_kind = Some("k8s-token".to_owned());
    } else {
        fill_aws_user(row, user);
    }
}

/// Sets a credential id as Kubernetes writes it: `JTI=…` or `X509SHA256=…`.
fn set_credential(row: &mut IdentityAssertion, id: &str) {
    let (id, id_kind, kind) = match id.split_once('=') {
        Some(("JTI", _)) => (id.to_owned(), IdKind::Jti, "k8s-token"),
        Some(("X509SHA256", hex)) => (format!("X509SHA256={}", hex.to_lowercase()), IdKind::CertFp, "x509"),
        Some(_) => (id.to_owned(), IdKind::Tuple, "unknown"),
        None => (format!("JTI={id}"), IdKind::Jti, "k8s-token"),
    };
    row.credential_id = Some(id);
    row.id_kind = id_kind;
    row.credential_kind = Some(kind.to_owned());
}

/// EKS maps AWS principals to users and says which access key signed the login.
fn fill_aws_user(row: &mut IdentityAssertion, user: &Value) {
    let Some(key) = event::plain_extra(user, "accessKeyId") else { return };
    row.credential_kind = match key.get(..4) {
        Some("ASIA") => Some("aws-session".to_owned()),
        Some("AKIA") => Some("aws-key".to_owned()),
        _ => Some("unknown".to_owned()),
    };
    row.credential_id = Some(key);
    row.id_kind = IdKind::AccessKey;
    row.bound_instance = event::plain_extra(user, "sessionName").filter(|name| is_instance_id(name));
}

/// The peer is the last address; those before it are what the client, or a proxy, said.
fn fill_source(row: &mut IdentityAssertion, event: &AuditEvent<'_>) {
    let mut texts = event.at(&["sourceIPs"]).map(|list| field::list_at(list, &[])).unwrap_or_default();
    let peer = texts.pop().and_then(|text| Address::parse(&text));
    row.src_addr = peer.map(|peer| peer.text());
    row.src_port = peer.and_then(|peer| peer.port);
    row.addr_quality = if peer.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    let claim = |text: String| Address::parse(&text).map_or(text, |address| address.text());
    row.addr_chain = texts.into_iter().map(claim).collect();
}

fn fill_remarks(row: &mut IdentityAssertion, event: &AuditEvent<'_>) {
    let legacy = event.annotations().any(|(name, _)| name.contains("legacytoken"));
    if legacy {
        row.credential_kind = Some("k8s-legacy-token".to_owned());
    }
    let is_account = row.subject.as_deref().and_then(ServiceAccount::of_subject).is_some();
    let unbound = is_account && row.bound_pod_uid.is_none() && row.bound_host.is_none();
    let remarks = [
        (row.request_id.is_some(), "client-chosen-id"),
        (!row.addr_chain.is_empty(), "forwarded-address"),
        (event.annotation("stale-token").is_some(), "stale-token"),
        (legacy, "legacy-token"),
        (unbound, "no-binding"),
        (event.truncated, "truncated"),
    ];
    row.trust_flags =
        remarks.iter().filter(|(holds, _)| *holds).map(|(_, remark)| (*remark).to_owned()).collect();
    let extra = event.at(&["user"]).and_then(event::foreign_extras);
    row.unmapped = field::unmapped([
        ("requestURI", event.at(&["requestURI"])),
        ("stale-token", event.annotation("stale-token")),
        ("legacy-token", event.annotation("legacy-token")),
        ("sourceIPs", event.at(&["sourceIPs"]).filter(|_| row.src_addr.is_none())),
        ("level", event.at(&["level"])),
        ("object_uid", event.at(&["objectRef", "uid"])),
        ("apiGroup", event.at(&["objectRef", "apiGroup"])),
        ("groups", event.at(&["user", "groups"])),
        ("impersonated", event.at(&["impersonatedUser"])),
        ("extra", extra.as_ref()),
    ]);
}

/// `verb resource[/subresource]`, or `verb path` for what is no resource.
fn action(event: &AuditEvent<'_>) -> Option<String> {
    let target = match (event.str_at(&["objectRef", "resource"]), event.str_at(&["objectRef", "subresource"]))
    {
        (Some(resource), Some(subresource)) => Some(format!("{resource}/{subresource}")),
        (Some(resource), None) => Some(resource.to_owned()),
        (None, _) => event.str_at(&["requestURI"]).map(|uri| uri.split('?').next().unwrap_or(uri).to_owned()),
    };
    match (event.str_at(&["verb"]), target) {
        (Some(verb), Some(target)) => Some(format!("{verb} {target}")),
        (Some(word), None) => Some(word.to_owned()),
        (None, target) => target,
    }
}

/// `namespace/name`, `name` for what is in no namespace, `namespace/` for all of a namespace.
fn resource(event: &AuditEvent<'_>) -> Option<String> {
    match (event.str_at(&["objectRef", "namespace"]), event.str_at(&["objectRef", "name"])) {
        (Some(namespace), name) => Some(format!("{namespace}/{}", name.unwrap_or_default())),
        (None, name) => name.map(str::to_owned),
    }
}

/// What was decided, and why. An answer of 401 or 403 is a refusal even after the authorizer allowed (admission);
/// any other failure after that leaves the decision as it was.
fn judge(event: &AuditEvent<'_>) -> (Decision, Option<String>) {
    let code = event.at(&["responseStatus", "code"]).and_then(|code| field::u16_at(code, &[]));
    let authorized = event.annotation("decision").and_then(Value::as_str);
    let decision = match (authorized, code) {
        (Some("forbid" | "deny"), _) | (_, Some(401 | 403)) => Decision::Deny,
        (Some("allow"), _) => Decision::Allow,
        (_, Some(400..)) => Decision::Error,
        (_, Some(_)) => Decision::Allow,
        (_, None) => Decision::None,
    };
    let said = event.annotation("reason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
    let failed = code.filter(|code| *code >= 400).map(|code| failure(event, code));
    let parts: Vec<String> = said.map(str::to_owned).into_iter().chain(failed).collect();
    (decision, (!parts.is_empty()).then(|| parts.join("; ")))
}

fn failure(event: &AuditEvent<'_>, code: u16) -> String {
    let message =
        event.str_at(&["responseStatus", "message"]).or_else(|| event.str_at(&["responseStatus", "reason"]));
    message.map_or_else(|| format!("code {code}"), |message| format!("code {code}: {message}"))
}

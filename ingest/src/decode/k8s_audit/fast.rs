//! Plain audit events, straight into columns.
//!
//! In: an `audit.k8s.io` event as the API server writes it. Out: the assertion of the request, and that of the token
//! that it asked for, where the record holds no bodies.
//! Leaves to the strict path: other requests about another credential, or about a place, impersonation, principals
//! of clouds, dry runs, deletions with options, and all keys that the API server does not write.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions::Builder;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};

use super::super::address;
use super::super::subject::{ServiceAccount, node_of_subject};
use super::API_SERVER;
use super::event::asks_dry_run;
use crate::fast::{Fast, Fate, Line, Shape, Slot, Strict, Unmapped, inside, keep, skip};

const KIND: usize = 0;
const VERSION: usize = 1;
const LEVEL: usize = 2;
const AUDIT_ID: usize = 3;
const STAGE: usize = 4;
const URI: usize = 5;
const VERB: usize = 6;
const USERNAME: usize = 7;
const USER_UID: usize = 8;
const GROUPS: usize = 9;
const CREDENTIAL: usize = 10;
const NODE: usize = 11;
const NODE_UID: usize = 12;
const POD: usize = 13;
const POD_UID: usize = 14;
const IMPERSONATED: usize = 15;
const SOURCES: usize = 16;
const AGENT: usize = 17;
const RESOURCE: usize = 18;
const NAMESPACE: usize = 19;
const NAME: usize = 20;
const OBJECT_UID: usize = 21;
const API_GROUP: usize = 22;
const SUBRESOURCE: usize = 23;
const CODE: usize = 24;
const MESSAGE: usize = 25;
const WHY: usize = 26;
const REQUEST: usize = 27;
const RESPONSE: usize = 28;
const RECEIVED: usize = 29;
const ENDED: usize = 30;
const DECISION: usize = 31;
const REASON: usize = 32;
const ISSUED: usize = 33;
const SLOTS: usize = 34;

static EXTRA: Shape = Shape::closed(&[
    keep("authentication.kubernetes.io/credential-id", CREDENTIAL),
    keep("authentication.kubernetes.io/node-name", NODE),
    keep("authentication.kubernetes.io/node-uid", NODE_UID),
    keep("authentication.kubernetes.io/pod-name", POD),
    keep("authentication.kubernetes.io/pod-uid", POD_UID),
]);
static USER: Shape = Shape::closed(&[
    keep("username", USERNAME),
    keep("uid", USER_UID),
    keep("groups", GROUPS),
    inside("extra", &EXTRA),
]);
static OBJECT: Shape = Shape::closed(&[
    keep("resource", RESOURCE),
    keep("namespace", NAMESPACE),
    keep("name", NAME),
    keep("uid", OBJECT_UID),
    keep("apiGroup", API_GROUP),
    skip("apiVersion"),
    skip("resourceVersion"),
    keep("subresource", SUBRESOURCE),
]);
static STATUS: Shape = Shape::closed(&[
    skip("metadata"),
    skip("status"),
    keep("message", MESSAGE),
    keep("reason", WHY),
    skip("details"),
    keep("code", CODE),
]);
static ANNOTATIONS: Shape = Shape::closed(&[
    skip("apiserver.latency.k8s.io/etcd"),
    skip("apiserver.latency.k8s.io/response-write"),
    skip("apiserver.latency.k8s.io/serialize-response-object"),
    skip("apiserver.latency.k8s.io/total"),
    skip("apiserver.latency.k8s.io/transform-response-object"),
    keep("authentication.kubernetes.io/issued-credential-id", ISSUED),
    keep("authorization.k8s.io/decision", DECISION),
    keep("authorization.k8s.io/reason", REASON),
    skip("k8s.io/deprecated"),
    skip("k8s.io/removed-release"),
    skip("pod-security.kubernetes.io/audit-violations"),
    skip("pod-security.kubernetes.io/enforce-policy"),
    skip("pod-security.kubernetes.io/exempt"),
]);
static EVENT: Shape = Shape::closed(&[
    keep("kind", KIND),
    keep("apiVersion", VERSION),
    keep("level", LEVEL),
    keep("auditID", AUDIT_ID),
    keep("stage", STAGE),
    keep("requestURI", URI),
    keep("verb", VERB),
    inside("user", &USER),
    keep("impersonatedUser", IMPERSONATED),
    keep("sourceIPs", SOURCES),
    keep("userAgent", AGENT),
    inside("objectRef", &OBJECT),
    inside("responseStatus", &STATUS),
    keep("requestObject", REQUEST),
    keep("responseObject", RESPONSE),
    keep("requestReceivedTimestamp", RECEIVED),
    keep("stageTimestamp", ENDED),
    inside("annotations", &ANNOTATIONS),
]);

pub(crate) const FAST: Fast = Fast {
    id: super::FORMAT.id,
    sample: super::FORMAT.sample,
    confidence: 98,
    shape: &EVENT,
    slots: SLOTS,
    read,
};

fn read(slots: &[Slot<'_>], line: &mut Line<'_, '_>) -> Result<Fate, Strict> {
    let slots: &[Slot<'_>; SLOTS] = slots.first_chunk().ok_or(Strict)?;
    let is_event = slots[KIND] == Slot::Text("Event")
        && slots[VERSION].plain()?.is_some_and(|version| version.starts_with("audit.k8s.io/"));
    if !is_event {
        return Err(Strict);
    }
    match slots[STAGE].plain()? {
        Some("RequestReceived") => return line.commit().map(|_| Fate::Skipped("request-received")),
        Some("ResponseStarted") => return line.commit().map(|_| Fate::Skipped("response-started")),
        _ => {}
    }
    let asks_for_token = asks_for_token(slots)?;
    if !slots[IMPERSONATED].is_nothing() || !(asks_for_token || tells_only_of_itself(slots)?) {
        return Err(Strict);
    }
    if may_be_dry_run(slots)? {
        return Err(Strict);
    }
    let event_time = slots[RECEIVED].time()?.ok_or(Strict)?;
    let event = Event::of(slots, line.remark())?;
    let issued = asks_for_token.then(|| Issued::of(&event)).transpose()?;
    let write_issued = |columns: &mut Builder, row: usize, first: &mut String| {
        if let Some(issued) = &issued {
            issued.write(columns, row, first);
        }
    };
    line.assertions(
        event_time,
        |text| event.unmapped(slots, text),
        |columns, row, first| event.write(columns, row, first),
        if asks_for_token { Some(&write_issued) } else { None },
    )
}

/// Whether the query asks for a dry run, or the body, which is the options of a deletion or of an eviction, may do so.
fn may_be_dry_run(slots: &[Slot<'_>; SLOTS]) -> Result<bool, Strict> {
    let asked = slots[URI].text()?.is_some_and(|uri| asks_dry_run(&uri));
    let has_options = match slots[VERB].plain()?.unwrap_or_default() {
        "delete" | "deletecollection" => true,
        "create" => slots[SUBRESOURCE].plain()? == Some("eviction"),
        _ => false,
    };
    Ok(asked || (has_options && !slots[REQUEST].is_nothing()))
}

/// Whether the request is for a token of a service account, and nothing is there of what was asked and answered.
fn asks_for_token(slots: &[Slot<'_>; SLOTS]) -> Result<bool, Strict> {
    Ok(slots[VERB].plain()? == Some("create")
        && slots[RESOURCE].plain()? == Some("serviceaccounts")
        && slots[SUBRESOURCE].plain()? == Some("token")
        && slots[REQUEST].is_nothing()
        && slots[RESPONSE].is_nothing())
}

/// Whether the request is surely no issuing, review or revocation, and places nothing.
fn tells_only_of_itself(slots: &[Slot<'_>; SLOTS]) -> Result<bool, Strict> {
    let verb = slots[VERB].plain()?.unwrap_or_default();
    let changes = matches!(verb, "create" | "update" | "patch" | "delete");
    let has_object = !slots[REQUEST].is_nothing() || !slots[RESPONSE].is_nothing();
    Ok(match slots[RESOURCE].plain()?.unwrap_or_default() {
        "serviceaccounts" | "tokenreviews" => !changes,
        // Without an object, a change names a pod or node, and no place.
        "pods" | "bindings" | "nodes" => !changes || (verb != "delete" && !has_object),
        _ => true,
    })
}

/// What the row says beyond plain columns.
struct Event<'s, 'a> {
    slots: &'s [Slot<'a>; SLOTS],
    subject: Option<&'a str>,
    account: Option<ServiceAccount<'a>>,
    credential: Option<(&'a str, IdKind, &'static str)>,
    bound: [Option<&'a str>; 4],
    peer: Option<&'a str>,
    claims: Vec<&'a str>,
    code: Option<u16>,
    authorized: Option<&'a str>,
    end: Option<EventTime>,
    /// What its remarks end with.
    remark: Option<&'static str>,
}

impl<'s, 'a> Event<'s, 'a> {
    fn of(slots: &'s [Slot<'a>; SLOTS], remark: Option<&'static str>) -> Result<Self, Strict> {
        // What is written below as it stands must be text.
        for slot in [AUDIT_ID, AGENT, URI, NAMESPACE, NAME, SUBRESOURCE, USER_UID, REASON, MESSAGE, WHY] {
            slots[slot].text_or_nothing()?;
        }
        let subject = slots[USERNAME].plain()?;
        let first = |slot: usize| slots[slot].texts().map(|mut texts| texts.next());
        let mut sources: Vec<&str> = slots[SOURCES].texts()?.collect();
        let peer = sources.pop();
        // The normal form of any other address than a plain one is for the strict path to make.
        let all_plain = sources.iter().chain(peer.iter()).all(|text| address::is_plain(text));
        all_plain.then_some(()).ok_or(Strict)?;
        Ok(Self {
            slots,
            subject,
            account: subject.and_then(ServiceAccount::of_subject),
            credential: first(CREDENTIAL)?.map(credential).transpose()?,
            bound: [first(POD)?, first(POD_UID)?, first(NODE)?, first(NODE_UID)?],
            peer,
            claims: sources,
            code: slots[CODE].u16()?,
            authorized: slots[DECISION].plain()?,
            end: slots[ENDED].time()?,
            remark,
        })
    }

    fn decision(&self) -> Decision {
        match (self.authorized, self.code) {
            (Some("forbid" | "deny"), _) | (_, Some(401 | 403)) => Decision::Deny,
            (Some("allow"), _) => Decision::Allow,
            (_, Some(400..)) => Decision::Error,
            (_, Some(_)) => Decision::Allow,
            (_, None) => Decision::None,
        }
    }

    fn write(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        columns.phase.put_text(row, Phase::Present.as_str());
        self.write_request(columns, row, buffer);
        self.write_user(columns, row);
        let unbound = self.account.is_some() && self.bound[1].is_none() && self.bound_host().is_none();
        self.write_remarks(columns, row, unbound);
    }

    /// What the rows of a request have in common.
    fn write_request(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let decision = self.decision();
        let enforcement =
            if decision == Decision::None { Enforcement::Unknown } else { Enforcement::Enforced };
        columns.decision.put(row, &decision);
        columns.enforcement.put(row, &enforcement);
        columns.end_time.put(row, &self.end);
        columns.status.put(row, &self.code);
        columns.dst.put_text(row, API_SERVER);
        columns.platform.put_text(row, "k8s");
        self.slots[AUDIT_ID].put(&mut columns.request_id, row);
        self.slots[AGENT].put(&mut columns.user_agent, row);
        self.write_texts(columns, row, buffer);
        self.write_source(columns, row);
    }

    /// Action, resource and reason.
    fn write_texts(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let text = |slot: usize| self.slots[slot].text_or_none();
        buffer.clear();
        let verb = text(VERB);
        let (resource, uri) = (text(RESOURCE), text(URI));
        let path = uri.as_deref().map(|uri| uri.split('?').next().unwrap_or(uri));
        let target = resource.as_deref().or(path);
        buffer.extend(verb.as_deref());
        buffer.extend(verb.as_ref().and(target).map(|_| " "));
        buffer.extend(target);
        if let (Some(_), Some(subresource)) = (&resource, text(SUBRESOURCE)) {
            buffer.push('/');
            buffer.push_str(&subresource);
        }
        if verb.is_some() || target.is_some() {
            columns.action.put_text(row, buffer);
        }
        buffer.clear();
        if let Some(namespace) = text(NAMESPACE) {
            buffer.push_str(&namespace);
            buffer.push('/');
        }
        buffer.extend(text(NAME).as_deref());
        if !buffer.is_empty() {
            columns.resource.put_text(row, buffer);
        }
        buffer.clear();
        buffer.extend(text(REASON).as_deref());
        if let Some(code) = self.code.filter(|code| *code >= 400) {
            let separator = if buffer.is_empty() { "" } else { "; " };
            buffer.push_str(&match text(MESSAGE).or_else(|| text(WHY)) {
                Some(message) => format!("{separator}code {code}: {message}"),
                None => format!("{separator}code {code}"),
            });
        }
        if !buffer.is_empty() {
            columns.reason.put_text(row, buffer);
        }
    }

    fn bound_host(&self) -> Option<&'a str> {
        self.bound[2].or_else(|| self.subject.and_then(node_of_subject))
    }

    fn write_user(&self, columns: &mut Builder, row: usize) {
        let [pod, pod_uid, _, host_uid] = self.bound;
        let put = |column: &mut offbound_schemas::Column<Option<String>>, text: Option<&str>| {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        };
        put(&mut columns.subject, self.subject);
        put(&mut columns.bound_pod, pod);
        put(&mut columns.bound_pod_uid, pod_uid);
        put(&mut columns.bound_host, self.bound_host());
        put(&mut columns.bound_host_uid, host_uid);
        put(&mut columns.bound_namespace, self.account.map(|account| account.namespace));
        put(&mut columns.credential_id, self.credential.map(|(id, ..)| id));
        let kind = self.credential.map(|(.., kind)| kind);
        put(&mut columns.credential_kind, kind.or_else(|| self.account.map(|_| "k8s-token")));
        if let Some((_, id_kind, _)) = self.credential {
            columns.id_kind.put(row, &id_kind);
        }
        self.slots[USER_UID].put(&mut columns.subject_uid, row);
    }

    fn write_source(&self, columns: &mut Builder, row: usize) {
        if let Some(peer) = self.peer {
            columns.src_addr.put_text(row, peer);
            columns.addr_quality.put(row, &AddrQuality::Direct);
        } else {
            columns.addr_quality.put(row, &AddrQuality::None);
        }
        if !self.claims.is_empty() {
            columns.addr_chain.put_texts(row, self.claims.iter().copied());
        }
    }

    fn write_remarks(&self, columns: &mut Builder, row: usize, unbound: bool) {
        let remarks = [
            (self.slots[AUDIT_ID].text_or_none().is_some(), "client-chosen-id"),
            (!self.claims.is_empty(), "forwarded-address"),
            (unbound, "no-binding"),
        ];
        if remarks.iter().any(|(holds, _)| *holds) {
            let remarks = remarks.iter().filter(|(holds, _)| *holds).map(|(_, remark)| *remark);
            columns.trust_flags.put_texts(row, remarks.chain(self.remark));
        }
    }

    fn unmapped<'b>(
        &self,
        slots: &[Slot<'_>; SLOTS],
        out: &'b mut String,
    ) -> Result<Option<&'b str>, Strict> {
        let mut unmapped = Unmapped::new(out);
        unmapped.add("apiGroup", slots[API_GROUP])?;
        unmapped.add("groups", slots[GROUPS])?;
        unmapped.add("level", slots[LEVEL])?;
        unmapped.add("object_uid", slots[OBJECT_UID])?;
        unmapped.add("requestURI", slots[URI])?;
        if self.peer.is_none() {
            unmapped.add("sourceIPs", slots[SOURCES])?;
        }
        unmapped.finish()
    }
}

/// What the row of a token says that was asked for.
struct Issued<'e, 's, 'a> {
    event: &'e Event<'s, 'a>,
    namespace: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    credential: Option<(&'a str, IdKind, &'static str)>,
}

impl<'e, 's, 'a> Issued<'e, 's, 'a> {
    fn of(event: &'e Event<'s, 'a>) -> Result<Self, Strict> {
        let id = event.slots[ISSUED];
        // An empty id is one.
        let id = if id == Slot::Text("") { Err(Strict) } else { id.plain() }?;
        Ok(Self {
            event,
            namespace: event.slots[NAMESPACE].text()?,
            name: event.slots[NAME].text()?,
            credential: id.map(credential).transpose()?,
        })
    }

    /// As `super::token::issued` does.
    fn write(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let event = self.event;
        columns.phase.put_text(row, Phase::Issue.as_str());
        event.write_request(columns, row, buffer);
        event.write_remarks(columns, row, false);
        if let (Some(namespace), Some(name)) = (&self.namespace, &self.name) {
            columns.subject.put_text(row, &ServiceAccount { namespace, name }.subject());
        }
        let put = |column: &mut offbound_schemas::Column<Option<String>>, text: Option<&str>| {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        };
        put(&mut columns.presenter, event.subject);
        put(&mut columns.bound_namespace, self.namespace.as_deref());
        put(&mut columns.parent_id, event.credential.map(|(id, ..)| id));
        // A kubelet may only ask for tokens of pods on its own node.
        put(&mut columns.bound_host, event.subject.and_then(node_of_subject));
        put(&mut columns.credential_id, self.credential.map(|(id, ..)| id));
        put(&mut columns.credential_kind, Some(self.credential.map_or("k8s-token", |(.., kind)| kind)));
        if let Some((_, id_kind, _)) = self.credential {
            columns.id_kind.put(row, &id_kind);
        }
    }
}

/// A credential's id, what it is, and the kind of the credential.
fn credential(id: &str) -> Result<(&str, IdKind, &'static str), Strict> {
    match id.split_once('=') {
        Some(("JTI", _)) => Ok((id, IdKind::Jti, "k8s-token")),
        Some(("X509SHA256", hex)) if !hex.chars().any(char::is_uppercase) && hex.is_ascii() => {
            Ok((id, IdKind::CertFp, "x509"))
        }
        _ => Err(Strict),
    }
}

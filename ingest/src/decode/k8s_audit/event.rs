//! One audit event, whatever stands around it and however its keys were rewritten.
//!
//! In: a record. Out: lookups that do not care for key case, dots or slashes (`_slash_`) that shippers changed.
//! Owns: recognition, what a dry run is, the wrappings (AKS `properties.log`, Elastic `kubernetes.audit`, GKE `protoPayload`, log stores that
//! keep objects as text), the mending of events that a log service cut off (`[Truncated...]`). Leaves the common envelopes to the peeling before decoding.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use serde_json::Value;

use super::super::loose::fold;
use super::super::{CUT_MARK, Record, field};
use super::gke;

pub(super) use super::super::loose::at as find;

/// One audit event.
pub(super) struct AuditEvent<'r> {
    json: Cow<'r, Value>,
    /// What stood around the event, with its own fields.
    wrapper: Option<&'r Value>,
    /// The event was cut off; what came after the cut is unknown.
    pub(super) truncated: bool,
}

/// How surely a record holds an audit event.
pub(super) fn sniff(record: &Record<'_>) -> u8 {
    match record.json {
        Some(json) if gke::is_entry(json) => 99,
        Some(json) if has_audit_version(json) => 98,
        Some(json) if looks_like_event(json) => 90,
        Some(json) if wrapped(json).is_some() => 95,
        Some(json) if looks_like_stub(json) => 60,
        None if is_cut_event(record.text) => 95,
        _ => 0,
    }
}

fn has_audit_version(json: &Value) -> bool {
    let version =
        field::str_at(json, &["apiVersion"]).is_some_and(|version| version.starts_with("audit.k8s.io/"));
    version && field::str_at(json, &["kind"]) != Some("EventList")
}

fn looks_like_event(json: &Value) -> bool {
    json.is_object()
        && ["auditID", "stage", "verb", "requestURI"].iter().all(|key| find(json, &[key]).is_some())
}

/// An event that lost its id and version on the way through a log store.
fn looks_like_stub(json: &Value) -> bool {
    let kept = [&["verb"][..], &["user", "username"], &["objectRef", "resource"], &["sourceIPs"]];
    json.is_object() && kept.iter().all(|path| find(json, path).is_some())
}

/// The event inside a wrapping that is an object of its own.
fn wrapped(json: &Value) -> Option<AuditEvent<'_>> {
    let event = |inner, truncated| AuditEvent { json: inner, wrapper: Some(json), truncated };
    if gke::is_entry(json) {
        return gke::event(json).map(|inner| event(Cow::Owned(inner), false));
    }
    if let Some(text) = ["content", "event"].iter().find_map(|key| field::str_at(json, &[key])) {
        let inner = crate::json::parse(text).ok().filter(has_audit_version);
        return inner.map(|inner| event(Cow::Owned(inner), false));
    }
    if let Some(inner) = field::at(json, &["kubernetes", "audit"]) {
        return looks_like_event(inner).then(|| event(Cow::Borrowed(inner), false));
    }
    let category = field::str_at(json, &["category"]).or_else(|| field::str_at(json, &["Category"]));
    category.filter(|category| category.starts_with("kube-audit"))?;
    match field::at(json, &["properties", "log"]).or_else(|| field::at(json, &["log_s"]))? {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner) => Some(event(Cow::Owned(inner), false)),
            Err(_cut_off) => mend(text).map(|inner| event(Cow::Owned(inner), true)),
        },
        inner => Some(event(Cow::Borrowed(inner), false)),
    }
}

fn is_cut_event(text: &str) -> bool {
    text.starts_with('{') && text.contains(CUT_MARK) && text.contains("\"auditID\"")
}

impl<'r> AuditEvent<'r> {
    /// Finds the event of a record.
    pub(super) fn of(record: &Record<'r>) -> Option<Self> {
        let Some(json) = record.json else {
            let json = mend(record.text)?;
            return Some(Self { json: Cow::Owned(json), wrapper: None, truncated: true });
        };
        let plain = || {
            let json = spelled_out(json).map_or(Cow::Borrowed(json), Cow::Owned);
            json.is_object().then_some(Self { json, wrapper: None, truncated: false })
        };
        wrapped(json).or_else(plain)
    }

    /// The value at `path`.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Value> {
        find(&self.json, path)
    }

    /// Text at `path`, unless empty.
    pub(super) fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// Text or number at `path`, as text.
    pub(super) fn string_at(&self, path: &[&str]) -> Option<String> {
        self.at(path).and_then(field::scalar_text)
    }

    /// The moment at `path`.
    pub(super) fn time_at(&self, path: &[&str]) -> Option<EventTime> {
        self.at(path).and_then(|value| field::time_at(value, &[]))
    }

    /// When the API server received the request; the tables `AKSAudit` and `AKSAuditAdmin` of Azure say so in other words.
    pub(super) fn received(&self) -> Option<EventTime> {
        ["requestReceivedTimestamp", "requestReceivedTime"].iter().find_map(|key| self.time_at(&[key]))
    }

    /// When the stage was reached that the event tells of.
    pub(super) fn ended(&self) -> Option<EventTime> {
        ["stageTimestamp", "stageReceivedTime"].iter().find_map(|key| self.time_at(&[key]))
    }

    /// When it happened, where the event does not say when it was received.
    pub(super) fn fallback_time(&self, record: &Record<'_>) -> Option<EventTime> {
        const OWN: [&str; 3] = ["timestamp", "@timestamp", "TimeGenerated"];
        const AROUND: [&str; 3] = ["time", "@timestamp", "TimeGenerated"];
        let own = || OWN.iter().find_map(|key| self.time_at(&[key]));
        let around = || AROUND.iter().find_map(|key| field::time_at(self.wrapper?, &[key]));
        self.ended().or_else(own).or_else(around).or(record.envelope.time)
    }

    /// Whether the request was only tried out: all is checked, and nothing is stored. The query says so, or the options
    /// of a deletion, which are its body. Tokens and reviews are never stored, so they are given all the same.
    pub(super) fn is_dry_run(&self) -> bool {
        let (verb, subresource) = (self.str_at(&["verb"]), self.str_at(&["objectRef", "subresource"]));
        // Any other body is what a client made up: a patch may have a field of this name.
        let options: Option<&[&str]> = match (verb, subresource) {
            (Some("delete" | "deletecollection"), _) => Some(&["requestObject", "dryRun"]),
            (Some("create"), Some("eviction")) => Some(&["requestObject", "deleteOptions", "dryRun"]),
            _ => None,
        };
        let of_options = options.and_then(|path| self.at(path)).is_some_and(|asked| !is_empty_list(asked));
        let of_query = || self.str_at(&["requestURI"]).is_some_and(asks_dry_run);
        let resource = self.str_at(&["objectRef", "resource"]).unwrap_or_default();
        let answers =
            resource == "tokenreviews" || (resource == "serviceaccounts" && subresource == Some("token"));
        !answers && (of_options || of_query())
    }

    /// The cluster, where the wrapping names it: the AKS or GKE resource, or the EKS log group.
    pub(super) fn cluster(&self, record: &Record<'_>) -> Option<String> {
        let said = |path: &[&str]| self.wrapper.and_then(|wrapper| field::str_at(wrapper, path));
        if let Some(name) = said(&["resource", "labels", "cluster_name"]) {
            return Some(name.to_owned());
        }
        let of_row = || field::str_at(&self.json, &["_ResourceId"]);
        let of_wrapper =
            said(&["resourceId"]).or_else(|| said(&["ResourceId"])).or_else(|| said(&["_ResourceId"]));
        let origin = of_wrapper.or_else(of_row).or(record.envelope.origin.as_deref())?;
        let name = match origin.strip_prefix("/aws/eks/") {
            Some(rest) => rest.split('/').next()?.to_owned(),
            None => {
                let (resource, name) = origin.rsplit_once('/')?;
                let of_azure = resource.to_lowercase().ends_with("/managedclusters");
                of_azure.then(|| name.to_lowercase())?
            }
        };
        (!name.is_empty()).then_some(name)
    }

    /// The cloud account, where the wrapping names it.
    pub(super) fn account(&self, record: &Record<'_>) -> Option<String> {
        let project =
            self.wrapper.and_then(|wrapper| field::str_at(wrapper, &["resource", "labels", "project_id"]));
        project.map(str::to_owned).or_else(|| record.envelope.account.clone())
    }

    /// Annotations, their names folded to letters and digits.
    pub(super) fn annotations(&self) -> impl Iterator<Item = (String, &Value)> {
        let annotations = self.at(&["annotations"]).and_then(Value::as_object);
        annotations.into_iter().flatten().map(|(name, value)| (fold(name), value))
    }

    /// The annotation `name` of the API server's authentication or authorization.
    pub(super) fn annotation(&self, name: &str) -> Option<&Value> {
        let name = fold(name);
        self.annotations().find(|(key, _)| is_own_key(key, &name)).map(|(_, value)| value)
    }
}

/// Whether the query of a URI has `dryRun=All`; any other value is refused by the API server.
pub(super) fn asks_dry_run(uri: &str) -> bool {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|part| part.strip_prefix("dryRun=").is_some_and(|value| !value.is_empty()))
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// The first value of `authentication.kubernetes.io/NAME` among a user's extras.
pub(super) fn extra(user: &Value, name: &str) -> Option<String> {
    let name = fold(name);
    let extras = find(user, &["extra"])?.as_object()?;
    let (_, value) = extras.iter().find(|(key, _)| is_own_key(&fold(key), &name))?;
    field::list_at(value, &[]).into_iter().next()
}

/// The first value of an extra whose key has no prefix.
pub(super) fn plain_extra(user: &Value, name: &str) -> Option<String> {
    find(user, &["extra", name]).and_then(|value| field::list_at(value, &[]).into_iter().next())
}

/// A user's extras without those that have columns of their own.
pub(super) fn foreign_extras(user: &Value) -> Option<Value> {
    let extras = find(user, &["extra"])?.as_object()?;
    let foreign = extras.iter().filter(|(key, _)| !fold(key).starts_with("authenticationkubernetesio"));
    Some(Value::Object(foreign.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

/// Whether a folded key is `name` under a prefix that only the API server itself uses.
fn is_own_key(folded: &str, folded_name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["authenticationkubernetesio", "authenticationk8sio", "authorizationk8sio"];
    PREFIXES.iter().any(|prefix| folded.strip_prefix(prefix) == Some(folded_name))
}

/// The event with its objects as objects, where a log store kept them as text (Alibaba's log service does, and exports of
/// Azure's tables).
fn spelled_out(json: &Value) -> Option<Value> {
    const OBJECTS: [&str; 8] = [
        "user",
        "objectRef",
        "sourceIPs",
        "annotations",
        "responseStatus",
        "impersonatedUser",
        "requestObject",
        "responseObject",
    ];
    let is_text_of_json = |value: &Value| value.as_str().is_some_and(|text| text.starts_with(['{', '[']));
    if !OBJECTS.iter().any(|key| find(json, &[key]).is_some_and(is_text_of_json)) {
        return None;
    }
    let mut event = json.clone();
    let objects: Vec<String> = OBJECTS.iter().map(|key| fold(key)).collect();
    for (key, value) in event.as_object_mut()? {
        if !is_text_of_json(value) || !objects.contains(&fold(key)) {
            continue;
        }
        if let Some(read) = value.as_str().and_then(|text| crate::json::parse(text).ok()) {
            *value = read;
        }
    }
    Some(event)
}

/// Closes a JSON text that was cut off, after its last complete value.
fn mend(text: &str) -> Option<Value> {
    let cut = text.rfind(CUT_MARK).unwrap_or(text.len());
    let kept = text.get(..cut)?;
    let (end, _) = scan(kept)?;
    let kept = kept.get(..end)?;
    let (_, mut open) = scan(kept)?;
    let mut mended = kept.to_owned();
    while let Some(bracket) = open.pop() {
        mended.push(if bracket == b'{' { '}' } else { ']' });
    }
    serde_json::from_str(&mended).ok().filter(Value::is_object)
}

/// Where the last complete value ends, and which brackets are open at the end of the text.
fn scan(text: &str) -> Option<(usize, Vec<u8>)> {
    let (mut open, mut complete) = (Vec::new(), None);
    let (mut in_string, mut escaped) = (false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => open.push(byte),
            b'}' | b']' => {
                open.pop();
                complete = Some(index + 1);
            }
            b',' => complete = Some(index),
            _ => {}
        }
    }
    complete.map(|complete| (complete, open))
}

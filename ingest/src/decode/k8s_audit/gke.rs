//! Audit events of Google's managed clusters, as Cloud Audit Logs wraps them.
//!
//! In: a log entry with `protoPayload` of service `k8s.io`. Out: the same event under the names of `audit.k8s.io`.
//! Owns: the taking apart of `methodName` (`io.k8s.core.v1.pods.exec.create`) and `resourceName`, gRPC codes as HTTP
//! codes (google.rpc.Code's own mapping), what Cloud Audit Logs leaves out when it is false or zero.
//! Law: a value that the entry does not hold is not made up: there is no address behind `gce-internal-ip`.

use serde_json::{Map, Value, json};

use super::super::{field, loose};

/// Whether a log entry holds a Kubernetes audit event.
pub(super) fn is_entry(json: &Value) -> bool {
    let Some(payload) = field::at(json, &["protoPayload"]) else { return false };
    let method = loose::str_at(payload, &["methodName"]);
    let of_cluster = field::str_at(json, &["resource", "type"]) == Some("k8s_cluster");
    loose::str_at(payload, &["serviceName"]) == Some("k8s.io")
        || method.is_some_and(|method| method.starts_with("io.k8s."))
        || (of_cluster && method.is_some())
}

/// The event of an entry.
pub(super) fn event(entry: &Value) -> Option<Value> {
    let payload = field::at(entry, &["protoPayload"])?;
    let said = |path: &[&str]| loose::at(payload, path).cloned();
    let mut event = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            event.insert(key.to_owned(), value);
        }
    };
    put(
        "auditID",
        loose::at(entry, &["operation", "id"]).or_else(|| loose::at(entry, &["insertId"])).cloned(),
    );
    put("stage", Some(Value::from(stage(entry))));
    put("requestReceivedTimestamp", loose::at(entry, &["timestamp"]).cloned());
    put("userAgent", said(&["requestMetadata", "callerSuppliedUserAgent"]));
    put("sourceIPs", said(&["requestMetadata", "callerIp"]).map(|address| json!([address])));
    put("user", user(payload));
    put("requestObject", said(&["request"]));
    put("responseObject", said(&["response"]));
    let method = loose::str_at(payload, &["methodName"]).unwrap_or_default();
    let (verb, reference) = target(method, loose::str_at(payload, &["resourceName"]).unwrap_or_default());
    put("verb", Some(Value::from(verb)).filter(|_| !verb.is_empty()));
    put(
        "objectRef",
        Some(reference).filter(|reference| reference.as_object().is_some_and(|map| !map.is_empty())),
    );
    put("responseStatus", status(payload));
    put("annotations", Some(annotations(entry, payload)));
    Some(Value::Object(event))
}

/// A request that goes on for long is written when it begins and when it ends.
fn stage(entry: &Value) -> &'static str {
    let is = |key: &str| loose::at(entry, &["operation", key]).and_then(Value::as_bool) == Some(true);
    if is("first") && !is("last") { "ResponseStarted" } else { "ResponseComplete" }
}

fn user(payload: &Value) -> Option<Value> {
    let of = |key: &str| loose::str_at(payload, &["authenticationInfo", key]);
    let name = of("principalEmail").or_else(|| of("principalSubject"))?;
    Some(json!({"username": name}))
}

/// Verb and object of `io.k8s.GROUP.VERSION.RESOURCE[.SUBRESOURCE].VERB` and `GROUP/VERSION[/namespaces/NS]/RESOURCE[/NAME[/SUB]]`.
fn target<'t>(method: &'t str, name: &str) -> (&'t str, Value) {
    let mut parts: Vec<&str> = method.split('.').collect();
    let verb = parts.pop().unwrap_or_default();
    let version = parts.iter().rposition(|part| is_version(part));
    let of_method = version.and_then(|at| parts.get(at + 1..)).unwrap_or_default();
    let path: Vec<&str> = name.split('/').collect();
    let inside = match path.iter().position(|part| *part == "namespaces").filter(|at| path.len() > at + 2) {
        Some(at) => (path.get(at + 1).copied(), path.get(at + 2..).unwrap_or_default()),
        None => (None, path.get(2..).unwrap_or_default()),
    };
    let (namespace, rest) = inside;
    let resource = of_method.first().copied().or_else(|| rest.first().copied());
    let subresource = of_method.get(1..).filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"));
    let group = path.first().copied().filter(|group| path.len() > 2 && *group != "core");
    let fields = [
        ("resource", resource.map(str::to_owned)),
        ("subresource", subresource.or_else(|| rest.get(2).map(|sub| (*sub).to_owned()))),
        ("namespace", namespace.map(str::to_owned)),
        ("name", rest.get(1).map(|name| (*name).to_owned())),
        ("apiGroup", group.map(str::to_owned)),
    ];
    let said = fields.into_iter().filter_map(|(key, text)| Some((key.to_owned(), Value::from(text?))));
    (verb, Value::Object(said.filter(|(_, text)| text != "").collect()))
}

/// `v1`, `v2beta1`.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A failed call's status; success is left out, or is an empty object.
fn status(payload: &Value) -> Option<Value> {
    let code = field::u64_at(payload, &["status", "code"]).filter(|code| *code != 0)?;
    let http = match code {
        1 => 499,
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        100.. => code,
        _ => 500,
    };
    Some(json!({"code": http, "message": field::str_at(payload, &["status", "message"])}))
}

/// The event's annotations are the entry's labels. Without them the authorizer's answer says what was decided.
fn annotations(entry: &Value, payload: &Value) -> Value {
    const DECISION: &str = "authorization.k8s.io/decision";
    let mut annotations = field::object_at(entry, &["labels"]).cloned().unwrap_or_default();
    let asked = loose::array_at(payload, &["authorizationInfo"]);
    let granted =
        asked.iter().all(|info| loose::at(info, &["granted"]).and_then(Value::as_bool) == Some(true));
    let failed = field::u64_at(payload, &["status", "code"]).is_some_and(|code| code != 0);
    let decision = match asked.is_empty() {
        false => Some(if granted { "allow" } else { "forbid" }),
        true => (payload.get("status").is_some_and(Value::is_object) && !failed).then_some("allow"),
    };
    if let Some(decision) = decision.filter(|_| !annotations.contains_key(DECISION)) {
        annotations.insert(DECISION.to_owned(), Value::from(decision));
    }
    Value::Object(annotations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, name: &str, verb: &str, reference: Value) {
        assert_eq!(target(method, name), (verb, reference), "{method} {name}");
    }

    /// Scenario: names of methods and resources, with and without namespace, group, subresource, of no resource at all.
    /// Guarantees: verb and reference as `audit.k8s.io` has them.
    #[test]
    fn names() {
        check(
            "io.k8s.core.v1.pods.exec.create",
            "core/v1/namespaces/shop/pods/web-7/exec",
            "create",
            json!({"resource": "pods", "subresource": "exec", "namespace": "shop", "name": "web-7"}),
        );
        check(
            "io.k8s.authorization.rbac.v1.clusterrolebindings.create",
            "rbac.authorization.k8s.io/v1/clusterrolebindings/ops",
            "create",
            json!({"resource": "clusterrolebindings", "name": "ops", "apiGroup": "rbac.authorization.k8s.io"}),
        );
        check(
            "io.k8s.core.v1.pods.list",
            "core/v1/namespaces/shop/pods",
            "list",
            json!({"resource": "pods", "namespace": "shop"}),
        );
        check(
            "io.k8s.core.v1.namespaces.get",
            "core/v1/namespaces/shop",
            "get",
            json!({"resource": "namespaces", "name": "shop"}),
        );
        check("io.k8s.readyz", "", "readyz", json!({}));
        check("", "", "", json!({}));
    }
}

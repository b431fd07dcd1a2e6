//! Kubernetes API audit log, as the API server's log backend writes it.
//!
//! In: a call of the API. Out: its `RequestReceived` and `ResponseComplete` records.
//! Owns: the order of fields of `audit.k8s.io/v1`, the caller's extras, the ids of issued tokens.

use crate::emit::jwt::{self, Validity};
use crate::json::Json;
use crate::moment::{MILLI, Moment, SECOND};
use crate::random::Random;
use crate::world::{Node, Pod, TOKEN_TTL_SECS, Token};

/// Who calls.
pub(crate) enum Caller<'a> {
    /// A pod with its token.
    Pod(&'a Pod, &'a Token),
    /// A kubelet with its client certificate.
    Kubelet(&'a Node),
    /// A component of the control plane, by its user name.
    ControlPlane(&'a str),
}

/// What is called.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Object<'a> {
    /// Resource: `secrets`.
    pub(crate) resource: &'a str,
    /// Namespace.
    pub(crate) namespace: &'a str,
    /// Name; empty for lists.
    pub(crate) name: &'a str,
    /// API group; empty for core.
    pub(crate) group: &'a str,
    /// Subresource; empty for none.
    pub(crate) subresource: &'a str,
}

/// One call of the API.
pub(crate) struct Call<'a> {
    /// When it came in.
    pub(crate) at: Moment,
    /// Nanoseconds until it was answered.
    pub(crate) took: i64,
    /// Who calls.
    pub(crate) caller: Caller<'a>,
    /// Address of the peer.
    pub(crate) source: &'a str,
    /// User agent.
    pub(crate) agent: &'a str,
    /// Verb.
    pub(crate) verb: &'a str,
    /// What is called.
    pub(crate) object: Object<'a>,
    /// Query, with its question mark; empty for none.
    pub(crate) query: &'a str,
    /// HTTP status of the answer.
    pub(crate) code: u16,
    /// Why authorisation said what it said.
    pub(crate) reason: &'a str,
    /// Id of the credential that the call issued.
    pub(crate) issued: Option<&'a str>,
    /// Bodies of request and answer, as JSON: makes the level `RequestResponse`.
    pub(crate) bodies: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Call<'a> {
    /// A read of one object by a pod, allowed, from the pod's own address.
    pub(crate) fn by_pod(
        at: Moment,
        pod: &'a Pod,
        token: &'a Token,
        verb: &'a str,
        object: Object<'a>,
    ) -> Self {
        Self {
            at,
            took: 3 * MILLI + at.0.rem_euclid(4 * MILLI),
            caller: Caller::Pod(pod, token),
            source: &pod.address,
            agent: "shop-client/2.3 (linux/amd64)",
            verb,
            object,
            query: "",
            code: 200,
            reason: "RBAC: allowed by RoleBinding \"app-reader\" of Role \"app-reader\"",
            issued: None,
            bodies: None,
        }
    }

    /// When the answer was complete.
    pub(crate) fn done(&self) -> Moment {
        self.at + self.took
    }

    /// The two records of the call: when it came in, and when it was answered.
    pub(crate) fn records(&self, random: &mut Random) -> [Vec<u8>; 2] {
        let audit_id = random.uuid();
        let (mut received, mut complete) = (Vec::with_capacity(1_200), Vec::with_capacity(1_400));
        self.write(false, &audit_id, &mut received);
        self.write(true, &audit_id, &mut complete);
        [received, complete]
    }

    /// Writes one record behind `out`.
    pub(crate) fn write(&self, complete: bool, audit_id: &str, out: &mut Vec<u8>) {
        Json::object_into(out, |json| {
            json.text("kind", "Event");
            json.text("apiVersion", "audit.k8s.io/v1");
            json.text("level", if self.bodies.is_some() { "RequestResponse" } else { "Metadata" });
            json.text("auditID", audit_id);
            json.text("stage", if complete { "ResponseComplete" } else { "RequestReceived" });
            self.write_uri(json);
            json.text("verb", self.verb);
            json.object("user", |json| write_user(json, &self.caller));
            json.texts("sourceIPs", &[self.source]);
            json.text("userAgent", self.agent);
            json.object("objectRef", |json| write_object(json, &self.object));
            if complete {
                self.write_answer(json);
            }
            json.moment("requestReceivedTimestamp", self.at, 6);
            json.moment("stageTimestamp", if complete { self.done() } else { self.at }, 6);
            if complete {
                self.write_annotations(json);
            }
        });
    }

    fn write_uri(&self, json: &mut Json<'_>) {
        let Object { resource, namespace, name, group, subresource } = self.object;
        let (root, version) = if group.is_empty() { ("/api", "") } else { ("/apis/", group) };
        let mut parts = vec![root, version, "/v1"];
        if !namespace.is_empty() {
            parts.extend(["/namespaces/", namespace]);
        }
        parts.extend(["/", resource]);
        // What does not exist yet is created in its collection.
        let creates = self.verb == "create" && subresource.is_empty();
        if !name.is_empty() && !creates {
            parts.extend(["/", name]);
        }
        if !subresource.is_empty() {
            parts.extend(["/", subresource]);
        }
        parts.push(self.query);
        json.joined("requestURI", &parts);
    }

    fn write_answer(&self, json: &mut Json<'_>) {
        json.object("responseStatus", |json| {
            json.object("metadata", |_| {});
            if self.code == 403 {
                json.text("status", "Failure");
                json.text("reason", "Forbidden");
            }
            json.number("code", i64::from(self.code));
        });
        if let Some((request, answer)) = self.bodies {
            json.raw("requestObject", request);
            json.raw("responseObject", answer);
        }
    }

    fn write_annotations(&self, json: &mut Json<'_>) {
        json.object("annotations", |json| {
            if let Some(credential) = self.issued {
                json.text("authentication.kubernetes.io/issued-credential-id", credential);
            }
            json.text("authorization.k8s.io/decision", if self.code == 403 { "forbid" } else { "allow" });
            json.text("authorization.k8s.io/reason", self.reason);
        });
    }
}

fn write_user(json: &mut Json<'_>, caller: &Caller<'_>) {
    match caller {
        Caller::Pod(pod, token) => write_account(json, pod, token),
        Caller::Kubelet(node) => {
            json.joined("username", &["system:node:", &node.name]);
            json.texts("groups", &["system:nodes", "system:authenticated"]);
            json.object("extra", |json| {
                json.array("authentication.kubernetes.io/credential-id", |list| {
                    list.item_joined(&["X509SHA256=", &node.kubelet_cert]);
                });
            });
        }
        Caller::ControlPlane(name) => {
            json.text("username", name);
            json.texts("groups", &["system:authenticated"]);
        }
    }
}

fn write_account(json: &mut Json<'_>, pod: &Pod, token: &Token) {
    json.joined("username", &["system:serviceaccount:", &pod.namespace, ":", &pod.account]);
    json.text("uid", &pod.account_uid);
    json.array("groups", |list| {
        list.item("system:serviceaccounts");
        list.item_joined(&["system:serviceaccounts:", &pod.namespace]);
        list.item("system:authenticated");
    });
    json.object("extra", |json| {
        json.array("authentication.kubernetes.io/credential-id", |list| {
            list.item_joined(&["JTI=", &token.jti]);
        });
        json.texts("authentication.kubernetes.io/node-name", &[&pod.node.name]);
        json.texts("authentication.kubernetes.io/node-uid", &[&pod.node.uid]);
        json.texts("authentication.kubernetes.io/pod-name", &[&pod.name]);
        json.texts("authentication.kubernetes.io/pod-uid", &[&pod.uid]);
    });
}

fn write_object(json: &mut Json<'_>, object: &Object<'_>) {
    json.text("resource", object.resource);
    let optional = [("namespace", object.namespace), ("name", object.name), ("apiGroup", object.group)];
    for (key, value) in optional.into_iter().filter(|(_, value)| !value.is_empty()) {
        json.text(key, value);
    }
    json.text("apiVersion", "v1");
    if !object.subresource.is_empty() {
        json.text("subresource", object.subresource);
    }
}

/// How a cluster issues tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Issuing<'a> {
    /// The API server's audiences: those of a token for which none were asked.
    pub(crate) audiences: &'a [&'a str],
    /// Whether tokens live on for a year, with a warning after the hour (the API server's default).
    pub(crate) extended: bool,
    /// Whether the audit policy keeps bodies of token requests (level `RequestResponse`).
    pub(crate) bodies: bool,
}

const YEAR_SECS: i64 = 365 * 86_400;

/// The kubelet's request for a pod's token.
pub(crate) fn token_request(
    random: &mut Random,
    pod: &Pod,
    token: &Token,
    issuing: Issuing<'_>,
) -> (Moment, Moment, [Vec<u8>; 2]) {
    let asked_until = token.issued.secs() + TOKEN_TTL_SECS;
    let valid = if issuing.extended {
        Validity { exp: token.issued.secs() + YEAR_SECS, warn_after: Some(asked_until) }
    } else {
        Validity { exp: asked_until, warn_after: None }
    };
    let jwt = jwt::pod_token(random, pod, token, issuing.audiences, valid);
    let request = token_body(pod, None, "");
    let answer = token_body(pod, Some((token, issuing.audiences)), &jwt);
    let credential = token.credential();
    let call = Call {
        at: token.issued,
        took: 6 * MILLI,
        caller: Caller::Kubelet(&pod.node),
        source: &pod.node.address,
        agent: "kubelet/v1.33.4 (linux/amd64) kubernetes/5d1a7c2",
        verb: "create",
        object: Object {
            resource: "serviceaccounts",
            namespace: &pod.namespace,
            name: &pod.account,
            group: "",
            subresource: "token",
        },
        query: "",
        code: 201,
        reason: "",
        issued: Some(&credential),
        bodies: issuing.bodies.then_some((request.as_slice(), answer.as_slice())),
    };
    (call.at, call.done(), call.records(random))
}

fn token_body(pod: &Pod, granted: Option<(&Token, &[&str])>, jwt: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Json::object_into(&mut out, |json| {
        json.text("kind", "TokenRequest");
        json.text("apiVersion", "authentication.k8s.io/v1");
        json.object("metadata", |json| match granted {
            Some((token, _)) => {
                json.text("name", &pod.account);
                json.text("namespace", &pod.namespace);
                json.moment("creationTimestamp", token.issued, 0);
            }
            None => json.null("creationTimestamp"),
        });
        json.object("spec", |json| {
            match granted {
                Some((_, audiences)) => json.texts("audiences", audiences),
                None => json.null("audiences"),
            }
            json.number("expirationSeconds", TOKEN_TTL_SECS);
            json.object("boundObjectRef", |json| {
                json.text("kind", "Pod");
                json.text("apiVersion", "v1");
                json.text("name", &pod.name);
                json.text("uid", &pod.uid);
            });
        });
        json.object("status", |json| {
            json.text("token", jwt);
            match granted {
                Some((token, _)) => {
                    json.moment("expirationTimestamp", token.issued + TOKEN_TTL_SECS * SECOND, 0);
                }
                None => json.null("expirationTimestamp"),
            }
        });
    });
    out
}

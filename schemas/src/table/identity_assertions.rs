//! Identity assertions: which credential was issued to whom, and presented where.

use super::table;
use crate::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use crate::{EventId, EventTime, TextList};

table!(IdentityAssertion "identity_assertions"
    "One row per issuing, presenting, checking or revoking of a credential."; {
    /// Identity of the record.
    event_id: EventId = "metadata.uid",
    /// When it was presented or issued (UTC).
    event_time: EventTime = "time",
    /// When the request or connection ended.
    end_time: Option<EventTime> = "end_time",
    /// Source label: `format` or `format:instance`.
    source: String = "metadata.product.name",
    /// Where the record is: `path:line`, or `topic/partition/offset`.
    location: String = "metadata.log_name",
    /// Host that wrote the record, where known.
    recorder_host: Option<String> = "metadata.loggers",
    /// The record's own id (auditID, eventID, request id). A client may choose some of them.
    request_id: Option<String> = "api.request.uid",
    /// An id that every copy of the same act carries, whomever it was delivered to (CloudTrail `sharedEventID`), or every
    /// record of the same operation (Google Cloud `operation`).
    shared_id: Option<String> = "metadata.correlation_uid",
    /// What the record is about.
    phase: Phase = "activity_name",
    /// What was decided.
    decision: Decision = "disposition",
    /// Why: policy, error code, flag.
    reason: Option<String> = "status_detail",
    /// Whether the decision was put into force.
    enforcement: Enforcement = "",
    /// Who issued the credential: token issuer, trust domain, provider.
    issuer: Option<String> = "actor.idp.name",
    /// Who the credential stands for: SPIFFE ID, `system:serviceaccount:…`, ARN.
    subject: Option<String> = "actor.user.name",
    /// The subject's uid.
    subject_uid: Option<String> = "actor.user.uid",
    /// Impersonated or delegated subject.
    on_behalf_of: Option<String> = "",
    /// The credential, with its kind: `JTI=…`, `X509SHA256=…`, `X509SERIAL=…`; access keys as they stand.
    credential_id: Option<String> = "session.uid",
    /// Another name of the same credential in this record, such as `X509SERIAL=…` beside a fingerprint.
    credential_alias: Option<String> = "certificate.serial_number",
    /// What kind of name `credential_id` is.
    id_kind: IdKind = "",
    /// Kind of credential: `k8s-token`, `x509-svid`, `jwt-svid`, `x509`, `aws-session`, `aws-key`, `oidc-token`, `unknown`,
    /// or a word of the provider's own, such as `gcp-key`, `entra-token`, `okta-session`, `teleport-cert`,
    /// `vault-token`.
    credential_kind: Option<String> = "",
    /// Credential that was used to get this one.
    parent_id: Option<String> = "",
    /// Issued at.
    iat: Option<EventTime> = "session.created_time",
    /// Not valid before.
    nbf: Option<EventTime> = "",
    /// Not valid after, as the credential itself says.
    exp: Option<EventTime> = "session.expiration_time",
    /// The lifetime that was asked for ends here, although the credential lives on (Kubernetes `warnafter`).
    warn_after: Option<EventTime> = "",
    /// Expiry that the issuer reported, where it differs from `exp` or `exp` is unknown.
    reported_expiry: Option<EventTime> = "",
    /// Audiences of the credential; empty when not said.
    audience: TextList = "",
    /// Thumbprint of the key that the credential is bound to.
    cnf: Option<String> = "",
    /// Who presented or asked, when that is somebody else than the subject.
    presenter: Option<String> = "",
    /// Address of the recorder's own peer, without port.
    src_addr: Option<String> = "src_endpoint.ip",
    /// Port of that peer.
    src_port: Option<u16> = "src_endpoint.port",
    /// Addresses that were claimed on the way (forwarded headers), first claim first; untrusted.
    addr_chain: TextList = "src_endpoint.intermediate_ips",
    /// How good `src_addr` is.
    addr_quality: AddrQuality = "",
    /// Workload that the recorder itself looked up for the peer.
    observed_workload: Option<String> = "",
    /// Namespace that the credential is bound to.
    bound_namespace: Option<String> = "",
    /// Pod name that the credential is bound to.
    bound_pod: Option<String> = "",
    /// Pod uid that the credential is bound to.
    bound_pod_uid: Option<String> = "",
    /// Host (node) that the credential is bound to.
    bound_host: Option<String> = "device.name",
    /// Uid of that host.
    bound_host_uid: Option<String> = "device.uid",
    /// Cloud instance that the credential is bound to.
    bound_instance: Option<String> = "device.instance_uid",
    /// SPIRE registration entry that the credential was issued for.
    entry_id: Option<String> = "",
    /// What was called: service, API or host name.
    dst: Option<String> = "api.service.name",
    /// Identity of what was called.
    dst_identity: Option<String> = "",
    /// Address of what was called.
    dst_addr: Option<String> = "dst_endpoint.ip",
    /// Port of what was called.
    dst_port: Option<u16> = "dst_endpoint.port",
    /// What was done: verb and resource, event name, or method and path.
    action: Option<String> = "api.operation",
    /// What it was done to.
    resource: Option<String> = "resources.name",
    /// User agent; a client chooses it.
    user_agent: Option<String> = "http_request.user_agent",
    /// Status code of the answer.
    status: Option<u16> = "http_response.code",
    /// Platform: `k8s`, `aws`, `spiffe`, `mesh`, `gcp`, `azure`, `okta`, `keycloak`, `teleport`, `vault`.
    platform: Option<String> = "cloud.provider",
    /// Cloud account.
    account: Option<String> = "cloud.account.uid",
    /// Cluster or trust domain, where the record names it.
    cluster: Option<String> = "",
    /// Remarks on trust: `client-chosen-id`, `forwarded-address`, `truncated`, `no-binding`, `secret-redacted`,
    /// `lookup-or-claim` (the observed workload may be the client's word), `identity-disagrees-with-lookup`, `sender-view`,
    /// `part-of-operation` (one of several records of one), `label-identity` (no credential was shown), `revoked-certificate`, `metadata-v1` (delivered by a metadata service that
    /// answers whoever asks, without a session).
    trust_flags: TextList = "",
    /// Fields that no column holds, as JSON, at most 4096 bytes.
    unmapped: Option<String> = "unmapped",
    /// The record itself, secrets replaced, at most 16384 bytes.
    raw: String = "raw_data",
});

//! What a proxy decided.
//!
//! In: how a request or connection ended, as either path reads it. Out: decision and reason.
//! Owns: the reading of flags, details and codes: a refused gRPC call shows HTTP 200, an authorizer that failed shows
//! the flag (and by default the 403) of one that refused, a certificate that was refused shows no code at all, and broken
//! connections are no decisions.

use std::borrow::Cow;

use offbound_schemas::vocabulary::Decision;

/// Details that start like this are refusals by policy.
const POLICY_REFUSALS: [&str; 4] =
    ["rbac_access_denied", "ext_authz_denied", "jwt_authn_access_denied", "AuthzDenied"];
/// Details of an authorizer that gave no answer, where the filter is set to let nobody in then (Envoy,
/// `source/extensions/filters/http/ext_authz/ext_authz.cc`, `RcDetailsValues`).
const AUTHORIZER_FAILURE: &str = "ext_authz_error";
/// Flags (short and long) of an external authorizer.
const AUTHORIZER_FLAGS: [&str; 2] = ["UAEX", "UnauthorizedExternalService"];
/// Flags that say nothing of success or failure of the request.
const HARMLESS_FLAGS: [&str; 3] = ["RFCF", "ResponseFromCacheFilter", "DI"];
/// Why a TLS handshake ended, where the proxy would not have the client's certificate, or had none (BoringSSL's names in
/// `%DOWNSTREAM_TRANSPORT_FAILURE_REASON%`; what a client thinks of the proxy's certificate comes as an alert).
const REFUSED_CERTIFICATES: [&str; 2] = ["CERTIFICATE_VERIFY_FAILED", "PEER_DID_NOT_RETURN_A_CERTIFICATE"];

/// How a request or connection ended.
pub(super) struct Ending<'t> {
    /// Status of the answer; 0 where there was none.
    pub(super) status: u16,
    /// Flags, separated by commas.
    pub(super) flags: Cow<'t, str>,
    /// Details of the answer, and of the connection's end.
    pub(super) details: [Option<Cow<'t, str>>; 2],
    /// Why the transport of the client failed.
    pub(super) transport: Option<Cow<'t, str>>,
    /// gRPC status, as number or name.
    pub(super) grpc: Option<Cow<'t, str>>,
}

impl Ending<'_> {
    /// The decision.
    pub(super) fn decision(&self) -> Decision {
        if self.has_detail(is_policy_refusal) || self.is_refused_certificate() {
            Decision::Deny
        } else if has_authorizer_flag(&self.flags) {
            let failed = self.status >= 500 || self.has_detail(|detail| detail == AUTHORIZER_FAILURE);
            if failed { Decision::Error } else { Decision::Deny }
        } else if matches!(self.status, 401 | 403) || self.grpc.as_deref().is_some_and(is_refusing_status) {
            Decision::Deny
        } else if (has_failure(&self.flags) && !self.is_answered()) || self.has_no_transport() {
            Decision::Error
        } else {
            Decision::Allow
        }
    }

    /// Whether the proxy itself refused, by a policy or for want of a certificate.
    pub(super) fn is_by_policy(&self) -> bool {
        has_authorizer_flag(&self.flags)
            || self.has_detail(is_policy_refusal)
            || self.is_refused_certificate()
    }

    /// Writes why.
    pub(super) fn write_reason(&self, out: &mut String) {
        let Self { status: _, flags, details, transport, grpc } = self;
        let flags = (!flags.is_empty()).then_some(&**flags);
        let grpc = grpc.as_deref().filter(|status| *status != "0" && *status != "OK");
        let parts = details.iter().chain([transport]).flatten().map(|detail| ("", &**detail));
        let parts = parts.chain(flags.map(|flags| ("", flags))).chain(grpc.map(|status| ("grpc ", status)));
        for (prefix, part) in parts {
            out.push_str(if out.is_empty() { "" } else { "; " });
            out.push_str(prefix);
            out.push_str(part);
        }
    }

    fn has_detail(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        self.details.iter().flatten().any(|detail| is_meant(detail))
    }

    /// Whether there was an answer. What broke off later (`DC`: the client went away) was let in all the same; whoever calls
    /// can always break it off.
    fn is_answered(&self) -> bool {
        (200..400).contains(&self.status)
    }

    /// Whether the client's transport failed before anything was answered.
    fn has_no_transport(&self) -> bool {
        self.status == 0 && self.transport.is_some()
    }

    fn is_refused_certificate(&self) -> bool {
        let reason = self.transport.as_deref().filter(|_| self.status == 0).unwrap_or_default();
        REFUSED_CERTIFICATES.iter().any(|name| reason.contains(name))
    }
}

/// Whether a flag says that the request failed.
fn has_failure(flags: &str) -> bool {
    flags.split(',').any(|flag| !HARMLESS_FLAGS.contains(&flag.trim()) && !flag.trim().is_empty())
}

/// Whether a flag is one of an external authorizer.
fn has_authorizer_flag(flags: &str) -> bool {
    flags.split(',').any(|flag| AUTHORIZER_FLAGS.contains(&flag.trim()))
}

/// Whether these details are of a refusal by policy.
fn is_policy_refusal(detail: &str) -> bool {
    POLICY_REFUSALS.iter().any(|refusal| detail.starts_with(refusal))
}

/// Whether a gRPC status is a refusal: 7 (permission denied) or 16 (unauthenticated), by number or name.
fn is_refusing_status(status: &str) -> bool {
    let name: String = status.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    matches!(name.as_str(), "7" | "16" | "permissiondenied" | "unauthenticated")
}

//! Which actions matter more than others: those that yield credentials, rights or a foothold.
//!
//! In: a destination and an action, as decoders write them. Out: yes or no.
//! Owns: the list. Source: Kubernetes RBAC good practices (secrets, workload creation, escalate/bind/impersonate,
//! CSRs, token request, exec), AWS IAM privilege-escalation and credential-access API calls.

/// Kubernetes resources of which any reading or writing matters.
const SENSITIVE_RESOURCES: &[&str] =
    &["secrets", "serviceaccounts/token", "pods/exec", "pods/attach", "nodes/proxy"];

/// Kubernetes resources of which any change matters.
const SENSITIVE_CHANGES: &[&str] = &[
    "roles",
    "clusterroles",
    "rolebindings",
    "clusterrolebindings",
    "certificatesigningrequests",
    "certificatesigningrequests/approval",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "daemonsets",
];

/// AWS calls that read secrets or gain rights.
const SENSITIVE_CALLS: &[&str] = &[
    "GetSecretValue",
    "BatchGetSecretValue",
    "GetParameter",
    "GetParameters",
    "GetParametersByPath",
    "Decrypt",
    "CreateAccessKey",
    "CreateLoginProfile",
    "UpdateLoginProfile",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
    "CreatePolicyVersion",
    "UpdateAssumeRolePolicy",
    "PassRole",
    "SendCommand",
    "StartSession",
    "GetPasswordData",
    "CreateTrustAnchor",
    "GetFederationToken",
];

/// Whether an action yields credentials, rights or a foothold.
pub(crate) fn action_is_sensitive(destination: &str, action: &str) -> bool {
    if destination.ends_with(".amazonaws.com") {
        return SENSITIVE_CALLS.contains(&action);
    }
    let Some((verb, resource)) = action.split_once(' ') else { return false };
    if SENSITIVE_RESOURCES.contains(&resource) {
        return true;
    }
    let reading = matches!(verb, "get" | "list" | "watch");
    (!reading && SENSITIVE_CHANGES.contains(&resource)) || matches!(verb, "impersonate" | "escalate" | "bind")
}

#[cfg(test)]
mod tests {
    use super::action_is_sensitive;

    /// Scenario: actions of both worlds. Guarantees: reading secrets is sensitive, reading pods is not.
    #[test]
    fn list() {
        for (destination, action, expected) in [
            ("kube-apiserver", "list secrets", true),
            ("kube-apiserver", "list pods", false),
            ("kube-apiserver", "create rolebindings", true),
            ("kube-apiserver", "get rolebindings", false),
            ("secretsmanager.amazonaws.com", "GetSecretValue", true),
            ("s3.amazonaws.com", "ListBuckets", false),
        ] {
            assert_eq!(action_is_sensitive(destination, action), expected, "{action}");
        }
    }
}

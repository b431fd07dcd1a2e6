//! Names of workloads and nodes, as identity logs write them.
//!
//! In: a subject such as `system:serviceaccount:shop:web` or `spiffe://prod.example/ns/shop/sa/web`. Out: its parts.
//! Owns: the spelling of service account, node and mesh subjects. Law: a name that does not fit exactly has no parts.

/// Namespace and name of a service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceAccount<'t> {
    /// Namespace.
    pub(crate) namespace: &'t str,
    /// Name within the namespace.
    pub(crate) name: &'t str,
}

impl<'t> ServiceAccount<'t> {
    /// Reads `system:serviceaccount:NS:NAME`, or a SPIFFE ID whose path is `/ns/NS/sa/NAME`.
    pub(crate) fn of_subject(subject: &'t str) -> Option<Self> {
        if let Some(rest) = subject.strip_prefix("system:serviceaccount:") {
            let (namespace, name) = rest.split_once(':')?;
            return Self::checked(namespace, name, ':');
        }
        let path = subject.strip_prefix("spiffe://")?.split_once('/')?.1;
        let (namespace, name) = path.strip_prefix("ns/")?.split_once("/sa/")?;
        Self::checked(namespace, name, '/')
    }

    /// The subject that Kubernetes gives this service account.
    pub(crate) fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    fn checked(namespace: &'t str, name: &'t str, separator: char) -> Option<Self> {
        let plain = |part: &str| !part.is_empty() && !part.contains(separator);
        (plain(namespace) && plain(name)).then_some(Self { namespace, name })
    }
}

/// The node that `system:node:NAME` is.
pub(crate) fn node_of_subject(subject: &str) -> Option<&str> {
    subject.strip_prefix("system:node:").filter(|name| !name.is_empty())
}

/// The trust domain of a SPIFFE ID.
pub(crate) fn trust_domain(subject: &str) -> Option<&str> {
    let rest = subject.strip_prefix("spiffe://")?;
    let domain = rest.split_once('/').map_or(rest, |(domain, _)| domain);
    (!domain.is_empty()).then_some(domain)
}

/// Whether a text is the id of a cloud instance: `i-` and hex digits.
pub(crate) fn is_instance_id(text: &str) -> bool {
    let digits = text.strip_prefix("i-").unwrap_or_default();
    (8..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: subjects of every kind. Guarantees: only exact spellings have parts.
    #[test]
    fn parts_of_subjects() {
        let web = ServiceAccount { namespace: "shop", name: "web" };
        assert_eq!(ServiceAccount::of_subject("system:serviceaccount:shop:web"), Some(web));
        assert_eq!(ServiceAccount::of_subject("spiffe://prod.example/ns/shop/sa/web"), Some(web));
        assert_eq!(web.subject(), "system:serviceaccount:shop:web");
        for other in [
            "system:serviceaccount:shop",
            "system:serviceaccount:a:b:c",
            "spiffe://p/ns/a/sa/b/c",
            "alice",
            "",
        ] {
            assert_eq!(ServiceAccount::of_subject(other), None, "{other}");
        }
        assert_eq!(node_of_subject("system:node:n1"), Some("n1"));
        assert_eq!(node_of_subject("system:node:"), None);
        assert_eq!(trust_domain("spiffe://prod.example/vm/a"), Some("prod.example"));
        assert_eq!(trust_domain("prod.example"), None);
        assert!(is_instance_id("i-0aaaaaaaaaaaaaaa1"));
        assert!(
            ["i-", "i-0aaaaaaazz", "backup", "I-0aaaaaaaaaaaaaaa1"].iter().all(|name| !is_instance_id(name))
        );
    }
}

//! What a mapping file does to a text before a column takes it.
//!
//! In: a text of the record. Out: the text for the column, or nothing where it does not fit.
//! Owns: the simple transforms, in this order: `after`, `before`, `as`, `words`, `prefix`. No pattern language.

use std::collections::BTreeMap;

use crate::decode::address::Address;
use crate::decode::subject::{ServiceAccount, trust_domain};

/// A transform that has a name: `as = "address"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// The address of `host:port`, in normal form.
    Address,
    /// The host of `host:port`, which may be a name.
    Host,
    /// The port of `host:port`.
    Port,
    /// Lower case.
    Lower,
    /// Hex digits in lower case, without colons.
    Hex,
    /// A serial in lower hex, without colons, `0x` and leading zeros.
    Serial,
    /// The trust domain of a SPIFFE ID.
    TrustDomain,
    /// The namespace of a service account's subject.
    Namespace,
    /// The name in a service account's subject.
    ServiceAccount,
}

/// Every named transform.
pub(super) const NAMED: &[(&str, Named)] = &[
    ("address", Named::Address),
    ("host", Named::Host),
    ("port", Named::Port),
    ("lower", Named::Lower),
    ("hex", Named::Hex),
    ("serial", Named::Serial),
    ("trust-domain", Named::TrustDomain),
    ("namespace", Named::Namespace),
    ("service-account", Named::ServiceAccount),
];

/// What is done to a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trim {
    /// Only what is behind the first occurrence; a text without it does not fit.
    pub(super) after: Option<String>,
    /// Only what is before the first occurrence; a text without it stays whole.
    pub(super) before: Option<String>,
    /// A named transform.
    pub(super) named: Option<Named>,
    /// Words of the log, and the word that each stands for.
    pub(super) words: BTreeMap<String, String>,
    /// The word for all others.
    pub(super) otherwise: Option<String>,
    /// Put in front, unless it is there already.
    pub(super) prefix: Option<String>,
}

impl Trim {
    /// The text for the column.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        let text = match &self.after {
            Some(mark) => text.split_once(mark.as_str())?.1,
            None => text,
        };
        let text =
            self.before.as_ref().and_then(|mark| text.split_once(mark.as_str())).map_or(text, |it| it.0);
        let text = match self.named {
            Some(named) => named.apply(text)?,
            None => text.to_owned(),
        };
        let text = if self.words.is_empty() && self.otherwise.is_none() {
            text
        } else {
            self.words.get(&text).or(self.otherwise.as_ref())?.clone()
        };
        let prefix = self.prefix.as_deref().filter(|prefix| !text.starts_with(prefix)).unwrap_or_default();
        (!text.is_empty()).then(|| format!("{prefix}{text}"))
    }
}

impl Named {
    fn apply(self, text: &str) -> Option<String> {
        match self {
            Self::Address => Address::parse(text).map(|address| address.text()),
            Self::Host => host(text).map(str::to_owned),
            Self::Port => port(text),
            Self::Lower => Some(text.to_lowercase()),
            Self::Hex => hex(text),
            Self::Serial => {
                let digits = hex(text.strip_prefix("0x").unwrap_or(text))?;
                Some(digits.trim_start_matches('0').to_owned()).filter(|digits| !digits.is_empty())
            }
            Self::TrustDomain => trust_domain(text).map(str::to_owned),
            Self::Namespace => ServiceAccount::of_subject(text).map(|account| account.namespace.to_owned()),
            Self::ServiceAccount => ServiceAccount::of_subject(text).map(|account| account.name.to_owned()),
        }
    }
}

fn hex(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != ':').collect::<String>().to_lowercase();
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// What stands before the port; brackets of an address are taken off.
fn host(text: &str) -> Option<&str> {
    if let Some(inside) = text.strip_prefix('[') {
        return inside.split_once(']').map(|(host, _)| host).filter(|host| !host.is_empty());
    }
    let host = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host,
        _ => text,
    };
    (!host.is_empty()).then_some(host)
}

fn port(text: &str) -> Option<String> {
    if let Some(address) = Address::parse(text) {
        return address.port.map(|port| port.to_string());
    }
    let (host, port) = text.rsplit_once(':')?;
    let number: u16 = port.parse().ok().filter(|number| *number > 0)?;
    (!host.contains(':')).then(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(named: Named, text: &str) -> Option<String> {
        Trim { named: Some(named), ..Trim::default() }.apply(text)
    }

    /// Scenario: every named transform on what fits and what does not. Guarantees: normal forms, or nothing.
    #[test]
    fn named_transforms() {
        for (name, text, expected) in [
            (Named::Address, "[::ffff:10.1.0.7]:443", Some("10.1.0.7")),
            (Named::Address, "payments:443", None),
            (Named::Host, "payments.shop.svc:8443", Some("payments.shop.svc")),
            (Named::Host, "[fd00::7]:443", Some("fd00::7")),
            (Named::Host, "fd00::7", Some("fd00::7")),
            (Named::Port, "payments:443", Some("443")),
            (Named::Port, "10.1.0.7", None),
            (Named::Port, "fd00::7", None),
            (Named::Hex, "AB:cd", Some("abcd")),
            (Named::Hex, "xy", None),
            (Named::Serial, "0x00AB", Some("ab")),
            (Named::Serial, "0", None),
            (Named::TrustDomain, "spiffe://prod.example/ns/shop/sa/web", Some("prod.example")),
            (Named::Namespace, "system:serviceaccount:shop:web", Some("shop")),
            (Named::ServiceAccount, "spiffe://prod.example/ns/shop/sa/web", Some("web")),
            (Named::Lower, "TCP", Some("tcp")),
        ] {
            assert_eq!(named(name, text).as_deref(), expected, "{name:?} {text}");
        }
    }

    /// Scenario: cutting, words and prefix together. Guarantees: their order, and a prefix that is never doubled.
    #[test]
    fn order_of_transforms() {
        let trim = Trim {
            after: Some(" ".into()),
            before: Some("?".into()),
            prefix: Some("to ".into()),
            ..Trim::default()
        };
        assert_eq!(trim.apply("GET /a?b=c").as_deref(), Some("to /a"));
        assert_eq!(trim.apply("GET to /a").as_deref(), Some("to /a"));
        assert_eq!(trim.apply("GET"), None);
        let words = Trim { words: [("ok".to_owned(), "allow".to_owned())].into(), ..Trim::default() };
        assert_eq!((words.apply("ok").as_deref(), words.apply("no")), (Some("allow"), None));
        let otherwise = Trim { otherwise: Some("deny".into()), ..words };
        assert_eq!(otherwise.apply("no").as_deref(), Some("deny"));
    }
}

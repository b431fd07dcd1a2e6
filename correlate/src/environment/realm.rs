//! `[realm.NAME]`: address spaces, and which of them an address is of.
//!
//! In: an address and the label of the source that recorded it. Out: its realm, if just one can be meant.
//! Owns: precedence. A realm with `sources` speaks for those sources only (`format` for all of its instances); the
//! realm that names the source most exactly wins, then the one with the longest prefix. And which service account of a
//! realm a mesh identity stands for: meshes name accounts in a way of their own, below a trust domain.
//! Law: MATCH-2. Two realms that no source tells apart are refused, so taking one away never settles a doubt.

use super::Environment;
use super::cidr::{Cidr, parse_address};
use super::ranges::cidrs;
use offbound_schemas::authored::{At, Table, Value, quoted, values};

/// An address space: a cluster, a VPC, a data centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    /// Name in the file.
    pub name: String,
    /// Its addresses.
    pub cidrs: Vec<Cidr>,
    /// What it is used for, such as `prod`.
    pub environment: Option<String>,
    /// Labels of the sources whose addresses are of this realm; empty means all.
    pub sources: Vec<String>,
    /// Trust domains whose mesh identities are this realm's service accounts.
    pub trust_domains: Vec<String>,
}

/// Where an address lies, as seen by one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'e> {
    /// In this realm.
    Inside(&'e Realm),
    /// In the ranges of realms, and nothing says of which, or only of realms that do not speak for this source.
    Unsettled,
    /// In no range of any realm.
    Outside,
    /// Not a place at all: no address, loopback, link-local, multicast, unspecified, or no realm is declared.
    Nowhere,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let mut seen: Vec<(usize, At<Cidr>)> = Vec::new();
    for (name, table) in value.named_tables() {
        table.allow_keys(&["cidrs", "environment", "sources", "trust_domains"]);
        let listed = table.required("cidrs", "its address ranges, such as cidrs = [\"10.1.0.0/16\"]");
        let cidrs = listed.map(|listed| cidrs(&listed)).unwrap_or_default();
        let realm = Realm {
            name,
            cidrs: values(cidrs.clone()),
            environment: table.text("environment"),
            sources: table.texts("sources").unwrap_or_default(),
            trust_domains: table.texts("trust_domains").unwrap_or_default(),
        };
        refuse_twins(&environment.realms, &seen, &realm, &cidrs, &table);
        let index = environment.realms.len();
        seen.extend(cidrs.into_iter().map(|cidr| (index, cidr)));
        environment.realms.push(realm);
    }
}

/// Notes ranges that another realm has too, when no source tells the two realms apart.
fn refuse_twins(
    realms: &[Realm],
    seen: &[(usize, At<Cidr>)],
    realm: &Realm,
    cidrs: &[At<Cidr>],
    table: &Table<'_>,
) {
    for cidr in cidrs {
        let twins = seen.iter().filter(|(_, other)| other.value == cidr.value);
        let twin = twins.filter_map(|(index, _)| realms.get(*index)).find(|other| share_source(other, realm));
        if let Some(other) = twin {
            let message = format!(
                "{} is in [realm.{}] and in {}, and no source tells them apart; keep it in one, or give each its \
                 own `sources`",
                cidr.value,
                quoted(&other.name),
                table.title()
            );
            table.fault(cidr.at, message);
        }
    }
}

fn share_source(left: &Realm, right: &Realm) -> bool {
    (left.sources.is_empty() && right.sources.is_empty())
        || left.sources.iter().any(|source| right.sources.contains(source))
}

/// How exactly a realm names a source: 2 by label, 1 by format, 0 not at all; `None` if it excludes it.
fn speaks_for(realm: &Realm, source_label: &str) -> Option<u8> {
    let format = source_label.split(':').next().unwrap_or(source_label);
    let names = |label: &str| realm.sources.iter().any(|source| source == label);
    match (names(source_label), names(format), realm.sources.is_empty()) {
        (true, _, _) => Some(2),
        (_, true, _) => Some(1),
        (_, _, true) => Some(0),
        _ => None,
    }
}

impl Environment {
    /// Where an address lies, for the source with this label.
    #[must_use]
    pub fn place_of(&self, address: &str, source_label: &str) -> Place<'_> {
        let Some(address) = parse_address(address) else { return Place::Nowhere };
        if self.realms.is_empty() || is_local(address) {
            return Place::Nowhere;
        }
        let mut ranked: Vec<((u8, u8), &Realm)> = Vec::new();
        let mut inside_any = false;
        for realm in &self.realms {
            let ranges = realm.cidrs.iter().filter(|cidr| cidr.contains(address));
            let Some(prefix_bits) = ranges.map(Cidr::prefix_bits).max() else { continue };
            inside_any = true;
            ranked.extend(speaks_for(realm, source_label).map(|exactness| ((exactness, prefix_bits), realm)));
        }
        ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        match ranked.as_slice() {
            [] if inside_any => Place::Unsettled,
            [] => Place::Outside,
            [(first, _), (second, _), ..] if first == second => Place::Unsettled,
            [(_, realm), ..] => Place::Inside(realm),
        }
    }

    /// The realm of an address, for the source with this label, if just one can be meant.
    #[must_use]
    pub fn realm_of_address(&self, address: &str, source_label: &str) -> Option<&Realm> {
        match self.place_of(address, source_label) {
            Place::Inside(realm) => Some(realm),
            Place::Unsettled | Place::Outside | Place::Nowhere => None,
        }
    }

    /// Whether an address is in the ranges of any realm, whoever recorded it.
    ///
    /// To ask whether it is *outside* every realm, ask [`Environment::place_of`]: what is no place is neither.
    #[must_use]
    pub fn is_inside_any_realm(&self, address: &str) -> bool {
        let Some(address) = parse_address(address) else { return false };
        self.realms.iter().flat_map(|realm| &realm.cidrs).any(|cidr| cidr.contains(address))
    }

    /// The service account that a mesh identity stands for, as Kubernetes names it, and the realm whose account it is; none
    /// where no realm, or more than one, declares its trust domain.
    pub(crate) fn mesh_account(&self, identity: &str) -> Option<(&Realm, String)> {
        let (trust_domain, namespace, name) = mesh_parts(identity)?;
        let declares = |realm: &&Realm| realm.trust_domains.iter().any(|known| known == trust_domain);
        let mut realms = self.realms.iter().filter(declares);
        let realm = realms.next()?;
        realms.next().is_none().then(|| (realm, format!("system:serviceaccount:{namespace}:{name}")))
    }

    /// The realm with this name.
    #[must_use]
    pub fn realm(&self, name: &str) -> Option<&Realm> {
        self.realms.iter().find(|realm| realm.name == name)
    }
}

/// Trust domain, namespace and name of a service account: `spiffe://DOMAIN/ns/NS/sa/NAME` as Istio has it, or Linkerd's
/// `NAME.NS.serviceaccount.identity.CONTROLPLANE.DOMAIN`.
fn mesh_parts(identity: &str) -> Option<(&str, &str, &str)> {
    let parts = match identity.strip_prefix("spiffe://") {
        Some(rest) => {
            let (domain, path) = rest.split_once("/ns/")?;
            let (namespace, name) = path.split_once("/sa/")?;
            (domain, namespace, name)
        }
        None => {
            let (account, rest) = identity.split_once(".serviceaccount.identity.")?;
            let (name, namespace) = account.rsplit_once('.')?;
            (rest.split_once('.')?.1, namespace, name)
        }
    };
    let is_plain = |part: &str| !part.is_empty() && !part.contains('/');
    [parts.0, parts.1, parts.2].into_iter().all(is_plain).then_some(parts)
}

/// Addresses that mean a different place on every machine: a sidecar's peer is loopback, metadata is link-local.
fn is_local(address: std::net::IpAddr) -> bool {
    let link_local = match address {
        std::net::IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        std::net::IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    link_local || address.is_loopback() || address.is_unspecified() || address.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REALMS: &str = r#"
[realm.corp]
cidrs = ["10.0.0.0/8"]
[realm.prod]
cidrs = ["10.1.0.0/16", "fd00:1::/64"]
[realm.blue]
cidrs = ["172.16.0.0/16"]
sources = ["k8s-audit:blue", "envoy"]
[realm.green]
cidrs = ["172.16.0.0/16"]
sources = ["k8s-audit:green"]
"#;

    fn check(address: &str, source: &str, expected: &str) {
        let environment = Environment::parse(REALMS, "env.toml").expect("a good file");
        let place = match environment.place_of(address, source) {
            Place::Inside(realm) => realm.name.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(place, expected, "{address} {source}");
    }

    /// Scenario: nested realms, twins told apart by source, and addresses that are no place.
    /// Guarantees: the more exact statement wins, and nothing is guessed.
    #[test]
    fn places() {
        check("10.1.0.7", "k8s-audit", "prod");
        check("::ffff:10.1.0.7", "k8s-audit", "prod");
        check("10.2.0.7", "k8s-audit", "corp");
        check("fd00:1::7", "k8s-audit", "prod");
        check("172.16.0.7", "k8s-audit:blue", "blue");
        check("172.16.0.7", "k8s-audit:green", "green");
        check("172.16.0.7", "envoy:edge", "blue");
        check("172.16.0.7", "k8s-audit", "Unsettled");
        check("203.0.113.9", "k8s-audit", "Outside");
        for nowhere in ["", "web-7", "127.0.0.6", "::1", "0.0.0.0", "169.254.169.254", "fe80::1", "224.0.0.1"]
        {
            check(nowhere, "k8s-audit", "Nowhere");
        }
    }

    /// Scenario: identities of Istio and Linkerd, of trust domains that one realm declares, that two do and that none does,
    /// and what is no mesh identity. Guarantees: only the first has an account.
    #[test]
    fn accounts_of_meshes() {
        let text = "[realm.a]\ncidrs = []\ntrust_domains = [\"a.example\", \"both.example\"]\n\
                    [realm.b]\ncidrs = []\ntrust_domains = [\"both.example\"]\n";
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        let account = |identity: &str| {
            environment.mesh_account(identity).map(|(realm, account)| (realm.name.clone(), account))
        };
        let web = Some(("a".to_owned(), "system:serviceaccount:shop:web".to_owned()));
        assert_eq!(account("spiffe://a.example/ns/shop/sa/web"), web);
        assert_eq!(account("web.shop.serviceaccount.identity.linkerd.a.example"), web);
        for other in [
            "spiffe://both.example/ns/shop/sa/web",
            "spiffe://b.example/ns/shop/sa/web",
            "spiffe://a.example/shop/web",
            "spiffe://a.example/ns/shop/sa/web/x",
            "spiffe://a.example/x/ns/shop/sa/web",
            "spiffe://a.example/ns//sa/web",
            "web.shop.serviceaccount.identity.a",
            "system:serviceaccount:shop:web",
        ] {
            assert_eq!(account(other), None, "{other}");
        }
    }

    /// Scenario: no file. Guarantees: no address is inside or outside.
    #[test]
    fn without_a_file() {
        let environment = Environment::default();
        assert_eq!(environment.place_of("10.1.0.7", "k8s-audit"), Place::Nowhere);
        assert!(!environment.is_inside_any_realm("10.1.0.7"));
    }

    fn any_realm() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
        (proptest::collection::vec(0u8..7, 1..3), proptest::collection::vec(0usize..4, 0..3))
    }

    fn text_of(realms: &[(Vec<u8>, Vec<usize>)]) -> String {
        let ranges =
            ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.1.1.0/24", "10.1.2.0/24", "::/0", "fd00::/16"];
        let labels = ["a", "a:x", "a:y", "b"];
        let mut text = String::new();
        for (index, (cidrs, sources)) in realms.iter().enumerate() {
            let cidrs: Vec<&str> = cidrs.iter().map(|range| ranges[usize::from(*range)]).collect();
            let sources: Vec<&str> = sources.iter().map(|label| labels[*label]).collect();
            text.push_str(&format!("[realm.r{index}]\ncidrs = {cidrs:?}\nsources = {sources:?}\n"));
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 65_536, ..ProptestConfig::default() })]
        /// Scenario: overlapping realms with and without sources; one is taken away.
        /// Guarantees: MATCH-2. An address that was in no settled realm gets none, and one that was inside the ranges
        /// of other realms stays there.
        #[test]
        fn taking_a_realm_away_settles_nothing(
            realms in proptest::collection::vec(any_realm(), 1..5),
            gone in any::<proptest::sample::Index>(),
        ) {
            let whole = Environment::parse(&text_of(&realms), "env.toml");
            prop_assume!(whole.is_ok());
            let whole = whole.expect("assumed");
            let mut less = whole.clone();
            let gone = less.realms.remove(gone.index(whole.realms.len()));
            for address in ["10.1.1.1", "10.1.2.1", "10.1.3.1", "10.2.0.1", "10.3.0.1", "fd00::1", "2001:db8::1"] {
                for source in ["a", "a:x", "a:y", "b", "b:z", "c"] {
                    let before = whole.realm_of_address(address, source);
                    let after = less.realm_of_address(address, source);
                    prop_assert!(after.is_none() || before.is_some(), "{} {}", address, source);
                    if before.is_some_and(|realm| *realm != gone) {
                        prop_assert_eq!(after, before, "another realm's address moved");
                    }
                    let parsed = parse_address(address).expect("a good address");
                    let of_gone = gone.cidrs.iter().any(|cidr| cidr.contains(parsed));
                    let outside = |environment: &Environment| {
                        environment.place_of(address, source) == Place::Outside
                    };
                    prop_assert!(of_gone || less.realms.is_empty() || outside(&less) == outside(&whole));
                }
            }
        }
    }
}

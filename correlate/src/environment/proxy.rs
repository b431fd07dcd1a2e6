//! `[[proxy]]`: addresses that forward for others, never a client's own place.
//!
//! In: an address. Out: the proxy that has it. Owns: whether its forwarded-for header is believed.
//! Law: MATCH-2. Entries that disagree about an address are refused, so taking one away never turns trust round.

use super::Environment;
use super::cidr::{Cidr, parse_address};
use super::ranges::cidrs;
use offbound_schemas::authored::{At, Table, Value, values};

/// A forwarder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its addresses.
    pub addresses: Vec<Cidr>,
    /// Whether its `X-Forwarded-For` is believed.
    pub trust_forwarded: bool,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    for table in value.tables() {
        table.allow_keys(&["addresses", "trust_forwarded"]);
        let addresses = table.required("addresses", "its addresses, such as addresses = [\"10.1.250.1\"]");
        let addresses = addresses.map(|addresses| cidrs(&addresses)).unwrap_or_default();
        let trust_forwarded = table.flag("trust_forwarded").unwrap_or(false);
        refuse_disagreement(&environment.proxies, trust_forwarded, &addresses, &table);
        environment.proxies.push(Proxy { addresses: values(addresses), trust_forwarded });
    }
}

fn refuse_disagreement(proxies: &[Proxy], trust_forwarded: bool, addresses: &[At<Cidr>], table: &Table<'_>) {
    let differing = proxies.iter().filter(|proxy| proxy.trust_forwarded != trust_forwarded);
    let others: Vec<&Cidr> = differing.flat_map(|proxy| &proxy.addresses).collect();
    for address in addresses {
        if others.iter().any(|other| other.overlaps(&address.value)) {
            let message = format!(
                "{} is in an earlier [[proxy]] with another `trust_forwarded`; keep it in one of them",
                address.value
            );
            table.fault(address.at, message);
        }
    }
}

impl Environment {
    /// The proxy that has this address.
    #[must_use]
    pub fn proxy(&self, address: &str) -> Option<&Proxy> {
        let address = Some(address).filter(|_| !self.proxies.is_empty()).and_then(parse_address)?;
        self.proxies.iter().find(|proxy| proxy.addresses.iter().any(|cidr| cidr.contains(address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scenario: an address of a proxy, another, and text. Guarantees: only the declared address forwards, and
    /// trust must be said.
    #[test]
    fn lookup() {
        let text = "[[proxy]]\naddresses = [\"10.1.250.1\", \"10.1.251.0/24\"]\n";
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        assert_eq!(environment.proxy("10.1.250.1").map(|proxy| proxy.trust_forwarded), Some(false));
        assert!(environment.proxy("::ffff:10.1.251.9").is_some());
        assert!(environment.proxy("10.1.250.2").is_none());
        assert!(environment.proxy("edge").is_none());
    }

    fn text_of(entries: &[(Vec<usize>, bool)]) -> String {
        let ranges = ["10.1.250.1", "10.1.250.2", "10.1.250.0/24", "10.1.251.1"];
        let mut text = String::new();
        for (addresses, trust) in entries {
            let addresses: Vec<&str> = addresses.iter().map(|range| ranges[*range]).collect();
            text.push_str(&format!("[[proxy]]\naddresses = {addresses:?}\ntrust_forwarded = {trust}\n"));
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 65_536, ..ProptestConfig::default() })]
        /// Scenario: overlapping proxies; one is taken away.
        /// Guarantees: MATCH-2. No address becomes a proxy's, and none becomes trusted or distrusted.
        #[test]
        fn taking_a_proxy_away_never_turns_trust_round(
            entries in proptest::collection::vec((proptest::collection::vec(0usize..4, 1..3), any::<bool>()), 1..5),
            gone in any::<proptest::sample::Index>(),
        ) {
            let whole = Environment::parse(&text_of(&entries), "env.toml");
            prop_assume!(whole.is_ok());
            let whole = whole.expect("assumed");
            let mut less = whole.clone();
            less.proxies.remove(gone.index(whole.proxies.len()));
            for address in ["10.1.250.1", "10.1.250.2", "10.1.250.3", "10.1.251.1", "10.1.252.1"] {
                let trust = |environment: &Environment| environment.proxy(address).map(|proxy| proxy.trust_forwarded);
                let after = trust(&less);
                prop_assert!(after.is_none() || after == trust(&whole));
            }
        }
    }
}

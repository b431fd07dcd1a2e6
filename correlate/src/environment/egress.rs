//! `[[egress]]`: addresses of a realm that appear elsewhere as others.
//!
//! In: a realm and an address of it. Out: as what the address is seen outside, if that is declared.
//! Owns: the difference between unknown (no entry speaks of the address) and none (an entry with `seen_as = []`).
//! Law: MATCH-2. One address has one entry: entries of a realm with overlapping `from` are refused, so taking an
//! entry away makes its addresses unknown and never leaves half a declaration standing.

use offbound_schemas::authored::{At, Table, Value, nearest, quoted, values};
use std::net::IpAddr;

use super::Environment;
use super::cidr::{Cidr, parse_address};
use super::ranges::cidrs;
use super::realm::Realm;

/// One declaration of a translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressEntry {
    /// Name of the realm.
    pub realm: String,
    /// Its addresses that are translated.
    pub from: Vec<Cidr>,
    /// What they appear as elsewhere; empty: nothing of them leaves translated.
    pub seen_as: Vec<Cidr>,
}

/// As what an address of a realm is seen outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Egress {
    /// Nobody has said: an address outside every realm decides nothing.
    Unknown,
    /// It never leaves translated.
    None,
    /// As one of these.
    SeenAs(Vec<Cidr>),
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    for table in value.tables() {
        table.allow_keys(&["realm", "from", "seen_as"]);
        let realm = table.required("realm", "the name of its realm, such as realm = \"prod\"");
        let realm = realm.and_then(|realm| read_realm(environment, &realm)).unwrap_or_default();
        let from =
            table.required("from", "the addresses that are translated, such as from = [\"10.1.0.0/16\"]");
        let seen_as =
            table.required("seen_as", "what they appear as, or seen_as = [] if nothing leaves translated");
        let from = from.map(|from| cidrs(&from)).unwrap_or_default();
        refuse_overlap(&environment.egress, &realm, &from, &table);
        let seen_as = seen_as.map(|seen_as| values(cidrs(&seen_as))).unwrap_or_default();
        environment.egress.push(EgressEntry { realm, from: values(from), seen_as });
    }
}

fn read_realm(environment: &Environment, value: &Value<'_>) -> Option<String> {
    let name = value.text()?;
    if environment.realm(&name).is_some() {
        return Some(name);
    }
    let known: Vec<&str> = environment.realms.iter().map(|realm| realm.name.as_str()).collect();
    match nearest(&name, &known) {
        Some(near) => {
            let near = quoted(near);
            value.bad_text(&name, &format!("is no realm of this file; the nearest is \"{near}\""));
        }
        None => value.bad_text(&name, &format!("is no realm of this file; add [realm.{}]", quoted(&name))),
    }
    None
}

fn refuse_overlap(entries: &[EgressEntry], realm: &str, from: &[At<Cidr>], table: &Table<'_>) {
    let others: Vec<&Cidr> =
        entries.iter().filter(|entry| entry.realm == realm).flat_map(|entry| &entry.from).collect();
    for cidr in from {
        if let Some(other) = others.iter().find(|other| other.overlaps(&cidr.value)) {
            let message = format!(
                "{} overlaps {other} of an earlier [[egress]] of realm \"{}\"; make it one entry with all of their \
                 `seen_as`",
                cidr.value,
                quoted(realm)
            );
            table.fault(cidr.at, message);
        }
    }
}

impl Environment {
    /// As what an address of a realm is seen outside.
    #[must_use]
    pub fn egress_of(&self, realm: &Realm, address: &str) -> Egress {
        let Some(address) = parse_address(address) else { return Egress::Unknown };
        let mut known = false;
        let mut seen_as: Vec<Cidr> = Vec::new();
        for entry in
            self.egress.iter().filter(|entry| entry.realm == realm.name && holds(&entry.from, address))
        {
            known = true;
            seen_as.extend(&entry.seen_as);
        }
        match (known, seen_as.is_empty()) {
            (false, _) => Egress::Unknown,
            (true, true) => Egress::None,
            (true, false) => Egress::SeenAs(seen_as),
        }
    }

    /// The declarations by which this address stands for addresses of a realm.
    #[must_use]
    pub fn egress_owner(&self, address: &str) -> Vec<&EgressEntry> {
        let Some(address) = parse_address(address) else { return Vec::new() };
        self.egress.iter().filter(|entry| holds(&entry.seen_as, address)).collect()
    }
}

fn holds(cidrs: &[Cidr], address: IpAddr) -> bool {
    cidrs.iter().any(|cidr| cidr.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EGRESS: &str = r#"
[realm.prod]
cidrs = ["10.1.0.0/16"]
[realm.dev]
cidrs = ["10.2.0.0/16"]
[[egress]]
realm = "prod"
from = ["10.1.0.0/17"]
seen_as = ["198.51.100.9", "198.51.100.16/28"]
[[egress]]
realm = "prod"
from = ["10.1.128.0/18"]
seen_as = []
"#;

    fn check(realm: &str, address: &str, expected: &Egress) {
        let environment = Environment::parse(EGRESS, "env.toml").expect("a good file");
        let realm = environment.realm(realm).expect("a realm of the file");
        assert_eq!(environment.egress_of(realm, address), *expected, "{address}");
    }

    /// Scenario: addresses with, without and with empty declarations.
    /// Guarantees: unknown and none are told apart.
    #[test]
    fn unknown_none_and_seen_as() {
        let range = |text| Cidr::parse(text).expect("a good range");
        let seen = Egress::SeenAs(vec![range("198.51.100.9"), range("198.51.100.16/28")]);
        check("prod", "10.1.0.7", &seen);
        check("prod", "10.1.128.7", &Egress::None);
        check("prod", "10.1.192.7", &Egress::Unknown);
        check("prod", "web-7", &Egress::Unknown);
        check("dev", "10.2.0.7", &Egress::Unknown);
    }

    /// Scenario: an address that a realm appears as. Guarantees: it leads back to the declaration.
    #[test]
    fn owner() {
        let environment = Environment::parse(EGRESS, "env.toml").expect("a good file");
        let owners = |address| environment.egress_owner(address).len();
        assert_eq!((owners("198.51.100.9"), owners("198.51.100.20"), owners("198.51.100.40")), (1, 1, 0));
    }

    fn text_of(entries: &[(usize, Vec<usize>, Vec<usize>)]) -> String {
        let ranges =
            ["10.1.0.0/18", "10.1.64.0/18", "10.1.128.0/18", "10.1.192.0/18", "10.1.0.0/16", "10.1.1.0/24"];
        let outside = ["198.51.100.1/32", "198.51.100.2/32", "198.51.100.0/24"];
        let mut text =
            "[realm.r0]\ncidrs = [\"10.1.0.0/16\"]\n[realm.r1]\ncidrs = [\"10.2.0.0/16\"]\n".to_owned();
        for (realm, from, seen_as) in entries {
            let from: Vec<&str> = from.iter().map(|range| ranges[*range]).collect();
            let seen_as: Vec<&str> = seen_as.iter().map(|range| outside[*range]).collect();
            text.push_str(&format!(
                "[[egress]]\nrealm = \"r{realm}\"\nfrom = {from:?}\nseen_as = {seen_as:?}\n"
            ));
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 65_536, ..ProptestConfig::default() })]
        /// Scenario: any declarations that a file may hold; one is taken away.
        /// Guarantees: MATCH-2. Every answer stays as it was or becomes unknown.
        #[test]
        fn taking_an_entry_away_only_makes_unknown(
            entries in proptest::collection::vec(
                (0usize..2, proptest::collection::vec(0usize..6, 1..3), proptest::collection::vec(0usize..3, 0..3)),
                1..5,
            ),
            gone in any::<proptest::sample::Index>(),
        ) {
            let whole = Environment::parse(&text_of(&entries), "env.toml");
            prop_assume!(whole.is_ok());
            let whole = whole.expect("assumed");
            let mut less = whole.clone();
            less.egress.remove(gone.index(whole.egress.len()));
            for realm in &whole.realms {
                for address in ["10.1.0.1", "10.1.1.1", "10.1.64.1", "10.1.128.1", "10.1.192.1"] {
                    let after = less.egress_of(realm, address);
                    prop_assert!(after == Egress::Unknown || after == whole.egress_of(realm, address));
                }
            }
            for address in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
                prop_assert!(less.egress_owner(address).len() <= whole.egress_owner(address).len());
            }
        }
    }
}

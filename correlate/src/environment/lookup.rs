//! Entries by name, indexed: an environment may hold thousands of them, and every event asks.
//!
//! In: workloads, destinations and declared calls as the file has them. Out: the number of the entry that a name means.
//! Owns: the index, made at the first question; a copy of an environment makes its own.
//! Law: the answer is that of a search from the first entry to the last.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::pattern::any_matches;
use super::{Allow, DestinationInfo, Environment, WorkloadInfo};

/// The index, once somebody has asked. Entries are not changed after that.
#[derive(Debug, Default)]
pub(super) struct Lookup(OnceLock<Index>);

impl Clone for Lookup {
    /// Empty: the copy's entries may be changed before it is asked.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Lookup {
    /// An index says nothing that the entries do not.
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

#[derive(Debug, Default)]
struct Index {
    /// Workloads by id and alias.
    workloads: HashMap<String, usize>,
    /// Destinations by their own name.
    named: HashMap<String, usize>,
    /// Destinations by name and by every pattern that is a plain text.
    destinations: HashMap<String, usize>,
    /// Destinations with patterns that are more than a text, in order.
    patterned: Vec<usize>,
    /// Declared calls by every destination that is a plain text.
    allows: HashMap<String, Vec<usize>>,
    /// Those with destinations that are more than a text.
    patterned_allows: Vec<usize>,
}

impl Index {
    fn of(workloads: &[WorkloadInfo], destinations: &[DestinationInfo], allows: &[Allow]) -> Self {
        let mut index = Self::default();
        for (number, entry) in workloads.iter().enumerate() {
            for name in std::iter::once(&entry.id).chain(&entry.aliases) {
                index.workloads.entry(name.clone()).or_insert(number);
            }
        }
        for (number, entry) in destinations.iter().enumerate() {
            index.named.entry(entry.name.clone()).or_insert(number);
            let plain = entry.patterns.iter().filter_map(|pattern| pattern.plain());
            for name in std::iter::once(entry.name.as_str()).chain(plain) {
                index.destinations.entry(name.to_owned()).or_insert(number);
            }
            if entry.patterns.iter().any(|pattern| pattern.plain().is_none()) {
                index.patterned.push(number);
            }
        }
        for (number, entry) in allows.iter().enumerate() {
            for name in entry.destinations.iter().filter_map(|pattern| pattern.plain()) {
                index.allows.entry(name.to_owned()).or_default().push(number);
            }
            if entry.destinations.iter().any(|pattern| pattern.plain().is_none()) {
                index.patterned_allows.push(number);
            }
        }
        index
    }
}

impl Environment {
    fn index(&self) -> &Index {
        self.lookup.0.get_or_init(|| Index::of(&self.workloads, &self.destinations, &self.allows))
    }

    /// The workload with this id or alias.
    #[must_use]
    pub fn workload(&self, name: &str) -> Option<&WorkloadInfo> {
        self.index().workloads.get(name).and_then(|number| self.workloads.get(*number))
    }

    /// The numbers of declared calls that may name one of these destinations; one may come twice.
    pub(super) fn allows_to(&self, names: &[&str]) -> impl Iterator<Item = usize> {
        let index = self.index();
        let named = names.iter().filter_map(|name| index.allows.get(*name)).flatten();
        named.chain(&index.patterned_allows).copied()
    }

    /// The destination of that very name.
    pub(crate) fn destination_named(&self, name: &str) -> Option<&DestinationInfo> {
        self.index().named.get(name).and_then(|number| self.destinations.get(*number))
    }

    /// The first destination whose name or patterns fit any of the names.
    #[must_use]
    pub fn destination(&self, names: &[&str]) -> Option<&DestinationInfo> {
        let index = self.index();
        let named = names.iter().filter_map(|name| index.destinations.get(*name)).min().copied();
        let mut before =
            index.patterned.iter().take_while(|number| named.is_none_or(|named| **number < named));
        let fits = |number: &&usize| {
            self.destinations.get(**number).is_some_and(|entry| any_matches(&entry.patterns, names))
        };
        let number = before.find(fits).copied().or(named)?;
        self.destinations.get(number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;
    use super::*;
    use offbound_schemas::vocabulary::Enforcement;
    use proptest::prelude::*;

    fn searched<'e>(environment: &'e Environment, names: &[&str]) -> Option<&'e DestinationInfo> {
        let fits = |entry: &&DestinationInfo| {
            names.contains(&entry.name.as_str()) || any_matches(&entry.patterns, names)
        };
        environment.destinations.iter().find(fits)
    }

    fn destination(name: &str, patterns: &[String]) -> DestinationInfo {
        DestinationInfo {
            name: name.to_owned(),
            patterns: patterns.iter().map(|pattern| Pattern::new(pattern)).collect(),
            sensitive: false,
            enforcement: Enforcement::Unknown,
            identity_log: None,
            audiences: None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        /// Scenario: any destinations over few names and patterns, asked for by up to three names.
        /// Guarantees: the index answers as a search from the first entry to the last.
        #[test]
        fn finds_what_a_search_finds(
            entries in proptest::collection::vec(("[ab]{1,2}", proptest::collection::vec("[ab*]{1,3}", 0..3)), 0..6),
            names in proptest::collection::vec("[ab]{0,3}", 0..4),
        ) {
            let entries = entries.iter().map(|(name, patterns)| destination(name, patterns)).collect();
            let environment = Environment { destinations: entries, ..Environment::default() };
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let same = |left: Option<&DestinationInfo>, right: Option<&DestinationInfo>| {
                left.map(std::ptr::from_ref) == right.map(std::ptr::from_ref)
            };
            prop_assert!(same(environment.destination(&names), searched(&environment, &names)));
        }
    }
}

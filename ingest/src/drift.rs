//! Fields of records that offbound does not know, by name: how a format drifts.
//!
//! In: a record and what its decoder made of it. Out: the unknown fields kept in the row's `unmapped` column, and how
//! many records had each. Owns: which fields are unknown, and the bound on names.
//! Law: the counts depend on the set of records only, never on their order or on who read them.

use std::collections::BTreeMap;

use offbound_schemas::EventRows;
use serde_json::{Map, Value};

use crate::decode::{cut, field, known_keys};
use crate::formats::FormatRef;

/// Most names that are counted each by itself: more than a tool adds between two versions. Of more names the first in
/// the alphabet are kept, so that the order of records makes no difference.
pub const MAX_UNMAPPED_NAMES: usize = 64;
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 96;
/// What the other names are counted under.
const OTHERS: &str = "(others)";

/// How the fields that a format knows are told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    /// Its documentation names all top-level keys; none where it does not.
    Keys(&'static [&'static str]),
    /// A mapping file speaks of them: what it does not speak of is what it leaves unmapped.
    Spoken,
}

impl Known {
    /// How those of `format` are told.
    pub(crate) fn of(format: FormatRef<'_>) -> Self {
        match format {
            FormatRef::BuiltIn(format) => Self::Keys(known_keys::of(format.id)),
            FormatRef::Mapped(_) => Self::Spoken,
        }
    }
}

/// Names of unknown fields of one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    names: BTreeMap<String, u64>,
    others: u64,
}

impl Drift {
    fn add(&mut self, name: &str, count: u64) {
        let name = cut(name, MAX_NAME_BYTES);
        match self.names.get_mut(name) {
            Some(known) => *known += count,
            None => {
                self.names.insert(name.to_owned(), count);
            }
        }
        if self.names.len() > MAX_UNMAPPED_NAMES {
            self.others += self.names.pop_last().map_or(0, |(_, count)| count);
        }
    }

    /// Takes in what another part of the same input had.
    pub(crate) fn take_in(&mut self, part: Self) {
        let Self { names, others } = part;
        self.others += others;
        names.iter().for_each(|(name, count)| self.add(name, *count));
    }

    /// How many records had each.
    pub(crate) fn into_counts(self) -> BTreeMap<String, u64> {
        let Self { mut names, others } = self;
        if others > 0 {
            names.insert(OTHERS.to_owned(), others);
        }
        names
    }

    /// Counts the top-level keys of a record that are not among `known`, and keeps them in the first row that the record
    /// gave. A record of which most keys are unknown has another shape, and says nothing about this one.
    pub(crate) fn keep(&mut self, known: &[&str], json: &Value, rows: &mut EventRows) {
        let Some(fields) = json.as_object().filter(|_| !known.is_empty()) else { return };
        let is_unknown = |key: &str| known.binary_search(&key).is_err();
        let count = fields.keys().filter(|key| is_unknown(key)).count();
        if count == 0 || count * 2 > fields.len() {
            return;
        }
        let unknown = fields.iter().filter(|(key, _)| is_unknown(key));
        unknown.clone().for_each(|(key, _)| self.add(key, 1));
        if let Some(slot) = first_unmapped(rows) {
            let kept = slot.as_deref().and_then(|text| serde_json::from_str::<Map<_, _>>(text).ok());
            let kept = kept.unwrap_or_default();
            let all = kept.iter().chain(unknown).map(|(key, value)| (key.as_str(), Some(value)));
            *slot = field::unmapped(all);
        }
    }

    /// Counts what a mapping left unmapped in the first row that a record gave.
    pub(crate) fn count(&mut self, rows: &mut EventRows) {
        let unmapped = first_unmapped(rows).and_then(|text| text.as_deref());
        let fields = unmapped.and_then(|text| serde_json::from_str::<Map<_, _>>(text).ok());
        fields.iter().flat_map(Map::keys).for_each(|path| self.add(&any_index(path), 1));
    }
}

/// A path whose indexes of lists are `*`: which item it was makes no other name.
fn any_index(path: &str) -> String {
    let is_index = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    path.split('.').map(|step| if is_index(step) { "*" } else { step }).collect::<Vec<_>>().join(".")
}

fn first_unmapped(rows: &mut EventRows) -> Option<&mut Option<String>> {
    let EventRows { host_events, identity_assertions, placements } = rows;
    let host = host_events.first_mut().map(|row| &mut row.unmapped);
    let assertion = identity_assertions.first_mut().map(|row| &mut row.unmapped);
    host.or(assertion).or_else(|| placements.first_mut().map(|row| &mut row.unmapped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: more names than are counted, in two orders and in parts. Guarantees: the same counts, nothing lost.
    #[test]
    fn order_and_parts_make_no_difference() {
        let names: Vec<String> = (0..200).map(|number| format!("f{:03}", number * 37 % 150)).collect();
        let count = |names: &mut dyn Iterator<Item = &String>| {
            let mut drift = Drift::default();
            names.for_each(|name| drift.add(name, 1));
            drift
        };
        let (forth, back) = (count(&mut names.iter()), count(&mut names.iter().rev()));
        let mut parts = count(&mut names.iter().take(70));
        parts.take_in(count(&mut names.iter().skip(70)));
        assert_eq!((&forth, &forth), (&back, &parts));
        let counts = forth.into_counts();
        assert_eq!((counts.len(), counts.values().sum::<u64>()), (MAX_UNMAPPED_NAMES + 1, 200));
        assert!(counts.contains_key(OTHERS));
    }

    /// Scenario: a record with one unknown key, one without, one of another shape. Guarantees: the unknown key is kept
    /// beside what the decoder kept, and counted; another shape is left alone.
    #[test]
    fn unknown_keys_are_kept() {
        let known = ["a", "b"];
        let kept = |json: Value| {
            let mut rows = EventRows { placements: vec![Default::default()], ..EventRows::default() };
            rows.placements.iter_mut().for_each(|row| row.unmapped = Some(r#"{"b":1}"#.to_owned()));
            let mut drift = Drift::default();
            drift.keep(&known, &json, &mut rows);
            (drift.into_counts(), rows.placements.remove(0).unmapped.unwrap_or_default())
        };
        let one: BTreeMap<String, u64> = [("new".to_owned(), 1)].into();
        assert_eq!(kept(json!({"a": 1, "new": [2]})), (one, r#"{"b":1,"new":[2]}"#.to_owned()));
        for other in [json!({"a": 1}), json!({"x": 1, "y": 2}), json!([1])] {
            assert_eq!(kept(other), (BTreeMap::new(), r#"{"b":1}"#.to_owned()));
        }
        assert_eq!(any_index("list.0.id"), "list.*.id");
    }
}

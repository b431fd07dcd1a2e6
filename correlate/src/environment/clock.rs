//! `[clock]`: how far the clock of a source may be off.
//!
//! In: a source label and a host. Out: the bound, either way, in nanoseconds.
//! Owns: precedence. `host:NAME`, then the label, then its format, then `default_error`, then two seconds.

use offbound_schemas::authored::{Value, distance};
use std::collections::BTreeMap;

use super::Environment;

/// The bound when nothing is said: what time synchronisation keeps with room to spare.
pub const DEFAULT_CLOCK_ERROR_NANOS: i64 = 2_000_000_000;

/// Declared bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clock {
    /// The bound for all that is not named, in nanoseconds.
    pub default_error_nanos: Option<i64>,
    /// Bounds by `host:NAME`, source label or format, in nanoseconds.
    pub scopes_nanos: BTreeMap<String, i64>,
}

const DEFAULT_KEY: &str = "default_error";
/// Keys are free here, so a slip of the pen is only told from a scope by being this close to the one fixed key.
const MISSPELT_WITHIN: usize = 4;

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let Some(table) = value.table() else { return };
    for (scope, entry) in table.entries() {
        let nanos = entry.duration_nanos();
        if scope == DEFAULT_KEY {
            environment.clock.default_error_nanos = nanos;
        } else if distance(scope, DEFAULT_KEY) <= MISSPELT_WITHIN {
            table.refuse_key(scope, &[DEFAULT_KEY]);
        } else if let Some(nanos) = nanos {
            environment.clock.scopes_nanos.insert(scope.to_owned(), nanos);
        }
    }
}

impl Environment {
    /// How far off the clock may be that wrote a record of this source on this host.
    #[must_use]
    pub fn clock_error_nanos(&self, source_label: &str, host: Option<&str>) -> i64 {
        let scopes = &self.clock.scopes_nanos;
        let format = source_label.split(':').next().unwrap_or(source_label);
        host.and_then(|host| scopes.get(&format!("host:{host}")))
            .or_else(|| scopes.get(source_label))
            .or_else(|| scopes.get(format))
            .copied()
            .or(self.clock.default_error_nanos)
            .unwrap_or(DEFAULT_CLOCK_ERROR_NANOS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: bounds at every level, and none. Guarantees: the most exact one holds.
    #[test]
    fn most_exact_bound_holds() {
        let text = "[clock]\ndefault_error = \"3s\"\n\"host:n7\" = \"60s\"\n\"envoy\" = \"5s\"\n\"envoy:edge\" = \"4s\"\n";
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        for (source, host, expected_secs) in [
            ("envoy:edge", Some("n7"), 60),
            ("envoy:edge", Some("n8"), 4),
            ("envoy:core", None, 5),
            ("envoy", None, 5),
            ("falco", None, 3),
        ] {
            assert_eq!(
                environment.clock_error_nanos(source, host),
                expected_secs * 1_000_000_000,
                "{source}"
            );
        }
        assert_eq!(Environment::default().clock_error_nanos("falco", None), DEFAULT_CLOCK_ERROR_NANOS);
    }
}

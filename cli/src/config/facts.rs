//! Bounds of facts: section `facts` of the configuration.
//!
//! In: the file's section, variables, options. Out: [`Bounds`] for an engine.
//! Owns: keys and limits. Leaves the defaults to `correlate`. Law: options over variables over file over defaults.

use std::time::Duration;

use offbound_correlate::Bounds;
use offbound_schemas::parse_duration_nanos;
use serde::Deserialize;

use super::Config;
use crate::exit::Failure;
use crate::size::bytes;

/// Below this the facts of a single incident would not fit.
const MIN_MEMORY_BYTES: u64 = 1 << 20;
/// Below this the minutes within which rules look for what belongs together would be cut.
const MIN_RETENTION_NANOS: i64 = 3_600 * 1_000_000_000;

/// Section `[facts]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FactsSection {
    pub(super) memory: Option<String>,
    pub(super) retention: Option<String>,
}

impl Config {
    /// How long facts are kept, and how much memory they may take.
    pub(crate) fn bounds(&self, memory: Option<u64>, retention: Option<Duration>) -> Result<Bounds, Failure> {
        let FactsSection { memory: stated, retention: lasting } = &self.file.facts;
        let mut bounds = Bounds::default();
        if let Some(size) = memory.map(|size| size.to_string()).or_else(|| stated.clone()) {
            let read = bytes(&size).filter(|size| *size >= MIN_MEMORY_BYTES);
            let problem = || self.wrong("facts.memory", &format!("{size:?} is no size of at least 1MiB"));
            bounds.facts_bytes = usize::try_from(read.ok_or_else(problem)?).unwrap_or(usize::MAX);
        }
        let given = retention.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
        if given.is_some() || lasting.is_some() {
            let read = given.or_else(|| parse_duration_nanos(lasting.as_deref().unwrap_or_default()));
            let problem =
                || self.wrong("facts.retention", "it is no duration of at least an hour, such as 30d");
            bounds.retention_nanos =
                read.filter(|nanos| *nanos >= MIN_RETENTION_NANOS).ok_or_else(problem)?;
        }
        Ok(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, memory: Option<u64>, expected: Result<(usize, i64), &str>) {
        let config = Config::parse(text, "c.toml").expect("a sound file");
        let read = config.bounds(memory, None).map(|bounds| (bounds.facts_bytes, bounds.retention_nanos));
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{text}"),
            (Err(failure), Err(part)) => assert!(failure.to_string().contains(part), "{failure}"),
            (read, expected) => panic!("{text}: {read:?} is not {expected:?}"),
        }
    }

    /// Scenario: nothing said, a section, an option over it, sizes and durations that are none or too small.
    /// Guarantees: options win, faults name their key.
    #[test]
    fn bounds_are_read() {
        let Bounds { facts_bytes, retention_nanos, .. } = Bounds::default();
        let hour = 3_600 * 1_000_000_000;
        check("", None, Ok((facts_bytes, retention_nanos)));
        check("[facts]\nmemory = \"2MiB\"\nretention = \"48h\"\n", None, Ok((2 << 20, 48 * hour)));
        check("[facts]\nmemory = \"2MiB\"\n", Some(8 << 20), Ok((8 << 20, retention_nanos)));
        check("[facts]\nmemory = \"12KiB\"\n", None, Err("facts.memory"));
        check("[facts]\nretention = \"5m\"\n", None, Err("facts.retention"));
        check("[facts]\nretention = \"soon\"\n", None, Err("facts.retention"));
    }
}

//! The key of each message, as the user chose it.
//!
//! In: a choice, a record. Out: its key, if it has one. Leaves to `ingest` what a record is about.
//! Law: the same record of the same machine has the same key, whenever it is sent.

use std::borrow::Cow;
use std::fs;

use offbound_ingest::{FingerprintKey, Formats, KeyFinder};

use crate::args::ship::KeyChoice;

/// Where Linux says the machine's name.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// What keys are made of.
#[derive(Debug)]
pub(crate) enum Keys {
    /// What the record is about, else this machine.
    Auto(KeyFinder, String),
    /// This machine.
    Host(String),
    /// Nothing.
    Nothing,
}

impl Keys {
    /// As chosen.
    pub(crate) fn new(choice: KeyChoice, formats: Formats, key: FingerprintKey) -> Self {
        match choice {
            KeyChoice::Auto => Self::Auto(KeyFinder::new(formats, key), host_name()),
            KeyChoice::Host => Self::Host(host_name()),
            KeyChoice::None => Self::Nothing,
        }
    }

    /// The key of a record.
    pub(crate) fn of(&self, record: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Auto(finder, host) => Some(finder.key(record).map_or(Cow::Borrowed(host), Cow::Owned)),
            Self::Host(host) => Some(Cow::Borrowed(host)),
            Self::Nothing => None,
        }
    }
}

fn host_name() -> String {
    let name = fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the three choices, for a record with a host and one without. Guarantees: what the record says comes
    /// first, then the machine; `none` is no key at all.
    #[test]
    fn choices() {
        let record = b"node=worker-3 type=EOE msg=audit(1767225600.123:42):";
        let key = FingerprintKey::for_tests;
        let auto = Keys::new(KeyChoice::Auto, Formats::default(), key());
        assert_eq!(auto.of(record).as_deref(), Some("worker-3"));
        assert_eq!(auto.of(b"something else").as_deref(), Some(host_name().as_str()));
        let host = Keys::new(KeyChoice::Host, Formats::default(), key());
        assert_eq!(host.of(record).as_deref(), Some(host_name().as_str()));
        let none = Keys::new(KeyChoice::None, Formats::default(), key());
        assert_eq!(none.of(record), None);
    }
}

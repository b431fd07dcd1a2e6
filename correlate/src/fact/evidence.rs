//! Evidence: which record says so, in a few bytes.
//!
//! In: a row's identity, time, source and location. Out: the public form, when a finding needs it.
//! Owns: the compact form; a location `path:line` is kept as a name and a number.

use offbound_schemas::record::Evidence;
use offbound_schemas::{EventId, EventTime};

use crate::names::{Name, Names};

/// A record that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Witness {
    pub(crate) time: EventTime,
    pub(crate) id: EventId,
    pub(crate) source: Name,
    pub(crate) location: Location,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    path: Name,
    line: Option<u64>,
}

impl Location {
    fn read(names: &mut Names, text: &str) -> Self {
        let split = text.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
        match split {
            // Only a number that prints as it was written may be kept as a number.
            Some((path, line)) if text.len() == path.len() + 1 + digits(line) => {
                Self { path: names.name(path), line: Some(line) }
            }
            _ => Self { path: names.name(text), line: None },
        }
    }

    pub(crate) fn text(self, names: &Names) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", names.text(self.path)),
            None => names.text(self.path).to_owned(),
        }
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

impl Witness {
    /// The witness of a row.
    pub(crate) fn of(names: &mut Names, time: EventTime, id: EventId, source: &str, location: &str) -> Self {
        Self { time, id, source: names.name(source), location: Location::read(names, location) }
    }

    /// The public form.
    pub(crate) fn evidence(&self, names: &Names, table: &str, role: &str) -> Evidence {
        Evidence {
            time: self.time,
            event_id: self.id,
            table: table.to_owned(),
            role: role.to_owned(),
            source: names.text(self.source).to_owned(),
            location: self.location.text(names),
        }
    }
}

//! Evidence: which record says so, in a few bytes.
//!
//! In: a row's identity, time, source and location. Out: the public form, when a finding needs it.
//! Owns: the compact form; a location `path:line` is kept as a name and a number.

use offbound_schemas::record::Evidence;
use offbound_schemas::{EventId, EventTime};

use crate::names::{Name, Named, Names};

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

/// The part of a location that many records share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    path: Name,
    /// The upper half of the line, where there is one.
    upper: Option<u32>,
}

impl Origin {
    /// The location at a line, by its lower half.
    pub(crate) fn at(self, lower: u32) -> Location {
        let line = self.upper.map(|upper| u64::from(upper) << 32 | u64::from(lower));
        Location { path: self.path, line }
    }
}

impl Named for Origin {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        visit(&mut self.path);
    }
}

impl Location {
    /// What many records share of it, and the lower half of its line.
    pub(crate) fn split(self) -> (Origin, u32) {
        let half = |line: u64| u32::try_from(line & u64::from(u32::MAX)).unwrap_or_default();
        let origin = Origin { path: self.path, upper: self.line.map(|line| half(line >> 32)) };
        (origin, self.line.map(half).unwrap_or_default())
    }

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

impl Named for Witness {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        visit(&mut self.source);
        visit(&mut self.location.path);
    }
}

impl Witness {
    /// The witness of a row.
    pub(crate) fn of(names: &mut Names, time: EventTime, id: EventId, source: &str, location: &str) -> Self {
        let source = names.name(source);
        Self::by(names, time, id, source, location)
    }

    /// The same, where the source has its name already.
    pub(crate) fn by(names: &mut Names, time: EventTime, id: EventId, source: Name, location: &str) -> Self {
        Self { time, id, source, location: Location::read(names, location) }
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

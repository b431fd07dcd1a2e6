//! Formats that a user defines: a mapping file says which field of a record goes into which column.
//!
//! In: the text of a TOML file (`docs/formats.md`). Out: a [`Mapping`], which is asked, labelled, listed and counted
//! like a built-in format; or every fault of the file, with its line. Owns: the words of mapping files (`file`), paths,
//! conditions, transforms. Leaves CSV to `csv`: here a record is JSON, whatever it was.
//! Law: a mapping reads records by its file only; what the file does not speak of stays unmapped, and what does not fit
//! its column is no value.

use std::sync::Arc;

use offbound_schemas::EventRows;
use offbound_schemas::authored::FileError;
use serde_json::Value;

use crate::csv::Layout;
use crate::decode::{Decode, Envelope, Identity, Record, Verdict, field};
use crate::json;
use condition::Conditions;
use rest::Spoken;
use rule::{Found, Rule};
use target::Target;

mod condition;
mod credential;
mod file;
mod moment;
mod path;
mod rest;
mod rule;
mod sample;
mod target;
#[cfg(test)]
mod tests;
mod trim;

/// Name under which records are counted that a mapping leaves out.
const LEFT_OUT: &str = "left-out-by-mapping";

/// A format that a mapping file defines.
#[derive(Debug)]
pub struct Mapping {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) sample: String,
    pub(crate) identity: Identity,
    pub(crate) layout: Option<Layout>,
    recognise: Conditions,
    skips: Vec<Conditions>,
    /// Texts that say that there is no value.
    absent: Vec<String>,
    time: Rule,
    /// Whether the envelope's time stands in for one that the record does not have.
    envelope_time: bool,
    target: Target,
    spoken: Spoken,
}

impl Mapping {
    /// Reads a mapping file; `origin` is the name by which faults call it. Its sample, if it has one, must be read.
    pub fn parse(text: &str, origin: &str) -> Result<Self, FileError> {
        file::read(text, origin)
    }

    /// Id, as in source labels.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Tables that it fills.
    #[must_use]
    pub fn fills(&self) -> &'static [&'static str] {
        self.target.fills()
    }

    /// Whether a record is of this format.
    pub(crate) fn knows(&self, record: Option<&Value>) -> bool {
        record.is_some_and(|record| self.recognise.hold(record))
    }

    /// Why the text of a record is not of this format, for a reader; none when it is.
    #[must_use]
    pub fn stranger(&self, text: &str) -> Option<String> {
        match json::parse(text) {
            Ok(record) => self.recognise.failure(&record),
            Err(_) => Some("it is no JSON object".to_owned()),
        }
    }

    /// By what it recognises its records, for a reader.
    pub(crate) fn known_by(&self) -> String {
        self.recognise.in_words()
    }

    /// Whether these columns are those of its CSV.
    pub(crate) fn fits_header(&self, names: &[String]) -> bool {
        let mut required = self.recognise.required();
        self.recognise.ask_for_something() && required.all(|path| names.contains(&path.text))
    }
}

/// A decoder of one stream.
pub(crate) struct Mapped(pub(crate) Arc<Mapping>);

impl Decode for Mapped {
    fn is_stateless(&self) -> bool {
        true
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json.filter(|json| json.is_object()) else {
            return Verdict::reject("not-json", "expected one JSON object");
        };
        if self.0.skips.iter().any(|skip| skip.hold(json)) {
            return Verdict::Skipped(LEFT_OUT);
        }
        self.0.read(record, json, rows)
    }
}

impl Mapping {
    fn read(&self, record: &Record<'_>, json: &Value, rows: &mut EventRows) -> Verdict {
        let event_time = match self.time.find(json, &self.absent) {
            Found::Cell(offbound_schemas::Cell::Time(time)) => Some(time),
            Found::Misfit(path, value) => {
                return Verdict::Rejected(field::ill_typed(&path.text, value, "a time as the mapping says"));
            }
            _ => self.stand_in(record.envelope),
        };
        let Some(event_time) = event_time else {
            let paths: Vec<&str> = self.time.paths().iter().map(|path| path.text.as_str()).collect();
            return Verdict::reject("no-time", format!("no time at {}", paths.join(", ")));
        };
        self.target.fill(record, event_time, json, self, rows);
        Verdict::Decoded
    }

    fn stand_in(&self, envelope: &Envelope) -> Option<offbound_schemas::EventTime> {
        envelope.time.filter(|_| self.envelope_time)
    }

    /// The text of the `unmapped` column: what the file does not speak of, and what did not fit.
    fn unmapped(&self, json: &Value, misfits: &[(&str, &Value)]) -> Option<String> {
        let rest = self.spoken.rest(json);
        let fields = misfits.iter().copied().chain(rest.iter().map(|(path, value)| (path.as_str(), *value)));
        field::unmapped(fields.map(|(path, value)| (path, Some(value))))
    }
}

//! Which format a record has, by its content.
//!
//! In: a record. Out: a format of [`Formats`], or none. Owns: the thresholds, and the memory of the stream's formats: the
//! last one is asked first, then the others, since most streams have one format or a few, and asking all costs more than
//! reading a record. One that was not the last has to be sure.

use std::collections::BTreeMap;

use offbound_schemas::EventId;
use serde_json::Value;

use crate::decode::{Envelope, Record};
use crate::formats::Formats;

/// Below this confidence a record is of no known format. Separators that several tools write are worth 20.
pub const MIN_CONFIDENCE: u8 = 20;
/// From this confidence on, a record is taken for itself even where it looks like an envelope.
pub(crate) const SURE_CONFIDENCE: u8 = 80;

/// Chooses formats for the records of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recogniser {
    /// Index of the last format, and how sure it was when it was chosen among others.
    last: Option<(usize, u8)>,
    /// Every format that was sure when it was chosen among all, and how sure. Bound: the number of formats.
    sure: BTreeMap<usize, u8>,
}

impl Recogniser {
    /// The format of the last record that was recognised, and how sure it was.
    pub(crate) fn last(&self) -> Option<(usize, u8)> {
        self.last
    }

    /// Goes on as if the last record that was recognised were of this format, as sure as that.
    #[cfg(feature = "kafka")]
    pub(crate) fn remember(&mut self, last: Option<(usize, u8)>) {
        self.last = last;
    }

    /// Takes notice of a record of a format that no other format knows, and which is as sure of it.
    pub(crate) fn knew(&mut self, index: usize, confidence: u8) {
        if self.last.is_none_or(|(last, _)| last != index) {
            self.last = Some((index, confidence));
            if confidence >= SURE_CONFIDENCE {
                self.sure.entry(index).or_insert(confidence);
            }
        }
    }

    /// Index of the record's format in `formats`.
    pub(crate) fn recognise(&mut self, formats: &Formats, record: &Record<'_>) -> Option<usize> {
        if let Some(index) = formats.mapping_of(record) {
            return Some(index);
        }
        if let Some((index, confidence)) = self.last {
            let again = formats.get(index).map_or(0, |format| format.sniff(record));
            if again >= confidence {
                return Some(index);
            }
        }
        if let Some(known) = self.surest(formats, record) {
            self.last = Some(known);
            return Some(known.0);
        }
        let best = best(formats, record).filter(|(_, confidence)| *confidence >= MIN_CONFIDENCE);
        if let Some((index, confidence)) = best.filter(|(_, confidence)| *confidence >= SURE_CONFIDENCE) {
            self.sure.insert(index, confidence);
        }
        // A comment says nothing by itself, and some lines hardly anything: they belong to the records around them, whose
        // decoder skips them by name.
        let by_context = self.last.filter(|(last, _)| {
            let fits = || formats.get(*last).is_some_and(|format| format.sniff(record) > 0);
            record.json.is_none() && (record.text.starts_with('#') || fits())
        });
        self.last = best.or(self.last);
        best.or(by_context).map(|(index, _)| index)
    }

    /// The surest of the stream's formats, of those that are as sure of this record as they were of one before.
    fn surest(&self, formats: &Formats, record: &Record<'_>) -> Option<(usize, u8)> {
        let asked = self.sure.iter().filter_map(|(index, before)| {
            let again = formats.get(*index).map_or(0, |format| format.sniff(record));
            (again >= *before).then_some((*index, again))
        });
        first_of_surest(asked)
    }
}

/// The surest format; the earlier one where two are equally sure.
fn best(formats: &Formats, record: &Record<'_>) -> Option<(usize, u8)> {
    first_of_surest(formats.iter().enumerate().map(|(index, format)| (index, format.sniff(record))))
}

/// The earlier one where two are equally sure.
fn first_of_surest(asked: impl Iterator<Item = (usize, u8)>) -> Option<(usize, u8)> {
    asked.fold(None, |best: Option<(usize, u8)>, next| match best {
        Some(best) if best.1 >= next.1 => Some(best),
        _ => Some(next),
    })
}

/// How surely some format knows this record.
pub(crate) fn confidence(formats: &Formats, text: &str, json: Option<&Value>, envelope: &Envelope) -> u8 {
    let record = Record { text, json, envelope, source: "", location: "", event_id: EventId::default() };
    best(formats, &record).map_or(0, |(_, confidence)| confidence)
}

/// Whether a record that no format knows is a remark of whoever put the log together: `# …` in prose.
pub(crate) fn is_comment(record: &Record<'_>) -> bool {
    let rest = record.text.strip_prefix('#').filter(|_| record.json.is_none());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '#']))
}

/// What an unknown record looks like, for the reader of its dead letter. Names keys, never values.
pub(crate) fn describe(record: &Record<'_>) -> String {
    match record.json {
        Some(Value::Object(fields)) => {
            let keys: Vec<&str> = fields.keys().take(8).map(|key| crate::decode::cut(key, 32)).collect();
            format!("JSON object with {} keys: {}", fields.len(), keys.join(", "))
        }
        Some(Value::Array(items)) => format!("JSON array of {} elements", items.len()),
        Some(_) => "JSON scalar".to_owned(),
        None => format!("text of {} bytes", record.text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::FORMATS;

    fn record<'t>(text: &'t str, json: Option<&'t Value>, envelope: &'t Envelope) -> Record<'t> {
        Record { text, json, envelope, source: "", location: "", event_id: EventId::default() }
    }

    /// Scenario: the samples of all formats, twice in turns. Guarantees: where one format is sure of a record, no other is, so that
    /// it is taken for what it is taken for by itself, whatever formats the stream has had.
    #[test]
    fn one_format_is_sure() {
        let (formats, envelope) = (Formats::default(), Envelope::default());
        let lines = || FORMATS.iter().flat_map(|format| format.sample.lines());
        let mut stream = Recogniser::default();
        let mut surely_known = 0;
        for line in lines().chain(lines()) {
            let json = crate::json::parse(line).ok();
            let record = record(line, json.as_ref(), &envelope);
            let is_sure = |format: &crate::FormatRef<'_>| format.sniff(&record) >= SURE_CONFIDENCE;
            let sure: Vec<&str> = formats.iter().filter(is_sure).map(|format| format.id()).collect();
            assert!(sure.len() <= 1, "{line}: {sure:?}");
            let found = stream.recognise(&formats, &record);
            if !sure.is_empty() {
                surely_known += 1;
                assert_eq!(found, Recogniser::default().recognise(&formats, &record), "{line}");
            }
        }
        assert!(surely_known > FORMATS.len(), "{surely_known}");
    }
}

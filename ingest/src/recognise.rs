//! Which format a record has, by its content.
//!
//! In: a record. Out: a format of [`Formats`], or none. Owns: the thresholds, and the memory of the stream's last
//! format, which is asked first: most streams have one format, and asking one is cheaper than asking all.

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
    /// Index of the last format, and how sure it was when it was chosen among all.
    last: Option<(usize, u8)>,
}

impl Recogniser {
    /// The format of the last record that was recognised, and how sure it was.
    pub(crate) fn last(&self) -> Option<(usize, u8)> {
        self.last
    }

    /// Takes notice of a record of a format that no other format knows, and which is as sure of it.
    pub(crate) fn knew(&mut self, index: usize, confidence: u8) {
        if self.last.is_none_or(|(last, _)| last != index) {
            self.last = Some((index, confidence));
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
        let best = best(formats, record).filter(|(_, confidence)| *confidence >= MIN_CONFIDENCE);
        // A comment says nothing by itself, and some lines hardly anything: they belong to the records around them, whose
        // decoder skips them by name.
        let by_context = self.last.filter(|(last, _)| {
            let fits = || formats.get(*last).is_some_and(|format| format.sniff(record) > 0);
            record.json.is_none() && (record.text.starts_with('#') || fits())
        });
        self.last = best.or(self.last);
        best.or(by_context).map(|(index, _)| index)
    }
}

/// The surest format; the earlier one where two are equally sure.
fn best(formats: &Formats, record: &Record<'_>) -> Option<(usize, u8)> {
    let asked = formats.iter().enumerate().map(|(index, format)| (index, format.sniff(record)));
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

//! Streams of lines through one decoder, for tests.
//!
//! In: a format and lines. Out: a verdict for each line, and all rows. Owns: records at `test:LINE` of an empty envelope.

use offbound_schemas::{EventId, EventRows};
use serde_json::Value;

use super::{Envelope, Format, Record, Verdict};

/// Decodes `lines` as one stream, to its end.
pub(crate) fn run(format: &Format, lines: &[&str]) -> (Vec<Verdict>, EventRows) {
    run_in(format, lines, &Envelope::default())
}

/// The same with an envelope around each line.
pub(crate) fn run_in(format: &Format, lines: &[&str], envelope: &Envelope) -> (Vec<Verdict>, EventRows) {
    let each: Vec<(&str, &Envelope)> = lines.iter().map(|line| (*line, envelope)).collect();
    run_each(format, &each)
}

/// The same with an envelope for each line.
pub(crate) fn run_each(format: &Format, lines: &[(&str, &Envelope)]) -> (Vec<Verdict>, EventRows) {
    let mut decoder = (format.decoder)();
    let mut rows = EventRows::default();
    let mut verdicts = Vec::new();
    for (index, (line, envelope)) in lines.iter().enumerate() {
        let json: Option<Value> = serde_json::from_str(line).ok();
        let location = format!("test:{}", index + 1);
        let record = Record {
            text: line,
            json: json.as_ref(),
            envelope,
            source: format.id,
            location: &location,
            event_id: EventId::of(&[line.as_bytes(), &index.to_le_bytes()]),
        };
        verdicts.push(decoder.decode(&record, &mut rows));
    }
    decoder.finish(&mut rows);
    (verdicts, rows)
}

/// How surely `format` recognises `line`.
pub(crate) fn sniff(format: &Format, line: &str) -> u8 {
    sniff_in(format, line, &Envelope::default())
}

/// The same with an envelope around the line.
pub(crate) fn sniff_in(format: &Format, line: &str, envelope: &Envelope) -> u8 {
    let json: Option<Value> = serde_json::from_str(line).ok();
    let event_id = EventId::of(&[line.as_bytes()]);
    (format.sniff)(&Record {
        text: line,
        json: json.as_ref(),
        envelope,
        source: format.id,
        location: "test:1",
        event_id,
    })
}

/// Checks that a format recognises and decodes its own sample.
pub(crate) fn check_sample(format: &Format) {
    assert!(sniff(format, format.sample) >= 80, "{} does not recognise its sample", format.id);
    let (verdicts, rows) = run(format, &[format.sample]);
    assert_eq!(verdicts, [Verdict::Decoded], "{}", format.id);
    assert!(!rows.is_empty(), "{} gives no row for its sample", format.id);
}

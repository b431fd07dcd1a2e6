//! Running one decoder over text, for tests.
//!
//! In: a format and text. Out: verdict and rows. Owns: a record without envelopes at a fixed place.

use offbound_schemas::{EventId, EventRows};
use serde_json::Value;

use super::{Envelope, Format, Record, Verdict};

/// Decodes one record; also checks that the format recognises it.
pub(crate) fn decode(format: &Format, text: &str) -> (Verdict, EventRows) {
    decode_in(format, text, &Envelope::default())
}

/// The same with an envelope.
pub(crate) fn decode_in(format: &Format, text: &str, envelope: &Envelope) -> (Verdict, EventRows) {
    with_record(format, text, envelope, |record| {
        assert!((format.sniff)(record) > 0, "{} does not recognise {text}", format.id);
        let mut rows = EventRows::default();
        let mut decoder = (format.decoder)();
        let verdict = decoder.decode(record, &mut rows);
        decoder.finish(&mut rows);
        (verdict, rows)
    })
}

/// How surely `format` recognises `text`.
pub(crate) fn sniff(format: &Format, text: &str) -> u8 {
    with_record(format, text, &Envelope::default(), |record| (format.sniff)(record))
}

fn with_record<T>(format: &Format, text: &str, envelope: &Envelope, run: impl FnOnce(&Record<'_>) -> T) -> T {
    let json: Option<Value> = serde_json::from_str(text).ok();
    run(&Record {
        text,
        json: json.as_ref(),
        envelope,
        source: format.id,
        location: "test:1",
        event_id: EventId::of(&[text.as_bytes()]),
    })
}

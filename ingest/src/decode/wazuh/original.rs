//! The original record inside an alert, read by its own format.
//!
//! In: `full_log`. Out: its rows, complete: what one alert holds is a whole event. Owns: a decoder for each format met, of
//! the built-in ones.
//! Law: rows take ids of the alert, so that the original's own log, read as well, is another sensor's word.

use std::collections::BTreeMap;

use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::LAYER;
use crate::decode::field::str_at;
use crate::decode::{Decode, Envelope, Record};
use crate::formats::Formats;
use crate::recognise::Recogniser;
use crate::unfold::{Leaf, Unfold};

/// All rows of the original; none where no format knows it.
pub(super) fn rows(record: &Record<'_>, json: &Value, received: EventTime) -> EventRows {
    let mut rows = EventRows::default();
    let Some(text) = str_at(json, &["full_log"]) else { return rows };
    let mut recogniser = Recogniser::default();
    let mut decoders: BTreeMap<usize, Box<dyn Decode>> = BTreeMap::new();
    let formats = Formats::default();
    let mut unfold = Unfold::new(formats.clone());
    let mut read = |leaf: Leaf<'_>| {
        let Leaf::Record { text, json: inner, envelope, .. } = leaf else { return };
        let envelope = around(envelope, json, received);
        let original = Record { text: &text, json: inner.as_ref(), envelope: &envelope, ..record.clone() };
        let Some(index) = recogniser.recognise(&formats, &original) else { return };
        let Some(format) = formats.get(index) else { return };
        let decoder = decoders.entry(index).or_insert_with(|| format.decoder());
        // Whether it could be read shows in the rows: an alert without any gets a row of its own.
        decoder.decode(&original, &mut rows);
    };
    unfold.document(text, 1, &mut read);
    unfold.finish(&mut read);
    for decoder in decoders.values_mut() {
        decoder.finish(&mut rows);
    }
    number(record, &mut rows);
    rows
}

/// The agent stands in for what the original does not say of its host, the manager's clock for its time.
fn around(inner: Envelope, json: &Value, received: EventTime) -> Envelope {
    let agent = str_at(json, &["agent", "name"]).map(str::to_owned);
    let layers = std::iter::once(LAYER).chain(inner.layers.iter().copied()).collect();
    Envelope { host: inner.host.or(agent), time: inner.time.or(Some(received)), layers, ..inner }
}

fn number(record: &Record<'_>, rows: &mut EventRows) {
    let EventRows { host_events, identity_assertions, placements } = rows;
    let ids = host_events.iter_mut().map(|row| &mut row.event_id);
    let ids = ids.chain(identity_assertions.iter_mut().map(|row| &mut row.event_id));
    let ids = ids.chain(placements.iter_mut().map(|row| &mut row.event_id));
    for (index, id) in (0_u32..).zip(ids) {
        *id = record.row_id(index);
    }
}

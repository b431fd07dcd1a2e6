//! What shippers and runtimes wrap around a record, peeled off.
//!
//! In: a record. Out: its payload, and what the envelope said ([`Envelope`]). Owns: the list [`ENVELOPES`].
//! An envelope's pod is the sensor's own, never the subject. Leaves to `unfold` when to stop peeling.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::decode::{Envelope, field};
use crate::list;
use crate::unfold::CSV_LAYER;

mod aks;
pub(crate) mod cloudtrail_lake;
mod cloudwatch;
mod cri;
mod docker_json;
mod eventbridge;
mod filebeat;
mod fluent_bit;
mod journald;
mod kafka;
mod kubernetes_watch;
mod log_entry;
pub(crate) mod loki;
mod lookup_events;
pub(crate) mod octets;
pub(crate) mod otlp;
mod prefixed;
mod pubsub;
mod search_hit;
mod sentinel;
mod sns;
mod sqs;
mod syslog;
mod timestamped;
mod vector;

/// Most envelopes around one record: CRI in Fluent Bit in Kafka is three.
pub(crate) const MAX_ENVELOPES: usize = 4;

/// One kind of envelope.
struct Kind {
    /// Name of the layer.
    id: &'static str,
    /// Takes a record of this kind apart.
    peel: fn(&Outer<'_>, &mut Envelope) -> Option<Payload>,
}

/// Every envelope, in the order in which they are asked.
const ENVELOPES: &[Kind] = &[
    Kind { id: "cri", peel: cri::peel },
    Kind { id: "docker-json", peel: docker_json::peel },
    Kind { id: "journald", peel: journald::peel },
    Kind { id: "vector", peel: vector::peel },
    Kind { id: "fluent-bit", peel: fluent_bit::peel },
    Kind { id: "filebeat", peel: filebeat::peel },
    Kind { id: "eventbridge", peel: eventbridge::peel },
    Kind { id: "lookup-events", peel: lookup_events::peel },
    Kind { id: "sns", peel: sns::peel },
    Kind { id: "sqs", peel: sqs::peel },
    Kind { id: "cloudtrail-lake", peel: cloudtrail_lake::peel },
    Kind { id: "pubsub", peel: pubsub::peel },
    Kind { id: "log-entry", peel: log_entry::peel },
    Kind { id: "otlp", peel: otlp::peel },
    Kind { id: "kubernetes-watch", peel: kubernetes_watch::peel },
    Kind { id: "aks", peel: aks::peel },
    Kind { id: "cloudwatch", peel: cloudwatch::peel },
    Kind { id: "kafka", peel: kafka::peel },
    Kind { id: "search-hit", peel: search_hit::peel },
    Kind { id: "sentinel", peel: sentinel::peel },
    Kind { id: "loki", peel: loki::peel },
    Kind { id: "prefixed", peel: prefixed::peel },
    Kind { id: "timestamped", peel: timestamped::peel },
    Kind { id: "syslog", peel: syslog::peel },
];

/// A record that may be an envelope.
pub(crate) struct Outer<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// The same as JSON.
    pub(crate) json: Option<&'a Value>,
}

/// What was inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The text inside.
    pub(crate) text: String,
    /// Set where the runtime cuts long lines into pieces that are joined again.
    pub(crate) piece: Option<Piece>,
}

/// A line or a piece of one, as a container runtime writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Pieces of one stream belong together: `stdout` or `stderr`.
    pub(crate) stream: String,
    /// Whether the line ends here.
    pub(crate) is_last: bool,
}

impl Payload {
    fn whole(text: impl Into<String>) -> Self {
        Self { text: text.into(), piece: None }
    }

    fn piece(text: &str, stream: &str, is_last: bool) -> Self {
        Self { text: text.to_owned(), piece: Some(Piece { stream: stream.to_owned(), is_last }) }
    }

    /// The value at a path: what a text says, or an object as it was written, since its identity is that of its text.
    fn at(outer: &Outer<'_>, path: &[&str]) -> Option<Self> {
        match field::at(outer.json?, path)? {
            Value::String(text) => Some(Self::whole(text.strip_suffix('\n').unwrap_or(text))),
            Value::Object(_) => Some(Self::whole(written(outer.text, path)?)),
            _ => None,
        }
    }
}

/// The layer of that name, if there is such a kind.
pub(crate) fn layer(id: &str) -> Option<&'static str> {
    let mut known =
        ENVELOPES.iter().map(|kind| kind.id).chain([CSV_LAYER]).chain(list::LAYERS.iter().copied());
    known.find(|known| *known == id)
}

/// Takes off the outermost envelope, if there is one.
pub(crate) fn peel(outer: &Outer<'_>, around: &Envelope) -> Option<(Payload, Envelope)> {
    ENVELOPES.iter().find_map(|kind| {
        let mut said = Envelope::default();
        let payload = (kind.peel)(outer, &mut said)?;
        said.layers.push(kind.id);
        Some((payload, within(around, said)))
    })
}

/// What all envelopes say: the inner one where both speak.
fn within(around: &Envelope, inner: Envelope) -> Envelope {
    let Envelope { layers, host, time, boot_id, unit, program, account, origin, stream } = inner;
    Envelope {
        layers: [around.layers.as_slice(), layers.as_slice()].concat(),
        host: host.or_else(|| around.host.clone()),
        time: time.or(around.time),
        boot_id: boot_id.or_else(|| around.boot_id.clone()),
        unit: unit.or_else(|| around.unit.clone()),
        program: program.or_else(|| around.program.clone()),
        account: account.or_else(|| around.account.clone()),
        origin: origin.or_else(|| around.origin.clone()),
        stream: stream.or_else(|| around.stream.clone()),
    }
}

/// The text of the value at a path, as it was written.
fn written<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    path.iter().try_fold(text, |text, key| {
        if text.trim_start().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            return items.get(key.parse::<usize>().ok()?).map(|item| item.get());
        }
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
        fields.get(*key).map(|value| value.get())
    })
}

/// A text field of a JSON object, by path.
fn text_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    found.as_str().filter(|text| !text.is_empty())
}

/// Puts a text field into `slot`, if it is there.
fn take(slot: &mut Option<String>, text: Option<&str>) {
    if let Some(text) = text {
        *slot = Some(text.to_owned());
    }
}

/// Puts a time field into `slot`, if it is there and a time.
fn take_time(slot: &mut Option<offbound_schemas::EventTime>, text: Option<&str>) {
    if let Some(time) = text.and_then(|text| offbound_schemas::EventTime::parse(text).ok()) {
        *slot = Some(time);
    }
}

#[cfg(test)]
mod tests;

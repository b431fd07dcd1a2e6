//! Documents that hold a list of records: each element is a record of its own.
//!
//! In: a JSON document and the line it starts on. Out: its elements, each with the line it starts on, and what the
//! document says about all of them. Owns: the explicit list of wrappers ([`WRAPPERS`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use serde_json::value::RawValue;

use crate::decode::Envelope;
use crate::envelope::{cloudtrail_lake, loki, otlp};

/// How far into a document its list's key is looked for, in bytes: all known wrappers name it near the start.
const KEY_WINDOW_BYTES: usize = 4 * 1024;

/// The key of the list in answers of Microsoft's interfaces.
const VALUE: &str = "value";

/// One kind of document with a list inside.
struct Wrapper {
    /// Key of the object that holds the list, where that is not the document itself.
    within: Option<&'static str>,
    /// Key of the list.
    key: &'static str,
    /// What the document must have besides.
    fits: fn(&Fields<'_>) -> bool,
    /// Name of the layer.
    layer: fn(&Fields<'_>) -> &'static str,
    /// What the document says about its elements.
    describe: fn(&Fields<'_>, &mut Envelope),
}

const WRAPPERS: &[Wrapper] = &[
    // CloudTrail, as it lies in a bucket.
    Wrapper { within: None, key: "Records", fits: |_| true, layer: |_| "records", describe: |_, _| () },
    // CloudTrail, as `aws cloudtrail lookup-events` prints its history.
    Wrapper {
        within: None,
        key: "Events",
        fits: |fields| fields.keys().all(|key| matches!(key.as_ref(), "Events" | "NextToken")),
        layer: |_| "lookup-events",
        describe: |_, _| (),
    },
    // CloudTrail Lake, as `aws cloudtrail get-query-results` prints the answer to a query.
    Wrapper {
        within: None,
        key: "QueryResultRows",
        fits: |_| true,
        layer: |_| "lake-rows",
        describe: |_, _| (),
    },
    // SQS, as `aws sqs receive-message` prints it.
    Wrapper {
        within: None,
        key: "Messages",
        fits: |fields| fields.len() == 1,
        layer: |_| "sqs-messages",
        describe: |_, _| (),
    },
    // Pub/Sub, as a pull answers.
    Wrapper {
        within: None,
        key: "receivedMessages",
        fits: |_| true,
        layer: |_| "pubsub-pull",
        describe: |_, _| (),
    },
    // OTLP/JSON: an export of log records, those of each resource, and those of each scope of it.
    Wrapper {
        within: None,
        key: "resourceLogs",
        fits: |_| true,
        layer: |_| "otlp-export",
        describe: |_, _| (),
    },
    Wrapper {
        within: None,
        key: "scopeLogs",
        fits: |_| true,
        layer: |_| "otlp-resource",
        describe: describe_otlp,
    },
    Wrapper { within: None, key: "logRecords", fits: |_| true, layer: |_| "otlp-scope", describe: |_, _| () },
    // Kubernetes: audit events and `kubectl get -o json`.
    Wrapper {
        within: None,
        key: "items",
        fits: |fields| kind(fields).ends_with("List"),
        layer: kubernetes_layer,
        describe: |_, _| (),
    },
    // SPIRE server command line, `-output json`.
    Wrapper { within: None, key: "entries", fits: |_| true, layer: |_| "spire-entries", describe: |_, _| () },
    Wrapper { within: None, key: "agents", fits: |_| true, layer: |_| "spire-agents", describe: |_, _| () },
    // `aws ec2 describe-instances`: each reservation holds the instances that were started together.
    Wrapper {
        within: None,
        key: "Reservations",
        fits: |_| true,
        layer: |_| "reservations",
        describe: |_, _| (),
    },
    // Azure diagnostic records in an event hub; Stream Analytics adds how they came.
    Wrapper {
        within: None,
        key: "records",
        fits: |fields| {
            const ADDED: [&str; 4] =
                ["records", "EventProcessedUtcTime", "PartitionId", "EventEnqueuedUtcTime"];
            fields.keys().all(|key| ADDED.contains(&key.as_ref()))
        },
        layer: |_| "eventhub",
        describe: |_, _| (),
    },
    // Microsoft's interfaces: Graph (sign-ins, audit of the directory), resource manager (activity log).
    Wrapper {
        within: None,
        key: VALUE,
        fits: |fields| {
            fields
                .keys()
                .all(|key| matches!(key.as_ref(), "value" | "nextLink") || key.starts_with("@odata."))
        },
        layer: |_| "value",
        describe: |_, _| (),
    },
    // Elasticsearch and OpenSearch: the answer to a search.
    Wrapper {
        within: Some("hits"),
        key: "hits",
        fits: |fields| fields.contains_key("hits"),
        layer: |_| "search-hits",
        describe: |_, _| (),
    },
    // Okta's event hooks.
    Wrapper {
        within: Some("data"),
        key: "events",
        fits: |fields| fields.len() == 1,
        layer: |_| "event-hook",
        describe: |_, _| (),
    },
    // CloudWatch Logs subscription.
    Wrapper {
        within: None,
        key: "logEvents",
        fits: |_| true,
        layer: |_| "cloudwatch-events",
        describe: describe_cloudwatch,
    },
    // CloudWatch Logs, as `aws logs filter-log-events` and `get-log-events` print it.
    Wrapper {
        within: None,
        key: "events",
        fits: is_log_events,
        layer: |_| "cloudwatch-events",
        describe: |_, _| (),
    },
    // CloudWatch Logs Insights, as `aws logs get-query-results` prints it.
    Wrapper {
        within: None,
        key: "results",
        fits: |fields| fields.contains_key("statistics"),
        layer: |_| "insights-results",
        describe: |_, _| (),
    },
    // Loki: what is pushed, what a query answers, and each stream in either.
    Wrapper { within: None, key: "streams", fits: |_| true, layer: |_| "loki-streams", describe: |_, _| () },
    Wrapper {
        within: Some("data"),
        key: "result",
        fits: |fields| text_field(fields, "resultType").is_some_and(|kind| kind == "streams"),
        layer: |_| "loki-streams",
        describe: |_, _| (),
    },
    Wrapper {
        within: None,
        key: "values",
        fits: |fields| fields.contains_key("stream"),
        layer: |_| "loki-stream",
        describe: describe_loki,
    },
];

/// Names of the layers of lists. They are no envelopes: those hold one record each.
pub(crate) const LAYERS: &[&str] = &[
    "array",
    "records",
    "lookup-events",
    "lake-rows",
    "sqs-messages",
    "pubsub-pull",
    "otlp-export",
    "otlp-resource",
    "otlp-scope",
    "event-list",
    "pod-list",
    "node-list",
    "list",
    "spire-entries",
    "spire-agents",
    "reservations",
    "eventhub",
    "value",
    "search-hits",
    "event-hook",
    "cloudwatch-events",
    "insights-results",
    "loki-streams",
    "loki-stream",
];

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// A document taken apart.
#[derive(Debug)]
pub(crate) struct List<'a> {
    /// Text of each element, and the number of lines before it in the document.
    pub(crate) elements: Vec<(&'a str, u64)>,
    /// What the document says about all of them.
    pub(crate) envelope: Envelope,
    /// Where the document was cut or is damaged: the text from there on, and the number of lines before it.
    pub(crate) rest: Option<(&'a str, u64)>,
}

/// Whether a document starts like one that holds a list of records, so that it may be longer than a record.
pub(crate) fn may_hold_records(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let after_bracket = start.strip_prefix(b"[").map(|rest| {
        let rest = rest.trim_ascii_start();
        // Queries of the AWS command line give lists of lists (`Reservations[*].Instances[*]`).
        rest.strip_prefix(b"[").map_or(rest, <[u8]>::trim_ascii_start)
    });
    match after_bracket {
        Some(rest) => rest.first() == Some(&b'{'),
        None => start.first() == Some(&b'{') && has_list_key(start),
    }
}

fn has_list_key(bytes: &[u8]) -> bool {
    static KEYS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let keys: Vec<String> = WRAPPERS.iter().map(|wrapper| format!("\"{}\"", wrapper.key)).collect();
        AhoCorasick::new(keys).expect("a few short keys make a small automaton")
    });
    let window = bytes.get(..KEY_WINDOW_BYTES).unwrap_or(bytes);
    KEYS.find_iter(window).any(|hit| {
        // Fields of many records have this name; an answer of Microsoft's begins with one of its own.
        if WRAPPERS.get(hit.pattern().as_usize()).is_some_and(|wrapper| wrapper.key == VALUE)
            && !is_answer(window)
        {
            return false;
        }
        let rest = window.get(hit.end()..).unwrap_or_default().trim_ascii_start();
        rest.strip_prefix(b":")
            .is_some_and(|rest| matches!(rest.trim_ascii_start().first(), Some(b'[') | None))
    })
}

/// Whether an object begins as an answer of Microsoft's interfaces does.
fn is_answer(object: &[u8]) -> bool {
    let first = object.strip_prefix(b"{").unwrap_or(object).trim_ascii_start();
    ["\"@odata.", "\"value\"", "\"nextLink\""].iter().any(|key| first.starts_with(key.as_bytes()))
}

/// Takes a document apart, if it is one with a list of records inside.
pub(crate) fn split<'a>(text: &'a str, outer: &Envelope) -> Option<List<'a>> {
    if !may_hold_records(text.as_bytes()) {
        return None;
    }
    match split_whole(text, outer) {
        Ok(list) => list,
        Err(_damaged) => salvage(text, outer),
    }
}

/// Takes a sound document apart; `None` when it is sound and holds no list of records.
fn split_whole<'a>(text: &'a str, outer: &Envelope) -> serde_json::Result<Option<List<'a>>> {
    let mut envelope = outer.clone();
    let elements = if text.trim_start().starts_with('[') {
        envelope.layers.push("array");
        let elements = serde_json::from_str::<Vec<&RawValue>>(text)?;
        if elements.first().is_some_and(|first| is_named_field(first)) || is_lake_row(&elements) {
            return Ok(None);
        }
        elements
    } else {
        let document = serde_json::from_str::<Fields<'_>>(text)?;
        let Some((wrapper, fields)) =
            WRAPPERS.iter().find_map(|wrapper| Some((wrapper, holder(wrapper, &document)?)))
        else {
            return Ok(None);
        };
        envelope.layers.push((wrapper.layer)(&fields));
        (wrapper.describe)(&fields, &mut envelope);
        // CloudWatch tries a destination with a message that is no log event.
        let is_trial = text_field(&fields, "messageType").is_some_and(|kind| kind == "CONTROL_MESSAGE");
        let list = fields.get(wrapper.key).filter(|_| !is_trial).map_or("[]", |raw| raw.get());
        serde_json::from_str::<Vec<&RawValue>>(list)?
    };
    let elements = elements.into_iter().map(RawValue::get).collect::<Vec<_>>();
    Ok(Some(List { elements: with_lines(text, &elements), envelope, rest: None }))
}

/// Whether a list that begins so is one row, taken apart into its fields: `[{"field":"@message","value":"…"},…]`.
fn is_named_field(first: &RawValue) -> bool {
    let fields = serde_json::from_str::<Fields<'_>>(first.get());
    fields
        .is_ok_and(|fields| fields.len() == 2 && fields.contains_key("field") && fields.contains_key("value"))
}

/// Whether a list is one row of CloudTrail Lake: `[{"eventID":"…"},{"eventJson":"…"}]`.
fn is_lake_row(elements: &[&RawValue]) -> bool {
    let mut holds_event = false;
    let mut fields = elements.iter().map(|element| serde_json::from_str::<Fields<'_>>(element.get()).ok());
    let is_row = fields.all(|fields| {
        let name = fields.filter(|fields| fields.len() == 1).and_then(|fields| fields.into_keys().next());
        holds_event |= name.as_deref().is_some_and(cloudtrail_lake::is_event);
        name.is_some()
    });
    is_row && holds_event
}

/// The object that holds the list of a wrapper, if the document is one.
fn holder<'a, 'd>(wrapper: &Wrapper, document: &'d Fields<'a>) -> Option<Cow<'d, Fields<'a>>> {
    let fields = match wrapper.within {
        None => Cow::Borrowed(document),
        Some(key) => Cow::Owned(serde_json::from_str(document.get(key)?.get()).ok()?),
    };
    (fields.contains_key(wrapper.key) && (wrapper.fits)(&fields)).then_some(fields)
}

/// Takes what is sound of a damaged document: the elements before the damage. What it would have said about them
/// is not known.
fn salvage<'a>(text: &'a str, outer: &Envelope) -> Option<List<'a>> {
    let mut envelope = outer.clone();
    let mut at = if text.trim_start().starts_with('[') {
        envelope.layers.push("array");
        text.find('[')? + 1
    } else {
        let nothing = Fields::new();
        let wrapper = WRAPPERS
            .iter()
            .find(|wrapper| (wrapper.fits)(&nothing) && text.contains(&format!("\"{}\"", wrapper.key)))?;
        envelope.layers.push((wrapper.layer)(&nothing));
        let key = text.find(&format!("\"{}\"", wrapper.key))?;
        key + text.get(key..)?.find('[')? + 1
    };
    let mut elements = Vec::new();
    while let Some(element) = text.get(at..).and_then(first_value) {
        at = offset(text, element) + element.len();
        elements.push(element);
        let rest = text.get(at..)?.trim_start();
        let Some(rest) = rest.strip_prefix(',') else { break };
        at = text.len() - rest.len();
    }
    let rest = text.get(at..)?;
    let first = elements.first()?;
    let lines = memchr::memchr_iter(b'\n', text.get(..at)?.as_bytes()).count() as u64;
    first.starts_with('{').then(|| List {
        elements: with_lines(text, &elements),
        envelope,
        rest: Some((rest, lines)),
    })
}

/// The JSON value at the beginning of `text`.
fn first_value(text: &str) -> Option<&str> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    values.next()?.ok().map(RawValue::get)
}

/// Where a part of `text` begins in it.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Counts the line breaks before each element; the elements stand in the order of the text.
fn with_lines<'a>(text: &'a str, elements: &[&'a str]) -> Vec<(&'a str, u64)> {
    let mut counted = 0;
    let mut lines = 0;
    let mut found = Vec::with_capacity(elements.len());
    for element in elements {
        let start = offset(text, element);
        let between = text.as_bytes().get(counted..start).unwrap_or_default();
        lines += memchr::memchr_iter(b'\n', between).count() as u64;
        counted = start.max(counted);
        found.push((*element, lines));
    }
    found
}

fn text_field(fields: &Fields<'_>, key: &str) -> Option<String> {
    fields.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok())
}

fn kind(fields: &Fields<'_>) -> String {
    text_field(fields, "kind").unwrap_or_default()
}

fn kubernetes_layer(fields: &Fields<'_>) -> &'static str {
    match kind(fields).as_str() {
        "EventList" => "event-list",
        "PodList" => "pod-list",
        "NodeList" => "node-list",
        _ => "list",
    }
}

fn describe_cloudwatch(fields: &Fields<'_>, envelope: &mut Envelope) {
    envelope.account = text_field(fields, "owner").or(envelope.account.take());
    envelope.origin = text_field(fields, "logGroup").or(envelope.origin.take());
    envelope.stream = text_field(fields, "logStream").or(envelope.stream.take());
}

fn is_log_events(fields: &Fields<'_>) -> bool {
    const KEYS: [&str; 5] =
        ["events", "nextToken", "nextForwardToken", "nextBackwardToken", "searchedLogStreams"];
    fields.len() > 1 && fields.keys().all(|key| KEYS.contains(&key.as_ref()))
}

fn describe_otlp(fields: &Fields<'_>, envelope: &mut Envelope) {
    let resource = fields.get("resource").and_then(|raw| serde_json::from_str(raw.get()).ok());
    resource.iter().for_each(|resource| otlp::describe(resource, envelope));
}

fn describe_loki(fields: &Fields<'_>, envelope: &mut Envelope) {
    let labels = fields.get("stream").and_then(|raw| serde_json::from_str(raw.get()).ok());
    labels.iter().for_each(|labels| loki::describe(labels, envelope));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: documents of every cloud's tools, and one that only resembles them. Guarantees: their elements come out under
    /// the layer's name; a document with more than the list is left whole.
    #[test]
    fn wrappers_of_clouds() {
        let cases = [
            (r#"{"Records":[{"a":1},{"a":2}]}"#, Some(("records", 2))),
            (r#"{"records":[{"a":1}]}"#, Some(("eventhub", 1))),
            (r#"{"SerialNumber":7,"records":[{"RecordType":"x"}]}"#, None),
            (r#"{"Events":[{"EventId":"1"}],"NextToken":"t"}"#, Some(("lookup-events", 1))),
            (r#"{"Events":[{"EventId":"1"}],"Host":"n1"}"#, None),
            (r#"{"Reservations":[{"Instances":[]},{"Instances":[]}]}"#, Some(("reservations", 2))),
            (
                r#"{"QueryStatus":"FINISHED","QueryResultRows":[[{"eventJson":"{}"}]]}"#,
                Some(("lake-rows", 1)),
            ),
            (r#"[{"eventID":"1"},{"eventjson":"{}"}]"#, None),
            (r#"[{"eventID":"1"},{"eventJson":"{}","more":1}]"#, Some(("array", 2))),
            (r#"[{"eventID":"1"},{"eventName":"x"}]"#, Some(("array", 2))),
            (r#"{"Messages":[{"Body":"x"}]}"#, Some(("sqs-messages", 1))),
            (r#"{"Messages":[{"Body":"x"}],"From":"n1"}"#, None),
            (r#"{"receivedMessages":[{"ackId":"1","message":{}}]}"#, Some(("pubsub-pull", 1))),
            (r#"{"resourceLogs":[{"scopeLogs":[]},{"scopeLogs":[]}]}"#, Some(("otlp-export", 2))),
            (r#"{"records":[{"a":1}],"EventProcessedUtcTime":"x","PartitionId":0}"#, Some(("eventhub", 1))),
            (r#"{"@odata.context":"x","@odata.nextLink":"y","value":[{"a":1},{"a":2}]}"#, Some(("value", 2))),
            (r#"{"value":[{"a":1}],"nextLink":"y"}"#, Some(("value", 1))),
            (r#"{"name":"cpu","value":[{"a":1}]}"#, None),
            (r#"{"eventType":"com.okta.event_hook","data":{"events":[{"a":1}]}}"#, Some(("event-hook", 1))),
            (
                r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"x"}]}"#,
                Some(("cloudwatch-events", 0)),
            ),
            (
                r#"{"results":[[{"field":"@message","value":"x"}]],"statistics":{}}"#,
                Some(("insights-results", 1)),
            ),
            (r#"[{"field":"@message","value":"x"},{"field":"@ptr","value":"y"}]"#, None),
            (r#"[[{"a":1},{"a":2}],[{"a":3}]]"#, Some(("array", 2))),
        ];
        for (text, expected) in cases {
            let list = split(text, &Envelope::default());
            let found = list.map(|list| (list.envelope.layers.join(","), list.elements.len()));
            assert_eq!(found, expected.map(|(layer, count)| (layer.to_owned(), count)), "{text}");
        }
    }

    /// Scenario: a document of every kind. Guarantees: the name of its layer is known, so that what was in it can be read
    /// again.
    #[test]
    fn layers_are_known() {
        let documents = [
            r#"[{}]"#,
            r#"{"Records":[]}"#,
            r#"{"Events":[]}"#,
            r#"{"kind":"EventList","items":[]}"#,
            r#"{"kind":"PodList","items":[]}"#,
            r#"{"kind":"NodeList","items":[]}"#,
            r#"{"kind":"List","items":[]}"#,
            r#"{"entries":[]}"#,
            r#"{"agents":[]}"#,
            r#"{"Reservations":[]}"#,
            r#"{"records":[]}"#,
            r#"{"QueryResultRows":[]}"#,
            r#"{"Messages":[]}"#,
            r#"{"receivedMessages":[]}"#,
            r#"{"resourceLogs":[]}"#,
            r#"{"resource":{},"scopeLogs":[]}"#,
            r#"{"scope":{},"logRecords":[]}"#,
            r#"{"value":[]}"#,
            r#"{"took":1,"hits":{"total":{"value":0},"hits":[]}}"#,
            r#"{"data":{"events":[]}}"#,
            r#"{"logEvents":[]}"#,
            r#"{"events":[],"nextToken":"x"}"#,
            r#"{"results":[],"statistics":{}}"#,
            r#"{"streams":[]}"#,
            r#"{"data":{"resultType":"streams","result":[]}}"#,
            r#"{"stream":{},"values":[]}"#,
        ];
        let mut seen = Vec::new();
        for document in documents {
            let list = split(document, &Envelope::default()).expect(document);
            assert!(list.envelope.layers.iter().all(|layer| LAYERS.contains(layer)), "{document}");
            seen.extend(list.envelope.layers);
        }
        assert!(LAYERS.iter().all(|layer| seen.contains(layer)), "{seen:?}");
        assert!(documents.len() > WRAPPERS.len());
    }
}

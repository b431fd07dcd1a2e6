//! One line of a logrus log, in any of its three shapes.
//!
//! In: `time="…" level=… msg="…" k=v`, `INFO[0061] msg   k=v`, or JSON, behind any prefix. Out: message, fields, time.
//! Owns: finding the shape and taking it apart, and what is of SPIRE and of its agent, however a line was taken apart
//! ([`Fields`]). Leaves to `assertion` what messages mean.
//! Law: a terminal's seconds since the start are no time; then only an envelope gives one.

use offbound_schemas::EventTime;
use serde_json::Value;

use crate::decode::Record;
use crate::decode::field::{object_at, scalar_text, str_at, time_at, time_text};
use crate::decode::pairs::{is_key, pairs};

/// Most fields of a line that are kept: SPIRE writes under 40.
const MAX_FIELDS: usize = 128;

/// What a line says.
pub(super) trait Fields {
    /// The message.
    fn message(&self) -> &str;

    /// The field `name`, unless empty.
    fn get(&self, name: &str) -> Option<&str>;

    /// Whether some field is a SPIFFE ID.
    fn has_spiffe_id(&self) -> bool;

    /// The first of `names` that is there: names of fields drift between versions.
    fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// Whether the line names something that only SPIRE has.
    fn is_of_spire(&self) -> bool {
        let names = [
            "subsystem_name",
            "trust_domain_id",
            "spiffe_id",
            "entry_id",
            "svid_serial_num",
            "node_attestor_type",
        ];
        names.iter().any(|name| self.get(name).is_some())
            || ["SPIRE", "SPIFFE", "SVID", "spire"].iter().any(|word| self.message().contains(word))
            || self.has_spiffe_id()
    }

    /// Whether the agent, not the server, wrote the line.
    fn is_of_agent(&self) -> bool {
        const SUBSYSTEMS: &[&str] = &[
            "attestor",
            "manager",
            "cache_manager",
            "workload_attestor",
            "workload_api",
            "sds_api",
            "debug_api",
            "svid_store_cache",
        ];
        let plugin =
            self.get("plugin_type").is_some_and(|kind| matches!(kind, "WorkloadAttestor" | "SVIDStore"));
        let workload_api = self
            .get("service")
            .is_some_and(|service| service.contains("Workload") || service.contains("SecretDiscovery"));
        plugin
            || workload_api
            || self.get("subsystem_name").is_some_and(|name| SUBSYSTEMS.contains(&name))
            || self.message().contains("agent")
    }
}

/// A line taken apart.
pub(super) struct LogLine {
    /// What stood before the line itself (host, program, compose service).
    pub(super) prefix: String,
    /// Absolute time, by the line or else by the envelope.
    pub(super) time: Option<EventTime>,
    /// The message.
    pub(super) message: String,
    /// Fields in order.
    fields: Vec<(String, String)>,
}

impl Fields for LogLine {
    fn message(&self) -> &str {
        &self.message
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn has_spiffe_id(&self) -> bool {
        self.fields.iter().any(|(_, value)| value.starts_with("spiffe://"))
    }
}

impl LogLine {
    /// Takes a record apart; none when it has none of the shapes.
    pub(super) fn parse(record: &Record<'_>) -> Option<Self> {
        let mut line = match record.json {
            Some(json) => Self::from_json(json)?,
            None => Self::from_text(record.text).or_else(|| Self::from_terminal(record.text))?,
        };
        // What other programs log may hold anything: behind a tag, the line begins as logrus begins it.
        let is_whole = record.envelope.program.is_none() || line.prefix.trim().is_empty();
        line.time = line.time.or(record.envelope.time);
        is_whole.then_some(line)
    }

    /// All fields, as JSON values.
    pub(super) fn values(&self) -> Vec<(&str, Value)> {
        self.fields.iter().map(|(key, value)| (key.as_str(), Value::from(value.as_str()))).collect()
    }

    fn from_json(json: &Value) -> Option<Self> {
        let message = str_at(json, &["msg"])?.to_owned();
        str_at(json, &["level"])?;
        let fields = object_at(json, &[])?;
        let fields = fields
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "msg" | "level" | "time"))
            .filter_map(|(key, value)| {
                Some((key.clone(), scalar_text(value).or_else(|| nested_text(value))?))
            })
            .take(MAX_FIELDS)
            .collect();
        Some(Self { prefix: String::new(), time: time_at(json, &["time"]), message, fields })
    }

    fn from_text(text: &str) -> Option<Self> {
        let start = text.find("time=\"")?;
        let (prefix, rest) = text.split_at(start);
        let mut fields = pairs(rest);
        let mut take =
            |name: &str| fields.iter().position(|(key, _)| key == name).map(|at| fields.remove(at).1);
        let time = take("time").and_then(|value| time_text(&value));
        take("level")?;
        let message = take("msg")?;
        Some(Self { prefix: prefix.to_owned(), time, message, fields })
    }

    fn from_terminal(text: &str) -> Option<Self> {
        let plain = without_colours(text);
        const LEVELS: &[&str] = &["INFO[", "WARN[", "ERRO[", "DEBU[", "FATA[", "PANI[", "TRAC["];
        let start = LEVELS.iter().filter_map(|level| plain.find(level)).min()?;
        let (prefix, rest) = plain.split_at(start);
        let (stamp, rest) = rest.split_once(']')?;
        let stamp = stamp.split_once('[')?.1;
        // With full timestamps switched on, the brackets hold a moment instead of seconds.
        let time = time_text(stamp).filter(|_| stamp.contains('T'));
        let body = rest.trim_start();
        let at = first_pair(body).unwrap_or(body.len());
        let (message, fields) = body.split_at(at);
        Some(Self {
            prefix: prefix.to_owned(),
            time,
            message: message.trim_end().to_owned(),
            fields: pairs(fields),
        })
    }
}

/// A list or object, as JSON text: JSON logs write selectors so.
fn nested_text(value: &Value) -> Option<String> {
    matches!(value, Value::Array(_) | Value::Object(_)).then(|| value.to_string())
}

/// The line without the terminal's colour sequences.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

/// Where the first `key=` of a terminal line begins: after the padding, or the first word with `=`.
fn first_pair(body: &str) -> Option<usize> {
    let mut start = 0;
    for word in body.split(' ') {
        let key = word.split_once('=').map(|(key, _)| key);
        if key.is_some_and(is_key) {
            return Some(start);
        }
        start += word.len() + 1;
    }
    None
}

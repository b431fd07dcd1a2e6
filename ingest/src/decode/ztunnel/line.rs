//! One line of ztunnel's log, of either era, or one JSON record.
//!
//! In: `TIME  INFO access: connection complete k=v …` (tracing's own form, until Istio 1.22), the same with tabs
//! and lower-case words (from 1.23), or JSON with `scope` and `message`. Out: time, message, fields.
//! Owns: recognition, and the values that stand in spans (`inbound{id=… peer=…}`) rather than in fields.
//! Law: the message is looked for behind time, level and scope, so that no value can pose as one.

use offbound_schemas::EventTime;
use serde_json::Value;

use crate::decode::Record;
use crate::decode::field::{object_at, scalar_text, str_at, string_at, time_at, time_text};
use crate::decode::pairs::pairs;

/// Modules of ztunnel that write operational lines; the newer text form leaves out `ztunnel::`.
const MODULES: [&str; 10] =
    ["app", "cert_fetcher", "dns", "hbone", "identity", "inpod", "proxy", "proxyfactory", "state", "xds"];

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// A connection is over.
    Complete,
    /// A connection was refused before anything was known of it.
    Failed,
    /// A connection began.
    Opened,
    /// The policy engine refuses.
    Denied,
    /// The policy engine would refuse.
    DryRun,
    /// A policy was looked at.
    PolicyTrace,
    /// Anything else.
    Other,
}

/// A line taken apart.
pub(super) struct Line {
    /// Time of the line; none where it was cut off.
    pub(super) time: Option<EventTime>,
    /// Kind of message.
    pub(super) message: Message,
    /// The message as written.
    pub(super) text: String,
    fields: Vec<(String, String)>,
}

/// Whether a record is the second or a later line of a wrapped connection record.
pub(super) fn is_continuation(record: &Record<'_>) -> bool {
    let start = record.text.trim_start();
    record.json.is_none() && ["src.addr=", "dst.addr=", "direction="].iter().any(|key| start.starts_with(key))
}

/// How surely a record is ztunnel's.
pub(super) fn confidence(record: &Record<'_>) -> u8 {
    match Line::parse(record) {
        Some(Line { message: Message::Other, .. }) => 45,
        Some(_) => 96,
        None => 0,
    }
}

impl Line {
    /// Takes a record apart; none when it is not ztunnel's.
    pub(super) fn parse(record: &Record<'_>) -> Option<Self> {
        record.json.map_or_else(|| Self::from_text(record.text), Self::from_json)
    }

    /// The field `name`, unless empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A field as a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// A field as a JSON value.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        self.get(name).map(Value::from)
    }

    /// Adds the fields of a following line.
    pub(super) fn extend(&mut self, text: &str) {
        self.fields.extend(pairs(text));
    }

    fn from_json(json: &Value) -> Option<Self> {
        let (scope, text) = (str_at(json, &["scope"])?, str_at(json, &["message"])?);
        str_at(json, &["level"])?;
        let message = classify(scope, text).filter(|message| *message != Message::Other || is_own(scope))?;
        let mut fields: Vec<(String, String)> = object_at(json, &[])?
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), scalar_text(value)?)))
            .collect();
        for (name, path) in [("peer", ["inbound", "peer"]), ("wl", ["proxy", "wl"])] {
            fields.extend(string_at(json, &path).map(|value| (name.to_owned(), value)));
        }
        Some(Self { time: time_at(json, &["time"]), message, text: text.to_owned(), fields })
    }

    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let (first, behind) = split_word(text);
        let time = time_text(first).filter(|_| first.contains('T'));
        let (level, rest) = if time.is_some() { split_word(behind) } else { (first, behind) };
        is_level(level).then_some(())?;
        let (scope, rest) = split_scope(rest)?;
        let (message, said, fields) = match said(rest) {
            Some((said, fields)) => (classify(scope, said)?, said, fields),
            None => (Message::Other, rest, ""),
        };
        // Operational lines say little by themselves: their whole head must be there.
        let is_surely = message != Message::Other || (time.is_some() && is_own(scope));
        is_surely.then_some(())?;
        let mut fields = pairs(fields);
        for name in ["peer", "wl"] {
            fields.extend(of_span(scope, name).map(|value| (name.to_owned(), value.to_owned())));
        }
        Some(Self { time, message, text: said.to_owned(), fields })
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn is_level(word: &str) -> bool {
    ["trace", "debug", "info", "warn", "error"].iter().any(|level| word.eq_ignore_ascii_case(level))
}

/// The scope with its spans, and what follows: `access`, `state:proxy{wl=a/b}:inbound{id=1 peer=…}`, or in the older
/// form `proxy{wl=a/b}:inbound{…}: ztunnel::state:`.
fn split_scope(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    let end = text.find(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth <= 0 && c.is_whitespace()
    })?;
    let (scope, rest) = (text.get(..end)?, text.get(end..)?.trim_start());
    if scope.ends_with("}:") && rest.starts_with("ztunnel::") {
        let module = rest.find(char::is_whitespace)?;
        return Some((text.get(..text.len() - rest.len() + module)?, rest.get(module..)?.trim_start()));
    }
    Some((scope, rest))
}

/// The known message at the start of a text, and what follows it.
fn said(text: &str) -> Option<(&str, &str)> {
    const SAID: [&str; 11] = [
        "connection complete",
        "connection opened",
        "connection failed",
        "no allow policies matched",
        "deny policy match",
        "dry-run: no allow policies matched",
        "dry-run: deny policy match",
        "dry-run: allow policy match",
        "allow policy match",
        "allow policy does not match",
        "deny policy does not match",
    ];
    let said = SAID.iter().find(|said| text.starts_with(**said))?;
    Some(text.split_at(said.len()))
}

/// What a message of a scope means; none when it is of another program.
fn classify(scope: &str, text: &str) -> Option<Message> {
    let is_access = scope.trim_end_matches(':') == "access";
    let is_state = scope.contains("ztunnel::state") || scope == "state" || scope.starts_with("state:");
    match text.trim() {
        "connection complete" => is_access.then_some(Message::Complete),
        "connection failed" => is_access.then_some(Message::Failed),
        "connection opened" => is_access.then_some(Message::Opened),
        "no allow policies matched" | "deny policy match" => is_state.then_some(Message::Denied),
        "dry-run: no allow policies matched" | "dry-run: deny policy match" => {
            is_state.then_some(Message::DryRun)
        }
        _ if is_state && text.contains("policy") => Some(Message::PolicyTrace),
        _ => Some(Message::Other),
    }
}

/// Whether a scope is one of ztunnel's modules.
fn is_own(scope: &str) -> bool {
    let bare = scope.trim_end_matches(':');
    let last = bare.rsplit(": ").next().unwrap_or(bare);
    last.starts_with("ztunnel::") || {
        let module = last.split(':').next().unwrap_or(last);
        last.contains(':') && MODULES.contains(&module)
    }
}

/// A value inside a span: `inbound{id=… peer=10.1.0.7:4000}`.
fn of_span<'t>(scope: &'t str, name: &str) -> Option<&'t str> {
    let inside = scope.split(['{', ' ']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
    let value = inside.split('}').next()?.trim_matches('"');
    (!value.is_empty()).then_some(value)
}

//! From a line to audit records: node, type, stamp, and the fields that follow.
//!
//! In: one line, which a shipper may have glued from several records. Out: records, or why a part is none.
//! Owns: the three ways of writing a stamp, the split of glued records.
//! Law: a part with a malformed stamp or without a type is refused with the offending text, never guessed.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use offbound_schemas::EventTime;

use super::fields::Fields;
use super::kind;
use crate::decode::{Reject, cut};

/// Most bytes of offending text that a refusal shows.
const MAX_SHOWN_BYTES: usize = 80;
/// What stands between the type of a record and its stamp.
const MARK: &str = " msg=audit(";
/// Finds [`MARK`], with which a further record in the same line would begin.
static FURTHER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));
/// Most records that one line is split into: a shipper glues the records of an event, of which there are few.
const MAX_RECORDS_PER_LINE: usize = 64;

/// Identity and moment of an event on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decode) struct Stamp {
    /// When.
    pub(in crate::decode) time: EventTime,
    /// Number of the event since boot; it wraps.
    pub(in crate::decode) serial: u32,
    /// `SEC.MS:SERIAL`, as written.
    pub(in crate::decode) text: String,
}

/// One record.
#[derive(Debug, Clone)]
pub(in crate::decode) struct AuditRecord {
    /// Host, where the line names one.
    pub(super) node: Option<String>,
    /// Type, as a word.
    pub(super) kind: Cow<'static, str>,
    /// Moment and number of the event that it belongs to.
    pub(super) moment: Moment,
    written: Written,
    /// What follows the stamp, taken apart.
    pub(in crate::decode) fields: Fields,
    /// What would follow the stamp, where a collector took the record apart: it was no line of its own.
    joined: Option<String>,
}

/// When an event was, and its number since boot, which wraps.
pub(super) type Moment = (EventTime, u32);

/// A stamp as it was written.
#[derive(Debug, Clone)]
enum Written {
    /// Its beginning and end in the line.
    InLine(usize, usize),
    Apart(String),
}

impl AuditRecord {
    /// A record that a collector took apart: its fields are as they were meant, none of them in hex.
    pub(in crate::decode) fn taken_apart(kind: &str, stamp: &Stamp, fields: Fields) -> Self {
        Self::with_body(kind, stamp, fields, "")
    }

    /// The same with the prose that stood before the fields.
    pub(in crate::decode) fn with_body(kind: &str, stamp: &Stamp, fields: Fields, prose: &str) -> Self {
        let pairs: Vec<String> = fields.all().map(|(key, text)| format!("{key}={text}")).collect();
        let body = format!("{prose}{}", pairs.join(" "));
        let written = Written::Apart(stamp.text.clone());
        let moment = (stamp.time, stamp.serial);
        Self { node: None, kind: kind::name(kind), moment, written, fields, joined: Some(body) }
    }

    /// A record whose fields are behind the stamp in its line, where the stamp is `written`.
    fn of_line(node: Option<String>, kind: &str, moment: Moment, written: Written, fields: Fields) -> Self {
        Self { node, kind: kind::settled(kind::name(kind), &fields), moment, written, fields, joined: None }
    }

    /// Which event it belongs to.
    pub(in crate::decode) fn stamp(&self) -> Stamp {
        let (time, serial) = self.moment;
        Stamp { time, serial, text: self.stamp_text().to_owned() }
    }

    /// `SEC.MS:SERIAL`, as written.
    pub(super) fn stamp_text(&self) -> &str {
        match &self.written {
            Written::InLine(start, end) => self.fields.line().get(*start..*end).unwrap_or_default(),
            Written::Apart(text) => text,
        }
    }

    /// What follows the stamp.
    pub(super) fn body(&self) -> &str {
        self.joined.as_deref().unwrap_or_else(|| self.fields.body())
    }

    /// The whole record, where it was a line of its own.
    pub(super) fn line(&self) -> Option<&str> {
        self.joined.is_none().then(|| self.fields.line())
    }

    /// Bytes of memory that it takes beside itself, about.
    pub(super) fn memory(&self) -> usize {
        self.joined.as_ref().map_or(0, String::capacity) + self.fields.memory()
    }

    /// Bytes of its text.
    pub(super) fn size(&self) -> usize {
        self.line().map_or_else(|| self.body().len(), str::len)
    }
}

/// A part of a line.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A record.
    Record(AuditRecord),
    /// It looks like one, and is none.
    Malformed(Reject),
}

/// A line as auditd writes it, if it is surely one record: what [`parse_all`] gives for it.
pub(super) fn plain(line: &str) -> Option<AuditRecord> {
    let text = line.trim_end();
    let (node, rest) = match text.strip_prefix("node=") {
        Some(rest) => {
            let (name, rest) = rest.split_once(' ')?;
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
            let is_name = !name.is_empty() && name.bytes().all(is_name);
            (Some(name).filter(|_| is_name).map(Some)?, rest)
        }
        None => (None, text),
    };
    let rest = rest.strip_prefix("type=")?;
    let is_kind = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let length = rest.as_bytes().iter().position(|byte| !is_kind(byte)).filter(|length| *length > 0)?;
    let (written_kind, rest) = rest.split_at(length);
    let rest = rest.strip_prefix(MARK)?;
    let start = text.len() - rest.len();
    let (written, rest) = rest.split_at(rest.as_bytes().iter().position(|byte| *byte == b')')?);
    let moment = moment(written)?;
    let body = rest.strip_prefix("):")?.trim_start();
    if body.starts_with("type=") || FURTHER.find(body.as_bytes()).is_some() {
        return None;
    }
    let written = Written::InLine(start, start + written.len());
    let fields = Fields::of_line(text, body);
    Some(AuditRecord::of_line(node.map(str::to_owned), written_kind, moment, written, fields))
}

/// All records of a line; empty when it has no stamp at all.
pub(super) fn parse_all(text: &str) -> Vec<Parsed> {
    let mut parsed: Vec<Parsed> =
        split(text).into_iter().take(MAX_RECORDS_PER_LINE).filter_map(parse).collect();
    let named = parsed.iter().find_map(|part| match part {
        Parsed::Record(audit) => audit.node.clone(),
        Parsed::Malformed(_) => None,
    });
    // The shipper that glued the records wrote the host only once.
    for part in &mut parsed {
        if let Parsed::Record(audit) = part {
            audit.node = audit.node.take().or_else(|| named.clone());
        }
    }
    parsed
}

/// Cuts before each further `type=WORD msg=audit(` of the same event, and the `node=` before it. A mark of another event is
/// text: shippers glue what belongs together, and who writes a record, or names a socket, may write marks into it.
fn split(text: &str) -> Vec<&str> {
    let mut cuts = Vec::new();
    let mut first = None;
    for (at, _) in text.match_indices(MARK) {
        let stamp = text.get(at + MARK.len()..).and_then(|rest| rest.split_once(')')).map(|(stamp, _)| stamp);
        if *first.get_or_insert(stamp) != stamp {
            continue;
        }
        let before = text.get(..at).unwrap_or_default();
        let Some(start) =
            before.rfind("type=").filter(|start| !before.get(*start..).unwrap_or_default().contains(' '))
        else {
            continue;
        };
        let ahead = before.get(..start).unwrap_or_default().trim_end();
        let word = ahead.rfind(' ').map_or(0, |space| space + 1);
        let named =
            ahead.get(word..).is_some_and(|word| word.starts_with("node=") || word.starts_with("host="));
        cuts.push(if named { word } else { start });
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for cut in cuts.into_iter().skip(1) {
        parts.extend(text.get(from..cut));
        from = cut;
    }
    parts.extend(text.get(from..));
    parts
}

fn refuse(reason: &'static str, text: &str, why: &str) -> Parsed {
    Parsed::Malformed(Reject { reason, detail: format!("{why}: {:?}", cut(text.trim(), MAX_SHOWN_BYTES)) })
}

fn parse(text: &str) -> Option<Parsed> {
    let text = text.trim_end();
    let Some(at) = text.find("audit(") else {
        let typed = text.starts_with("type=") || text.starts_with("node=") && text.contains(" type=");
        return typed.then(|| refuse("bad-audit-stamp", text, "the record has no audit(SEC.MS:SERIAL)"));
    };
    let (before, rest) = text.split_at(at);
    let stamp = rest.strip_prefix("audit(").and_then(|rest| rest.split_once(')'));
    let Some((written, body)) = stamp else {
        return Some(refuse("bad-audit-stamp", rest, "the stamp has no end"));
    };
    let body = body.strip_prefix(':').unwrap_or(body).trim_start();
    let (inner, body) = leading_type(body);
    let Some(written_kind) = last_type(before).or(inner).filter(|kind| !kind.is_empty()) else {
        return Some(refuse("missing-type", text, "the record has no type"));
    };
    let Some(moment) = moment(written) else {
        return Some(refuse("bad-audit-stamp", written, expected(written)));
    };
    let start = at + "audit(".len();
    let written = Written::InLine(start, start + written.len());
    let fields = Fields::of_line(text, body);
    Some(Parsed::Record(AuditRecord::of_line(node(before), written_kind, moment, written, fields)))
}

/// What should stand there; `ausearch -i` and `aureport -i` print dates in a zone that they do not name.
fn expected(written: &str) -> &'static str {
    if written.contains(' ') {
        "expected SEC.MS:SERIAL, as `ausearch --raw` prints it"
    } else {
        "expected SEC.MS:SERIAL"
    }
}

/// Old kernels write the type behind the stamp.
fn leading_type(body: &str) -> (Option<&str>, &str) {
    let Some(rest) = body.strip_prefix("type=") else { return (None, body) };
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    (Some(word), rest.trim_start())
}

fn last_type(before: &str) -> Option<&str> {
    let (_, rest) = before.rsplit_once("type=")?;
    Some(rest.split(' ').next().unwrap_or_default())
}

fn node(before: &str) -> Option<String> {
    let named =
        |word: &str| word.strip_prefix("node=").or_else(|| word.strip_prefix("host=")).map(str::to_owned);
    before.split(' ').find_map(named).filter(|name| !name.is_empty())
}

impl Stamp {
    /// Reads `SEC.MS:SERIAL`.
    pub(in crate::decode) fn parse(text: &str) -> Option<Self> {
        moment(text).map(|(time, serial)| Self { time, serial, text: text.to_owned() })
    }
}

/// What `SEC.MS:SERIAL` says.
fn moment(text: &str) -> Option<Moment> {
    let (secs, _, rest) = leading_number(text.as_bytes())?;
    let (fraction, digits, rest) = leading_number(rest.strip_prefix(b".")?)?;
    let (serial, _, rest) = leading_number(rest.strip_prefix(b":")?)?;
    let missing = 9_u32.checked_sub(digits).filter(|_| rest.is_empty())?;
    let time = EventTime::from_secs_nanos(secs, fraction * 10_i64.pow(missing))?;
    Some((time, u32::try_from(serial).ok()?))
}

/// The number that a text begins with, how many digits it has, and what follows.
fn leading_number(text: &[u8]) -> Option<(i64, u32, &[u8])> {
    let (mut number, mut digits, mut rest) = (0_i64, 0, text);
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        (digits, rest) = (digits + 1, behind);
    }
    (digits > 0).then_some((number, digits, rest))
}

/// A record whose stamp a shipper dropped (journald's audit transport, messages of a bus daemon): the envelope's time stands in.
pub(super) fn without_stamp(text: &str, time: Option<EventTime>) -> Option<Parsed> {
    let decision = text.contains("apparmor=\"") || text.contains("avc:") && text.contains("scontext=");
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let word = first.len() > 2 && first.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        || first.starts_with("<audit-");
    let profile = text.contains("profile=\"") && text.contains("operation=\"");
    if !(decision || profile || word && (kind::is_known(&kind::name(first)) || rest.contains("pid="))) {
        return None;
    }
    let Some(time) = time else {
        return Some(refuse("no-time", text, "the record has no audit stamp and no envelope gives a time"));
    };
    let (kind, body) = if word { (kind::name(first), rest) } else { (Cow::Borrowed("AVC"), text) };
    Some(Parsed::Record(AuditRecord {
        node: None,
        kind,
        moment: (time, 0),
        written: Written::Apart(String::new()),
        fields: Fields::of_line(text, body),
        joined: None,
    }))
}

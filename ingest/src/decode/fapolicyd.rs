//! Decisions of the fapolicyd daemon, as it writes them to syslog, the journal or its debug output.
//!
//! In: `rule=13 dec=deny_audit perm=execute auid=1000 pid=5361 exe=SUBJECT : path=OBJECT ftype=… trust=0` (fapolicyd 1.x,
//! fields by `syslog_format`), the older `rule:13 dec=… exe=… file=…`, also with underscores escaped for Markdown.
//! Out: rows of `host_events`. Owns: the fields, in any order, of paths with spaces.
//! Dropped by name: what the daemon says of itself. Trust, type and device are kept unmapped.
//! Law: in permissive mode the daemon writes `deny` as well, so a denial is `attempted` until something else (the
//! kernel's FANOTIFY record) says that it was one. What was allowed was allowed in either mode.

use std::borrow::Cow;
use std::collections::BTreeMap;

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};
use offbound_schemas::{EventId, EventRows, EventTime};
use serde_json::Value;

use super::field::unmapped;
use super::{Decode, Format, Identity, Record, Verdict, act};

/// The fapolicyd daemon.
pub(crate) const FORMAT: Format = Format {
    id: "fapolicyd",
    title: "fapolicyd decisions in syslog",
    fills: &["host_events"],
    sample: "2026-03-01T10:00:00.500000+00:00 n1 fapolicyd[812]: rule=13 dec=deny_audit perm=execute auid=1000 pid=4121 exe=/usr/bin/bash : path=/home/eve/x ftype=application/x-executable trust=0",
    // The lines hold no time: what tells two apart is the envelope's, and it may be of a second.
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(Fapolicyd),
};

/// Fields that `syslog_format` can name, before and behind the colon.
const FIELDS: &[&str] = &[
    "rule",
    "dec",
    "perm",
    "auid",
    "uid",
    "gid",
    "sessionid",
    "pid",
    "ppid",
    "comm",
    "exe",
    "exe_dir",
    "exe_type",
    "exe_device",
    "pattern",
    "path",
    "file",
    "dir",
    "device",
    "ftype",
    "sha256hash",
    "trust",
];

struct Fapolicyd;

fn sniff(record: &Record<'_>) -> u8 {
    if record.json.is_some() {
        return 0;
    }
    match decision(record.text) {
        Some(_) if may_tell(record) => 92,
        Some(_) => 0,
        // What the daemon says of itself.
        None if record.envelope.program.as_deref() == Some(FORMAT.id) => 30,
        None => 0,
    }
}

/// Whether the daemon wrote the line: what other programs log may hold anything, unless it begins as a decision does.
fn may_tell(record: &Record<'_>) -> bool {
    let program = record.envelope.program.as_deref();
    program.is_none_or(|program| program == FORMAT.id) || record.text.trim_start().starts_with("rule")
}

/// The decision in a line, from `rule` on.
fn decision(text: &str) -> Option<&str> {
    let start = text.match_indices("rule").map(|(at, _)| at).find(|at| {
        let rest = text.get(at + 4..).unwrap_or_default();
        let starts_word =
            text.get(..*at).is_none_or(|before| before.is_empty() || before.ends_with([' ', '"']));
        let digits = rest.strip_prefix(['=', ':']).unwrap_or_default();
        let digits_length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let behind = digits.get(digits_length..).unwrap_or_default();
        starts_word && digits_length > 0 && behind.starts_with(" dec=")
    })?;
    let found = text.get(start..)?;
    let dec = found.split_once(" dec=")?.1;
    ["allow", "deny"].iter().any(|word| dec.starts_with(word)).then_some(found)
}

impl Decode for Fapolicyd {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(text) = decision(record.text).filter(|_| may_tell(record)) else {
            return Verdict::Skipped("fapolicyd-log");
        };
        let Some(time) = record.envelope.time.or_else(|| own_time(record.text)) else {
            return Verdict::reject(
                "no-time",
                "the line has no time with year and zone, and no envelope gives one",
            );
        };
        let fields = Fields::of(text);
        let mut row = record.host_event(time);
        row.event_id = EventId::of(&[&record.event_id.0, &time.0.to_le_bytes()]);
        describe(&fields, &mut row);
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

/// A time with zone at the beginning of the line, as syslog daemons write it to files.
fn own_time(text: &str) -> Option<EventTime> {
    let stamp = text.split(' ').next()?;
    (stamp.as_bytes().get(10) == Some(&b'T')).then(|| EventTime::parse(stamp).ok())?
}

/// The fields of a line. Those in front of the colon speak of the subject, those behind it of the object.
struct Fields<'t> {
    subject: BTreeMap<&'static str, Cow<'t, str>>,
    object: BTreeMap<&'static str, Cow<'t, str>>,
}

impl<'t> Fields<'t> {
    fn of(text: &'t str) -> Self {
        let is_escaped = text
            .split_once(" dec=")
            .is_some_and(|(_, rest)| rest.split(' ').next().is_some_and(|word| word.contains("\\_")));
        let (subject, object) = text.split_once(" : ").unwrap_or((text, ""));
        let read = |part| fields(part, is_escaped);
        let mut read = Self { subject: read(subject), object: read(object) };
        if object.contains(" : ") {
            read.forget_names();
        }
        read
    }

    /// The daemon writes names of files as they are (`format_value` in `src/library/policy.c`): where one has the mark in it, nobody
    /// can tell where the subject ends, and one who chose a name must not choose what it was about.
    fn forget_names(&mut self) {
        self.object.clear();
        self.subject.retain(|key, _| !matches!(*key, "exe" | "path" | "file"));
    }

    fn subject(&self, key: &str) -> Option<&str> {
        self.subject.get(key).map(AsRef::as_ref)
    }

    /// Older versions have no colon: then the object's fields stand with the subject's.
    fn object(&self, key: &str) -> Option<&str> {
        self.object.get(key).or_else(|| self.subject.get(key)).map(AsRef::as_ref)
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.subject(key)?.parse().ok()
    }
}

/// `key=value` words of the known keys; a value ends where the next known key begins.
fn fields(text: &str, is_escaped: bool) -> BTreeMap<&'static str, Cow<'_, str>> {
    let mut found: Vec<(usize, usize, &'static str)> = FIELDS
        .iter()
        .flat_map(|key| text.match_indices(*key).map(move |(at, _)| (at, at + key.len(), *key)))
        .filter(|(at, end, _)| {
            let starts = text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(' '));
            starts
                && text
                    .get(*end..)
                    .is_some_and(|rest| rest.starts_with('=') || (*at == 0 && rest.starts_with(':')))
        })
        .collect();
    found.sort_unstable();
    let ends = found.iter().skip(1).map(|(at, ..)| *at).chain([text.len()]);
    let mut fields = BTreeMap::new();
    for ((_, value_at, key), end) in found.iter().zip(ends) {
        let value = text.get(value_at + 1..end).unwrap_or_default().trim_end();
        let value = if is_escaped { Cow::Owned(value.replace("\\_", "_")) } else { Cow::Borrowed(value) };
        // What the daemon does not know it writes as `?`. A key that comes again lies inside a value.
        if !value.is_empty() && value != "?" {
            fields.entry(*key).or_insert(value);
        }
    }
    fields
}

fn describe(fields: &Fields<'_>, row: &mut HostEvent) {
    row.hook_class = HookClass::Userspace;
    row.control = HostControl::Fapolicyd;
    row.mode = ControlMode::Unknown;
    let decided = fields.subject("dec").unwrap_or_default();
    row.outcome = if decided.starts_with("allow") { Outcome::Allowed } else { Outcome::Attempted };
    row.pid = fields.number("pid");
    row.parent_pid = fields.number("ppid");
    row.uid = fields.number("uid");
    row.auid = fields.number("auid").filter(|auid| *auid != u32::MAX);
    row.session_id = fields.number("sessionid").filter(|session| *session != u32::MAX);
    row.comm = fields.subject("comm").map(str::to_owned);
    row.exe = fields.subject("exe").map(str::to_owned);
    row.policy = fields.subject("rule").map(|rule| format!("rule {rule}"));
    row.rule = Some(format!("fapolicyd {decided}"));
    let path = fields.object("path").or_else(|| fields.object("file")).map(str::to_owned);
    match (fields.subject("perm"), path) {
        (Some("execute"), path) => {
            row.action = Action::Exec;
            act::target(path, row);
        }
        // The daemon asks about opening because of what is then read: libraries and scripts.
        (Some("open"), Some(path)) => act::file(Some((true, false)), path, row),
        (_, path) => act::target(path, row),
    }
    row.unmapped = rest(fields);
}

fn rest(fields: &Fields<'_>) -> Option<String> {
    let texts: Vec<(String, Value)> = [("", &fields.subject), ("object_", &fields.object)]
        .into_iter()
        .flat_map(|(side, fields)| fields.iter().map(move |(key, text)| (format!("{side}{key}"), text)))
        .filter(|(key, _)| {
            !matches!(key.as_str(), "pid" | "ppid" | "uid" | "auid" | "comm" | "exe" | "object_path")
        })
        .map(|(key, text)| (key, Value::from(text.as_ref())))
        .collect();
    unmapped(texts.iter().map(|(key, value)| (key.as_str(), Some(value))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Envelope;
    use crate::decode::trial::{check_sample, run_in, sniff, sniff_in};

    fn read(line: &str) -> HostEvent {
        let time = EventTime::parse("2031-02-03T04:05:06Z").ok();
        let (verdicts, mut rows) = run_in(&FORMAT, &[line], &Envelope { time, ..Envelope::default() });
        assert_eq!(verdicts, [Verdict::Decoded], "{line}");
        rows.host_events.remove(0)
    }

    /// Scenario: a program whose name holds the mark before the object, with an object of its own choice. Guarantees: neither name
    /// is taken for what it is not; who acted and what was decided stands.
    #[test]
    fn names_decide_nothing() {
        let time = EventTime::parse("2026-03-01T10:00:00Z").ok();
        let envelope = Envelope { program: Some("fapolicyd".into()), time, ..Envelope::default() };
        let line = "rule=13 dec=allow perm=execute auid=1000 pid=4121 exe=/tmp/x : path=/usr/bin/ls ftype=y trust=1 : path=/tmp/evil ftype=z trust=0";
        let row = crate::decode::trial::run_in(&FORMAT, &[line], &envelope).1.host_events.remove(0);
        assert_eq!((row.exe, row.target_path, row.pid), (None, None, Some(4121)));
        assert_eq!((row.action, row.outcome), (Action::Exec, Outcome::Allowed));
    }

    /// Scenario: a decision within what another program logs. Guarantees: it is none.
    #[test]
    fn what_others_log_is_no_decision() {
        let envelope = Envelope {
            program: Some("sshd".into()),
            time: EventTime::parse("2026-03-01T10:00:00Z").ok(),
            ..Envelope::default()
        };
        let said =
            "rule=13 dec=deny_audit perm=execute auid=1000 pid=4121 exe=/usr/bin/bash : path=/home/eve/x";
        let line = format!("Invalid user {said}");
        assert_eq!(crate::decode::trial::sniff_in(&FORMAT, &line, &envelope), 0);
        assert!(crate::decode::trial::run_in(&FORMAT, &[&line], &envelope).1.is_empty());
        let own = Envelope { program: Some("fapolicyd".into()), ..envelope.clone() };
        assert_eq!(crate::decode::trial::run_in(&FORMAT, &[said], &own).1.host_events.len(), 1);
        assert_eq!(crate::decode::trial::run_in(&FORMAT, &[said], &envelope).1.host_events.len(), 1);
    }

    /// Scenario: the sample. Guarantees: it is recognised and decoded.
    #[test]
    fn sample_decodes() {
        check_sample(&FORMAT);
    }

    /// Scenario: lines of all versions and spellings. Guarantees: subject and object; a denial is not sure to be one.
    #[test]
    fn spellings() {
        let new = "rule=13 dec=deny_audit perm=execute auid=1000 pid=77 exe=/usr/bin/bash : path=/home/my dir/x ftype=text/x-sh trust=0";
        let old = "rule:13 dec=deny_audit auid=1000 pid=77 exe=/usr/bin/bash file=/home/my dir/x";
        let escaped = r"rule=13 dec=deny\_audit perm=open auid=-1 pid=77 exe=/usr/bin/bash : path=/home/my\_dir/x trust=0";
        let other_order = "rule=13 dec=deny_log pid=77 perm=execute comm=my sh exe=/usr/bin/bash : trust=0 path=/home/my dir/x";
        for (line, path, action) in [
            (new, "/home/my dir/x", Action::Exec),
            (old, "/home/my dir/x", Action::Other),
            (escaped, "/home/my_dir/x", Action::FileRead),
            (other_order, "/home/my dir/x", Action::Exec),
        ] {
            let row = read(line);
            assert_eq!(
                (row.action, row.target_path.as_deref(), row.pid),
                (action, Some(path), Some(77)),
                "{line}"
            );
            assert_eq!(
                (row.outcome, row.control, row.mode),
                (Outcome::Attempted, HostControl::Fapolicyd, ControlMode::Unknown)
            );
            assert_eq!((row.exe.as_deref(), row.policy.as_deref()), (Some("/usr/bin/bash"), Some("rule 13")));
        }
        assert_eq!(read(escaped).auid, None);
        assert_eq!(
            read("rule=1 dec=allow_log perm=open pid=1 exe=/a : path=/etc/shadow").outcome,
            Outcome::Allowed
        );
    }

    /// Scenario: equal lines at two times; other lines of the daemon and of rules. Guarantees: two events; not recognised.
    #[test]
    fn identity_and_others() {
        let line = "rule=13 dec=deny perm=execute pid=77 exe=/a : path=/b";
        let at = |text: &str| {
            let envelope = Envelope { time: EventTime::parse(text).ok(), ..Envelope::default() };
            run_in(&FORMAT, &[line], &envelope).1.host_events[0].event_id
        };
        assert_ne!(at("2031-02-03T04:05:06Z"), at("2031-02-03T04:05:07Z"));
        assert_eq!(at("2031-02-03T04:05:06Z"), at("2031-02-03T04:05:06Z"));
        for other in [
            "rule=x dec=deny",
            "rule=13 decided",
            "myrule=13 dec=deny",
            "rule=13 dec=maybe",
            "deny perm=any all : all",
        ] {
            assert_eq!(sniff(&FORMAT, other), 0, "{other}");
        }
        let daemon = Envelope { program: Some("fapolicyd".to_owned()), ..Envelope::default() };
        let said = "Starting to listen for events";
        assert_eq!(sniff_in(&FORMAT, said, &daemon), 30);
        assert_eq!(run_in(&FORMAT, &[said], &daemon).0, [Verdict::Skipped("fapolicyd-log")]);
        let (verdicts, _) = run_in(&FORMAT, &[line], &Envelope::default());
        assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
    }
}

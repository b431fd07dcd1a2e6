//! Alerts as lines of text, for where JSON output is off.
//!
//! In: `10:00:00.500000000: Warning Sensitive file opened … | file=/etc/shadow process=cat …`, or the older `… (user=root
//! command=cat …)`; also with a whole date (`time_format_iso_8601`). Out: what the same alert is in JSON.
//! Owns: the line's time, the names that rules print fields under. Leaves the meaning of fields to the alert.
//! Law: a time of day without a date is no time; a text line does not name its rule, so its words stand for it.

use serde_json::{Map, Value};

/// Levels, as lines spell them.
const PRIORITIES: &[&str] =
    &["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];

/// Names in texts of the default rules, and the fields that they stand for.
const NAMES: &[(&str, &str)] = &[
    ("evt_type", "evt.type"),
    ("user", "user.name"),
    ("user_uid", "user.uid"),
    ("user_loginuid", "user.loginuid"),
    ("process", "proc.name"),
    ("proc_exepath", "proc.exepath"),
    ("exepath", "proc.exepath"),
    ("parent", "proc.pname"),
    ("pcmdline", "proc.pcmdline"),
    ("gparent", "proc.aname[2]"),
    ("ggparent", "proc.aname[3]"),
    ("gggparent", "proc.aname[4]"),
    ("command", "proc.cmdline"),
    ("cmdline", "proc.cmdline"),
    ("pid", "proc.pid"),
    ("ppid", "proc.ppid"),
    ("terminal", "proc.tty"),
    ("cwd", "proc.cwd"),
    ("exe_flags", "evt.arg.flags"),
    ("flags", "evt.arg.flags"),
    ("res", "evt.res"),
    ("file", "fd.name"),
    ("connection", "fd.name"),
    ("linkpath", "evt.arg.linkpath"),
    ("lport", "fd.lport"),
    ("rport", "fd.rport"),
    ("fd_proto", "fd.l4proto"),
    ("fd_l4proto", "fd.l4proto"),
    ("container_id", "container.id"),
    ("container_name", "container.name"),
    ("container_image", "container.image"),
    ("container_image_repository", "container.image.repository"),
    ("container_image_tag", "container.image.tag"),
    ("image", "container.image"),
    ("k8s_ns", "k8s.ns.name"),
    ("k8s_ns_name", "k8s.ns.name"),
    ("k8s_pod", "k8s.pod.name"),
    ("k8s_pod_name", "k8s.pod.name"),
    ("k8s_pod_uid", "k8s.pod.uid"),
    ("k8s.ns", "k8s.ns.name"),
    ("k8s.pod", "k8s.pod.name"),
    ("container", "container.id"),
];

/// How Falco begins what it says about itself.
const INTERNAL: &str = "Falco internal:";

/// A line, taken apart.
struct Alert<'t> {
    stamp: &'t str,
    priority: &'static str,
    output: &'t str,
}

impl<'t> Alert<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let (stamp, rest) = text.split_once(": ")?;
        let priority = PRIORITIES
            .iter()
            .find(|word| rest.strip_prefix(**word).is_some_and(|rest| rest.starts_with(' ')))?;
        is_stamp(stamp).then(|| Self {
            stamp,
            priority,
            output: rest.get(priority.len() + 1..).unwrap_or_default(),
        })
    }
}

/// `10:00:00.500000000`, or a date with it.
fn is_stamp(text: &str) -> bool {
    let clock = text.split_once('T').map_or(text, |(_, clock)| clock);
    let bytes = clock.as_bytes();
    let colons = bytes.get(2) == Some(&b':') && bytes.get(5) == Some(&b':') && bytes.get(8) == Some(&b'.');
    colons && bytes.iter().take(2).all(u8::is_ascii_digit) && !text.contains(' ')
}

/// Whether a line is an alert.
pub(super) fn is_alert(text: &str) -> bool {
    Alert::of(text).is_some()
}

/// Whether a line is of Falco's own log: `Sun Mar  1 10:00:00 2026: …`.
pub(super) fn is_log(text: &str) -> bool {
    const DAYS: &[&str] = &["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];
    let has_day = DAYS.iter().any(|day| text.starts_with(day));
    has_day && text.get(19..24).is_some_and(|year| year.starts_with(' ')) && text.get(24..26) == Some(": ")
}

/// The fields that a text prints, with the alert's time and priority in front of it or without.
pub(super) fn printed(output: &str) -> Value {
    let (_, fields) = fields(Alert::of(output).map_or(output, |alert| alert.output));
    Value::Object(fields)
}

/// The alert as JSON output would have it; its time is left out where the line has none.
pub(super) fn as_json(text: &str) -> Option<Value> {
    let alert = Alert::of(text)?;
    let is_internal = alert.output.starts_with(INTERNAL);
    let (words, fields) = if is_internal { internal(alert.output) } else { fields(alert.output) };
    let mut json = Map::new();
    json.insert("rule".to_owned(), Value::from(words));
    json.insert("priority".to_owned(), Value::from(alert.priority));
    json.insert("output".to_owned(), Value::from(text));
    json.insert("output_fields".to_owned(), Value::Object(fields));
    if let Some(time) = absolute(alert.stamp) {
        json.insert("time".to_owned(), Value::from(time));
    }
    Some(Value::Object(json))
}

/// A whole date with a zone; the zone is written without its colon.
fn absolute(stamp: &str) -> Option<String> {
    let (date, clock) = stamp.split_once('T')?;
    let at = clock.rfind(['+', '-'])?;
    let (clock, zone) = clock.split_at_checked(at)?;
    let zone = match zone.split_at_checked(3) {
        Some((hours, minutes)) if !minutes.starts_with(':') => format!("{hours}:{minutes}"),
        _ => zone.to_owned(),
    };
    Some(format!("{date}T{clock}{zone}"))
}

/// `Falco internal: syscall event drop. 7 system calls dropped in last second. (n_drops="7" …)`: the rule, and all fields,
/// whose values are written as in JSON.
fn internal(output: &str) -> (&str, Map<String, Value>) {
    let (words, rest) = output.split_once(" (").unwrap_or((output, ""));
    let pairs = rest.trim_end_matches(')').split(' ').filter_map(|pair| pair.split_once('='));
    let fields = pairs.map(|(key, value)| (key.to_owned(), Value::from(value.trim_matches('"'))));
    (words.split(". ").next().unwrap_or(words), fields.collect())
}

/// The author's words, and the fields behind them. A value ends where the next known name begins.
fn fields(output: &str) -> (&str, Map<String, Value>) {
    let (words, printed) = match (output.split_once(" | "), output.split_once(" (")) {
        (Some(parts), _) => parts,
        (None, Some((words, rest))) => (words, rest.strip_suffix(')').unwrap_or(rest)),
        (None, None) => (output, ""),
    };
    let mut found: Vec<(usize, usize, &str)> = NAMES
        .iter()
        .flat_map(|(name, field)| {
            printed.match_indices(*name).map(move |(at, _)| (at, at + name.len(), *field))
        })
        .filter(|(at, end, _)| {
            let starts = printed.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(' '));
            starts && printed.get(*end..).is_some_and(|rest| rest.starts_with('='))
        })
        .collect();
    found.sort_unstable();
    let ends = found.iter().skip(1).map(|(at, ..)| *at).chain([printed.len()]);
    let mut fields = Map::new();
    for ((_, value_at, field), end) in found.iter().zip(ends) {
        let value = printed.get(value_at + 1..end).unwrap_or_default().trim_end();
        fields.entry(*field).or_insert_with(|| Value::from(value));
    }
    (words.trim(), fields)
}

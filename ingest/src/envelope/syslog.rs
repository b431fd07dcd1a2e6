//! Syslog prefixes: RFC 5424, RFC 3164, and RFC 3164 with an ISO time as rsyslog writes to files;
//! a count of octets before them (RFC 6587) is passed over.
//!
//! In: a line. Out: the message behind host and tag. RFC 3164 gives neither year nor zone: its time stays unknown.

use offbound_schemas::EventTime;

use super::{Outer, Payload, take};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let text = super::octets::strip_count(outer.text).map_or(outer.text, |(_, rest)| rest);
    let (has_priority, rest) = strip_priority(text);
    if let Some(rest) = rest.strip_prefix("1 ").filter(|_| has_priority) {
        return peel_5424(rest, envelope);
    }
    let rest = match strip_bsd_time(rest) {
        Some(rest) => rest,
        None => {
            let (time, rest) = rest.split_once(' ')?;
            let is_stamp = time.len() >= 19 && time.as_bytes().get(10) == Some(&b'T');
            envelope.time = Some(EventTime::parse(time).ok().filter(|_| is_stamp)?);
            rest
        }
    };
    peel_tag(rest, envelope)
}

fn strip_priority(text: &str) -> (bool, &str) {
    let inner = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match inner {
        Some((digits, rest))
            if (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            (true, rest)
        }
        _ => (false, text),
    }
}

/// `HOST TAG[PID]: message`; a host and a tag are what makes a line syslog at all.
fn peel_tag(rest: &str, envelope: &mut Envelope) -> Option<Payload> {
    let (host, rest) = rest.split_once(' ')?;
    let (tag, message) = rest.split_once(": ")?;
    let program = tag.split('[').next()?;
    let is_name =
        |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\"={}()".contains(c));
    if !is_name(host) || !is_name(program) || tag.contains(' ') {
        return None;
    }
    take(&mut envelope.host, Some(host));
    take(&mut envelope.program, Some(program));
    Some(Payload::whole(message))
}

/// What follows `Mmm dd hh:mm:ss `.
fn strip_bsd_time(text: &str) -> Option<&str> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (stamp, rest) = text.split_at_checked(15)?;
    let is_month = MONTHS.iter().any(|month| stamp.starts_with(month));
    let bytes = stamp.as_bytes();
    let has_colons = bytes.get(9) == Some(&b':') && bytes.get(12) == Some(&b':');
    rest.strip_prefix(' ').filter(|_| is_month && has_colons)
}

/// `TIME HOST APP PROCID MSGID SD message`.
fn peel_5424(rest: &str, envelope: &mut Envelope) -> Option<Payload> {
    let mut parts = rest.splitn(6, ' ');
    let (time, host, program) = (parts.next()?, parts.next()?, parts.next()?);
    let (_process, _message_kind, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let message =
        if let Some(rest) = rest.strip_prefix('-') { rest } else { rest.get(structured_length(rest)?..)? };
    take(&mut envelope.host, Some(host).filter(|host| *host != "-"));
    take(&mut envelope.program, Some(program).filter(|program| *program != "-"));
    envelope.time = EventTime::parse(time).ok().or(envelope.time);
    Some(Payload::whole(message.trim_start_matches([' ', '\u{feff}'])))
}

/// Length of `[id name="value"]…`, where values escape quotes and brackets.
fn structured_length(rest: &str) -> Option<usize> {
    let (mut in_value, mut escaped) = (false, false);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_value = !in_value,
            b']' if !in_value && rest.as_bytes().get(at + 1) != Some(&b'[') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

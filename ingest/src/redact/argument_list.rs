//! Argument lists that the audit system writes in several records, and secrets that lie across the cut.
//!
//! In: EXECVE records. Out: the first argument of a record, where the record before ended in a flag that takes a
//! secret (`a7="--password"`, then `a8="…"`), or in a piece of a secret (`a2[0]=…`, then `a2[1]=…`).
//! Owns: what is remembered of the last record. A list goes on only under the same event.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Found, PATTERNS, audit_hex, find_plain, flag, value};

/// Most arguments at the end of a record that are remembered: a program, and its flags before the one that counts.
const KEPT_ARGUMENTS: usize = 8;

/// The end of an argument list that may go on.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Open {
    event: String,
    /// The last arguments, as a list of quoted strings.
    tail: String,
    /// The number of the argument that was cut inside a secret.
    cut: Option<String>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open(…)")
    }
}

/// One argument of a record.
struct Argument<'a> {
    /// `a2`, or `a2` of `a2[1]`.
    name: &'a str,
    is_piece: bool,
    range: Range<usize>,
}

/// Whether a record is an argument list, which may go on in the next one.
pub(super) fn is_list(text: &str) -> bool {
    static TYPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"type=EXECVE"));
    TYPE.find(text.as_bytes()).is_some()
}

/// What continues a secret of the record before; keeps `open` up to date.
pub(super) fn continued(text: &str, open: &mut Option<Open>) -> Vec<Found> {
    if !is_list(text) {
        return Vec::new();
    }
    let before = open.take();
    let Some(event) = event_of(text) else { return Vec::new() };
    let arguments = arguments(text);
    let before = before.filter(|open| open.event == event);
    let Some(first) = arguments.first() else { return Vec::new() };
    let goes_on = before.as_ref().and_then(|open| open.cut.as_deref()) == Some(first.name);
    let mut found = before.map(|open| behind(text, &arguments, &open.tail)).unwrap_or_default();
    if goes_on {
        let secret = flag::argument_text(text, first.range.clone());
        found.push(Found::named("argument", first.range.clone(), secret));
    }
    *open = end_of(text, event, &arguments, goes_on && arguments.len() == 1);
    found
}

fn event_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("audit(")?;
    rest.split_once(')').map(|(event, _)| event)
}

fn arguments(text: &str) -> Vec<Argument<'_>> {
    memchr::memchr_iter(b'=', text.as_bytes())
        .filter(|equals| text.get(..=*equals).is_some_and(audit_hex::ends_in_field))
        .filter_map(|equals| {
            let name = text.get(..equals)?.rsplit(' ').next()?;
            let (name, piece) =
                name.split_once('[').map_or((name, None), |(name, piece)| (name, Some(piece)));
            let range = value::word(text, equals + 1)?;
            Some(Argument { name, is_piece: piece.is_some(), range })
                .filter(|argument| argument.name.starts_with('a'))
        })
        .collect()
}

/// Every argument that is a secret only because of the arguments in the record before.
fn behind(text: &str, arguments: &[Argument<'_>], tail: &str) -> Vec<Found> {
    let mut list = tail.to_owned();
    let mut ends = Vec::new();
    for argument in arguments {
        list.push(',');
        list.push_str(&quoted(text, argument));
        ends.push(list.len());
    }
    let place = |found: &Found| ends.iter().position(|end| found.range.end <= *end);
    let found = find_plain(&list).into_iter().filter(|found| found.range.start > tail.len());
    let placed = found.filter_map(|found| Some((arguments.get(place(&found)?)?, found.mark)));
    placed.map(|(argument, mark)| Found::new(argument.range.clone(), mark)).collect()
}

/// An argument as one of a list of quoted strings.
fn quoted(text: &str, argument: &Argument<'_>) -> String {
    format!("\"{}\"", flag::argument_text(text, argument.range.clone()).replace('"', "\\\""))
}

/// What to remember of a record: nothing, unless its end speaks of secrets.
fn end_of(text: &str, event: &str, arguments: &[Argument<'_>], was_cut: bool) -> Option<Open> {
    let kept = arguments.get(arguments.len().saturating_sub(KEPT_ARGUMENTS)..)?;
    let tail = kept.iter().map(|argument| quoted(text, argument)).collect::<Vec<_>>().join(",");
    let last = arguments.last()?;
    let ends_in_secret = || {
        let list = quoted(text, last);
        find_plain(&list).iter().any(|found| found.range.end + 1 >= list.len())
    };
    let cut = last.is_piece && (was_cut || ends_in_secret());
    let cut = cut.then(|| last.name.to_owned());
    let is_open = cut.is_some() || PATTERNS.0.is_match(&tail);
    is_open.then(|| Open { event: event.to_owned(), tail, cut })
}

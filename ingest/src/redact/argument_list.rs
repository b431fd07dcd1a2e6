//! Argument lists that the audit system writes in several records, and secrets that lie across the cut.
//!
//! In: EXECVE records. Out: the first argument of a record, where the record before ended in a flag that takes a
//! secret (`a7="--password"`, then `a8="…"`), or in a piece of a secret (`a2[0]=…`, then `a2[1]=…`).
//! Owns: what is remembered of the last record. A list goes on only under the same event.

use std::ops::Range;

use super::{Found, audit_hex, find_plain, flag, screen, value};

/// Arguments at the end of a record that may belong to the next one: a program and its flag.
const KEPT_ARGUMENTS: usize = 2;

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

/// What continues a secret of the record before; keeps `open` up to date.
pub(super) fn continued(text: &str, open: &mut Option<Open>) -> Option<Found> {
    if !text.contains("type=EXECVE") {
        return None;
    }
    let before = open.take();
    let event = event_of(text)?;
    let arguments = arguments(text);
    let before = before.filter(|open| open.event == event);
    let first = arguments.first()?;
    let goes_on = before.as_ref().and_then(|open| open.cut.as_deref()) == Some(first.name);
    let found = if goes_on {
        let secret = flag::argument_text(text, first.range.clone());
        Some(Found::named("argument", first.range.clone(), secret))
    } else {
        before.as_ref().and_then(|open| behind_flag(text, first, &open.tail))
    };
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

/// The first argument, if the flag at the end of `tail` makes it a secret.
fn behind_flag(text: &str, first: &Argument<'_>, tail: &str) -> Option<Found> {
    let secret = flag::argument_text(text, first.range.clone());
    let start = tail.len() + 2;
    let list = format!("{tail},\"{}\"", secret.replace('"', "\\\""));
    let hit = find_plain(&list).into_iter().find(|found| found.range.end > start)?;
    let is_whole = hit.range.start <= start;
    is_whole.then(|| Found::named("argument", first.range.clone(), secret))
}

/// What to remember of a record: nothing, unless its end speaks of secrets.
fn end_of(text: &str, event: &str, arguments: &[Argument<'_>], was_cut: bool) -> Option<Open> {
    let kept = arguments.get(arguments.len().saturating_sub(KEPT_ARGUMENTS)..)?;
    let shown = |argument: &Argument<'_>| {
        format!("\"{}\"", flag::argument_text(text, argument.range.clone()).replace('"', "\\\""))
    };
    let tail = kept.iter().map(shown).collect::<Vec<_>>().join(",");
    let last = arguments.last()?;
    let ends_in_secret = || {
        let list = shown(last);
        find_plain(&list).iter().any(|found| found.range.end + 1 >= list.len())
    };
    let cut = last.is_piece && (was_cut || ends_in_secret());
    let cut = cut.then(|| last.name.to_owned());
    let is_open = cut.is_some() || !screen::is_clean_at(&tail, 0);
    is_open.then(|| Open { event: event.to_owned(), tail, cut })
}

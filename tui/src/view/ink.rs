//! Text that may be drawn.
//!
//! In: words of ours, numbers, times, and outside text through the gate. Out: pieces with a role.
//! Law: there is no other way to make one, so nothing reaches a frame around the gate.

use std::borrow::Cow;

use offbound_schemas::{EventTime, safe};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::theme::Role;

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ink {
    text: Cow<'static, str>,
    role: Role,
    /// Whether spelled-out characters in it are to stand out.
    outside: bool,
}

/// Pieces side by side.
pub(crate) type Line = Vec<Ink>;

impl Ink {
    /// Words of ours.
    pub(crate) const fn fixed(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), role: Role::Plain, outside: false }
    }

    /// Outside text, as a value of its own.
    pub(crate) fn outside(text: &str) -> Self {
        Self { text: Cow::Owned(safe::cell(text).into_owned()), role: Role::Plain, outside: true }
    }

    /// Outside text that keeps spaces at its ends: part of a longer line.
    pub(crate) fn part(text: &str) -> Self {
        Self { text: Cow::Owned(safe::line(text).into_owned()), role: Role::Plain, outside: true }
    }

    /// A number, with separators.
    pub(crate) fn number(number: u64) -> Self {
        Self { text: Cow::Owned(grouped(number)), role: Role::Plain, outside: false }
    }

    /// A date and time, to the millisecond.
    pub(crate) fn moment(time: EventTime) -> Self {
        Self::time_part(time, 0..23).replacing_t()
    }

    /// A time of day, to the millisecond.
    pub(crate) fn clock(time: EventTime) -> Self {
        Self::time_part(time, 11..23)
    }

    /// A time of day, to the second.
    pub(crate) fn short_clock(time: EventTime) -> Self {
        Self::time_part(time, 11..19)
    }

    /// A date.
    pub(crate) fn date(time: EventTime) -> Self {
        Self::time_part(time, 0..10)
    }

    /// A date and time, to the minute: month, day, hours, minutes.
    pub(crate) fn minute(time: EventTime) -> Self {
        Self::time_part(time, 5..16).replacing_t()
    }

    /// A date and time, short: month, day, hours, minutes, seconds.
    pub(crate) fn short_moment(time: EventTime) -> Self {
        Self::time_part(time, 5..19).replacing_t()
    }

    fn time_part(time: EventTime, part: std::ops::Range<usize>) -> Self {
        let text = time.to_string();
        Self {
            text: Cow::Owned(text.get(part).unwrap_or(&text).to_owned()),
            role: Role::Plain,
            outside: false,
        }
    }

    fn replacing_t(mut self) -> Self {
        self.text = Cow::Owned(self.text.replace('T', " "));
        self
    }

    /// A number of things.
    pub(crate) fn count(number: u64, one: &'static str, many: &'static str) -> Self {
        let word = if number == 1 { one } else { many };
        Self { text: Cow::Owned(format!("{} {word}", grouped(number))), role: Role::Plain, outside: false }
    }

    /// A length of time, in the two largest units.
    pub(crate) fn duration(seconds: f64) -> Self {
        Self { text: Cow::Owned(duration(seconds)), role: Role::Plain, outside: false }
    }

    /// An id, shortened to its beginning.
    pub(crate) fn short_id(id: &dyn std::fmt::Display) -> Self {
        let text = id.to_string();
        let short: String = text.chars().take(8).filter(char::is_ascii_hexdigit).collect();
        Self { text: Cow::Owned(short), role: Role::Plain, outside: false }
    }

    /// A key.
    pub(crate) fn key(key: crate::keymap::Key) -> Self {
        Self::outside(&key.to_string()).role(Role::Key)
    }

    /// The same in another role.
    pub(crate) fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Lines of at most `room` columns: broken between words, or anywhere when `hard`. A spelled-out character is
    /// never broken.
    pub(crate) fn wrap(&self, room: usize, hard: bool) -> Vec<Self> {
        let room = room.max(1);
        let mut lines = vec![String::new()];
        let mut used = 0;
        for word in words(&self.text, hard) {
            let needed = text_width(word);
            if used > 0 && used + needed > room {
                lines.push(String::new());
                used = 0;
            }
            for atom in atoms(word) {
                let width = text_width(atom);
                if used > 0 && used + width > room {
                    lines.push(String::new());
                    used = 0;
                }
                if let Some(line) = lines.last_mut() {
                    line.push_str(atom);
                }
                used += width;
            }
        }
        lines.into_iter().map(|line| Self { text: Cow::Owned(line), ..self.clone() }).collect()
    }

    /// Its end, in at most `room` columns, with two dots for what is left out. A spelled-out character is never broken.
    pub(crate) fn end(&self, room: usize) -> Self {
        if self.width() <= room {
            return self.clone();
        }
        let mut used = 2;
        let mut begin = self.text.len();
        for atom in atoms(&self.text).iter().rev() {
            used += text_width(atom);
            if used > room {
                break;
            }
            begin -= atom.len();
        }
        let rest = self.text.get(begin..).unwrap_or_default();
        Self { text: Cow::Owned(format!("..{rest}")), ..self.clone() }
    }

    /// Its text, which is safe.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Columns that it takes.
    pub(crate) fn width(&self) -> usize {
        text_width(&self.text)
    }

    /// Its clusters with widths and roles; spelled-out characters have one of their own.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&str, usize, Role)> {
        let mut at = 0;
        let mut token_end = 0;
        let mut doubled_end = 0;
        clusters(&self.text).map(move |(cluster, width)| {
            let rest = self.text.get(at..).unwrap_or_default();
            if self.outside && at >= token_end.max(doubled_end) {
                if rest.starts_with("<<") {
                    doubled_end = at + 2;
                } else {
                    token_end = at + token_len(rest);
                }
            }
            let role = if at < token_end { Role::Token } else { self.role };
            at += cluster.len();
            (cluster, width, role)
        })
    }
}

/// Columns of a line.
pub(crate) fn width(line: &[Ink]) -> usize {
    line.iter().map(Ink::width).sum()
}

/// Columns of gated text.
fn text_width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { clusters(text).map(|(_, width)| width).sum() }
}

fn cluster_width(cluster: &str) -> usize {
    if cluster.len() == 1 { 1 } else { cluster.width().max(1) }
}

fn clusters(text: &str) -> impl Iterator<Item = (&str, usize)> {
    text.graphemes(true).map(|cluster| (cluster, cluster_width(cluster)))
}

/// Words, each with the space after it; atoms when `hard`.
fn words(text: &str, hard: bool) -> Vec<&str> {
    if hard { atoms(text) } else { text.split_inclusive(' ').collect() }
}

/// Clusters, with spelled-out characters and doubled `<` in one piece.
fn atoms(text: &str) -> Vec<&str> {
    let mut atoms = Vec::with_capacity(text.len());
    let mut end = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        if at < end {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let len = match token_len(rest) {
            _ if rest.starts_with("<<") => 2,
            0 => cluster.len(),
            token => token,
        };
        end = at + len;
        atoms.extend(text.get(at..end));
    }
    atoms
}

/// Length of the spelled-out character that `text` begins with; 0 when it begins with none.
fn token_len(text: &str) -> usize {
    let Some(rest) = text.strip_prefix('<') else { return 0 };
    let is_name = |name: &str| {
        (2..=8).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'+')
    };
    match rest.bytes().take(10).position(|byte| byte == b'>') {
        Some(end) if rest.get(..end).is_some_and(is_name) => end + 2,
        _ => 0,
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn duration(seconds: f64) -> String {
    if seconds.abs() < 60.0 {
        return format!("{seconds:.1}s");
    }
    // Saturating, and far beyond any log.
    let whole = seconds.abs() as u64;
    let (days, hours, minutes, secs) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    let text = match (days, hours, minutes) {
        (0, 0, m) => format!("{m}m{secs:02}s"),
        (0, h, m) => format!("{h}h{m:02}m"),
        (d, h, _) => format!("{d}d{h:02}h"),
    };
    if seconds < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: numbers, lengths of time, ids. Guarantees: how they are written.
    #[test]
    fn forms() {
        assert_eq!(Ink::number(1_234_567).text(), "1,234,567");
        for (seconds, expected) in [(1.0, "1.0s"), (328.0, "5m28s"), (3_661.0, "1h01m"), (90_000.0, "1d01h")]
        {
            assert_eq!(Ink::duration(seconds).text(), expected);
        }
        let time = EventTime::parse("2026-03-01T10:04:07.25Z").expect("a time");
        assert_eq!(Ink::moment(time).text(), "2026-03-01 10:04:07.250");
        assert_eq!(Ink::short_moment(time).text(), "03-01 10:04:07");
    }

    /// Scenario: long text in narrow room. Guarantees: nothing is lost, no line is too wide, no token is broken.
    #[test]
    fn wrapping_keeps_everything() {
        let ink = Ink::outside("one two\x1bthree averyveryverylongword <<<ESC> end");
        for hard in [false, true] {
            for room in [6, 9, 14, 80] {
                let lines = ink.wrap(room, hard);
                assert_eq!(lines.iter().map(Ink::text).collect::<String>(), ink.text(), "{room}");
                assert!(lines.iter().all(|line| line.width() <= room), "{room}: {lines:?}");
                assert_eq!(lines.iter().filter(|line| line.text().contains("<ESC>")).count() > 0, room >= 5);
            }
        }
    }

    /// Scenario: long names in narrow room. Guarantees: the end is kept, no wider than the room, no token is broken.
    #[test]
    fn ends_of_names_fit() {
        let ink = Ink::outside("spiffe://a/ns/x\x1b/sa/web");
        assert_eq!(ink.end(8).text(), "..sa/web");
        assert_eq!(ink.end(14).text(), "..<ESC>/sa/web");
        assert_eq!(ink.end(13).text(), "../sa/web");
        assert_eq!(ink.end(80).text(), ink.text());
        assert!((2..40).all(|room| ink.end(room).width() <= room));
    }

    /// Scenario: outside text with a control character and an imitation of one. Guarantees: only the real one
    /// stands out.
    #[test]
    fn spelled_characters_stand_out() {
        let ink = Ink::outside("a\x1bb<ESC>");
        let tokens: String =
            ink.pieces().filter(|(.., role)| *role == Role::Token).map(|(c, ..)| c).collect();
        assert_eq!(ink.text(), "a<ESC>b<<ESC>");
        assert_eq!(tokens, "<ESC>");
    }
}

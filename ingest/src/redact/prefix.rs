//! Secrets that say what they are: by a fixed prefix in front of random characters, or by a mark among them.
//!
//! In: text with such a prefix or mark. Out: the range of the whole secret.
//! Owns: telling random characters from names. Leaves to `family` which prefixes and marks there are.

use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::family::{FAMILIES, Family, MARKED, Marked};
use super::texts::MIN_TEXT_BYTES;
use super::{Detector, Found, Mark};

/// How the body of an Azure client secret starts, behind three characters and a digit.
pub(super) const AZURE: &str = "Q~";

/// Length of that body.
const AZURE_BYTES: RangeInclusive<usize> = 31..=34;
/// How far in front of a run a prefix may stand, in bytes: SendGrid's has a dot, 22 characters and one more dot.
const DOTTED_BYTES: usize = 32;

/// Longest beginning of a body by which it is judged, in bytes: longer than the shortest body of any family.
const MAX_JUDGED_BYTES: usize = 512;
/// Fewest letters of each case in a body without digits: names in camel case are shorter.
const MIN_LETTERS: usize = 6;
/// Fewest digits of a body in one case behind a prefix that names begin with too.
const MIN_DIGITS: usize = 6;

/// Every prefix and mark, as the automaton wants them: those of [`FAMILIES`] and of [`MARKED`], and the one of Azure.
const PATTERNS: &[&str] = &{
    let mut patterns = [AZURE; FAMILIES.len() + MARKED.len() + 1];
    let mut index = 0;
    while index < FAMILIES.len() {
        patterns[index] = FAMILIES[index].prefix;
        index += 1;
    }
    let mut marked = 0;
    while marked < MARKED.len() {
        patterns[index + marked] = MARKED[marked].mark;
        marked += 1;
    }
    patterns
};

/// Self-describing secrets.
pub(super) const DETECTOR: Detector = Detector { patterns: PATTERNS, find, looks_inside: true };

/// The texts that secrets begin with or have in their middle, and the length of the prefix or mark itself. A prefix that is
/// too short to be looked for comes with what may follow it.
pub(super) fn starts() -> impl Iterator<Item = (String, usize)> {
    let is_long = |text: &&'static str| text.len() >= MIN_TEXT_BYTES;
    let prefixes = FAMILIES.iter().map(|family| family.prefix).filter(is_long);
    let long = prefixes.chain(MARKED.iter().map(|marked| marked.mark));
    let short = FAMILIES.iter().filter(move |family| !is_long(&family.prefix)).flat_map(|family| {
        let next = family.next.iter().map(|byte| char::from(*byte));
        next.map(|next| (format!("{}{next}", family.prefix), family.prefix.len()))
    });
    long.map(|text| (text.to_owned(), text.len())).chain(short)
}

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    let Some(written) = text.get(hit.clone()) else { return };
    if written == AZURE {
        found.extend(azure(text, hit));
        return;
    }
    // Whoever repeats a prefix must not have the rest read each time: what stands in a token is part of it.
    let is_token = |found: &Found| matches!(found.mark, Mark::Known(..)) && found.range.contains(&hit.start);
    if found.last().is_some_and(is_token) {
        return;
    }
    let families = FAMILIES.iter().filter(|family| family.prefix == written);
    let of_family = |family: &Family| Some((family.kind, body(text, &hit, family)?));
    let marks = MARKED.iter().filter(|marked| marked.mark == written);
    let of_mark = |marked: &Marked| Some((marked.kind, around(text, &hit, marked)?));
    let secret = families.filter_map(of_family).chain(marks.filter_map(of_mark)).next();
    found.extend(secret.and_then(|(kind, range)| Some(Found::known(kind, range.clone(), text.get(range)?))));
}

/// The secret of a family whose prefix stands at `hit`.
fn body(text: &str, hit: &Range<usize>, family: &Family) -> Option<Range<usize>> {
    let before = text.as_bytes().get(..hit.start)?.last();
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    // The name of a host may be part of a longer one.
    let is_host = family.prefix.ends_with('/') && before == Some(&b'.');
    if before.is_some_and(is_inside) && !is_host {
        return None;
    }
    let rest = text.as_bytes().get(hit.end..)?;
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || family.besides.contains(byte);
    let judged = rest.get(..rest.iter().take(MAX_JUDGED_BYTES).take_while(is_part).count())?;
    if judged.len() < family.min || !is_random(judged, family) {
        return None;
    }
    let body = rest.get(..rest.iter().take_while(is_part).count())?;
    let end = body.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
    (end >= family.min).then_some(hit.start..hit.end + end)
}

/// Whether a body is random: what is has digits among its letters, or letters of both cases in no order.
fn is_random(body: &[u8], family: &Family) -> bool {
    let count = |test: fn(&u8) -> bool| body.iter().filter(|byte| test(byte)).count();
    let (digits, capitals, small) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let is_solid = digits + capitals + small == body.len();
    let has_both = digits > 0 && capitals + small > 0;
    let is_mixed = family.besides.is_empty() && capitals.min(small) >= MIN_LETTERS;
    // Short prefixes are also how names begin: there is more to ask of what follows.
    let begins_so = body.first().is_some_and(|first| family.next.contains(first));
    let is_sure = family.prefix.len() >= MIN_TEXT_BYTES
        || (capitals > 0 && small > 0)
        || (begins_so && is_solid && digits >= MIN_DIGITS);
    (has_both || is_mixed) && is_sure
}

/// The secret around a mark at `hit`: so many characters on both sides and no more, then padding.
fn around(text: &str, hit: &Range<usize>, marked: &Marked) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || marked.besides.contains(byte);
    // Padding ends what it stands in, and a name in front of a value does too.
    let leads = |byte: &&u8| is_part(byte) && **byte != b'=';
    let before = bytes.get(..hit.start)?.iter().rev().take(marked.before + 1).take_while(leads).count();
    let (fewest, most) = marked.behind;
    let rest = bytes.get(hit.end..)?;
    let behind = rest.iter().take(most + 1).take_while(is_part).count();
    let padding = rest.get(behind..)?.iter().take(2).take_while(|byte| **byte == b'=').count();
    let range = hit.start.checked_sub(before)?..hit.end + behind + padding;
    let is_secret = before == marked.before
        && (fewest..=most).contains(&behind)
        && bytes.get(range.clone())?.iter().any(u8::is_ascii_digit);
    is_secret.then_some(range)
}

/// `abc8Q~` and 31 to 34 characters more.
fn azure(text: &str, hit: Range<usize>) -> Option<Found> {
    let start = hit.start.checked_sub(4)?;
    let head = text.get(start..hit.start)?;
    let is_head = head.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte))
        && head.ends_with(|c: char| c.is_ascii_digit());
    let rest = text.as_bytes().get(hit.end..)?;
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.~-".contains(byte);
    let length = rest.iter().take(AZURE_BYTES.end() + 1).take_while(is_part).count();
    let range = start..hit.end + length;
    let secret = text.get(range.clone()).filter(|_| is_head && AZURE_BYTES.contains(&length))?;
    Some(Found::known("azure-secret", range, secret))
}

/// A Vault token of before version 1.10: `s.` or `b.` and exactly 24 characters.
pub(super) fn old_vault_token(text: &str, run: Range<usize>) -> Option<Found> {
    let before = text.get(..run.start)?;
    let head = before.strip_suffix("s.").or_else(|| before.strip_suffix("b."))?;
    let rest = text.as_bytes().get(run.start..)?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let is_body = length == 24 && rest.iter().take(length).any(u8::is_ascii_digit);
    if !is_body || head.ends_with(|c: char| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        return None;
    }
    let range = run.start - 2..run.start + length;
    Some(Found::known("vault-token", range.clone(), text.get(range)?))
}

/// Whether a run of base64 characters may be or hold a token: as the start of a JSON object, by its prefix, or as a
/// body without one. What holds other text is none.
pub(super) fn is_token_like(text: &str, run: Range<usize>, inside: &str) -> bool {
    static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let starts = PATTERNS.iter().chain(["eyJ", "ewo", "eyA"].iter());
        AhoCorasick::new(starts).expect("a few short prefixes make a small automaton")
    });
    if old_vault_token(text, run.clone()).is_some() {
        return true;
    }
    if !inside.is_empty() {
        return inside.starts_with('{');
    }
    let bytes = text.as_bytes().get(run.start.saturating_sub(DOTTED_BYTES)..run.end).unwrap_or_default();
    // Names in camel case have no digits, tokens have.
    let is_random =
        bytes.get(bytes.len() - run.len()..).is_some_and(|run| run.iter().any(u8::is_ascii_digit));
    if !is_random {
        return false;
    }
    PREFIXES.is_match(bytes)
}

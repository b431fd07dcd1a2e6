//! Where a value ends, what it is decoded, and whether it looks like a secret.
//!
//! In: text just behind a name. Out: the range of the value, at any depth of JSON in JSON.
//! Owns: the judgement on values that only may be secret. Placeholders are never secrets.
//! A level is the number of backslashes before a quote: 0 in a document, 1 in a string of it, 3 in a string of that.

use std::ops::Range;

/// Longest word that is judged whether it looks random, in bytes; longer ones are judged by their beginning.
const MAX_JUDGED_BYTES: usize = 512;
/// Beyond this many bytes a random value needs no more different ones: hex digits are only sixteen.
const MAX_DISTINCT: usize = 18;
/// Shortest value that may be base64 although it starts with a slash or has no digit, in bytes.
const MIN_BASE64_BYTES: usize = 24;
/// Deepest nesting inside a value that is skipped.
const MAX_SKIPPED_DEPTH: usize = 64;

/// Skips blanks from `at`.
pub(super) fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Where the value of the key begins whose closing quote (behind its backslashes) starts at `at`, and its level.
pub(super) fn after_key(text: &str, at: usize) -> Option<(usize, usize)> {
    let level = backslashes_from(text, at);
    let colon = skip_blanks(text, quote(text, at + level)?);
    text.get(colon..)?.strip_prefix(':').map(|_| (skip_blanks(text, colon + 1), level))
}

/// The JSON string that follows the key whose closing quote starts at `at`, and its level.
pub(super) fn json_string_after_key(text: &str, at: usize) -> Option<(Range<usize>, usize)> {
    let (start, level) = after_key(text, at)?;
    json_string(text, start, level).map(|range| (range, level))
}

/// The strings of the JSON string or list of strings that begins at `start`.
pub(super) fn json_strings(text: &str, start: usize, level: usize) -> Vec<Range<usize>> {
    if text.as_bytes().get(start) != Some(&b'[') {
        return json_string(text, start, level).into_iter().collect();
    }
    let mut strings = Vec::new();
    let mut at = start + 1;
    while let Some(range) = json_string(text, skip_blanks(text, at), level) {
        at = skip_blanks(text, range.end + level + 1);
        strings.push(range);
        if text.as_bytes().get(at) != Some(&b',') {
            break;
        }
        at += 1;
    }
    strings
}

/// The inside of the JSON string whose opening quote stands at `at` behind `level` backslashes.
pub(super) fn json_string(text: &str, at: usize, level: usize) -> Option<Range<usize>> {
    if backslashes_from(text, at) != level {
        return None;
    }
    let start = quote(text, at + level)?;
    Some(start..string_end(text, start, level))
}

/// End of a JSON string that is escaped as often as `level` backslashes before its quotes say.
/// A record may be cut inside a secret: what is there of it goes too.
pub(super) fn string_end(text: &str, start: usize, level: usize) -> usize {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    for at in memchr::memchr_iter(b'"', rest) {
        let before = rest.get(..at).unwrap_or_default();
        let run = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        // A quote of an outer string ends this one too: it was cut.
        if run % (2 * (level + 1)) == level || run < level {
            return start + at - run.min(level);
        }
    }
    text.len()
}

/// The end of a JSON value that is no string: a number, a list, an object.
pub(super) fn end_of_other(text: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let mut in_string = false;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' if depth < MAX_SKIPPED_DEPTH => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Number of backslashes from `at` on.
pub(super) fn backslashes_from(text: &str, at: usize) -> usize {
    text.as_bytes().get(at..).unwrap_or_default().iter().take_while(|byte| **byte == b'\\').count()
}

/// The place behind the quote at `at`.
fn quote(text: &str, at: usize) -> Option<usize> {
    (text.as_bytes().get(at) == Some(&b'"')).then_some(at + 1)
}

/// A word of a command line or a `key=value` pair: quoted, or up to a blank or separator.
pub(super) fn word(text: &str, at: usize) -> Option<Range<usize>> {
    let level = backslashes_from(text, at);
    if let Some(range) = json_string(text, at, level) {
        return Some(range);
    }
    let bytes = text.as_bytes();
    if bytes.get(at) == Some(&b'\'') {
        let inside = bytes.get(at + 1..)?;
        // A quote that nobody closes is cut with the record, or ends with the string that it stands in.
        let end = memchr::memchr2(b'\'', b'"', inside).unwrap_or(inside.len());
        return Some(at + 1..at + 1 + end);
    }
    let length = bare_word(text.get(at..)?);
    (length > 0).then_some(at..at + length)
}

/// The beginning of a word, as much of it as is judged.
pub(super) fn word_within(text: &str, at: usize) -> Option<Range<usize>> {
    let end = text.floor_char_boundary(at + MAX_JUDGED_BYTES);
    word(text.get(..end)?, at)
}

/// Length of the word that `rest` begins with. A backslash ends it where it escapes a quote or a line break.
fn bare_word(rest: &str) -> usize {
    let stop = |c: char| c.is_whitespace() || c.is_control() || "\"'\\&;,<>(){}[]|".contains(c);
    let mut length = 0;
    loop {
        let tail = rest.get(length..).unwrap_or_default();
        length += tail.find(stop).unwrap_or(tail.len());
        let slashes = backslashes_from(rest, length);
        match rest.as_bytes().get(length + slashes) {
            Some(next) if slashes > 0 && !b"\"nrt".contains(next) => length += slashes,
            _ => return length,
        }
    }
}

/// JSON escapes undone as often as the text was escaped: `level` + 1 times for a string of that level has
/// [`levels`] steps.
pub(super) fn unescaped(text: &str, level_and_one: usize) -> String {
    let mut text = text.to_owned();
    // 1, 2, 4, 8 for strings inside no, one, two, three strings.
    for _ in 0..level_and_one.max(1).ilog2() + 1 {
        if !text.contains('\\') {
            break;
        }
        text = unescaped_once(&text);
    }
    text
}

fn unescaped_once(text: &str) -> String {
    serde_json::from_str::<String>(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
}

/// A word as it was before it came into a JSON document, if it stands in one.
pub(super) fn word_text(text: &str, range: Range<usize>) -> String {
    let word = text.get(range).unwrap_or_default();
    let is_json = text.trim_start().starts_with(['{', '[']);
    if is_json && word.contains('\\') { unescaped_once(word) } else { word.to_owned() }
}

/// The bytes that URL-encoding stands for.
pub(super) fn url_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'%');
        let value = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        decoded.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    decoded
}

/// Whether a value stands for something that is not written down here.
pub(super) fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "null",
        "none",
        "nil",
        "true",
        "false",
        "redacted",
        "hidden_due_to_security_reasons",
        "required",
        "unset",
        "changed",
        "hidden",
        "masked",
    ];
    let value = value.trim();
    let is_variable = value.strip_prefix('$').is_some_and(|name| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    });
    let first = value.chars().next();
    let is_mask = first.is_none_or(|first| "*xX.-#?_•".contains(first) && value.chars().all(|c| c == first));
    is_mask
        || is_bracketed(value)
        || is_variable
        || value.starts_with("hmac-sha256:")
        || value.starts_with("***")
        || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether a value is a name in brackets: `<password>`, `${PASSWORD}`, `[redacted]`.
fn is_bracketed(value: &str) -> bool {
    let pairs = [("<", ">"), ("${", "}"), ("{{", "}}"), ("$(", ")"), ("[", "]"), ("%(", ")"), ("(", ")")];
    let is_name = |inside: &str| inside.chars().all(|c| c.is_alphanumeric() || "_-. :/;=%*'\"$|".contains(c));
    pairs.iter().any(|(open, close)| {
        value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(is_name)
    })
}

/// Whether a value is so random that it is hardly a name, a path, a sentence or a number.
pub(super) fn looks_random(value: &str) -> bool {
    let bytes = value.as_bytes();
    let bytes = bytes.get(..MAX_JUDGED_BYTES).unwrap_or(bytes);
    let has = |test: fn(&u8) -> bool| bytes.iter().any(test);
    let digits = has(u8::is_ascii_digit);
    let classes = [has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), digits];
    bytes.len() >= 8
        && !is_placeholder(value)
        && !bytes.iter().any(u8::is_ascii_whitespace)
        && !is_path(value)
        && !value.contains("://")
        && (digits || is_shuffled(bytes))
        && classes.iter().filter(|class| **class).count() >= 2
        && distinct(bytes) >= bytes.len().min(MAX_DISTINCT) / 2
}

/// Whether capitals and small letters follow each other without order: one key in base64 of a thousand has no digit. Names
/// have a capital where a word begins.
fn is_shuffled(bytes: &[u8]) -> bool {
    let is_letter_or_sign = |byte: &u8| byte.is_ascii_alphabetic() || b"+/=_-".contains(byte);
    let changes =
        bytes.windows(2).filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase()).count();
    bytes.len() >= MIN_BASE64_BYTES && bytes.iter().all(is_letter_or_sign) && changes * 3 >= bytes.len()
}

/// Whether a value is the path of a file. One in 64 texts in base64 also starts with a slash.
pub(super) fn is_path(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    let is_base64 = value.len() >= MIN_BASE64_BYTES
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase);
    value.starts_with('/') && !is_base64
}

/// Whether a value is a UUID.
pub(super) fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

//! Values whose name says that they are secret: JSON keys, headers, `key=value` pairs, `name` beside `value`.
//!
//! In: text with such a name. Out: the range of its value, at any depth of JSON in JSON.
//! Leaves to `name` which names say so, to `value` where values end, to `flag` what stands behind a blank.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::name::{self, Strength};
use super::{Detector, Found, Mark, value};

/// Fewest digits of a number that may be a secret.
const MIN_DIGITS: usize = 4;
/// How far behind a name outside of JSON it must show that its value is a secret, in bytes; the value may be longer.
const NEAR_BYTES: usize = 4096;
/// Attributes of `Set-Cookie` (RFC 6265): no secrets.
const COOKIE_ATTRIBUTES: &[&str] = &["path", "domain", "expires", "max-age", "samesite", "priority"];

/// Ends of the names in `name`.
pub(super) const DETECTOR: Detector = Detector {
    patterns: &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "key",
        "authorization",
        "cookie",
        "signature",
        "sig",
        "secretid",
        "secret_id",
        "secretstring",
        "secretbinary",
        "secret_key_base",
        "samlresponse",
        "auth",
        "pwd",
        "pass",
        "totpseed",
        "totp_seed",
    ],
    find,
    looks_inside: false,
};

/// A secret name and what it says.
#[derive(Debug, Clone, Copy)]
struct Name {
    start: usize,
    end: usize,
    kind: &'static str,
    strength: Strength,
}

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    let next = text.as_bytes().get(hit.end);
    if !next.is_some_and(|byte| b"\"\\=:> '".contains(byte)) {
        return;
    }
    let Some(written) = name::ending_at(text, hit.end) else { return };
    let Some((kind, strength)) = name::strength(written) else { return };
    let name = Name { start: hit.end - written.len(), end: hit.end, kind, strength };
    // What is said of a signature elsewhere than in a URL opens no door, and `auth` is a name only to Docker.
    match (next, kind) {
        (Some(b'='), "signature") if is_parameter(text, name) => near_first(pair, text, name, found),
        (_, "signature") => {}
        (Some(b'='), "basic") => near_first(pair, text, name, found),
        (Some(b'"' | b'\\'), _) => json(text, name, found),
        (_, "basic") => {}
        (Some(b'\''), _) => near_first(python, text, name, found),
        (Some(b'>'), "password" | "token" | "secret-key") => {
            near_first(|text, name, found| found.extend(xml(text, name)), text, name, found);
        }
        (Some(b'>'), _) => {}
        _ => near_first(pair, text, name, found),
    }
}

/// Looks at what is near, and at all of it only where something is found: whoever repeats a name a hundred thousand times
/// must not have the rest read each time. In JSON the next name ends the value before it, so that nothing is read twice.
fn near_first(look: fn(&str, Name, &mut Vec<Found>), text: &str, name: Name, found: &mut Vec<Found>) {
    let near = crate::decode::cut(text, name.end + NEAR_BYTES);
    let before = found.len();
    look(near, name, found);
    if found.len() > before && near.len() < text.len() {
        found.truncate(before);
        look(text, name, found);
    }
}

/// `"name":"value"`, `"name":["value"]`, `"name":1234`, and `"name":"NAME","value":"…"`.
fn json(text: &str, name: Name, found: &mut Vec<Found>) {
    let level = value::backslashes_from(text, name.end);
    let value = value::after_key(text, name.end).or_else(|| sibling(text, name.end, level));
    let Some((start, level)) = value else {
        found.extend(next_argument(text, name, level));
        return;
    };
    let strings = value::json_strings(text, start, level);
    if strings.is_empty() {
        found.extend(number(text, start, level, name));
    }
    for range in strings {
        let decoded = value::unescaped(text.get(range.clone()).unwrap_or_default(), level + 1);
        take(text, range, &decoded, name, found);
    }
}

/// The value of a name that is an argument of a list itself: `["aws","configure","set","aws_secret_access_key","…"]`.
fn next_argument(text: &str, name: Name, level: usize) -> Option<Found> {
    text.get(..name.end).filter(|before| is_set_behind_blank(before))?;
    let comma = value::skip_blanks(text, name.end + level + 1);
    text.get(comma..)?.strip_prefix(',')?;
    let range = value::json_string(text, value::skip_blanks(text, comma + 1), level)?;
    let decoded = value::unescaped(text.get(range.clone())?, level + 1);
    value::looks_random(&decoded).then(|| Found::named(name.kind, range, decoded))
}

/// Where the value begins that stands beside a name: `"name":"DB_PASSWORD","value":"…"`. `at` ends the name.
fn sibling(text: &str, at: usize, level: usize) -> Option<(usize, usize)> {
    let comma = value::skip_blanks(text, at + level + 1);
    let key = value::skip_blanks(text, text.get(comma..)?.strip_prefix(',').map(|_| comma + 1)?);
    let range = value::json_string(text, key, level)?;
    let is_value =
        text.get(range.clone()).is_some_and(|key| matches!(key, "value" | "Value" | "stringValue"));
    if is_value { value::after_key(text, range.end) } else { None }
}

/// A PIN, or a password of digits only.
fn number(text: &str, start: usize, level: usize, name: Name) -> Option<Found> {
    let rest = text.get(start..)?;
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_secret = name.strength == Strength::Always && name.kind == "password" && length >= MIN_DIGITS;
    let digits = rest.get(..length).filter(|_| is_secret)?;
    let ends = rest.as_bytes().get(length).is_none_or(|byte| b",}] \t\r\n".contains(byte));
    let mark = Mark::Number(name.kind, digits.into(), level);
    ends.then_some(Found::new(start..start + length, mark))
}

/// `'name': 'value'`, as Python prints a map.
fn python(text: &str, name: Name, found: &mut Vec<Found>) {
    let value = name.end + "': ".len();
    if ["': '", "': \""].iter().any(|sign| text.get(name.end..).is_some_and(|rest| rest.starts_with(sign))) {
        word_at(text, value, name, found);
    }
}

/// `<name>value</name>`.
fn xml(text: &str, name: Name) -> Option<Found> {
    let start = name.end + 1;
    let range = start..start + text.get(start..)?.find('<')?;
    let written =
        text.get(range.clone()).filter(|_| text.get(range.end..).is_some_and(|end| end.starts_with("</")))?;
    is_secret(written, name.strength).then(|| Found::named(name.kind, range, written))
}

/// `name=value`, `name = value`, `name: value`, and `PASSWORD 'value'` of SQL.
fn pair(text: &str, name: Name, found: &mut Vec<Found>) {
    let sign = name.end + usize::from(text.as_bytes().get(name.end) == Some(&b' '));
    match text.as_bytes().get(sign) {
        Some(b'=') if matches!(name.strength, Strength::Header) && sign > name.end => {}
        Some(b'=') => {
            let start = if sign > name.end { value::skip_blanks(text, sign + 1) } else { sign + 1 };
            let before = found.len();
            if let Some(range) = whole_argument(text, name.start, start) {
                take_pair(text, range, name, found);
            }
            // A quoted text that begins with the flag may be one argument, or all of them with blanks between.
            if found.len() == before {
                word_at(text, start, name, found);
            }
        }
        Some(b':') if sign == name.end => colon(text, name, found),
        Some(b'\'') if is_sql_password(text, name) => word_at(text, sign, name, found),
        // `aws configure set aws_secret_access_key …`.
        Some(_) if text.get(..name.end).is_some_and(is_set_behind_blank) => {
            let only_random = Name { strength: Strength::WhenRandom, ..name };
            word_at(text, sign, only_random, found);
        }
        _ => {}
    }
}

/// Whether the text ends in a name whose value is a word of its own behind it.
fn is_set_behind_blank(text: &str) -> bool {
    ["secret_access_key", "session_token"].iter().any(|name| text.ends_with(name))
}

/// Whether a name is long enough to be known anywhere, or a parameter of a URL.
fn is_parameter(text: &str, name: Name) -> bool {
    let before = text.get(..name.start).unwrap_or_default();
    let written = text.get(name.start..name.end).unwrap_or_default();
    !written.trim_matches(['-', '_']).eq_ignore_ascii_case("sig")
        || (written == "sig" && before.ends_with(['?', '&']))
}

/// Whether a name is `PASSWORD`, as in `CREATE USER bob PASSWORD 'x'`.
fn is_sql_password(text: &str, name: Name) -> bool {
    text.get(name.start..name.end).is_some_and(|name| name.eq_ignore_ascii_case("password"))
}

/// A quoted argument that begins with the flag: its value goes up to the quote, blanks and all.
fn whole_argument(text: &str, name_start: usize, start: usize) -> Option<Range<usize>> {
    let before = text
        .get(..name_start)?
        .strip_suffix('"')
        .filter(|_| text.as_bytes().get(name_start) == Some(&b'-'))?;
    let level = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let opens = before.get(..before.len() - level)?.ends_with(['[', ',', ' ', '=', ':']);
    let is_quoted = text.as_bytes().get(start).is_some_and(|byte| b"\"'\\".contains(byte));
    (opens && !is_quoted).then(|| start..value::string_end(text, start, level))
}

/// `name: value`: a header, or a line of YAML.
fn colon(text: &str, name: Name, found: &mut Vec<Found>) {
    let start = value::skip_blanks(text, name.end + 1);
    if matches!(name.strength, Strength::Header | Strength::Cookie) {
        let rest = text.get(start..).unwrap_or_default();
        let length = rest.find(['"', '\'', '\n', '\r', '\\']).unwrap_or(rest.len());
        let range = start..start + length;
        take(text, range.clone(), text.get(range).unwrap_or_default(), name, found);
        return;
    }
    // Without a blank it is the part of a name: `arn:aws:secretsmanager:…:secret:shop-db`.
    if start == name.end + 1 {
        return;
    }
    let before = text.get(..name.start).unwrap_or_default().trim_end_matches([' ', '-', '"']);
    let starts_line =
        before.is_empty() || before.ends_with('\n') || before.ends_with("\\n") || before.ends_with('{');
    let strength = if starts_line { name.strength } else { Strength::WhenRandom };
    word_at(text, start, Name { strength, ..name }, found);
}

fn word_at(text: &str, start: usize, name: Name, found: &mut Vec<Found>) {
    // A value that must look random is judged by its beginning first: words may overlap, and each is read again.
    let is_open = name.strength != Strength::WhenRandom
        || value::word_within(text, start)
            .is_some_and(|head| value::looks_random(text.get(head).unwrap_or_default()));
    if is_open && let Some(range) = value::word(text, start) {
        take_pair(text, range, name, found);
    }
}

/// Takes the value of a pair, which may be URL-encoded.
fn take_pair(text: &str, range: Range<usize>, name: Name, found: &mut Vec<Found>) {
    let written = value::word_text(text, range.clone());
    match String::from_utf8(value::url_decoded(&written)) {
        Ok(decoded) => take(text, range, &decoded, name, found),
        Err(_no_text) => take(text, range, &written, name, found),
    }
}

/// Takes a value if it is a secret.
fn take(text: &str, range: Range<usize>, decoded: &str, name: Name, found: &mut Vec<Found>) {
    match name.strength {
        Strength::Cookie => cookies(text, range, found),
        Strength::Basic => found.extend(basic(range, decoded)),
        Strength::Header => {
            let scheme = scheme_length(text.get(range.clone()).unwrap_or_default());
            let decoded = decoded.get(scheme..).unwrap_or_default();
            let range = range.start + scheme..range.end;
            match basic(range.clone(), decoded) {
                Some(basic) => found.push(basic),
                None if is_secret(decoded, name.strength) => {
                    found.push(Found::named(name.kind, range, decoded))
                }
                None => {}
            }
        }
        _ if is_secret(decoded, name.strength) => found.push(Found::named(name.kind, range, decoded)),
        _ => {}
    }
}

pub(super) fn is_secret(value: &str, strength: Strength) -> bool {
    match strength {
        Strength::Always => !value::is_placeholder(value) && !value::is_path(value),
        Strength::Header | Strength::Cookie => !value::is_placeholder(value),
        Strength::WhenRandom | Strength::Basic => value::looks_random(value),
        Strength::WhenUuid => value::is_uuid(value),
    }
}

/// Length of the scheme in front of a header's value: it is no secret, and says what the secret is.
fn scheme_length(value: &str) -> usize {
    let schemes = ["bearer ", "basic ", "negotiate ", "digest ", "token ", "ssws ", "apikey "];
    let of =
        |scheme: &&&str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    schemes.iter().find(of).map_or(0, |scheme| scheme.len())
}

/// `user:password` in base64: what is secret of it is the password, or the user where that is all there is.
pub(super) fn basic(range: Range<usize>, encoded: &str) -> Option<Found> {
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let is_text = std::str::from_utf8(&decoded).is_ok_and(|text| !text.contains(char::is_control));
    let (user, password) = (decoded.get(..colon)?, decoded.get(colon + 1..)?);
    let secret = if password.is_empty() { user } else { password };
    (is_text && !secret.is_empty()).then(|| Found::known("basic", range, secret))
}

/// Each value of `a=1; b=2`; names and attributes stay.
fn cookies(text: &str, range: Range<usize>, found: &mut Vec<Found>) {
    let mut start = range.start;
    for pair in text.get(range).unwrap_or_default().split(';') {
        let name = pair.split('=').next().unwrap_or_default();
        let value = start + (name.len() + 1).min(pair.len())..start + pair.len();
        start += pair.len() + 1;
        let is_attribute = COOKIE_ATTRIBUTES.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
        let Some(written) =
            text.get(value.clone()).filter(|value| !is_attribute && !value::is_placeholder(value))
        else {
            continue;
        };
        found.push(Found::named(
            "cookie",
            value,
            value::url_decoded(&value::word_text(written, 0..written.len())),
        ));
    }
}

//! Values whose name says that they are secret: JSON keys, headers, `key=value` pairs.
//!
//! In: text with such a name. Out: the range of its value, at any depth of JSON in JSON.
//! Owns: the list of names. Some name a secret always, others only when the value looks random:
//! `token` and `secret` are also what Kubernetes calls a path and a volume.

use std::ops::Range;

use super::{Detector, Found, Mark, value};

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// How much a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// Its value is a secret whatever it looks like.
    Always,
    /// Its value is a secret when it looks random.
    WhenRandom,
    /// A header: its whole value is a secret.
    Header,
}

/// Named values.
pub(super) const DETECTOR: Detector = Detector {
    patterns: &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "accesskey",
        "secret_key",
        "access_key",
        "private_key",
        "privatekey",
        "authorization",
        "cookie",
        "signature",
    ],
    find,
};

fn find(text: &str, hit: Range<usize>) -> Option<Found> {
    let name = name_ending_at(text, hit.end)?;
    let (kind, strength) = strength(name)?;
    let mut range = match text.as_bytes().get(hit.end)? {
        b'"' | b'\\' => value::json_string_after_key(text, hit.end)?,
        b'=' if strength != Strength::Header => value::word(text, hit.end + 1)?,
        b'%' if strength != Strength::Header => url_encoded(text, hit.end)?,
        b':' if strength == Strength::Header => header_value(text, hit.end + 1)?,
        _ => return None,
    };
    if strength == Strength::Header {
        range.start += scheme_length(text.get(range.clone())?);
    }
    let value = text.get(range.clone())?;
    is_secret(value, strength).then_some(Found { range, mark: Mark::Secret(kind) })
}

pub(super) fn is_secret(value: &str, strength: Strength) -> bool {
    match strength {
        Strength::Always | Strength::Header => !value::is_placeholder(value),
        Strength::WhenRandom => value::looks_random(value),
    }
}

/// Length of the scheme in front of a header's value: it is no secret, and says what the secret is.
fn scheme_length(value: &str) -> usize {
    let schemes = ["bearer ", "basic ", "negotiate ", "digest ", "token "];
    let of =
        |scheme: &&&str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    schemes.iter().find(of).map_or(0, |scheme| scheme.len())
}

/// The value behind `%3D`, in a URL inside a URL.
fn url_encoded(text: &str, at: usize) -> Option<Range<usize>> {
    let sign = text.get(at..at + 3).filter(|sign| sign.eq_ignore_ascii_case("%3d"))?;
    let range = value::word(text, at + sign.len())?;
    let word = text.get(range.clone())?;
    Some(range.start..range.start + word.find("%26").unwrap_or(word.len()))
}

/// The identifier that ends at `end`, whole: nothing may be missing at its front.
pub(super) fn name_ending_at(text: &str, end: usize) -> Option<&str> {
    let bytes = text.as_bytes().get(..end)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let length = bytes.iter().rev().take(MAX_NAME_BYTES + 1).take_while(|byte| is_part(byte)).count();
    text.get(end - length..end).filter(|_| length <= MAX_NAME_BYTES)
}

/// What a name says about its value, and the kind that the marker gives.
pub(super) fn strength(name: &str) -> Option<(&'static str, Strength)> {
    let snake = name.trim_start_matches('-').to_ascii_lowercase().replace('-', "_");
    let plain = snake.replace('_', "");
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| plain.ends_with(suffix));
    let is_page = ["next", "page", "continu", "pagination", "sync", "csrf", "idempot"]
        .iter()
        .any(|word| plain.contains(word));
    match plain.as_str() {
        "authorization" | "proxyauthorization" => Some(("authorization", Strength::Header)),
        "cookie" | "setcookie" => Some(("cookie", Strength::Header)),
        "xvaulttoken" | "xauthtoken" | "xamzsecuritytoken" | "privatetoken" | "xapikey" | "xamzsignature" => {
            Some(("header-token", Strength::Header))
        }
        _ if ends(&["password", "passwd", "passphrase"]) => Some(("password", Strength::Always)),
        _ if ends(&["secretaccesskey", "secretkey", "clientsecret", "appsecret"]) => {
            Some(("secret-key", Strength::Always))
        }
        _ if ends(&["privatekey"]) => Some(("private-key", Strength::WhenRandom)),
        "sessiontoken" | "securitytoken" | "refreshtoken" | "accesstoken" | "idtoken"
        | "webidentitytoken" => Some(("token", Strength::WhenRandom)),
        "token" | "secret" | "authtoken" | "bearertoken" | "apitoken" => {
            Some(("token", Strength::WhenRandom))
        }
        _ if snake.ends_with("_token") && !is_page => Some(("token", Strength::WhenRandom)),
        _ if snake.ends_with("_secret") => Some(("token", Strength::WhenRandom)),
        _ if ends(&["apikey"]) => Some(("api-key", Strength::WhenRandom)),
        _ => None,
    }
}

/// The rest of a header line: up to a quote, a line break or a comma before the next header.
fn header_value(text: &str, at: usize) -> Option<Range<usize>> {
    let start = value::skip_blanks(text, at);
    let rest = text.get(start..)?;
    let length = rest.find(['"', '\'', '\n', '\r', '\\']).unwrap_or(rest.len());
    (length > 0).then_some(start..start + length)
}

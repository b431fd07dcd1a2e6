//! Secrets inside the hex that the audit system writes for arguments with blanks or quotes.
//!
//! In: an audit record (`proctitle=6D79…`, `a2=2D2D…`). Out: the same hex with the secrets inside replaced.
//! A decoder turns this hex into command lines; the secret must be gone before.

use super::{Found, Mark};

/// How far into a record its `audit(` stands, in bytes: behind a syslog prefix and a node name at most.
const HEAD_BYTES: usize = 512;
/// Shortest hex that is looked at, in digits: `-px`, the shortest secret argument, has 6.
const MIN_DIGITS: usize = 6;

/// Every field of an audit record whose hex holds a secret.
pub(super) fn find(text: &str) -> Vec<Found> {
    let bytes = text.as_bytes();
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    if memchr::memmem::find(head, b"audit(").is_none() {
        return Vec::new();
    }
    memchr::memchr_iter(b'=', bytes).filter_map(|equals| find_at(text, equals)).collect()
}

fn find_at(text: &str, equals: usize) -> Option<Found> {
    let start = equals + 1;
    let rest = text.get(start..)?;
    let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    let ends =
        rest.as_bytes().get(digits).is_none_or(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
    if digits < MIN_DIGITS || digits % 2 != 0 || !ends || !is_argument(text.get(..equals)?) {
        return None;
    }
    let inside = String::from_utf8(decode(rest.get(..digits)?)?).ok()?;
    let found = super::find_all(&inside.replace('\0', " "));
    (!found.is_empty())
        .then(|| Found { range: start..start + digits, mark: Mark::Hex(inside, super::merge(found)) })
}

/// Whether the name that ends here is `proctitle`, `cmd`, `data` or `aN`.
fn is_argument(before: &str) -> bool {
    let name = before.rsplit([' ', '\'', '\u{1d}']).next().unwrap_or_default();
    let number = name.strip_prefix('a').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || b"[]".contains(&byte))
    });
    number || matches!(name, "proctitle" | "cmd" | "data")
}

fn decode(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::try_from(value(*pair.first()?)? * 16 + value(*pair.last()?)?).ok()).collect()
}

/// Writes text as the audit system does.
pub(super) fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

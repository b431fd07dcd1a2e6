//! Secrets on command lines: `--password x`, `--token=x`, `mysql -px`, `sshpass -p x`, `curl -u user:x`.
//!
//! In: a command line, as one string, as JSON arguments, as `aN="…"` of an audit record or as URL parameters.
//! Out: the range of the secret argument.
//! Leaves `--name=value` to `field`, which reads it like any other pair.

use std::ops::Range;

use super::field::{Strength, is_secret, name_ending_at, strength};
use super::{Detector, Found, Mark, value};

/// Farthest that a short flag may stand behind its command, in bytes.
const MAX_COMMAND_BYTES: usize = 512;

/// Flags that take a secret, and commands whose short flags do.
pub(super) const DETECTOR: Detector = Detector {
    patterns: &[
        "password",
        "passwd",
        "token",
        "secret",
        "api-key",
        "secret-key",
        "mysql",
        "sshpass",
        "login",
        "curl",
    ],
    find,
};

/// A command and its short flag: attached value (`-px`), or separate word (`-p x`).
const SHORT_FLAGS: &[(&str, &str, bool)] = &[
    ("mysql", "-p", true),
    ("sshpass", "-p", true),
    ("sshpass", "-p", false),
    ("login", "-p", false),
    ("curl", "-u", false),
];

fn find(text: &str, hit: Range<usize>) -> Option<Found> {
    let command = text.get(hit.clone())?.to_ascii_lowercase();
    if command == "login" && !is_registry_login(text.get(..hit.start)?) {
        return None;
    }
    if SHORT_FLAGS.iter().any(|(name, ..)| *name == command) {
        return SHORT_FLAGS
            .iter()
            .filter(|(name, ..)| *name == command)
            .find_map(|flag| short(text, hit.end, flag));
    }
    let name = name_ending_at(text, hit.end).filter(|name| name.starts_with('-'))?;
    let (kind, strength) = strength(name)?;
    let range = value::word(text, after_separator(text, hit.end)?)?;
    let argument = text.get(range.clone())?;
    let plausible = match strength {
        Strength::Always | Strength::Header => is_secret(argument, Strength::Always),
        Strength::WhenRandom => {
            argument.len() >= 6 && !value::is_placeholder(argument) && !argument.starts_with('/')
        }
    };
    (plausible && !argument.starts_with('-')).then_some(Found { range, mark: Mark::Secret(kind) })
}

/// Whether the word before `login` is a program whose `-p` is a password.
fn is_registry_login(before: &str) -> bool {
    let program = before.trim_end_matches([' ', '"', '\\', ',', '=', '&']);
    ["docker", "podman", "nerdctl", "registry", "oc", "az", "buildah", "skopeo"]
        .iter()
        .any(|name| program.ends_with(name))
}

fn short(text: &str, from: usize, (command, flag, attached): &(&str, &str, bool)) -> Option<Found> {
    let rest = text.get(from..)?;
    let window = crate::decode::cut(rest, MAX_COMMAND_BYTES);
    let window = window.get(..window.find(['\n', '|', ';']).unwrap_or(window.len()))?;
    let starts = window.match_indices(flag).map(|(at, _)| from + at);
    let mut starts =
        starts.filter(|at| text.as_bytes().get(at - 1).is_some_and(|byte| b" \"'=".contains(byte)));
    let end = starts.next()? + flag.len();
    let start = if *attached { end } else { after_separator(text, end)? };
    let mut range = value::word(text, start)?;
    let argument = text.get(range.clone())?;
    if *command == "curl" {
        range.start += argument.find(':')? + 1;
    }
    let secret = text.get(range.clone())?;
    let plausible = !secret.is_empty() && !secret.starts_with('-') && !value::is_placeholder(secret);
    plausible.then_some(Found { range, mark: Mark::Secret("argument") })
}

/// Where the next argument starts: behind blanks, between JSON strings, or in the next `aN=` or `command=`.
fn after_separator(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut next = at;
    let closes = |byte: &u8| b"\"'\\".contains(byte);
    while bytes.get(next).is_some_and(closes) {
        next += 1;
    }
    let gap = next;
    while bytes.get(next).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b',') {
        next += 1;
    }
    let rest = text.get(next..)?;
    if let Some(behind) = rest.strip_prefix("&command=") {
        return Some(text.len() - behind.len());
    }
    if next == gap {
        return None;
    }
    let digits = rest.strip_prefix('a').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let is_audit = digits > 0 && rest.as_bytes().get(digits + 1) == Some(&b'=');
    Some(if is_audit { next + digits + 2 } else { next })
}

//! Secrets behind short flags of certain programs: `mysql -px`, `sshpass -p x`, `curl -u user:x`.
//!
//! In: a command line with such a program, in any of the ways that `flag` reads. Out: the range of the secret.
//! Owns: the list of programs and their flags, from their manuals.

use std::ops::Range;

use super::flag::{argument, argument_text, next_argument};
use super::{Detector, Found, value};

/// Farthest that a short flag may stand behind its program, in bytes.
const MAX_COMMAND_BYTES: usize = 512;

/// Most places of a flag that are tried behind one program.
const MAX_FLAGS: usize = 4;

/// How a program takes a secret.
struct Habit {
    program: &'static str,
    flag: &'static str,
    /// What of the argument is secret.
    form: Form,
}

/// What of an argument is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All of it, a word of its own.
    Separate,
    /// All of it, attached to the flag.
    Attached,
    /// What stands behind this sign.
    Behind(char),
}

use Form::{Attached, Behind, Separate};

const HABITS: &[Habit] = &[
    Habit { program: "mysql", flag: "-p", form: Attached },
    Habit { program: "mysqldump", flag: "-p", form: Attached },
    Habit { program: "mysqladmin", flag: "-p", form: Attached },
    Habit { program: "mariadb", flag: "-p", form: Attached },
    Habit { program: "mongo", flag: "-p", form: Separate },
    Habit { program: "mongosh", flag: "-p", form: Separate },
    Habit { program: "mongodump", flag: "-p", form: Separate },
    Habit { program: "sshpass", flag: "-p", form: Attached },
    Habit { program: "sshpass", flag: "-p", form: Separate },
    Habit { program: "login", flag: "-p", form: Separate },
    Habit { program: "redis-cli", flag: "-a", form: Separate },
    Habit { program: "ldapsearch", flag: "-w", form: Separate },
    Habit { program: "ldapmodify", flag: "-w", form: Separate },
    Habit { program: "ldapadd", flag: "-w", form: Separate },
    Habit { program: "curl", flag: "-u", form: Behind(':') },
    Habit { program: "curl", flag: "--user", form: Behind(':') },
    Habit { program: "curl", flag: "-U", form: Behind(':') },
    Habit { program: "curl", flag: "-u", form: Attached },
    Habit { program: "curl", flag: "-b", form: Behind('=') },
    Habit { program: "curl", flag: "--cookie", form: Behind('=') },
    Habit { program: "lftp", flag: "-u", form: Behind(',') },
    Habit { program: "sqlcmd", flag: "-P", form: Attached },
    Habit { program: "sqlcmd", flag: "-P", form: Separate },
    Habit { program: "ipmitool", flag: "-P", form: Separate },
    Habit { program: "unzip", flag: "-P", form: Separate },
    Habit { program: "zip", flag: "-P", form: Separate },
    Habit { program: "rdesktop", flag: "-p", form: Separate },
    Habit { program: "evil-winrm", flag: "-p", form: Separate },
    Habit { program: "crackmapexec", flag: "-p", form: Separate },
    Habit { program: "netexec", flag: "-p", form: Separate },
    Habit { program: "smbclient", flag: "-U", form: Behind('%') },
    Habit { program: "kubectl", flag: "--from-literal", form: Behind('=') },
];

/// Programs with such flags, and words that speak of one secret.
pub(super) const DETECTOR: Detector = Detector {
    patterns: &[
        "mysql",
        "mysqldump",
        "mysqladmin",
        "mariadb",
        "mongo",
        "mongosh",
        "mongodump",
        "sshpass",
        "login",
        "redis-cli",
        "ldapsearch",
        "ldapmodify",
        "ldapadd",
        "curl",
        "lftp",
        "sqlcmd",
        "ipmitool",
        "unzip",
        "zip",
        "rdesktop",
        "evil-winrm",
        "crackmapexec",
        "netexec",
        "smbclient",
        "from-literal=",
        "pass:",
        "unseal",
        "authtoken",
        "identified by '",
    ],
    find,
    looks_inside: false,
};

/// Whether one of the programs, or of the words, that stands at `at` gives a secret away.
pub(super) fn gives_secret_at(text: &str, at: usize) -> bool {
    DETECTOR.patterns.iter().any(|pattern| {
        let hit = at..at + pattern.len();
        let is_there = text.get(hit.clone()).is_some_and(|word| word.eq_ignore_ascii_case(pattern));
        is_there && DETECTOR.finds(text, hit)
    })
}

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    let Some(program) = text.get(hit.clone()).map(str::to_ascii_lowercase) else { return };
    match program.as_str() {
        "from-literal=" => found.extend(literal(text, hit.end)),
        "identified by '" => found.extend(quoted(text, hit.end - 1)),
        "pass:" => found.extend(openssl(text, &hit)),
        "unseal" | "authtoken" => found.extend(positional(text, &hit)),
        _ if !is_word(text, &hit) => {}
        "login" if !is_registry_login(text, hit.start) => {}
        _ => {
            let habits = HABITS.iter().filter(|habit| habit.program == program);
            found.extend(habits.filter_map(|habit| short(text, hit.end, habit)));
        }
    }
}

/// Whether a program's name stands alone: behind no other word, and in front of a blank or a quote.
fn is_word(text: &str, hit: &Range<usize>) -> bool {
    let before = text.as_bytes().get(..hit.start).and_then(<[u8]>::last);
    let behind = text.as_bytes().get(hit.end);
    !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
        && behind.is_some_and(|byte| byte.is_ascii_whitespace() || b"\"'\\&".contains(byte))
}

/// Whether the word before `login` is a program whose `-p` is a password.
fn is_registry_login(text: &str, at: usize) -> bool {
    const PROGRAMS: [&str; 9] =
        ["docker", "podman", "nerdctl", "registry", "oc", "az", "buildah", "skopeo", "helm"];
    let before = text.get(text.floor_char_boundary(at.saturating_sub(32))..at).unwrap_or_default();
    let mut words = before.split(|c: char| !c.is_ascii_alphanumeric());
    // `a1` of an audit record, `command` of a URL and the key of a sensor that writes a program and its arguments apart
    // stand between the two words.
    let is_number = |word: &str| word.strip_prefix('a').is_some_and(|rest| rest.parse::<u8>().is_ok());
    let is_between = |word: &str| matches!(word, "" | "command" | "arguments" | "args") || is_number(word);
    let word = words.rfind(|word| !is_between(word));
    word.is_some_and(|word| PROGRAMS.contains(&word))
}

fn short(text: &str, from: usize, habit: &Habit) -> Option<Found> {
    let window = crate::decode::cut(text.get(from..)?, MAX_COMMAND_BYTES).as_bytes();
    let window = window.get(..memchr::memchr3(b'\n', b'|', b';', window).unwrap_or(window.len()))?;
    let dashes = memchr::memchr_iter(b'-', window);
    let flags =
        dashes.filter(|at| window.get(*at..).is_some_and(|rest| rest.starts_with(habit.flag.as_bytes())));
    let flags = flags.map(|at| from + at);
    let flags = flags.filter(|at| text.as_bytes().get(at - 1).is_some_and(|byte| b" \t\"'=".contains(byte)));
    let mut flags = flags.take(MAX_FLAGS);
    let flag = flags.find_map(|flag| secret_behind(text, flag, habit))?;
    let secret = argument_text(text, flag.clone());
    let is_plausible = !secret.is_empty() && !secret.starts_with('-') && !value::is_placeholder(&secret);
    is_plausible.then(|| Found::named("argument", flag, secret))
}

/// The secret part of the argument of the flag at `flag`.
fn secret_behind(text: &str, flag: usize, habit: &Habit) -> Option<Range<usize>> {
    let end = flag + habit.flag.len();
    let range = match habit.form {
        Attached => attached(text, flag, end)?,
        Separate | Behind(_) if text.as_bytes().get(end) == Some(&b'=') => value::word(text, end + 1)?,
        Separate | Behind(_) => argument(text, next_argument(text, end)?)?,
    };
    let written = text.get(range.clone())?;
    match (habit.form, habit.program) {
        (Behind(sign), _) => match written.find(sign) {
            Some(at) => Some(range.start + at + 1..range.end),
            // A sign that ends words.
            None => text
                .get(range.end..)?
                .strip_prefix(sign)
                .and_then(|rest| value::word(text, text.len() - rest.len())),
        },
        (Attached, "curl") => Some(range.start + written.find(':')? + 1..range.end),
        _ => Some(range),
    }
}

/// What is attached to a flag: the rest of its word, or of its string in a list of arguments.
fn attached(text: &str, flag: usize, end: usize) -> Option<Range<usize>> {
    let argument = argument(text, flag).filter(|argument| argument.end > end);
    match argument {
        Some(argument) if argument.start <= flag => Some(end..argument.end),
        _ => value::word(text, end),
    }
}

/// `--from-literal=name=value` of `kubectl create secret`.
fn literal(text: &str, start: usize) -> Option<Found> {
    let range = value::word(text, start)?;
    let sign = text.get(range.clone())?.find('=')?;
    let range = range.start + sign + 1..range.end;
    let secret = value::word_text(text, range.clone());
    (!value::is_placeholder(&secret)).then(|| Found::named("argument", range, secret))
}

/// `vault operator unseal x`, `ngrok authtoken x`.
fn positional(text: &str, hit: &Range<usize>) -> Option<Found> {
    // A command is written in small letters; names of variables are not.
    text.get(hit.clone()).filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))?;
    let range = argument(text, next_argument(text, hit.end).filter(|_| is_word(text, hit))?)?;
    let secret = argument_text(text, range.clone());
    value::looks_random(&secret).then(|| Found::named("argument", range, secret))
}

/// A quoted text of SQL.
fn quoted(text: &str, quote: usize) -> Option<Found> {
    let range = value::word(text, quote)?;
    let secret = value::word_text(text, range.clone());
    (!value::is_placeholder(&secret)).then(|| Found::named("password", range, secret))
}

/// `-passin pass:x` of `openssl`.
fn openssl(text: &str, hit: &Range<usize>) -> Option<Found> {
    let before = text.get(text.floor_char_boundary(hit.start.saturating_sub(16))..hit.start)?;
    before.contains("-pass").then_some(())?;
    let range = value::word(text, hit.end)?;
    let secret = value::word_text(text, range.clone());
    (!value::is_placeholder(&secret)).then(|| Found::named("argument", range, secret))
}

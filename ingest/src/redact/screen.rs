//! Whether a record is surely clean: most are, and nothing else is done with those.
//!
//! In: the text of one record. Out: yes, or that it needs a look. Owns: the lists of texts without which no detector
//! finds anything, and the speed of it all. Names of secrets are in every other line (`authorization.k8s.io`,
//! `"subresource":"token"`, `accessKeyId`): where one stands, its detectors are asked at that place. Law: a record in which a
//! detector finds something is never clean. Letter case is an exception: words are known in small letters, capitals
//! and with one capital in front, not in a mix such as `PaSsWoRd`.

use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use super::texts::Texts;
use super::{
    MAX_LAYERS, argument_list, audit_hex, command, field, flag, layer, password_hash, prefix, secret_map,
    userinfo,
};

/// Beginnings of tokens and keys, authentication schemes, flags, and words of documents that hold secrets.
#[rustfmt::skip] // a word a line would fill four screens
const SURE: &[&str] = &[
    "VATE KEY", "vate key-", "SSWS ", "ssws ", "Ssws ", "earer ", "earer+", "earer:", "EARER", "asic ", "ASIC ", "eyJh",
    "eyJ0", "eyJr", "<jwt;", "<secret;", "sshpass", " -p ", "\"-p\"", "\"-p\\", "=-p&", " -p=", " -p\"", "\"-p=", "=\"login\"",
    "from-literal", "DENTIFIED", "dentified", "kty\"", "kty\\", "\"kv\"", "\"kv\\", "cubbyhole", "\"transit\"", "\"transit\\",
    "SHA}", "SSHA512}", "pass:",
];

/// Programs whose short flags take a secret. They stand in many commands that take none.
#[rustfmt::skip] // as above
const PROGRAMS: &[&str] = &[
    "mysql", "mariadb", "mongo ", "mongo\"", "mongo\\", "mongosh", "mongodump", "redis-cli", "ldapsearch",
    "ldapmodify", "ldapadd", "curl ", "curl\"", "curl\\", "curl&", "smbclient", "lftp", "sqlcmd", "ipmitool", "unzip", "zip ", "zip\"",
    "zip\\", "zip&", "rdesktop", "evil-winrm", "crackmapexec", "netexec", "unseal",
    "authtoken",
];

/// Names of more than one word, as they are written with a capital in the middle.
const CAPITALS: &[&str] = &[
    "passPhrase",
    "secretId",
    "secretID",
    "secretString",
    "secretBinary",
    "samlResponse",
    "SAMLResponse",
    "totpSeed",
];
/// What may stand behind a name and in front of its value; behind short names it is looked for with them.
const BEHIND: &str = "\"\\=:> '\t";
/// Longest name that is looked for with what stands behind it, in bytes: longer ones are rare enough.
const SHORT_NAME_BYTES: usize = 4;

/// What a text says of the place where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// That it needs a look.
    Sure,
    /// That a program was called, which may be given a secret.
    Program,
    /// That a name, so many bytes long, may name a secret.
    Name(usize),
    /// That a secret may begin that says what it is, with so many bytes.
    Start(usize),
}

/// All texts. Names and beginnings are those of the detectors themselves; those of fewer than four bytes are known as
/// runs of base64.
static TEXTS: LazyLock<Texts<Says>> = LazyLock::new(|| {
    let names = names();
    let names = names.iter().map(|(text, bytes)| (text.as_str(), Says::Name(*bytes)));
    let starts: Vec<_> = prefix::starts().collect();
    let starts = starts.iter().map(|(text, bytes)| (text.as_str(), Says::Start(*bytes)));
    let programs = PROGRAMS.iter().map(|text| (*text, Says::Program));
    Texts::new(SURE.iter().map(|text| (*text, Says::Sure)).chain(programs).chain(starts).chain(names))
});

/// Every name in each letter case, with the length of the name itself; those that end in another one are left out.
fn names() -> Vec<(String, usize)> {
    let all = || field::DETECTOR.patterns.iter().chain(flag::DETECTOR.patterns);
    let ends_in_other = |name: &str| all().any(|other| name.len() > other.len() && name.ends_with(other));
    let capital = |name: &str| {
        let (first, rest) = name.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    let of_one_case = all().filter(|name| !ends_in_other(name));
    let in_capitals = of_one_case.clone().map(|name| name.to_ascii_uppercase());
    let as_written = of_one_case.chain(CAPITALS).flat_map(|name| [(*name).to_owned(), capital(name)]);
    let mut spelled: Vec<String> = as_written.chain(in_capitals).collect();
    spelled.sort();
    spelled.dedup();
    let with_what_follows = |name: String| {
        let bytes = name.len();
        let short =
            (bytes <= SHORT_NAME_BYTES).then(|| BEHIND.chars().map(|sign| format!("{name}{sign}")).collect());
        short.unwrap_or_else(|| vec![name]).into_iter().map(move |text| (text, bytes))
    };
    spelled.into_iter().flat_map(with_what_follows).collect()
}

/// Longest text inside another one that is looked at byte by byte first, in bytes: ids in base64 hold that much.
const MAX_SHORT_BYTES: usize = 96;

/// Signs by which something else is known than the texts of the lists: quotes, capitals (as base64 has), signs of
/// encodings, addresses and hashes.
static IS_SIGN: [bool; 256] = {
    let signs = b"\"\\%+@$~ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut known = [false; 256];
    let mut at = 0;
    while at < signs.len() {
        known[signs[at] as usize] = true;
        at += 1;
    }
    known
};

/// Whether a short text surely is what [`is_clean_at`] calls clean: no text of the lists begins in it, and it has none
/// of the signs in [`IS_SIGN`].
fn is_surely_clean(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_sign = || bytes.iter().any(|byte| IS_SIGN[usize::from(*byte)]);
    bytes.len() <= MAX_SHORT_BYTES && !has_sign() && !TEXTS.any(bytes, |_, _| true)
}

/// Whether a record is an argument list that may go on in the next one. There every name and every program may give a
/// secret away: it would be in the next record.
pub(super) struct GoesOn<'t> {
    record: &'t str,
    /// Found out when it is first asked for, once for all that is encoded in the record.
    known: OnceCell<bool>,
}

impl<'t> GoesOn<'t> {
    pub(super) fn of(record: &'t str) -> Self {
        Self { record, known: OnceCell::new() }
    }

    fn may_go_on(&self) -> bool {
        *self.known.get_or_init(|| argument_list::is_list(self.record))
    }
}

/// Whether a text of the lists that stands at `at` may give a secret away.
fn gives_away(says: Says, text: &str, at: usize) -> bool {
    match says {
        Says::Sure => true,
        Says::Program => command::gives_secret_at(text, at),
        Says::Start(bytes) => prefix::DETECTOR.finds(text, at..at + bytes),
        Says::Name(bytes) => {
            let name = at..at + bytes;
            field::DETECTOR.finds(text, name.clone()) || flag::DETECTOR.finds(text, name)
        }
    }
}

/// Whether no detector would find anything in this text.
pub(super) fn is_clean(text: &str) -> bool {
    let goes_on = GoesOn::of(text);
    is_clean_at(text, 0, &goes_on) && !audit_hex::may_hold_secret(text, &goes_on)
}

/// The same for a text of a record that is encoded this often.
pub(super) fn is_clean_at(text: &str, depth: usize, goes_on: &GoesOn<'_>) -> bool {
    if TEXTS.any(text.as_bytes(), |says, at| gives_away(says, text, at) || goes_on.may_go_on()) {
        return false;
    }
    if has_special(text) || secret_map::may_be_in(text) {
        return false;
    }
    if depth == MAX_LAYERS {
        return true;
    }
    let flow = layer::each(text, &mut |layer| {
        let is_token = layer.run.is_some_and(|run| prefix::is_token_like(text, run, &layer.text));
        let is_clean = || is_surely_clean(&layer.text) || is_clean_at(&layer.text, depth + 1, goes_on);
        if is_token || layer.own.is_some() || !is_clean() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    flow.is_continue()
}

/// An address with a password, the hash of one, or a secret of Azure.
fn has_special(text: &str) -> bool {
    let mut signs = memchr::memchr3_iter(b'@', b'$', b'~', text.as_bytes());
    signs.any(|at| match text.as_bytes().get(at) {
        Some(b'@') => userinfo::ends_at(text, at),
        Some(b'$') => password_hash::starts_at(text, at),
        _ => text.get(..=at).is_some_and(|before| before.ends_with(prefix::AZURE)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scenario: every text of the lists, in small letters, inside other text. Guarantees: none is surely clean; an id of a
    /// process is.
    #[test]
    fn no_text_of_the_lists_is_surely_clean() {
        let names = names().into_iter().map(|(name, _)| name);
        for text in SURE.iter().chain(PROGRAMS).map(|text| (*text).to_owned()).chain(names) {
            assert!(!is_surely_clean(&format!("n1:{text}:7")), "{text}");
        }
        assert!(is_surely_clean("vol-n12:987806620885788:2625943"));
    }

    /// Scenario: programs with and without a flag that takes a secret, as text, as JSON and at the end of an argument list.
    /// Guarantees: only what may give a secret away, here or in the next record, needs a look; the same for cookies.
    #[test]
    fn programs_alone_give_nothing_away() {
        for (text, expected) in [
            ("curl --config /etc/web.conf", true),
            (r#"{"binary":"/usr/bin/curl","arguments":"-s http://a/"}"#, true),
            ("mysql --version", true),
            ("curl -s -u eve:tr0ub4dor http://a/", false),
            (r#"{"binary":"/usr/bin/mysql","arguments":"-ptr0ub4dor"}"#, false),
            (r#"["curl","--user","eve:tr0ub4dor"]"#, false),
            (r#"type=EXECVE msg=audit(1.0:1): argc=3 a0="curl""#, false),
            (r#"{"family":"AF_INET","cookie":"18446623395475369984"}"#, true),
            (r#"{"cookie":"session=5369984"}"#, false),
        ] {
            assert_eq!(is_clean(text), expected, "{text}");
        }
    }

    proptest! {
        /// Scenario: any short text, and pieces of the lists. Guarantees: what is surely clean is clean.
        #[test]
        fn what_is_surely_clean_is_clean(text in "[a-zA-Z0-9:/. =\"%+@$~\\\\_-]{0,60}", piece in 0..SURE.len()) {
            for text in [text.clone(), text.to_lowercase(), text + SURE[piece]] {
                prop_assert!(!is_surely_clean(&text) || is_clean_at(&text, 1, &GoesOn::of(&text)), "{}", text);
            }
        }
    }
}

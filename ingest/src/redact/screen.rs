//! Whether a record is surely clean: most are, and nothing else is done with those.
//!
//! In: the text of one record. Out: yes, or that it needs a look. Owns: the lists of texts without which no detector
//! finds anything, and the speed of it all. The texts are as rare as can be in ordinary records:
//! `authorization.k8s.io`, `"subresource":"token"`, `accessKeyId` and `/var/run/secrets` stand in every other line.
//! Law: a record in which a detector finds something is never clean. Letter case is an exception: words are known in
//! small letters, capitals and with one capital in front, not in a mix such as `PaSsWoRd`.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::texts::Texts;
use super::{MAX_LAYERS, audit_hex, command, layer, password_hash, prefix, secret_map, userinfo};

/// Ends of names, as far as a value follows.
#[rustfmt::skip] // a word a line would fill four screens
const NAMES: &[&str] = &[
    "assw", "ASSW", "assp", "ASSP", "oken\":", "oken\" :", "oken\\", "oken=", "oken:", "oken\",\"val",
    "oken\", \"val", "oken>", "OKEN", "--tok", "-token ", "-token\"", "Token ", "ecret\":",
    "ecret\" :", "ecret\\", "ecret=", "ecret: ", "ecret\",\"val", "ecret\", \"val", "ecret =", "-secret ",
    "-secret\"", "ECRET", "ecretI", "ecret_i", "ecret-i", "etString", "etBinary", "&sig=", "Key\"", "Key\\",
    "Key=", "Key: ", "Key =", "_key\"", "_key\\", "_key=", "_key:", "_key ", "_KEY", "-key\"", "-key:",
    "-key=", "-key ", "-Key\"", "-Key:", "pikey", "PIKEY", "iKey", "PrivateK", "pass\"", "pass\\", "pass=",
    "Pass=",
];

/// Beginnings of secrets that say what they are, authentication schemes, and headers.
#[rustfmt::skip] // as above
const STARTS: &[&str] = &[
    "VATE KEY", "SSWS ", "earer ", "earer+", "earer:", "EARER", "asic ", "eyJh", "eyJ0", "eyJr", "<jwt;",
    "<secret;", "hvs.", "hvb.", "hvr.", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "hub_pat_", "glpat-",
    "glptt-", "glrt-", "gldt-", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe", "xapp-", "dop_v1_",
    "k_live_", "k_test_", "npm_", "pypi-", "dapi", "ya29.", "shpat_", "sqp_", "hooks.slack", "orization\"",
    "orization:", "orization=", "orization\\", "orization'", "ORIZATION", "ookie", "OOKIE", "ignature=",
    "?sig=",
];

/// Programs whose short flags take a secret. They stand in many commands that take none.
#[rustfmt::skip] // as above
const COMMANDS: &[&str] = &[
    "mysql", "mariadb", "mongo ", "mongo\"", "mongo\\", "mongosh", "mongodump", "redis-cli", "ldapsearch",
    "ldapmodify", "ldapadd", "curl ", "curl\"", "curl\\", "curl&", "smbclient",
];

/// What else short flags are known by, words of documents that hold secrets, and the last names.
#[rustfmt::skip] // as above
const PROGRAMS: &[&str] = &[
    "sshpass", " -p ", "\"-p\"", "\"-p\\",
    "=-p&", " -p=", " -p\"", "\"-p=", "=\"login\"", "from-literal", "DENTIFIED", "dentified", "kty\"", "kty\\", "\"kv\"", "\"kv\\", "cubbyhole",
    "\"transit\"", "\"transit\\", "SHA}", "SSHA512}", "pass:", "_PASS", "_pass", "pwd\"",
    "pwd=", "pwd:", "pwd =", "pwd>", "pass>", "': '", "': \"", "oken =", "ecret>", "_secret ", "_secret\"", "_token ", "_token\"", "Key>", "_key>", "-key>", "-key\\", "Key'", "Pwd=", "_PWD", "auth\":\"", "auth\": \"", "auth\\", "SAMLR", "totpseed", "totp_seed",
    "eal_key",
];

/// All of them, and the programs.
static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[NAMES, STARTS, PROGRAMS, COMMANDS].concat()));

/// Longest text inside another one that is looked at byte by byte first, in bytes: ids in base64 hold that much.
const MAX_SHORT_BYTES: usize = 96;

/// Whether a short text surely is what [`is_clean_at`] calls clean: no text of the lists begins in it, and it has no
/// sign by which anything else is known: quotes, capitals (as base64 has), signs of encodings, addresses and hashes.
fn is_surely_clean(text: &str) -> bool {
    let is_sign = |byte: &u8| byte.is_ascii_uppercase() || b"\"\\%+@$~".contains(byte);
    let bytes = text.as_bytes();
    bytes.len() <= MAX_SHORT_BYTES && !bytes.iter().any(is_sign) && !TEXTS.any(bytes, |_, _| true)
}

/// What an argument list has that may go on in the next record.
static GOES_ON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"type=EXECVE"));

/// Whether a text of the lists that stands at `at` may give a secret away. A program may be given none; in an argument
/// list that may go on in the next record it always may: the secret would be there.
fn gives_away(known: &[u8], text: &str, at: usize, record: &str) -> bool {
    let is_program = || COMMANDS.iter().any(|program| program.as_bytes() == known);
    !is_program() || command::gives_secret_at(text, at) || GOES_ON.find(record.as_bytes()).is_some()
}

/// Whether no detector would find anything in this text.
pub(super) fn is_clean(text: &str) -> bool {
    is_clean_at(text, 0, text) && !audit_hex::may_hold_secret(text)
}

/// The same for a text of `record` that is encoded this often.
pub(super) fn is_clean_at(text: &str, depth: usize, record: &str) -> bool {
    if TEXTS.any(text.as_bytes(), |known, at| gives_away(known, text, at, record)) {
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
        let is_clean = || is_surely_clean(&layer.text) || is_clean_at(&layer.text, depth + 1, record);
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
        for text in [NAMES, STARTS, PROGRAMS, COMMANDS].concat() {
            assert!(!is_surely_clean(&format!("n1:{text}:7")), "{text}");
        }
        assert!(is_surely_clean("vol-n12:987806620885788:2625943"));
    }

    /// Scenario: programs with and without a flag that takes a secret, as text, as JSON and at the end of an argument list.
    /// Guarantees: only what may give a secret away, here or in the next record, needs a look.
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
        ] {
            assert_eq!(is_clean(text), expected, "{text}");
        }
    }

    proptest! {
        /// Scenario: any short text, and pieces of the lists. Guarantees: what is surely clean is clean.
        #[test]
        fn what_is_surely_clean_is_clean(text in "[a-zA-Z0-9:/. =\"%+@$~\\\\_-]{0,60}", piece in 0..NAMES.len()) {
            for text in [text.clone(), text.to_lowercase(), text + NAMES[piece]] {
                prop_assert!(!is_surely_clean(&text) || is_clean_at(&text, 1, &text), "{}", text);
            }
        }
    }
}

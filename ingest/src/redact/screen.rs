//! Whether a record is surely clean: most are, and nothing else is done with those.
//!
//! In: the text of one record. Out: yes, or that it needs a look. Owns: the lists of texts without which no detector
//! finds anything, and the speed of it all. The texts are as rare as can be in ordinary records:
//! `authorization.k8s.io`, `"subresource":"token"`, `accessKeyId` and `/var/run/secrets` stand in every other line.
//! Law: a record in which a detector finds something is never clean. Letter case is an exception: words are known in
//! small letters, capitals and with one capital in front, not in a mix such as `PaSsWoRd`.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::{MAX_LAYERS, audit_hex, layer, password_hash, prefix, secret_map, userinfo};

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

/// Programs whose short flags take a secret, words of documents that hold some, and the last names.
#[rustfmt::skip] // as above
const PROGRAMS: &[&str] = &[
    "mysql", "mariadb", "mongo ", "mongo\"", "mongo\\", "mongosh", "mongodump", "redis-cli", "sshpass",
    "ldapsearch", "ldapmodify", "ldapadd", "curl ", "curl\"", "curl\\", "curl&", " -p ", "\"-p\"", "\"-p\\",
    "=-p&", " -p=", " -p\"", "\"-p=", "=\"login\"", "from-literal", "DENTIFIED", "dentified", "kty\"", "kty\\", "\"kv\"", "\"kv\\", "cubbyhole",
    "\"transit\"", "\"transit\\", "SHA}", "SSHA512}", "smbclient", "pass:", "_PASS", "_pass", "pwd\"",
    "pwd=", "pwd:", "pwd =", "pwd>", "pass>", "': '", "': \"", "oken =", "ecret>", "_secret ", "_secret\"", "_token ", "_token\"", "Key>", "_key>", "-key>", "-key\\", "Key'", "Pwd=", "_PWD", "auth\":\"", "auth\": \"", "auth\\", "SAMLR", "totpseed", "totp_seed",
    "eal_key",
];

/// Most texts that one searcher looks for at once by comparing many bytes in one step.
const MAX_TEXTS: usize = 64;

/// Looks for some of the texts.
enum Search {
    /// Many bytes in one step; not to be had on every machine.
    Fast(Searcher),
    /// Byte by byte.
    Plain(AhoCorasick),
}

impl Search {
    fn new(texts: &[&str]) -> Self {
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        let plain = || AhoCorasick::new(texts).expect("a few short texts make a small automaton");
        builder.extend(texts).build().map_or_else(|| Self::Plain(plain()), Self::Fast)
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Fast(searcher) => searcher.find(bytes).is_some(),
            Self::Plain(automaton) => automaton.is_match(bytes),
        }
    }
}

/// The lists, divided evenly.
static SEARCHES: LazyLock<Vec<Search>> = LazyLock::new(|| {
    let all = [NAMES, STARTS, PROGRAMS].concat();
    let share = all.len().div_ceil(all.len().div_ceil(MAX_TEXTS));
    all.chunks(share).map(Search::new).collect()
});

/// Whether no detector would find anything in this text.
pub(super) fn is_clean(text: &str) -> bool {
    is_clean_at(text, 0) && !audit_hex::may_hold_secret(text)
}

/// The same for a text that is encoded this often.
pub(super) fn is_clean_at(text: &str, depth: usize) -> bool {
    let bytes = text.as_bytes();
    if SEARCHES.iter().any(|search| search.is_in(bytes)) {
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
        if is_token || layer.own.is_some() || !is_clean_at(&layer.text, depth + 1) {
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

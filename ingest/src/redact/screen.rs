//! Whether a record is surely clean: most are, and nothing else is done with those.
//!
//! In: the text of one record. Out: yes, or that it needs a look. Owns: the short list of rare texts ([`RARE`],
//! [`NAMES`]) without which no detector finds anything, and the speed of it all.
//! Law: a record in which a detector finds something is never clean. Letter case is an exception: words are known in
//! small letters, capitals and with one capital in front, not in a mix such as `PaSsWoRd`.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::{MAX_LAYERS, audit_hex, layer, password_hash, prefix, userinfo};

/// Parts of names that secrets have, at least four bytes long each and as rare as can be in ordinary records:
/// `authorization.k8s.io`, `accessKeyId` and `SignatureVersion` stand in every other line and must not fit.
#[rustfmt::skip] // a word a line would fill two screens
const NAMES: &[&str] = &[
    "assw", "ASSW", "assp", "ASSP", "ecret", "ECRET", "oken", "OKEN", "orization\"", "orization:",
    "orization=", "orization\\", "orization'", "ORIZATION", "ookie", "OOKIE", "ignature=", "sig=", "Key\"",
    "Key\\", "Key=", "Key:", "_key", "_KEY", "-key", "-Key", "pikey", "earer", "EARER", "asic ", "pass\"",
    "pass\\", "pass=", "Pass=", "pass:", "_PASS", "_pass", "pwd=", "Pwd=", "_PWD", "auth\"", "auth\\",
    "SAMLR", "nseal",
];

/// Beginnings of secrets that say what they are, programs whose short flags take one, and the rest.
#[rustfmt::skip] // as above
const RARE: &[&str] = &[
    "VATE KEY", "SSWS ", "eyJh", "eyJ0", "eyJr", "hvs.", "hvb.", "hvr.", "ghp_", "gho_", "ghu_", "ghs_",
    "ghr_", "hub_pat_", "glpat-", "glptt-", "glrt-", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe",
    "xapp-", "dop_v1_", "k_live_", "k_test_", "npm_", "pypi-", "dapi", "ya29.", "shpat_", "sqp_",
    "hooks.slack", "Q~", "mysql", "mariadb", "mongo", "redis-cli", "sshpass", "ldap", "curl", "login ",
    "login\"", "login\\", "from-literal", "DENTIFIED", "dentified", "kty\"", "kty\\", "<jwt;", "SHA}",
    "smbclient", "\"kv\"", "\"kv\\", "cubbyhole", "\"transit\"", "\"transit\\",
];

/// The two lists as they are searched: many bytes at once, and apart since a list is fastest below 64 texts.
static SEARCHERS: LazyLock<[Searcher; 2]> = LazyLock::new(|| [NAMES, RARE].map(searcher));

fn searcher(texts: &[&str]) -> Searcher {
    let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
    builder.extend(texts).build().expect("fewer than 64 texts can be searched for on every machine")
}

/// Whether no detector would find anything in this text.
pub(super) fn is_clean(text: &str) -> bool {
    is_clean_at(text, 0) && !audit_hex::may_hold_secret(text)
}

/// The same for a text that is encoded this often.
pub(super) fn is_clean_at(text: &str, depth: usize) -> bool {
    let bytes = text.as_bytes();
    if SEARCHERS.iter().any(|searcher| searcher.find(bytes).is_some()) || has_special(text) {
        return false;
    }
    if depth == MAX_LAYERS {
        return true;
    }
    let flow = layer::each(text, &mut |layer| {
        let is_token = layer.run.is_some_and(|run| prefix::is_token_like(text, run));
        if is_token || layer.own.is_some() || !is_clean_at(&layer.text, depth + 1) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    flow.is_continue()
}

/// An address with a password, or the hash of one.
fn has_special(text: &str) -> bool {
    let mut signs = memchr::memchr2_iter(b'@', b'$', text.as_bytes());
    signs.any(|at| userinfo::ends_at(text, at) || password_hash::starts_at(text, at))
}

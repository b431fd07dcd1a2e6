//! Maps whose every value is secret: `data` and `stringData` of Kubernetes Secrets, `data` of Vault's raw audit log.
//!
//! In: a text that speaks of a Secret or of a secrets engine of Vault. Out: the range of each value; the keys stay.
//! Audit records at level RequestResponse hold whole Secrets; `last-applied-configuration` holds them once more.
//! Facts: Kubernetes 1.35 API (`data` is base64); Vault 1.20 audit (`log_raw`; `mount_type`).

use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;

use super::{Found, Mark, jwt, value};

/// Words that a record with a Kubernetes Secret holds in quotes.
const KUBERNETES: &[&str] = &["Secret", "SecretList", "secrets"];
/// Kinds of engines of Vault that keep or handle secrets, as a record holds them in quotes.
const VAULT: &[&str] = &["kv", "cubbyhole", "transit"];
/// What stands in front of them.
const VAULT_KEY: &str = "mount_type";
/// Maps inside the map whose values are secret too: version 2 of Vault's key-value engine has `data` in `data`.
const INNER: &[&str] = &["data"];

/// Whose map it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Kubernetes,
    Vault,
}

/// Every value of every such map.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let Some(owner) = owner(text) else { return };
    let mut done = 0;
    for hit in memchr::memmem::find_iter(text.as_bytes(), b"ata") {
        let name = super::name::ending_at(text, hit + 3).filter(|_| hit >= done);
        let Some(name) = name.filter(|name| matches!(*name, "data" | "stringData")) else { continue };
        let Some((open, level)) = value::after_key(text, hit + 3) else { continue };
        let map = Map { owner, level, is_base64: owner == Owner::Kubernetes && name == "data" };
        done = map.walk(text, open, 0, found).unwrap_or(done);
    }
}

/// Whether one of these words stands in a text in quotes, escaped or not.
fn quotes(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        memchr::memmem::find_iter(text.as_bytes(), word.as_bytes()).any(|at| {
            let behind = text.as_bytes().get(at + word.len());
            text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'"') && matches!(behind, Some(b'"' | b'\\'))
        })
    })
}

/// Whether there may be such a map of Kubernetes: Vault's are known by `screen` itself.
pub(super) fn may_be_in(text: &str) -> bool {
    static WORD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"ecret"));
    WORD.find(text.as_bytes()).is_some()
        && quotes(text, KUBERNETES)
        && ["\"data", "\"stringData"]
            .iter()
            .any(|map| memchr::memmem::find(text.as_bytes(), map.as_bytes()).is_some())
}

/// Of whom a text speaks.
fn owner(text: &str) -> Option<Owner> {
    if quotes(text, KUBERNETES) {
        return Some(Owner::Kubernetes);
    }
    (text.contains(VAULT_KEY) && quotes(text, VAULT)).then_some(Owner::Vault)
}

/// A map that is being walked through.
#[derive(Debug, Clone, Copy)]
struct Map {
    owner: Owner,
    /// How often its quotes are escaped.
    level: usize,
    is_base64: bool,
}

impl Map {
    /// Takes every value of the map that opens at `open`; gives the place behind its last value.
    fn walk(self, text: &str, open: usize, depth: usize, found: &mut Vec<Found>) -> Option<usize> {
        let mut at = open + 1;
        (text.as_bytes().get(open) == Some(&b'{')).then_some(())?;
        while let Some(key) = value::json_string(text, value::skip_blanks(text, at), self.level) {
            let (start, _) = value::after_key(text, key.end)?;
            at = match value::json_string(text, start, self.level) {
                Some(range) => {
                    found.extend(self.secret(text, range.clone()));
                    range.end + self.level + 1
                }
                None if depth == 0 && INNER.contains(&text.get(key)?) => {
                    self.walk(text, start, depth + 1, found)?;
                    value::end_of_other(text, start)
                }
                None => value::end_of_other(text, start),
            };
            at = value::skip_blanks(text, at);
            if text.as_bytes().get(at) != Some(&b',') {
                break;
            }
            at += 1;
        }
        Some(at)
    }

    fn secret(self, text: &str, range: Range<usize>) -> Option<Found> {
        let written = value::unescaped(text.get(range.clone())?, self.level + 1);
        if value::is_placeholder(&written) {
            return None;
        }
        let kind = if self.owner == Owner::Vault { "vault-value" } else { "kubernetes-secret" };
        let decoded = if self.is_base64 { STANDARD.decode(written.trim()).ok() } else { None };
        let decoded = decoded.unwrap_or_else(|| written.into_bytes());
        // A token keeps its claims here as anywhere.
        let token = std::str::from_utf8(&decoded).ok().and_then(|text| jwt::read(text.trim()));
        let mark = match token {
            Some((claims, token)) => Mark::Jwt(Box::new(claims), token),
            None => Mark::Known(kind, decoded),
        };
        Some(Found::new(range, mark))
    }
}

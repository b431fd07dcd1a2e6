//! The credential of an assertion that a mapping file reads.
//!
//! In: the entries under `[[credential]]`, and a record. Out: `credential_id` with its kind, and an alias.
//! Owns: the prefix of each kind of id, and its normal form: fingerprints and serials in lower hex.
//! The first entry that is there is the credential; the next one is another name of it.

use offbound_schemas::Cell;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::IdKind;
use serde_json::Value;

use super::rule::{Found, Rule};
use super::trim::Named;

/// Hex digits of a SHA-256 fingerprint.
const FINGERPRINT_DIGITS: usize = 64;

/// Every entry, in the file's order.
#[derive(Debug, Default)]
pub(super) struct Credentials(pub(super) Vec<Entry>);

/// One name of a credential.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: IdKind,
    pub(super) rule: Rule,
}

/// How ids of a kind begin, unless the file says otherwise.
pub(super) fn prefix(kind: IdKind) -> Option<&'static str> {
    match kind {
        IdKind::Jti => Some("JTI="),
        IdKind::Serial => Some("X509SERIAL="),
        IdKind::CertFp => Some("X509SHA256="),
        IdKind::AccessKey | IdKind::Accessor | IdKind::Tuple | IdKind::None => None,
    }
}

/// The normal form of ids of a kind.
pub(super) fn normal(kind: IdKind) -> Option<Named> {
    match kind {
        IdKind::Serial => Some(Named::Serial),
        IdKind::CertFp => Some(Named::Hex),
        _ => None,
    }
}

impl Credentials {
    /// Fills the columns of the credential.
    pub(super) fn fill<'r>(
        &'r self,
        (json, absent): (&'r Value, &[String]),
        row: &mut IdentityAssertion,
        misfits: &mut Vec<(&'r str, &'r Value)>,
    ) {
        for Entry { kind, rule } in &self.0 {
            match rule.find(json, absent) {
                Found::Cell(Cell::Text(id)) if is_whole(*kind, &id) => name(row, *kind, id),
                Found::Misfit(path, value) => misfits.push((path.text.as_str(), value)),
                Found::Cell(_) => {
                    let found =
                        rule.paths().iter().find_map(|path| Some((path.text.as_str(), path.first(json)?)));
                    misfits.extend(found);
                }
                Found::Nothing => {}
            }
        }
    }
}

fn is_whole(kind: IdKind, id: &str) -> bool {
    let digits = id.rsplit('=').next().unwrap_or(id);
    kind != IdKind::CertFp || digits.len() == FINGERPRINT_DIGITS
}

fn name(row: &mut IdentityAssertion, kind: IdKind, id: String) {
    if row.credential_id.is_none() {
        row.credential_id = Some(id);
        row.id_kind = kind;
    } else if row.credential_alias.is_none() && row.credential_id.as_ref() != Some(&id) {
        row.credential_alias = Some(id);
    }
}

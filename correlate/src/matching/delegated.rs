//! `[[delegation]]` at a place: whether whoever owned the address of a use, or presented it, is declared to do so.
//!
//! In: a use, the stay that owned its address. Out: declared, left open, or not declared.
//! Owns: under which names a presenter and a subject count. A SPIFFE ID of an entry counts for a service account where
//! SPIRE's entries, or the trust domain of a realm, say that it is that account's.
//! Law: MATCH-2. Where a SPIFFE ID only names the account, and nothing speaks of its trust domain, it may be another
//! cluster's: that is left open.

use std::collections::BTreeSet;

use super::{Ground, Seen, realm_of};
use crate::environment::Delegation;
use crate::fact::placement::Stay;

/// What the declared intermediaries say of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Given,
    /// Given, if a SPIFFE ID of an unknown trust domain means this service account.
    Open,
    None,
}

/// Whether whoever owned the address, or presented the credential, is declared to do so.
pub(super) fn leave(seen: &Seen<'_>, stay: &Stay, ground: Ground<'_>) -> Leave {
    let Some(subject) = seen.subject.filter(|_| !ground.environment.delegations.is_empty()) else {
        return Leave::None;
    };
    let owner = stay.workload.iter().chain(&stay.aliases).map(|name| ground.names.text(*name));
    let named: Vec<&str> = owner.chain(seen.presenter).collect();
    let (mut presenters, mut subjects) = (plain(&named, ground), plain(&[subject], ground));
    let is_declared = |presenters: &[String], subjects: &[String]| {
        let mut pairs =
            presenters.iter().flat_map(|presenter| subjects.iter().map(move |name| (presenter, name)));
        pairs.any(|(presenter, name)| ground.environment.delegated(presenter, name, seen.destination))
    };
    if is_declared(&presenters, &subjects) {
        return Leave::Given;
    }
    let realm = seen.address.and_then(|address| realm_of(stay, address, seen, ground));
    let realm = realm.map(|realm| realm.name.as_str());
    let (sure, open): (Vec<_>, Vec<_>) = [(&named[..], true), (&[subject], false)]
        .into_iter()
        .flat_map(|(names, presents)| {
            identities(names, realm, ground).into_iter().map(move |id| (presents, id))
        })
        .partition(|(_, (_, is_told))| *is_told);
    for (answer, more) in [(Leave::Given, sure), (Leave::Open, open)] {
        for (presents, (identity, _)) in more {
            if presents { &mut presenters } else { &mut subjects }.push(identity);
        }
        if is_declared(&presenters, &subjects) {
            return answer;
        }
    }
    Leave::None
}

/// Names as they stand, and the canonical ones.
fn plain(names: &[&str], ground: Ground<'_>) -> Vec<String> {
    let each =
        names.iter().flat_map(|name| [(*name).to_owned(), ground.environment.canonical_workload(name)]);
    each.collect()
}

/// SPIFFE IDs that service accounts of a realm go by, or may, and whether that is told.
fn identities(names: &[&str], realm: Option<&str>, ground: Ground<'_>) -> Vec<(String, bool)> {
    let accounts: Vec<_> = names.iter().filter_map(|name| Some((*name, account(name)?))).collect();
    if accounts.is_empty() {
        return Vec::new();
    }
    let domains = domains(ground);
    let written = patterns(ground).filter(|text| is_identity(text) && !text.contains('*'));
    let written: Vec<String> = written.map(str::to_owned).collect();
    let mut found = Vec::new();
    for (name, (namespace, account)) in accounts {
        let canonical = ground.environment.canonical(name);
        let shaped = domains.iter().map(|domain| format!("spiffe://{domain}/ns/{namespace}/sa/{account}"));
        let shaped: BTreeSet<String> = shaped.collect();
        let candidates: BTreeSet<&String> = written.iter().chain(&shaped).collect();
        for identity in candidates {
            match ground.places.account(ground.environment.canonical(identity)) {
                Some((of, told))
                    if told == canonical && of.zip(realm).is_none_or(|(of, realm)| of == realm) =>
                {
                    found.push((identity.clone(), true));
                }
                None if shaped.contains(identity) => found.push((identity.clone(), false)),
                _ => {}
            }
        }
    }
    found
}

/// Namespace and name of a service account, as Kubernetes names it.
fn account(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("system:serviceaccount:")?.split_once(':')
}

fn is_identity(text: &str) -> bool {
    text.starts_with("spiffe://")
}

/// What entries name presenters and subjects by.
fn patterns<'a>(ground: Ground<'a>) -> impl Iterator<Item = &'a str> {
    let each = ground
        .environment
        .delegations
        .iter()
        .flat_map(|Delegation { presenter, subjects, .. }| std::iter::once(presenter).chain(subjects));
    each.map(|pattern| pattern.as_str())
}

/// Trust domains that entries name, or that realms declare.
fn domains<'a>(ground: Ground<'a>) -> BTreeSet<&'a str> {
    let named = patterns(ground).filter_map(|text| text.strip_prefix("spiffe://")?.split('/').next());
    let declared =
        ground.environment.realms.iter().flat_map(|realm| &realm.trust_domains).map(String::as_str);
    named.filter(|domain| !domain.contains('*')).chain(declared).collect()
}

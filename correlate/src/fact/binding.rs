//! Bindings: what each credential belongs to, and how that is known.
//!
//! In: identity assertions. Out: one record per credential, under all of its names.
//! Owns: the joining of a credential's names, validity, and claims of place.
//! Law: a claim of the issuer outweighs an issuing log, which outweighs the first use.

use std::collections::HashMap;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Phase};

use super::evidence::Witness;
use crate::names::{Name, Names};

/// What is known of one credential.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) id: Option<Name>,
    pub(crate) aliases: Vec<Name>,
    pub(crate) kind: Option<Name>,
    pub(crate) subject: Option<Name>,
    pub(crate) issuer: Option<Name>,
    pub(crate) parent: Option<Name>,
    pub(crate) host: Option<Name>,
    pub(crate) host_uid: Option<Name>,
    pub(crate) pod_uid: Option<Name>,
    pub(crate) instance: Option<Name>,
    /// SPIRE agent that the issuer gave it to.
    pub(crate) agent: Option<Name>,
    pub(crate) entry: Option<Name>,
    pub(crate) iat: Option<EventTime>,
    pub(crate) nbf: Option<EventTime>,
    pub(crate) exp: Option<EventTime>,
    pub(crate) reported_expiry: Option<EventTime>,
    pub(crate) warn_after: Option<EventTime>,
    pub(crate) revoked_at: Option<EventTime>,
    /// The record that issued it.
    pub(crate) issue: Option<Witness>,
    /// The record that first claimed its place.
    pub(crate) claim: Option<Witness>,
    /// The first use from an address of its own, and that address.
    pub(crate) first_use: Option<(Witness, Name)>,
    /// Whoever uses it has to prove that it holds a key.
    pub(crate) key_bound: bool,
}

/// All credentials.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    held: Vec<Held>,
    by_name: HashMap<Name, usize>,
}

impl Bindings {
    /// Every credential, in the order of its first record.
    pub(crate) fn all(&self) -> &[Held] {
        &self.held
    }

    /// Memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let aliases: usize = self.held.iter().map(|held| held.aliases.capacity() * size_of::<Name>()).sum();
        aliases
            + self.held.capacity() * size_of::<Held>()
            + self.by_name.capacity() * size_of::<(Name, usize)>()
    }

    /// The credential of that name.
    pub(crate) fn get(&self, credential: Name) -> Option<&Held> {
        self.by_name.get(&credential).and_then(|index| self.held.get(*index))
    }

    /// Folds an assertion; gives the place of the credential that it changed something of.
    pub(crate) fn assertion(
        &mut self,
        names: &mut Names,
        view: &identity_assertions::View<'_>,
        row: usize,
    ) -> Option<usize> {
        let id = names.maybe(view.credential_id(row))?;
        let alias = names.maybe(view.credential_alias(row));
        let places = [Some(id), alias].map(|name| self.by_name.get(&name?).copied());
        let index = self.find_or_add(id, alias);
        let renamed = places != [Some(index), alias.map(|_| index)];
        let witness = Witness::of(
            names,
            view.event_time(row),
            view.event_id(row),
            view.source(row),
            view.location(row),
        );
        let held = self.held.get_mut(index)?;
        let before = held.clone();
        fill(held, names, view, row, witness);
        (renamed || *held != before).then_some(index)
    }

    fn find_or_add(&mut self, id: Name, alias: Option<Name>) -> usize {
        let known = self.by_name.get(&id).copied();
        let known_alias = alias.and_then(|alias| self.by_name.get(&alias).copied());
        let index = match (known, known_alias) {
            (Some(index), Some(other)) if index != other => self.join(index, other),
            (Some(index), _) | (None, Some(index)) => index,
            (None, None) => {
                self.held.push(Held { id: Some(id), ..Held::default() });
                self.held.len() - 1
            }
        };
        for name in [Some(id), alias].into_iter().flatten() {
            self.by_name.insert(name, index);
            if let Some(held) = self.held.get_mut(index)
                && held.id != Some(name)
                && !held.aliases.contains(&name)
            {
                held.aliases.push(name);
            }
        }
        index
    }

    /// Two names turn out to be one credential: the later-found record is poured into the earlier.
    fn join(&mut self, one: usize, other: usize) -> usize {
        let (into, from) = (one.min(other), one.max(other));
        let Some(taken) = self.held.get_mut(from).map(std::mem::take) else { return into };
        let Some(held) = self.held.get_mut(into) else { return into };
        pour(held, &taken);
        for name in taken.id.iter().chain(&taken.aliases) {
            self.by_name.insert(*name, into);
            if !held.aliases.contains(name) {
                held.aliases.push(*name);
            }
        }
        into
    }
}

fn fill(
    held: &mut Held,
    names: &mut Names,
    view: &identity_assertions::View<'_>,
    row: usize,
    witness: Witness,
) {
    let issuing = matches!(view.phase(row), Phase::Issue | Phase::Renew | Phase::Exchange);
    let stated = Held {
        kind: names.maybe(view.credential_kind(row)),
        subject: names.maybe(view.subject(row)),
        issuer: names.maybe(view.issuer(row)),
        parent: names.maybe(view.parent_id(row)),
        host: names.maybe(view.bound_host(row)),
        host_uid: names.maybe(view.bound_host_uid(row)),
        pod_uid: names.maybe(view.bound_pod_uid(row)),
        instance: names.maybe(view.bound_instance(row)),
        agent: names.maybe(view.presenter(row)).filter(|_| issuing),
        entry: names.maybe(view.entry_id(row)),
        iat: view.iat(row).or_else(|| issuing.then(|| view.event_time(row))),
        nbf: view.nbf(row),
        exp: view.exp(row),
        reported_expiry: view.reported_expiry(row),
        warn_after: view.warn_after(row),
        key_bound: view.cnf(row).is_some()
            || view.credential_kind(row).is_some_and(|kind| kind.starts_with("x509")),
        ..Held::default()
    };
    let claims_place = [stated.host, stated.pod_uid, stated.instance].iter().any(Option::is_some);
    pour(held, &stated);
    match view.phase(row) {
        Phase::Issue | Phase::Renew | Phase::Exchange if view.decision(row) != Decision::Deny => {
            held.issue.get_or_insert(witness);
        }
        Phase::Revoke => held.revoked_at = held.revoked_at.or(Some(view.event_time(row))),
        _ => {}
    }
    if claims_place {
        held.claim.get_or_insert(witness);
    }
    let allowed_use = view.phase(row) == Phase::Present && view.decision(row) == Decision::Allow;
    if allowed_use
        && view.addr_quality(row) == AddrQuality::Direct
        && let Some(address) = names.maybe(view.src_addr(row))
    {
        held.first_use.get_or_insert((witness, address));
    }
}

/// Fills what is unknown in `into` with what `from` knows.
fn pour(into: &mut Held, from: &Held) {
    let Held { id: _, aliases: _, kind, subject, issuer, parent, host, host_uid, pod_uid, .. } = from;
    let Held { instance, agent, entry, iat, nbf, exp, reported_expiry, warn_after, .. } = from;
    let Held { revoked_at, issue, claim, first_use, key_bound, .. } = from;
    for (known, stated) in [
        (&mut into.kind, kind),
        (&mut into.subject, subject),
        (&mut into.issuer, issuer),
        (&mut into.parent, parent),
        (&mut into.host, host),
        (&mut into.host_uid, host_uid),
        (&mut into.pod_uid, pod_uid),
        (&mut into.instance, instance),
        (&mut into.agent, agent),
        (&mut into.entry, entry),
    ] {
        *known = known.or(*stated);
    }
    for (known, stated) in [
        (&mut into.iat, iat),
        (&mut into.nbf, nbf),
        (&mut into.exp, exp),
        (&mut into.reported_expiry, reported_expiry),
        (&mut into.warn_after, warn_after),
        (&mut into.revoked_at, revoked_at),
    ] {
        *known = known.or(*stated);
    }
    into.issue = into.issue.or(*issue);
    into.claim = into.claim.or(*claim);
    into.first_use = into.first_use.or(*first_use);
    into.key_bound |= key_bound;
}

//! Bindings: what each credential belongs to, and how that is known.
//!
//! In: identity assertions. Out: one record per credential, under all of its names.
//! Owns: the joining of a credential's names, validity, and claims of place.
//! Law: a claim of the issuer outweighs an issuing log, which outweighs the first use.

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Phase, WEAK_DELIVERY};

use super::evidence::Witness;
use super::keep::Moves;
use super::packed::{self, Owns, Packed, Profile, Rare};
use super::shared::Shared;
use crate::environment::{Environment, is_too_long};
use crate::names::{Id, Name, Named, Names, Renaming};
use crate::numbers::{NONE, Numbers};

const NANOS_PER_SEC: i64 = 1_000_000_000;
/// Logical size of each further name.
const ALIAS_BYTES: usize = size_of::<Id>();

/// What is known of one credential.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) id: Option<Id>,
    pub(crate) aliases: Vec<Id>,
    pub(crate) kind: Option<Name>,
    pub(crate) subject: Option<Name>,
    pub(crate) issuer: Option<Name>,
    pub(crate) parent: Option<Id>,
    /// Its audiences, one a line.
    pub(crate) audience: Option<Name>,
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
    /// The record that issued it for longer than its kind may live, if it did.
    pub(crate) overlong: Option<Overlong>,
    /// The first record that ended it, unless it was made valid again since.
    pub(crate) revoked: Option<Revoked>,
    /// The record that issued it.
    pub(crate) issue: Option<Witness>,
    /// The record that first claimed its place.
    pub(crate) claim: Option<Witness>,
    /// The address of its own that it was first used from.
    pub(crate) first_address: Option<Name>,
    /// The record of that use, where nothing better than it is known.
    pub(crate) first_use: Option<Witness>,
    /// Whoever uses it has to prove that it holds a key.
    pub(crate) key_bound: bool,
    /// The metadata service that delivered it answers whoever asks.
    pub(crate) weak_delivery: bool,
    /// It was first heard of when others had been forgotten with the records that issued them: it may have been one of these.
    pub(crate) after_loss: bool,
}

/// How long a credential was issued for, where that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlong {
    /// The issuing record.
    pub(crate) by: Witness,
    /// What was asked for.
    pub(crate) ttl_secs: i64,
    /// What the credential itself says.
    pub(crate) granted_ttl_secs: Option<i64>,
}

/// How a credential was ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revoked {
    /// The record that says so.
    pub(crate) by: Witness,
    /// Whether it can be made valid again.
    pub(crate) lasting: Lasting,
}

/// Whether what was ended stays ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// It is gone.
    ForGood,
    /// It was switched off, and a record tells when it is switched on again.
    UntilRevived,
    /// It is locked, until a moment or by a lock that can be taken away: no record of that names the credential.
    Open,
}

/// Calls that switch a credential off, by the ends of their names.
const SWITCHED_OFF: &[&str] = &["UpdateAccessKey", "DisableServiceAccountKey", "api_token.disable"];
/// Calls that switch it on again, as it was.
const SWITCHED_ON: &[&str] = &["UpdateAccessKey", "EnableServiceAccountKey", "api_token.enable"];
/// Calls that lock whoever has it.
const LOCKED: &[&str] = &["lock.created"];

impl Lasting {
    fn of(action: &str) -> Self {
        match (is_one_of(SWITCHED_OFF, action), is_one_of(LOCKED, action)) {
            (_, true) => Self::Open,
            (true, false) => Self::UntilRevived,
            (false, false) => Self::ForGood,
        }
    }
}

fn is_one_of(calls: &[&str], action: &str) -> bool {
    calls.iter().any(|call| action.ends_with(call))
}

impl Held {
    /// When it was revoked.
    pub(crate) fn revoked_at(&self) -> Option<EventTime> {
        self.revoked.map(|revoked| revoked.by.time)
    }
}

impl Named for Held {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { id, aliases, kind, subject, issuer, parent, host, host_uid, pod_uid, .. } = self;
        for id in [id, parent] {
            id.each_name(visit);
        }
        for name in [kind, subject, issuer, host, host_uid, pod_uid] {
            name.each_name(visit);
        }
        aliases.as_mut_slice().each_name(visit);
        let Self {
            audience,
            instance,
            agent,
            entry,
            overlong,
            revoked,
            issue,
            claim,
            first_address,
            first_use,
            ..
        } = self;
        for name in [audience, instance, agent, entry, first_address] {
            name.each_name(visit);
        }
        for witness in [issue, claim, first_use] {
            witness.each_name(visit);
        }
        let of_ends = revoked.iter_mut().map(|revoked| &mut revoked.by);
        for witness in overlong.iter_mut().map(|overlong| &mut overlong.by).chain(of_ends) {
            witness.each_name(visit);
        }
    }
}

/// All credentials.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bindings {
    held: Owns,
    profiles: Shared<Profile>,
    rare: Vec<Rare>,
    /// The place of the credential that each name names, told from the place of the name.
    places: Numbers,
    /// Names beside the first of each credential.
    aliases: usize,
    /// Credentials were forgotten that had been issued until then.
    lost_issues: Option<EventTime>,
}

impl Bindings {
    /// How many there are, those that turned out to be others included.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// Every credential, in the order of its first record.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Held> {
        (0..self.held.len()).filter_map(|place| self.at(place))
    }

    /// Where those are that were issued for too long: only few are.
    pub(crate) fn overlong(&self) -> impl Iterator<Item = usize> {
        (0..self.held.len()).filter(|place| self.rare(self.held.rare(*place)).is_some_and(Rare::is_overlong))
    }

    /// The credential at `place`.
    pub(crate) fn at(&self, place: usize) -> Option<Held> {
        let packed = self.held.get(place)?;
        let profile = packed.profile.and_then(|profile| self.profiles.get(profile).copied());
        Some(packed.open(&profile.unwrap_or_default(), self.rare(packed.rare)))
    }

    fn rare(&self, one_more: u32) -> Option<&Rare> {
        self.rare.get((one_more as usize).checked_sub(1)?)
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.held.bytes()
            + self.places.bytes()
            + self.rare.len() * size_of::<Rare>()
            + self.aliases * ALIAS_BYTES
            + self.profiles.bytes()
    }

    /// Logical size of one credential, without its names; what it shares is told to `shares`, which says whether to count it.
    pub(crate) fn bytes_of(&self, place: usize, shares: &mut impl FnMut(u32) -> bool) -> usize {
        let Some(packed) = self.held.get(place) else { return 0 };
        let rare = self.rare(packed.rare);
        let aliases = rare.map_or(&[][..], |rare| &rare.aliases);
        let called = packed.name.iter().chain(aliases);
        let called: usize = called.map(|name| self.places.bytes_of(name.place())).sum();
        let rare = rare.map_or(0, |_| size_of::<Rare>() + aliases.len() * ALIAS_BYTES);
        let shared = if packed.profile.is_some_and(shares) { Shared::<Profile>::BYTES } else { 0 };
        self.held.bytes_of(place) + called + rare + shared
    }

    /// How many values credentials share.
    pub(crate) fn shared(&self) -> usize {
        self.profiles.len()
    }

    /// Where the credential of that name is.
    pub(crate) fn place(&self, credential: Id) -> Option<usize> {
        let place = self.places.get(credential.place()).checked_add_unsigned(credential.place() as u64)?;
        usize::try_from(place).ok()
    }

    /// The credential of that name.
    pub(crate) fn get(&self, credential: Id) -> Option<Held> {
        self.at(self.place(credential)?)
    }

    /// Until when credentials were issued that are forgotten.
    pub(crate) fn lost_issues(&self) -> Option<EventTime> {
        self.lost_issues
    }

    /// Keeps some credentials, under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        let before = std::mem::take(self);
        let gone = (0..before.held.len()).filter(|place| !moves.keeps(*place));
        let issued = gone.filter_map(|place| before.at(place)?.issue).map(|issue| issue.time);
        self.lost_issues = issued.max().max(before.lost_issues);
        let kept = (0..before.held.len()).filter(|place| moves.keeps(*place));
        for mut held in kept.filter_map(|place| before.at(place)) {
            renaming.rename(&mut held);
            let place = self.push(&held);
            held.id.iter().chain(&held.aliases).for_each(|name| self.call(*name, place));
        }
    }

    /// Folds an assertion about a credential; gives its place if that changed something of it.
    pub(crate) fn assertion(
        &mut self,
        environment: &Environment,
        names: &mut Names,
        (id, witness): (Id, Witness),
        view: &identity_assertions::View<'_>,
        row: usize,
    ) -> Option<usize> {
        let alias = names.maybe_id(view.credential_alias(row));
        let places = [Some(id), alias].map(|name| self.place(name?));
        let index = self.find_or_add(id, alias);
        let renamed = places != [Some(index), alias.map(|_| index)];
        let before = self.at(index)?;
        let mut held = before.clone();
        fill(&mut held, names, view, row, witness);
        if held.overlong.is_none() {
            held.overlong = overlong(environment, names.text_of(held.kind), (view, row), witness);
        }
        let is_other = held != before;
        if is_other {
            self.replace(index, &held);
        }
        (renamed || is_other).then_some(index)
    }

    fn find_or_add(&mut self, id: Id, alias: Option<Id>) -> usize {
        let known = self.place(id);
        let known_alias = alias.and_then(|alias| self.place(alias));
        let index = match (known, known_alias) {
            (Some(index), Some(other)) if index != other => self.join(index, other),
            (Some(index), _) | (None, Some(index)) => index,
            (None, None) => {
                let after_loss = self.lost_issues.is_some();
                self.push(&Held { id: Some(id), after_loss, ..Held::default() })
            }
        };
        for name in [Some(id), alias].into_iter().flatten() {
            if self.place(name) == Some(index) {
                continue;
            }
            self.call(name, index);
            if let Some(mut held) = self.at(index).filter(|held| held.id != Some(name)) {
                held.aliases.push(name);
                self.replace(index, &held);
            }
        }
        index
    }

    /// Two names turn out to be one credential: the later-found record is poured into the earlier.
    fn join(&mut self, one: usize, other: usize) -> usize {
        let (into, from) = (one.min(other), one.max(other));
        let (Some(taken), Some(mut held)) = (self.at(from), self.at(into)) else { return into };
        self.replace(from, &Held::default());
        pour(&mut held, &taken);
        for name in taken.id.iter().chain(&taken.aliases) {
            self.call(*name, into);
            if !held.aliases.contains(name) {
                held.aliases.push(*name);
            }
        }
        self.replace(into, &held);
        into
    }

    fn push(&mut self, held: &Held) -> usize {
        let place = self.held.len();
        self.held.push(&Packed::NOTHING);
        self.replace(place, held);
        place
    }

    fn replace(&mut self, place: usize, held: &Held) {
        let (mut packed, profile, rare) = packed::close(held);
        packed.profile = (profile != Profile::default()).then(|| self.profiles.number(profile));
        packed.rare = self.held.rare(place);
        let known = (packed.rare as usize).checked_sub(1).and_then(|at| self.rare.get_mut(at));
        let before = known.as_ref().map_or(0, |rare| rare.aliases.len());
        self.aliases = self.aliases + rare.aliases.len() - before;
        match known {
            Some(known) => *known = rare,
            None if rare == Rare::default() => {}
            None => {
                self.rare.push(rare);
                packed.rare = one_more(self.rare.len() - 1);
            }
        }
        self.held.set(place, &packed);
    }

    /// A name is that of the credential at `place`.
    fn call(&mut self, name: Id, place: usize) {
        let at = name.place();
        let told = i64::from(one_more(place)) - 1 - i64::try_from(at).unwrap_or_default();
        while self.places.len() < at {
            self.places.push(NONE);
        }
        if self.places.len() == at {
            self.places.push(told);
        } else {
            self.places.set(at, told);
        }
    }
}

fn one_more(place: usize) -> u32 {
    u32::try_from(place + 1).expect("fewer than 2^32 credentials fit in memory")
}

fn fill(
    held: &mut Held,
    names: &mut Names,
    view: &identity_assertions::View<'_>,
    row: usize,
    witness: Witness,
) {
    let issuing = matches!(view.phase(row), Phase::Issue | Phase::Renew | Phase::Exchange);
    if held.parent.is_none() {
        held.parent = names.maybe_id(view.parent_id(row));
    }
    // What is known already needs no name, and is most of what uses of a credential say of it.
    let mut state = |known: &mut Option<Name>, stated: Option<&str>| {
        if known.is_none() {
            *known = names.maybe(stated);
        }
    };
    let (host, pod_uid, instance) = (view.bound_host(row), view.bound_pod_uid(row), view.bound_instance(row));
    state(&mut held.kind, view.credential_kind(row));
    state(&mut held.subject, view.subject(row));
    state(&mut held.issuer, view.issuer(row));
    state(&mut held.host, host);
    state(&mut held.host_uid, view.bound_host_uid(row));
    state(&mut held.pod_uid, pod_uid);
    state(&mut held.instance, instance);
    state(&mut held.agent, view.presenter(row).filter(|_| issuing));
    state(&mut held.entry, view.entry_id(row));
    // A review tells no more than what it was asked about.
    if held.audience.is_none() && view.phase(row) != Phase::Verify {
        held.audience = names.maybe(Some(&view.audience(row).join("\n")));
    }
    fill_times(held, view, row, issuing);
    held.key_bound |=
        view.cnf(row).is_some() || view.credential_kind(row).is_some_and(|kind| kind.starts_with("x509"));
    held.weak_delivery |= view.trust_flags(row).iter().any(|remark| remark == WEAK_DELIVERY);
    match view.phase(row) {
        Phase::Issue | Phase::Renew | Phase::Exchange if view.decision(row) != Decision::Deny => {
            held.issue.get_or_insert(witness);
            if view.decision(row) != Decision::Error {
                held.revoked = held.revoked.filter(|revoked| revoked.lasting != Lasting::UntilRevived);
            }
        }
        // A revocation that was refused, or failed, ended nothing.
        Phase::Revoke if !matches!(view.decision(row), Decision::Deny | Decision::Error) => {
            let lasting = Lasting::of(view.action(row).unwrap_or_default());
            // What is gone for good says more than that it had been switched off before.
            let known = held.revoked.filter(|known| known.lasting == lasting || lasting != Lasting::ForGood);
            held.revoked = known.or(Some(Revoked { by: witness, lasting }));
        }
        _ => {}
    }
    if [host, pod_uid, instance].into_iter().flatten().any(|text| !text.is_empty()) {
        held.claim.get_or_insert(witness);
    }
    let allowed_use = view.phase(row) == Phase::Present && view.decision(row) == Decision::Allow;
    if allowed_use
        && held.first_address.is_none()
        && view.addr_quality(row) == AddrQuality::Direct
        && let Some(address) = names.maybe(view.src_addr(row))
    {
        (held.first_address, held.first_use) = (Some(address), Some(witness));
    }
}

fn fill_times(held: &mut Held, view: &identity_assertions::View<'_>, row: usize, issuing: bool) {
    // What is switched on again is older than that.
    let is_new = issuing && !is_one_of(SWITCHED_ON, view.action(row).unwrap_or_default());
    let iat = view.iat(row).or_else(|| is_new.then(|| view.event_time(row)));
    held.iat = held.iat.or(iat);
    held.nbf = held.nbf.or(view.nbf(row));
    held.exp = held.exp.or(view.exp(row));
    held.reported_expiry = held.reported_expiry.or(view.reported_expiry(row));
    held.warn_after = held.warn_after.or(view.warn_after(row));
}

/// Whether a record issues a credential for longer than its kind may live: by its own word alone.
fn overlong(
    environment: &Environment,
    kind: Option<&str>,
    (view, row): (&identity_assertions::View<'_>, usize),
    by: Witness,
) -> Option<Overlong> {
    let is_issued = matches!(view.phase(row), Phase::Issue | Phase::Exchange)
        && matches!(view.decision(row), Decision::Allow | Decision::None);
    let max_secs = environment.max_ttl_secs(kind.filter(|_| is_issued)?)?;
    let start = view.iat(row).or(view.nbf(row)).unwrap_or(by.time);
    let secs = |end: EventTime| end.nanos_since(start) / NANOS_PER_SEC;
    let granted = view.exp(row);
    let ttl_secs = secs(view.warn_after(row).or(granted).or(view.reported_expiry(row))?);
    is_too_long(ttl_secs, max_secs).then(|| Overlong { by, ttl_secs, granted_ttl_secs: granted.map(secs) })
}

/// Fills what is unknown in `into` with what `from` knows.
fn pour(into: &mut Held, from: &Held) {
    let Held { id: _, aliases: _, kind, subject, issuer, parent, host, host_uid, pod_uid, .. } = from;
    let Held { audience, instance, agent, entry, iat, nbf, exp, reported_expiry, warn_after, .. } = from;
    let Held { overlong, revoked, issue, claim, first_address, first_use, .. } = from;
    let Held { key_bound, weak_delivery, after_loss, .. } = from;
    for (known, stated) in [
        (&mut into.kind, kind),
        (&mut into.subject, subject),
        (&mut into.issuer, issuer),
        (&mut into.audience, audience),
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
    ] {
        *known = known.or(*stated);
    }
    into.parent = into.parent.or(*parent);
    into.overlong = into.overlong.or(*overlong);
    into.revoked = into.revoked.or(*revoked);
    into.issue = into.issue.or(*issue);
    into.claim = into.claim.or(*claim);
    if into.first_address.is_none() {
        (into.first_address, into.first_use) = (*first_address, *first_use);
    }
    into.key_bound |= key_bound;
    into.weak_delivery |= weak_delivery;
    into.after_loss |= after_loss;
}

#[cfg(test)]
mod tests {
    use super::Lasting;
    use crate::fact::testing::{in_order, rows_of};

    const DEFAULTS: &str = "
identity_assertions: event_id=a{n}; source=api; location=t:{n}; phase=revoke; credential_id=s1; event_time=10:00:0{n}
";

    /// Scenario: revocations that went through, of which nothing is said, that were refused, and that failed. Guarantees:
    /// only what may have ended the credential counts as its end.
    #[test]
    fn a_refused_revocation_ends_nothing() {
        for (decision, ends) in [("allow", true), ("none", true), ("deny", false), ("error", false)] {
            let facts = in_order(DEFAULTS, &format!("identity_assertions: decision={decision}\n"));
            let ended = facts.bindings.iter().next().map(|held| held.revoked_at().is_some());
            assert_eq!(ended, Some(ends), "{decision}");
        }
    }

    /// Scenario: a key is switched off, and on again; one is switched off and deleted; one is deleted and then made to look as
    /// if it was renewed. Guarantees: what can be taken back is, with nothing said of when it was made; the rest stays.
    #[test]
    fn switched_off_is_not_gone() {
        let off = "action=UpdateAccessKey";
        let on = "phase=renew; action=UpdateAccessKey";
        let gone = "action=DeleteAccessKey";
        for (calls, lasting) in [
            (vec![off], Some(Lasting::UntilRevived)),
            (vec![off, on], None),
            (vec![off, on, off], Some(Lasting::UntilRevived)),
            (vec![off, gone], Some(Lasting::ForGood)),
            (vec![gone, on], Some(Lasting::ForGood)),
            (vec!["action=lock.created"], Some(Lasting::Open)),
        ] {
            let facts = in_order(DEFAULTS, &rows_of("identity_assertions", calls.iter().copied()));
            let held = facts.bindings.iter().next().expect("a credential is known");
            assert_eq!(held.revoked.map(|revoked| revoked.lasting), lasting, "{calls:?}");
            assert_eq!(held.iat, None, "{calls:?}");
        }
    }
}

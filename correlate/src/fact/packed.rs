//! A credential in few bytes: what is its own, what it shares with others, and what only few have.
//!
//! In: what is known of a credential. Out: three parts, and the same back from them.
//! Owns: the parts; [`Owns`] keeps the first of all credentials. Law: what was taken apart is put together as it was, but for
//! the first use of a credential of which an issuing record is known: that is evidence of nothing.

mod own;

use offbound_schemas::{EventId, EventTime};

pub(super) use own::Owns;

use super::binding::{Held, Overlong, Revoked};
use super::evidence::{Origin, Witness};
use crate::names::{Id, Name, Named};
use crate::numbers::NONE;

/// What is a credential's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Packed {
    pub(super) name: Option<Id>,
    /// The number of what it shares with others; none where nothing is known.
    pub(super) profile: Option<u32>,
    /// One more than the place of what only few have, or zero.
    pub(super) rare: u32,
    pub(super) first_address: Option<Name>,
    pub(super) iat: Option<EventTime>,
    /// From when it was issued, if that is known, to its end, in nanoseconds.
    pub(super) life: Option<i64>,
    pub(super) time: EventTime,
    pub(super) id: EventId,
    /// Lower half of the line of that record.
    pub(super) line: Option<u32>,
}

/// What the one record speaks for that is kept with the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Told {
    source: Name,
    origin: Origin,
    by: By,
}

/// What a record is to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum By {
    Issue,
    Claim,
    /// It issued it, and claims its place.
    Both,
    Use,
}

/// What many credentials share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Profile {
    kind: Option<Name>,
    subject: Option<Name>,
    issuer: Option<Name>,
    audience: Option<Name>,
    host: Option<Name>,
    host_uid: Option<Name>,
    pod_uid: Option<Name>,
    instance: Option<Name>,
    agent: Option<Name>,
    entry: Option<Name>,
    told: Option<Told>,
    key_bound: bool,
    weak_delivery: bool,
    after_loss: bool,
    /// It is valid from when it was issued.
    from_issue: bool,
}

impl Named for Profile {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { kind, subject, issuer, audience, host, host_uid, pod_uid, .. } = self;
        for name in [kind, subject, issuer, audience, host, host_uid, pod_uid] {
            name.each_name(visit);
        }
        let Self { instance, agent, entry, told, .. } = self;
        for name in [instance, agent, entry] {
            name.each_name(visit);
        }
        if let Some(Told { source, origin, by: _ }) = told {
            visit(source);
            origin.each_name(visit);
        }
    }
}

/// What only few credentials have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rare {
    pub(super) aliases: Vec<Id>,
    parent: Option<Id>,
    nbf: Option<EventTime>,
    /// Where it is too far from when it was issued to be told from there.
    exp: Option<EventTime>,
    reported_expiry: Option<EventTime>,
    warn_after: Option<EventTime>,
    overlong: Option<Overlong>,
    revoked: Option<Revoked>,
    /// Where another record than the issuing one claims its place.
    claim: Option<Witness>,
}

impl Rare {
    /// Whether it was issued for too long.
    pub(super) fn is_overlong(&self) -> bool {
        self.overlong.is_some()
    }
}

impl Packed {
    /// Nothing is known.
    pub(super) const NOTHING: Self = Self {
        name: None,
        profile: None,
        rare: 0,
        first_address: None,
        iat: None,
        life: None,
        time: EventTime::MIN,
        id: EventId([0; 16]),
        line: None,
    };

    /// Everything that is known.
    pub(super) fn open(&self, profile: &Profile, rare: Option<&Rare>) -> Held {
        let Profile { kind, subject, issuer, audience, host, host_uid, pod_uid, .. } = *profile;
        let Profile { instance, agent, entry, .. } = *profile;
        let rare = rare.cloned().unwrap_or_default();
        let iat = self.iat;
        let begin = iat.map_or(0, |iat| iat.0);
        let witness = profile.told.map(|Told { source, origin, by }| {
            (
                Witness {
                    time: self.time,
                    id: self.id,
                    source,
                    location: origin.at(self.line.unwrap_or_default()),
                },
                by,
            )
        });
        let told = |of: &[By]| witness.filter(|(_, by)| of.contains(by)).map(|(witness, _)| witness);
        Held {
            id: self.name,
            aliases: rare.aliases,
            kind,
            subject,
            issuer,
            parent: rare.parent,
            audience,
            host,
            host_uid,
            pod_uid,
            instance,
            agent,
            entry,
            iat,
            nbf: if profile.from_issue { iat } else { rare.nbf },
            exp: self.life.map(|life| EventTime(begin + life)).or(rare.exp),
            reported_expiry: rare.reported_expiry,
            warn_after: rare.warn_after,
            overlong: rare.overlong,
            revoked: rare.revoked,
            issue: told(&[By::Issue, By::Both]),
            claim: told(&[By::Claim, By::Both]).or(rare.claim),
            first_address: self.first_address,
            first_use: told(&[By::Use]),
            key_bound: profile.key_bound,
            weak_delivery: profile.weak_delivery,
            after_loss: profile.after_loss,
        }
    }
}

/// Takes apart what is known of a credential; the numbers of its parts are for others to fill in.
pub(super) fn close(held: &Held) -> (Packed, Profile, Rare) {
    let Held {
        id, aliases, kind, subject, issuer, parent, audience, host, host_uid, pod_uid, instance, ..
    } = held;
    let Held { agent, entry, iat, nbf, exp, reported_expiry, warn_after, overlong, revoked, .. } = held;
    let Held { issue, claim, first_address, first_use, .. } = held;
    let Held { key_bound, weak_delivery, after_loss, .. } = held;
    let witness = match (issue, claim, first_use) {
        (Some(issue), Some(claim), _) if issue == claim => Some((*issue, By::Both)),
        (Some(issue), ..) => Some((*issue, By::Issue)),
        (None, Some(claim), _) => Some((*claim, By::Claim)),
        (None, None, used) => used.map(|used| (used, By::Use)),
    };
    let begin = iat.map_or(0, |iat| iat.0);
    let life = exp.and_then(|exp| exp.0.checked_sub(begin)).filter(|life| *life != NONE);
    let from_issue = nbf.is_some() && nbf == iat;
    let split = witness.map(|(witness, by)| (witness, by, witness.location.split()));
    let profile = Profile {
        kind: *kind,
        subject: *subject,
        issuer: *issuer,
        audience: *audience,
        host: *host,
        host_uid: *host_uid,
        pod_uid: *pod_uid,
        instance: *instance,
        agent: *agent,
        entry: *entry,
        told: split.map(|(witness, by, (origin, _))| Told { source: witness.source, origin, by }),
        key_bound: *key_bound,
        weak_delivery: *weak_delivery,
        after_loss: *after_loss,
        from_issue,
    };
    let rare = Rare {
        aliases: aliases.clone(),
        parent: *parent,
        nbf: nbf.filter(|_| !from_issue),
        exp: exp.filter(|_| life.is_none()),
        reported_expiry: *reported_expiry,
        warn_after: *warn_after,
        overlong: *overlong,
        revoked: *revoked,
        claim: claim.filter(|claim| issue.is_some_and(|issue| issue != *claim)),
    };
    let packed = Packed {
        name: *id,
        first_address: *first_address,
        iat: *iat,
        life,
        time: split.map_or(EventTime::MIN, |(witness, ..)| witness.time),
        id: split.map_or(EventId([0; 16]), |(witness, ..)| witness.id),
        line: split.map(|(_, _, (_, line))| line),
        ..Packed::NOTHING
    };
    (packed, profile, rare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::binding::Lasting;
    use crate::names::Names;

    /// Scenario: credentials of which much, little or nothing is known. Guarantees: what was taken apart comes back.
    #[test]
    fn parts_come_together() {
        let mut names = Names::default();
        let time = |secs: i64| Some(EventTime(secs * 1_000_000_000));
        let mut witness = |n: u64| {
            let at = format!("big/0:{}", n << 31);
            Witness::of(&mut names, EventTime(5), EventId::of(&[&n.to_le_bytes()]), "log", &at)
        };
        let (issue, claim, used) = (witness(1), witness(9), witness(3));
        let name = issue.source;
        let whole = Held {
            id: Some(name.into()),
            aliases: vec![name.into()],
            subject: Some(name),
            parent: Some(name.into()),
            audience: Some(name),
            iat: time(1),
            nbf: time(1),
            exp: time(9),
            overlong: Some(Overlong { by: used, ttl_secs: 9, granted_ttl_secs: None }),
            revoked: Some(Revoked { by: used, lasting: Lasting::ForGood }),
            issue: Some(issue),
            claim: Some(claim),
            first_address: Some(name),
            key_bound: true,
            weak_delivery: true,
            after_loss: true,
            ..Held::default()
        };
        let issued =
            Held { claim: Some(issue), overlong: None, revoked: None, aliases: Vec::new(), ..whole.clone() };
        let used = Held { first_use: Some(used), first_address: Some(name), ..Held::default() };
        let claimed = Held { claim: Some(claim), nbf: time(3), ..Held::default() };
        let far = Held { iat: time(-9_000_000_000), exp: time(9_000_000_000), ..Held::default() };
        let least = Held { iat: Some(EventTime(1 << 62)), exp: Some(EventTime(-(1 << 62))), ..far.clone() };
        for held in [whole, issued, used, claimed, far, least, Held::default()] {
            let (packed, profile, rare) = close(&held);
            assert_eq!(packed.open(&profile, Some(&rare)), held);
        }
    }
}

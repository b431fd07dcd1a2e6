//! Credentials that nobody made: let in, while the only issuer that they can be of never told of them, or told of them as
//! somebody else's.
//!
//! In: a use, what is known of its credential, when the issuer's logs were heard. Out: that it was never issued, or not yet
//! known, or nothing. Owns: since when an honest credential can have been made, and what has to be complete.
//! Law: an absence is none unless every log that would have told is declared complete, and was heard all that time.

use offbound_schemas::EventTime;
use offbound_schemas::table::Use;
use offbound_schemas::vocabulary::{Decision, Phase};

use super::Scene;
use crate::asked::About;
use crate::environment::Issuer;
use crate::fact::binding::Held;
use crate::fact::issuing::{Telling, form_of};
use crate::fact::usage::Usage;
use crate::names::Name;

/// What names begin with that say who somebody is, in one way each.
const FORMS_OF_SUBJECTS: &[&str] = &["system:serviceaccount:", "spiffe://"];

/// What is known of an issuing that nobody told of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Absence<'a> {
    /// Nothing: it was issued, or nobody would have to tell.
    Unsaid,
    /// Nothing yet.
    Open(Wait),
    /// It never was.
    Proven(Unissued<'a>),
}

/// Until when an issuer, by its number, is to be heard before anything can be said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    pub(crate) issuer: usize,
    pub(crate) until: EventTime,
}

/// A credential that its issuer did not make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unissued<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) by: Proof,
}

/// By what that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    /// An honest one would have been made after this moment, and nobody told of any.
    NoneSince(EventTime),
    /// The one of that id was made for somebody else.
    IssuedTo(Name),
}

impl<'a> Absence<'a> {
    pub(crate) fn proven(self) -> Option<Unissued<'a>> {
        if let Self::Proven(unissued) = self { Some(unissued) } else { None }
    }

    pub(crate) fn wait(self) -> Option<Wait> {
        if let Self::Open(wait) = self { Some(wait) } else { None }
    }
}

/// The columns of a use that say that nobody made its credential, and by what that is known.
pub(super) fn columns(scene: &Scene<'_>, unissued: Option<Unissued<'_>>) -> Use {
    let Some(Unissued { issuer, by }) = unissued else { return Use::default() };
    let never_issued_by = Some(issuer.name.clone());
    match by {
        Proof::NoneSince(since) => Use { never_issued_by, issuable_since: Some(since), ..Use::default() },
        Proof::IssuedTo(to) => {
            Use { never_issued_by, issued_to: scene.facts.names.owned(Some(to)), ..Use::default() }
        }
    }
}

/// What is known of the issuing of a use's credential.
pub(crate) fn of<'a>(scene: &'a Scene<'_>, usage: &Usage, held: Option<&Held>) -> Absence<'a> {
    if scene.environment.issuers.is_empty() {
        return Absence::Unsaid;
    }
    held.and_then(|held| told(scene, usage, held)).unwrap_or(Absence::Unsaid)
}

fn told<'a>(scene: &'a Scene<'_>, usage: &Usage, held: &Held) -> Option<Absence<'a>> {
    let key = &usage.key;
    if key.decision != Decision::Allow || key.phase != Phase::Present {
        return None;
    }
    let names = &scene.facts.names;
    let kind = names.text_of(held.kind)?;
    let (number, issuer) = scene.environment.issuer_of(kind, names.text(key.source))?;
    if let Some(issue) = held.issue {
        let to =
            is_told_by(names.text(issue.source), issuer).then(|| issued_to(scene, usage, held)).flatten();
        return to.map(|to| Absence::Proven(Unissued { issuer, by: Proof::IssuedTo(to) }));
    }
    let is_complete = |log: &String| scene.environment.completeness(log).is_some_and(|log| log.complete);
    if !issuer.logs.iter().all(is_complete) {
        return None;
    }
    let (since, until) = span(scene, usage, held, issuer)?;
    let may_be_forgotten = || scene.facts.bindings.lost_issues().is_some_and(|lost| lost >= since);
    if held.after_loss && may_be_forgotten() {
        return None;
    }
    scene.places.asked.note(About::Issuing);
    let forms: Vec<&'static str> =
        held.id.iter().chain(&held.aliases).map(|id| form_of(&names.id_text(*id))).collect();
    let tells = |log: &String| scene.facts.issuing.tells(log, (kind, &forms), (since, until));
    Some(match issuer.logs.iter().map(tells).max()? {
        Telling::Whole => Absence::Proven(Unissued { issuer, by: Proof::NoneSince(since) }),
        Telling::NotYet => Absence::Open(Wait { issuer: number, until }),
        Telling::No => Absence::Unsaid,
    })
}

fn is_told_by(source: &str, issuer: &Issuer) -> bool {
    issuer.logs.iter().any(|log| log == source)
}

/// Whom a credential was made for, where it was shown for another: an id that is drawn at random has one owner, and names of
/// one form that no workload shares are of two. Serials are not unique beyond their issuer.
fn issued_to(scene: &Scene<'_>, usage: &Usage, held: &Held) -> Option<Name> {
    let (to, shown_for) = held.subject.zip(usage.key.subject).filter(|(to, shown_for)| to != shown_for)?;
    let text = |name| scene.facts.names.text(name);
    let is_unique = held.id.is_some_and(|id| form_of(&scene.facts.names.id_text(id)) == "JTI");
    let is_comparable =
        FORMS_OF_SUBJECTS.iter().any(|form| text(to).starts_with(form) && text(shown_for).starts_with(form));
    let canonical = |name| scene.environment.canonical(text(name));
    (is_unique && is_comparable && canonical(to) != canonical(shown_for)).then_some(to)
}

/// From when to when an honest credential that is shown then can have been made, by the clocks of the issuer's logs: after
/// its own `iat`, not longer ago than anybody shows one, and before it was shown.
fn span(scene: &Scene<'_>, usage: &Usage, held: &Held, issuer: &Issuer) -> Option<(EventTime, EventTime)> {
    let shown = usage.first.time;
    let by_age = issuer.max_age_nanos.map(|age| shown.plus_nanos(-age));
    let made = held.iat.max(by_age)?;
    let errors = issuer.logs.iter().map(|log| scene.environment.clock_error_nanos(log, None));
    let skew = scene.skew(usage.key.source) + errors.max().unwrap_or_default();
    Some((made.plus_nanos(-skew), shown.plus_nanos(skew)))
}

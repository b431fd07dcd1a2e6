//! Credentials that nobody made: let in, while the only issuer that they can be of never told of them.
//!
//! In: a use, what is known of its credential, when the issuer's logs were heard. Out: that it was never issued, or not yet
//! known, or nothing. Owns: since when an honest credential can have been made, and what has to be complete.
//! Law: an absence is none unless every log that would have told is declared complete, and was heard all that time.

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::{Decision, Phase};

use super::Scene;
use crate::asked::About;
use crate::environment::Issuer;
use crate::fact::binding::Held;
use crate::fact::issuing::{Telling, form_of};
use crate::fact::usage::Usage;

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
    /// An honest one would have been made after this.
    pub(crate) since: EventTime,
}

impl<'a> Absence<'a> {
    pub(crate) fn proven(self) -> Option<Unissued<'a>> {
        if let Self::Proven(unissued) = self { Some(unissued) } else { None }
    }

    pub(crate) fn wait(self) -> Option<Wait> {
        if let Self::Open(wait) = self { Some(wait) } else { None }
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
    let is_let_in = key.decision == Decision::Allow && key.phase == Phase::Present;
    if !is_let_in || held.issue.is_some() {
        return None;
    }
    let names = &scene.facts.names;
    let kind = names.text_of(held.kind)?;
    let (number, issuer) = scene.environment.issuer_of(kind, names.text(key.source))?;
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
        held.id.iter().chain(&held.aliases).map(|name| form_of(names.text(*name))).collect();
    let tells = |log: &String| scene.facts.issuing.tells(log, (kind, &forms), (since, until));
    Some(match issuer.logs.iter().map(tells).max()? {
        Telling::Whole => Absence::Proven(Unissued { issuer, since }),
        Telling::NotYet => Absence::Open(Wait { issuer: number, until }),
        Telling::No => Absence::Unsaid,
    })
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

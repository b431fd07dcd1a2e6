//! The outcome: was it contained, by which layer, and how sure is that.
//!
//! In: layers and attributed uses. Out: outcome, strength, reason, moment of containment.
//! Owns: the total function of the design (its three cases, in order). Law: every input has exactly one outcome.

use std::collections::BTreeSet;

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::{ContainmentOutcome, Decision, LayerVerdict, Strength};

use super::attribution::{Attributed, Attribution, Grade};
use super::layers::Layers;
use super::{Case, identity, reason};
use crate::fact::binding::Held;

/// What became of the incident.
pub(super) struct Outcome {
    pub(super) outcome: ContainmentOutcome,
    pub(super) strength: Strength,
    pub(super) reason: String,
    pub(super) contained_at: Option<EventTime>,
    pub(super) missing_sources: Vec<String>,
}

/// Decides the outcome at the end of the data.
pub(super) fn decide(case: &Case<'_>, attributed: &Attribution<'_>, layers: &Layers) -> Outcome {
    let ended = ended(case, attributed);
    let reached = attributed.at_least(Grade::Probable).any(|used| used.row.let_in);
    let missing_sources = missing(layers);
    let suspected = attributed.uses.iter().any(|used| used.grade == Grade::Possible && used.row.let_in);
    let undecided = undecided(attributed);
    let (outcome, proven, reason) = if reached {
        let definite = attributed.at_least(Grade::Definite).any(|used| used.row.let_in);
        (ContainmentOutcome::NotContained, definite, reached_reason(attributed, definite))
    } else if !layers.silent.is_empty() || !layers.unheard.is_empty() {
        (ContainmentOutcome::Unknown, false, untold(layers))
    } else if !undecided.is_empty() {
        let names: Vec<&str> = undecided.into_iter().collect();
        let text =
            format!("Nothing was seen to be reached, but no record tells what {} decided.", names.join(", "));
        (ContainmentOutcome::Unknown, false, text)
    } else {
        let (outcome, proven, text) = unreached(case, layers, attributed, ended);
        (outcome, proven && !suspected, text.to_owned())
    };
    let strength = if proven { Strength::Proven } else { Strength::Unproven };
    let reason = format!("{reason} {}", layers.said);
    let contained_at = contained_at(layers, attributed, outcome, ended);
    Outcome { outcome, strength, reason, contained_at, missing_sources }
}

fn reached_reason(attributed: &Attribution<'_>, definite: bool) -> String {
    let number = |is_counted: fn(Decision) -> bool| -> u64 {
        let let_in = attributed.at_least(Grade::Probable).map(|used| &used.row).filter(|row| row.let_in);
        let_in.filter(|row| is_counted(row.decision)).map(|row| row.count).sum()
    };
    let allowed = number(|decision| decision == Decision::Allow);
    let for_show = number(|decision| decision == Decision::Deny);
    let whose = if definite { "of the attacker" } else { "that are probably the attacker's" };
    match (allowed, for_show) {
        (allowed, 0) => format!("{allowed} request(s) {whose} were allowed."),
        (0, shown) => format!("{shown} request(s) {whose} were refused for show only, and let in."),
        (allowed, shown) => {
            format!(
                "{allowed} request(s) {whose} were allowed, and {shown} refused for show only and let in."
            )
        }
    }
}

/// Nothing was seen to be reached, and not every destination in reach would have told.
fn untold(layers: &Layers) -> String {
    if layers.silent.is_empty() {
        let names = reason::listed(layers.unheard.iter().cloned());
        return format!(
            "Nothing was seen to be reached, but no identity log of {names} was heard all the time."
        );
    }
    let names = reason::listed(layers.silent.iter().cloned());
    format!("Nothing was seen to be reached, but {names} keeps no identity log.")
}

/// Destinations that the attacker surely called, and of which nothing tells what they decided.
fn undecided<'a>(attributed: &'a Attribution<'_>) -> BTreeSet<&'a str> {
    let uses = identity::decided(attributed).map(|used| &used.row);
    uses.filter(|row| row.decision == Decision::None).map(|row| row.destination.as_str()).collect()
}

/// Nothing was reached, as far as the logs go.
fn unreached(
    case: &Case<'_>,
    layers: &Layers,
    attributed: &Attribution<'_>,
    ended: Option<EventTime>,
) -> (ContainmentOutcome, bool, &'static str) {
    let host = layers.host.verdict == LayerVerdict::Held && !layers.local_effect;
    let identity = layers.identity.verdict == LayerVerdict::Held;
    let blind = [layers.host.verdict, layers.identity.verdict].contains(&LayerVerdict::Blind);
    match (host, identity) {
        (true, true) => (ContainmentOutcome::Contained, true, "Both layers refused what was tried."),
        (true, false) => (
            ContainmentOutcome::ContainedByHost,
            true,
            match layers.identity.verdict {
                LayerVerdict::NotChallenged => {
                    "The host layer refused what was tried; no use is surely an attacker's."
                }
                LayerVerdict::Blind => {
                    "The host layer refused what was tried; what was decided of some use is not known."
                }
                _ => "The host layer refused what was tried, and the identity layer did not.",
            },
        ),
        (false, true) => (
            ContainmentOutcome::ContainedByIdentity,
            true,
            match layers.host.verdict {
                LayerVerdict::NotChallenged => {
                    "The identity layer refused every use; the host layer was not challenged."
                }
                LayerVerdict::Blind => {
                    "The identity layer refused every use; what the host layer did is not known."
                }
                _ => "The identity layer refused every use; the host layer did not hold.",
            },
        ),
        (false, false) if blind => (ContainmentOutcome::Unknown, false, "A layer could not be seen."),
        (false, false) if !layers.local_effect => {
            let text = match case.is_tainted() {
                true => "Signs of an intruder, but nothing was seen to be taken or reached.",
                false => "Nothing was seen to be taken, and no use is surely an attacker's.",
            };
            (ContainmentOutcome::Contained, false, text)
        }
        (false, false) if layers.host_effect => (
            ContainmentOutcome::NotContained,
            false,
            "open_exposure: what was done on the host was not undone.",
        ),
        (false, false) if attributed.exposed.is_empty() => {
            let text =
                "open_exposure: what was done on the host was not undone, and what was taken is not known.";
            (ContainmentOutcome::NotContained, false, text)
        }
        (false, false) if ended.is_none() => {
            (ContainmentOutcome::NotContained, false, "open_exposure: what was taken is still valid.")
        }
        (false, false) => {
            (ContainmentOutcome::ContainedByIdentity, false, ended_reason(attributed, case.scene.now))
        }
    }
}

/// What ended everything that was taken; an intruder in a credential's own place uses it like its owner.
fn ended_reason(attributed: &Attribution<'_>, now: EventTime) -> &'static str {
    let is_revoked = |held: &Held| held.revoked_at().is_some_and(|at| at <= held.exp.unwrap_or(now));
    if attributed.uses.iter().any(|used| used.row.let_in) {
        "What was taken has ended; whether its uses from its own place were an attacker's is not known."
    } else if attributed.exposed.iter().any(is_revoked) {
        "What was taken was revoked, and no use of it was seen before."
    } else {
        "What was taken has ended, and no use of it was seen: its lifetime contained it."
    }
}

/// When the last exposed credential ended, if all of them have by the end of the data.
fn ended(case: &Case<'_>, attributed: &Attribution<'_>) -> Option<EventTime> {
    let ends = attributed.exposed.iter().map(|held| match (held.revoked_at(), held.exp) {
        // Its maker makes another.
        _ if attributed.is_forged(held) => None,
        (Some(revoked), Some(end)) => Some(revoked.min(end)),
        (revoked, end) => revoked.or(end),
    });
    let ends: Option<Vec<EventTime>> = ends.collect();
    ends?.into_iter().max().filter(|end| *end <= case.scene.now)
}

/// The first moment after which no use of the attacker is allowed and a fact ends what they hold, or a layer refused them.
fn contained_at(
    layers: &Layers,
    attributed: &Attribution<'_>,
    outcome: ContainmentOutcome,
    ended: Option<EventTime>,
) -> Option<EventTime> {
    let let_in = || attributed.at_least(Grade::Probable).filter(|used| used.row.let_in);
    let denials = attributed.at_least(Grade::Probable).filter(|used| identity::is_refused(&used.row));
    let refused = denials.map(|used| used.row.first_time).min();
    let held = layers.host.controls.iter().filter(|control| control.verdict == LayerVerdict::Held);
    let held = held.filter_map(|control| control.time).min();
    match outcome {
        // Who has the host, or shows what nothing is known to end, can go on.
        ContainmentOutcome::NotContained | ContainmentOutcome::Unknown => ended
            .filter(|_| !layers.host_effect && let_in().all(|used| is_exposed(attributed, used)))
            .filter(|end| let_in().all(|used| used.row.last_time <= *end)),
        // Where nobody refused anything, nothing ended it.
        ContainmentOutcome::Contained => held.into_iter().chain(refused).min(),
        ContainmentOutcome::ContainedByHost => held,
        ContainmentOutcome::ContainedByIdentity => refused.or(ended),
    }
}

/// Whether a use showed a credential of which it is known that it is in other hands.
fn is_exposed(attributed: &Attribution<'_>, used: &Attributed) -> bool {
    let mut names = attributed.exposed.iter().filter_map(|held| attributed.id_of(held));
    used.row.credential_id.as_ref().is_some_and(|shown| names.any(|known| known == *shown))
}

fn missing(layers: &Layers) -> Vec<String> {
    let mut missing: Vec<String> =
        layers.silent.iter().chain(&layers.unheard).map(|name| format!("identity log of {name}")).collect();
    let is_told_by_others = layers.host.inferred && layers.host.verdict == LayerVerdict::Bypassed;
    if layers.host.verdict == LayerVerdict::Blind || (is_told_by_others && !layers.is_covered) {
        missing.push("host events of the incident's own hosts".to_owned());
    }
    missing
}

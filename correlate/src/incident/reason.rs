//! What a layer's verdict rests on, in a sentence: which control, in which mode, how often and since when.
//!
//! In: the verdict of a layer, the signs and uses that speak for it. Out: one sentence per layer.
//! Owns: the wording; decides nothing. Law: what is said is what the verdict was made from, the earliest first; the events themselves
//! are the layer's evidence, since a place in a file or topic is not the same in a stream and in a replay.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::record::LayerJudgement;
use offbound_schemas::table::{Signal, Use};
use offbound_schemas::vocabulary::{ControlMode, Decision, Enforcement, HostControl, LayerVerdict};
use offbound_schemas::{EventId, EventTime};

use super::attribution::Attribution;
use super::identity;
use super::layers::Seen;

/// Controls, or destinations, that a sentence names; the rest are counted.
const MAX_NAMED: usize = 4;

/// Records that say the same thing of the same control.
struct Said {
    first: EventTime,
    count: u64,
}

/// Why the host layer has its verdict.
pub(super) fn of_host(layer: &LayerJudgement, signals: &[Seen]) -> String {
    let (verdict, evidence) = (layer.verdict, evidence(layer));
    let shown: Vec<&Signal> =
        signals.iter().map(|seen| &seen.row).filter(|row| is_shown(row, &evidence)).collect();
    let by = by_control(&shown);
    match verdict {
        LayerVerdict::NotChallenged => "Host: nothing was tried that a control speaks of.".to_owned(),
        LayerVerdict::Held => format!("Host: refused by {by}."),
        LayerVerdict::Blind if by.is_empty() => "Host: no sensor was heard all the time.".to_owned(),
        LayerVerdict::Blind => format!("Host: not known to be in force, or not watched: {by}."),
        _ if layer.inferred => "Host: nobody saw how it was taken, but it was used by others.".to_owned(),
        LayerVerdict::NotEnforced => format!("Host: let pass by {by}."),
        LayerVerdict::Bypassed => format!("Host: went through: {by}."),
    }
}

/// That something before it may not have been seen.
pub(super) fn earliest_observed() -> String {
    "What failed first is the earliest that was observed: the hosts were not watched all the time.".to_owned()
}

/// Why the identity layer has its verdict. `open` are destinations in reach that put no decision into force.
pub(super) fn of_identity(layer: &LayerJudgement, attributed: &Attribution<'_>, open: &[String]) -> String {
    let uses = identity::decided(attributed).map(|used| &used.row);
    let speaking: Vec<&Use> = uses.filter(|row| identity::answer(row) == layer.verdict).collect();
    let by = by_destination(&speaking);
    match layer.verdict {
        LayerVerdict::NotChallenged => "Identity: no use is surely an attacker's.".to_owned(),
        LayerVerdict::Held => format!("Identity: refused by {by}."),
        LayerVerdict::Blind if by.is_empty() => {
            "Identity: a destination in reach keeps no log, or none was heard all the time.".to_owned()
        }
        LayerVerdict::Blind => format!("Identity: no decision is known of {by}."),
        LayerVerdict::NotEnforced if by.is_empty() => {
            format!("Identity: nothing is put into force, as declared, by {}.", listed(open.iter().cloned()))
        }
        LayerVerdict::NotEnforced => format!("Identity: nothing that checks was in force at {by}."),
        LayerVerdict::Bypassed => format!("Identity: let in by {by}."),
    }
}

/// The records behind the verdict of a layer.
fn evidence(layer: &LayerJudgement) -> BTreeSet<EventId> {
    let speaking = layer.controls.iter().filter(|control| control.verdict == layer.verdict);
    speaking.flat_map(|control| control.evidence.iter().copied()).collect()
}

fn is_shown(row: &Signal, evidence: &BTreeSet<EventId>) -> bool {
    row.signal_id.parse::<EventId>().is_ok_and(|id| evidence.contains(&id))
}

/// `apparmor (enforcing) 2 times, first at 2026-11-02T10:00:00.000000000Z`.
fn by_control(rows: &[&Signal]) -> String {
    let told = rows.iter().map(|row| (control(row), row.event_time, row.count));
    grouped(told)
}

/// `orders (enforced) 2 times, first at 2026-11-02T10:00:00.000000000Z`.
fn by_destination(rows: &[&Use]) -> String {
    let told = rows.iter().map(|row| (destination(row), row.first_time, row.count));
    grouped(told)
}

fn control(row: &Signal) -> String {
    let act = row.kind.as_str().replace('_', " ");
    match (row.control, row.mode) {
        (HostControl::None, _) => act,
        (control, ControlMode::Unknown) => format!("{control}"),
        (control, mode) => format!("{control} ({mode})"),
    }
}

fn destination(row: &Use) -> String {
    let refused_for_show = row.decision == Decision::Deny && row.let_in;
    let how = match row.enforcement {
        mode if refused_for_show => format!(" ({mode}: refused for show only)"),
        Enforcement::None => " (checks no identity)".to_owned(),
        Enforcement::Unknown => String::new(),
        mode => format!(" ({mode})"),
    };
    let lasting = if row.let_in && row.is_static { ", a credential without end" } else { "" };
    format!("{}{how}{lasting}", row.destination)
}

fn grouped(told: impl Iterator<Item = (String, EventTime, u64)>) -> String {
    let mut groups: BTreeMap<String, Said> = BTreeMap::new();
    for (who, time, count) in told {
        let said = groups.entry(who).or_insert(Said { first: time, count: 0 });
        said.first = said.first.min(time);
        said.count += count;
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(one, a), (other, b)| (a.first, one).cmp(&(b.first, other)));
    listed(groups.into_iter().map(|(who, said)| {
        let times =
            if said.count == 1 { "once, at".to_owned() } else { format!("{} times, first at", said.count) };
        format!("{who} {times} {}", said.first)
    }))
}

/// Some of them by name, the rest counted.
pub(super) fn listed(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    let more = parts.len().saturating_sub(MAX_NAMED);
    let named = parts.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join("; ");
    if more == 0 { named } else { format!("{named}; and {more} more") }
}

//! Which identity logs would have told of a use and were not heard: then nobody can say that nothing was reached.
//!
//! In: destinations in reach, a stretch of time. Out: those of which no log was heard all that time.
//! Owns: what it takes to have heard a log. Law: an absence is none unless somebody would have told, before, in and after that
//! time; what only its callers tell of keeps no log by that.

use std::collections::BTreeSet;

use offbound_schemas::EventTime;

use crate::fact::coverage::MAX_SILENCE_NANOS;
use crate::names::Name;
use crate::scene::Scene;

/// What is not heard where no destination is known to be in reach, and no log tells of any.
pub(super) const ANY: &str = "any destination";

/// Those destinations of which no log was heard from one moment to another; `ANY` where none is in reach, and no log was
/// heard of anything. Those that are declared to keep none are not asked for.
pub(super) fn of(
    scene: &Scene<'_>,
    reach: &BTreeSet<String>,
    span: (EventTime, EventTime),
) -> BTreeSet<String> {
    if reach.is_empty() {
        let mut logs = scene.facts.coverage.logs();
        let is_heard = logs.any(|log| is_heard(scene, log, span));
        return if is_heard { BTreeSet::new() } else { BTreeSet::from([ANY.to_owned()]) };
    }
    let mut reach = reach.iter().map(String::as_str).collect::<Vec<_>>();
    reach.retain(|name| !is_told(scene, name, span));
    reach.into_iter().map(str::to_owned).collect()
}

/// The same once more, of those that were not heard.
pub(super) fn again(
    scene: &Scene<'_>,
    unheard: &BTreeSet<String>,
    span: (EventTime, EventTime),
) -> BTreeSet<String> {
    let reach = unheard.iter().filter(|name| *name != ANY).cloned().collect();
    of(scene, &reach, span)
}

/// Whether somebody would have told of a use there. Who declares that a destination keeps a log vouches for one of which nobody
/// ever called it.
fn is_told(scene: &Scene<'_>, destination: &str, span: (EventTime, EventTime)) -> bool {
    let declared = scene.environment.destination_named(destination).and_then(|info| info.identity_log);
    let logs = scene.facts.names.known(destination).map(|name| scene.logs_of(name)).unwrap_or_default();
    match declared {
        // Said by its declaration, which is asked for elsewhere.
        Some(false) => true,
        Some(true) if logs.is_empty() => true,
        _ => logs.iter().any(|log| is_heard(scene, *log, span)),
    }
}

/// Whether a log was heard from one moment to another: it began before, and tells of later moments, or is declared to be
/// complete by now.
fn is_heard(scene: &Scene<'_>, log: Name, (from, to): (EventTime, EventTime)) -> bool {
    let Some((begin, end)) = scene.facts.coverage.log_around(log, from) else { return false };
    let declared = scene.environment.completeness(scene.facts.names.text(log)).filter(|log| log.complete);
    let delay = declared.map(|log| log.max_delay_nanos.unwrap_or_default());
    let is_over = delay.is_some_and(|delay| scene.now >= to.plus_nanos(delay));
    begin.plus_nanos(-MAX_SILENCE_NANOS) <= from && (is_over || to <= end.plus_nanos(MAX_SILENCE_NANOS))
}

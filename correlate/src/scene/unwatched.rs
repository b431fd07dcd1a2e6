//! Hosts that nobody watches: whether telemetry of a host is there at a moment at which an identity of it is used.
//!
//! In: a workload, its host, a moment; what sensors were heard. Out: that the host was silent for too long around then, or
//! how long it has to be before it is. Owns: the silence around a moment. Leaves to `coverage` what was heard.
//! Law: an answer that a host is not watched stays, unless something is heard of that time.

use offbound_schemas::EventTime;

use super::Scene;
use crate::asked::About;
use crate::fact::coverage::Subject;
use crate::keyed::HashMap;
use crate::names::Name;

/// What is known of the telemetry of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    /// It is there, or nobody asks for it.
    Unasked,
    /// Nothing yet: its silence is too long after this moment.
    Open(Name, EventTime),
    /// It was not there: the host has been silent since this moment.
    Missing(Name, EventTime),
}

/// The subjects of coverage of each host, by its one name.
pub(crate) type Sensors = HashMap<Name, Vec<Subject>>;

/// What sensors there are.
#[allow(
    clippy::iter_over_hash_type,
    reason = "each subject goes to its host; the answers are smallest and largest times"
)]
pub(super) fn sensors(scene: &Scene<'_>) -> Sensors {
    let mut sensors = Sensors::default();
    for subject in scene.facts.coverage.of_hosts() {
        sensors.entry(scene.places.host_name(subject.scope)).or_default().push(subject);
    }
    sensors
}

/// What is known of the telemetry of a workload's host at a moment.
pub(crate) fn of(scene: &Scene<'_>, workload: Option<&str>, host: Option<Name>, time: EventTime) -> Watch {
    let Some(most) = scene.environment.telemetry.max_silence_nanos else { return Watch::Unasked };
    let Some((workload, host)) = workload.zip(host) else { return Watch::Unasked };
    let info = scene.environment.workload(workload);
    if info.is_some_and(|info| !info.host_sensor) {
        return Watch::Unasked;
    }
    scene.places.asked.note(About::Watched(host));
    let (mut before, mut after) = (None, None);
    for subject in scene.sensors().get(&host).into_iter().flatten() {
        let around = scene.facts.coverage.around(*subject, time);
        if around.is_covered {
            return Watch::Unasked;
        }
        before = before.max(around.before);
        after = around.after.into_iter().chain(after).min();
    }
    let Some(since) = before.or(scene.facts.asserted_since) else { return Watch::Unasked };
    let until = after.or(scene.facts.end).unwrap_or(since);
    if until.nanos_since(since) > most {
        // What was given up, or what a sensor lost, is another matter.
        let scope = format!("host:{}", scene.facts.names.text(host));
        let is_told = scene.facts.gaps.touches(&scope, time, time).is_some();
        return if is_told { Watch::Unasked } else { Watch::Missing(host, since) };
    }
    if after.is_none() { Watch::Open(host, since.plus_nanos(most)) } else { Watch::Unasked }
}

//! Taints: pods and hosts where strong signs show an attacker's code.
//!
//! In: strong signs. Out: rows of table `taints`, one per scope and stretch of such signs.
//! Owns: nothing but the grouping. Law: routine commands do not taint; an old sign does not hide a new one.

use std::collections::BTreeMap;

use offbound_schemas::EventTime;
use offbound_schemas::table::Taint;

use super::{Scene, signals, whose};
use crate::fact::signal::Sign;

/// Signs listed per taint; the rest are counted.
const MAX_LISTED: usize = 32;
/// A place without signs for so long is taken anew by the next one: a process lineage is followed for as long.
const MAX_SILENCE_NANOS: i64 = 24 * 3_600 * 1_000_000_000;

/// The rows of all scopes that have strong signs among these, by scope and time.
pub(crate) fn rows<'s>(scene: &Scene<'_>, signs: impl IntoIterator<Item = &'s Sign>) -> Vec<Taint> {
    let mut by_scope: BTreeMap<String, Vec<&Sign>> = BTreeMap::new();
    for sign in signs.into_iter().filter(|sign| signals::is_strong(scene, sign)) {
        if let Some(scope) = scene.scope_text(whose::pod_of(scene, sign), sign.host) {
            by_scope.entry(scope).or_default().push(sign);
        }
    }
    let stretched = by_scope
        .into_iter()
        .flat_map(|(scope, signs)| stretches(signs).into_iter().map(move |signs| (scope.clone(), signs)));
    stretched.filter_map(|(scope, signs)| row(scene, scope, &signs)).collect()
}

/// Signs that follow one another, each stretch in the order of time.
fn stretches(mut signs: Vec<&Sign>) -> Vec<Vec<&Sign>> {
    signs.sort_by_key(|sign| (sign.first.time, sign.first.id));
    let mut stretches: Vec<Vec<&Sign>> = Vec::new();
    let mut heard: Option<EventTime> = None;
    for sign in signs {
        let goes_on = heard.is_some_and(|heard| sign.first.time.nanos_since(heard) <= MAX_SILENCE_NANOS);
        match stretches.last_mut().filter(|_| goes_on) {
            Some(stretch) => stretch.push(sign),
            None => stretches.push(vec![sign]),
        }
        heard = heard.max(Some(sign.last.time));
    }
    stretches
}

fn row(scene: &Scene<'_>, scope: String, signs: &[&Sign]) -> Option<Taint> {
    let first = *signs.first()?;
    let mut ids: Vec<String> = signs.iter().take(MAX_LISTED).map(|sign| sign.first.id.to_string()).collect();
    ids.dedup();
    let whose = whose::of(scene, first);
    Some(Taint {
        scope,
        host: scene.host_text(first.host),
        pod_uid: scene.facts.names.owned(whose.pod_uid),
        workload: whose.workload,
        from_time: first.first.time,
        to_time: signs.iter().map(|sign| sign.last.time).max()?,
        signal_id: first.first.id.to_string(),
        signal_ids: ids,
        count: signs.iter().map(|sign| sign.count).sum(),
        why: first.why.clone(),
    })
}

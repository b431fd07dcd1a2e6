//! Taints: pods and hosts where strong signs show an attacker's code.
//!
//! In: strong signs. Out: rows of table `taints`, one per scope.
//! Owns: nothing but the grouping. Law: routine commands do not taint.

use std::collections::BTreeMap;

use offbound_schemas::table::Taint;

use super::{Scene, signals, whose};
use crate::fact::signal::Sign;

/// Signs listed per taint; the rest are counted.
const MAX_LISTED: usize = 32;

/// The rows of all scopes that have strong signs among these, by scope.
pub(crate) fn rows<'s>(scene: &Scene<'_>, signs: impl IntoIterator<Item = &'s Sign>) -> Vec<Taint> {
    let mut by_scope: BTreeMap<String, Vec<&Sign>> = BTreeMap::new();
    for sign in signs.into_iter().filter(|sign| signals::is_strong(scene, sign)) {
        if let Some(scope) = scene.scope_text(whose::pod_of(scene, sign), sign.host) {
            by_scope.entry(scope).or_default().push(sign);
        }
    }
    by_scope.into_iter().filter_map(|(scope, signs)| row(scene, scope, &signs)).collect()
}

fn row(scene: &Scene<'_>, scope: String, signs: &[&Sign]) -> Option<Taint> {
    let mut signs = signs.to_vec();
    signs.sort_by_key(|sign| (sign.first.time, sign.first.id));
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

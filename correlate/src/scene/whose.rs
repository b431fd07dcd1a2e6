//! Whose: the pod and workload behind a host event, by which way that is known, and how surely.
//!
//! In: a sign, stays, SPIRE entries. Out: pod, workload, method and confidence. Owns: the order of the ways, surest first.
//! Law: a guess must not look like a fact: two answers are none, and selectors that cannot be checked match nothing.

use offbound_schemas::vocabulary::{Attribution, Confidence};

use super::Scene;
use crate::asked::About;
use crate::fact::placement::Stay;
use crate::fact::signal::Sign;
use crate::names::Name;

/// Length of a whole container id, in hex digits (OCI runtimes: 256 bits).
const WHOLE_CONTAINER_ID: usize = 64;

/// Who acted, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) pod_uid: Option<Name>,
    pub(crate) workload: Option<String>,
    pub(crate) method: Attribution,
    pub(crate) confidence: Option<Confidence>,
}

/// The pod and workload of a sign, by the surest way that answers.
pub(crate) fn of(scene: &Scene<'_>, sign: &Sign) -> Whose {
    by_pod(scene, sign)
        .or_else(|| by_inventory(scene, sign))
        .or_else(|| by_selectors(scene, sign))
        .or_else(|| by_host(scene, sign))
        .unwrap_or_default()
}

/// The pod alone: what scopes a sign.
pub(crate) fn pod_of(scene: &Scene<'_>, sign: &Sign) -> Option<Name> {
    sign.pod_uid.or_else(|| by_inventory(scene, sign)?.pod_uid)
}

/// The event, or another sensor's word on the same process, names the pod.
fn by_pod(scene: &Scene<'_>, sign: &Sign) -> Option<Whose> {
    let pod = sign.pod_uid?;
    let (method, confidence) = match sign.pod_by {
        Attribution::PidJoin => (Attribution::PidJoin, Confidence::Medium),
        Attribution::Mcs => (Attribution::Mcs, Confidence::Low),
        _ => (Attribution::Direct, Confidence::High),
    };
    let workload = scene.pod(pod).and_then(|pod| pod.workload.clone());
    Some(Whose { pod_uid: Some(pod), workload, method, confidence: Some(confidence) })
}

/// The event names a container, and a placement says which pod it belonged to: same host, same time, one answer.
fn by_inventory(scene: &Scene<'_>, sign: &Sign) -> Option<Whose> {
    let id = scene.text(sign.container)?;
    let mut whole = id.len() == WHOLE_CONTAINER_ID;
    let mut pods: Vec<Name> = Vec::new();
    for (known, stay) in scene.places.container(&scene.facts.names, id) {
        if !agrees(scene, sign, stay) {
            continue;
        }
        whole &= scene.facts.names.text(known).len() == WHOLE_CONTAINER_ID;
        pods.extend(stay.pod_uid.filter(|pod| !pods.contains(pod)));
    }
    let [pod] = pods.as_slice() else { return None };
    let workload = scene.pod(*pod).and_then(|pod| pod.workload.clone());
    // Twelve digits are unique enough on one host, not for ever.
    let (method, confidence) = match sign.pod_by {
        Attribution::Mcs => (Attribution::Mcs, Confidence::Low),
        _ if whole => (Attribution::Inventory, Confidence::High),
        _ => (Attribution::Inventory, Confidence::Medium),
    };
    Some(Whose { pod_uid: Some(*pod), workload, method, confidence: Some(confidence) })
}

/// Same host where both are known, and there at that time, give or take the clock's error.
fn agrees(scene: &Scene<'_>, sign: &Sign, stay: &Stay) -> bool {
    let host = |host: Option<Name>| host.map(|host| scene.places.host_name(host));
    let same_host = host(sign.host).zip(host(stay.host)).is_none_or(|(one, other)| one == other);
    let skew = scene.skew(sign.first.source);
    let begun = stay.start.is_none_or(|start| sign.first.time.plus_nanos(skew) >= start);
    let ended = stay.end.is_some_and(|end| sign.first.time.plus_nanos(-skew) > end);
    same_host && begun && !ended
}

/// No container: the SPIRE entry of this host's agent whose selectors the process meets.
fn by_selectors(scene: &Scene<'_>, sign: &Sign) -> Option<Whose> {
    if sign.container.is_some() {
        return None;
    }
    let host = scene.places.host_name(sign.host?);
    let mut found: Vec<(Attribution, String)> = Vec::new();
    scene.places.asked.note(About::Agents);
    for entry in scene.places.entries() {
        let of_this_host = entry.parent.and_then(|agent| scene.places.host_of_agent(agent)) == Some(host);
        let Some((method, workload)) = met(scene, sign, entry).filter(|_| of_this_host).zip(entry.workload)
        else {
            continue;
        };
        let answer = (method, scene.environment.canonical_workload(scene.facts.names.text(workload)));
        found.extend(Some(answer).filter(|answer| !found.contains(answer)));
    }
    let [(method, workload)] = found.as_slice() else { return None };
    let confidence = if *method == Attribution::Unit { Confidence::Medium } else { Confidence::Low };
    Some(Whose {
        pod_uid: None,
        workload: Some(workload.clone()),
        method: *method,
        confidence: Some(confidence),
    })
}

/// By which way the process meets every selector of an entry; none where one differs or cannot be checked.
/// Selector types: SPIRE 1.x, workload attestors `systemd` (id) and `unix` (uid, which is the effective one; path).
fn met(scene: &Scene<'_>, sign: &Sign, entry: &Stay) -> Option<Attribution> {
    let mut method = None;
    for selector in &entry.selectors {
        let selector = scene.facts.names.text(*selector);
        let (kind, met) = if let Some(unit) = selector.strip_prefix("systemd:id:") {
            (Attribution::Unit, scene.text(sign.unit) == Some(unit))
        } else if let Some(uid) = selector.strip_prefix("unix:uid:") {
            (Attribution::UidExe, sign.uid.is_some_and(|known| known.to_string() == uid))
        } else if let Some(path) = selector.strip_prefix("unix:path:") {
            (Attribution::UidExe, scene.text(sign.exe) == Some(path))
        } else {
            return None;
        };
        if !met {
            return None;
        }
        method = if method == Some(Attribution::Unit) { method } else { Some(kind) };
    }
    method
}

/// No container: the only workload that its host is for.
fn by_host(scene: &Scene<'_>, sign: &Sign) -> Option<Whose> {
    if sign.container.is_some() {
        return None;
    }
    let host = scene.places.host_name(sign.host?);
    let mut workloads: Vec<String> = Vec::new();
    for workload in scene.places.host_itself(host).filter_map(|stay| stay.workload) {
        let workload = scene.environment.canonical_workload(scene.facts.names.text(workload));
        workloads.extend(Some(workload).filter(|workload| !workloads.contains(workload)));
    }
    let [workload] = workloads.as_slice() else { return None };
    Some(Whose {
        pod_uid: None,
        workload: Some(workload.clone()),
        method: Attribution::Host,
        confidence: Some(Confidence::Medium),
    })
}

#[cfg(test)]
mod tests;

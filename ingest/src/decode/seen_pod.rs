//! Pods that a sensor sees on its own node: statements of where they are.
//!
//! In: host events that name a pod by its uid. Out: one placement for each pod and container, at its first event in the
//! stream. Owns: the memory of what was stated. Leaves to `correlate`: the end of a stay, and addresses.
//! Law: only a uid tells pods apart, since names return; without uid or node nothing is stated.

use std::collections::BTreeSet;

use offbound_schemas::table::{HostEvent, Placement};
use offbound_schemas::vocabulary::PlacementKind;
use offbound_schemas::{EventId, EventTime};

use super::Record;

/// Pods and containers remembered, 16 bytes each. Nodes run some hundred; beyond the bound all is forgotten, and a
/// statement that is made again says nothing new.
const MAX_STATED: usize = 65_536;
/// Digits of a whole container id.
const CONTAINER_ID_DIGITS: usize = 64;
/// What makes the placement's id another one than those of the record's own rows.
const ID_SALT: &[u8] = b"seen-pod";

/// What one stream has stated.
#[derive(Debug, Default)]
pub(crate) struct SeenPods {
    stated: BTreeSet<EventId>,
}

impl SeenPods {
    /// The placement that `row` states, unless it has been stated. `start` is the container's, where it is known.
    pub(crate) fn state(
        &mut self,
        record: &Record<'_>,
        row: &HostEvent,
        start: Option<EventTime>,
    ) -> Option<Placement> {
        let (host, pod_uid) = (row.host.as_deref()?, row.pod_uid.as_deref()?);
        let container = row.container_id.as_deref().filter(|id| id.len() == CONTAINER_ID_DIGITS);
        let key = [host, pod_uid, container.unwrap_or_default()].map(str::as_bytes);
        if self.stated.len() >= MAX_STATED {
            self.stated.clear();
        }
        if !self.stated.insert(EventId::of(&key)) {
            return None;
        }
        Some(Placement {
            event_id: EventId::of(&[&row.event_id.0, ID_SALT]),
            kind: PlacementKind::Pod,
            host: row.host.clone(),
            namespace: row.namespace.clone(),
            pod: row.pod.clone(),
            pod_uid: row.pod_uid.clone(),
            service_account: row.service_account.clone(),
            container_ids: container.map(str::to_owned).into_iter().collect(),
            start,
            ..record.placement(row.event_time)
        })
    }
}

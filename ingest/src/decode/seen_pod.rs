//! Pods that a sensor sees on its own node: statements of where they are.
//!
//! In: host events that name a pod by its uid. Out: one placement for each pod and container, at its first event in the
//! stream. Owns: the memory of what was stated. Leaves to `correlate`: the end of a stay, and addresses.
//! Law: only a uid tells pods apart, since names return; without uid or node nothing is stated.

use std::collections::HashSet;

use ahash::RandomState;
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

/// What an event says about the pod of its process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Identity and moment of the event's row.
    pub(crate) event: (EventId, EventTime),
    /// Node.
    pub(crate) host: Option<&'a str>,
    /// Namespace of the pod.
    pub(crate) namespace: Option<&'a str>,
    /// Its name.
    pub(crate) pod: Option<&'a str>,
    /// Its uid.
    pub(crate) pod_uid: Option<&'a str>,
    /// Its service account.
    pub(crate) service_account: Option<&'a str>,
    /// The container, as the sensor cut its id.
    pub(crate) container_id: Option<&'a str>,
    /// When the container started, where that is known.
    pub(crate) start: Option<EventTime>,
}

impl<'a> Seen<'a> {
    fn of(row: &'a HostEvent, start: Option<EventTime>) -> Self {
        Self {
            event: (row.event_id, row.event_time),
            host: row.host.as_deref(),
            namespace: row.namespace.as_deref(),
            pod: row.pod.as_deref(),
            pod_uid: row.pod_uid.as_deref(),
            service_account: row.service_account.as_deref(),
            container_id: row.container_id.as_deref(),
            start,
        }
    }
}

/// What one stream has stated.
#[derive(Debug, Default)]
pub struct SeenPods {
    stated: HashSet<u128, RandomState>,
    /// Keyed at random, so that nobody can write two pods that are taken for one.
    hashers: [RandomState; 2],
}

impl SeenPods {
    /// The placement that `row` states, unless it has been stated. `start` is the container's, where it is known.
    pub(crate) fn state(
        &mut self,
        record: &Record<'_>,
        row: &HostEvent,
        start: Option<EventTime>,
    ) -> Option<Placement> {
        self.state_seen(record, &Seen::of(row, start))
    }

    /// The placement that is seen, unless it has been stated.
    pub(crate) fn state_seen(&mut self, record: &Record<'_>, seen: &Seen<'_>) -> Option<Placement> {
        let (host, pod_uid) = (seen.host?, seen.pod_uid?);
        let container = seen.container_id.filter(|id| id.len() == CONTAINER_ID_DIGITS);
        let key = (host, pod_uid, container);
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(key)));
        if self.stated.len() >= MAX_STATED {
            self.stated.clear();
        }
        if !self.stated.insert(high << 64 | low) {
            return None;
        }
        let (event_id, event_time) = seen.event;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Placement {
            event_id: EventId::of(&[&event_id.0, ID_SALT]),
            kind: PlacementKind::Pod,
            host: owned(seen.host),
            namespace: owned(seen.namespace),
            pod: owned(seen.pod),
            pod_uid: owned(seen.pod_uid),
            service_account: owned(seen.service_account),
            container_ids: container.map(str::to_owned).into_iter().collect(),
            start: seen.start,
            ..record.placement(event_time)
        })
    }
}

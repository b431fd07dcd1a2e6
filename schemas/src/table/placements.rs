//! Placements: which workload was where, when.

use super::table;
use crate::vocabulary::PlacementKind;
use crate::{EventId, EventTime, TextList};

table!(Placement "placements" "One row per statement that a workload, host or agent was at a place."; {
    /// Identity of the record.
    event_id: EventId = "metadata.uid",
    /// When the statement was made (UTC).
    event_time: EventTime = "time",
    /// Source label: `format` or `format:instance`.
    source: String = "metadata.product.name",
    /// Where the record is: `path:line`, or `topic/partition/offset`.
    location: String = "metadata.log_name",
    /// What is placed.
    kind: PlacementKind = "",
    /// Address space: a `[realm.…]` of the environment file; null when the record does not name it.
    realm: Option<String> = "",
    /// Workload: SPIFFE ID, `system:serviceaccount:…` or instance ARN.
    workload: Option<String> = "",
    /// Other names of the workload.
    aliases: TextList = "",
    /// Host name.
    host: Option<String> = "device.hostname",
    /// Host uid: machine id, node uid or cloud instance id.
    host_uid: Option<String> = "device.uid",
    /// Namespace.
    namespace: Option<String> = "",
    /// Pod name.
    pod: Option<String> = "",
    /// Pod uid.
    pod_uid: Option<String> = "",
    /// Service account name.
    service_account: Option<String> = "",
    /// Container ids, 64 lower hex digits.
    container_ids: TextList = "",
    /// Addresses, without port.
    addresses: TextList = "device.ip",
    /// True when the addresses are shared with others (host network).
    shared: bool = "",
    /// From when it was there; null when the record does not say.
    start: Option<EventTime> = "start_time",
    /// Until when; null when it still was at `event_time`.
    end: Option<EventTime> = "end_time",
    /// True when `end` is when its deletion or a stop was asked for, and nothing says that it is over: it may go on for a
    /// while, or come back.
    may_go_on: bool = "",
    /// SPIRE selectors of an entry, `type:value`.
    selectors: TextList = "",
    /// SPIFFE ID of the parent (agent) of an entry.
    parent: Option<String> = "",
    /// The record's own id (entry id, agent serial).
    native_id: Option<String> = "",
    /// Expiry of the agent's SVID or of the entry.
    expires: Option<EventTime> = "",
    /// Fields that no column holds, as JSON, at most 4096 bytes.
    unmapped: Option<String> = "unmapped",
    /// The record itself, secrets replaced, at most 16384 bytes.
    raw: String = "raw_data",
});

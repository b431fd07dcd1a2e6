//! From a recognised record to rows: what a log format is, and the list of all of them.
//!
//! In: one record, its envelopes peeled and its secrets already replaced. Out: rows of the event tables.
//! Owns: the contract of a format ([`Format`], [`Decode`]) and the list [`FORMATS`]; each format is one file.
//! Leaves to `recognise` the choice of the format, to `pipeline` the counting and the dead letters.
//! Law FLOW-2: decoding never panics and is a function of the stream's bytes.

use offbound_schemas::table::{HostEvent, IdentityAssertion, Placement};
use offbound_schemas::{EventId, EventRows, EventTime};
use serde_json::Value;

use crate::fast::Fate;

mod act;
pub(crate) mod address;
mod auditbeat;
mod auoms;
mod azure_activity;
mod cgroup;
mod cloudtrail;
#[cfg(test)]
mod corpus;
pub(crate) mod credential_path;
mod ec2_instances;
mod entra;
mod envoy;
mod falco;
mod fapolicyd;
pub(crate) mod field;
mod gcp_audit;
mod gke_metadata;
mod grpc_rbac;
#[cfg(test)]
mod host_corpus;
mod hubble;
mod inside;
mod inspektor_gadget;
mod k8s_audit;
mod keycloak;
pub(crate) mod known_keys;
mod kubearmor;
mod kubernetes_pods;
mod kubescape;
mod laurel;
mod linkerd;
mod linux_audit;
mod loose;
mod okta;
mod opa;
mod osquery;
mod pairs;
mod placement_feed;
mod seen_pod;
mod spire;
pub(crate) mod subject;
mod syscall;
mod sysmon;
mod technique;
mod teleport;
mod tetragon;
mod tracee;
pub(crate) mod tree;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod twisted;
mod vault_audit;
mod vm_connection;
mod wazuh;
mod zeek;
mod ztunnel;

pub use inside::Held;
pub(crate) use inside::Inside;

pub(crate) use cloudtrail::FAST as FAST_CLOUDTRAIL;
pub(crate) use envoy::FAST as FAST_ENVOY;
pub(crate) use falco::FAST as FAST_FALCO;
pub(crate) use k8s_audit::FAST as FAST_K8S_AUDIT;
pub(crate) use linux_audit::PLAIN as PLAIN_LINUX_AUDIT;
pub(crate) use seen_pod::{Seen, SeenPods};
pub(crate) use spire::{FAST_AGENT as FAST_SPIRE_AGENT, FAST_SERVER as FAST_SPIRE_SERVER};
pub(crate) use tetragon::FAST as FAST_TETRAGON;

/// Confidence in a record that only fits because of those around it; alone it stays unknown.
pub(crate) const WEAK_CONFIDENCE: u8 = 10;
/// How log services (CloudWatch for EKS) mark a record that they cut off.
pub(crate) const CUT_MARK: &str = "[Truncated";
/// Longest text kept in a `raw` column, in bytes: enough for every record seen in the field but a few.
pub const MAX_RAW_BYTES: usize = 16 * 1024;
/// Longest text kept in an `unmapped` column, in bytes.
pub const MAX_UNMAPPED_BYTES: usize = 4 * 1024;

/// One log format.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Id, as in source labels: `k8s-audit`.
    pub id: &'static str,
    /// Which tool writes it, in a few words.
    pub title: &'static str,
    /// Tables that it fills.
    pub fills: &'static [&'static str],
    /// One sample line, made up.
    pub sample: &'static str,
    /// How records of this format are told apart from repeated deliveries of themselves.
    pub identity: Identity,
    /// How surely a record is of this format: 0 (not at all) to 100.
    pub sniff: fn(&Record<'_>) -> u8,
    /// A fresh decoder for one stream.
    pub decoder: fn() -> Box<dyn Decode>,
}

/// What makes two equal records of one stream two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The bytes hold a unique id or a fine enough time: equal bytes are the same event, delivered twice.
    Bytes,
    /// They do not: equal bytes in one stream are as many events as there are occurrences.
    BytesAndOccurrence,
}

/// A decoder of one stream; it may gather several records into one row.
pub trait Decode: Send {
    /// Reads one record; rows go to `rows`.
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict;

    /// Whether what was decoded so far says nothing about what comes: then several decoders may share a stream.
    fn is_stateless(&self) -> bool {
        false
    }

    /// Whether some records say something about those that come much later, though not yet: then a stream that is read
    /// from its middle is begun earlier.
    fn looks_back(&self) -> bool {
        !self.is_stateless()
    }

    /// Reads a plain line that was neither recognised nor identified, as [`Decode::decode`] would; none leaves it to
    /// that. `is_clean` is asked last: when it has said yes, the line is read.
    fn decode_plain(
        &mut self,
        _record: &Record<'_>,
        _is_clean: &mut dyn FnMut() -> bool,
        _rows: &mut EventRows,
    ) -> Option<Fate> {
        None
    }

    /// Where the decoder remembers the pods that it stated: its fast path states them too.
    fn seen_pods(&mut self) -> Option<&mut SeenPods> {
        None
    }

    /// What was taken in and is not out yet. Whoever implements [`Decode::finish`] says so here.
    fn held(&self) -> Held {
        Held::default()
    }

    /// The stream has ended, or is quiet: rows still being gathered come out now. More may follow.
    fn finish(&mut self, _rows: &mut EventRows) {}
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It gave rows, or is part of a row that is still being gathered.
    Decoded,
    /// It is left out on purpose; the name says why (a closed set, such as `request-received`).
    Skipped(&'static str),
    /// It cannot be read.
    Rejected(Reject),
}

impl From<Fate> for Verdict {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Decoded => Self::Decoded,
            Fate::Skipped(name) => Self::Skipped(name),
        }
    }
}

/// Why a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Reason code from a closed set, such as `missing-field`.
    pub reason: &'static str,
    /// What is wrong, for a reader; names the field and the offending value.
    pub detail: String,
}

impl Verdict {
    /// Refuses a record: `reason` is a code, `detail` is for a reader.
    pub fn reject(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::Rejected(Reject { reason, detail: detail.into() })
    }
}

/// What the envelopes around a record said. The envelope's pod is the sensor's own, never the subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Envelopes peeled, outermost first, such as `["docker-json", "syslog"]`.
    pub layers: Vec<&'static str>,
    /// Host that wrote or shipped the record.
    pub host: Option<String>,
    /// Time that the innermost envelope gives.
    pub time: Option<EventTime>,
    /// Boot id (journald).
    pub boot_id: Option<String>,
    /// systemd unit (journald).
    pub unit: Option<String>,
    /// Program that logged (syslog tag, journald identifier, container name).
    pub program: Option<String>,
    /// Cloud account (CloudWatch owner, EventBridge account).
    pub account: Option<String>,
    /// Log group, cluster or resource that the record came through.
    pub origin: Option<String>,
    /// The shipper's own stream (file, pod of the sensor, partition): what belongs together, and never the subject.
    pub stream: Option<String>,
}

/// One record, ready to be decoded.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The payload inside all envelopes, secrets replaced. Lossless where the input was UTF-8.
    pub text: &'a str,
    /// The payload as JSON, when it is one JSON value.
    pub json: Option<&'a Value>,
    /// What the envelopes said.
    pub envelope: &'a Envelope,
    /// Source label: `format` or `format:instance`.
    pub source: &'a str,
    /// Where the record is: `path:line`.
    pub location: &'a str,
    /// Identity of the record; rows beyond the first take [`Record::row_id`].
    pub event_id: EventId,
}

impl Record<'_> {
    /// Identity of the `index`-th row that this record gives.
    #[must_use]
    pub fn row_id(&self, index: u32) -> EventId {
        row_id(self.event_id, index)
    }

    /// The payload, cut to what a `raw` column keeps.
    #[must_use]
    pub fn raw(&self) -> String {
        cut(self.text, MAX_RAW_BYTES).to_owned()
    }

    /// A host event with identity, source, location, host and raw text filled in.
    #[must_use]
    pub fn host_event(&self, event_time: EventTime) -> HostEvent {
        HostEvent {
            event_id: self.event_id,
            event_time,
            source: self.source.to_owned(),
            location: self.location.to_owned(),
            host: self.envelope.host.clone(),
            boot_id: self.envelope.boot_id.clone(),
            raw: self.raw(),
            ..HostEvent::default()
        }
    }

    /// An identity assertion with identity, source, location and raw text filled in.
    #[must_use]
    pub fn assertion(&self, event_time: EventTime) -> IdentityAssertion {
        IdentityAssertion {
            event_id: self.event_id,
            event_time,
            source: self.source.to_owned(),
            location: self.location.to_owned(),
            recorder_host: self.envelope.host.clone(),
            raw: self.raw(),
            ..IdentityAssertion::default()
        }
    }

    /// A placement with identity, source, location and raw text filled in.
    #[must_use]
    pub fn placement(&self, event_time: EventTime) -> Placement {
        Placement {
            event_id: self.event_id,
            event_time,
            source: self.source.to_owned(),
            location: self.location.to_owned(),
            raw: self.raw(),
            ..Placement::default()
        }
    }
}

/// Identity of the `index`-th row that the record with this identity gives.
pub(crate) fn row_id(event_id: EventId, index: u32) -> EventId {
    if index == 0 { event_id } else { EventId::of(&[&event_id.0, &index.to_le_bytes()]) }
}

/// The longest prefix of `text` that has at most `max_bytes` and ends between characters.
#[must_use]
pub fn cut(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text)
}

/// Every format, in the order in which they are asked; ties go to the earlier one.
#[rustfmt::skip] // one format a line
pub const FORMATS: &[Format] = &[
    k8s_audit::FORMAT,
    cloudtrail::FORMAT,
    envoy::FORMAT,
    kubernetes_pods::FORMAT,
    placement_feed::FORMAT,
    tetragon::FORMAT,
    linux_audit::FORMAT,
    laurel::FORMAT,
    auoms::FORMAT,
    auditbeat::FORMAT,
    sysmon::FORMAT,
    wazuh::FORMAT,
    falco::FORMAT,
    tracee::FORMAT,
    kubearmor::FORMAT,
    kubescape::FORMAT,
    fapolicyd::FORMAT,
    inspektor_gadget::FORMAT,
    osquery::FORMAT,
    zeek::FORMAT,
    vm_connection::FORMAT,
    gke_metadata::FORMAT,
    spire::SERVER,
    spire::AGENT,
    ec2_instances::FORMAT,
    teleport::FORMAT,
    gcp_audit::FORMAT,
    entra::FORMAT,
    azure_activity::FORMAT,
    okta::FORMAT,
    keycloak::FORMAT,
    ztunnel::FORMAT,
    linkerd::FORMAT,
    hubble::FORMAT,
    vault_audit::FORMAT,
    opa::FORMAT,
    grpc_rbac::FORMAT,
];

//! Endings: when a credential, or whoever it belongs to, was gone for good, as far as a record says so.
//!
//! In: what is known of a credential, stays. Out: the end that verifiers had to know of first, and by when.
//! Owns: how long honest uses may follow an end, and which verifiers ask for it.
//! Law: an end that may be taken back, or of which only the beginning is recorded, is none.

use offbound_schemas::EventTime;
use offbound_schemas::table::{Use, identity_assertions, placements};
use offbound_schemas::vocabulary::{AddrQuality, PlacementKind};

use super::Scene;
use crate::fact::binding::{Held, Lasting};
use crate::fact::evidence::Witness;
use crate::fact::placement::Stay;
use crate::fact::usage::Usage;
use crate::matching::Bound;

const NANOS_PER_SEC: i64 = 1_000_000_000;
/// The API server refuses a token one minute after its pod's deletion timestamp (kubernetes/kubernetes
/// `pkg/serviceaccount/claims.go`); who asks it by webhook may remember the answer for two minutes (kubelet
/// `--authentication-token-webhook-cache-ttl`).
const POD_NANOS: i64 = (60 + 120) * NANOS_PER_SEC;
/// Clouds and clusters of several servers tell each other of a revocation within minutes: IAM says no more than
/// "eventually consistent".
const REVOCATION_NANOS: i64 = 5 * 60 * NANOS_PER_SEC;
/// A machine that is told to stop for good may take its time.
const HOST_NANOS: i64 = 60 * 60 * NANOS_PER_SEC;
/// The format of the records of the one verifier of pods' tokens that asks whether their pod lives.
const ASKS_FOR_PODS: &str = "k8s-audit";
/// The kind of those tokens.
const POD_TOKEN: &str = "k8s-token";

/// What ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Revocation,
    Pod,
    Host,
}

impl By {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Pod => "pod",
            Self::Host => "host",
        }
    }
}

/// The end of a credential, or of whoever it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) by: By,
    pub(crate) at: EventTime,
    /// How long after it uses may still be honest, but for the clock of whoever records them.
    pub(crate) grace_nanos: i64,
    /// The record that says so.
    pub(crate) witness: Witness,
}

impl Ending {
    fn new(scene: &Scene<'_>, by: By, (at, witness): (EventTime, Witness)) -> Self {
        let nanos = match by {
            By::Revocation => REVOCATION_NANOS,
            By::Pod => POD_NANOS,
            By::Host => HOST_NANOS,
        };
        Self { by, at, grace_nanos: nanos + scene.skew(witness.source), witness }
    }

    /// The table of that record, and what it is to a finding.
    pub(crate) fn told_in(&self) -> (&'static str, &'static str) {
        match self.by {
            By::Revocation => (identity_assertions::NAME, "revocation"),
            By::Pod | By::Host => (placements::NAME, "end"),
        }
    }
}

/// The end that verifiers had to know of first.
pub(crate) fn of(scene: &Scene<'_>, held: &Held, bound: &Bound) -> Option<Ending> {
    let ended = |by: By| move |told: (EventTime, Witness)| Ending::new(scene, by, told);
    let revoked = revocation(scene, held).map(ended(By::Revocation));
    let pod = held.pod_uid.and_then(|pod| last(scene.places.pod(pod))).map(ended(By::Pod));
    let is_machine = held.pod_uid.is_none() && held.instance.or(held.host_uid).is_some();
    let host = bound.host.filter(|_| is_machine).and_then(|host| {
        let own = || scene.places.host_itself(host).filter(|stay| stay.kind == PlacementKind::Host);
        last(own()).filter(|_| own().all(|stay| stay.over.is_some()))
    });
    let host = host.map(ended(By::Host));
    let ends = [revoked, pod, host].into_iter().flatten();
    ends.min_by_key(|ending| (ending.at.plus_nanos(ending.grace_nanos), ending.witness.id))
}

/// When it was revoked, unless that may have been taken back.
fn revocation(scene: &Scene<'_>, held: &Held) -> Option<(EventTime, Witness)> {
    let revoked = held.revoked?;
    let told_all = || {
        let source = scene.facts.names.text(revoked.by.source);
        scene.environment.completeness(source).is_some_and(|source| source.complete)
    };
    let is_sure = match revoked.lasting {
        Lasting::ForGood => true,
        Lasting::UntilRevived => told_all(),
        Lasting::Open => false,
    };
    is_sure.then_some((revoked.by.time, revoked.by))
}

/// The end of the last of some stays, if one is over for good.
fn last<'a>(stays: impl Iterator<Item = &'a Stay>) -> Option<(EventTime, Witness)> {
    stays.filter_map(|stay| stay.over).max_by_key(|(end, told)| (*end, told.id))
}

/// Whether whoever recorded a use knew of an end, or asks for it at each use.
pub(crate) fn is_checked(scene: &Scene<'_>, usage: &Usage, kind: Option<&str>, ending: &Ending) -> bool {
    let names = &scene.facts.names;
    let format = names.text(usage.key.source).split(':').next();
    match ending.by {
        By::Revocation => usage.key.source == ending.witness.source,
        By::Pod => kind == Some(POD_TOKEN) && format == Some(ASKS_FOR_PODS),
        By::Host => false,
    }
}

/// Whether a use came after the end. What a service does on somebody's behalf may go on when they are gone.
pub(crate) fn is_after(row: &Use) -> bool {
    row.addr_quality != AddrQuality::Service
        && row.ended_at.is_some_and(|end| row.first_time > end.plus_nanos(row.end_grace_nanos))
}

/// Whether it was let in then by somebody who must have been another than the owner: that was gone.
pub(crate) fn is_of_nobody(row: &Use) -> bool {
    let is_revoked = row.ended_by.as_deref() == Some(By::Revocation.as_str());
    is_after(row) && !is_revoked && row.let_in
}

//! Bindings as rows: what each credential belongs to, with its grade.
//!
//! In: what the facts hold of a credential. Out: a row of table `bindings`.
//! Owns: nothing but the join with placements.

use offbound_schemas::table::Binding;

use super::Scene;
use super::uses::Lifetime;
use crate::fact::binding::Held;

/// The row of one credential.
pub(crate) fn row(scene: &Scene<'_>, held: &Held) -> Option<Binding> {
    let names = &scene.facts.names;
    let workload = names.text_of(held.subject).map(|subject| scene.environment.canonical_workload(subject));
    let bound = scene.bound_held(held, workload.clone());
    let lifetime = Lifetime::of(Some(held));
    let witnesses = [held.issue, held.claim, held.first_use];
    let mut evidence: Vec<String> =
        witnesses.iter().flatten().map(|witness| witness.id.to_string()).collect();
    evidence.dedup();
    Some(Binding {
        credential_id: names.owned_id(held.id)?,
        aliases: held.aliases.iter().map(|alias| names.id_text(*alias).into_owned()).collect(),
        credential_kind: names.text_of(held.kind).unwrap_or("unknown").to_owned(),
        subject: names.owned(held.subject),
        workload,
        realm: None,
        host: scene.host_text(bound.host),
        pod_uid: names.owned(bound.pod_uid),
        instance: names.owned(held.instance),
        addresses: bound.first_address.map(|address| names.text(address).to_owned()).into_iter().collect(),
        issuer: names.owned(held.issuer),
        parent_id: names.owned_id(held.parent),
        iat: held.iat,
        valid_from: lifetime.from,
        valid_to: lifetime.to,
        effective_ttl_secs: lifetime.ttl_secs,
        revoked_at: held.revoked_at(),
        grade: bound.grade,
        issued: held.issue.is_some(),
        evidence,
    })
}

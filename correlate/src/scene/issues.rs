//! Issues as rows: credentials that were handed out for longer than their kind may live, and who got them.
//!
//! In: what is known of a credential. Out: a row of table `issues`, if its own issuing record says so.
//! Owns: where its minter belongs. Law: what other records say of its end counts for nothing here.

use offbound_schemas::table::Issue;

use super::Scene;
use crate::asked::{About, Key};
use crate::fact::binding::Held;
use crate::names::Id;

/// By what the row of one credential is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IssueKeys {
    /// Itself.
    own: Key,
    /// Whom it stands for.
    pub(crate) subject: Key,
    /// What it was got with.
    parent: Option<Key>,
    /// Where that belongs.
    pub(crate) scope: Option<Key>,
}

impl IssueKeys {
    /// All of them.
    pub(crate) fn all(self) -> impl Iterator<Item = Key> {
        [Some(self.own), Some(self.subject), self.parent, self.scope].into_iter().flatten()
    }
}

/// The row of one credential.
pub(crate) fn row(scene: &Scene<'_>, held: &Held) -> Option<Issue> {
    let names = &scene.facts.names;
    let overlong = held.overlong?;
    let kind = names.text_of(held.kind)?;
    Some(Issue {
        issue_id: overlong.by.id.to_string(),
        issue_time: overlong.by.time,
        credential_id: names.owned_id(held.id)?,
        credential_kind: kind.to_owned(),
        subject: names.owned(held.subject),
        workload: workload(scene, held),
        parent_id: names.owned_id(held.parent),
        minter_scope: minter_scope(scene, held),
        ttl_secs: overlong.ttl_secs,
        granted_ttl_secs: overlong.granted_ttl_secs,
        max_ttl_secs: scene.environment.max_ttl_secs(kind)?,
    })
}

/// By what it is found; none where there is no row.
pub(crate) fn keys(scene: &Scene<'_>, held: &Held) -> Option<IssueKeys> {
    held.overlong?;
    let whose = scene.id_text(held.subject.map(Id::from).or(held.id))?;
    Some(IssueKeys {
        own: About::Holder(&scene.id_text(held.id).unwrap_or_default()).key(),
        subject: About::Subject(&whose).key(),
        parent: held.parent.map(|parent| About::Credential(parent).key()),
        scope: minter_scope(scene, held).map(|scope| About::Scope(&scope).key()),
    })
}

fn workload(scene: &Scene<'_>, held: &Held) -> Option<String> {
    Some(scene.environment.canonical_workload(scene.text(held.subject)?))
}

/// The pod that the credential belongs to with which it was got.
fn minter_scope(scene: &Scene<'_>, held: &Held) -> Option<String> {
    let minter = scene.facts.bindings.get(held.parent?)?;
    scene.scope_text(Some(minter.pod_uid?), None)
}

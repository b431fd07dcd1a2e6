//! Who made a call of Google Cloud, and with whose identity.
//!
//! In: `authenticationInfo`. Out: subject, presenter, issuer, key and namespace of a row.
//! Owns: the spellings of a principal: an e-mail address, `serviceAccount:…`, `principal://…/subject/…` of a federated
//! pool, `PROJECT.svc.id.goog[NS/NAME]` of GKE. Law: GKE's spellings name a Kubernetes service account, and become one.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::IdKind;
use serde_json::Value;

use super::super::subject::ServiceAccount;
use super::super::{field, loose};
use super::{at, string_at};

/// A principal taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Principal {
    /// Who it is, as others name it.
    pub(super) subject: String,
    /// The pool that vouches for a federated subject.
    pub(super) issuer: Option<String>,
    /// Namespace, where the subject is a Kubernetes service account.
    pub(super) namespace: Option<String>,
}

impl Principal {
    /// Reads any spelling; a text of no known spelling is a subject as it stands.
    pub(super) fn of(text: &str) -> Self {
        if let Some((pool, subject)) = federated(text) {
            let account = if pool.ends_with(".svc.id.goog") { of_gke_path(subject) } else { None };
            let issuer = Some(format!("//iam.googleapis.com/{pool}"));
            return Self::named(account, subject, issuer);
        }
        let bare = ["serviceAccount:", "user:", "group:"].iter().find_map(|kind| text.strip_prefix(kind));
        let bare = bare.unwrap_or(text);
        Self::named(of_gke_bracket(bare), bare, None)
    }

    fn named(account: Option<ServiceAccount<'_>>, text: &str, issuer: Option<String>) -> Self {
        let subject = account.map_or_else(|| text.to_owned(), |account| account.subject());
        Self { subject, issuer, namespace: account.map(|account| account.namespace.to_owned()) }
    }
}

/// Pool and subject of `principal://iam.googleapis.com/POOL/subject/SUBJECT`.
fn federated(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("principal://iam.googleapis.com/")?.split_once("/subject/")
}

/// `ns/NAMESPACE/sa/NAME`, the subject in a pool of GKE.
fn of_gke_path(subject: &str) -> Option<ServiceAccount<'_>> {
    let (namespace, name) = subject.strip_prefix("ns/")?.split_once("/sa/")?;
    Some(ServiceAccount { namespace, name })
}

/// `PROJECT.svc.id.goog[NAMESPACE/NAME]`.
fn of_gke_bracket(text: &str) -> Option<ServiceAccount<'_>> {
    let (_, inside) = text.split_once(".svc.id.goog[")?;
    let (namespace, name) = inside.strip_suffix(']')?.split_once('/')?;
    Some(ServiceAccount { namespace, name })
}

/// Fills who called. With delegation, the identity used is the last of a chain that begins at the true caller.
pub(super) fn fill(row: &mut IdentityAssertion, payload: &Value) {
    let text = |key: &str| string_at(payload, &["authenticationInfo", key]);
    let stated = text("principalEmail").or_else(|| text("principalSubject"));
    if let Some(principal) = stated.map(|stated| Principal::of(&stated)) {
        row.subject = Some(principal.subject);
        row.issuer = principal.issuer;
        row.bound_namespace = principal.namespace;
    }
    row.presenter = first_delegate(payload).filter(|who| Some(who) != row.subject.as_ref());
    let key = text("serviceAccountKeyName").as_deref().and_then(key_id).map(str::to_owned);
    if let Some(key) = key {
        set_key(row, key);
    }
}

/// The first authority of the delegation that is named; entries may be empty.
fn first_delegate(payload: &Value) -> Option<String> {
    let chain = at(payload, &["authenticationInfo", "serviceAccountDelegationInfo"])?.as_array()?;
    chain.iter().find_map(|delegate| {
        let named = loose::string_at(delegate, &["firstPartyPrincipal", "principalEmail"]);
        named
            .or_else(|| loose::string_at(delegate, &["principalSubject"]))
            .map(|name| Principal::of(&name).subject)
    })
}

/// The id at the end of `//iam.googleapis.com/projects/P/serviceAccounts/A/keys/ID`.
pub(super) fn key_id(name: &str) -> Option<&str> {
    name.split_once("/keys/").map(|(_, id)| id).filter(|id| !id.is_empty() && !id.contains('/'))
}

/// Sets a service account key as the credential.
pub(super) fn set_key(row: &mut IdentityAssertion, id: String) {
    row.credential_id = Some(id);
    row.id_kind = IdKind::AccessKey;
    row.credential_kind = Some("gcp-key".to_owned());
}

/// The service account at the end of `projects/-/serviceAccounts/ACCOUNT`, as a resource or request names it.
pub(super) fn account_of(name: &str) -> Option<&str> {
    let account = name.split_once("/serviceAccounts/")?.1;
    let account = account.split('/').next()?;
    (!account.is_empty()).then_some(account)
}

/// The account that a request is about.
pub(super) fn requested_account(payload: &Value) -> Option<String> {
    let named =
        field::str_at(payload, &["request", "name"]).or_else(|| field::str_at(payload, &["resourceName"]));
    named.and_then(account_of).map(str::to_owned)
}

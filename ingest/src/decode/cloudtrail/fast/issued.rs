//! Credentials that a plain call handed out, straight into columns.
//!
//! In: a plain call whose answer has credentials. Out: what its second row says, as `super::super::issued` has it.
//! Leaves to the strict path: the sets of credentials of Roles Anywhere, and what is no text where text is meant.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions::Builder;
use offbound_schemas::vocabulary::{Decision, IdKind, Phase};
use serde_json::{Value, json};

use super::super::super::subject::{ServiceAccount, is_instance_id};
use super::super::issued::tag;
use super::super::{BY_NAME, STS, is_access_key, key_kind, time_text};
use super::{
    ANCHOR, ASSOCIATION, CREDENTIAL_SET, CREDENTIALS, Call, DURATION, EXTERNAL_ID, FEDERATED_ARN,
    FEDERATED_ID, INVOKED_BY, NAMED, NEW_ARN, NEW_EXPIRY, NEW_ID, NEW_ID_OF_EKS, NEW_KEY, POLICY,
    PRINCIPAL_TAGS, PROFILE, PROVIDER_SAID, SERVED_ACCOUNT, SERVED_NAMESPACE, SESSION_NAME, SLOTS,
    SOURCE_ASKED, SUBJECT_ARN, TAGS,
};
use crate::fast::{Slot, Strict, Unmapped};

/// The parameters that name a role, and a cluster.
const ROLE_ARN: usize = NAMED;
const CLUSTER: usize = NAMED + 9;

/// What the row of new credentials says beyond that of the call.
pub(super) struct Issued<'c, 's, 'a> {
    call: &'c Call<'s, 'a>,
    key: Option<&'a str>,
    expiry: Option<EventTime>,
    subject: Option<Cow<'a, str>>,
    subject_uid: Option<Cow<'a, str>>,
    is_exchanged: bool,
    instance: Option<&'a str>,
    pod: Pod<'a>,
    unmapped: Option<String>,
}

impl<'c, 's, 'a> Issued<'c, 's, 'a> {
    /// Of the credentials that `call` handed out, if it did.
    pub(super) fn of(call: &'c Call<'s, 'a>) -> Result<Option<Self>, Strict> {
        let slots = call.slots;
        if !slots[CREDENTIAL_SET].is_nothing() {
            return Err(Strict);
        }
        if slots[CREDENTIALS].is_nothing() {
            return Ok(None);
        }
        slots[CREDENTIALS].is_object()?.then_some(()).ok_or(Strict)?;
        let key = slots[NEW_KEY].plain()?.filter(|key| is_access_key(key));
        let hands_out = call.name.starts_with("AssumeRo")
            || matches!(call.name, "GetSessionToken" | "GetFederationToken" | "CreateSession");
        if call.judged().0 == Decision::Deny || !(hands_out || key.is_some()) {
            return Ok(None);
        }
        // A certificate may be what they were got with.
        if call.source == "rolesanywhere.amazonaws.com" {
            return Err(Strict);
        }
        let name = |what: &str| call.name.contains(what);
        let given = [slots[SESSION_NAME].plain()?, slots[SOURCE_ASKED].plain()?];
        Ok(Some(Self {
            call,
            key,
            expiry: slots[NEW_EXPIRY].text()?.and_then(|text| time_text(&text)),
            subject: subject(call)?,
            subject_uid: first(slots, &[NEW_ID, NEW_ID_OF_EKS, FEDERATED_ID])?,
            is_exchanged: call.key.is_some() || name("WithWebIdentity") || name("WithSAML"),
            instance: given.into_iter().flatten().find(|name| is_instance_id(name)),
            pod: Pod::of(call)?,
            unmapped: unmapped(slots)?,
        }))
    }

    /// Writes the row.
    pub(super) fn write(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let Self { call, pod, .. } = self;
        let phase = if self.is_exchanged { Phase::Exchange } else { Phase::Issue };
        columns.phase.put_text(row, phase.as_str());
        call.write_request(columns, row, buffer);
        for (text, column) in [
            (self.key, &mut columns.credential_id),
            (Some(self.key.map_or("aws-session", key_kind)), &mut columns.credential_kind),
            (self.subject.as_deref(), &mut columns.subject),
            (self.subject_uid.as_deref(), &mut columns.subject_uid),
            (call.key, &mut columns.parent_id),
            (call.subject.as_deref(), &mut columns.presenter),
            (Some(STS), &mut columns.issuer),
            (self.instance, &mut columns.bound_instance),
            (pod.name.as_deref(), &mut columns.bound_pod),
            (pod.uid.as_deref(), &mut columns.bound_pod_uid),
            (pod.namespace.as_deref(), &mut columns.bound_namespace),
            (pod.cluster.as_deref(), &mut columns.cluster),
            (pod.account.as_deref(), &mut columns.on_behalf_of),
            (self.unmapped.as_deref(), &mut columns.unmapped),
        ] {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        }
        if self.key.is_some() {
            columns.id_kind.put(row, &IdKind::AccessKey);
        }
        columns.iat.put(row, &Some(call.time));
        columns.exp.put(row, &self.expiry);
        // The address is where an old credential was shown; the new one has not been shown anywhere yet.
        if !self.is_exchanged {
            columns.addr_quality.put(row, &call.quality());
            if let Some(address) = call.address {
                columns.src_addr.put_text(row, address);
            }
        }
        let is_said = call.slots[INVOKED_BY].text_or_none().as_deref() == Some("ec2.amazonaws.com");
        if self.instance.is_some() && !is_said {
            columns.trust_flags.put_texts(row, [BY_NAME].into_iter().chain(call.remark));
        }
    }
}

/// The first of these that is there; what is no text is not plain.
fn first<'a>(slots: &[Slot<'a>; SLOTS], of: &[usize]) -> Result<Option<Cow<'a, str>>, Strict> {
    for slot in of {
        if let Some(text) = slots[*slot].text()? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// The session's name, as `super::super::issued::subject` has it.
fn subject<'a>(call: &Call<'_, 'a>) -> Result<Option<Cow<'a, str>>, Strict> {
    let slots = call.slots;
    let spelled_out = first(slots, &[NEW_ARN, FEDERATED_ARN])?;
    let put_together = || {
        let (role, session) = (slots[ROLE_ARN].text_or_none()?, slots[SESSION_NAME].text_or_none()?);
        let (head, path) = role.split_once(":role/")?;
        let role_name = path.rsplit('/').next()?;
        let head = head.replacen(":iam:", ":sts:", 1);
        Some(Cow::Owned([&head, ":assumed-role/", role_name, "/", &session].concat()))
    };
    let own = || call.subject.clone().filter(|_| call.name == "GetSessionToken");
    Ok(spelled_out.or_else(put_together).or_else(own))
}

/// The pod that credentials are for.
struct Pod<'a> {
    name: Option<String>,
    uid: Option<String>,
    namespace: Option<Cow<'a, str>>,
    cluster: Option<Cow<'a, str>>,
    /// Its service account, as Kubernetes writes it.
    account: Option<String>,
}

impl<'a> Pod<'a> {
    /// As `super::super::issued::fill_pod` does.
    fn of(call: &Call<'_, 'a>) -> Result<Self, Strict> {
        let slots = call.slots;
        let tags = tags(slots)?;
        let tag = |name: &str| tags.as_ref().and_then(|tags| tag(tags, name));
        let owned = |name: &str| tag(name).map(Cow::Owned);
        let of_arn = || tag("eks-cluster-arn")?.rsplit('/').next().map(|name| Cow::Owned(name.to_owned()));
        let named = slots[CLUSTER].text()?;
        let (served_namespace, served) = (slots[SERVED_NAMESPACE].text()?, slots[SERVED_ACCOUNT].text()?);
        let mut pod = Self {
            name: tag("kubernetes-pod-name"),
            uid: tag("kubernetes-pod-uid"),
            namespace: owned("kubernetes-namespace").or(served_namespace),
            cluster: owned("eks-cluster-name").or(named).or_else(of_arn),
            account: None,
        };
        if let (Some(namespace), Some(name)) =
            (&pod.namespace, owned("kubernetes-service-account").or(served))
        {
            pod.account = Some(ServiceAccount { namespace, name: &name }.subject());
        }
        let called_by = call.subject.as_deref().and_then(ServiceAccount::of_subject);
        if let (None, Some(account)) = (&pod.namespace, called_by) {
            pod.account = Some(account.subject());
            pod.namespace = Some(Cow::Owned(account.namespace.to_owned()));
        }
        Ok(pod)
    }
}

/// The event with nothing but its tags, if it has any.
fn tags(slots: &[Slot<'_>; SLOTS]) -> Result<Option<Value>, Strict> {
    let value = |slot: Slot<'_>| match slot {
        Slot::Whole(text) | Slot::Ready(text) => serde_json::from_str(text).map_err(|_never| Strict),
        // Nothing is found in what is neither list nor object.
        _ => Ok(Value::Null),
    };
    let (listed, named) = (value(slots[TAGS])?, value(slots[PRINCIPAL_TAGS])?);
    let has_any = !listed.is_null() || !named.is_null();
    Ok(has_any.then(|| json!({"requestParameters": {"tags": listed, "principalTags": named}})))
}

fn unmapped(slots: &[Slot<'_>; SLOTS]) -> Result<Option<String>, Strict> {
    let mut text = String::new();
    let mut unmapped = Unmapped::new(&mut text);
    for (name, slot) in [
        ("durationSeconds", DURATION),
        ("externalId", EXTERNAL_ID),
        ("podIdentityAssociation", ASSOCIATION),
        ("policy", POLICY),
        ("principalTags", PRINCIPAL_TAGS),
        ("profileArn", PROFILE),
        ("provider", PROVIDER_SAID),
        ("roleArn", ROLE_ARN),
        ("roleSessionName", SESSION_NAME),
        ("sourceIdentity", SOURCE_ASKED),
        ("subjectArn", SUBJECT_ARN),
        ("tags", TAGS),
        ("trustAnchorArn", ANCHOR),
    ] {
        unmapped.add(name, slots[slot])?;
    }
    Ok(unmapped.finish()?.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::super::super::NAMING;
    use super::*;

    /// Scenario: the slots of two parameters. Guarantees: they are those of role and cluster.
    #[test]
    fn slots_are_those_of_their_names() {
        assert_eq!((NAMING[ROLE_ARN - NAMED], NAMING[CLUSTER - NAMED]), ("roleArn", "clusterName"));
    }
}

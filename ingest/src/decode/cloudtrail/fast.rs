//! Plain CloudTrail events, straight into columns.
//!
//! In: an event as AWS writes it. Out: the one assertion of the call.
//! Leaves to the strict path: calls that hand out or end credentials, or start and end instances; web identities,
//! service accounts, and all keys that are not listed here.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions::Builder;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase, WEAK_DELIVERY};
use serde_json::Value;

use super::super::subject::{ServiceAccount, is_instance_id};
use super::super::{address, field};
use super::{FIRST_DELIVERY, NAMING, is_access_key, is_refusal, key_kind};
use crate::fast::{Fast, Fate, Line, Shape, Slot, Strict, Unmapped, inside, keep, parts, skip};

const VERSION: usize = 0;
const TYPE: usize = 1;
const PRINCIPAL: usize = 2;
const ARN: usize = 3;
const ACCOUNT: usize = 4;
const KEY: usize = 5;
const USER: usize = 6;
const INVOKED_BY: usize = 7;
const ISSUER_ARN: usize = 8;
const FEDERATION: usize = 9;
const CREATED: usize = 10;
const MFA: usize = 11;
const DELIVERY: usize = 12;
const SOURCE_IDENTITY: usize = 13;
const TIME: usize = 14;
const SOURCE: usize = 15;
const NAME: usize = 16;
const REGION: usize = 17;
const ADDRESS: usize = 18;
const AGENT: usize = 19;
const ERROR: usize = 20;
const MESSAGE: usize = 21;
const PARAMETERS: usize = 22;
const RESPONSE: usize = 23;
const LOGIN: usize = 24;
const ADDITIONAL: usize = 25;
const EVENT_ID: usize = 26;
const READ_ONLY: usize = 27;
const RESOURCES: usize = 28;
const EVENT_TYPE: usize = 29;
const RECIPIENT: usize = 30;
const SHARED: usize = 31;
const CATEGORY: usize = 32;
const TLS: usize = 33;
const ENDPOINT: usize = 34;
const ENDPOINT_ACCOUNT: usize = 35;
const CONSOLE: usize = 36;
const OBJECT_KEY: usize = 37;
const INSTANCES: usize = 38;
const SCOPE: usize = 39;
const ISSUED_TO: usize = 40;
const PROVIDER: usize = 41;
/// The parameters that name something, in the order of [`NAMING`].
const NAMED: usize = 42;
const SLOTS: usize = NAMED + NAMING.len();

const NAMING_MEMBERS: [crate::fast::Member; NAMING.len() + 2] = {
    let mut members = [const { skip("") }; NAMING.len() + 2];
    let mut index = 0;
    while index < NAMING.len() {
        members[index] = keep(NAMING[index], NAMED + index);
        index += 1;
    }
    members[index] = keep("key", OBJECT_KEY);
    members[index + 1] = keep("instancesSet", INSTANCES);
    members
};

static ATTRIBUTES: Shape = Shape::closed(&[keep("creationDate", CREATED), keep("mfaAuthenticated", MFA)]);
static ISSUER: Shape = Shape::closed(&[
    skip("type"),
    skip("principalId"),
    keep("arn", ISSUER_ARN),
    skip("accountId"),
    skip("userName"),
]);
static SESSION: Shape = Shape::closed(&[
    inside("sessionIssuer", &ISSUER),
    parts("webIdFederationData", FEDERATION, &FEDERATED),
    inside("attributes", &ATTRIBUTES),
    keep("ec2RoleDelivery", DELIVERY),
    keep("sourceIdentity", SOURCE_IDENTITY),
]);
static IDENTITY: Shape = Shape::closed(&[
    keep("type", TYPE),
    keep("principalId", PRINCIPAL),
    keep("arn", ARN),
    keep("accountId", ACCOUNT),
    keep("accessKeyId", KEY),
    keep("userName", USER),
    inside("sessionContext", &SESSION),
    keep("invokedBy", INVOKED_BY),
    parts("inScopeOf", SCOPE, &IN_SCOPE),
]);
static FEDERATED: Shape = Shape::open(&[keep("federatedProvider", PROVIDER)]);
static IN_SCOPE: Shape = Shape::open(&[keep("credentialsIssuedTo", ISSUED_TO)]);
static PARAMETER: Shape = Shape::open(&NAMING_MEMBERS);
static ANSWER: Shape = Shape::open(&[keep("ConsoleLogin", LOGIN)]);
static EVENT: Shape = Shape::closed(&[
    keep("eventVersion", VERSION),
    inside("userIdentity", &IDENTITY),
    keep("eventTime", TIME),
    keep("eventSource", SOURCE),
    keep("eventName", NAME),
    keep("awsRegion", REGION),
    keep("sourceIPAddress", ADDRESS),
    keep("userAgent", AGENT),
    keep("errorCode", ERROR),
    keep("errorMessage", MESSAGE),
    parts("requestParameters", PARAMETERS, &PARAMETER),
    parts("responseElements", RESPONSE, &ANSWER),
    keep("additionalEventData", ADDITIONAL),
    skip("requestID"),
    keep("eventID", EVENT_ID),
    keep("readOnly", READ_ONLY),
    keep("resources", RESOURCES),
    keep("eventType", EVENT_TYPE),
    skip("apiVersion"),
    skip("managementEvent"),
    keep("recipientAccountId", RECIPIENT),
    keep("sharedEventID", SHARED),
    keep("vpcEndpointId", ENDPOINT),
    keep("vpcEndpointAccountId", ENDPOINT_ACCOUNT),
    keep("eventCategory", CATEGORY),
    keep("tlsDetails", TLS),
    keep("sessionCredentialFromConsole", CONSOLE),
]);

pub(crate) const FAST: Fast =
    Fast { id: super::FORMAT.id, confidence: 98, shape: &EVENT, slots: SLOTS, read };

fn read(slots: &[Slot<'_>], line: &mut Line<'_, '_>) -> Result<Fate, Strict> {
    let slots: &[Slot<'_>; SLOTS] = slots.first_chunk().ok_or(Strict)?;
    let event_time = slots[TIME].time()?.ok_or(Strict)?;
    let call = Call::of(slots)?;
    line.assertion(
        event_time,
        |text| call.unmapped(text),
        |columns, row, first| call.write(columns, row, first),
    )
}

/// Whether a call may be about more than itself.
fn has_second_row(name: &str) -> bool {
    name.starts_with("AssumeRole")
        || matches!(
            name,
            "GetSessionToken" | "GetFederationToken" | "RunInstances" | "StartInstances" | "StopInstances"
        )
        || matches!(
            name,
            "TerminateInstances"
                | "CreateAccessKey"
                | "UpdateAccessKey"
                | "DeleteAccessKey"
                | "PutRolePolicy"
        )
}

/// What the row says beyond plain columns.
struct Call<'s, 'a> {
    slots: &'s [Slot<'a>; SLOTS],
    source: &'a str,
    name: &'a str,
    subject: Option<Cow<'a, str>>,
    key: Option<&'a str>,
    account: Option<&'a str>,
    address: Option<&'a str>,
    is_service: bool,
    instance: Option<String>,
    is_by_name: bool,
    resource: Option<Cow<'a, str>>,
    error: Option<&'a str>,
    created: Option<EventTime>,
}

impl<'s, 'a> Call<'s, 'a> {
    fn of(slots: &'s [Slot<'a>; SLOTS]) -> Result<Self, Strict> {
        // What is written below as it stands must be text.
        for slot in [PRINCIPAL, ARN, USER, INVOKED_BY, MESSAGE, AGENT, EVENT_ID, SHARED, LOGIN, PROVIDER] {
            slots[slot].text_or_nothing()?;
        }
        let (source, name) = (slots[SOURCE].plain()?.ok_or(Strict)?, slots[NAME].plain()?.ok_or(Strict)?);
        let kind = slots[TYPE].plain()?.ok_or(Strict)?;
        let is_plain = !slots[VERSION].is_nothing()
            && (slots[FEDERATION].is_nothing() || slots[FEDERATION].is_object()?)
            && slots[INSTANCES].is_nothing()
            && !matches!(kind, "WebIdentityUser" | "SAMLUser")
            && slots[EVENT_TYPE].plain()? != Some("AwsCloudTrailInsight")
            && !has_second_row(name);
        let subject =
            [ARN, USER, INVOKED_BY, PRINCIPAL].into_iter().find_map(|slot| slots[slot].text_or_none());
        let is_account = subject.as_deref().and_then(ServiceAccount::of_subject).is_some();
        (is_plain && !is_account).then_some(()).ok_or(Strict)?;
        let session = subject.as_deref().and_then(|arn| arn.rsplit('/').next());
        let instance =
            session.filter(|name| kind == "AssumedRole" && is_instance_id(name)).map(str::to_owned);
        let scope = slots[ISSUED_TO].plain()?.and_then(|arn| arn.rsplit(['/', ':']).next());
        let in_scope = scope.filter(|name| is_instance_id(name)).map(str::to_owned);
        let account = slots[RECIPIENT].plain()?;
        let mut call = Self {
            slots,
            source,
            name,
            key: slots[KEY].plain()?.filter(|key| is_access_key(key)),
            account: if account.is_some() { account } else { slots[ACCOUNT].plain()? },
            is_by_name: in_scope.is_none() && instance.is_some(),
            instance: in_scope.or(instance),
            subject,
            address: None,
            is_service: false,
            resource: resource(slots)?,
            error: slots[ERROR].plain()?,
            created: slots[CREATED].time()?,
        };
        call.find_source()?;
        Ok(call)
    }

    fn find_source(&mut self) -> Result<(), Strict> {
        let source = self.slots[ADDRESS].plain()?.unwrap_or_default();
        let is_address = address::is_plain(source);
        if !is_address && address::Address::parse(source).is_some() {
            return Err(Strict);
        }
        let named = source == "AWS Internal"
            || source.bytes().any(|byte| byte.is_ascii_alphabetic()) && source.contains('.');
        self.is_service = !self.slots[INVOKED_BY].is_nothing() || (!is_address && named);
        self.address = Some(source).filter(|_| is_address && !self.is_service);
        Ok(())
    }

    fn write(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        columns.phase.put_text(row, Phase::Present.as_str());
        columns.platform.put_text(row, "aws");
        let provider = self.slots[PROVIDER].text_or_none();
        let session = self.key.filter(|key| key_kind(key) == "aws-session").map(|_| "sts.amazonaws.com");
        columns.dst.put_text(row, self.source);
        columns.action.put_text(row, self.name);
        self.slots[EVENT_ID].put(&mut columns.request_id, row);
        self.slots[SHARED].put(&mut columns.shared_id, row);
        self.slots[AGENT].put(&mut columns.user_agent, row);
        self.slots[PRINCIPAL].put(&mut columns.subject_uid, row);
        for (text, column) in [
            (self.account, &mut columns.account),
            (self.subject.as_deref(), &mut columns.subject),
            (self.resource.as_deref(), &mut columns.resource),
            (self.instance.as_deref(), &mut columns.bound_instance),
            (self.address, &mut columns.src_addr),
            (self.key, &mut columns.credential_id),
            (self.key.map(key_kind), &mut columns.credential_kind),
            (provider.as_deref().or(session), &mut columns.issuer),
        ] {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        }
        if self.key.is_some() {
            columns.id_kind.put(row, &IdKind::AccessKey);
        }
        columns.iat.put(row, &self.created);
        if self.is_service {
            columns.addr_quality.put(row, &AddrQuality::Service);
        } else if self.address.is_some() {
            columns.addr_quality.put(row, &AddrQuality::Direct);
        }
        if self.is_by_name && self.slots[DELIVERY].is_nothing() {
            columns.trust_flags.put_texts(row, ["binding-by-name"]);
        } else if self.slots[DELIVERY].text_or_none().as_deref() == Some(FIRST_DELIVERY) {
            columns.trust_flags.put_texts(row, [WEAK_DELIVERY]);
        }
        self.write_decision(columns, row, buffer);
    }

    /// As `judge` does.
    fn write_decision(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let message = self.slots[MESSAGE].text_or_none();
        let (decision, enforcement) =
            match self.error.map(|code| code.strip_prefix("Client.").unwrap_or(code)) {
                None if self.slots[LOGIN].text_or_none().as_deref() == Some("Failure") => {
                    (Decision::Deny, Enforcement::Enforced)
                }
                None => (Decision::Allow, Enforcement::Enforced),
                Some("DryRunOperation") => (Decision::Allow, Enforcement::DryRun),
                Some(code) if is_refusal(code) => (Decision::Deny, Enforcement::Enforced),
                Some(_) => (Decision::Error, Enforcement::Enforced),
            };
        columns.decision.put(row, &decision);
        columns.enforcement.put(row, &enforcement);
        buffer.clear();
        buffer.extend(self.error);
        if let Some(message) = message {
            buffer.push_str(if self.error.is_some() { ": " } else { "" });
            buffer.push_str(&message);
        }
        if !buffer.is_empty() {
            columns.reason.put_text(row, buffer);
        }
    }

    fn unmapped<'b>(&self, out: &'b mut String) -> Result<Option<&'b str>, Strict> {
        let other_account = match self.slots[ACCOUNT] {
            Slot::Text(account) if Some(account) == self.account => Slot::Absent,
            other => other,
        };
        let source = if self.address.is_none() { self.slots[ADDRESS] } else { Slot::Absent };
        let mut unmapped = Unmapped::new(out);
        let mut add = |name: &str, slot: usize| unmapped.add(name, self.slots[slot]);
        add("additionalEventData", ADDITIONAL)?;
        add("awsRegion", REGION)?;
        unmapped.add("caller_account", other_account)?;
        let mut add = |name: &str, slot: usize| unmapped.add(name, self.slots[slot]);
        add("ec2RoleDelivery", DELIVERY)?;
        add("eventCategory", CATEGORY)?;
        add("eventType", EVENT_TYPE)?;
        add("identity_type", TYPE)?;
        add("inScopeOf", SCOPE)?;
        add("invokedBy", INVOKED_BY)?;
        add("mfaAuthenticated", MFA)?;
        add("readOnly", READ_ONLY)?;
        add("requestParameters", PARAMETERS)?;
        add("responseElements", RESPONSE)?;
        add("sessionCredentialFromConsole", CONSOLE)?;
        add("sessionIssuer", ISSUER_ARN)?;
        unmapped.add("sourceIPAddress", source)?;
        let mut add = |name: &str, slot: usize| unmapped.add(name, self.slots[slot]);
        add("sourceIdentity", SOURCE_IDENTITY)?;
        add("tlsDetails", TLS)?;
        add("vpcEndpointAccountId", ENDPOINT_ACCOUNT)?;
        add("vpcEndpointId", ENDPOINT)?;
        add("webIdFederationData", FEDERATION)?;
        unmapped.finish()
    }
}

/// As `super::resource` does.
fn resource<'a>(slots: &[Slot<'a>; SLOTS]) -> Result<Option<Cow<'a, str>>, Strict> {
    if let Slot::Whole(list) | Slot::Ready(list) = slots[RESOURCES] {
        let list: Value = serde_json::from_str(list).map_err(|_never| Strict)?;
        let arn = |item| field::str_at(item, &["ARN"]).or_else(|| field::str_at(item, &["arn"]));
        if let Some(arn) = field::array_at(&list, &[]).iter().find_map(arn) {
            return Ok(Some(Cow::Owned(arn.to_owned())));
        }
    }
    let text = |slot: usize| slots[slot].text_or_none();
    let bucket = NAMING.iter().position(|name| *name == "bucketName").ok_or(Strict)?;
    if let (Some(bucket), Some(key)) = (text(NAMED + bucket), text(OBJECT_KEY)) {
        return Ok(Some(Cow::Owned(format!("{bucket}/{key}"))));
    }
    Ok((NAMED..SLOTS).find_map(text))
}

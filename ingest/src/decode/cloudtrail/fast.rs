//! Plain CloudTrail events, straight into columns.
//!
//! In: an event as AWS writes it. Out: the assertion of the call, and that of the credentials that it handed out.
//! Leaves to the strict path: calls that make or end keys of users, or start and end instances; credentials of Roles
//! Anywhere, and all keys that are not listed here.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions::Builder;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase, WEAK_DELIVERY};
use serde_json::Value;

use self::issued::Issued;
use super::super::subject::{ServiceAccount, is_instance_id};
use super::super::{address, field};
use super::{BY_NAME, FIRST_DELIVERY, NAMING, STS, WEB_IDENTITY, is_access_key, is_refusal, key_kind};
use crate::fast::{Fast, Fate, Line, Shape, Slot, Strict, Unmapped, inside, keep, parts, skip};

mod issued;

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
const PROVIDER_ASKED: usize = 42;
const FOREIGN: usize = 43;
const AUDIENCE: usize = 44;
const CREDENTIALS: usize = 45;
const CREDENTIAL_SET: usize = 46;
const NEW_KEY: usize = 47;
const NEW_EXPIRY: usize = 48;
const NEW_ARN: usize = 49;
const NEW_ID: usize = 50;
const NEW_ID_OF_EKS: usize = 51;
const FEDERATED_ARN: usize = 52;
const FEDERATED_ID: usize = 53;
/// An object for EKS, and a name elsewhere.
const SERVED: usize = 54;
const SERVED_NAMESPACE: usize = 55;
const SERVED_ACCOUNT: usize = 56;
const SUBJECT_ARN: usize = 57;
const ASSOCIATION: usize = 58;
const PROVIDER_SAID: usize = 59;
const SESSION_NAME: usize = 60;
const SOURCE_ASKED: usize = 61;
const DURATION: usize = 62;
const EXTERNAL_ID: usize = 63;
const TAGS: usize = 64;
const PRINCIPAL_TAGS: usize = 65;
const ANCHOR: usize = 66;
const PROFILE: usize = 67;
const POLICY: usize = 68;
/// The parameters that name something, in the order of [`NAMING`].
const NAMED: usize = 69;
const SLOTS: usize = NAMED + NAMING.len();

/// What is asked for, apart from [`NAMING`].
const ASKED: [crate::fast::Member; 11] = [
    keep("roleSessionName", SESSION_NAME),
    keep("sourceIdentity", SOURCE_ASKED),
    keep("durationSeconds", DURATION),
    keep("externalId", EXTERNAL_ID),
    keep("tags", TAGS),
    keep("principalTags", PRINCIPAL_TAGS),
    keep("trustAnchorArn", ANCHOR),
    keep("profileArn", PROFILE),
    keep("policy", POLICY),
    keep("key", OBJECT_KEY),
    keep("instancesSet", INSTANCES),
];

const PARAMETERS_SAID: [crate::fast::Member; NAMING.len() + ASKED.len()] = {
    let mut members = [const { skip("") }; NAMING.len() + ASKED.len()];
    let mut index = 0;
    while index < NAMING.len() {
        members[index] = keep(NAMING[index], NAMED + index);
        index += 1;
    }
    while index < members.len() {
        members[index] = ASKED[index - NAMING.len()];
        index += 1;
    }
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
    keep("identityProvider", PROVIDER_ASKED),
]);
static FEDERATED: Shape = Shape::open(&[keep("federatedProvider", PROVIDER)]);
static IN_SCOPE: Shape = Shape::open(&[keep("credentialsIssuedTo", ISSUED_TO)]);
static PARAMETER: Shape = Shape::open(&PARAMETERS_SAID);
static CREDENTIAL: Shape = Shape::open(&[keep("accessKeyId", NEW_KEY), keep("expiration", NEW_EXPIRY)]);
static ROLE_USER: Shape =
    Shape::open(&[keep("arn", NEW_ARN), keep("assumeRoleId", NEW_ID_OF_EKS), keep("assumedRoleId", NEW_ID)]);
static FEDERATED_USER: Shape =
    Shape::open(&[keep("arn", FEDERATED_ARN), keep("federatedUserId", FEDERATED_ID)]);
static SUBJECT: Shape =
    Shape::open(&[keep("namespace", SERVED_NAMESPACE), keep("serviceAccount", SERVED_ACCOUNT)]);
static ANSWER: Shape = Shape::open(&[
    keep("ConsoleLogin", LOGIN),
    inside("assumedRoleUser", &ROLE_USER),
    keep("audience", AUDIENCE),
    keep("credentialSet", CREDENTIAL_SET),
    parts("credentials", CREDENTIALS, &CREDENTIAL),
    inside("federatedUser", &FEDERATED_USER),
    keep("podIdentityAssociation", ASSOCIATION),
    keep("provider", PROVIDER_SAID),
    parts("subject", SERVED, &SUBJECT),
    keep("subjectArn", SUBJECT_ARN),
    keep("subjectFromWebIdentityToken", FOREIGN),
]);
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

pub(crate) const FAST: Fast = Fast {
    id: super::FORMAT.id,
    sample: super::FORMAT.sample,
    confidence: 98,
    shape: &EVENT,
    slots: SLOTS,
    read,
};

fn read(slots: &[Slot<'_>], line: &mut Line<'_, '_>) -> Result<Fate, Strict> {
    let slots: &[Slot<'_>; SLOTS] = slots.first_chunk().ok_or(Strict)?;
    let event_time = slots[TIME].time()?.ok_or(Strict)?;
    let call = Call::of(slots, event_time, line.remark())?;
    let issued = Issued::of(&call)?;
    let write_issued = |columns: &mut Builder, row: usize, first: &mut String| {
        if let Some(issued) = &issued {
            issued.write(columns, row, first);
        }
    };
    line.assertions(
        event_time,
        |text| call.unmapped(text),
        |columns, row, first| call.write(columns, row, first),
        if issued.is_some() { Some(&write_issued) } else { None },
    )
}

/// Whether a call may be about keys of users or instances.
fn has_other_rows(name: &str) -> bool {
    matches!(
        name,
        "RunInstances"
            | "StartInstances"
            | "StopInstances"
            | "TerminateInstances"
            | "CreateAccessKey"
            | "UpdateAccessKey"
            | "DeleteAccessKey"
            | "PutRolePolicy"
    )
}

/// What the row says beyond plain columns.
struct Call<'s, 'a> {
    slots: &'s [Slot<'a>; SLOTS],
    time: EventTime,
    source: &'a str,
    name: &'a str,
    subject: Option<Cow<'a, str>>,
    /// What the type of the identity says of the credential.
    kind: Option<&'static str>,
    key: Option<&'a str>,
    account: Option<&'a str>,
    address: Option<&'a str>,
    is_service: bool,
    instance: Option<String>,
    is_by_name: bool,
    audience: Vec<Cow<'a, str>>,
    resource: Option<Cow<'a, str>>,
    error: Option<&'a str>,
    created: Option<EventTime>,
    /// What its remarks end with.
    remark: Option<&'static str>,
}

impl<'s, 'a> Call<'s, 'a> {
    fn of(
        slots: &'s [Slot<'a>; SLOTS],
        time: EventTime,
        remark: Option<&'static str>,
    ) -> Result<Self, Strict> {
        // What is written below as it stands must be text.
        const TEXTS: [usize; 12] = [
            PRINCIPAL,
            ARN,
            USER,
            INVOKED_BY,
            MESSAGE,
            AGENT,
            EVENT_ID,
            SHARED,
            LOGIN,
            PROVIDER,
            PROVIDER_ASKED,
            FOREIGN,
        ];
        for slot in TEXTS {
            slots[slot].text_or_nothing()?;
        }
        let (source, name) = (slots[SOURCE].plain()?.ok_or(Strict)?, slots[NAME].plain()?.ok_or(Strict)?);
        let identity_type = slots[TYPE].plain()?.ok_or(Strict)?;
        let is_plain = !slots[VERSION].is_nothing()
            && (slots[FEDERATION].is_nothing() || slots[FEDERATION].is_object()?)
            && slots[INSTANCES].is_nothing()
            && slots[EVENT_TYPE].plain()? != Some("AwsCloudTrailInsight")
            && !has_other_rows(name);
        is_plain.then_some(()).ok_or(Strict)?;
        let subject = subject(slots, identity_type);
        let session = subject.as_deref().and_then(|arn| arn.rsplit('/').next());
        let instance =
            session.filter(|name| identity_type == "AssumedRole" && is_instance_id(name)).map(str::to_owned);
        let scope = slots[ISSUED_TO].plain()?.and_then(|arn| arn.rsplit(['/', ':']).next());
        let in_scope = scope.filter(|name| is_instance_id(name)).map(str::to_owned);
        let account = slots[RECIPIENT].plain()?;
        let mut call = Self {
            slots,
            time,
            source,
            name,
            kind: match identity_type {
                WEB_IDENTITY => Some("oidc-token"),
                "SAMLUser" => Some("saml-assertion"),
                _ => None,
            },
            key: slots[KEY].plain()?.filter(|key| is_access_key(key)),
            account: if account.is_some() { account } else { slots[ACCOUNT].plain()? },
            is_by_name: in_scope.is_none() && instance.is_some(),
            instance: in_scope.or(instance),
            subject,
            address: None,
            is_service: false,
            audience: if identity_type == WEB_IDENTITY { audience(slots[AUDIENCE])? } else { Vec::new() },
            resource: resource(slots)?,
            error: slots[ERROR].plain()?,
            created: slots[CREATED].time()?,
            remark,
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
        self.write_request(columns, row, buffer);
        let provider = self.slots[PROVIDER].text_or_none();
        let provider = provider.or_else(|| self.slots[PROVIDER_ASKED].text_or_none());
        let session = self.key.filter(|key| key_kind(key) == "aws-session").map(|_| STS);
        let of_account = self.subject.as_deref().and_then(ServiceAccount::of_subject);
        let kind = if of_account.is_some() { Some("k8s-token") } else { self.kind };
        self.slots[PRINCIPAL].put(&mut columns.subject_uid, row);
        for (text, column) in [
            (self.subject.as_deref(), &mut columns.subject),
            (of_account.map(|account| account.namespace), &mut columns.bound_namespace),
            (self.instance.as_deref(), &mut columns.bound_instance),
            (self.address, &mut columns.src_addr),
            (self.key, &mut columns.credential_id),
            (self.key.map(key_kind).or(kind), &mut columns.credential_kind),
            (provider.as_deref().or(session), &mut columns.issuer),
        ] {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        }
        if !self.audience.is_empty() {
            columns.audience.put_texts(row, self.audience.iter().map(|audience| &**audience));
        }
        if self.key.is_some() {
            columns.id_kind.put(row, &IdKind::AccessKey);
        }
        columns.iat.put(row, &self.created);
        columns.addr_quality.put(row, &self.quality());
        let own = if self.is_by_name && self.slots[DELIVERY].is_nothing() {
            Some(BY_NAME)
        } else if self.slots[DELIVERY].text_or_none().as_deref() == Some(FIRST_DELIVERY) {
            Some(WEAK_DELIVERY)
        } else {
            None
        };
        if let Some(own) = own {
            columns.trust_flags.put_texts(row, [own].into_iter().chain(self.remark));
        }
    }

    fn quality(&self) -> AddrQuality {
        if self.is_service {
            AddrQuality::Service
        } else if self.address.is_some() {
            AddrQuality::Direct
        } else {
            AddrQuality::default()
        }
    }

    /// What the row of the call and that of what it handed out have in common.
    fn write_request(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        columns.platform.put_text(row, "aws");
        columns.dst.put_text(row, self.source);
        columns.action.put_text(row, self.name);
        self.slots[EVENT_ID].put(&mut columns.request_id, row);
        self.slots[SHARED].put(&mut columns.shared_id, row);
        self.slots[AGENT].put(&mut columns.user_agent, row);
        for (text, column) in
            [(self.account, &mut columns.account), (self.resource.as_deref(), &mut columns.resource)]
        {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        }
        let (decision, enforcement) = self.judged();
        columns.decision.put(row, &decision);
        columns.enforcement.put(row, &enforcement);
        self.write_reason(columns, row, buffer);
    }

    /// As `judge` does.
    fn judged(&self) -> (Decision, Enforcement) {
        match self.error.map(|code| code.strip_prefix("Client.").unwrap_or(code)) {
            None if self.slots[LOGIN].text_or_none().as_deref() == Some("Failure") => {
                (Decision::Deny, Enforcement::Enforced)
            }
            None => (Decision::Allow, Enforcement::Enforced),
            Some("DryRunOperation") => (Decision::Allow, Enforcement::DryRun),
            Some(code) if is_refusal(code) => (Decision::Deny, Enforcement::Enforced),
            Some(_) => (Decision::Error, Enforcement::Enforced),
        }
    }

    fn write_reason(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let message = self.slots[MESSAGE].text_or_none();
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

/// Who calls, as `super::fill_caller` has it.
fn subject<'a>(slots: &[Slot<'a>; SLOTS], identity_type: &str) -> Option<Cow<'a, str>> {
    let user: &[usize] = if identity_type == WEB_IDENTITY { &[USER, FOREIGN] } else { &[] };
    user.iter().chain(&[ARN, USER, INVOKED_BY, PRINCIPAL]).find_map(|slot| slots[*slot].text_or_none())
}

/// As `field::list_at` reads it.
fn audience(slot: Slot<'_>) -> Result<Vec<Cow<'_, str>>, Strict> {
    match slot {
        Slot::Whole(_) | Slot::Ready(_) => Ok(slot.texts()?.map(Cow::Borrowed).collect()),
        _ => Ok(slot.text()?.into_iter().collect()),
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

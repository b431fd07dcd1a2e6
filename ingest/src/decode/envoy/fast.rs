//! Plain access log entries, straight into columns.
//!
//! In: JSON with the keys that Envoy's operators have, each with a scalar. Out: one assertion a request.
//! Leaves to the strict path: other spellings of keys, tokens beside the certificate, entries with few telling keys,
//! and the default text.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions::Builder;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase, SENDER_VIEW};

use super::super::address;
use super::super::field::MAX_LIST_ITEMS;
use super::super::subject::{ServiceAccount, trust_domain};
use super::keys::says_nothing;
use super::{identity, is_outbound, judge, plain_cluster, plain_server_name, xfcc};
use crate::fast::{Fast, Fate, Line, Shape, Slot, Strict, Unmapped, keep};

macro_rules! members {
    ($($slot:ident = $name:literal,)+) => {
        members!(@number 0_usize; $($slot)+);
        static ENTRY: Shape = Shape::beside(&[$(keep($name, $slot),)+], says_nothing);
        const NAMES: &[&str] = &[$($name,)+];
    };
    (@number $next:expr; $slot:ident $($rest:ident)*) => {
        const $slot: usize = $next;
        members!(@number $next + 1; $($rest)*);
    };
    (@number $next:expr;) => {
        const SLOTS: usize = $next;
    };
}

members! {
    START = "start_time",
    METHOD = "method",
    PATH = "path",
    PROTOCOL = "protocol",
    CODE = "response_code",
    FLAGS = "response_flags",
    DETAILS = "response_code_details",
    TERMINATION = "connection_termination_details",
    FAILURE = "upstream_transport_failure_reason",
    CLIENT_FAILURE = "downstream_transport_failure_reason",
    RECEIVED = "bytes_received",
    SENT = "bytes_sent",
    DURATION = "duration",
    SERVICE_TIME = "upstream_service_time",
    FORWARDED = "x_forwarded_for",
    AGENT = "user_agent",
    REQUEST_ID = "request_id",
    AUTHORITY = "authority",
    UPSTREAM = "upstream_host",
    CLUSTER = "upstream_cluster",
    UPSTREAM_LOCAL = "upstream_local_address",
    LOCAL = "downstream_local_address",
    REMOTE = "downstream_remote_address",
    SERVER_NAME = "requested_server_name",
    ROUTE = "route_name",
    DIRECT = "downstream_direct_remote_address",
    PEER = "downstream_peer_uri_san",
    FINGERPRINT = "downstream_peer_fingerprint_256",
    SERIAL = "downstream_peer_serial",
    PEER_SUBJECT = "downstream_peer_subject",
    PEER_ISSUER = "downstream_peer_issuer",
    NOT_BEFORE = "downstream_peer_cert_v_start",
    NOT_AFTER = "downstream_peer_cert_v_end",
    OWN_NAME = "downstream_local_uri_san",
    UPSTREAM_NAME = "upstream_peer_uri_san",
    UPSTREAM_REMOTE = "upstream_remote_address",
    XFCC = "x_forwarded_client_cert",
    GRPC = "grpc_status",
    HOSTNAME = "hostname",
    TLS_VERSION = "downstream_tls_version",
    TLS_CIPHER = "downstream_tls_cipher",
    TOKEN_SUBJECT = "jwt_sub",
    TOKEN_ID = "jwt_jti",
}

/// The members that only an Envoy access log has; `keys::TELLING` has the same ones.
const TELLING: [usize; 18] = [
    REMOTE,
    DIRECT,
    LOCAL,
    PEER,
    FINGERPRINT,
    SERIAL,
    PEER_SUBJECT,
    CLUSTER,
    UPSTREAM,
    UPSTREAM_LOCAL,
    FLAGS,
    DETAILS,
    SERVER_NAME,
    TERMINATION,
    FAILURE,
    CLIENT_FAILURE,
    ROUTE,
    XFCC,
];
/// Telling keys that make the format as sure of an entry as it can be.
const SURE_KEYS: usize = 4;

pub(crate) const FAST: Fast = Fast {
    id: super::FORMAT.id,
    sample: super::FORMAT.sample,
    confidence: 95,
    shape: &ENTRY,
    slots: SLOTS,
    read,
};

fn read(slots: &[Slot<'_>], line: &mut Line<'_, '_>) -> Result<Fate, Strict> {
    let mut said = [Slot::Absent; SLOTS];
    for (said, slot) in said.iter_mut().zip(slots) {
        *said = value(*slot)?;
    }
    if said[TOKEN_SUBJECT] != Slot::Absent || said[TOKEN_ID] != Slot::Absent {
        return Err(Strict);
    }
    let is_said = |slot: &&usize| said.get(**slot).is_some_and(|slot| *slot != Slot::Absent);
    if TELLING.iter().filter(is_said).take(SURE_KEYS).count() < SURE_KEYS {
        return Err(Strict);
    }
    let event_time = said[START].time()?.ok_or(Strict)?;
    let entry = Entry::of(&said, event_time, line.remark())?;
    line.assertion(
        event_time,
        |text| unmapped(&said, text),
        |columns, row, first| entry.write(columns, row, first),
    )
}

/// The value, absent where the proxy wrote that there is none; only text and whole numbers are plain.
fn value(slot: Slot<'_>) -> Result<Slot<'_>, Strict> {
    match slot {
        Slot::Absent | Slot::Null | Slot::Text("" | "-") => Ok(Slot::Absent),
        Slot::Text(_) => Ok(slot),
        Slot::Number(digits) if digits.len() < 19 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(slot)
        }
        // The one text that means nothing could be spelled with an escape.
        Slot::Escaped(inside) if !inside.starts_with("\\u002d") && !inside.starts_with("\\u002D") => Ok(slot),
        _ => Err(Strict),
    }
}

/// Text, or a number as text.
fn text<'a>(slot: Slot<'a>) -> Option<Cow<'a, str>> {
    match slot {
        Slot::Number(digits) => Some(Cow::Borrowed(digits)),
        other => other.text_or_none(),
    }
}

fn number(slot: Slot<'_>) -> Option<u64> {
    text(slot)?.trim().parse().ok()
}

/// An address, its normal text and its port.
struct End<'a> {
    host: Cow<'a, str>,
    port: Option<u16>,
    port_zero: bool,
}

impl<'a> End<'a> {
    fn of(slot: Slot<'a>) -> Option<Self> {
        match text(slot)? {
            Cow::Borrowed(text) => Self::parse(text),
            Cow::Owned(text) => {
                let End { host, port, port_zero } = End::parse(&text)?;
                Some(Self { host: Cow::Owned(host.into_owned()), port, port_zero })
            }
        }
    }

    fn parse(text: &'a str) -> Option<Self> {
        if let Some((host, port)) = address::plain_pair(text) {
            return Some(Self {
                host: Cow::Borrowed(host),
                port: (port != 0).then_some(port),
                port_zero: port == 0,
            });
        }
        let address = address::Address::parse(text)?;
        Some(Self { host: Cow::Owned(address.text()), port: address.port, port_zero: address.port_zero })
    }

    fn is_loopback(&self) -> bool {
        self.host.starts_with("127.") || self.host == "::1"
    }
}

/// What the row says beyond plain columns.
struct Entry<'s, 'a> {
    said: &'s [Slot<'a>; SLOTS],
    end: Option<EventTime>,
    peer: Option<End<'a>>,
    quality: AddrQuality,
    chain: Vec<Cow<'a, str>>,
    is_claimed: bool,
    is_sent: bool,
    subject: Option<Cow<'a, str>>,
    is_forwarded: bool,
    fingerprint: Option<Cow<'a, str>>,
    serial: Option<Cow<'a, str>>,
    verifier: Option<String>,
    /// What its remarks end with.
    remark: Option<&'static str>,
}

impl<'s, 'a> Entry<'s, 'a> {
    fn of(
        said: &'s [Slot<'a>; SLOTS],
        event_time: EventTime,
        remark: Option<&'static str>,
    ) -> Result<Self, Strict> {
        let element = text(said[XFCC]).and_then(|header| xfcc::last_element(&header));
        let names = text(said[PEER]);
        let is_own = |element: &xfcc::Element| identity::is_own(element, names.as_deref());
        let element = element.filter(is_own).unwrap_or_default();
        let duration = text(said[DURATION]).and_then(|text| text.trim().parse::<i64>().ok());
        let end = duration.filter(|millis| *millis >= 0);
        let peer = names.and_then(best_name);
        let subject = text(said[PEER_SUBJECT]);
        let is_forwarded = peer.is_none() && element.uri.is_some();
        let subject = peer.or(element.uri.map(Cow::Owned)).or(subject).or(element.subject.map(Cow::Owned));
        let mut entry = Self {
            said,
            end: end.map(|millis| event_time.plus_nanos(millis.saturating_mul(1_000_000))),
            peer: None,
            quality: AddrQuality::default(),
            chain: Vec::new(),
            is_claimed: false,
            is_sent: false,
            subject,
            is_forwarded,
            fingerprint: text(said[FINGERPRINT]).or(element.hash.map(Cow::Owned)).and_then(fingerprint),
            serial: text(said[SERIAL]).and_then(serial),
            verifier: element.by,
            remark,
        };
        entry.find_peer();
        entry.is_sent = !entry.is_known() && entry.calls_from_its_caller();
        Ok(entry)
    }

    /// As `super::is_sent` does.
    fn calls_from_its_caller(&self) -> bool {
        let is_outbound = text(self.said[CLUSTER]).is_some_and(|cluster| is_outbound(&cluster));
        let own = End::of(self.said[UPSTREAM_LOCAL]).filter(|_| is_outbound);
        own.zip(self.peer.as_ref()).is_some_and(|(own, peer)| own.host == peer.host)
    }

    /// As `peer::fill` does.
    fn find_peer(&mut self) {
        self.chain = text(self.said[FORWARDED]).map(forwarded).unwrap_or_default();
        let direct = End::of(self.said[DIRECT]);
        let remote = End::of(self.said[REMOTE]);
        let is_direct = direct.is_some();
        let (peer, remote) = match (direct, remote) {
            (Some(direct), remote) => (direct, remote),
            (None, Some(remote)) => (remote, None),
            (None, None) => return,
        };
        let stands_in_chain = |host: &str| self.chain.iter().any(|claim| claim == host);
        let from_header =
            !is_direct && (peer.port_zero || (peer.port.is_none() && stands_in_chain(&peer.host)));
        self.quality = if from_header { AddrQuality::Asserted } else { AddrQuality::Direct };
        if let Some(remote) =
            remote.filter(|remote| remote.host != peer.host && !stands_in_chain(&remote.host))
        {
            self.chain.push(remote.host);
        }
        if !from_header && self.chain.last() == Some(&peer.host) {
            self.chain.pop();
        }
        self.is_claimed = from_header || !self.chain.is_empty();
        self.peer = Some(peer);
    }

    fn write(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        columns.phase.put_text(row, Phase::Present.as_str());
        columns.platform.put_text(row, "mesh");
        columns.end_time.put(row, &self.end);
        let status =
            number(self.said[CODE]).and_then(|code| u16::try_from(code).ok()).filter(|code| *code > 0);
        columns.status.put(row, &status);
        for (slot, column) in [
            (REQUEST_ID, &mut columns.request_id),
            (AGENT, &mut columns.user_agent),
            (HOSTNAME, &mut columns.recorder_host),
        ] {
            if let Some(text) = text(self.said[slot]) {
                column.put_text(row, &text);
            }
        }
        self.write_action(columns, row, buffer);
        self.write_destination(columns, row);
        self.write_peer(columns, row);
        self.write_certificate(columns, row, buffer);
        self.write_decision(columns, row, buffer);
    }

    fn write_action(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let Some(method) = text(self.said[METHOD]) else {
            let of_http = text(self.said[PROTOCOL]).is_some_and(|protocol| protocol.starts_with("HTTP"));
            if !of_http {
                columns.action.put_text(row, "connect");
            }
            return;
        };
        buffer.clear();
        buffer.push_str(&method);
        if let Some(path) = text(self.said[PATH]) {
            buffer.push(' ');
            buffer.push_str(path.split(['?', '#']).next().unwrap_or(&path));
        }
        columns.action.put_text(row, buffer);
    }

    fn write_destination(&self, columns: &mut Builder, row: usize) {
        if let Some(authority) = text(self.said[AUTHORITY]) {
            columns.dst.put_text(row, &authority);
        } else if let Some(name) = text(self.said[SERVER_NAME]) {
            columns.dst.put_text(row, &plain_server_name(name.into_owned()));
        } else if let Some(name) = text(self.said[CLUSTER]).and_then(|name| plain_cluster(name.into_owned()))
        {
            columns.dst.put_text(row, &name);
        }
        let ends =
            || [UPSTREAM, UPSTREAM_REMOTE, LOCAL].into_iter().filter_map(|slot| End::of(self.said[slot]));
        if let Some(end) = ends().find(|end| !end.is_loopback()).or_else(|| ends().next()) {
            columns.dst_addr.put_text(row, &end.host);
            columns.dst_port.put(row, &end.port);
        }
        let named = text(self.said[UPSTREAM_NAME]).or_else(|| text(self.said[OWN_NAME]));
        if let Some(name) = named.or_else(|| self.verifier.as_deref().map(Cow::Borrowed)) {
            columns.dst_identity.put_text(row, &name);
        }
    }

    fn write_peer(&self, columns: &mut Builder, row: usize) {
        if let Some(peer) = &self.peer {
            columns.src_addr.put_text(row, &peer.host);
            columns.src_port.put(row, &peer.port);
        }
        columns.addr_quality.put(row, &self.quality);
        if !self.chain.is_empty() {
            columns.addr_chain.put_texts(row, self.chain.iter().map(|claim| &**claim));
        }
        if self.is_claimed || self.is_forwarded || self.is_sent {
            let remarks = [
                (self.is_claimed, "forwarded-address"),
                (self.is_forwarded, "forwarded-identity"),
                (self.is_sent, SENDER_VIEW),
            ];
            let remarks = remarks.iter().filter(|(holds, _)| *holds).map(|(_, remark)| *remark);
            columns.trust_flags.put_texts(row, remarks.chain(self.remark));
        }
    }

    fn write_certificate(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let id_kind = match (&self.fingerprint, &self.serial) {
            (Some(_), _) => IdKind::CertFp,
            (None, Some(_)) => IdKind::Serial,
            (None, None) => IdKind::None,
        };
        columns.id_kind.put(row, &id_kind);
        let names = [("X509SHA256=", &self.fingerprint), ("X509SERIAL=", &self.serial)];
        let names = names.iter().filter_map(|(kind, value)| value.as_deref().map(|value| (kind, value)));
        for ((kind, value), column) in names.zip([&mut columns.credential_id, &mut columns.credential_alias])
        {
            buffer.clear();
            buffer.push_str(kind);
            buffer.push_str(value);
            column.put_text(row, buffer);
        }
        let subject = self.subject.as_deref().unwrap_or_default();
        if self.is_known() {
            let kind = if subject.starts_with("spiffe://") { "x509-svid" } else { "x509" };
            columns.credential_kind.put_text(row, kind);
        }
        if let Some(subject) = &self.subject {
            columns.subject.put_text(row, subject);
        }
        if let Some(domain) = trust_domain(subject) {
            columns.issuer.put_text(row, domain);
            columns.cluster.put_text(row, domain);
        }
        if let Some(account) = ServiceAccount::of_subject(subject) {
            columns.bound_namespace.put_text(row, account.namespace);
        }
        let moment = |slot: usize| text(self.said[slot]).and_then(|text| identity::time_text(&text));
        columns.nbf.put(row, &moment(NOT_BEFORE));
        columns.exp.put(row, &moment(NOT_AFTER));
    }

    fn is_known(&self) -> bool {
        self.subject.is_some() || self.fingerprint.is_some() || self.serial.is_some()
    }

    /// As `super::read` does.
    fn write_decision(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let ending = judge::Ending {
            status: number(self.said[CODE]).and_then(|code| u16::try_from(code).ok()).unwrap_or_default(),
            flags: text(self.said[FLAGS]).unwrap_or_default(),
            details: [text(self.said[DETAILS]), text(self.said[TERMINATION])],
            transport: text(self.said[CLIENT_FAILURE]),
            grpc: text(self.said[GRPC]),
        };
        let decision = match ending.decision() {
            Decision::Allow if self.is_sent => Decision::None,
            decision => decision,
        };
        columns.decision.put(row, &decision);
        let enforcement = match self.is_known() || ending.is_by_policy() {
            true => Enforcement::Enforced,
            false if self.is_sent => Enforcement::Unknown,
            false => Enforcement::None,
        };
        columns.enforcement.put(row, &enforcement);
        buffer.clear();
        ending.write_reason(buffer);
        if !buffer.is_empty() {
            columns.reason.put_text(row, buffer);
        }
    }
}

/// As `identity::best_name`, without a copy where there is one name.
fn best_name(names: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let is_one = !names.contains(',')
        && !names.starts_with(char::is_whitespace)
        && !names.ends_with(char::is_whitespace);
    if is_one { Some(names) } else { identity::best_name(&names).map(Cow::Owned) }
}

/// Digits that are in normal form already.
fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The digits of a fingerprint in normal form.
fn fingerprint(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if text.len() == 64 && is_lower_hex(&text) {
        Some(text)
    } else {
        identity::fingerprint(&text).map(Cow::Owned)
    }
}

/// The digits of a serial in normal form.
fn serial(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if !text.starts_with('0') && is_lower_hex(&text) {
        Some(text)
    } else {
        identity::serial(&text).map(Cow::Owned)
    }
}

fn forwarded(header: Cow<'_, str>) -> Vec<Cow<'_, str>> {
    match header {
        Cow::Borrowed(header) => claims(header).collect(),
        Cow::Owned(header) => claims(&header).map(|claim| Cow::Owned(claim.into_owned())).collect(),
    }
}

fn claims(header: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let claims = header.split(',').map(str::trim).filter(|claim| !claim.is_empty()).take(MAX_LIST_ITEMS);
    claims.map(|claim| match address::Address::parse(claim) {
        Some(_) if address::is_plain(claim) => Cow::Borrowed(claim),
        Some(address) => Cow::Owned(address.text()),
        None => Cow::Borrowed(claim),
    })
}

fn unmapped<'b>(said: &[Slot<'_>; SLOTS], out: &'b mut String) -> Result<Option<&'b str>, Strict> {
    // In the order of their names; `super::KEPT` has the same ones.
    const KEPT: [usize; 16] = [
        RECEIVED,
        SENT,
        TERMINATION,
        LOCAL,
        PEER_ISSUER,
        PEER_SUBJECT,
        REMOTE,
        CLIENT_FAILURE,
        GRPC,
        PROTOCOL,
        SERVER_NAME,
        DETAILS,
        FLAGS,
        ROUTE,
        CLUSTER,
        XFCC,
    ];
    let mut unmapped = Unmapped::new(out);
    for slot in KEPT {
        unmapped.add(NAMES[slot], said[slot])?;
    }
    unmapped.finish()
}
